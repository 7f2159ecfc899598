package finding

import (
	"fmt"
	"time"
)

// The tags by which a suppression rule answers for itself. GuardDuty's filters
// have no such members, and its clients can all set tags.
const (
	TagOwner   = "vedette:owner"
	TagReason  = "vedette:reason"
	TagExpires = "vedette:expires"
)

// Suppression is what a suppression rule says of itself. Expires
// is the moment from which it hides nothing more; the zero time is never.
type Suppression struct {
	Owner, Reason string
	Expires       time.Time
}

// Suppression reads the tags of a filter.
func (t Tags) Suppression() (Suppression, error) {
	s := Suppression{Owner: t[TagOwner], Reason: t[TagReason]}
	var err error
	if v := t[TagExpires]; v != "" {
		s.Expires, err = ParseExpiry(v)
	}
	return s, err
}

// ParseExpiry reads a moment (RFC 3339) or a date, which is the last day, in
// UTC, on which the rule works.
func ParseExpiry(v string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, v); err == nil {
		return at.UTC(), nil
	}
	day, err := time.Parse(time.DateOnly, v)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a date such as 2026-12-31 nor a time such as 2026-12-31T18:00:00Z", v)
	}
	return day.AddDate(0, 0, 1), nil
}

// ExpiredAt reports whether the rule hides nothing of a moment any more.
func (s *Suppression) ExpiredAt(at time.Time) bool {
	return !s.Expires.IsZero() && !at.Before(s.Expires)
}
