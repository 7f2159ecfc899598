package app

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/backtest"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/noise"
	"github.com/vedette-project/vedette/internal/rule"
	"github.com/vedette-project/vedette/internal/sequence"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/rules"
)

// Settings are one way of judging records.
type Settings struct {
	Detect    detect.Options
	Sequences sequence.Options
	Noise     noise.Limits
	Suppress  *Suppressions // nil: nothing is suppressed
}

// BacktestOptions say what to read, and two ways of judging it.
type BacktestOptions struct {
	// Scan says what is read and how; its Detect and Sequences are not used.
	Scan             ScanOptions
	Today, Candidate Settings
	// SameDetection says that the two differ in what they suppress only: then
	// records are judged once.
	SameDetection bool
}

// BacktestResult is what both settings find in the same records.
type BacktestResult struct {
	Today, Candidate []backtest.Found // in no order
	// Scan accounts for what was read; its findings are those of today's settings.
	Scan *ScanResult
}

// Backtest reads logs to their end once and judges them twice: by today's
// settings and by the candidate's. Both see the same records in the same order.
// It is a scan with a second judge; nothing is written.
func Backtest(ctx context.Context, o BacktestOptions) (*BacktestResult, error) {
	paths, err := expand(o.Scan.Paths)
	if err != nil {
		return nil, err
	}
	if o.Scan.Workers <= 0 {
		o.Scan.Workers = runtime.GOMAXPROCS(0)
	}
	today, candidate := newJudging(o.Scan, o.Today), newJudging(o.Scan, o.Candidate)
	today.twin = candidate.scanner
	if o.SameDetection {
		candidate.engine = nil
	}
	if err := today.run(ctx, paths); err != nil {
		return nil, err
	}
	res := &BacktestResult{Scan: today.result}
	if res.Today, err = today.found(); err != nil {
		return nil, err
	}
	if res.Candidate, err = candidate.found(); err != nil {
		return nil, err
	}
	res.Scan.Findings, res.Scan.Unread = today.memory.sorted(), today.unread
	return res, nil
}

// judging is a scanner that suppresses as a server does.
type judging struct {
	*scanner
	suppress *Suppressions
	hidden   map[*finding.Finding]string // the names of filters
}

func newJudging(o ScanOptions, s Settings) *judging {
	j := &judging{suppress: s.Suppress, hidden: map[*finding.Finding]string{}}
	o.Detect, o.Sequences, o.Noise, o.Fresh = s.Detect, s.Sequences, s.Noise, j.fresh
	if s.Suppress != nil {
		o.Hides = func(f *finding.Finding) (bool, error) {
			by, err := s.Suppress.Hides(f)
			return by != nil, err
		}
	}
	j.scanner = newScanner(o)
	return j
}

// fresh archives a new finding that a filter matches.
func (j *judging) fresh(f *finding.Finding) error {
	if j.suppress == nil {
		return nil
	}
	by, err := j.suppress.Hides(f)
	if err != nil || by == nil {
		return err
	}
	f.Service.Archived, j.hidden[f] = true, by.Name
	return nil
}

// found finds the attack sequences, and returns all there is.
func (j *judging) found() ([]backtest.Found, error) {
	if err := j.sequences(); err != nil {
		return nil, err
	}
	for _, s := range j.result.Sequences {
		if !s.Complete {
			continue
		}
		r, err := j.memory.Finding(s.Identity())
		if err == nil {
			err = j.fresh(r.Finding)
		}
		if err != nil {
			return nil, fmt.Errorf("suppress attack sequences: %w", err)
		}
	}
	out := make([]backtest.Found, 0, len(j.memory))
	for identity := range j.memory {
		r, err := j.memory.Finding(identity)
		if err != nil {
			return nil, err
		}
		one := backtest.Found{Identity: identity, Finding: r.Finding, HiddenBy: j.hidden[r.Finding]}
		if r.Finding.Service.Archived && one.HiddenBy == "" { // it stands for many that one hides
			one.HiddenBy = "a suppression rule"
		}
		out = append(out, one)
	}
	return out, nil
}

// ReasonOutside is that of records of another time than the one asked for.
const ReasonOutside event.Reason = "outside_time"

// within drops the events of a batch that are not of the time asked for. The
// batch itself stays as it is.
func (s *scanner) within(b *event.Batch) *event.Batch {
	outside := func(ev event.Event) bool {
		return !ev.Time.IsZero() && (ev.Time.Before(s.o.From) || !s.o.To.IsZero() && !ev.Time.Before(s.o.To))
	}
	if s.o.From.IsZero() && s.o.To.IsZero() || !slices.ContainsFunc(b.Events, outside) {
		return b
	}
	in := *b
	in.Events, in.Rejects = nil, slices.Clone(b.Rejects)
	for i := range b.Events {
		ev := &b.Events[i]
		if !outside(*ev) {
			in.Events = append(in.Events, *ev)
			continue
		}
		in.Rejects = append(in.Rejects, event.Reject{Source: ev.Source, Scope: ev.Scope, Outcome: event.Dropped, Reason: ReasonOutside, Count: 1})
	}
	return &in
}

// CandidateRules are today's rules with others beside them. A file of the
// operator's all of whose rules are among the others is an older version of
// them, and left out.
func CandidateRules(d config.Detection, paths []string) (*rule.Set, error) {
	more, err := rule.ReadFiles(paths...)
	if err != nil {
		return nil, err
	}
	own, err := rule.ReadFiles(d.Rules...)
	if err != nil {
		return nil, err
	}
	declared := rule.Declared(more)
	own = slices.DeleteFunc(own, func(f rule.File) bool {
		ids := rule.Declared([]rule.File{f})
		again := func(id string) bool { return slices.Contains(declared, id) }
		return slices.ContainsFunc(more, func(m rule.File) bool { return m.Name == f.Name }) ||
			len(ids) > 0 && !slices.ContainsFunc(ids, func(id string) bool { return !again(id) })
	})
	own = append(own, more...)
	pack, err := packFiles(&d.RulePack, own)
	if err != nil {
		return nil, err
	}
	return loadRules(slices.Concat(pack, own))
}

// OwnRules are those of a set that are not of the pack.
func OwnRules(set *rule.Set) (out []*rule.Rule) {
	if set == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(set.Rules()), rules.Has)
}

// recentPage is how many findings are read at once.
const recentPage = 200

// Recent reads the findings of a detector that began at or after a moment, as
// they are now.
func Recent(ctx context.Context, st *store.Store, detector string, since time.Time, use func(*finding.Finding) error) error {
	from := float64(since.UnixMilli())
	q := finding.Query{
		DetectorID: detector, Limit: recentPage, Sort: finding.Sort{Field: "createdAt"},
		Criteria: finding.Criteria{"createdAt": {GreaterThanOrEqual: &from}},
	}
	for {
		ids, next, err := st.ListFindings(ctx, q)
		if err != nil {
			return err
		}
		fs, err := st.Findings(ctx, detector, ids, finding.Sort{})
		if err != nil {
			return err
		}
		for _, f := range fs {
			if err := use(f); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		q.After = next
	}
}

// Preview says which findings of a server's store filters would have hidden,
// whether they are archived or not. What nothing happens to comes without its
// evidence: there may be many.
func Preview(ctx context.Context, st *store.Store, detector string, since time.Time, s *Suppressions) (today, candidate []backtest.Found, err error) {
	if err := errors.Join(s.Faults...); err != nil {
		return nil, nil, err
	}
	err = Recent(ctx, st, detector, since, func(f *finding.Finding) error {
		by, err := s.Hides(f)
		if err != nil {
			return err
		}
		was := backtest.Found{Identity: f.ID, Finding: f}
		is := was
		if by != nil {
			is.HiddenBy = by.Name
		} else {
			f.Service.AdditionalInfo = nil
		}
		today, candidate = append(today, was), append(candidate, is)
		return nil
	})
	return today, candidate, err
}

// RuleFiles are the names of the files of rules in files and folders.
func RuleFiles(paths []string) ([]string, error) {
	files, err := rule.ReadFiles(paths...)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	return names, nil
}
