package evaluate

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// Score collects the claims of a detection. One goroutine owns it.
type Score struct {
	labels   []Label
	records  map[string][]int // labels by the ids of their records
	found    []map[string]time.Time
	findings map[string]*claimed // by identity
}

// claimed is a finding.
type claimed struct {
	typ, title string
	first      time.Time
	right      bool
}

// NewScore holds claims against labels.
func NewScore(labels []Label) *Score {
	s := &Score{labels: labels, records: map[string][]int{}, found: make([]map[string]time.Time, len(labels)), findings: map[string]*claimed{}}
	for i := range labels {
		s.found[i] = map[string]time.Time{}
		for _, id := range labels[i].Records {
			s.records[id] = append(s.records[id], i)
		}
	}
	return s
}

// Claim takes one claim. A finding is right when one of its claims is of what a
// label calls malicious, and of a type that the label expects.
func (s *Score) Claim(sig *finding.Signal) {
	c := s.findings[sig.Identity()]
	if c == nil {
		c = &claimed{typ: sig.Type, title: sig.Title, first: sig.Time}
		s.findings[sig.Identity()] = c
	}
	carried := carries(sig)
	var hit []int
	for i := range s.labels {
		l := &s.labels[i]
		if !s.fits(i, sig) || l.Entity != "" && !carried(l.Entity) {
			continue
		}
		if l.Benign {
			return
		}
		if l.expects(sig.Type) {
			hit = append(hit, i)
		}
	}
	for _, i := range hit {
		c.right = true
		if at, ok := s.found[i][sig.Type]; !ok || sig.Time.Before(at) {
			s.found[i][sig.Type] = sig.Time
		}
	}
}

// Finding takes a finding that is made of others, such as an attack of several
// steps, as one claim: of the moment when it was complete.
func (s *Score) Finding(f *finding.Finding) {
	sig := &finding.Signal{Type: f.Type, Key: f.ID, Account: f.AccountID, Region: f.Region, Title: f.Title}
	if at, err := finding.ParseTimestamp(f.UpdatedAt); err == nil {
		sig.Time = at
	}
	if f.Resource != nil {
		sig.Resource = *f.Resource
		if c := f.Resource.EKSClusterDetails; c != nil {
			sig.Cluster = c.Name
		}
	}
	if f.Service != nil && f.Service.Detection != nil {
		sig.Detection = f.Service.Detection
	}
	s.Claim(sig)
}

// fits reports whether a claim is about the records of a label.
func (s *Score) fits(i int, sig *finding.Signal) bool {
	l := &s.labels[i]
	if l.Account != "" && l.Account != sig.Account || l.Region != "" && l.Region != sig.Region || l.Cluster != "" && l.Cluster != sig.Cluster {
		return false
	}
	if !l.From.IsZero() && (sig.Time.Before(l.From) || sig.Time.After(l.To)) {
		return false
	}
	if len(l.Records) == 0 {
		return true
	}
	ev := &sig.Evidence
	return ev.AuditID != "" && slices.Contains(s.records[ev.AuditID], i) || ev.EventID != "" && slices.Contains(s.records[ev.EventID], i)
}

func (l *Label) expects(typ string) bool {
	return len(l.Types) == 0 || slices.ContainsFunc(l.Types, func(t string) bool { return covers(t, typ) })
}

// covers reports whether a type, or the beginning of types, is that of a claim.
func covers(expected, typ string) bool {
	if begin, open := strings.CutSuffix(expected, "*"); open {
		return strings.HasPrefix(typ, begin)
	}
	return expected == typ
}

// carries says which names a claim carries as whole values.
func carries(sig *finding.Signal) func(string) bool {
	var all string
	return func(name string) bool {
		if all == "" {
			b, err := json.Marshal([]any{sig.Resource, sig.Action, sig.Actor, sig.Detection})
			if err != nil { // texts, numbers and truths only
				return false
			}
			all = string(b)
		}
		quoted, err := json.Marshal(name)
		return err == nil && strings.Contains(all, string(quoted))
	}
}

// Report is what an evaluation came to. A rate that cannot be said, of nothing,
// is nil.
type Report struct {
	Events int64 `json:"events"`
	Measures
	Types []TypeReport `json:"types"`
	// Missed are the labels of attacks that nothing was found of, Wrong the
	// findings that no label calls for.
	Missed []string `json:"missed,omitempty"`
	Wrong  []Wrong  `json:"wrong,omitempty"`
}

// Measures are the figures of all types, or of one.
type Measures struct {
	Attacks      int      `json:"attacks"` // labels that expect something
	Found        int      `json:"found"`   // of these
	Findings     int      `json:"findings"`
	False        int      `json:"falseFindings"`
	Precision    *float64 `json:"precision"`
	Recall       *float64 `json:"recall"`
	FalsePer100k *float64 `json:"falsePer100k"`
	// DelayP50 and DelayP95 are from the beginning of an attack to the record
	// that gave it away, in seconds of event time.
	DelayP50 *float64 `json:"delayP50Seconds"`
	DelayP95 *float64 `json:"delayP95Seconds"`

	delays []time.Duration
}

// TypeReport are the measures of one finding type.
type TypeReport struct {
	Type string `json:"type"`
	Measures
}

// Wrong is a finding that no label calls for.
type Wrong struct {
	Type  string    `json:"type"`
	First time.Time `json:"first"`
	Title string    `json:"title"`
}

// Report works out the measures; events is how many records were evaluated.
func (s *Score) Report(events int64) *Report {
	r := &Report{Events: events}
	types := map[string]*Measures{}
	of := func(typ string) *Measures {
		if types[typ] == nil {
			types[typ] = &Measures{}
		}
		return types[typ]
	}
	for i := range s.labels {
		l := &s.labels[i]
		if l.Benign {
			continue
		}
		r.Attacks++
		var first time.Time
		for _, at := range s.found[i] {
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
		if r.count(l, first); first.IsZero() {
			r.Missed = append(r.Missed, l.name())
		}
		s.countTypes(i, of)
	}
	for _, id := range slices.Sorted(maps.Keys(s.findings)) {
		c := s.findings[id]
		for _, m := range []*Measures{&r.Measures, of(c.typ)} {
			m.Findings++
			if !c.right {
				m.False++
			}
		}
		if !c.right {
			r.Wrong = append(r.Wrong, Wrong{c.typ, c.first.UTC(), c.title})
		}
	}
	slices.SortStableFunc(r.Wrong, func(a, b Wrong) int { return cmp.Or(a.First.Compare(b.First), strings.Compare(a.Type, b.Type)) })
	r.rates(events)
	for _, typ := range slices.Sorted(maps.Keys(types)) {
		m := types[typ]
		m.rates(events)
		r.Types = append(r.Types, TypeReport{typ, *m})
	}
	return r
}

// countTypes counts a label at each of the types that it expects. Where it
// leaves open which, those count that were found.
func (s *Score) countTypes(i int, of func(string) *Measures) {
	l := &s.labels[i]
	expected := l.Types
	if len(expected) == 0 {
		expected = []string{"*"}
	}
	for _, want := range expected {
		hit := false
		for _, typ := range slices.Sorted(maps.Keys(s.found[i])) {
			if covers(want, typ) {
				of(typ).Attacks++
				of(typ).count(l, s.found[i][typ])
				hit = true
			}
		}
		if !hit && want != "*" {
			of(want).Attacks++
		}
	}
}

// count notes when something was found of an attack; zero is never.
func (m *Measures) count(l *Label, at time.Time) {
	if at.IsZero() {
		return
	}
	m.Found++
	if !l.From.IsZero() {
		m.delays = append(m.delays, at.Sub(l.From))
	}
}

func (m *Measures) rates(events int64) {
	m.Precision = ratio(m.Findings-m.False, m.Findings)
	m.Recall = ratio(m.Found, m.Attacks)
	if events > 0 {
		v := float64(m.False) * 100_000 / float64(events)
		m.FalsePer100k = &v
	}
	slices.Sort(m.delays)
	m.DelayP50, m.DelayP95 = percentile(m.delays, 50), percentile(m.delays, 95)
}

func ratio(n, of int) *float64 {
	if of == 0 {
		return nil
	}
	v := float64(n) / float64(of)
	return &v
}

// percentile is the smallest value that so many per cent do not exceed.
func percentile(sorted []time.Duration, p int) *float64 {
	if len(sorted) == 0 {
		return nil
	}
	v := sorted[max((len(sorted)*p+99)/100-1, 0)].Seconds()
	return &v
}
