package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/store"
)

// LearnOptions say what to learn from and whose models learn.
type LearnOptions struct {
	Config *config.Config
	Paths  []string // files, folders, or "-" for standard input
	Stdin  io.Reader
	Source event.Source // what the input is; "" finds out by content
	Format string       // fields of flow log lines that have no header
	Now    func() time.Time
	Log    *slog.Logger
	// Progress, if set, is called now and then with the bytes and records so far.
	Progress func(bytes, records int64)
}

// LearnResult accounts for the records that were learned from: each ended in
// one of learned, duplicate, malformed and dropped.
type LearnResult struct {
	Records, Learned, Duplicate, Malformed, Dropped, Bytes int64
	// Known are the files that were learned from whole before, and not read.
	Known int
	// Scopes are those that learned now, as they stand.
	Scopes []ScopeLearned
	// Unread are the files that could not be opened or read to their end.
	Unread []error
}

// Learn teaches the models of a server's store what is usual, from old logs.
// The records go through the journal and are judged as those of a server are,
// but nothing is found in them. No server may run on the same data directory;
// beside servers that share a database it is one more of them.
func Learn(ctx context.Context, o LearnOptions) (_ *LearnResult, err error) {
	paths, err := expand(o.Paths)
	if err != nil {
		return nil, err
	}
	a, err := startLearning(ctx, o)
	defer func() {
		// What is in the journal is judged in any case, by the next server.
		err = errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}()
	if err != nil {
		return nil, err
	}
	return a.learn(ctx, o, paths)
}

// startLearning starts the line and nothing that feeds it.
func startLearning(ctx context.Context, o LearnOptions) (*App, error) {
	c := *o.Config
	c.Intelligence.Feeds.Enabled = false // a running server fetches them
	c.Server.Name = ""                   // it may be that of a running server
	a := &App{Options: Options{Config: &c, Now: o.Now, Log: o.Log, Role: "ingest"}, registry: newRegistry(), fatal: make(chan error, 2)}
	a.metrics = newMetrics(a.registry, "")
	if err := a.lock(ctx, 0); err != nil {
		return a, err
	}
	if err := a.patiently(ctx, "the store", a.openStore); err != nil {
		return a, err
	}
	if err := a.patiently(ctx, "the journal", a.openJournal); err != nil {
		return a, err
	}
	a.startWriter()
	alone, err := a.nobodyJudges(ctx)
	if err != nil || !alone {
		return a, err
	}
	if a.detect, err = DetectOptions(&c); err != nil {
		return a, err
	}
	if err := a.startIntelligence(ctx); err != nil {
		return a, err
	}
	a.startWorker()
	return a, nil
}

// nobodyJudges reports whether no other process works on the store's shards.
func (a *App) nobodyJudges(ctx context.Context) (bool, error) {
	if a.Config.Store.Postgres.URL == "" {
		return true, nil // the data directory is locked
	}
	shards, err := a.keys.store.Shards(ctx)
	if err != nil {
		return false, err
	}
	for _, sh := range shards {
		if sh.Owner != "" && a.Now().Before(sh.Expires) {
			return false, nil
		}
	}
	return true, nil
}

// learn reads the logs into the journal and waits until all was judged.
func (a *App) learn(ctx context.Context, o LearnOptions, paths []string) (*LearnResult, error) {
	if err := a.allCaughtUp(ctx); err != nil { // so that positions in files are those that were reached
		return nil, err
	}
	before, err := a.keys.store.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	res := &LearnResult{}
	l := &learner{
		app: a, ctx: ctx, result: res, progress: o.Progress,
		chunks: make(chan learnChunk, 4),
	}
	if err := l.run(o, paths); err != nil {
		return nil, err
	}
	if err := a.allCaughtUp(ctx); err != nil {
		return nil, err
	}
	after, err := a.keys.store.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	touched := res.account(before, after)
	known, err := LearnedOf(ctx, a.keys.store)
	if err != nil {
		return nil, err
	}
	for _, k := range known {
		if touched[k.Scope] {
			res.Scopes = append(res.Scopes, k)
		}
	}
	return res, nil
}

// account works out how the records ended, from what the accounting has gained
// of those that were learned from. It returns their scopes.
func (r *LearnResult) account(before, after []store.LedgerRow) map[event.Scope]bool {
	type key struct{ source, account, region, cluster, outcome, reason string }
	keyOf := func(l *store.LedgerRow) key {
		return key{l.Source, l.Account, l.Region, l.Cluster, l.Outcome, l.Reason}
	}
	had := map[key]int64{}
	for i := range before {
		had[keyOf(&before[i])] = before[i].Count
	}
	touched := map[event.Scope]bool{}
	for i := range after {
		l := &after[i]
		n := l.Count - had[keyOf(l)]
		switch event.Reason(l.Reason) {
		case event.ReasonLearned:
			r.Learned += n
		case event.ReasonLearnedBefore:
			r.Duplicate += n
		default:
			continue
		}
		touched[event.Scope{Account: l.Account, Region: l.Region, Cluster: l.Cluster}] = true
	}
	r.Dropped = max(r.Records-r.Learned-r.Duplicate-r.Malformed, 0)
	return touched
}

// learnChunk is a chunk on its way to the journal, or what comes behind the
// chunks of a file.
type learnChunk struct {
	chunk event.Chunk
	mark  *fileMark // of the file
	end   bool      // the file was read whole
}

// learner puts chunks into the journal, in order, several at a time. From time
// to time it notes, behind them, how far each file was read.
type learner struct {
	app      *App
	ctx      context.Context // of the command
	result   *LearnResult
	progress func(bytes, records int64)
	chunks   chan learnChunk
	pool     *ingest.Pool

	// Of the goroutine that submits.
	waiting []submitted
	bytes   int64       // in waiting
	since   int64       // bytes since positions were noted
	marks   []*fileMark // moved since then
}

type submitted struct {
	push *ingest.Push
	wait func(context.Context) error
}

const (
	learnAhead = 32 << 20  // bytes that wait for the journal
	learnNoted = 256 << 20 // bytes from one note of the positions to the next
)

// run reads in one goroutine and submits in another.
func (l *learner) run(o LearnOptions, paths []string) error {
	ctx, cancel := context.WithCancelCause(l.ctx)
	defer cancel(nil)
	l.pool = ingest.NewPool(64)
	m := &marks{ctx: ctx, store: l.app.keys.store, by: map[string]*fileMark{}}
	c := l.app.Config
	h := &head{
		stdin: o.Stdin, pool: l.pool, log: o.Log, skip: m.skip,
		kind: event.Chunk{
			Scope:  event.Scope{Account: c.Account, Region: c.Region, Cluster: c.Cluster},
			Source: o.Source, Format: o.Format, Learn: true,
		},
		take: func(ctx context.Context, c *event.Chunk) error {
			return l.hand(ctx, learnChunk{chunk: *c, mark: m.by[c.Stream]})
		},
		after: func(ctx context.Context, path string) error {
			return l.hand(ctx, learnChunk{mark: m.by[path], end: true})
		},
		damage: func(_ context.Context, path string, _ event.Reason, detail string) error {
			if detail != "" {
				o.Log.Warn("malformed record", "at", path, "detail", detail)
			}
			m.damaged++
			return nil
		},
	}
	if c.Cluster == "" || o.Source != "" && !inCluster(string(o.Source)) {
		h.kind.Scope.Cluster = ""
	}
	if len(paths) > 1 {
		paths = h.inTimeOrder(paths)
	}
	read := make(chan error, 1)
	go func() {
		defer close(l.chunks)
		read <- h.readAll(ctx, paths)
	}()
	err := l.submitAll(ctx)
	cancel(err)
	err = errors.Join(err, <-read)
	if l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	l.result.Unread, l.result.Known = h.unread, m.known
	l.result.Records += m.damaged
	l.result.Malformed += m.damaged
	return err
}

func (l *learner) hand(ctx context.Context, c learnChunk) error {
	select {
	case l.chunks <- c:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *learner) submitAll(ctx context.Context) error {
	for c := range l.chunks {
		if c.mark != nil && !c.mark.moved {
			c.mark.moved = true
			l.marks = append(l.marks, c.mark)
		}
		if c.end {
			if c.mark != nil {
				c.mark.at.Whole = true
			}
			continue
		}
		if err := l.submit(ctx, c); err != nil {
			return err
		}
		if l.since >= learnNoted {
			if err := l.note(ctx); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return l.note(ctx)
}

// submit queues a chunk, and waits for the oldest where many wait.
func (l *learner) submit(ctx context.Context, c learnChunk) error {
	data := c.chunk.Data
	p := &ingest.Push{Chunk: c.chunk, Recycle: func() { l.pool.Put(data) }}
	wait, err := l.app.writer.Submit(p)
	for errors.Is(err, ingest.ErrFull) { // those before it make room
		if err := l.settle(ctx, 0); err != nil {
			return err
		}
		if err := pause(ctx, retryAfter); err != nil {
			return err
		}
		wait, err = l.app.writer.Submit(p)
	}
	if err != nil {
		return err
	}
	if c.mark != nil {
		c.mark.at.Chunks++
	}
	l.waiting = append(l.waiting, submitted{p, wait})
	l.bytes += int64(len(data))
	l.since += int64(len(data))
	return l.settle(ctx, learnAhead)
}

// settle waits until at most so many bytes wait for the journal.
func (l *learner) settle(ctx context.Context, most int64) error {
	for len(l.waiting) > 0 && l.bytes > most {
		s := l.waiting[0]
		size := int64(len(s.push.Chunk.Data))
		err := s.wait(ctx)
		for errors.Is(err, ingest.ErrFull) { // the journal is; what was kept twice counts once
			if err = pause(ctx, retryAfter); err == nil {
				err = countingSink{l.app.writer, l.app.metrics}.Append(ctx, s.push)
			}
		}
		if err != nil {
			return err
		}
		l.waiting, l.bytes = l.waiting[1:], l.bytes-size
		r := l.result
		r.Bytes += size + s.push.Chunk.Skipped
		r.Records += s.push.Result.Events + s.push.Result.Malformed
		r.Malformed += s.push.Result.Malformed
		if l.progress != nil {
			l.progress(r.Bytes, r.Records)
		}
	}
	return nil
}

// note waits until all is in the journal and notes, behind it, how far the
// files were read.
func (l *learner) note(ctx context.Context) error {
	if err := l.settle(ctx, -1); err != nil {
		return err
	}
	for _, m := range l.marks {
		if err := m.put(ctx, l.app); err != nil {
			return err
		}
		m.moved = false
	}
	l.marks, l.since = nil, 0
	return nil
}
