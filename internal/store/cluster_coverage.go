package store

import (
	"fmt"
	"time"
)

const (
	// nodesFresh is how long a list of nodes counts.
	nodesFresh = 15 * time.Minute
	// startTime is how long a sensor may take to be there for the first time.
	startTime = 3 * time.Minute
)

// fresh reports whether the list of nodes counts.
func (c *Cluster) fresh(now time.Time) bool {
	return c != nil && !c.NodesAt.IsZero() && now.Sub(c.NodesAt) < nodesFresh
}

// CoverageIn sums up the nodes of a cluster by what its API server says of
// them; nil, or a list that is too old, leaves what was heard alone.
func CoverageIn(c *Cluster, heard []Node, now time.Time) NodeCoverage {
	if !c.fresh(now) {
		return c.blame(CoverageOf(heard, now))
	}
	s := newSum()
	var pending []string
	byName := map[string]*Node{}
	for i := range heard {
		byName[heard[i].Name] = &heard[i]
	}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		h := byName[n.Name]
		delete(byName, n.Name)
		if !h.reports(now) && (n.Excluded != "" || n.Unready) {
			continue
		}
		kind, detail := c.ailment(n, h, now)
		if kind != "" && !h.reports(now) && c.starting(n, h, now) {
			pending = append(pending, n.Name+" ("+detail+")")
			continue
		}
		s.add(n.Name, versionOf(h), kind, detail)
	}
	for i := range heard { // who reports under a name that the API server does not know
		if h := byName[heard[i].Name]; h.reports(now) {
			kind, detail := h.Ailment(now)
			s.add(h.Name, h.Version, kind, detail)
		}
	}
	out := s.coverage()
	out.Starting, out.Pending = len(pending), namely("Provisioning in progress", pending, len(pending))
	list, more := c.Excluded(maxNamed)
	out.Note = namely("Incompatible nodes", list, len(list)+more)
	return c.blame(out)
}

// blame adds why the sensors cannot be managed: to what is wrong, if anything
// is, and else to what is worth knowing.
func (c *Cluster) blame(out NodeCoverage) NodeCoverage {
	if left := c.LeftAlone(); left != "" {
		out.Note = left
		return out
	}
	if c == nil || !c.Managed || !c.Wanted || c.Fault == "" {
		return out
	}
	switch {
	case out.Issue != "":
		out.Issue = c.Fault + "; " + out.Issue
	case out.Covered == 0:
		out.Issue = c.Fault
	default:
		out.Note = c.Fault
	}
	return out
}

// LeftAlone says that a managed sensor is there which this installation neither
// keeps nor removes, because nobody told it to; "" where that is not so.
func (c *Cluster) LeftAlone() string {
	if c == nil || !c.Managed || !c.Left || !c.Sensor.Installed {
		return ""
	}
	return fmt.Sprintf("Sensor left alone:the DaemonSet %s/%s is there, and no detector of this server ever said what to do with it; enable RUNTIME_MONITORING with EKS_ADDON_MANAGEMENT to have it kept, or disable that to have it removed",
		c.Sensor.Namespace, c.Sensor.Name)
}

// reports reports whether a sensor of the node was heard a moment ago.
func (n *Node) reports(now time.Time) bool {
	return n != nil && !n.Heard.IsZero() && n.Ended.IsZero() && now.Sub(n.Heard) <= SensorQuiet
}

// ailment is what is wrong with the sensor of a node, and why: the pod tells
// more than that nothing was heard.
func (c *Cluster) ailment(n *ClusterNode, h *Node, now time.Time) (kind, detail string) {
	if h != nil {
		kind, detail = h.Ailment(now)
	}
	if h == nil || h.Heard.IsZero() {
		kind, detail = "Sensor missing", "no sensor of it was heard"
	}
	switch {
	case kind == "" || kind == "Sensor losing events":
		return kind, detail
	case n.Trouble != "":
		return "Sensor pod not running", n.Trouble
	case n.Pod != "":
		return "Sensor not reporting", fmt.Sprintf("the pod %s runs, and no record of it comes; its log says why: kubectl -n %s logs %s", n.Pod, c.Sensor.Namespace, n.Pod)
	case c.Sensor.Installed:
		return "Sensor missing", "it has no pod of the DaemonSet " + c.Sensor.Namespace + "/" + c.Sensor.Name
	}
	return kind, detail
}

// starting reports whether a sensor has had no time yet to be there, or to be
// there again.
func (c *Cluster) starting(n *ClusterNode, h *Node, now time.Time) bool {
	if h != nil && !h.Ended.IsZero() && now.Sub(h.Ended) < restartTime {
		return true
	}
	from := n.Created
	if c.Managed && c.Wanted {
		for _, t := range []time.Time{c.Since, c.Sensor.Created} {
			if t.After(from) {
				from = t
			}
		}
	}
	return now.Sub(from) < startTime
}

// Excluded names the nodes without a sensor for which that is right, with the
// reasons, in order of their names; at most limit of them, and how many more
// there are.
func (c *Cluster) Excluded(limit int) (list []string, more int) {
	for _, n := range c.Nodes {
		why := n.Excluded
		if why == "" && n.Unready {
			why = "the node is not ready: its kubelet does not report"
		}
		switch {
		case why == "":
		case len(list) >= limit:
			more++
		default:
			list = append(list, n.Name+" ("+why+")")
		}
	}
	return list, more
}

func versionOf(n *Node) string {
	if n == nil {
		return ""
	}
	return n.Version
}
