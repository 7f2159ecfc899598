package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/line"
)

// intelStream is where indicators come from, in place of a log.
const intelStream = "lists"

// Bounds of one record of indicators: below what the line would cut apart.
const (
	toldEntries = 10_000
	toldBytes   = 1 << 20
)

// tellScopes compares entries that lists have from now on with the past of some
// scopes: it puts them into the journal, and returns when they were judged. What
// is found are findings with the times of then.
//
// It is called when the workers of the scopes judge by the lists that have the
// entries: a record judged by older ones after that is not found. Entries that
// an operator trusts need not be left out. When it fails, or the process ends,
// it is called again with the same entries; told twice, nothing counts twice.
func (a *App) tellScopes(ctx context.Context, added []event.Indicator, which func(event.Scope) bool) error {
	if len(added) == 0 {
		return nil
	}
	scopes, err := a.scopesWithPast(ctx)
	if err != nil {
		return err
	}
	scopes = slices.DeleteFunc(scopes, func(sc event.Scope) bool { return !which(sc) })
	if len(scopes) == 0 {
		return nil
	}
	chunks, err := a.toldChunks(added)
	if err != nil {
		return err
	}
	w := a.writer
	if w == nil { // a process that takes nothing in from elsewhere
		var end func()
		w, end = a.ownWriter()
		defer end()
	}
	for _, sc := range scopes {
		for _, data := range chunks {
			err := a.tell(ctx, w, event.Chunk{
				Stream: intelStream, Received: a.Now().UTC(), Scope: sc, OneAccount: true, Source: event.Intel, Data: data,
			})
			if err != nil {
				return fmt.Errorf("tell %s what lists have from now on: %w", sc, err)
			}
		}
		// One scope after the other: a look into the past takes seconds, and
		// those of many must not come into one commit.
		if err := a.caughtUp(ctx, line.ShardOf(sc, a.Config.Journal.Shards)); err != nil {
			return err
		}
	}
	return nil
}

// tell appends a chunk, and again while there is no room for it.
func (a *App) tell(ctx context.Context, w *line.Writer, c event.Chunk) error {
	for {
		err := countingSink{w, a.metrics}.Append(ctx, &ingest.Push{Chunk: c})
		if !errors.Is(err, ingest.ErrFull) {
			return err
		}
		if err := pause(ctx, retryAfter); err != nil {
			return err
		}
	}
}

// toldChunks encodes entries, as many at once as one record may have.
func (a *App) toldChunks(added []event.Indicator) (out [][]byte, err error) {
	now := a.Now().UTC()
	for len(added) > 0 {
		n, size := 0, 0
		for n < len(added) && n < toldEntries && (n == 0 || size < toldBytes) {
			e := &added[n]
			size += 2*(len(e.Entry)+len(e.List)+len(e.Category)) + len(e.SHA256) + 96
			for _, name := range e.Names {
				size += 2*len(name) + 3
			}
			n++
		}
		data, err := decode.EncodeIndicators(now, added[:n])
		if err != nil {
			return nil, err
		}
		out, added = append(out, data), added[n:]
	}
	return out, nil
}

// scopesWithPast are the scopes whose records were judged, in order.
func (a *App) scopesWithPast(ctx context.Context) ([]event.Scope, error) {
	sources, err := a.keys.store.Sources(ctx)
	if err != nil {
		return nil, err
	}
	var out []event.Scope
	for _, s := range sources {
		switch event.Source(s.Source) {
		case event.K8sAudit, event.CloudTrail, event.VPCFlow, event.DNS:
			out = append(out, event.Scope{Account: s.Account, Region: s.Region, Cluster: s.Cluster})
		}
	}
	slices.SortFunc(out, func(a, b event.Scope) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Cluster, b.Cluster))
	})
	return slices.Compact(out), nil
}

// ownWriter is a writer for the time of one call.
func (a *App) ownWriter() (w *line.Writer, end func()) {
	w = line.NewWriter(line.WriterOptions{
		Journal: lineJournal{a.journal}, Sleep: pause, Retry: retryAfter, Log: a.Log, Now: a.Now, Appended: func(int, int, time.Duration) {},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	return w, func() { cancel(); <-done }
}
