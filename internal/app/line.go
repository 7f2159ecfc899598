package app

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/store"
)

// Bounds of what waits before judgement. Beyond them a sender is told to come
// again, so that memory stays bounded and nobody waits for long.
const (
	maxWaitingBytes  = 128 << 20
	maxWaitingPushes = 1024
	maxGroup         = 64 // pushes that one commit takes together
)

// line is the part of the server between ingest and the store. It implements
// ingest.Sink by judging at once: Append returns when the effects are committed.
type line struct {
	store   *store.Store
	log     *slog.Logger
	metrics *metrics
	shards  []*shard
	waiting atomic.Int64 // bytes
	batches chan *decode.Batch
}

// shard judges the scopes that hash to it, one goroutine each.
type shard struct {
	*line
	in     chan *work
	engine *detect.Engine // owned by run
}

// work is one push on its way.
type work struct {
	push  *ingest.Push
	batch *decode.Batch
	done  chan error
}

func newLine(st *store.Store, o detect.Options, shards int, log *slog.Logger, m *metrics) *line {
	l := &line{store: st, log: log, metrics: m, batches: make(chan *decode.Batch, 16)}
	for range shards {
		l.shards = append(l.shards, &shard{line: l, in: make(chan *work, maxWaitingPushes), engine: detect.New(o)})
	}
	return l
}

// Append decodes on the caller's goroutine and has the scope's shard judge.
func (l *line) Append(ctx context.Context, p *ingest.Push) error {
	size := int64(len(p.Chunk.Data))
	if l.waiting.Add(size) > maxWaitingBytes && l.waiting.Load() != size {
		l.waiting.Add(-size)
		return ingest.ErrFull
	}
	defer l.waiting.Add(-size)
	w := &work{push: p, batch: l.batch(), done: make(chan error, 1)}
	var d decode.Decoder
	d.Decode(&p.Chunk, w.batch)
	p.Result = resultOf(w.batch)
	select {
	case l.shardOf(p.Chunk.Scope).in <- w:
	default:
		return ingest.ErrFull
	}
	select {
	case err := <-w.done:
		select {
		case l.batches <- w.batch:
		default:
		}
		return err
	case <-ctx.Done(): // judged all the same; the sender will come again and be a duplicate
		return ctx.Err()
	}
}

func (l *line) batch() *decode.Batch {
	select {
	case b := <-l.batches:
		b.Reset()
		return b
	default:
		return &decode.Batch{}
	}
}

func resultOf(b *decode.Batch) ingest.Result {
	r := ingest.Result{Events: int64(len(b.Events))}
	for _, rej := range b.Rejects {
		if rej.Outcome != event.Malformed {
			r.Events += rej.Count
			continue
		}
		if r.Malformed += rej.Count; r.Detail == "" {
			r.Detail = rej.Detail
		}
	}
	return r
}

// shardOf spreads streams by the scope they are pushed for. Records that name
// another cluster themselves are judged with their stream.
func (l *line) shardOf(s event.Scope) *shard {
	h := fnv.New32a()
	h.Write([]byte(s.String()))
	return l.shards[h.Sum32()%uint32(len(l.shards))]
}

// run judges until ctx ends; what was accepted before is still committed.
func (s *shard) run(ctx context.Context) {
	for {
		select {
		case w := <-s.in:
			s.commitGroup(s.gather(w))
		case <-ctx.Done():
			for {
				select {
				case w := <-s.in:
					s.commitGroup(s.gather(w))
				default:
					return
				}
			}
		}
	}
}

// gather takes what else is waiting, so that one commit serves many pushes.
func (s *shard) gather(first *work) []*work {
	group := []*work{first}
	for len(group) < maxGroup {
		select {
		case w := <-s.in:
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}

// commitTimeout bounds one commit; a disk that hangs must not hang senders for ever.
const commitTimeout = 30 * time.Second

func (s *shard) commitGroup(group []*work) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	start := time.Now()
	var counts []detect.Count
	fresh := 0
	scopes := map[event.Scope]bool{}
	err := s.store.Commit(ctx, func(tx *store.Tx) error {
		t := &transaction{Tx: tx, shard: s, scopes: scopes}
		for _, w := range group {
			if err := t.judge(w); err != nil {
				return err
			}
		}
		counts, fresh = t.counts, t.fresh
		return t.finish()
	})
	if err != nil { // what the engine learned from these records was not kept
		for sc := range scopes {
			s.engine.Forget(sc)
		}
		s.log.Error("a commit failed; senders are told to send again", "err", err)
	} else {
		s.metrics.committed(counts, fresh, time.Since(start))
	}
	for _, w := range group {
		w.done <- err
	}
}

// transaction is one commit under way.
type transaction struct {
	*store.Tx
	shard   *shard
	scopes  map[event.Scope]bool // those met so far; true where the analysis is switched off
	filters []finding.Filter
	loaded  bool // filters
	counts  []detect.Count
	fresh   int // findings that are new
}

func (t *transaction) judge(w *work) error {
	b := &w.batch.Batch
	if err := t.prepare(b); err != nil {
		return err
	}
	res := t.shard.engine.Process(b)
	for _, err := range res.Faults {
		t.shard.log.Error("a record could not be judged; it is counted as dropped", "stream", b.Stream, "err", err)
	}
	for _, sig := range res.Signals {
		if err := apply(t, sig, t.onFresh); err != nil {
			return fmt.Errorf("keep a finding: %w", err)
		}
	}
	t.counts = append(t.counts, res.Counts...)
	if c := w.push.Cursor; c.Name != "" {
		return t.PutCursor(c.Name, c.Data)
	}
	return nil
}

// prepare restores what is known of the batch's scopes, and drops the records
// of scopes whose analysis is switched off.
func (t *transaction) prepare(b *event.Batch) error {
	kept := b.Events[:0]
	for i := range b.Events {
		sc := b.Events[i].Scope
		off, met := t.scopes[sc]
		if !met {
			if err := t.restore(sc); err != nil {
				return err
			}
			var err error
			if off, err = t.disabled(sc); err != nil {
				return err
			}
			t.scopes[sc] = off
		}
		if off {
			b.Rejects = append(b.Rejects, event.Reject{Scope: sc, Outcome: event.Dropped, Reason: event.ReasonDetectorOff, Count: 1})
			continue
		}
		kept = append(kept, b.Events[i])
	}
	b.Events = kept
	return nil
}

const stateName = "detect"

func (t *transaction) restore(sc event.Scope) error {
	if t.shard.engine.Knows(sc) {
		return nil
	}
	data, err := t.State(sc.String(), stateName)
	if errors.Is(err, finding.ErrNotFound) || err == nil && len(data) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what is known of %s: %w", sc, err)
	}
	if err := t.shard.engine.Restore(sc, data); err != nil {
		t.shard.log.Error("detection starts without its memory", "scope", sc.String(), "err", err)
	}
	return nil
}

// disabled reports whether the operator switched the analysis of a scope off:
// a detector that was deleted or suspended, or one without EKS_AUDIT_LOGS.
// Where no detector was ever made, records are judged: findings wait for it.
func (t *transaction) disabled(sc event.Scope) (bool, error) {
	d, err := t.Detector(finding.DetectorID(sc.Account, sc.Region))
	if errors.Is(err, finding.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the detector: %w", err)
	}
	if !d.DeletedAt.IsZero() || !d.Enabled {
		return true, nil
	}
	for _, f := range d.Features {
		if f.Name == "EKS_AUDIT_LOGS" {
			return !f.Enabled, nil
		}
	}
	return false, nil
}

// onFresh archives a new finding that a suppression rule matches.
func (t *transaction) onFresh(f *finding.Finding) (err error) {
	t.fresh++
	if !t.loaded {
		if t.filters, err = t.Filters(); err != nil {
			return err
		}
		t.loaded = true
	}
	for _, flt := range t.filters {
		if flt.DetectorID != f.Service.DetectorID {
			continue
		}
		ok, err := flt.Criteria.Match(f)
		if err != nil {
			t.shard.log.Error("a suppression rule cannot be applied", "filter", flt.Name, "err", err)
			continue
		}
		if ok {
			f.Service.Archived = true
			return nil
		}
	}
	return nil
}

// finish stores what the engine knows now, and the accounting.
func (t *transaction) finish() error {
	for sc := range t.scopes {
		data, changed, err := t.shard.engine.Snapshot(sc)
		if err != nil {
			return err
		}
		if changed {
			if err := t.PutState(sc.String(), stateName, data); err != nil {
				return err
			}
		}
	}
	rows := make([]store.LedgerRow, 0, len(t.counts))
	for _, c := range t.counts {
		rows = append(rows, store.LedgerRow{
			Source: string(event.K8sAudit), Account: c.Scope.Account, Region: c.Scope.Region, Cluster: c.Scope.Cluster,
			Outcome: string(c.Outcome), Reason: string(c.Reason), Count: c.N, First: c.First, Last: c.Last,
		})
	}
	return t.AddLedger(rows)
}
