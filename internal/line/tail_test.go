package line

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/journal"
)

func pushOfBytes(n int64) []*Push { return []*Push{{Batch: &event.Batch{Bytes: n}}} }

func TestTail(t *testing.T) {
	tl := newTail(100)
	tl.keep("a", pushOfBytes(60))
	tl.keep("b", pushOfBytes(30))
	if tl.take("a") == nil || tl.take("a") != nil {
		t.Error("what was kept is not taken once")
	}
	tl.keep("c", pushOfBytes(50))
	tl.keep("d", pushOfBytes(40)) // b goes
	if tl.take("b") != nil || tl.bytes != 90 {
		t.Errorf("the oldest is still there, %d bytes", tl.bytes)
	}
	tl.keep("e", pushOfBytes(101)) // alone too much: nothing goes for it
	if tl.take("e") != nil || tl.take("c") == nil || tl.take("d") == nil || tl.bytes != 0 {
		t.Error("what fits must stay, what does not must not be kept")
	}
	if (*tail)(nil).take("a") != nil {
		t.Error("no tail holds nothing")
	}
}

func TestTailForgetsTheNamesOfWhatWasTaken(t *testing.T) {
	tl := newTail(1 << 20)
	tl.keep("first", pushOfBytes(1))
	for i := range 10_000 {
		id := fmt.Sprint(i)
		tl.keep(id, pushOfBytes(1))
		tl.take(id)
	}
	if len(tl.order) > 200 {
		t.Errorf("%d names are kept for %d messages", len(tl.order), len(tl.held))
	}
	if tl.take("first") == nil {
		t.Error("a message that was never taken is gone")
	}
}

// listReader reads a list, then waits, or fails.
type listReader struct {
	n, next int
	err     error
	closed  bool
}

func (r *listReader) Next(ctx context.Context) (journal.Message, error) {
	if r.next < r.n {
		r.next++
		id := fmt.Appendf(nil, "%016d", r.next)
		c := chunkOf("push", scopeOf(0), []string{fmt.Sprintf("r%d", r.next)})
		return journal.Message{Position: uint64(r.next), Data: journal.Encode(id, []journal.Entry{{Chunk: c, Records: 1}})}, nil
	}
	if r.err != nil {
		return journal.Message{}, r.err
	}
	<-ctx.Done()
	return journal.Message{}, ctx.Err()
}

func (r *listReader) TryNext(ctx context.Context) (journal.Message, bool, error) {
	if r.next == r.n && r.err == nil {
		return journal.Message{}, false, nil
	}
	m, err := r.Next(ctx)
	return m, err == nil, err
}

func (r *listReader) Close() { r.closed = true }

func TestSource(t *testing.T) {
	broken := errors.New("broken")
	for _, ahead := range []int{0, 1, 4} {
		r := &listReader{n: 10, err: broken}
		s := newSource(r, nil, ahead, nil)
		for i := range 10 {
			m, err := s.next(t.Context())
			if err != nil || m.position != uint64(i+1) {
				t.Fatalf("ahead %d: message %d: %v, %v", ahead, i, m, err)
			}
			if ahead > 0 && (len(m.pushes) != 1 || m.pushes[0].Batch.Events[0].Audit.AuditID != fmt.Sprintf("r%d", i+1)) {
				t.Errorf("ahead %d: message %d is not opened", ahead, i)
			}
		}
		if _, err := s.next(t.Context()); !errors.Is(err, broken) {
			t.Errorf("ahead %d: got %v", ahead, err)
		}
		if s.close(); !r.closed {
			t.Errorf("ahead %d: the reader stays open", ahead)
		}
	}
}

func TestSourceWaitsAndEnds(t *testing.T) {
	for _, ahead := range []int{0, 4} {
		r := &listReader{n: 2}
		s := newSource(r, nil, ahead, nil)
		if m, err := s.next(t.Context()); err != nil || m.position != 1 {
			t.Fatal(m, err)
		}
		eventually(t, "the second is there", func() bool { m, err := s.tryNext(t.Context()); return err == nil && m != nil && m.position == 2 })
		if m, err := s.tryNext(t.Context()); m != nil || err != nil {
			t.Errorf("ahead %d: behind the last one comes %v, %v", ahead, m, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if _, err := s.next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ahead %d: got %v", ahead, err)
		}
		cancel()
		s.close() // while fetch waits for a message that does not come
	}
}
