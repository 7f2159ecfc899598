package console

import (
	"cmp"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// maxNodesShown bounds how many nodes the page has; those that are unwell come first.
const maxNodesShown = 100

// nodesView are the nodes of clusters and their sensors.
type nodesView struct {
	Expected, Covered int
	Rows              []nodeRow
	More              int // that are not shown
	Gap, Lost         int64
	clusters          map[store.SourceKey]bool // that have any
}

type nodeRow struct {
	store.Node
	State  string // in words
	Detail string
	Well   bool
	Gone   bool // it is not expected any more
}

func newNodesView(nodes []store.Node, now time.Time) nodesView {
	v := nodesView{clusters: map[store.SourceKey]bool{}}
	for _, n := range nodes {
		v.Gap, v.Lost = v.Gap+n.Gap, v.Lost+n.Lost
		v.clusters[store.SourceKey{Account: n.Account, Region: n.Region, Cluster: n.Cluster}] = true
		r := nodeRow{Node: n, State: "Well", Well: true}
		kind, detail := n.Ailment(now)
		switch {
		case !n.Expected(now):
			r.State, r.Gone = "Not expected any more", true
		case kind != "":
			r.State, r.Detail, r.Well = kind, detail, false
			v.Expected++
		default:
			v.Expected++
			v.Covered++
		}
		v.Rows = append(v.Rows, r)
	}
	rank := func(r *nodeRow) int {
		switch {
		case !r.Well:
			return 0
		case r.Gone:
			return 2
		}
		return 1
	}
	slices.SortStableFunc(v.Rows, func(a, b nodeRow) int { return cmp.Compare(rank(&a), rank(&b)) })
	if len(v.Rows) > maxNodesShown {
		v.More = len(v.Rows) - maxNodesShown
		v.Rows = v.Rows[:maxNodesShown]
	}
	return v
}
