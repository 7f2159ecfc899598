package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/line"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/trace"
)

var _ api.Store = (*store.Store)(nil)

// Options are what a server needs; all fields are required.
type Options struct {
	Config  *config.Config
	Now     func() time.Time
	Log     *slog.Logger
	Version string
	// Role is "all", or what of ingest, detect and api this process does, with
	// commas between.
	Role string
}

// App is a running server.
type App struct {
	Options
	// Addr and MetricsAddr are where it listens; they are known once Start
	// returned. Addr is empty in a process that only detects.
	Addr, MetricsAddr string

	keys     *Keys
	first    string // the token of the first login link, at the first start
	journal  *journal.Journal
	writer   *line.Writer
	worker   *line.Worker[*store.Tx]
	registry *registry
	tracer   *trace.Tracer // nil where nothing is traced
	metrics  *metrics
	detect   detect.Options
	current  *current // where this process detects
	lookups  *lookups // nil where EC2 is not asked
	// certificates are what the server shows; nil without TLS.
	certificates *certificates
	// clusters are those that may be asked; accounts knows their senders, nil
	// where there are none.
	clusters       []*cluster
	clusterMetrics *clusterMetrics
	accounts       *accounts
	// rules are those in force, where this process detects or shows them.
	rules       *liveRules
	ruleMetrics *ruleMetrics

	// stops undo what Start did, in reverse order.
	stops []stop
	fatal chan error
}

type stop struct {
	what string
	do   func(context.Context) error
}

// does reports whether a role is this process's.
func (a *App) does(role string) bool {
	for r := range strings.SplitSeq(a.Role, ",") {
		if r = strings.TrimSpace(r); r == role || r == "all" {
			return true
		}
	}
	return false
}

// Start opens store and journal and begins what the roles of this process ask
// for: judging first, then what sends to it. What it started is ended by Stop,
// also when Start itself fails.
func Start(ctx context.Context, o Options) (_ *App, err error) {
	a := &App{Options: o, registry: newRegistry(), fatal: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop(context.Background()))
		}
	}()
	if err := o.Config.CheckRole(o.Role); err != nil {
		return a, err
	}
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.metrics = newMetrics(a.registry, o.Version)
	a.Log = slog.New(&countingLog{o.Log.Handler(), a.metrics})
	if err := a.startTraces(); err != nil {
		return a, err
	}
	if a.does("detect") { // the lists need not be where nothing is detected
		if a.detect, _, err = LenientOptions(o.Config); err != nil {
			return a, err
		}
	}
	if err := a.lock(ctx, leaveIn); err != nil {
		return a, err
	}
	if err := a.patiently(ctx, "the store", a.openStore); err != nil {
		return a, err
	}
	if err := a.openTLS(ctx); err != nil {
		return a, err
	}
	a.openClusters()
	if a.does("ingest") || a.does("detect") {
		if err := a.patiently(ctx, "the journal", a.openJournal); err != nil {
			return a, err
		}
	}
	if a.does("ingest") {
		a.startWriter()
	}
	if a.does("detect") {
		if err := a.unique(ctx); err != nil {
			return a, err
		}
		if err := a.startIntelligence(ctx); err != nil {
			return a, err
		}
		if err := a.startRules(ctx, a.detect.Rules); err != nil {
			return a, err
		}
		a.startLookups()
		a.startWorker()
		a.rules.follow()
		if o.Config.Intelligence.History.Days > 0 {
			a.background("end looking into the past", a.tellPast)
		}
		a.background("end taking up feedback", a.tellFeedback)
		if o.Config.Detection.Sequences.Window > 0 {
			a.background("end looking for attack sequences", func(ctx context.Context) { a.alone(ctx, sequencesCursor, a.correlate) })
		}
		a.background("end retention", a.prune)
		a.background("end watching sources", a.watchSources)
		a.background("end taking in accounts", a.enrollAccounts)
		if len(a.clusters) > 0 {
			a.background("end keeping sensors", a.keepSensors)
		}
		if err := a.startPublishing(ctx); err != nil {
			return a, err
		}
	}
	if a.does("api") && !a.does("detect") {
		a.showRules()
	}
	if err := a.listen(ctx); err != nil {
		return a, err
	}
	if a.does("ingest") {
		for _, f := range o.Config.Ingest.Follow {
			a.follow(f)
		}
		if err := a.startObjects(ctx); err != nil {
			return a, err
		}
		a.startCanary()
	}
	return a, nil
}

// openStore opens the store, and what makes the keys in it usable.
func (a *App) openStore(ctx context.Context) error {
	c := a.Config
	keys, err := OpenKeys(ctx, c, a.Now)
	if err != nil {
		return err
	}
	keys.actor = "server"
	a.keys = keys
	a.onStop("close the store", func(context.Context) error { return keys.Close() })
	if err := remember(ctx, keys.store, identity{c.Account, c.Region}); err != nil {
		return fmt.Errorf("note what is served: %w", err)
	}
	if a.does("api") {
		if err := a.firstKey(ctx); err != nil {
			return err
		}
	}
	if !a.does("api") && !a.does("ingest") {
		return nil // nobody shows a key here
	}
	ids, err := Unusable(ctx, keys.store, keys.sealer)
	if err != nil {
		return fmt.Errorf("read the access keys: %w", err)
	}
	if len(ids) > 0 { // judging goes on; nobody can use these keys
		a.Log.Error("access keys were sealed with another sealing key; restore it, or make new keys", "ids", ids, "file", access.KeyFileName)
	}
	return nil
}

// Run waits until ctx ends or the server cannot go on, and stops it.
func (a *App) Run(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-a.fatal:
	}
	a.Log.Info("stopping: what was begun is finished", "for at most", a.Config.Server.DrainTimeout)
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Config.Server.DrainTimeout)
	defer cancel()
	return errors.Join(err, a.Stop(shutdown))
}

// Stop ends what Start began, in reverse order: senders first, the store last.
func (a *App) Stop(ctx context.Context) error {
	var errs []error
	for i := len(a.stops) - 1; i >= 0; i-- {
		if err := a.stops[i].do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.stops[i].what, err))
		}
	}
	a.stops = nil
	return errors.Join(errs...)
}

func (a *App) onStop(what string, do func(context.Context) error) {
	a.stops = append(a.stops, stop{what, do})
}

// background runs something until Stop, which waits for it.
func (a *App) background(what string, run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); run(ctx) }()
	a.onStop(what, func(limit context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-limit.Done():
			return limit.Err()
		}
	})
}
