package app

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/noise"
	"github.com/vedette-project/vedette/internal/rule"
	"github.com/vedette-project/vedette/internal/store"
)

// NoiseLimits are what a configuration says of types that flood.
func NoiseLimits(c *config.Config) noise.Limits {
	n := &c.Detection.Noise
	return noise.Limits{PerDay: n.FindingsPerTypeAndDay, Types: maps.Clone(n.Types)}
}

// checkNoise reports types that there are not: who gives one a budget would
// wait in vain for its silence.
func checkNoise(n *config.Noise, rules *rule.Set) error {
	var errs []error
	for _, typ := range slices.Sorted(maps.Keys(n.Types)) {
		if _, ok := finding.Lookup(typ); ok || finding.OfRule(typ) {
			continue
		}
		if rules != nil && slices.ContainsFunc(rules.Rules(), func(r *rule.Rule) bool { return r.Vedette.Type == typ }) {
			continue
		}
		errs = append(errs, fmt.Errorf("detection.noise.types: there is no finding type %q; `vedette catalog` and `vedette rules list` show all", typ))
	}
	return errors.Join(errs...)
}

// noiseName is the name under which the store keeps what is remembered of the
// findings of a scope.
const noiseName = "noise"

// governor folds signals into findings: into one that there is, into a new one,
// or, where a type floods, into one that stands for many.
type governor struct {
	in     drafting
	limits noise.Limits
	log    *slog.Logger
	// fresh, if set, may change a finding that is new, before it is kept.
	fresh func(*finding.Finding) error
	// hides, if set, reports whether a suppression rule would archive a finding.
	hides func(finding func() *finding.Finding) (bool, error)
	// state reads what Save of a book returned; nil where nothing is kept.
	state func(scope, name string) ([]byte, error)

	books map[event.Scope]*noise.Book
	// Of the commit under way.
	changed map[event.Scope]*noise.Book
	folded  int // signals
}

// begin forgets the commit before.
func (g *governor) begin() { g.changed, g.folded = map[event.Scope]*noise.Book{}, 0 }

// forget drops what is remembered; it is read again from the store.
func (g *governor) forget() {
	g.books = map[event.Scope]*noise.Book{}
	g.begin()
}

// apply folds one signal into the finding it belongs to, which is returned.
func (g *governor) apply(s *finding.Signal) (*finding.Record, error) {
	r, err := g.in.draft(s.Identity())
	if err == nil {
		if !r.Add(s) {
			return r, nil
		}
		return r, g.in.PutFinding(r)
	}
	if !errors.Is(err, finding.ErrNotFound) {
		return nil, err
	}
	fold, err := g.decide(s)
	if err != nil {
		return nil, err
	}
	if fold != nil {
		return g.together(s, fold)
	}
	r = finding.NewRecord(s)
	if err := g.anew(r, nil); err != nil {
		return nil, err
	}
	return r, g.in.PutFinding(r)
}

// decide says how the finding of a signal, of which there is none yet, is told
// together with others; nil: on its own.
func (g *governor) decide(s *finding.Signal) (*finding.Fold, error) {
	budget := g.limits.Of(s.Type)
	if budget <= 0 || s.Severity >= noise.Critical {
		return nil, nil
	}
	sc := event.Scope{Account: s.Account, Region: s.Region, Cluster: s.Cluster}
	book, err := g.book(sc)
	if err != nil {
		return nil, err
	}
	entities := s.FoldsBy()
	// Rules that share a type are different findings.
	c := noise.Claim{Type: s.Type + "\x00" + s.Rule, Day: noise.DayOf(s.Time.Unix()), Severity: s.Severity}
	for _, e := range entities {
		c.Through = append(c.Through, e.Kind+" "+e.Name)
	}
	if g.hides != nil {
		c.Suppressed, err = g.hides(func() *finding.Finding { return finding.NewRecord(s).Finding })
		if err != nil {
			return nil, err
		}
	}
	through, together := book.Place(budget, c)
	if book.Changed() {
		g.changed[sc] = book
	}
	if !together {
		return nil, nil
	}
	fold := &finding.Fold{Day: finding.Day(s.Time), Budget: budget, Suppressed: c.Suppressed}
	if through >= 0 {
		fold.By = entities[through]
	}
	return fold, nil
}

// together folds a signal into the finding that stands for many.
func (g *governor) together(s *finding.Signal, fold *finding.Fold) (*finding.Record, error) {
	part := fold.Signal(s)
	r, err := g.in.draft(part.Identity())
	switch {
	case errors.Is(err, finding.ErrNotFound):
		r = finding.NewRecord(part)
		r.AddFolded(s, fold)
		if err := g.anew(r, fold); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case !r.Add(part):
		return r, nil
	default:
		r.AddFolded(s, fold)
	}
	g.folded++
	return r, g.in.PutFinding(r)
}

// anew hands a finding that is new to who may change it.
func (g *governor) anew(r *finding.Record, fold *finding.Fold) error {
	if g.fresh != nil {
		r.Tell()
		if err := g.fresh(r.Finding); err != nil {
			return err
		}
	}
	if fold != nil && fold.Suppressed {
		r.Finding.Service.Archived = true
	}
	return nil
}

// book is what is remembered of the findings of a scope.
func (g *governor) book(sc event.Scope) (*noise.Book, error) {
	if b := g.books[sc]; b != nil {
		return b, nil
	}
	b := noise.NewBook()
	if g.state != nil {
		data, err := g.state(sc.String(), noiseName)
		if err != nil && !errors.Is(err, finding.ErrNotFound) {
			return nil, fmt.Errorf("read what is remembered of the findings of %s: %w", sc, err)
		}
		if len(data) > 0 {
			kept, err := noise.Load(data)
			if err != nil {
				g.log.Error("the budgets of finding types begin anew", "scope", sc.String(), "err", err)
			} else {
				b = kept
			}
		}
	}
	g.books[sc] = b
	return b, nil
}

// write stores what changed in the books.
func (g *governor) write(tx *store.Tx) error {
	for _, sc := range inOrder(g.changed) {
		if err := tx.PutState(sc.String(), noiseName, g.changed[sc].Save()); err != nil {
			return err
		}
	}
	return nil
}

// placed finds findings as the signals of a batch found them: also those that
// are told together with others.
type placed struct {
	findings
	at map[string]*finding.Record // by the identity of the signal
}

func (p placed) Finding(identity string) (*finding.Record, error) {
	if r := p.at[identity]; r != nil {
		return r, nil
	}
	return p.findings.Finding(identity)
}
