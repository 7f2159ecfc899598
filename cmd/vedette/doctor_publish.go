package main

import (
	"context"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/store"
)

// targets says of each target of publishing whether it takes what it is sent.
func (d *doctor) targets(ctx context.Context, st *store.Store) {
	for _, t := range targetsOf(ctx, st, d.cfg) {
		if t.name == app.PublishFile && d.cfg.Publish.File != "" {
			continue // has words of its own
		}
		row, err := targetState(ctx, st, t.name, t.kind, d.now())
		if err != nil {
			d.say(statusFault, "publishing to "+t.name, "%v", err)
			continue
		}
		name := "publishing to " + t.name
		switch {
		case row.State == "failing" && row.Since != nil:
			d.say(statusFault, name, "%s takes nothing since %s: %s; what is due waits, and is tried again", t.name, moment(*row.Since), printable(row.Error))
		case row.State == "behind" && d.silent:
			d.say(statusNote, name, "changes since %s wait for a server that sends them to %s", moment(*row.Behind), t.name)
		case row.State == "behind":
			d.say(statusFault, name, "changes since %s were not sent to %s: see the server's log", moment(*row.Behind), t.name)
		case row.State == "new":
			d.say(statusNote, name, "nothing was sent to %s yet; `vedette publish test %[1]s` tries it", t.name)
		default:
			d.say(statusOK, name, "%s is told everything (%d events so far)", t.name, row.Sent)
		}
		if row.Dead > 0 {
			d.say(statusNote, "events refused by "+t.name, "%s refused %d events for good; `vedette publish dead %[1]s` shows why, `vedette publish resend %[1]s` sends them again", t.name, row.Dead)
		}
	}
}
