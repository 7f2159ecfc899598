package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/noise"
	"github.com/vedette-project/vedette/internal/sequence"
)

// ScanOptions say what to scan and how.
type ScanOptions struct {
	Paths  []string // files, folders, or "-" for standard input
	Warmup []string // likewise: logs to learn from before, in which nothing is found
	Stdin  io.Reader
	Scope  event.Scope
	Source event.Source // what the input is; "" finds out by content
	Format string       // fields of flow log lines that have no header
	Detect detect.Options
	// Sequences say how attacks of several steps are found.
	Sequences sequence.Options
	Workers   int // decoding goroutines; 0 means one a processor
	Log       *slog.Logger
	// Signal, if set, is called with each claim, before it becomes part of a
	// finding.
	Signal func(*finding.Signal)
	// From and To, where set, leave out records of another time, To's moment
	// included; what is learned from may be of any.
	From, To time.Time
	// Fresh, if set, may change a finding that is new, before it is kept.
	Fresh func(*finding.Finding) error
	// Hides, if set, reports whether Fresh archives a finding, which it leaves as
	// it is.
	Hides func(*finding.Finding) (bool, error)
	// Noise bounds how many findings of a type are told one by one; the zero
	// value does not.
	Noise noise.Limits
	// Progress, if set, is called now and then with the bytes and records so far.
	Progress func(bytes, records int64)
}

// ScanResult is what a scan found.
type ScanResult struct {
	Findings []*finding.Finding // by first event time, then id
	Ledger   Ledger
	Bytes    int64
	// Sequences are the attacks of several steps, half-finished ones included;
	// the others are findings, too.
	Sequences []*sequence.Sequence
	// Unread are the files that could not be opened or read to their end. What
	// is in the others was found all the same.
	Unread []error
	// Warmup is what was learned from before; nil where nothing was.
	Warmup *WarmupResult
}

// WarmupResult accounts for the records that were only learned from.
type WarmupResult struct {
	Ledger Ledger
	Bytes  int64
}

// Scan reads logs to their end and returns the findings. State is kept in
// memory; nothing is written.
func Scan(ctx context.Context, o ScanOptions) (*ScanResult, error) {
	paths, err := expand(o.Paths)
	if err != nil {
		return nil, err
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	s := newScanner(o)
	if err := s.run(ctx, paths); err != nil {
		return nil, err
	}
	if err := s.sequences(); err != nil {
		return nil, err
	}
	s.result.Findings, s.result.Unread = s.memory.sorted(), s.unread
	return s.result, nil
}

func newScanner(o ScanOptions) *scanner {
	s := &scanner{
		o: o, pool: ingest.NewPool(2*o.Workers + 4),
		free:   make(chan *decode.Batch, 2*o.Workers+2),
		engine: detect.New(o.Detect),
		book:   sequence.NewBook(sequence.Builtin()),
		memory: memory{},
		told:   map[event.Reason]int{},
		result: &ScanResult{},
	}
	s.noise = governor{in: s.memory, limits: o.Noise, fresh: o.Fresh, log: o.Log}
	if o.Hides != nil {
		s.noise.hides = func(f func() *finding.Finding) (bool, error) { return o.Hides(f()) }
	}
	s.noise.forget()
	return s
}

// run reads everything there is to read.
func (s *scanner) run(ctx context.Context, paths []string) error {
	if err := s.warmUp(ctx, paths); err != nil {
		return err
	}
	if err := s.pass(ctx, paths, false); err != nil {
		return err
	}
	for _, reason := range slices.Sorted(maps.Keys(s.told)) {
		if n := s.told[reason] - maxTold; n > 0 {
			s.o.Log.Warn("more records of the same kind", "reason", string(reason), "places", n)
		}
	}
	return nil
}

// pass reads files to their end and judges what is in them, or only learns
// from it.
func (s *scanner) pass(ctx context.Context, paths []string, learn bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.ordered, s.work = make(chan *job, 2*s.o.Workers), make(chan *job, 2*s.o.Workers)
	h := &head{
		stdin: s.o.Stdin, pool: s.pool, log: s.o.Log, take: s.take, damage: s.sendRejected,
		kind: event.Chunk{Scope: s.o.Scope, Source: s.o.Source, Format: s.o.Format, Learn: learn},
	}
	if len(paths) > 1 {
		paths = h.inTimeOrder(paths)
	}
	for range s.o.Workers {
		go s.decodeJobs(s.work)
	}
	go func() {
		defer close(s.ordered)
		defer close(s.work)
		if err := h.readAll(ctx, paths); err != nil {
			cancel(err)
		}
	}()
	err := s.judgeAll(ctx, learn)
	if err == nil { // else the reader may be at it still
		s.unread = append(s.unread, h.unread...)
	}
	return err
}

// scanner is the state of one scan.
type scanner struct {
	o       ScanOptions
	pool    *ingest.Pool
	ordered chan *job // every job, in the order of the input
	work    chan *job // the same jobs, for whichever decoder is free
	free    chan *decode.Batch
	unread  []error

	// Owned by the goroutine that judges.
	engine *detect.Engine
	memory memory
	noise  governor
	book   *sequence.Book
	told   map[event.Reason]int // bad records, by kind
	result *ScanResult
	twin   *scanner // judges the same batches by other settings; nil: nobody
}

// job is one chunk on its way to becoming judged events.
type job struct {
	chunk event.Chunk
	batch *decode.Batch
	done  chan struct{} // closed when batch is filled
}

func (s *scanner) decodeJobs(work <-chan *job) {
	var d decode.Decoder
	var id detect.Identifier
	for j := range work {
		select {
		case j.batch = <-s.free:
			j.batch.Reset()
		default:
			j.batch = &decode.Batch{}
		}
		d.Decode(&j.chunk, j.batch)
		id.Identify(&j.batch.Batch)
		close(j.done)
	}
}

// judgeAll judges the chunks in order, whichever decoder was first.
func (s *scanner) judgeAll(ctx context.Context, learn bool) error {
	for {
		var j *job
		select {
		case j = <-s.ordered:
		case <-ctx.Done(): // the reader may wait for input that never comes
			return context.Cause(ctx)
		}
		if j == nil {
			return context.Cause(ctx)
		}
		<-j.done
		b := &j.batch.Batch
		if !learn {
			b = s.within(b)
		}
		twin := s.twin.start(b, learn)
		res, err := s.judge(b, learn)
		if err := errors.Join(err, twin(&res)); err != nil {
			return err
		}
		ledger, bytes := &s.result.Ledger, &s.result.Bytes
		if learn {
			ledger, bytes = &s.result.Warmup.Ledger, &s.result.Warmup.Bytes
		}
		ledger.Add(res.Counts)
		*bytes += j.batch.Bytes
		s.report(j.batch.Rejects, j.batch.Stream)
		if s.o.Progress != nil {
			s.o.Progress(*bytes, ledger.Records())
		}
		s.pool.Put(j.chunk.Data)
		select {
		case s.free <- j.batch:
		default:
		}
	}
}

// judge turns a batch into findings and steps of attacks.
func (s *scanner) judge(b *event.Batch, learn bool) (detect.Result, error) {
	res := s.engine.Process(b)
	for _, err := range res.Faults {
		s.o.Log.Error("a record could not be judged; it is counted as dropped", "stream", b.Stream, "err", err)
	}
	return res, s.keep(b, &res, learn)
}

// keep makes findings and steps of attacks of what was claimed of a batch.
func (s *scanner) keep(b *event.Batch, res *detect.Result, learn bool) error {
	at := map[string]*finding.Record{}
	for _, sig := range res.Signals {
		if s.o.Signal != nil {
			s.o.Signal(sig)
		}
		r, err := s.noise.apply(sig)
		if err != nil {
			return err
		}
		at[sig.Identity()] = r
	}
	if learn { // nor is it a step of an attack
		return nil
	}
	return observe(s.book, b, res, placed{s.memory, at})
}

// start judges a batch in a goroutine of its own, by a scanner that reads
// nothing itself; the function returned waits for it. nil judges nothing. One
// without an engine takes over what another claims.
func (s *scanner) start(b *event.Batch, learn bool) (finish func(*detect.Result) error) {
	switch {
	case s == nil:
		return func(*detect.Result) error { return nil }
	case s.engine == nil:
		return func(res *detect.Result) error { return s.keep(b, res, learn) }
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.judge(b, learn)
		done <- err
	}()
	return func(*detect.Result) error { return <-done }
}

// maxTold is how often a scan tells of bad records of one kind: a folder may
// have thousands of files with the same fault.
const maxTold = 5

// report tells of the first bad record of each kind in a chunk, unless there is
// nothing more to tell.
func (s *scanner) report(rejects []event.Reject, stream string) {
	for _, r := range rejects {
		if r.Outcome != event.Malformed && r.Reason != event.ReasonMissingFields || r.Detail == "" {
			continue
		}
		s.told[r.Reason]++
		if s.told[r.Reason] > maxTold {
			continue
		}
		at := stream
		if r.Line > 0 {
			at = fmt.Sprintf("%s:%d", stream, r.Line)
		}
		what := "malformed record"
		if r.Outcome == event.Dropped {
			what = "records that cannot be judged"
		}
		s.o.Log.Warn(what, "at", at, "reason", string(r.Reason), "count", r.Count, "detail", r.Detail)
	}
}

// take hands a chunk to the decoders.
func (s *scanner) take(ctx context.Context, c *event.Chunk) error {
	j := &job{done: make(chan struct{}), chunk: *c}
	select {
	case s.work <- j:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return s.send(ctx, j)
}

// sendRejected accounts for input in which no records can be told apart: as
// one malformed record.
func (s *scanner) sendRejected(ctx context.Context, path string, reason event.Reason, detail string) error {
	b := &decode.Batch{}
	b.Stream = path
	b.Rejects = []event.Reject{{Source: cmp.Or(s.o.Source, event.K8sAudit), Scope: s.o.Scope, Outcome: event.Malformed, Reason: reason, Count: 1, Detail: detail}}
	j := &job{done: make(chan struct{}), batch: b}
	close(j.done)
	return s.send(ctx, j)
}

func (s *scanner) send(ctx context.Context, j *job) error {
	select {
	case s.ordered <- j:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
