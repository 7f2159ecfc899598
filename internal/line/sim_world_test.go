package line

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/publish"
)

// world is what is outside of journal and store: senders, files, operators and
// the target of the publisher.
type world struct {
	nodes    []*node // by slot; nil before the first start
	names    int
	ids      uint64
	records  int
	senders  int             // that are not done
	acked    map[string]bool // records a sender got an OK for
	sent     map[string]bool
	poison   map[string]bool
	deadly   map[string]bool
	feud     [2]string    // records that cannot be judged together
	poisonAt map[int]int8 // by number of the record: 1 poison, 2 deadly
	read     int          // lines of the file whose push was taken
	unlucky  int          // faults that look like poison, while something was on trial
	received []publish.Event
	cut      bool // a process died while it published
}

func scopeOf(i int) event.Scope {
	return event.Scope{Account: "a", Region: "r", Cluster: "c" + strconv.Itoa(i)}
}

// build puts everything in its place.
func (s *sim) build() {
	s.db, s.journal = newSimDB(s), newSimJournal(s)
	s.world = world{
		nodes: make([]*node, s.nodes), acked: map[string]bool{}, sent: map[string]bool{}, poison: map[string]bool{}, deadly: map[string]bool{},
		poisonAt: map[int]int8{}, senders: s.scopes,
	}
	for range s.config.poison {
		s.world.poisonAt[s.rng.IntN(2*s.pushes)] = 1
	}
	for range s.config.deadly {
		s.world.poisonAt[s.rng.IntN(2*s.pushes)] = 2
	}
	for slot := range s.nodes {
		s.spawn(fmt.Sprintf("operator %d", slot), nil, func() { s.operate(slot) })
	}
	for i := range s.scopes {
		n := s.pushes / s.scopes
		s.spawn(fmt.Sprintf("sender %d", i), nil, func() { s.sender(i, max(n, 1)) })
	}
	if s.config.wipe {
		s.spawn("vandal", nil, func() {
			s.sleep(s.between(time.Second, time.Duration(s.heal)))
			s.journal.wipe(s.rng.IntN(s.shards))
		})
	}
}

// operate keeps a process running: it stops it now and then, and starts it
// again when it ended, under the same name or another one.
func (s *sim) operate(slot int) {
	name := s.rename(slot)
	s.sleep(s.between(0, 500*time.Millisecond))
	for {
		n := s.start(slot, name)
		up := time.Duration(0)
		stop := false
		for range 3 { // there are few chances
			stop = stop || s.hit(faultStop)
		}
		if stop {
			up = s.between(100*time.Millisecond, 6*time.Second)
		}
		s.wait(up, func() bool { return !n.alive || up > 0 && !s.faulty() })
		if n.alive && !s.faulty() {
			s.wait(0, func() bool { return !n.alive })
		}
		if n.alive && s.faulty() { // a stop in good order, which may take too long
			s.tell("%s shall end", n.name)
			n.cancel()
			s.wait(15*time.Second, func() bool { return !n.alive || n.stopped() })
		}
		if n.alive {
			if n.exit(); s.onTrial() && !n.stopped() {
				s.world.unlucky++
			}
		}
		s.sleep(s.between(0, 3*time.Second))
		if s.hit(faultRename) {
			name = s.rename(slot)
		}
	}
}

func (s *sim) rename(slot int) string {
	s.world.names++
	return fmt.Sprintf("node %d.%d", slot, s.world.names)
}

// record makes the next record of a scope.
func (s *sim) record() string {
	k := s.world.records
	s.world.records++
	id := "r" + strconv.Itoa(k)
	switch s.world.poisonAt[k] {
	case 1:
		s.world.poison[id] = true
	case 2:
		s.world.deadly[id] = true
	}
	s.world.sent[id] = true
	return id
}

func chunkOf(stream string, sc event.Scope, ids []string) event.Chunk {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"` + id + `","verb":"get","stageTimestamp":"2026-01-01T00:00:00Z"}` + "\n")
	}
	return event.Chunk{Stream: stream, Scope: sc, OneAccount: true, Data: []byte(b.String())}
}

// sender pushes batches and comes again until each was taken.
func (s *sim) sender(i, n int) {
	var last []string
	for range n {
		ids := []string{}
		for range 1 + s.rng.IntN(3) {
			ids = append(ids, s.record())
		}
		if len(last) > 0 && s.hit(faultRecordAgain) {
			ids = append(ids, last[s.rng.IntN(len(last))])
		}
		s.push(i, ids)
		if s.hit(faultAgain) {
			s.push(i, ids)
		}
		last = ids
		s.sleep(s.between(0, time.Duration(s.heal)/time.Duration(2*n)))
	}
	s.world.senders--
}

func (s *sim) push(i int, ids []string) {
	patience := 30 * time.Second
	if s.patienceLess {
		patience = 300 * time.Millisecond
	}
	for {
		s.sleep(s.between(0, 3*time.Millisecond))
		n := s.world.nodes[s.rng.IntN(len(s.world.nodes))]
		if n != nil && n.alive && n.ingest && n.ctx.Err() == nil {
			p := &ingest.Push{Chunk: chunkOf("push", scopeOf(i), ids)}
			p.Recycle = func() { s.recycle(p) }
			err := n.take(p, patience)
			s.tell("%s answers %v: %v", n.name, ids, err)
			if err == nil {
				for _, id := range ids {
					s.world.acked[id] = true
				}
				return
			}
		}
		s.sleep(s.between(100*time.Millisecond, time.Second))
		if !s.faulty() {
			patience = 30 * time.Second
		}
	}
}

// recycle uses the memory of a push for something else.
func (s *sim) recycle(p *ingest.Push) {
	if bytes.HasPrefix(p.Chunk.Data, []byte("#")) {
		s.fail("the memory of a push is given back twice")
	}
	copy(p.Chunk.Data, bytes.Repeat([]byte("#"), len(p.Chunk.Data)))
}

// The followed file is on the machine of slot 0.

const fileCursor = "follow:file"

func fileScope() event.Scope { return scopeOf(9) }

func lineID(k int) string { return "f" + strconv.Itoa(k) }

// follow reads the file from the committed cursor on, once everything that is
// in the journal is committed, as internal/app and ingest.Follow do.
func (n *node) follow() {
	shard := ShardOf(fileScope(), n.shards)
	if !n.caughtUp(shard) {
		return
	}
	var at int
	for {
		data, err := n.store.Cursor(n.ctx, fileCursor)
		if err == nil {
			at, _ = strconv.Atoi(string(data))
		}
		if err == nil || !n.store.unknown(err) {
			break
		}
		n.sleep(100 * time.Millisecond)
	}
	n.tell("follows from line %d", at)
	n.world.read = max(n.world.read, at)
	for at < n.lines && n.ctx.Err() == nil {
		n.sleep(n.between(0, 2*time.Second))
		to := min(n.lines, at+1+n.rng.IntN(3))
		var ids []string
		for k := at; k < to; k++ {
			ids = append(ids, lineID(k))
			n.world.sent[lineID(k)] = true
		}
		for n.ctx.Err() == nil {
			err := n.take(&ingest.Push{
				Chunk:  chunkOf("file", fileScope(), ids),
				Cursor: ingest.Cursor{Name: fileCursor, Data: []byte(strconv.Itoa(to))},
			}, 0)
			n.tell("lines %d to %d: %v", at, to, err)
			if err == nil {
				for _, id := range ids {
					n.world.acked[id] = true
				}
				at, n.world.read = to, to
				break
			}
			n.sleep(500 * time.Millisecond)
		}
	}
}

func (c *dbClient) unknown(err error) bool { return err == errSimTemporary }

func (n *node) caughtUp(shard int) bool {
	var last uint64
	for known := false; n.ctx.Err() == nil; {
		st, err := n.journal.State(n.ctx, shard)
		if err == nil && !known {
			last, known = st.Last, true
		}
		if err == nil {
			sh, err := n.store.Position(n.ctx, shard)
			switch {
			case err != nil:
			case sh.Journal != st.ID && st.Messages == 0 || sh.Journal == st.ID && sh.Position >= min(last, st.Last):
				return true
			}
		}
		n.sleep(300 * time.Millisecond)
	}
	return false
}

// simTarget is where the publisher of a process sends to.
type simTarget node

func (t *simTarget) Send(_ context.Context, events []publish.Event) error {
	n := (*node)(t)
	n.sending = true
	n.call("send")
	if n.hit(faultSend) {
		return errNoAnswer
	}
	n.world.received = append(n.world.received, events...)
	for _, e := range events {
		if e.Source == "aws.guardduty" {
			id, count := findingOf(e)
			n.tell("the target has finding %s, count %d", id, count)
		} else {
			n.tell("the target has the change of %s", e.Account)
		}
	}
	lost := n.hit(faultSendLost)
	n.call("sent")
	if lost {
		return errNoAnswer
	}
	return nil
}
