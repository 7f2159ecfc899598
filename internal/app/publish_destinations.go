package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
	"github.com/vedette-project/vedette/internal/store"
)

// destinations exports findings to the buckets that the API was told of.
type destinations struct {
	app     *App
	metrics *publishMetrics
	running map[string]*destination // by id
}

// destination is one that is exported to.
type destination struct {
	version int64
	stop    func()
}

const (
	destinationsEvery = time.Second
	verifyEvery       = 30 * time.Second
	verifyTimeout     = 20 * time.Second
	maxReasonText     = 500
)

// DestinationTarget is the name of a destination among targets.
func DestinationTarget(id string) string { return "destination-" + id }

func (d *destinations) run(ctx context.Context) {
	for ctx.Err() == nil {
		list, err := d.app.keys.store.Destinations(ctx, "")
		if err != nil && ctx.Err() == nil {
			d.app.Log.Warn("the destinations of findings cannot be read; trying again", "err", err)
		}
		if err == nil {
			d.follow(ctx, list)
		}
		_ = pause(ctx, destinationsEvery)
	}
	for _, r := range d.running {
		r.stop()
	}
}

// follow begins with destinations that are new, and ends those that are gone.
// One that was changed begins anew, where it was.
func (d *destinations) follow(ctx context.Context, list []store.Destination) {
	want := map[string]*store.Destination{}
	for i := range list {
		want[list[i].ID] = &list[i]
	}
	for id, r := range d.running {
		if w := want[id]; w != nil && w.Version == r.version {
			continue
		}
		r.stop()
		delete(d.running, id)
		if want[id] != nil {
			continue
		}
		name := DestinationTarget(id)
		d.metrics.forget(name)
		if err := d.app.keys.store.ForgetPublish(ctx, name, publish.CursorName(name)); err != nil && ctx.Err() == nil {
			d.app.Log.Warn("what was exported to a destination that is gone could not be forgotten", "err", err)
		}
	}
	for id, w := range want {
		if d.running[id] == nil {
			d.running[id] = d.start(*w)
		}
	}
}

func (d *destinations) start(w store.Destination) *destination {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); d.export(ctx, &w) }()
	return &destination{w.Version, func() { cancel(); <-done }}
}

// export follows one destination.
func (d *destinations) export(ctx context.Context, w *store.Destination) {
	a := d.app
	to, err := a.exportTo(ctx, w)
	if err != nil {
		a.settleDestination(ctx, w, err)
		return
	}
	o := a.following(DestinationTarget(w.ID), exported{to, w.DetectorID}, d.metrics)
	o.Policy = publish.Policy{
		NoHealth: true, Group: publish.GroupNone, Window: targetWindow, Gather: exportGather, Batch: exportBatch, Timeout: targetTimeout,
		Quiet: quietOf(a.keys.store, a.Now),
	}
	o.Begin = func(context.Context) (string, error) { return w.Begin, nil }
	for ctx.Err() == nil { // the role may change hands
		if !o.May() {
			_ = pause(ctx, destinationsEvery)
			continue
		}
		err := a.verify(ctx, to, w)
		if ctx.Err() == nil {
			a.settleDestination(ctx, w, err)
		}
		if err == nil {
			break
		}
		_ = pause(ctx, verifyEvery)
	}
	observe := o.Observe
	o.Observe = func(seen publish.Observation) {
		observe(seen)
		switch {
		case seen.Err != nil:
			a.settleDestination(ctx, w, seen.Err)
		case seen.Taken > 0:
			a.settleDestination(ctx, w, nil)
		}
	}
	if ctx.Err() == nil {
		publish.NewFollower(o).Run(ctx)
	}
}

// exported passes on the findings of one detector.
type exported struct {
	*target.S3
	detector string
}

func (t exported) Send(ctx context.Context, events []publish.Event) error {
	list := make([]publish.Event, len(events))
	copy(list, events)
	for i := range list { // S3 leaves out what is no finding
		if f := list[i].Finding(); f != nil && f.Service != nil && f.Service.DetectorID != t.detector {
			list[i].Detail = nil
		}
	}
	return t.S3.Send(ctx, list)
}

// exportTo is the bucket of a destination. Its name is all that the API may
// choose: where buckets are is for the configuration to say.
func (a *App) exportTo(ctx context.Context, w *store.Destination) (*target.S3, error) {
	access := a.Config.Publish.Destinations
	cfg, err := awsConfig(ctx, &access, firstOf(access.Region, a.Config.Region), access.RoleARN)
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(w.ARN, ":::")
	bucket, prefix, _ := strings.Cut(rest, "/")
	return &target.S3{
		Client: newS3(cfg, &access), Bucket: bucket, Prefix: strings.Trim(prefix, "/"), KMSKey: w.KMSKeyARN, ExpectedBucketOwner: w.ExpectedBucketOwner,
	}, nil
}

// verify writes a small object to see whether it may be done.
func (a *App) verify(ctx context.Context, to *target.S3, w *store.Destination) error {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	home := "AWSLogs/" + a.Config.Account + "/GuardDuty/" + a.Config.Region
	if to.Prefix != "" {
		home = to.Prefix + "/" + home
	}
	return to.Put(ctx, home+"/vedette-verification", []byte("Vedette exports findings to this bucket ("+w.ID+").\n"))
}

// settleDestination writes whether a destination can be written to, if that
// differs from what is known.
func (a *App) settleDestination(ctx context.Context, w *store.Destination, fault error) {
	status, reason := store.DestinationPublishing, ""
	if fault != nil {
		status, reason = store.DestinationUnable, fault.Error()
		reason = reason[:min(len(reason), maxReasonText)]
	}
	if w.Status == status {
		return
	}
	if fault != nil && w.Status != status {
		a.Log.Error("findings cannot be exported to a destination; trying again", "destination", w.ID, "bucket", w.ARN, "err", fault)
	}
	w.Status, w.Reason, w.FailingSince = status, reason, time.Time{}
	if fault != nil {
		w.FailingSince = a.Now().UTC()
	}
	err := a.keys.store.SettleDestination(ctx, w.ID, w.Version, func(d *store.Destination) {
		d.Status, d.Reason, d.FailingSince = w.Status, w.Reason, w.FailingSince
	})
	if err != nil && !errors.Is(err, finding.ErrNotFound) && ctx.Err() == nil {
		a.Log.Warn("how a destination is could not be noted", "destination", w.ID, "err", err)
		w.Status = "" // tried again with the next change
	}
}
