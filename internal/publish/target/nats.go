package target

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vedette-project/vedette/internal/publish"
)

// NATS publishes each event to a subject.
type NATS struct {
	Form
	URL     string // one or several, with commas between
	Options []nats.Option
	Subject string
	// Stream says that a stream of JetStream keeps the subject, and that an event
	// is sent when the stream has it. Otherwise it is sent when the server has it,
	// whether anybody listens or not.
	Stream bool

	mu   sync.Mutex
	conn *nats.Conn
}

const natsFlush = 10 * time.Second

// Send publishes events.
func (t *NATS) Send(ctx context.Context, events []publish.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.connect(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, natsFlush)
	defer cancel()
	each := make(publish.Each, len(events))
	for i := range events {
		if !t.skips(&events[i]) {
			each[i] = t.publish(ctx, &events[i])
		}
	}
	if !t.Stream {
		if err := t.conn.FlushWithContext(ctx); err != nil {
			return fmt.Errorf("publish to NATS: %w", err)
		}
		if err := t.conn.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
			t.conn.Close()
			return fmt.Errorf("publish to NATS: %w; allow the user to publish to the subject", err)
		}
	}
	return result(each)
}

func (t *NATS) publish(ctx context.Context, e *publish.Event) error {
	body, err := t.text(e)
	if err != nil {
		return err
	}
	m := nats.NewMsg(t.Subject)
	m.Data = body
	m.Header.Set(nats.MsgIdHdr, e.ID)
	m.Header.Set("Content-Type", t.ContentType())
	if int64(len(body)) > t.conn.MaxPayload() {
		return &publish.RefusedError{Reason: fmt.Sprintf("it has %d bytes, and the NATS server takes %d (max_payload)", len(body), t.conn.MaxPayload())}
	}
	if !t.Stream {
		err = t.conn.PublishMsg(m)
	} else {
		var js jetstream.JetStream
		if js, err = jetstream.New(t.conn); err == nil {
			_, err = js.PublishMsg(ctx, m)
		}
	}
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) {
		return fmt.Errorf("no stream of JetStream keeps the subject %s; make one, or take `stream` out of the target", t.Subject)
	}
	if err != nil {
		return fmt.Errorf("publish to NATS: %w", err)
	}
	return nil
}

func (t *NATS) connect() error {
	if t.conn != nil && !t.conn.IsClosed() {
		if !t.conn.IsConnected() {
			return errors.New("the NATS server cannot be reached")
		}
		return nil
	}
	conn, err := nats.Connect(t.URL, t.Options...)
	if err != nil {
		return fmt.Errorf("reach the NATS server: %w", err)
	}
	t.conn = conn
	return nil
}
