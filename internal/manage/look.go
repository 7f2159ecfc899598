package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/kube"
	"github.com/vedette-project/vedette/internal/store"
)

// describe notes the state of the DaemonSet.
func (l *live) describe(to *store.ClusterSensor) {
	to.Installed, to.Created, to.Deleting = l.Metadata.UID != "", l.Metadata.Created.UTC(), !l.Metadata.Deleted.IsZero()
	if l.Status.Observed == l.Metadata.Generation { // else it counts for another form
		to.Desired, to.Ready, to.Updated = l.Status.Desired, l.Status.Ready, l.Status.Updated
	}
}

// find looks at the DaemonSet and changes nothing.
func (m *Manager) find(ctx context.Context, status *store.ClusterSensor) error {
	is, err := m.daemonSet(ctx, status)
	if is != nil {
		is.describe(status)
	}
	return err
}

// daemonSet is the sensor's, if it is there and ours.
func (m *Manager) daemonSet(ctx context.Context, status *store.ClusterSensor) (*live, error) {
	var is live
	err := m.Client.Get(ctx, kube.DaemonSet(m.Sensor.Namespace, m.Sensor.Name), &is)
	if kube.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if status.Foreign = !is.ours(); status.Foreign {
		return nil, nil
	}
	return &is, nil
}

// nodeList is the last list of nodes. That of a large cluster is read less often.
type nodeList struct {
	at    time.Time
	nodes []store.ClusterNode
}

// How often nodes are listed, and how many make a large cluster.
const (
	nodesEvery      = 50 * time.Second
	nodesEveryLarge = 5 * time.Minute
	manyNodes       = 1000
)

// look reports of each node whether it should have a sensor, and what its pod
// does.
func (m *Manager) look(ctx context.Context, c *store.Cluster) error {
	if err := m.listNodes(ctx); err != nil {
		return err
	}
	c.NodesAt, c.Nodes = m.nodes.at, slices.Clone(m.nodes.nodes)
	if !c.Sensor.Installed && !c.Sensor.Foreign && !c.Sensor.Deleting {
		return nil
	}
	pods, err := m.pods(ctx)
	if err != nil {
		return err
	}
	var warned warnings
	if c.Wanted && podsMissing(c, pods) {
		if warned, err = m.warnings(ctx); err != nil && !kube.IsForbidden(err) { // it explains, and is not needed
			return err
		}
	}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		p, has := pods[n.Name]
		switch {
		case has:
			n.Pod, n.Trouble = p.Metadata.Name, p.trouble(warned[p.Metadata.UID], m.Now())
		case n.Excluded == "" && warned[m.sensorKey()].text != "":
			n.Trouble = warned[m.sensorKey()].String()
		}
	}
	return nil
}

func (m *Manager) listNodes(ctx context.Context) error {
	every := nodesEvery
	if len(m.nodes.nodes) > manyNodes {
		every = nodesEveryLarge
	}
	now := m.Now().UTC()
	if !m.nodes.at.IsZero() && now.Sub(m.nodes.at) < every && now.After(m.nodes.at) {
		return nil
	}
	list, err := m.readNodes(ctx)
	if err != nil {
		return err
	}
	m.nodes = nodeList{now, list}
	return nil
}

// podsMissing reports whether a node that should have a pod has none that runs.
func podsMissing(c *store.Cluster, pods map[string]pod) bool {
	for i := range c.Nodes {
		if p, has := pods[c.Nodes[i].Name]; c.Nodes[i].Excluded == "" && (!has || !p.runs()) {
			return true
		}
	}
	return false
}

// sensorKey is what warnings about the DaemonSet itself are found by.
func (m *Manager) sensorKey() string { return "DaemonSet/" + m.Sensor.Name }

// warning is what a controller or kubelet complained of last.
type warning struct {
	reason, text string
	at           time.Time
}

// String is the warning in words.
func (w warning) String() string { return w.reason + ": " + w.text }

// warnings are the last ones, by the UID of the pod; those about the DaemonSet by its key.
type warnings map[string]warning

const (
	maxWarnings = 2000             // that are read
	warnedSince = 15 * time.Minute // older ones explain nothing
)

var errEnough = errors.New("enough was read")

func (m *Manager) warnings(ctx context.Context) (warnings, error) {
	out, n := warnings{}, 0
	err := m.Client.List(ctx, kube.Events(m.Sensor.Namespace), map[string][]string{"fieldSelector": {"type=Warning"}}, each(func(e *warningEvent) error {
		if n++; n > maxWarnings {
			return errEnough
		}
		w := warning{kube.Plain(e.Reason, 60), kube.Plain(e.Message, maxText), e.time()}
		key := e.Object.UID
		if e.Object.Kind == "DaemonSet" && e.Object.Name == m.Sensor.Name {
			key = m.sensorKey()
		}
		if m.Now().Sub(w.at) < warnedSince && w.at.After(out[key].at) {
			out[key] = w
		}
		return nil
	}))
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

// warningEvent is an Event of Kubernetes.
type warningEvent struct {
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Last    time.Time `json:"lastTimestamp"`
	Event   time.Time `json:"eventTime"`
	Object  struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
		UID  string `json:"uid"`
	} `json:"involvedObject"`
}

// time is when it happened last; of two forms of Events one has one.
func (e *warningEvent) time() time.Time {
	if e.Event.After(e.Last) {
		return e.Event
	}
	return e.Last
}

// readNodes lists the nodes of the cluster.
func (m *Manager) readNodes(ctx context.Context) (out []store.ClusterNode, err error) {
	err = m.Client.List(ctx, kube.Nodes(), nil, each(func(n *node) error {
		out = append(out, store.ClusterNode{Name: n.Metadata.Name, Created: n.Metadata.Created.UTC(), Excluded: n.excluded(m.Sensor.NodeSelector), Unready: !n.ready()})
		return nil
	}))
	slices.SortFunc(out, func(a, b store.ClusterNode) int { return cmp.Compare(a.Name, b.Name) })
	return out, err
}

func (m *Manager) pods(ctx context.Context) (map[string]pod, error) {
	out := map[string]pod{}
	q := map[string][]string{"labelSelector": {fmt.Sprintf("app.kubernetes.io/name=%s", m.Sensor.Name)}}
	err := m.Client.List(ctx, kube.Pods(m.Sensor.Namespace), q, each(func(p *pod) error {
		if name := p.node(); name != "" && (p.Metadata.Created.After(out[name].Metadata.Created) || out[name].Metadata.Name == "") {
			out[name] = *p // of several the newest: the one before is on its way out
		}
		return nil
	}))
	return out, err
}
