package publish

import (
	"context"
	"fmt"
	"time"
)

// Target takes events. When Send returns nil it has all of them, for good.
// A *RefusedError says that it will never take them; an [Each] speaks of every
// event by itself; any other error is temporary, a *LaterError with a word of
// the target on when to come again.
type Target interface {
	Send(ctx context.Context, events []Event) error
}

// RefusedError is the answer of a target that does not want an event, now or
// later.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "the target refused the event: " + e.Reason }

// LaterError is the answer of a target that wants to be left alone for a while.
type LaterError struct {
	After time.Duration
	Err   error
}

func (e *LaterError) Error() string { return fmt.Sprintf("%v (it asks for %s)", e.Err, e.After) }
func (e *LaterError) Unwrap() error { return e.Err }

// Each has an error, or nil, for each event of a call.
type Each []error

func (e Each) Error() string {
	n, first := 0, error(nil)
	for _, err := range e {
		if err != nil {
			n++
			if first == nil {
				first = err
			}
		}
	}
	return fmt.Sprintf("%d of %d events were not taken, the first: %v", n, len(e), first)
}

func (e Each) Unwrap() []error { return e }
