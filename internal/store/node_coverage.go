package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Times of the health of sensors.
const (
	// SensorQuiet is how long a sensor of ours may say nothing: it tells of
	// itself every minute. Those of others talk when something happens.
	SensorQuiet = 3 * time.Minute
	// NodeKept is how long a node from which nothing comes is still expected.
	NodeKept = 24 * time.Hour
	// nodeAudited is how long a node is expected that only the audit log shows,
	// and restartTime how long a sensor may take to be there again.
	nodeAudited = time.Hour
	restartTime = 5 * time.Minute
	// lossShown is how long a sensor that lost records is unwell.
	lossShown = 15 * time.Minute
)

// Expected reports whether there should be a sensor on the node now: it is, as
// far as can be known, part of the cluster.
func (n *Node) Expected(now time.Time) bool {
	audited := !n.Audited.IsZero() && now.Sub(n.Audited) < nodeAudited
	switch {
	case n.Removed.After(n.Heard) && n.Removed.After(n.Audited):
		return false
	case !n.Ended.IsZero(): // the node was drained, or its sensor alone was stopped
		return audited && n.Audited.Sub(n.Ended) > restartTime
	case n.Heard.IsZero() && now.Sub(n.Since) < restartTime: // it starts
		return false
	}
	return audited || !n.Heard.IsZero() && now.Sub(n.Heard) < NodeKept
}

// Ailment is what is wrong with the node's sensor, in two parts: what kind of
// fault, and the details; "" and "" when it is well.
func (n *Node) Ailment(now time.Time) (kind, detail string) {
	quiet := SensorQuiet
	if n.Sensor != "vedette" {
		quiet = NodeKept
	}
	switch {
	case n.Heard.IsZero():
		return "Sensor missing", "the audit log shows the node, and no sensor of it was heard"
	case !n.Ended.IsZero():
		return "Sensor stopped", "at " + n.Ended.UTC().Format(time.RFC3339)
	case now.Sub(n.Heard) > quiet:
		return "Sensor not reporting", "last heard at " + n.Heard.UTC().Format(time.RFC3339)
	case !n.LossAt.IsZero() && now.Sub(n.LossAt) < lossShown:
		return "Sensor losing events", fmt.Sprintf("%d lost on the node, %d on the way, the last at %s", n.Lost, n.Gap, n.LossAt.UTC().Format(time.RFC3339))
	}
	return "", ""
}

// NodeCoverage is how far the nodes of a cluster are watched.
type NodeCoverage struct {
	Expected, Covered int
	Version           string // of most sensors
	// Issue is what is wrong, of the kind that most nodes have, as
	// "Kind:details"; "" when all expected nodes are covered.
	Issue string
	// Ailing are the nodes that are not covered, or whose sensor is not well.
	Ailing []NodeFault
	// Starting are nodes whose sensor has had no time yet to be there, beside the
	// expected ones; Pending names them, in the same form.
	Starting int
	Pending  string
	// Note is what is worth knowing while all is well, in the same form: nodes
	// that can have no sensor, or why the sensors cannot be managed.
	Note string
}

// NodeFault is what is wrong with the sensor of a node.
type NodeFault struct{ Node, Kind, Detail string }

// maxNamed bounds how many nodes an issue names.
const maxNamed = 5

// sum counts the nodes of a cluster.
type sum struct {
	expected, covered int
	versions          map[string]int
	ailing            map[string][]string // nodes by the kind of their fault
	faults            []NodeFault
}

func newSum() *sum { return &sum{versions: map[string]int{}, ailing: map[string][]string{}} }

// add counts a node that should have a sensor, and what is wrong with that.
func (s *sum) add(name, version, kind, detail string) {
	s.expected++
	if version != "" {
		s.versions[version]++
	}
	if kind == "" {
		s.covered++
		return
	}
	s.faults = append(s.faults, NodeFault{name, kind, detail})
	s.ailing[kind] = append(s.ailing[kind], name+" ("+detail+")")
}

func (s *sum) coverage() NodeCoverage {
	c := NodeCoverage{Expected: s.expected, Covered: s.covered, Ailing: s.faults, Version: mostOf(s.versions, func(n int) int { return n })}
	kind := mostOf(s.ailing, func(list []string) int { return len(list) })
	c.Issue = namely(kind, s.ailing[kind], c.Expected-c.Covered)
	return c
}

// namely names nodes of a kind, as many as fit, and how many more there are of
// all; "" for none.
func namely(kind string, list []string, all int) string {
	if len(list) == 0 {
		return ""
	}
	more := ""
	if n := min(len(list), maxNamed); all > n {
		more = fmt.Sprintf(", and %d more nodes", all-n)
	}
	return kind + ":" + strings.Join(list[:min(len(list), maxNamed)], ", ") + more
}

// CoverageOf sums up the nodes of a cluster by what was heard of them.
func CoverageOf(nodes []Node, now time.Time) NodeCoverage {
	s := newSum()
	for i := range nodes {
		if n := &nodes[i]; n.Expected(now) {
			kind, detail := n.Ailment(now)
			s.add(n.Name, n.Version, kind, detail)
		}
	}
	return s.coverage()
}

// mostOf is the key with the greatest count, of several the last in order.
func mostOf[V any](m map[string]V, count func(V) int) (best string) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if best == "" || cmp.Compare(count(m[k]), count(m[best])) >= 0 {
			best = k
		}
	}
	return best
}

// NodesOf are those of a cluster.
func NodesOf(nodes []Node, account, region, cluster string) []Node {
	var out []Node
	for _, n := range nodes {
		if n.Cluster == cluster && n.Account == account && n.Region == region {
			out = append(out, n)
		}
	}
	return out
}
