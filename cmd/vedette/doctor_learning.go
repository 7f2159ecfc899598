package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/store"
)

// learning says how far the models of usual behaviour are.
func (d *doctor) learning(ctx context.Context, st *store.Store) {
	scopes, err := app.LearnedOf(ctx, st)
	if err != nil {
		d.say(statusFault, "models", "%v", err)
		return
	}
	for _, s := range scopes {
		var ready, learning []string
		for _, m := range s.Models {
			row := learnedRow{Ready: m.Ready, FirstAlert: unlessZero(m.FirstAlert)}
			switch {
			case m.Events == 0: // of a log that does not come from there
			case m.Ready:
				ready = append(ready, fmt.Sprintf("%s (%d days, %d events)", m.Plane, m.Days, m.Events))
			default:
				learning = append(learning, fmt.Sprintf("%s (%d days, %d events, finds anything: %s)", m.Plane, m.Days, m.Events, row.readiness()))
			}
		}
		name := "models of " + s.Scope.String()
		switch {
		case len(learning) > 0:
			detail := "still learning what is usual: " + strings.Join(learning, ", ") + "; `vedette learn` teaches them from old logs"
			if len(ready) > 0 {
				detail += "; ready: " + strings.Join(ready, ", ")
			}
			d.say(statusNote, name, "%s", detail)
		case len(ready) > 0:
			d.say(statusOK, name, "ready: %s", strings.Join(ready, ", "))
		}
	}
	waiting, err := st.FeedbackWaiting(ctx, maxFeedbackTold)
	switch {
	case err != nil:
		d.say(statusFault, "feedback", "%v", err)
	case len(waiting) > 0:
		d.say(statusNote, "feedback", "feedback on %s waits for a server that detects", several(len(waiting), maxFeedbackTold))
	}
}

const maxFeedbackTold = 100

// several counts findings of which no more than limit were read.
func several(n, limit int) string {
	switch {
	case n == limit:
		return fmt.Sprintf("%d findings or more", n)
	case n == 1:
		return "one finding"
	}
	return fmt.Sprintf("%d findings", n)
}
