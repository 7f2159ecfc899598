package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// switchOn is what an operator does about a source that is switched off.
const switchOn = `aws guardduty update-detector --detector-id %s --features '[{"Name":"RUNTIME_MONITORING","Status":"ENABLED"}]'`

// sensorHealth judges the sensors of a cluster by its nodes: each that is there
// must be heard, and lose nothing.
func (a *App) sensorHealth(ctx context.Context, src *store.Source) (status, issue string, err error) {
	now := a.Now()
	nodes, err := a.keys.store.Nodes(ctx, now.Add(-store.NodeKept))
	if err != nil {
		return "", "", err
	}
	clusters, err := a.keys.store.Clusters(ctx)
	if err != nil {
		return "", "", err
	}
	c := store.CoverageIn(store.ClusterOf(clusters, src.Account, src.Region, src.Cluster), store.NodesOf(nodes, src.Account, src.Region, src.Cluster), now)
	a.metrics.nodes.WithLabelValues(src.Cluster, "expected").Set(float64(c.Expected))
	a.metrics.nodes.WithLabelValues(src.Cluster, "covered").Set(float64(c.Covered))
	if off, id, err := a.runtimeOff(ctx); err != nil || off {
		return store.Unhealthy, fmt.Sprintf("Runtime Monitoring disabled:the detector analyses no records of sensors, they are dropped; switch it on with `"+switchOn+"`", id), err
	}
	issue = c.Issue
	if c.Expected+c.Starting == 0 && issue == "" && now.Sub(src.LastReceived) > store.SensorQuiet {
		last := "nothing ever came"
		if !src.LastReceived.IsZero() {
			last = "the last record came at " + src.LastReceived.UTC().Format(time.RFC3339)
		}
		issue = "No records received:no sensor of the cluster talks, " + last + "; check that sensors run on its nodes and that they reach Vedette"
	}
	if issue == "" {
		return store.Healthy, "", nil
	}
	if behind, err := a.anyBehind(ctx); err != nil || behind { // what waits has not been counted yet
		return src.Status, src.Issue, err
	}
	return store.Unhealthy, issue, nil
}

// runtimeOff reports whether the operator has switched the analysis off, and the
// detector's id.
func (a *App) runtimeOff(ctx context.Context) (off bool, id string, err error) {
	id = finding.DetectorID(a.Config.Account, a.Config.Region)
	d, err := a.keys.store.Detector(ctx, id)
	if errors.Is(err, finding.ErrNotFound) {
		return false, id, nil
	}
	if err != nil {
		return false, id, err
	}
	return planOf(&d).off(&event.Event{Runtime: &event.Runtime{}}), id, nil
}

// anyBehind reports whether records wait to be judged.
func (a *App) anyBehind(ctx context.Context) (bool, error) {
	for shard := range a.Config.Journal.Shards {
		if behind, err := a.behind(ctx, shard); err != nil || behind > 0 {
			return true, err
		}
	}
	return false, nil
}

// uncovered names the clusters whose sensors are not well.
func (a *App) uncovered(ctx context.Context) (names []string, err error) {
	list, err := a.keys.store.Sources(ctx)
	for _, s := range list {
		if s.SourceKey.Source == string(event.RuntimeEvents) && s.Status != store.Healthy {
			names = append(names, s.Cluster)
		}
	}
	return names, err
}
