package detect

import (
	"net/netip"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/rule"
)

// Bounds of what is remembered of who calls a cluster from where.
const (
	maxNodeAddresses = 10_000
	maxInside        = 20_000 // service accounts
	nodeIdle         = 7 * 24 * time.Hour
	insideIdle       = 30 * 24 * time.Hour
	callersLog       = "callers"
	// callersWait is how long nodes that call from public addresses are listened
	// to before another address is strange: each has renewed its lease many times.
	callersWait = time.Hour
	// notedAgain is how old a note is before it is made anew.
	notedAgain = time.Hour
)

// anyNode is the row of the first call of a node; addresses have others.
const anyNode = ""

// callers tells calls of service accounts from inside a cluster from those from
// elsewhere. What runs on a node calls from where its kubelet does: through the
// private network, or from the public address of the node or of a NAT gateway.
type callers struct {
	nodes  *table[int64] // public addresses of nodes, by when they were noted
	inside *table[int64] // service accounts that call from inside, likewise
}

func newCallers(durable bool) *callers {
	c := &callers{
		nodes:  newTable[int64](callersLog+"-nodes", maxNodeAddresses, nodeIdle),
		inside: newTable[int64](callersLog+"-inside", maxInside, insideIdle),
	}
	if durable {
		c.nodes.keep()
		c.inside.keep()
	}
	return c
}

func (c *callers) memories() []memory {
	if c == nil {
		return nil
	}
	return []memory{c.nodes, c.inside}
}

func (e *Engine) callersIn(sc *scope) *callers {
	if sc.callers == nil {
		sc.callers = newCallers(e.opts.Durable)
	}
	return sc.callers
}

// factsOf is what rules can ask of an event that the record does not say.
func (e *Engine) factsOf(sc *scope, ev *event.Event) (f rule.Facts) {
	a := ev.Audit
	if a == nil || a.Code == 0 {
		return f
	}
	account := strings.HasPrefix(a.User.Username, "system:serviceaccount:")
	if !account && !strings.HasPrefix(a.User.Username, "system:node:") {
		return f
	}
	peer := e.peers.of(e.opts.Intel, a.SourceIPsJSON).last
	for _, own := range e.opts.Own {
		if own.Contains(peer) {
			peer = netip.Addr{}
			break
		}
	}
	c := e.callersIn(sc)
	if !account {
		c.node(ev.Time, peer)
		return f
	}
	f.Outside = c.isStrange(ev.Time, peer)
	f.KnownInside = c.account(ev.Time, a.User.Username, f.Outside)
	return f
}

// node notes where a kubelet called from; peer is valid for a public address.
func (c *callers) node(at time.Time, peer netip.Addr) {
	if first := c.nodes.get(anyNode); first == nil {
		*c.nodes.touch(anyNode, at) = at.Unix()
	} else if at.Unix() < *first || c.nodes.rows[anyNode].touched < at.Add(-notedAgain).Unix() {
		first := min(at.Unix(), *first)
		*c.nodes.touch(anyNode, at) = first
	}
	if peer.IsValid() {
		note(c.nodes, peer.String(), at)
	}
}

// isStrange reports whether nothing of the cluster is known to call from an
// address. Of a cluster whose nodes were not heard nothing is known.
func (c *callers) isStrange(at time.Time, peer netip.Addr) bool {
	first := c.nodes.get(anyNode)
	if !peer.IsValid() || first == nil || c.nodes.get(peer.String()) != nil {
		return false
	}
	hidden := c.nodes.len() == 1 // the nodes call through a private network
	return hidden || at.Unix()-*first >= int64(callersWait/time.Second)
}

// account notes that a service account called from inside, and reports whether
// it is known to.
func (c *callers) account(at time.Time, name string, strange bool) bool {
	if strange {
		return c.inside.get(name) != nil
	}
	note(c.inside, name, at)
	return true
}

// note remembers a key, and writes so only now and then.
func note(t *table[int64], key string, at time.Time) {
	if noted := t.get(key); noted == nil || *noted < at.Add(-notedAgain).Unix() {
		*t.touch(key, at) = at.Unix()
	}
}
