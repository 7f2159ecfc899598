package detect

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/anomaly"
)

// heldValues are the values that a principal was met with and that are not
// learned yet: an attacker must not become usual by going on.
type heldValues struct{ values []heldValue }

type heldValue struct {
	hash  uint32
	view  uint8
	found bool  // it is part of a finding: it waits for somebody's word
	since int64 // Unix seconds
}

const (
	holdFor       = 24 * 3600 // seconds
	maxHeldValues = 64        // values of a principal; the one held longest makes room
)

func (h *heldValues) find(view int, hash uint32) int {
	for i, v := range h.values {
		if v.hash == hash && int(v.view) == view {
			return i
		}
	}
	return -1
}

// found reports whether the principal has a finding that waits for somebody's
// word.
func (h *heldValues) found() bool {
	return h != nil && slices.ContainsFunc(h.values, func(v heldValue) bool { return v.found })
}

func (h *heldValues) remove(i int) { h.values = append(h.values[:i], h.values[i+1:]...) }

// waits reports whether a value is to be learned at a later time only.
func (v heldValue) waits(at time.Time) bool { return v.found || at.Unix()-v.since < holdFor }

// heldOf is what is held of a principal, nil if that is nothing.
func (m *model) heldOf(principal string) *heldValues {
	if m.held.len() == 0 {
		return nil
	}
	return m.held.get(principal)
}

// hold keeps a value from being learned, and reports whether it does: what has
// waited long enough is let go.
func (m *model) hold(at time.Time, principal string, view int, hash uint32, found bool) bool {
	if h := m.heldOf(principal); h != nil {
		if i := h.find(view, hash); i >= 0 {
			if found && !h.values[i].found {
				m.held.touch(principal, at).values[i].found = true
			}
			return !m.release(at, principal, view, hash)
		}
	}
	h := m.held.touch(principal, at)
	if len(h.values) >= maxHeldValues {
		h.remove(0)
	}
	h.values = append(h.values, heldValue{hash: hash, view: uint8(view), found: found, since: at.Unix()})
	return true
}

// release reports whether a value may be learned. One that waited long enough
// is held no more.
func (m *model) release(at time.Time, principal string, view int, hash uint32) bool {
	h := m.heldOf(principal)
	if h == nil {
		return true
	}
	i := h.find(view, hash)
	if i < 0 {
		return true
	}
	if h.values[i].waits(at) {
		return false
	}
	m.unhold(at, principal, view, hash)
	return true
}

func (m *model) unhold(at time.Time, principal string, view int, hash uint32) {
	h := m.heldOf(principal)
	if h == nil {
		return
	}
	i := h.find(view, hash)
	if i < 0 {
		return
	}
	if len(h.values) == 1 {
		m.held.drop(principal)
		return
	}
	m.held.touch(principal, at).remove(i)
}

// savedForm opens what a row of a model was saved as.
func savedForm(b []byte, what string) (*saved, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("read %s: %w", what, errCutRow)
	}
	if b[0] != anomaly.Version {
		return nil, fmt.Errorf("read %s: it is kept in version %d, this program reads %d; learn again from old logs", what, b[0], anomaly.Version)
	}
	return &saved{b: b[1:]}, nil
}

func (h *heldValues) MarshalBinary() ([]byte, error) {
	b := []byte{anomaly.Version}
	for _, v := range h.values {
		b = append(b, v.view)
		b = binary.LittleEndian.AppendUint32(b, v.hash)
		b = appendInts(b, oneIf(v.found), v.since)
	}
	return b, nil
}

func (h *heldValues) UnmarshalBinary(b []byte) error {
	s, err := savedForm(b, "held values")
	if err != nil {
		return err
	}
	h.values = nil
	for len(s.b) > 0 && !s.bad && len(h.values) < maxHeldValues {
		h.values = append(h.values, heldValue{view: s.byte(), hash: s.uint32(), found: s.int() != 0, since: s.int()})
	}
	return s.err()
}

func (w *word) MarshalBinary() ([]byte, error) {
	return append([]byte{anomaly.Version}, w.text...), nil
}

func (w *word) UnmarshalBinary(b []byte) error {
	s, err := savedForm(b, "a word")
	if err != nil {
		return err
	}
	w.text = string(s.b)
	return nil
}

func (c *modelClock) MarshalBinary() ([]byte, error) {
	return appendInts([]byte{anomaly.Version}, int64(c.today), int64(c.first), int64(c.days), int64(c.events), int64(c.daily),
		int64(c.ahead), int64(c.told)), nil
}

func (c *modelClock) UnmarshalBinary(b []byte) error {
	s, err := savedForm(b, "the clock of a model")
	if err != nil {
		return err
	}
	*c = modelClock{
		today: int32(s.int()), first: int32(s.int()), days: uint32(s.int()), events: uint64(s.int()), daily: uint64(s.int()),
		ahead: int32(s.int()), told: uint64(s.int()),
	}
	return s.err()
}
