package backtest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// Found is a finding that one of the settings makes.
type Found struct {
	// Identity is that of the finding's record: two settings may make the same
	// finding of another first record, and so with another id.
	Identity string
	Finding  *finding.Finding
	// HiddenBy is the suppression rule that archives it; "" where none does.
	HiddenBy string
}

// Verdict is what the candidate's settings do to a finding.
type Verdict string

// What the candidate's settings do to findings.
const (
	Added      Verdict = "added"      // shown, and not made today
	Gone       Verdict = "gone"       // shown today, and not made any more
	Suppressed Verdict = "suppressed" // hidden, and not hidden today
	Revealed   Verdict = "revealed"   // shown, and hidden today
	Changed    Verdict = "changed"    // of another severity
)

// Change is a finding with which something happens.
type Change struct {
	What           Verdict  `json:"change"`
	Day            string   `json:"day"` // of the first event, in UTC
	Entity         string   `json:"entity"`
	Type           string   `json:"type"`
	Severity       float64  `json:"severity"`
	SeverityBefore float64  `json:"severityBefore,omitempty"` // of what changed
	ID             string   `json:"id"`
	Title          string   `json:"title"`
	Rule           *RuleRef `json:"rule,omitempty"`
	SuppressedBy   string   `json:"suppressedBy,omitempty"`

	Finding *finding.Finding `json:"-"`
}

// Row counts findings: those that are shown, by each of the settings, and what
// happens to them.
type Row struct {
	Name       string `json:"name"`
	Today      int    `json:"today"`
	Candidate  int    `json:"candidate"`
	Added      int    `json:"added"`
	Gone       int    `json:"gone"`
	Suppressed int    `json:"suppressed"`
	Revealed   int    `json:"revealed"`
	Changed    int    `json:"changed"`
}

// Changes is to how many findings something happens.
func (r *Row) Changes() int { return r.Added + r.Gone + r.Suppressed + r.Revealed + r.Changed }

// Report is the difference between two settings.
type Report struct {
	Total    Row       `json:"total"`
	Types    []Row     `json:"types"`
	Days     []Row     `json:"days"`
	Entities []Row     `json:"entities"` // one finding may count for several
	Rules    []RuleRow `json:"rules"`
	Checks   []Check   `json:"checks"`
	Changes  []Change  `json:"changes"`
}

// Compare holds what the candidate's settings find against what today's do.
func Compare(today, candidate []Found) *Report {
	r := &Report{Rules: []RuleRow{}, Checks: []Check{}, Changes: []Change{}}
	t := tables{total: &r.Total, types: map[string]*Row{}, days: map[string]*Row{}, entities: map[string]*Row{}}
	before := make(map[string]*Found, len(today))
	for i := range today {
		before[today[i].Identity] = &today[i]
	}
	var alone []*Found // of the candidate
	pair := func(old, now *Found) {
		if what := verdict(old, now); t.count(old, now, what) {
			r.Changes = append(r.Changes, change(old, now, what))
		}
	}
	for i := range candidate {
		now := &candidate[i]
		old := before[now.Identity]
		if old == nil {
			alone = append(alone, now)
			continue
		}
		delete(before, now.Identity)
		pair(old, now)
	}
	slices.SortFunc(alone, func(a, b *Found) int { return strings.Compare(a.Identity, b.Identity) })
	for _, now := range alone {
		old := sameAttack(before, now)
		if old != nil {
			delete(before, old.Identity)
		}
		pair(old, now)
	}
	for _, old := range before {
		pair(old, nil)
	}
	r.Total.Name = "all"
	r.Types, r.Days, r.Entities = byName(t.types), byName(t.days), byName(t.entities)
	slices.SortFunc(r.Changes, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Day, b.Day), strings.Compare(a.Type, b.Type), strings.Compare(a.Entity, b.Entity), strings.Compare(a.ID, b.ID))
	})
	return r
}

// sameAttack finds, among today's findings that the candidate does not make,
// the attack sequence that one of its own is: with another step it begins
// elsewhere, and is another finding.
func sameAttack(today map[string]*Found, now *Found) *Found {
	if !strings.HasPrefix(now.Finding.Type, "AttackSequence:") {
		return nil
	}
	var out *Found
	entities := Entities(now.Finding)
	for _, old := range today {
		a, b := old.Finding.Service, now.Finding.Service
		if old.Finding.Type == now.Finding.Type && a.EventFirstSeen <= b.EventLastSeen && b.EventFirstSeen <= a.EventLastSeen &&
			slices.ContainsFunc(Entities(old.Finding), func(e string) bool { return slices.Contains(entities, e) }) &&
			(out == nil || old.Identity < out.Identity) {
			out = old
		}
	}
	return out
}

// verdict says what happens to a finding; "" is nothing. One of the two may be
// nil.
func verdict(old, now *Found) Verdict {
	shown, shows := old != nil && old.HiddenBy == "", now != nil && now.HiddenBy == ""
	switch {
	case now != nil && !shows && (old == nil || shown):
		return Suppressed
	case shows && old == nil:
		return Added
	case shows && !shown:
		return Revealed
	case shown && now == nil:
		return Gone
	case shown && shows && old.Finding.Severity != now.Finding.Severity:
		return Changed
	}
	return ""
}

func change(old, now *Found, what Verdict) Change {
	of := now
	if of == nil {
		of = old
	}
	f := of.Finding
	c := Change{
		What: what, Day: day(f), Entity: Entities(f)[0], Type: f.Type, Severity: f.Severity, ID: f.ID, Title: f.Title,
		Rule: ruleOf(f), SuppressedBy: of.HiddenBy, Finding: f,
	}
	if what == Changed {
		c.SeverityBefore = old.Finding.Severity
	}
	return c
}

// day is the UTC day of a finding's first event.
func day(f *finding.Finding) string {
	at := f.Service.EventFirstSeen
	return at[:min(len(at), len("2006-01-02"))]
}

// tables are counts under way.
type tables struct {
	total                 *Row
	types, days, entities map[string]*Row
}

// count adds a finding to all tables. It reports whether something happens to it.
func (t *tables) count(old, now *Found, what Verdict) bool {
	of := now
	if of == nil {
		of = old
	}
	rows := []*Row{t.total, row(t.types, of.Finding.Type), row(t.days, day(of.Finding))}
	for _, e := range Entities(of.Finding) {
		rows = append(rows, row(t.entities, e))
	}
	for _, r := range rows {
		if old != nil && old.HiddenBy == "" {
			r.Today++
		}
		if now != nil && now.HiddenBy == "" {
			r.Candidate++
		}
		switch what {
		case Added:
			r.Added++
		case Gone:
			r.Gone++
		case Suppressed:
			r.Suppressed++
		case Revealed:
			r.Revealed++
		case Changed:
			r.Changed++
		}
	}
	return what != ""
}

func row(in map[string]*Row, name string) *Row {
	r := in[name]
	if r == nil {
		r = &Row{Name: name}
		in[name] = r
	}
	return r
}

func byName(rows map[string]*Row) []Row {
	out := make([]Row, 0, len(rows))
	for _, r := range rows {
		if r.Today+r.Candidate+r.Changes() > 0 {
			out = append(out, *r)
		}
	}
	slices.SortFunc(out, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Top are the first rows by how much happens, then by how much there is.
func Top(rows []Row, n int) []Row {
	out := slices.Clone(rows)
	slices.SortStableFunc(out, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Changes(), a.Changes()), cmp.Compare(b.Candidate, a.Candidate), cmp.Compare(b.Today, a.Today))
	})
	return out[:min(n, len(out))]
}
