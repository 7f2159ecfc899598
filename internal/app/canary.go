package app

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
)

// Canaries are records of our own that travel the whole line. They have a
// cluster of their own, so that they stay apart in the accounting.
const (
	canaryStream  = "canary"
	canaryCluster = "vedette-canary"
)

func (a *App) startCanary() {
	every := a.Config.Ingest.CanaryEvery
	if every == 0 {
		return
	}
	a.background("end the canary", func(ctx context.Context) {
		for pause(ctx, every) == nil {
			if err := a.sendCanary(ctx); err != nil && ctx.Err() == nil {
				a.Log.Warn("a canary record was not taken", "err", err)
			}
		}
	})
}

// sendCanary pushes an ordinary audit event: a watch that says who asked and when.
func (a *App) sendCanary(ctx context.Context) error {
	now := a.Now().UTC()
	at := now.Format("2006-01-02T15:04:05.000000Z")
	record := fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"canary-%s","stage":"ResponseComplete",`+
		`"requestURI":"/healthz","verb":"get","user":{"username":"vedette-canary"},"responseStatus":{"code":200},`+
		`"requestReceivedTimestamp":%q,"stageTimestamp":%q}`, rand.Text(), at, at)
	return countingSink{a.writer, a.metrics}.Append(ctx, &ingest.Push{Chunk: event.Chunk{
		Stream: canaryStream, Received: now, OneAccount: true, Data: []byte(record),
		Scope: event.Scope{Account: a.Config.Account, Region: a.Config.Region, Cluster: canaryCluster},
	}})
}
