package testbed

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// StopNode ends a node; its files stay.
func (c *NATS) StopNode(i int) {
	c.mu.Lock()
	s := c.servers[i]
	c.servers[i] = nil
	c.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// StartNode starts a stopped node on its files again.
func (c *NATS) StartNode(i int) {
	c.t.Helper()
	if c.node(i) == nil {
		c.launch(i)
	}
}

// WaitLeader waits until a stream has a leader other than some nodes.
func (c *NATS) WaitLeader(stream string, except ...int) int {
	c.t.Helper()
	var leader int
	c.wait("a leader of "+stream, func() bool {
		leader = -1
		for i := range c.clients {
			if s := c.node(i); s != nil && !contains(except, i) && s.JetStreamIsStreamLeader("$G", stream) {
				leader = i
			}
		}
		return leader >= 0
	})
	return leader
}

func contains(list []int, v int) bool {
	for _, e := range list {
		if e == v {
			return true
		}
	}
	return false
}

// KillLeader stops the node that leads a stream and says which it was.
func (c *NATS) KillLeader(stream string) int {
	c.t.Helper()
	i := c.WaitLeader(stream)
	c.StopNode(i)
	return i
}

// Isolate cuts a node off from the others; its clients stay with it.
func (c *NATS) Isolate(i int) { c.cut(i, true) }

// Rejoin undoes Isolate.
func (c *NATS) Rejoin(i int) { c.cut(i, false) }

func (c *NATS) cut(i int, cut bool) {
	for k := range c.links {
		if k != i {
			c.links[max(i, k)][min(i, k)].cut(cut)
		}
	}
}

// WaitReady waits until every node that runs has a route to the others,
// JetStream works on it and streams can be placed on it.
func (c *NATS) WaitReady() {
	c.t.Helper()
	if c.opts.WithoutJetStream {
		return
	}
	c.wait("JetStream on every node", func() bool {
		var running []*server.Server
		for i := range c.clients {
			if s := c.node(i); s != nil {
				running = append(running, s)
			}
		}
		for _, s := range running {
			if s.NumRoutes() < len(running)-1 || s.Healthz(nil).Error != "" {
				return false
			}
		}
		return len(c.clients) == 1 || c.placeable(running)
	})
}

// placeable reports whether the leader of the cluster would put a stream on
// each of the servers that run, and on no other: it takes a new one for offline
// until it has heard its figures.
func (c *NATS) placeable(running []*server.Server) bool {
	for _, s := range running {
		if len(s.JetStreamClusterPeers()) == len(running) {
			return true
		}
	}
	return false
}

func (c *NATS) wait(what string, ok func() bool) {
	c.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("no %s in time", what)
		}
	}
}
