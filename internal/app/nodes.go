package app

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// nodeBook notes, commit by commit, of which nodes something was heard: of their
// sensors, and of their kubelets in the audit log.
type nodeBook struct {
	known map[store.NodeKey]*bookedNode
	last  *bookedNode // the one asked for last
}

// bookedNode is a node as it was stored last, with what came since.
type bookedNode struct {
	store.Node
	written time.Time // what was stored of it is of then
	dirty   bool      // there is more to store
	now     bool      // and it does not wait
}

// Bounds of the book, and of how often what changes all the time is stored.
const (
	maxNodes   = 20_000
	maxName    = 253
	maxMissing = 50
	heardEvery = 15 * time.Second
	auditEvery = 5 * time.Minute
)

// kubeletUser is how the users begin that kubelets are.
const kubeletUser = "system:node:"

// note takes up a batch, and what it showed to be lost.
func (n *nodeBook) note(tx *store.Tx, b *event.Batch, losses []detect.SensorLoss) error {
	for i := range b.Events {
		ev := &b.Events[i]
		var err error
		switch {
		case ev.Runtime != nil:
			err = n.heard(tx, ev, b.Received)
		case ev.Audit != nil:
			err = n.audited(tx, ev, b.Received)
		}
		if err != nil {
			return err
		}
	}
	for _, l := range losses {
		node, err := n.node(tx, l.Scope, l.Node, b.Received)
		if err != nil || node == nil {
			return err
		}
		node.Gap, node.Lost, node.LossAt = node.Gap+l.Gap, node.Lost+l.Lost, later(node.LossAt, b.Received)
		node.dirty, node.now = true, true
	}
	return nil
}

// heard notes a record of a sensor.
func (n *nodeBook) heard(tx *store.Tx, ev *event.Event, at time.Time) error {
	r := ev.Runtime
	node, err := n.node(tx, ev.Scope, r.Node.Name, at)
	if err != nil || node == nil {
		return err
	}
	ours := r.Sensor.Session != ""
	if !ours && node.Session != "" && at.Sub(node.Heard) < store.SensorQuiet {
		return nil // a second sensor beside ours
	}
	node.Heard, node.dirty = later(node.Heard, at), true
	if r.Sensor.Session != node.Session || plain(r.Sensor.Name) != node.Sensor {
		node.Session, node.Sensor, node.Ended, node.now = strings.Clone(r.Sensor.Session), strings.Clone(plain(r.Sensor.Name)), time.Time{}, true
	}
	for _, v := range []struct {
		to   *string
		from string
	}{{&node.Version, r.Sensor.Version}, {&node.Kernel, r.Node.Kernel}} {
		if v.from != "" && plain(v.from) != *v.to {
			*v.to, node.now = strings.Clone(plain(v.from)), true
		}
	}
	st := r.Status
	if st == nil || !ours {
		return nil
	}
	var missing []string
	for _, m := range st.Missing[:min(len(st.Missing), maxMissing)] {
		missing = append(missing, strings.Clone(plain(m)))
	}
	if !slices.Equal(missing, node.Missing) {
		node.Missing, node.now = missing, true
	}
	if st.Ending {
		node.Ended, node.now = later(node.Ended, at), true
	}
	return nil
}

// audited notes what the audit log shows of nodes: their kubelets at work, and
// that one was taken away.
func (n *nodeBook) audited(tx *store.Tx, ev *event.Event, at time.Time) error {
	a := ev.Audit
	if name, ok := strings.CutPrefix(a.User.Username, kubeletUser); ok {
		node, err := n.node(tx, ev.Scope, name, at)
		if err == nil && node != nil {
			node.Audited, node.dirty = later(node.Audited, at), true
		}
		return err
	}
	if a.Object.Resource != "nodes" || a.Verb != "delete" || a.Object.Subresource != "" || !a.Succeeded() {
		return nil
	}
	node, err := n.node(tx, ev.Scope, a.Object.Name, at)
	if err == nil && node != nil {
		node.Removed, node.dirty, node.now = later(node.Removed, at), true, true
	}
	return err
}

// node returns the entry of a node; nil if there is no room or no name.
func (n *nodeBook) node(tx *store.Tx, sc event.Scope, name string, at time.Time) (*bookedNode, error) {
	if !isNodeName(name) || sc.Cluster == "" {
		return nil, nil
	}
	key := store.NodeKey{Account: sc.Account, Region: sc.Region, Cluster: sc.Cluster, Name: name}
	if n.last != nil && n.last.NodeKey == key {
		return n.last, nil
	}
	node := n.known[key]
	if node == nil {
		if len(n.known) >= maxNodes && !n.makeRoom(at) {
			return nil, nil
		}
		key.Name = strings.Clone(name)
		stored, err := tx.Node(key)
		if err != nil && !errors.Is(err, finding.ErrNotFound) {
			return nil, err
		}
		if stored.Since.IsZero() {
			stored.NodeKey, stored.Since = key, at
		}
		node = &bookedNode{Node: stored}
		n.known[key] = node
	}
	n.last = node
	return node, nil
}

// isNodeName keeps what no node is called out of what people are shown.
func isNodeName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

// plain is a short text of a sensor that can be shown as it is.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), 100)])
}

// makeRoom forgets nodes that are gone.
func (n *nodeBook) makeRoom(at time.Time) bool {
	maps.DeleteFunc(n.known, func(_ store.NodeKey, node *bookedNode) bool { return !node.dirty && !node.Expected(at) })
	return len(n.known) < maxNodes
}

// write stores what has news that are worth it.
func (n *nodeBook) write(tx *store.Tx) error {
	var list []*bookedNode
	for _, node := range n.known {
		switch {
		case !node.dirty:
		case node.now, node.written.IsZero(), node.Heard.Sub(node.written) >= heardEvery, node.Audited.Sub(node.written) >= auditEvery:
			list = append(list, node)
		}
	}
	slices.SortFunc(list, func(a, b *bookedNode) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Name, b.Name))
	})
	for _, node := range list {
		if err := tx.PutNode(&node.Node); err != nil {
			return err
		}
		node.dirty, node.now, node.written = false, false, later(node.Heard, node.Audited)
	}
	return nil
}

// forget drops what may not have been stored.
func (n *nodeBook) forget() { n.known, n.last = map[store.NodeKey]*bookedNode{}, nil }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b.UTC()
	}
	return a
}
