package app

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/line"
	"github.com/vedette-project/vedette/internal/store"
)

var _ line.Judge[*store.Tx] = (*judge)(nil)

// judge turns the records of one shard into findings and accounting.
type judge struct {
	engine  *detect.Engine
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time

	// Of the commit under way.
	scopes  map[event.Scope]bool // those met so far; true where the analysis is switched off
	filters []finding.Filter
	loaded  bool // filters
	drafts  drafts
	ledger  tally
	counts  []detect.Count
	fresh   int         // findings that are new
	canary  []time.Time // when canaries were sent
}

func newJudge(o detect.Options, log *slog.Logger, m *metrics, now func() time.Time) *judge {
	o.Durable = true
	j := &judge{engine: detect.New(o), log: log, metrics: m, now: now}
	j.begin()
	return j
}

// begin forgets the commit before.
func (j *judge) begin() {
	j.scopes, j.filters, j.loaded = map[event.Scope]bool{}, nil, false
	j.drafts = drafts{byIdentity: map[string]*finding.Record{}, changed: map[string]bool{}}
	j.ledger, j.counts, j.fresh, j.canary = tally{}, nil, 0, nil
}

// Judge adds the effects of a push.
func (j *judge) Judge(tx *store.Tx, p *line.Push) error {
	b, err := j.prepare(tx, p)
	if err != nil {
		return err
	}
	res := j.engine.Process(b)
	for _, err := range res.Faults {
		j.log.Error("a record could not be judged; it is counted as dropped", "stream", b.Stream, "err", err)
	}
	j.drafts.tx = tx
	for _, sig := range res.Signals {
		if err := apply(&j.drafts, sig, func(f *finding.Finding) error { return j.onFresh(tx, f) }); err != nil {
			return fmt.Errorf("keep a finding: %w", err)
		}
	}
	j.counts = append(j.counts, res.Counts...)
	j.ledger.received(p)
	j.ledger.outcomes(res.Counts)
	if b.Stream != canaryStream { // nobody's cluster, and none that went quiet when it is switched off
		j.ledger.arrived(b, res.Counts)
	} else {
		for i := range b.Events {
			j.canary = append(j.canary, b.Events[i].Time)
		}
	}
	return nil
}

// prepare restores what is known of the push's scopes, and drops what is not
// to be judged. The push itself stays as it is.
func (j *judge) prepare(tx *store.Tx, p *line.Push) (*event.Batch, error) {
	whole := p.Drop == "" && len(p.Skip) == 0
	if p.Drop == "" {
		for i := range p.Batch.Events {
			off, err := j.meet(tx, p.Batch.Events[i].Scope)
			if err != nil {
				return nil, err
			}
			whole = whole && !off
		}
	}
	if whole {
		return p.Batch, nil
	}
	b := *p.Batch
	b.Events, b.Rejects = nil, slices.Clone(b.Rejects)
	for i := range p.Batch.Events {
		ev := &p.Batch.Events[i]
		reason := cmp.Or(p.Drop, p.Skip[i])
		if reason == "" && j.scopes[ev.Scope] {
			reason = event.ReasonDetectorOff
		}
		if reason == "" {
			b.Events = append(b.Events, *ev)
			continue
		}
		b.Rejects = append(b.Rejects, event.Reject{Scope: ev.Scope, Outcome: event.Dropped, Reason: reason, Count: 1})
	}
	return &b, nil
}

// meet restores a scope when the commit meets it first, and reports whether its
// analysis is switched off.
func (j *judge) meet(tx *store.Tx, sc event.Scope) (off bool, err error) {
	if off, met := j.scopes[sc]; met {
		return off, nil
	}
	if err := j.restore(tx, sc); err != nil {
		return false, err
	}
	if off, err = disabled(tx, sc); err != nil {
		return false, err
	}
	j.scopes[sc] = off
	return off, nil
}

// The names under which the memory of a scope is kept, beside what was seen.
const (
	stateName = "detect"
	marksName = "marks"
)

func (j *judge) restore(tx *store.Tx, sc event.Scope) error {
	if j.engine.Knows(sc) {
		return nil
	}
	start := j.now()
	for _, part := range []struct {
		name    string
		restore func(event.Scope, []byte) error
	}{{stateName, j.engine.Restore}, {marksName, j.engine.RestoreMarks}} {
		data, err := tx.State(sc.String(), part.name)
		if errors.Is(err, finding.ErrNotFound) || err == nil && len(data) == 0 {
			continue
		}
		if err != nil {
			return fmt.Errorf("read what is known of %s: %w", sc, err)
		}
		if err := part.restore(sc, data); err != nil {
			j.log.Error("detection starts without its memory", "scope", sc.String(), "err", err)
		}
	}
	bytes := 0
	err := tx.Seen(sc.String(), func(generation int64, keys []byte) error {
		bytes += len(keys)
		j.engine.RestoreSeen(sc, detect.Seen{Generation: generation, Keys: keys})
		return nil
	})
	if err != nil {
		return fmt.Errorf("read which records of %s were seen: %w", sc, err)
	}
	if bytes > 0 {
		j.log.Info("the memory of a scope was restored", "scope", sc.String(), "records", bytes/16, "took", j.now().Sub(start).Round(time.Millisecond))
	}
	return nil
}

// disabled reports whether the operator switched the analysis of a scope off:
// a detector that was deleted or suspended, or one without EKS_AUDIT_LOGS.
// Where no detector was ever made, records are judged: findings wait for it.
func disabled(tx *store.Tx, sc event.Scope) (bool, error) {
	d, err := tx.Detector(finding.DetectorID(sc.Account, sc.Region))
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
func (j *judge) onFresh(tx *store.Tx, f *finding.Finding) (err error) {
	j.fresh++
	if !j.loaded {
		if j.filters, err = tx.Filters(); err != nil {
			return err
		}
		j.loaded = true
	}
	for _, flt := range j.filters {
		if flt.DetectorID != f.Service.DetectorID {
			continue
		}
		ok, err := flt.Criteria.Match(f)
		if err != nil {
			j.log.Error("a suppression rule cannot be applied", "filter", flt.Name, "err", err)
			continue
		}
		if ok {
			f.Service.Archived = true
			return nil
		}
	}
	return nil
}

// seenPruned bounds how many runs of an old generation one commit deletes.
const seenPruned = 200

// Finish stores what the engine knows now, and the accounting.
func (j *judge) Finish(tx *store.Tx) error {
	for _, sc := range inOrder(j.scopes) {
		for _, part := range []struct {
			name string
			save func(event.Scope) ([]byte, bool, error)
		}{{stateName, j.engine.Snapshot}, {marksName, j.engine.Marks}} {
			data, changed, err := part.save(sc)
			if err != nil {
				return err
			}
			if !changed {
				continue
			}
			if err := tx.PutState(sc.String(), part.name, data); err != nil {
				return err
			}
		}
		fresh, oldest := j.engine.Delta(sc)
		for _, run := range fresh {
			if err := tx.AddSeen(sc.String(), run.Generation, run.Keys); err != nil {
				return err
			}
		}
		if len(fresh) > 0 && oldest > 0 {
			if err := tx.PruneSeen(sc.String(), oldest, seenPruned); err != nil {
				return err
			}
		}
	}
	if err := j.drafts.write(tx); err != nil {
		return fmt.Errorf("keep a finding: %w", err)
	}
	return j.ledger.write(tx)
}

// Committed tells the metrics.
func (j *judge) Committed(took time.Duration) {
	j.metrics.committed(j.counts, j.fresh, took)
	for _, sent := range j.canary {
		j.metrics.canary.Observe(j.now().Sub(sent).Seconds())
	}
	j.begin()
}

// Forget drops what was learned; it is read again from the store.
func (j *judge) Forget() {
	j.engine.ForgetAll()
	j.begin()
}
