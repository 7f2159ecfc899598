package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// pruneEvery is how often old findings are looked for.
const pruneEvery = time.Hour

// prune removes what is old. Of several processes one does so.
func (a *App) prune(ctx context.Context) {
	for {
		if _, first := a.worker.Held(); !first {
			if pause(ctx, time.Second) != nil {
				return
			}
			continue
		}
		before := a.Now().AddDate(0, 0, -a.Config.Store.RetentionDays)
		if err := a.keys.store.PruneNodes(ctx, a.Now().Add(-2*store.NodeKept)); err != nil && ctx.Err() == nil {
			a.Log.Error("nodes that are gone could not be forgotten", "err", err)
		}
		if err := a.keys.store.PruneAudit(ctx, a.Now().AddDate(0, 0, -a.Config.API.AuditDays)); err != nil && ctx.Err() == nil {
			a.Log.Error("old entries of the audit log could not be removed", "err", err)
		}
		if n, err := a.keys.store.Prune(ctx, before); err != nil && ctx.Err() == nil {
			a.Log.Error("old findings could not be removed", "err", err)
		} else if n > 0 {
			a.Log.Info("old findings were removed", "count", n, "before", before.UTC().Format(time.DateOnly))
		}
		if pause(ctx, pruneEvery) != nil {
			return
		}
	}
}

// pause waits, and returns an error when ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watchEvery is how often sources are looked at.
const watchEvery = 5 * time.Second

// watchSources says of sources that went quiet, or lost records, that they are
// unhealthy, and of those that talk again that they are well.
func (a *App) watchSources(ctx context.Context) {
	for pause(ctx, min(watchEvery, a.Config.Ingest.QuietAfter/2)) == nil {
		if _, first := a.worker.Held(); !first {
			a.metrics.quiet.Reset() // another process tells of them now
			a.metrics.nodes.Reset()
			continue
		}
		if err := a.lookAtSources(ctx); err != nil && ctx.Err() == nil {
			a.Log.Error("the health of the sources could not be noted", "err", err)
		}
	}
}

func (a *App) lookAtSources(ctx context.Context) error {
	sources, err := a.keys.store.Sources(ctx)
	if err != nil {
		return err
	}
	// The labels do not say the account and Region: one that ails is enough.
	type labels struct{ source, cluster string }
	healthy := map[labels]float64{}
	for _, src := range sources {
		status, issue, err := a.healthOf(ctx, &src)
		if err != nil {
			return err
		}
		l := labels{src.Source, src.Cluster}
		if _, seen := healthy[l]; !seen {
			healthy[l] = 1
		}
		if status != store.Healthy {
			healthy[l] = 0
		}
		a.metrics.quiet.WithLabelValues(l.source, l.cluster).Set(healthy[l])
		if status == src.Status && issue == src.Issue {
			continue
		}
		err = a.keys.store.Commit(ctx, func(tx *store.Tx) error {
			_, err := tx.SetSourceStatus(src.SourceKey, status, issue)
			return err
		})
		if err != nil {
			return err
		}
		if status == src.Status { // it ails otherwise than before
			continue
		}
		level := slog.LevelWarn
		if status == store.Healthy {
			level = slog.LevelInfo
		}
		a.Log.Log(ctx, level, "a source changed", "source", src.Source, "cluster", src.Cluster, "status", status, "issue", issue)
	}
	return nil
}

// healthOf judges a source by when something of it came last. What waits in
// the journal has not been counted yet, so a backlog must not look like quiet.
func (a *App) healthOf(ctx context.Context, src *store.Source) (status, issue string, err error) {
	if src.SourceKey.Source == SourceRules { // who loads them tells
		return src.Status, src.Issue, nil
	}
	if status, issue, own := deliveryHealth(src, a.Now()); own {
		return status, issue, nil
	}
	if src.SourceKey.Source == string(event.RuntimeEvents) {
		return a.sensorHealth(ctx, src)
	}
	quiet := a.Now().Sub(src.LastReceived)
	if src.LastReceived.IsZero() || quiet <= quietAfter(src.SourceKey.Source, a.Config.Ingest.QuietAfter) {
		return store.Healthy, "", nil
	}
	if behind, err := a.anyBehind(ctx); err != nil || behind {
		return src.Status, src.Issue, err
	}
	return store.Unhealthy, fmt.Sprintf("No records received:the last one came at %s; check %s, the network between, and with `vedette doctor` that Vedette takes records",
		src.LastReceived.UTC().Format(time.RFC3339), senderOf(src.SourceKey.Source)), nil
}

// quietAfter is how long a source may be silent. AWS writes the logs of an
// account every five to fifteen minutes, and nothing where nothing happened.
func quietAfter(source string, configured time.Duration) time.Duration {
	if source == string(event.K8sAudit) {
		return configured
	}
	return max(configured, time.Hour)
}

func senderOf(source string) string {
	switch event.Source(source) {
	case event.CloudTrail:
		return "that the trail is logging and its bucket's notifications reach Vedette"
	case event.VPCFlow:
		return "that the flow logs are active and where they are delivered"
	case event.DNS:
		return "that the resolver query logging configuration is associated with the VPCs"
	}
	return "the audit webhook of the cluster"
}
