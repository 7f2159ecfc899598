package journal

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// conn is a connection that can be moved.
type conn struct {
	*nats.Conn
	log   *slog.Logger
	moved atomic.Int64 // when it was last
}

// move goes to another server of the cluster, at most once in a while. The one
// we talk to answers pings but may be cut off from the others.
func (c *conn) move() {
	const while = 5 * time.Second
	last, now := c.moved.Load(), time.Now().UnixNano()
	if now-last < int64(while) || !c.moved.CompareAndSwap(last, now) {
		return
	}
	c.log.Warn("the journal's server does not keep up; trying another", "server", c.ConnectedServerName())
	if err := c.ForceReconnect(); err != nil {
		c.log.Debug("move to another server", "error", err)
	}
}

// suspectAfter is how long nothing may have been answered before we move.
const suspectAfter = 3 * time.Second

// suspect is called when a question to the leader of a stream had no answer;
// it was asked at a time.
func (j *Journal) suspect(asked time.Time) {
	if j.server != nil {
		return
	}
	j.silent.CompareAndSwap(0, asked.UnixNano())
	if since := j.silent.Load(); since != 0 && time.Now().UnixNano()-since > int64(suspectAfter) {
		j.silent.Store(0)
		j.write.move()
	}
}

// answered is called when there was an answer.
func (j *Journal) answered() { j.silent.Store(0) }
