package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

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
	s.result.Findings = s.memory.sorted()
	return s.result, nil
}

// scanner is the state of one scan.
type scanner struct {
	o       ScanOptions
	pool    *ingest.Pool
	ordered chan *job // every job, in the order of the input
	work    chan *job // the same jobs, for whichever decoder is free
	free    chan *decode.Batch
	bytes   atomic.Int64

	// Owned by the goroutine that judges.
	engine *detect.Engine
	memory memory
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
	for j := range s.work {
		select {
		case j.batch = <-s.free:
			j.batch.Reset()
		default:
			j.batch = &decode.Batch{}
		}
		d.Decode(&j.chunk, j.batch)
		close(j.done)
	}
}

// judgeAll judges the chunks in order, whichever decoder was first.
func (s *scanner) judgeAll(ctx context.Context) error {
	for j := range s.ordered {
		<-j.done
		res := s.engine.Process(&j.batch.Batch)
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
	return context.Cause(ctx)
}

// report tells of the first bad record of each kind in a chunk.
func (s *scanner) report(rejects []event.Reject, stream string) {
	for _, r := range rejects {
		if r.Outcome != event.Malformed {
			continue
		}
		at := stream
		if r.Line > 0 {
			at = fmt.Sprintf("%s:%d", stream, r.Line)
		}
		s.o.Log.Warn("malformed record", "at", at, "reason", string(r.Reason), "count", r.Count, "detail", r.Detail)
	}
}

func (s *scanner) readAll(ctx context.Context, paths []string) error {
	for _, p := range paths {
		if err := s.readOne(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) readOne(ctx context.Context, path string) error {
	in, err := ingest.Open(path, s.o.Stdin)
	if err != nil {
		return err
	}
	defer in.Close()
	if in.Binary {
		return s.send(ctx, &job{done: closed(), batch: binaryFile(path, s.o.Scope)})
	}
	f := ingest.NewFramer(in, s.pool)
	for {
		j := &job{done: make(chan struct{}), chunk: event.Chunk{Stream: path, Received: in.Modified, Scope: s.o.Scope}}
		switch err := f.Next(&j.chunk); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && isCorrupt(err):
			// What came before the fault was read; the rest of the file is lost and says so.
			s.o.Log.Warn("compressed input is damaged; the rest of the file cannot be read", "file", path, "err", err)
			b := &decode.Batch{}
			b.Stream = path
			b.Rejects = []event.Reject{{Scope: s.o.Scope, Outcome: event.Malformed, Reason: event.ReasonIncomplete, Count: 1, Detail: "damaged compression: " + err.Error()}}
			return s.send(ctx, &job{done: closed(), batch: b})
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

func (s *scanner) send(ctx context.Context, j *job) error {
	select {
	case s.ordered <- j:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// binaryFile is the outcome of a file that is no log: one malformed record.
func binaryFile(path string, scope event.Scope) *decode.Batch {
	b := &decode.Batch{}
	b.Stream = path
	b.Rejects = []event.Reject{{Scope: scope, Outcome: event.Malformed, Reason: event.ReasonBinary, Count: 1,
		Detail: "the file is neither text nor gzip nor zstd"}}
	return b
}

// inTimeOrder sorts files by the time of their first record, so that rotated
// logs are read as they were written, whatever the order of the arguments.
func (s *scanner) inTimeOrder(paths []string) []string {
	type timed struct {
		path  string
		first time.Time
	}
	list := make([]timed, len(paths))
	for i, p := range paths {
		list[i] = timed{p, s.firstTime(p)}
	}
	slices.SortStableFunc(list, func(a, b timed) int {
		if c := a.first.Compare(b.first); c != 0 {
			return c
		}
		return strings.Compare(a.path, b.path)
	})
	for i := range list {
		paths[i] = list[i].path
	}
	return paths
}

// firstTime is the event time of a file's first record, zero if it shows none.
func (s *scanner) firstTime(path string) time.Time {
	if path == "-" {
		return time.Time{}
	}
	in, err := ingest.Open(path, nil)
	if err != nil {
		return time.Time{} // reading it will tell
	}
	defer in.Close()
	head, err := io.ReadAll(io.LimitReader(in, 256<<10))
	if err != nil && len(head) == 0 {
		return time.Time{}
	}
	f := ingest.NewFramer(strings.NewReader(string(head)), s.pool)
	var c event.Chunk
	if f.Next(&c) != nil {
		return time.Time{}
	}
	var d decode.Decoder
	b := &decode.Batch{}
	d.Decode(&c, b)
	for i := range b.Events {
		if !b.Events[i].Time.IsZero() {
			return b.Events[i].Time
		}
	}
	return time.Time{}
}

// expand replaces folders by the files in them, and refuses what is not there.
func expand(paths []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, errors.New("nothing to scan: name a file, a folder, or - for standard input")
	}
	var out []string
	for _, p := range paths {
		if p == "-" {
			out = append(out, p)
			continue
		}
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && path != p && strings.HasPrefix(d.Name(), "."):
				return fs.SkipDir
			case d.IsDir() || path != p && strings.HasPrefix(d.Name(), "."):
				return nil
			}
			out = append(out, path)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for logs: %w", err)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no files in %s", strings.Join(paths, ", "))
	}
	return out, nil
}
