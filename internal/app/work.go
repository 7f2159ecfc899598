package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/line"
	"github.com/vedette-project/vedette/internal/store"
)

var (
	_ line.Store[*store.Tx] = (*store.Store)(nil)
	_ ingest.Sink           = (*line.Writer)(nil)
)

// lineJournal is the journal as the line sees it.
type lineJournal struct{ *journal.Journal }

func (j lineJournal) Read(shard int, after uint64) line.Reader { return j.Journal.Read(shard, after) }

// openJournal opens the journal and makes the store know its shards.
func (a *App) openJournal(ctx context.Context) error {
	c := &a.Config.Journal
	o := journal.Options{
		Dir: filepath.Join(a.Config.Store.DataDir, "journal"), URLs: c.NATS.URLs(), Name: c.NATS.Name, Replicas: c.NATS.Replicas,
		CAFile: c.NATS.CAFile, CertFile: c.NATS.CertFile, KeyFile: c.NATS.KeyFile, CredentialsFile: c.NATS.CredentialsFile,
		Username: c.NATS.Username, Shards: c.Shards, MaxBytes: c.MaxBytes, MinFree: c.MinFreeBytes, Log: a.Log,
	}
	var err error
	if o.Password, err = secret("journal.nats.passwordFile", c.NATS.PasswordFile); err != nil {
		return err
	}
	if o.Token, err = secret("journal.nats.tokenFile", c.NATS.TokenFile); err != nil {
		return err
	}
	if err := a.resize(ctx, o); err != nil {
		return err
	}
	if a.journal, err = journal.Open(ctx, o); err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	a.onStop("close the journal", a.journal.Close)
	a.registry.MustRegister(&journalCollector{a})
	return nil
}

// secret reads a secret from a file; no file is no secret.
func secret(key, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// resize makes the store know as many shards as are configured. Their number
// may change only while nothing waits in the journal: a cluster would move to
// another shard and overtake its own records.
func (a *App) resize(ctx context.Context, o journal.Options) error {
	shards, err := a.keys.store.Shards(ctx)
	if err != nil {
		return err
	}
	if len(shards) == o.Shards {
		return nil
	}
	if len(shards) > 0 {
		old := o
		old.Shards = len(shards)
		j, err := journal.Open(ctx, old)
		if err != nil {
			return fmt.Errorf("open the journal as it was, with %d shards: %w", len(shards), err)
		}
		err = drained(ctx, j, shards)
		if err := errors.Join(err, j.Close(ctx)); err != nil {
			return fmt.Errorf("journal.shards: %w; set it back to %d until everything is judged, and stop all other processes before you change it", err, len(shards))
		}
		a.Log.Info("the number of shards changes", "from", len(shards), "to", o.Shards)
	}
	return a.keys.store.ResizeShards(ctx, o.Shards)
}

// waiting is how many messages of a shard are not judged yet.
func waiting(st journal.State, sh store.Shard) uint64 {
	switch {
	case sh.Journal != st.ID: // nothing of this journal is
		return st.Messages
	case st.Last > sh.Position:
		return st.Last - sh.Position
	}
	return 0
}

func drained(ctx context.Context, j *journal.Journal, shards []store.Shard) error {
	for _, sh := range shards {
		st, err := j.State(ctx, sh.N)
		if err != nil {
			return err
		}
		if waiting(st, sh) > 0 {
			return fmt.Errorf("shard %d has messages that are not judged yet", sh.N)
		}
	}
	return nil
}

// Drained reports as an error that records wait in the embedded journal of a
// data directory whose store this is. No server may run on it.
func Drained(ctx context.Context, dataDir string, st *store.Store) error {
	shards, err := st.Shards(ctx)
	dir := filepath.Join(dataDir, "journal")
	if _, missing := os.Stat(dir); err != nil || len(shards) == 0 || missing != nil {
		return err
	}
	c := config.Default().Journal
	j, err := journal.Open(ctx, journal.Options{Dir: dir, Name: c.NATS.Name, Shards: len(shards), MaxBytes: c.MaxBytes})
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	return errors.Join(drained(ctx, j, shards), j.Close(ctx))
}

const retryAfter = 100 * time.Millisecond

func (a *App) startWriter() {
	a.writer = line.NewWriter(line.WriterOptions{
		Journal: lineJournal{a.journal}, Sleep: pause, Retry: retryAfter, Log: a.Log, Now: a.Now,
		Appended: func(raw, stored int, took time.Duration) {
			a.metrics.stored.Add(float64(stored))
			a.metrics.appended.Observe(took.Seconds())
		},
		Tracer: a.tracer,
	})
	a.background("end writing to the journal", a.writer.Run)
}

// Times of workers that share a store: one that is not heard of for the lease
// has lost its shards.
const (
	leaseTTL  = 3 * time.Second
	leaseBeat = time.Second
)

func (a *App) startWorker() {
	o := line.Options[*store.Tx]{
		ID: a.workerID(), Journal: lineJournal{a.journal}, Store: a.keys.store, Tail: a.writer,
		NewJudge: func(shard int) line.Judge[*store.Tx] {
			j := newJudge(a.detect, a.Config.Intelligence.History, a.Log, a.metrics, a.Now)
			j.lookups = a.lookups
			j.rules.shard, j.rules.metrics = shard, a.ruleMetrics
			j.noise.limits = NoiseLimits(a.Config)
			j.steps.off = a.Config.Detection.Sequences.Window == 0
			return j
		},
		TTL: leaseTTL, Beat: leaseBeat, Retry: retryAfter, Ahead: 4, MaxAge: a.Config.Journal.MaxAge,
		Temporary: store.IsTemporary, Now: a.Now, Sleep: pause, Go: func(run func()) { go run() }, Log: a.Log,
		Tracer: a.tracer,
	}
	if a.Config.Store.Postgres.URL == "" { // nobody else can be there
		o.TTL, o.Beat = time.Hour, time.Minute
	}
	a.worker = line.NewWorker(o)
	a.background("end judging", a.worker.Run)
	if len(a.Config.Journal.NATS.URLs()) == 0 { // else another worker goes on with it at once
		a.onStop("judge what was taken", a.drain)
	}
}

// drain waits until nothing waits in the journal, for half the time there is
// at most. What is left then is on disk and judged after the next start.
func (a *App) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.Config.Server.DrainTimeout/2)
	defer cancel()
	for shard := range a.Config.Journal.Shards {
		if err := a.caughtUp(ctx, shard); err != nil {
			a.Log.Info("records wait in the journal for the next start", "shard", shard)
		}
	}
	return nil
}

// inCluster reports whether records of a source may be of a cluster: of the
// configured one, unless it is said which.
func inCluster(source string) bool {
	return source == "" || source == string(event.K8sAudit) || source == string(event.RuntimeEvents)
}

func (a *App) follow(f config.Follow) {
	cluster := f.Cluster
	if cluster == "" && inCluster(f.Source) {
		cluster = a.Config.Cluster
	}
	o := ingest.FollowOptions{
		Path: f.Path, Scope: event.Scope{Account: a.Config.Account, Region: a.Config.Region, Cluster: cluster},
		Source: event.Source(f.Source), Format: f.Format,
		Sink: countingSink{a.writer, a.metrics}, Now: a.Now, Log: a.Log, Temp: a.Config.Store.DataDir,
	}
	if a.Config.Store.Postgres.URL != "" { // another machine may have a file of that name
		o.Machine = a.machine()
	}
	shard := line.ShardOf(o.Scope, a.Config.Journal.Shards)
	o.Cursor = func(ctx context.Context, name string) ([]byte, error) {
		if err := a.caughtUp(ctx, shard); err != nil {
			return nil, err
		}
		data, err := a.keys.store.Cursor(ctx, name)
		if errors.Is(err, finding.ErrNotFound) {
			return nil, nil
		}
		return data, err
	}
	a.background("end following "+f.Path, func(ctx context.Context) {
		if err := ingest.Follow(ctx, o); err != nil && ctx.Err() == nil {
			a.Log.Error("a log cannot be followed", "file", f.Path, "err", err)
		}
	})
}

// caughtUp waits until everything that is in a shard's journal now is
// committed, and with it the cursors. A file read from an older cursor would
// come a second time.
func (a *App) caughtUp(ctx context.Context, shard int) error {
	var last uint64
	for known := false; ; {
		st, behind, err := a.place(ctx, shard)
		if !known && st.ID != "" {
			last, known = st.Last, true
		}
		if err == nil && st.Last-behind >= last {
			return nil
		}
		if err != nil {
			a.Log.Warn("a followed log waits for store and journal", "err", err)
		}
		if err := pause(ctx, retryAfter); err != nil {
			return err
		}
	}
}

// place is how far a shard's journal goes, and how many of its messages wait to
// be judged. The first is there even when the store does not answer.
func (a *App) place(ctx context.Context, shard int) (st journal.State, behind uint64, err error) {
	if st, err = a.journal.State(ctx, shard); err != nil {
		return journal.State{}, 0, err
	}
	shards, err := a.keys.store.Shards(ctx)
	if err != nil {
		return st, 0, err
	}
	for _, sh := range shards {
		if sh.N == shard {
			behind = waiting(st, sh)
		}
	}
	return st, behind, nil
}

// behind is how many messages of a shard wait to be judged.
func (a *App) behind(ctx context.Context, shard int) (uint64, error) {
	_, n, err := a.place(ctx, shard)
	return n, err
}
