package publish

import (
	"encoding/json"
	"fmt"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// letter is an event as a dead letter keeps it.
type letter struct {
	Event    Event    `json:"event"`
	Update   bool     `json:"update,omitempty"`
	Incident Incident `json:"incident"`
	Resolved bool     `json:"resolved,omitempty"`
}

func encodeLetter(e *Event) []byte {
	data, err := json.Marshal(letter{*e, e.Update, e.Incident, e.Resolved()})
	if err != nil {
		return []byte("{}")
	}
	return data
}

// ParseLetter reads the event of a dead letter.
func ParseLetter(data []byte) (Event, error) {
	var l letter
	var raw struct {
		Event struct{ Detail json.RawMessage }
	}
	if err := json.Unmarshal(data, &l); err != nil {
		return Event{}, fmt.Errorf("read a dead letter: %w", err)
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return Event{}, fmt.Errorf("read a dead letter: %w", err)
	}
	e := l.Event
	e.Update, e.Incident = l.Update, l.Incident
	if e.DetailType == TypeFinding {
		x := &finding.Finding{}
		e.Detail = x
		if err := json.Unmarshal(raw.Event.Detail, x); err != nil {
			return Event{}, fmt.Errorf("read the finding of a dead letter: %w", err)
		}
		if l.Resolved {
			e.Ended = []*finding.Finding{x}
		}
		return e, nil
	}
	h := &Health{}
	e.Detail = h
	if err := json.Unmarshal(raw.Event.Detail, h); err != nil {
		return Event{}, fmt.Errorf("read a dead letter: %w", err)
	}
	return e, nil
}

// addDead sends a dead letter once more. One that cannot be read stays dead.
func (w *work) addDead(d store.DeadLetter) {
	e, err := ParseLetter(d.Data)
	u := &unit{event: e, change: -1, dead: d.N}
	if err != nil {
		u.event.ID, u.state, u.reason, u.data = d.Event, unitRefused, err.Error(), d.Data
	}
	w.units = append(w.units, u)
}

func (m *memory) encode() []byte {
	data, err := json.Marshal(m)
	if err != nil { // texts, numbers and times: cannot be
		return []byte("{}")
	}
	return data
}
