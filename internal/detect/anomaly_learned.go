package detect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/anomaly"
	"github.com/vedette-project/vedette/internal/finding"
)

// planes lists the models that a scope may have. Each has tables of its own.
func planes() []*plane { return []*plane{&kubePlane, &trailPlane, &s3Plane} }

// learned says how much the models of a scope know, by plane.
func (a *anomalies) learned() (out []Learned) {
	for _, m := range a.models {
		out = append(out, m.learned(a.budget))
	}
	slices.SortFunc(out, func(a, b Learned) int { return strings.Compare(a.Plane, b.Plane) })
	return out
}

func (m *model) learned(budget AnomalyBudget) Learned {
	l := Learned{
		Plane: m.plane.name, Entities: m.principals.len() + m.fresh.len(),
		Evicted: m.principals.forgotten + m.fresh.forgotten + m.groups.forgotten, Refused: m.refused,
	}
	c := m.clocks.get("")
	if c == nil || c.today == 0 {
		return l
	}
	l.Days, l.Events, l.Ready = daysOn(c.days), int64(c.events), c.mature()
	l.Since, l.Until = midnight(c.first), midnight(c.today)
	l.Threshold = float64(m.threshold(budget)) / anomaly.Decade
	if !l.Ready {
		l.FirstAlert = midnight(c.today + int32(max(matureDays-l.Days, 0)))
	}
	return l
}

func midnight(day int32) time.Time { return time.Unix(int64(day)*24*3600, 0).UTC() }

// Expectation is what somebody says is to be expected of a principal: values
// in some views, each by its hash. A finding of the models keeps it under
// additionalInfo.anomaly, in the form of its JSON.
type Expectation struct {
	Plane     string          `json:"plane"`
	Principal string          `json:"principal"`
	Values    []ExpectedValue `json:"values"`
}

// ExpectedValue is one value of a view.
type ExpectedValue struct {
	View  string `json:"view"`
	Value string `json:"value"`
	Hash  string `json:"hash"`
}

// expectationOf reads what a finding of the models keeps of itself.
func expectationOf(f *finding.Finding) (x Expectation, err error) {
	if f.Service == nil || f.Service.AdditionalInfo == nil {
		return x, fmt.Errorf("expect what finding %s shows: it keeps no values of a model", f.ID)
	}
	var info struct {
		Anomaly Expectation `json:"anomaly"`
	}
	if err := json.Unmarshal([]byte(f.Service.AdditionalInfo.Value), &info); err != nil {
		return x, fmt.Errorf("expect what finding %s shows: %w", f.ID, err)
	}
	if x = info.Anomaly; x.Plane == "" || x.Principal == "" || len(x.Values) == 0 {
		return x, fmt.Errorf("expect what finding %s shows: no model made it", f.ID)
	}
	return x, nil
}

// expect teaches what a finding was about, at once and whatever the counts say;
// with yes false it takes that back: the values are unknown again, and held as
// those of an open finding.
func (a *anomalies) expect(at time.Time, x Expectation, yes bool) error {
	i := slices.IndexFunc(planes(), func(p *plane) bool { return p.name == x.Plane })
	if i < 0 {
		return fmt.Errorf("expect what %q does: there is no model %q", x.Principal, x.Plane)
	}
	p := planes()[i]
	type known struct {
		view int
		hash uint32
		text string
	}
	var values []known
	for _, v := range x.Values {
		view := slices.Index(p.views, v.View)
		hash, err := strconv.ParseUint(v.Hash, 16, 32)
		if view < 0 || err != nil {
			return fmt.Errorf("expect what %q does: the model %q has no view %q, or %q is no hash", x.Principal, x.Plane, v.View, v.Hash)
		}
		values = append(values, known{view, uint32(hash), v.Value})
	}
	m := a.model(p)
	profile := m.known(x.Principal, at)
	for _, v := range values {
		profile.Expect(v.view, v.hash, yes)
		m.unhold(at, x.Principal, v.view, v.hash)
		if !yes {
			m.hold(at, x.Principal, v.view, v.hash, true)
		} else {
			m.remember(at, v.hash, v.text)
		}
	}
	return nil
}

// known is the profile of a principal among those that are known for long, to
// be changed.
func (m *model) known(principal string, at time.Time) *anomaly.Profile {
	if p := m.fresh.get(principal); p != nil && m.principals.get(principal) == nil {
		was := *p
		m.fresh.drop(principal)
		*m.principals.touch(principal, at) = was
	}
	p := m.principals.touch(principal, at)
	if c := m.clocks.get(""); c != nil {
		p.Settle(c.today)
	}
	return p
}

// anomaliesIn are the models of a scope.
func (e *Engine) anomaliesIn(sc *scope) *anomalies {
	if sc.anomalies == nil {
		sc.anomalies = newAnomalies(&e.opts)
		sc.anomalies.learning = sc.lessons.now
	}
	return sc.anomalies
}

// anomalyTable makes sure that the table of a log exists.
func (e *Engine) anomalyTable(sc *scope, log string) {
	a := e.anomaliesIn(sc)
	name, _, _ := strings.Cut(strings.TrimPrefix(log, anomalyLog), "/")
	for _, p := range planes() {
		if p.name == name {
			a.model(p)
		}
	}
}
