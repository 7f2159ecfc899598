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

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/ingest"
)

// ScanOptions say what to scan and how.
type ScanOptions struct {
	Paths   []string // files, folders, or "-" for standard input
	Stdin   io.Reader
	Scope   event.Scope
	Source  event.Source // what the input is; "" finds out by content
	Format  string       // fields of flow log lines that have no header
	Detect  detect.Options
	Workers int // decoding goroutines; 0 means one a processor
	Log     *slog.Logger
	// Progress, if set, is called now and then with the bytes and records so far.
	Progress func(bytes, records int64)
}

// ScanResult is what a scan found.
type ScanResult struct {
	Findings []*finding.Finding // by first event time, then id
	Ledger   Ledger
	Bytes    int64
	// Unread are the files that could not be opened or read to their end. What
	// is in the others was found all the same.
	Unread []error
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
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &scanner{
		o: o, pool: ingest.NewPool(2*o.Workers + 4),
		ordered: make(chan *job, 2*o.Workers),
		work:    make(chan *job, 2*o.Workers),
		free:    make(chan *decode.Batch, 2*o.Workers+2),
		engine:  detect.New(o.Detect),
		memory:  memory{},
		told:    map[event.Reason]int{},
		result:  &ScanResult{},
	}
	if len(paths) > 1 {
		paths = s.inTimeOrder(paths)
	}
	for range o.Workers {
		go s.decodeJobs()
	}
	go func() {
		defer close(s.ordered)
		defer close(s.work)
		if err := s.readAll(ctx, paths); err != nil {
			cancel(err)
		}
	}()
	if err := s.judgeAll(ctx); err != nil {
		return nil, err
	}
	for _, reason := range slices.Sorted(maps.Keys(s.told)) {
		if n := s.told[reason] - maxTold; n > 0 {
			s.o.Log.Warn("more records of the same kind", "reason", string(reason), "places", n)
		}
	}
	s.result.Findings, s.result.Unread = s.memory.sorted(), s.unread
	return s.result, nil
}

// scanner is the state of one scan.
type scanner struct {
	o       ScanOptions
	pool    *ingest.Pool
	ordered chan *job // every job, in the order of the input
	work    chan *job // the same jobs, for whichever decoder is free
	free    chan *decode.Batch
	unread  []error // owned by the goroutine that reads, until ordered is closed

	// Owned by the goroutine that judges.
	engine *detect.Engine
	memory memory
	told   map[event.Reason]int // bad records, by kind
	result *ScanResult
}

// job is one chunk on its way to becoming judged events.
type job struct {
	chunk event.Chunk
	batch *decode.Batch
	done  chan struct{} // closed when batch is filled
}

func (s *scanner) decodeJobs() {
	var d decode.Decoder
	var id detect.Identifier
	for j := range s.work {
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
func (s *scanner) judgeAll(ctx context.Context) error {
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
		res := s.engine.Process(&j.batch.Batch)
		for _, err := range res.Faults {
			s.o.Log.Error("a record could not be judged; it is counted as dropped", "stream", j.batch.Stream, "err", err)
		}
		for _, sig := range res.Signals {
			if err := apply(s.memory, sig, nil); err != nil {
				return err
			}
		}
		s.result.Ledger.Add(res.Counts)
		s.result.Bytes += j.batch.Bytes
		s.report(j.batch.Rejects, j.batch.Stream)
		if s.o.Progress != nil {
			s.o.Progress(s.result.Bytes, s.result.Ledger.Records())
		}
		s.pool.Put(j.chunk.Data)
		select {
		case s.free <- j.batch:
		default:
		}
	}
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

func (s *scanner) readAll(ctx context.Context, paths []string) error {
	for _, p := range paths {
		err := s.readOne(ctx, p)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			s.unread = append(s.unread, err)
		}
	}
	return nil
}

func (s *scanner) readOne(ctx context.Context, path string) error {
	in, err := ingest.Open(path, s.o.Stdin)
	if err != nil && isCorrupt(err) {
		return s.damaged(ctx, path, err)
	}
	if err != nil {
		return err
	}
	defer in.Close()
	if in.Binary {
		return s.sendRejected(ctx, path, event.ReasonBinary, "the file is neither text nor gzip nor zstd")
	}
	f := ingest.NewFramer(in, s.pool)
	for {
		j := &job{done: make(chan struct{}), chunk: event.Chunk{Stream: path, Received: in.Modified, Scope: s.o.Scope, Source: s.o.Source, Format: s.o.Format}}
		switch err := f.Next(&j.chunk); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && isCorrupt(err):
			return s.damaged(ctx, path, err)
		case err != nil:
			return fmt.Errorf("read %s: %w", path, err)
		}
		select {
		case s.work <- j:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := s.send(ctx, j); err != nil {
			return err
		}
	}
}

// damaged accounts for the rest of a file whose compression is broken. What
// came before the fault was read.
func (s *scanner) damaged(ctx context.Context, path string, err error) error {
	what := "compressed input is damaged; the rest of the file cannot be read"
	var parquet *ingest.ParquetError
	if errors.As(err, &parquet) {
		what = "a Parquet file is damaged; the rest of it cannot be read"
	}
	s.o.Log.Warn(what, "file", path, "err", err)
	return s.sendRejected(ctx, path, event.ReasonIncomplete, "") // it was told
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
