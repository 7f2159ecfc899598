package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// sources says who is well, and when something of them came last.
func (d *doctor) sources(ctx context.Context, st *store.Store) {
	sources, err := st.Sources(ctx)
	if err != nil {
		d.say(statusFault, "sources", "%v", err)
		return
	}
	seen := map[store.SourceKey]bool{}
	for _, src := range sources {
		name := d.sourceName(src.SourceKey)
		seen[src.SourceKey] = true
		switch asked := src.SourceKey.Source == app.SourceQueue || src.SourceKey.Source == app.SourceBucket; {
		case src.Status != store.Healthy:
			d.say(statusFault, name, "%s since %s: %s", src.Status, moment(src.Updated), src.Issue)
		case src.LastReceived.IsZero():
			d.say(statusOK, name, "nothing came yet")
		case asked && d.now().Sub(src.LastReceived) > askedLag:
			d.say(statusNote, name, "nobody has asked it since %s: no server with the role ingest runs, or it is configured no more", moment(src.LastReceived))
		case asked:
			d.say(statusOK, name, "it answered at %s", moment(src.LastReceived))
		default:
			d.say(statusOK, name, "something came last at %s, %s ago", moment(src.LastReceived), span(max(0, d.now().Sub(src.LastReceived))))
		}
	}
	d.nodes(ctx, st, sources)
	told := map[store.SourceKey]bool{}
	for _, a := range app.AskedSources(d.cfg) {
		if !seen[a.SourceKey] && !told[a.SourceKey] {
			told[a.SourceKey] = true
			d.say(statusNote, d.sourceName(a.SourceKey), "%s: nobody has asked it yet; a server with the role ingest does so, and says here after some seconds whether it answers", a.Config)
		}
	}
}

// maxNodesTold bounds how many nodes of a cluster are told of one by one.
const maxNodesTold = 20

// nodes says how far the nodes of clusters with sensors are watched, and what is
// wrong with those that are not.
func (d *doctor) nodes(ctx context.Context, st *store.Store, sources []store.Source) {
	now := d.now()
	all, err := st.Nodes(ctx, now.Add(-store.NodeKept))
	if err != nil {
		d.say(statusFault, "nodes", "%v", err)
		return
	}
	clusters, err := st.Clusters(ctx)
	if err != nil {
		d.say(statusFault, "clusters", "%v", err)
		return
	}
	for _, src := range sources {
		if src.SourceKey.Source == string(event.RuntimeEvents) {
			nodes := store.NodesOf(all, src.Account, src.Region, src.Cluster)
			name := d.nameOf(src.Cluster, "", src.Account, src.Region)
			d.nodesOf(name, nodes, store.CoverageIn(store.ClusterOf(clusters, src.Account, src.Region, src.Cluster), nodes, now))
		}
	}
	d.clusters(clusters, sources)
}

// nodesOf tells of the nodes of one cluster.
func (d *doctor) nodesOf(cluster string, nodes []store.Node, c store.NodeCoverage) {
	status, starting := statusOK, ""
	if c.Covered < c.Expected {
		status = statusFault
	}
	if c.Starting > 0 {
		starting = fmt.Sprintf("; on %d more it is starting", c.Starting)
	}
	d.say(status, "nodes of "+cluster, "%d of %d have a sensor that is well%s", c.Covered, c.Expected, starting)
	ailing := map[string]bool{}
	for i, f := range c.Ailing {
		if ailing[f.Node] = true; i == maxNodesTold {
			d.say(statusFault, "nodes of "+cluster, "and %d more", len(c.Ailing)-maxNodesTold)
		}
		if i < maxNodesTold {
			d.say(statusFault, "node "+f.Node, "%s: %s", f.Kind, f.Detail)
		}
	}
	for i := range nodes {
		if n := &nodes[i]; len(n.Missing) > 0 && !ailing[n.Name] && n.Expected(d.now()) {
			d.say(statusNote, "node "+n.Name, "its kernel or configuration does not let the sensor see all: %s is missing", strings.Join(n.Missing, ", "))
		}
	}
}

// askedLag is for how long a queue or bucket may be left alone: much longer
// than it takes until one says of it again that it answers.
const askedLag = 10 * time.Minute

func (d *doctor) sourceName(k store.SourceKey) string {
	return "source " + d.nameOf(k.Source, k.Cluster, k.Account, k.Region)
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
