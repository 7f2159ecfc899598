package push

import (
	"context"
	"log/slog"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// Options say how records are sent. Server and Log are required.
type Options struct {
	Server Server
	// Cluster is that of audit records, which do not name theirs, and of what a
	// sensor's records do not say.
	Cluster string
	// Patient never gives up: every fault but a record that is too large is
	// waited out. Otherwise RetryFor bounds how long one body is tried.
	Patient  bool
	RetryFor time.Duration
	Log      *slog.Logger
}

// Sender sends chunks in the order in which it is given them. One goroutine
// owns it.
type Sender struct {
	sum    Summary
	packer *packer
	poster *poster
}

// New returns a sender; Close releases it.
func New(o Options) (*Sender, error) {
	if err := o.Server.Check(); err != nil {
		return nil, err
	}
	s := &Sender{}
	poster, err := newPoster(o.Server, o.Log, &s.sum)
	if err != nil {
		return nil, err
	}
	poster.patient, poster.retryFor = o.Patient, o.RetryFor
	s.poster = poster
	s.packer = &packer{cluster: o.Cluster, log: o.Log, post: poster.post, sum: &s.sum, told: map[event.Reason]int{}}
	return s, nil
}

// Take sends the records of a chunk, or keeps them until more make a body. The
// chunk's data may be used again when it returns.
func (s *Sender) Take(ctx context.Context, c *event.Chunk) error { return s.packer.add(ctx, c) }

// Damaged accounts for input in which no records can be told apart.
func (s *Sender) Damaged() {
	s.sum.Records++
	s.sum.refuse(tally{records: 1}, reasonDamaged)
}

// Flush returns when the server has all that was taken.
func (s *Sender) Flush(ctx context.Context) error { return s.packer.flush(ctx) }

// Summary accounts for what was taken so far.
func (s *Sender) Summary() Summary {
	out := s.sum
	out.Unsent = out.Records - out.Sent - out.Refused
	return out
}

// Close releases the connections to the server.
func (s *Sender) Close() error { return s.poster.close() }
