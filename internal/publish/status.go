package publish

import (
	"context"
	"encoding/json"
	"time"
)

// Status is how a target is, as its follower sees it.
type Status struct {
	Sent     int64     `json:"sent"`    // events, since it was first used
	Refused  int64     `json:"refused"` // for good
	LastSent time.Time `json:"lastSent,omitzero"`
	// Error is why the last call failed; empty when it did not. Since is when
	// the first of those calls failed that failed in a row, Next when the next
	// one is made.
	Error    string    `json:"error,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Next     time.Time `json:"next,omitzero"`
	Failures int64     `json:"failures,omitempty"` // in a row
}

// ParseStatus reads what a follower wrote; nil is a target that nothing was
// sent to yet.
func ParseStatus(data []byte) (Status, error) {
	var s Status
	if data == nil {
		return s, nil
	}
	return s, json.Unmarshal(data, &s)
}

func (s *Status) encode() []byte {
	data, err := json.Marshal(s)
	if err != nil { // texts, numbers and times: cannot be
		return []byte("{}")
	}
	return data
}

func (s *Status) sent(o Observation, now time.Time) {
	s.Sent += int64(o.Taken)
	s.Refused += int64(o.Refused)
	if o.Taken > 0 {
		s.LastSent = now.UTC()
	}
	if o.Err == nil {
		s.Error, s.Since, s.Next, s.Failures = "", time.Time{}, time.Time{}, 0
	}
}

func (f *Follower) loadStatus(ctx context.Context) error {
	if f.status != nil {
		return nil
	}
	data, err := f.Store.PublishStatus(ctx, f.Name)
	if err != nil {
		return err
	}
	s, err := ParseStatus(data)
	if err != nil { // of another version; the counts begin anew
		s = Status{}
	}
	f.status = &s
	return nil
}

// failed notes, for whoever asks, that a target did not take what it was sent.
func (f *Follower) failed(ctx context.Context, err error, pause time.Duration) {
	f.Log.Error("changes could not be published; trying again", "target", f.Name, "in", pause.Round(time.Millisecond), "err", err)
	if f.loadStatus(ctx) != nil {
		return
	}
	now := f.Now().UTC()
	s := f.status
	if s.Error == "" {
		s.Since = now
	}
	s.Error, s.Next = cut(err.Error(), 500), now.Add(pause)
	s.Failures++
	if err := f.Store.PutPublishStatus(ctx, f.Name, s.encode()); err != nil && ctx.Err() == nil {
		f.Log.Warn("how a target is could not be noted", "target", f.Name, "err", err)
	}
}

// cut shortens a text to some bytes, at a letter.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
