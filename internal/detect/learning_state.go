package detect

import (
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// Learned is how much the model of a plane knows of a scope.
type Learned struct {
	Plane    string    `json:"plane"`
	Days     int       `json:"days"` // with events
	Events   int64     `json:"events"`
	Entities int       `json:"entities"` // profiles that it holds
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Ready    bool      `json:"ready"` // it may raise findings
	// FirstAlert is the earliest event time at which it may; zero where that
	// cannot be said yet.
	FirstAlert time.Time `json:"firstAlert,omitzero"`
	// Threshold is the score that makes a finding: -log10 of a rate.
	Threshold float64 `json:"threshold,omitempty"`
	// Evicted are profiles that made room for others, and Refused groups and
	// names that found none, since the start of the process.
	Evicted int64 `json:"evicted,omitempty"`
	Refused int64 `json:"refused,omitempty"`
}

// Learned says how much is known of a scope, by plane.
func (e *Engine) Learned(s event.Scope) []Learned {
	if sc := e.scopes[s]; sc != nil && sc.anomalies != nil {
		return sc.anomalies.learned()
	}
	return nil
}

// Expect learns that what a finding shows is expected, or takes that back. The
// finding keeps under additionalInfo.anomaly which model, which principal and
// which values of which views it is about. It changes tables that Delta saves,
// so it belongs into a commit like any event, and its place among the events
// decides what it changes. A finding that no model made is an error.
func (e *Engine) Expect(s event.Scope, at time.Time, f *finding.Finding, expected bool) error {
	x, err := expectationOf(f)
	if err != nil {
		return err
	}
	return e.anomaliesIn(e.scope(s)).expect(at, x, expected)
}
