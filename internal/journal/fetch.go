package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// fetcher asks for batches of messages by position. It keeps nothing on the
// server: any replica can answer, and after a lost connection it just asks
// again.
type fetcher struct {
	j       *Journal
	subject string
	wake    *nats.Subscription
	answers *nats.Subscription
	inbox   string
	asked   uint64 // questions so far; each has its own inbox
}

// batchRequest is the question of a direct get, see NATS ADR-31.
type batchRequest struct {
	Seq      uint64 `json:"seq"`
	Batch    int    `json:"batch"`
	MaxBytes int    `json:"max_bytes"`
}

const (
	batchMessages = 512
	// batchBytes bounds what all readers together have asked for. A server
	// sends at least one message, however large.
	batchBytes    = 32 << 20
	maxBatchBytes = 4 << 20
	minBatchBytes = 256 << 10
	// silence is how long an answer may pause.
	silence = 5 * time.Second
)

func (r *Reader) subscribe() (*fetcher, error) {
	f := &fetcher{
		j:       r.j,
		subject: "$JS.API.DIRECT.GET." + r.j.opts.stream(r.shard),
		inbox:   r.j.read.NewInbox(),
	}
	var err error
	if f.wake, err = r.j.read.Subscribe(r.j.opts.wake(r.shard), r.wake); err != nil {
		return nil, err
	}
	if f.answers, err = r.j.read.SubscribeSync(f.inbox + ".*"); err != nil {
		return nil, err
	}
	// What is asked for is bounded; nothing may be dropped.
	return f, f.answers.SetPendingLimits(-1, -1)
}

func (f *fetcher) close() {
	for _, s := range []*nats.Subscription{f.wake, f.answers} {
		_ = s.Unsubscribe() // fails only when the connection is closed
	}
}

// fetch returns messages from a position on, none if there are none yet, and
// whether there are more. With an error it returns what came before it.
func (f *fetcher) fetch(ctx context.Context, from uint64) (batch []Message, more bool, err error) {
	size := min(max(batchBytes/f.j.opts.Shards, minBatchBytes), maxBatchBytes)
	question, err := json.Marshal(batchRequest{Seq: from, Batch: batchMessages, MaxBytes: size})
	if err != nil {
		return nil, false, err
	}
	f.asked++
	inbox := f.inbox + "." + strconv.FormatUint(f.asked, 36)
	connections := f.j.read.Stats().Reconnects
	if err := f.j.read.PublishRequest(f.subject, inbox, question); err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	quiet := time.Now()
	for {
		m, err := f.receive(ctx)
		switch {
		case errors.Is(err, nats.ErrTimeout):
			if time.Since(quiet) > silence || f.j.read.Stats().Reconnects != connections || !f.j.read.IsConnected() {
				return batch, true, fmt.Errorf("%w: no answer", ErrUnavailable)
			}
			continue
		case err != nil:
			return batch, true, err
		case m.Subject != inbox:
			continue // late, of an earlier question
		}
		quiet = time.Now()
		switch status := m.Header.Get("Status"); status {
		case "":
			got, err := message(m)
			if err != nil {
				return batch, true, err
			}
			batch = append(batch, got)
		case "204": // the end of the batch
			pending := m.Header.Get("Nats-Num-Pending")
			return batch, pending != "" && pending != "0", nil
		case "404": // nothing at or behind the position
			return batch, false, nil
		default:
			return batch, true, fmt.Errorf("%w: %s %s", ErrUnavailable, status, m.Header.Get("Description"))
		}
	}
}

// receive waits for a short while.
func (f *fetcher) receive(ctx context.Context) (*nats.Msg, error) {
	wait, cancel := context.WithTimeout(ctx, pollEvery)
	defer cancel()
	m, err := f.answers.NextMsgWithContext(wait)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = nats.ErrTimeout
	}
	return m, err
}

func message(m *nats.Msg) (Message, error) {
	position, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return Message{}, fmt.Errorf("%w: an answer without a position", ErrUnavailable)
	}
	stored, err := time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer))
	if err != nil {
		return Message{}, fmt.Errorf("%w: an answer without a time", ErrUnavailable)
	}
	return Message{Position: position, Data: m.Data, Stored: stored, Carried: m.Header.Values(carryHeader)}, nil
}

// gone says that the leader of a stream does not have a message.
func (j *Journal) gone(ctx context.Context, shard int, position uint64) bool {
	wait, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	question := fmt.Sprintf(`{"seq":%d}`, position)
	m, err := j.read.RequestWithContext(wait, "$JS.API.STREAM.MSG.GET."+j.opts.stream(shard), []byte(question))
	if err != nil {
		return false
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
	}
	if strings.HasPrefix(m.Header.Get("Status"), "5") || json.Unmarshal(m.Data, &answer) != nil {
		return false
	}
	return answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound
}
