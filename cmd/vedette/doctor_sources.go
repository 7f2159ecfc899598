package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/store"
)

// sources says who is well, and when something of them came last.
func (d *doctor) sources(ctx context.Context, st *store.Store) {
	sources, err := st.Sources(ctx)
	if err != nil {
		d.say(statusFault, "sources", "%v", err)
		return
	}
	for _, src := range sources {
		name := "source " + strings.TrimSuffix(src.SourceKey.Source+"/"+src.Cluster, "/") + d.foreign(src.Account, src.Region)
		switch {
		case src.Status != store.Healthy:
			d.say(statusFault, name, "%s since %s: %s", src.Status, moment(src.Updated), src.Issue)
		case src.LastReceived.IsZero():
			d.say(statusOK, name, "nothing came yet")
		default:
			d.say(statusOK, name, "something came last at %s", moment(src.LastReceived))
		}
	}
}

func moment(t time.Time) string { return t.UTC().Format(time.DateTime) + " UTC" }

// maxAsides bounds how many messages are read; each may hold megabytes.
const maxAsides = 10

// setAside tells of what could not be judged and waits for people.
func (d *doctor) setAside(ctx context.Context, st *store.Store) {
	list, err := st.SetAsides(ctx, maxAsides)
	if err != nil {
		d.say(statusFault, "set aside", "%v", err)
		return
	}
	if len(list) == 0 {
		return
	}
	count := fmt.Sprint(len(list))
	if len(list) == maxAsides {
		count += " or more"
	}
	reason := list[0].Reason
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	table := "set_aside of " + app.StoreFile(d.cfg.Store.DataDir)
	if d.shared() {
		table = "vedette.set_aside of the database"
	}
	d.say(statusFault, "set aside", "%s records or messages were set aside, the newest at %s (shard %d, position %d): %s; "+
		"the table %s keeps them, and the server's log says more: report the reason, then delete the rows",
		count, moment(list[0].At), list[0].Shard, list[0].Position, reason, table)
}
