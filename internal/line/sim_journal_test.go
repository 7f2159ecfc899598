package line

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/journal"
)

// simJournal is the journal: what is in it stays, whatever happens to those
// who write and read.
type simJournal struct {
	s      *sim
	shards []*simStream
	late   int // messages on their way
}

type simStream struct {
	id       string
	made     int               // how often it was made anew
	msgs     []journal.Message // all there ever were; the position is the index + 1
	first    uint64            // the first that is still stored
	trimTo   uint64
	ids      map[string]simAck
	downTill int64
}

type simAck struct {
	position uint64
	at       int64
}

// Bounds of the journal.
const (
	simDedup    = int64(5 * time.Minute)
	simCapacity = 12 // messages
)

func newSimJournal(s *sim) *simJournal {
	j := &simJournal{s: s}
	for i := range s.shards {
		j.shards = append(j.shards, &simStream{id: fmt.Sprintf("stream %d.0", i), first: 1, ids: map[string]simAck{}})
	}
	return j
}

func (st *simStream) last() uint64 { return uint64(len(st.msgs)) }

// store keeps a message, once for an id.
func (j *simJournal) store(shard int, id string, data []byte) uint64 {
	st, s := j.shards[shard], j.s
	if ack, ok := st.ids[id]; ok && s.now-ack.at < simDedup && s.mutant != mutantNoDedup {
		s.tell("message %d of shard %d comes again", ack.position, shard)
		return ack.position
	}
	p := st.last() + 1
	st.msgs = append(st.msgs, journal.Message{Position: p, Data: bytes.Clone(data), Stored: s.time()})
	st.ids[id] = simAck{p, s.now}
	s.tell("message %d of shard %d is stored", p, shard)
	return p
}

func (j *simJournal) trim(shard int, upTo uint64) {
	st := j.shards[shard]
	st.trimTo = max(st.trimTo, upTo)
}

// purge frees what was trimmed, some time later. The newest of it stays.
func (j *simJournal) purge(shard int) {
	if st := j.shards[shard]; j.s.rng.IntN(2) == 0 {
		st.first = max(st.first, min(st.trimTo, st.last()))
	}
}

// wipe makes a stream anew.
func (j *simJournal) wipe(shard int) {
	st := j.shards[shard]
	made := st.made + 1
	*st = simStream{id: fmt.Sprintf("stream %d.%d", shard, made), made: made, first: 1, ids: map[string]simAck{}}
	j.s.note(faultWipe)
}

// journalClient is how one process sees the journal.
type journalClient struct {
	*sim
	node *node
}

var _ Journal = (*journalClient)(nil)

func (c *journalClient) Shards() int     { return c.config.shards }
func (c *journalClient) MaxMessage() int { return 1 << 20 }

func (c *journalClient) Append(_ context.Context, shard int, id string, data []byte) (uint64, error) {
	c.call("append")
	st := c.journal.shards[shard]
	if c.hit(faultLeader) {
		st.downTill = c.now + int64(c.between(time.Second, 12*time.Second))
	}
	c.journal.purge(shard)
	switch {
	case c.now < st.downTill || c.hit(faultAppend):
		return 0, journal.ErrUnavailable
	case c.hit(faultFull) || c.faulty() && st.last()+1-st.first > simCapacity:
		return 0, journal.ErrFull
	case c.hit(faultAppendLate):
		late, data := c.between(0, 6*time.Second), bytes.Clone(data)
		c.journal.late++
		c.spawn("a late append", nil, func() {
			c.sleep(late)
			c.journal.late--
			if c.journal.shards[shard] == st {
				c.journal.store(shard, id, data)
			}
		})
		return 0, journal.ErrUnavailable
	case c.mutant == mutantAckEarly:
		data := bytes.Clone(data)
		c.spawn("an early acknowledgement", c.node, func() {
			c.sleep(c.between(0, time.Second))
			c.journal.store(shard, id, data)
		})
		return 0, nil
	}
	p := c.journal.store(shard, id, data)
	lost := c.hit(faultAppendLost)
	c.call("stored")
	if lost {
		return 0, journal.ErrUnavailable
	}
	return p, nil
}

func (c *journalClient) Trim(shard int, upTo uint64) {
	if c.cur.made[shard] == c.journal.shards[shard].made {
		c.journal.trim(shard, upTo)
	}
}

func (c *journalClient) State(_ context.Context, shard int) (journal.State, error) {
	c.call("journal state")
	st := c.journal.shards[shard]
	if c.now < st.downTill || c.hit(faultState) {
		return journal.State{}, journal.ErrUnavailable
	}
	c.cur.made[shard] = st.made
	return journal.State{ID: st.id, First: st.first, Last: st.last(), Messages: st.last() + 1 - st.first}, nil
}

func (c *journalClient) Read(shard int, after uint64) Reader {
	st := c.journal.shards[shard]
	c.tell("reads shard %d after %d", shard, after)
	r := &simReader{c: c, st: st, made: c.cur.made[shard], shard: shard, next: after + 1}
	if c.mutant == mutantReadLate && st.last() > after+1 {
		r.next++
	}
	return r
}

type simReader struct {
	c      *journalClient
	st     *simStream
	made   int
	shard  int
	next   uint64
	err    error
	closed bool
}

func (r *simReader) Next(ctx context.Context) (journal.Message, error) {
	r.c.call("read")
	r.c.journal.purge(r.shard)
	if r.c.hit(faultRead) {
		r.err = journal.ErrClosed
	}
	r.c.wait(0, func() bool { return ctx.Err() != nil || r.rewound() || r.there() })
	if err := ctx.Err(); err != nil && r.err == nil {
		return journal.Message{}, err
	}
	return r.pop()
}

func (r *simReader) TryNext(ctx context.Context) (journal.Message, bool, error) {
	if r.c.rng.IntN(4) == 0 {
		r.c.call("read more")
	}
	if err := ctx.Err(); err != nil {
		return journal.Message{}, false, err
	}
	if !r.rewound() && (!r.there() || r.c.rng.IntN(4) == 0) { // or it is still on its way
		return journal.Message{}, false, nil
	}
	m, err := r.pop()
	return m, err == nil, err
}

func (r *simReader) there() bool { return r.c.now >= r.st.downTill && r.st.last() >= r.next }

func (r *simReader) rewound() bool {
	if r.st.made != r.made && r.err == nil {
		r.err = journal.ErrRewound
	}
	return r.err != nil
}

func (r *simReader) pop() (journal.Message, error) {
	if r.closed {
		r.c.fail("a closed reader is read")
	}
	if r.rewound() {
		return journal.Message{}, r.err
	}
	missing := uint64(0)
	if r.next < r.st.first {
		missing = r.st.first - r.next
		r.next = r.st.first
	}
	m := r.st.msgs[r.next-1]
	m.Missing = missing
	r.next++
	return m, nil
}

func (r *simReader) Close() {
	if r.closed {
		r.c.fail("a reader is closed twice")
	}
	r.closed = true
}
