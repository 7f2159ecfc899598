package app

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/config"
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
	home    finding.Home
	past    *past
	nodes   nodeBook
	lookups *lookups // nil where EC2 is not asked
	steps   steps    // of attacks
	lessons lessons
	rules   ruleBook
	noise   governor

	// Of the commit under way.
	scopes  map[event.Scope]bool // those met so far
	plan    *plan                // what the detector analyses; nil until it was read
	filters *Suppressions        // nil until they were read
	hidden  hidden
	drafts  drafts
	ledger  tally
	counts  []detect.Count
	fresh   int                            // findings that are new
	canary  []time.Time                    // when canaries were sent
	told    map[event.Scope][]*event.Event // what lists name from now on
	// recalled are findings about the past that are new, or say more now.
	recalled int
	// wanted are machines that nothing is known of.
	wanted []wanted
}

func newJudge(o detect.Options, keep config.History, log *slog.Logger, m *metrics, now func() time.Time) *judge {
	o.Durable = true
	p := newPast(keep, log, now)
	if keep.Days > 0 {
		o.History = p.contacts
	}
	j := &judge{engine: detect.New(o), log: log, metrics: m, now: now, home: o.Home, past: p, lessons: newLessons(), rules: newRuleBook()}
	j.noise = governor{
		in: &j.drafts, log: log, hides: j.hides,
		fresh: func(f *finding.Finding) error { return j.onFresh(j.drafts.tx, f) },
		state: func(scope, name string) ([]byte, error) { return j.drafts.tx.State(scope, name) },
	}
	j.nodes.forget()
	j.steps.forget()
	j.noise.forget()
	j.begin()
	return j
}

// begin forgets the commit before.
func (j *judge) begin() {
	j.rules.begin()
	j.scopes, j.plan, j.filters, j.hidden = map[event.Scope]bool{}, nil, nil, hidden{}
	j.drafts = drafts{byIdentity: map[string]*finding.Record{}, changed: map[string]bool{}}
	j.ledger, j.counts, j.fresh, j.canary, j.told, j.recalled, j.wanted = tally{}, nil, 0, nil, map[event.Scope][]*event.Event{}, 0, nil
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
	for _, r := range b.Rejects {
		if r.Reason == event.ReasonMissingFields || r.Reason == event.ReasonNoTime { // the operator can do something about it
			j.log.Warn("records cannot be judged", "reason", string(r.Reason), "source", string(r.Source), "path", b.Stream, "err", r.Detail)
		}
	}
	j.drafts.tx = tx
	if err := j.rules.before(&j.drafts, res.Rules); err != nil {
		return fmt.Errorf("count what rules find: %w", err)
	}
	at := map[string]*finding.Record{}
	for _, sig := range res.Signals {
		r, err := j.noise.apply(sig)
		if err != nil {
			return fmt.Errorf("keep a finding: %w", err)
		}
		id := sig.Identity()
		if p.Trace.Sampled {
			tx.Trace(r.Merge.Identity, p.Trace.String())
		}
		if at[id] = r; r.Merge.Identity == id {
			j.wanted = j.lookups.want(j.wanted, sig)
		}
	}
	if err := j.rules.after(&j.drafts); err != nil {
		return fmt.Errorf("count what rules find: %w", err)
	}
	if err := j.steps.observe(b, &res, placed{&j.drafts, at}); err != nil {
		return fmt.Errorf("note steps of attacks: %w", err)
	}
	if !b.Learn { // old records show no node as it is
		if err := j.nodes.note(tx, b, res.Losses); err != nil {
			return err
		}
	}
	j.counts = append(j.counts, res.Counts...)
	j.ledger.received(p)
	j.ledger.outcomes(res.Counts)
	for _, ev := range res.Told {
		j.told[ev.Scope] = append(j.told[ev.Scope], ev)
	}
	for _, ev := range res.Feedback {
		if err := j.applyFeedback(tx, ev); err != nil {
			return err
		}
	}
	if len(res.Told) > 0 || len(res.Feedback) > 0 || b.Learn { // of ours, or of old: no source
		return nil
	}
	if b.Stream == lookupStream {
		return completeFindings(&j.drafts, b)
	}
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
	if j.plan == nil {
		var err error
		if j.plan, err = j.readPlan(tx); err != nil {
			return nil, err
		}
	}
	whole := p.Drop == "" && len(p.Skip) == 0
	if p.Drop == "" {
		for i := range p.Batch.Events {
			ev := &p.Batch.Events[i]
			if err := j.meet(tx, ev.Scope); err != nil {
				return nil, err
			}
			if p.Batch.Learn {
				if err := j.recallLessons(tx, ev.Scope); err != nil {
					return nil, err
				}
			}
			whole = whole && !j.off(ev)
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
		if reason == "" && j.off(ev) {
			reason = event.ReasonDetectorOff
		}
		if reason == "" {
			b.Events = append(b.Events, *ev)
			continue
		}
		if ev.Runtime != nil && !b.Learn { // its number is none that is missing
			if err := j.meet(tx, ev.Scope); err != nil {
				return nil, err
			}
			j.engine.Came(ev)
		}
		b.Rejects = append(b.Rejects, event.Reject{Source: ev.Source, Scope: ev.Scope, Outcome: event.Dropped, Reason: reason, Count: 1})
	}
	return &b, nil
}

// off reports whether an event is not to be analysed. What lists name is of no
// analysis of its own.
func (j *judge) off(ev *event.Event) bool {
	if ev.Indicators != nil {
		return j.plan.all
	}
	if ev.Feedback != nil {
		return false
	}
	return j.plan.off(ev)
}

// meet restores a scope when the commit meets it first.
func (j *judge) meet(tx *store.Tx, sc event.Scope) error {
	if j.scopes[sc] {
		return nil
	}
	if err := j.restore(tx, sc); err != nil {
		return err
	}
	j.scopes[sc] = true
	return nil
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
	for _, log := range j.engine.Logs(sc) {
		bad, first := 0, error(nil)
		err := tx.Seen(logScope(sc, log), func(generation int64, data []byte) error {
			bytes += len(data)
			if err := j.engine.RestoreRun(sc, detect.Run{Log: log, Generation: generation, Data: data}); err != nil {
				bad, first = bad+1, cmp.Or(first, err)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read what was seen of %s: %w", sc, err)
		}
		if bad > 0 { // of another version, or damaged: worth less than a shard that stands
			j.log.Error("some of what was known cannot be read; detection goes on without", "scope", sc.String(), "table", log, "rows", bad, "err", first)
		}
	}
	if bytes > 0 {
		j.log.Info("the memory of a scope was restored", "scope", sc.String(), "bytes", bytes, "took", j.now().Sub(start).Round(time.Millisecond))
	}
	return nil
}

// logScope is the name under which the store keeps a log of a scope.
func logScope(sc event.Scope, log string) string {
	if log == "" {
		return sc.String()
	}
	return sc.String() + "#" + log
}

// onFresh archives a new finding that a suppression rule matches, and counts it.
func (j *judge) onFresh(tx *store.Tx, f *finding.Finding) error {
	j.fresh++
	filters, err := j.suppressions(tx)
	if err != nil {
		return err
	}
	by, err := filters.Hides(f)
	if err != nil || by == nil {
		return err
	}
	f.Service.Archived = true
	if j.engine == nil { // of the correlator, which has no end of a commit
		one := hidden{}
		one.add(by, f)
		return one.write(tx)
	}
	j.hidden.add(by, f)
	return nil
}

// suppressions reads the suppression rules once in a commit.
func (j *judge) suppressions(tx *store.Tx) (*Suppressions, error) {
	if j.filters == nil {
		filters, err := tx.Filters()
		if err != nil {
			return nil, err
		}
		j.filters = NewSuppressions(filters)
		for _, err := range j.filters.Faults {
			j.log.Error("a suppression rule cannot be applied", "err", err)
		}
	}
	return j.filters, nil
}

// hides reports whether a suppression rule would archive a finding.
func (j *judge) hides(f func() *finding.Finding) (bool, error) {
	filters, err := j.suppressions(j.drafts.tx)
	if err != nil || len(filters.rules) == 0 {
		return false, err
	}
	by, err := filters.Hides(f())
	return by != nil, err
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
		if err := j.keepRuns(tx, sc); err != nil {
			return err
		}
		if err := j.keepLessons(tx, sc); err != nil {
			return err
		}
	}
	if err := j.recall(tx); err != nil {
		return err
	}
	if err := j.drafts.write(tx); err != nil {
		return fmt.Errorf("keep a finding: %w", err)
	}
	if err := j.noise.write(tx); err != nil {
		return err
	}
	if err := j.hidden.write(tx); err != nil {
		return err
	}
	if err := j.steps.write(tx); err != nil {
		return err
	}
	if err := j.nodes.write(tx); err != nil {
		return err
	}
	if err := j.rules.write(tx, j.engine.RuleCosts(), j.now()); err != nil {
		return err
	}
	return j.ledger.write(tx)
}

// keepRuns stores what changed in the logs of a scope.
func (j *judge) keepRuns(tx *store.Tx, sc event.Scope) error {
	runs, err := j.engine.Delta(sc)
	if err != nil {
		return err
	}
	for _, run := range runs {
		name := logScope(sc, run.Log)
		if err := tx.AddSeen(name, run.Generation, run.Data); err != nil {
			return err
		}
		if run.Oldest > 0 {
			if err := tx.PruneSeen(name, run.Oldest, seenPruned); err != nil {
				return err
			}
		}
	}
	return j.past.tidy(tx, sc, runs, j.engine.OpenHours(sc))
}

// Committed tells the metrics.
func (j *judge) Committed(took time.Duration) {
	j.metrics.committed(j.counts, j.fresh, took)
	j.metrics.retrospective.Add(float64(j.recalled))
	j.tellLessons()
	j.lookups.ask(j.wanted)
	j.steps.committed()
	j.rules.committed(j.now())
	j.metrics.folded.Add(float64(j.noise.folded))
	j.noise.begin()
	for _, sent := range j.canary {
		j.metrics.canary.Observe(j.now().Sub(sent).Seconds())
	}
	j.begin()
}

// Forget drops what was learned; it is read again from the store.
func (j *judge) Forget() {
	j.engine.ForgetAll()
	j.forgetLessons()
	j.past.forget()
	j.steps.forget()
	j.nodes.forget()
	j.noise.forget()
	j.begin()
}
