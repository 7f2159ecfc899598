package main

import (
	"context"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// clockSlack is how far this machine's clock and the database's may differ:
// leases of shards and the times of findings go by both.
const clockSlack = 5 * time.Second

// about says how large the store is and, where it is elsewhere, whether its
// clock is this machine's.
func (d *doctor) about(ctx context.Context, st *store.Store) {
	before := d.now()
	a, err := st.About(ctx)
	if err != nil {
		d.say(statusFault, "store size", "%v", err)
		return
	}
	took := d.now().Sub(before)
	d.say(statusOK, "store size", "%s, schema version %d; findings are kept for %d days after their last change", inBytes(a.Bytes), a.Schema, d.cfg.Store.RetentionDays)
	if a.Clock.IsZero() {
		return
	}
	// The answer was given somewhere between question and now.
	skew := a.Clock.Sub(before.Add(took / 2))
	switch off := max(skew, -skew) - took/2; {
	case off > clockSlack:
		d.say(statusFault, "clock", "this machine's differs by %s from the database's: let NTP set both, for shards change hands by them", direction(skew))
	default:
		d.say(statusOK, "clock", "that of the database is this machine's, within %s", max(off, took/2).Round(time.Millisecond))
	}
}

// direction says by how much, and which of the two is ahead.
func direction(skew time.Duration) string {
	if skew > 0 {
		return fmt.Sprintf("%s (it is behind)", skew.Round(time.Second))
	}
	return fmt.Sprintf("%s (it is ahead)", (-skew).Round(time.Second))
}
