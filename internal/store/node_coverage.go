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
}

// maxNamed bounds how many nodes an issue names.
const maxNamed = 5

// CoverageOf sums up the nodes of a cluster.
func CoverageOf(nodes []Node, now time.Time) NodeCoverage {
	var c NodeCoverage
	versions, ailing := map[string]int{}, map[string][]string{}
	for i := range nodes {
		n := &nodes[i]
		if !n.Expected(now) {
			continue
		}
		c.Expected++
		if n.Version != "" {
			versions[n.Version]++
		}
		kind, detail := n.Ailment(now)
		if kind == "" {
			c.Covered++
			continue
		}
		ailing[kind] = append(ailing[kind], n.Name+" ("+detail+")")
	}
	c.Version = mostOf(versions, func(n int) int { return n })
	kind := mostOf(ailing, func(list []string) int { return len(list) })
	if list := ailing[kind]; len(list) > 0 {
		more := ""
		if c.Expected-c.Covered > min(len(list), maxNamed) {
			more = fmt.Sprintf(", and %d more nodes", c.Expected-c.Covered-min(len(list), maxNamed))
		}
		c.Issue = kind + ":" + strings.Join(list[:min(len(list), maxNamed)], ", ") + more
	}
	return c
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
