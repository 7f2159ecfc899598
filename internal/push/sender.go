package push

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/uplink"
)

// postFor bounds one attempt.
const postFor = 60 * time.Second

// Options say how records are sent. URL and Log are required.
type Options struct {
	URL    *url.URL
	Server uplink.Server
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
	client *uplink.Client
	live   progress
}

// New returns a sender; Close releases it.
func New(o Options) (*Sender, error) {
	if err := o.Server.Check(); err != nil {
		return nil, err
	}
	s := &Sender{client: uplink.New(o.Server, postFor)}
	var err error
	if s.poster, err = newPoster(&o, &s.sum, s.post); err != nil {
		return nil, err
	}
	s.packer = &packer{cluster: o.Cluster, log: o.Log, post: s.poster.post, sum: &s.sum, told: map[event.Reason]int{}}
	return s, nil
}

// Take sends the records of a chunk, or keeps them until more make a body. The
// chunk's data may be used again when it returns.
func (s *Sender) Take(ctx context.Context, c *event.Chunk) error {
	defer s.live.count(&s.sum)
	return s.packer.add(ctx, c)
}

// Damaged accounts for input in which no records can be told apart.
func (s *Sender) Damaged() {
	s.sum.Records++
	s.sum.refuse(tally{records: 1}, reasonDamaged)
}

// Flush returns when the server has all that was taken.
func (s *Sender) Flush(ctx context.Context) error {
	defer s.live.count(&s.sum)
	return s.packer.flush(ctx)
}

// post is one attempt, and what others may know of it.
func (s *Sender) post(ctx context.Context, url, media string, zipped []byte) (uplink.Answer, error) {
	s.live.count(&s.sum)
	a, err := s.client.Post(ctx, url, media, zipped)
	if ctx.Err() == nil {
		s.live.attempted(a, err)
	}
	return a, err
}

// Summary accounts for what was taken so far.
func (s *Sender) Summary() Summary {
	out := s.sum
	out.Unsent = out.Records - out.Sent - out.Refused
	return out
}

// Close releases the connections to the server.
func (s *Sender) Close() error {
	s.client.Close()
	return s.poster.zip.Close()
}
