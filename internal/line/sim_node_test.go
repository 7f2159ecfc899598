package line

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

const (
	simTTL  = 3 * time.Second
	simBeat = time.Second
)

// node is a process: what it does is real code, what it has is gone when it dies.
type node struct {
	*sim
	slot           int
	name           string
	ingest, detect bool
	alive          bool
	ctx            context.Context
	cancel         context.CancelFunc
	clock          int64 // how far its clock is ahead
	writer         *Writer
	worker         *Worker[*simTx]
	store          *dbClient
	journal        *journalClient
	writing        int // write loops that have not ended
	ended          bool
	sending        bool                // to the target, and the cursor is not moved yet
	claims         map[int]store.Shard // for mutants
}

func (s *sim) time() time.Time { return time.Unix(1_700_000_000, 0).UTC().Add(time.Duration(s.now)) }

func (n *node) Now() time.Time { return n.time().Add(time.Duration(n.clock)) }

// start begins a process under a name.
func (s *sim) start(slot int, name string) *node {
	n := &node{sim: s, slot: slot, name: name, alive: true, claims: map[int]store.Shard{}}
	n.ingest, n.detect = !s.split || slot%2 == 0, !s.split || slot%2 == 1
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.store = &dbClient{sim: s, db: s.db, node: n, name: name}
	n.journal = &journalClient{sim: s, node: n}
	if s.hit(faultClock) {
		n.clock = int64(s.between(-time.Hour, time.Hour))
	}
	s.world.nodes[slot] = n
	s.tell("%s starts", name)
	if n.ingest {
		n.startWriter()
	}
	if n.detect {
		n.startWorker()
	}
	if slot == 0 && s.lines > 0 {
		s.spawn(name+" file", n, n.follow)
	}
	return n
}

func (n *node) startWriter() {
	n.writer = NewWriter(WriterOptions{
		Journal: n.journal, Sleep: n.pause, Retry: 100 * time.Millisecond, Log: n.logger(), Now: n.Now,
		Appended: func(int, int, time.Duration) {},
	})
	for shard := range n.writer.queues {
		n.writing++
		n.spawn(fmt.Sprintf("%s writes %d", n.name, shard), n, func() { n.write(shard) })
	}
}

// write is Writer.Run for one shard, without its goroutines: it encodes and
// sends one message after the other.
func (n *node) write(shard int) {
	queue, buffer := n.writer.queues[shard], []byte(nil)
	for {
		n.wait(0, func() bool { return len(queue) > 0 || n.ctx.Err() != nil })
		if len(queue) == 0 {
			n.writing--
			return
		}
		o, err := n.writer.outgoing(gather(<-queue, queue), buffer)
		if err != nil {
			n.fail("encode: %v", err)
			return
		}
		n.world.ids++
		id := fmt.Appendf(nil, "%016x", n.world.ids)[:idLen]
		o.id = hex.EncodeToString(id)
		copy(o.data, id)
		o.answer(n.writer.send(context.WithoutCancel(n.ctx), shard, o))
		buffer = o.data[:0]
	}
}

// take is Writer.Append, which must not block the simulation.
func (n *node) take(p *ingest.Push, patience time.Duration) error {
	pieces, err := n.writer.pieces(p)
	if err != nil {
		return err
	}
	for _, one := range pieces {
		select {
		case one.queue <- one:
		default:
			return ingest.ErrFull
		}
		n.wait(patience, func() bool { return len(one.done) > 0 || !n.alive })
		if len(one.done) == 0 {
			return errNoAnswer
		}
		if err := <-one.done; err != nil {
			return err
		}
	}
	return nil
}

var errNoAnswer = errors.New("no answer")

func (n *node) startWorker() {
	n.worker = NewWorker(Options[*simTx]{
		ID: n.name, Journal: n.journal, Store: n.store, Tail: n.writer,
		NewJudge: func(int) Judge[*simTx] { return newSimJudge(n.sim, n) },
		TTL:      simTTL, Beat: simBeat, Retry: 100 * time.Millisecond,
		Temporary: func(err error) bool { return errors.Is(err, errSimTemporary) || errors.Is(err, errSimUncertain) },
		Now:       n.Now, Sleep: n.workerSleep, Log: n.logger(),
		Go: func(run func()) { n.spawn(n.name+" lease", n, run) },
	})
	n.spawn(n.name+" worker", n, func() {
		n.worker.Run(n.ctx)
		n.ended = true
	})
	f := publish.NewFollower(publish.Options{
		Name: "target", Store: n.store, Target: (*simTarget)(n), Now: n.Now, Log: n.logger(),
		May: func() bool { _, first := n.worker.Held(); return first },
		Sleep: func(ctx context.Context, d time.Duration) error {
			return n.pause(ctx, max(d, 700*time.Millisecond))
		},
	})
	n.spawn(n.name+" publisher", n, func() { f.Run(n.ctx) })
}

// workerSleep ends the leases as Run does before it waits for them: a wait
// for goroutines would stop the whole simulation.
func (n *node) workerSleep(ctx context.Context, d time.Duration) error {
	err := n.pause(ctx, d)
	if ctx != n.ctx || err == nil {
		return err
	}
	n.worker.mu.Lock()
	n.worker.ending = true
	for _, l := range n.worker.leases {
		l.cancel()
	}
	n.worker.mu.Unlock()
	n.wait(0, func() bool { return len(n.worker.leases) == 0 })
	return err
}

// stopped reports whether a process that was told to end has ended.
func (n *node) stopped() bool { return n.writing == 0 && (n.worker == nil || n.ended) }

// kill ends the process at once; who calls it in the process does not return.
func (n *node) kill() {
	n.exit()
	if n.cur.dead {
		panic(killed{})
	}
}

func (n *node) exit() {
	n.alive = false
	n.world.cut = n.world.cut || n.sending
	n.cancel()
	for _, a := range n.actors {
		if a.node == n && !a.done {
			a.dead = true
		}
	}
	for _, tx := range n.db.open {
		if tx.c.node == n && tx.dropAt == 0 {
			tx.dropAt = n.now + int64(n.between(0, 3*time.Second))
		}
	}
}
