package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// put stores what is known of the cluster. One whose sensors are to be there,
// and of which nothing ever came, is a source that is not well.
func (k *keeper) put(ctx context.Context) error {
	a, now := k.app, k.app.Now()
	issue, err := k.silent(ctx, now)
	if err != nil {
		return err
	}
	return a.keys.store.Commit(ctx, func(tx *store.Tx) error {
		if err := tx.PutCluster(&k.is); err != nil || issue == "" {
			return err
		}
		changed, err := tx.SetSourceStatus(k.source(), store.Unhealthy, issue)
		if changed {
			a.Log.Log(ctx, slog.LevelWarn, "a source changed", "source", string(event.RuntimeEvents), "cluster", k.cluster.Name, "status", store.Unhealthy, "issue", issue)
		}
		return err
	})
}

// silentAfter is how long sensors may take until the first record of a cluster.
const silentAfter = 3 * time.Minute

// silent is what is wrong in a cluster of which nothing ever came; "" when
// something came, and for a while after the detector asked for sensors. Once it
// is a source, it is looked at with the others.
func (k *keeper) silent(ctx context.Context, now time.Time) (issue string, err error) {
	if !k.is.Managed || !k.is.Wanted || now.Sub(k.is.Since) < silentAfter {
		return "", nil
	}
	sources, err := k.app.keys.store.Sources(ctx)
	if err != nil {
		return "", err
	}
	for i := range sources {
		if sources[i].SourceKey == k.source() {
			return "", nil
		}
	}
	return store.CoverageIn(&k.is, nil, now).Issue, nil
}

func (k *keeper) source() store.SourceKey {
	return store.SourceKey{Source: string(event.RuntimeEvents), Account: k.is.Account, Region: k.is.Region, Cluster: k.is.Name}
}
