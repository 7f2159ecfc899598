package line

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/journal"
)

// slowJournal stands in for a journal whose Append takes until the test lets
// it go on.
type slowJournal struct {
	Journal
	max  int
	hang chan struct{} // closed, or nil, when nothing hangs
	fail func(n int) error

	mu    sync.Mutex
	calls int
	got   [][]journal.Entry
}

func (j *slowJournal) Shards() int     { return 1 }
func (j *slowJournal) MaxMessage() int { return j.max }

func (j *slowJournal) Append(_ context.Context, _ int, _ string, data []byte) (uint64, error) {
	if j.hang != nil {
		<-j.hang
	}
	entries, _, err := journal.Decode(bytes.Clone(data[idLen:]), nil)
	if err != nil {
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls++
	if j.fail != nil {
		if err := j.fail(j.calls); err != nil {
			return 0, err
		}
	}
	j.got = append(j.got, entries)
	return uint64(len(j.got)), nil
}

func (j *slowJournal) messages() [][]journal.Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.got
}

// startWriter runs a writer until the test ends.
func startWriter(t *testing.T, j *slowJournal) *Writer {
	t.Helper()
	if j.max == 0 {
		j.max = 1 << 30
	}
	w := NewWriter(WriterOptions{
		Journal: j, Sleep: func(context.Context, time.Duration) error { return nil }, Retry: time.Millisecond,
		Log: slog.New(slog.DiscardHandler), Appended: func(int, int, time.Duration) {}, Now: time.Now,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	if j.hang != nil { // a test that failed must end as well
		t.Cleanup(func() {
			select {
			case <-j.hang:
			default:
				close(j.hang)
			}
		})
	}
	return w
}

func small(i int) *ingest.Push {
	return &ingest.Push{Chunk: chunkOf("push", scopeOf(0), []string{fmt.Sprintf("r%d", i)})}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestWriterPutsWaitingPushesIntoOneMessage(t *testing.T) {
	j := &slowJournal{hang: make(chan struct{})}
	w := startWriter(t, j)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if err := w.Append(t.Context(), small(i)); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "the pushes wait", func() bool { return w.waiting.Load() >= 200*int64(len(small(0).Chunk.Data)) })
	time.Sleep(50 * time.Millisecond) // in the queue, that is
	close(j.hang)
	wg.Wait()
	n := 0
	for _, m := range j.messages() {
		n += len(m)
	}
	if n != 200 || len(j.messages()) > 100 {
		t.Errorf("%d pushes came in %d messages", n, len(j.messages()))
	}
}

func TestWriterIsFullAtOnceWhileTheJournalHangs(t *testing.T) {
	t.Run("pushes", func(t *testing.T) {
		j := &slowJournal{hang: make(chan struct{})}
		w := startWriter(t, j)
		var full, taken atomic.Int64
		var wg sync.WaitGroup
		for i := range 3 * maxWaitingPushes {
			wg.Go(func() {
				switch err := w.Append(t.Context(), small(i)); {
				case errors.Is(err, ingest.ErrFull):
					full.Add(1)
				case err != nil:
					t.Error(err)
				default:
					taken.Add(1)
				}
			})
		}
		// What is in the hands of encode and send comes on top of the queue.
		eventually(t, "senders are told to come again", func() bool { return full.Load() > maxWaitingPushes/2 })
		if taken.Load() > 0 {
			t.Errorf("%d pushes were taken while the journal hung", taken.Load())
		}
		close(j.hang)
		wg.Wait()
		if taken.Load() < maxWaitingPushes || taken.Load()+full.Load() != 3*maxWaitingPushes {
			t.Errorf("%d taken, %d told to come again", taken.Load(), full.Load())
		}
		if w.waiting.Load() != 0 {
			t.Errorf("%d bytes still count as waiting", w.waiting.Load())
		}
	})
	t.Run("bytes", func(t *testing.T) {
		j := &slowJournal{hang: make(chan struct{})}
		w := startWriter(t, j)
		large := func() *ingest.Push { // not cut, since its end was
			return &ingest.Push{Chunk: event.Chunk{Cut: true, Data: bytes.Repeat([]byte(" "), maxWaitingBytes/2-1)}}
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := w.Append(t.Context(), large()); err != nil {
					t.Error(err)
				}
			})
		}
		eventually(t, "both wait", func() bool { return w.waiting.Load() == maxWaitingBytes-2 })
		if err := w.Append(t.Context(), large()); !errors.Is(err, ingest.ErrFull) {
			t.Errorf("a third of them: %v", err)
		}
		close(j.hang)
		wg.Wait()
	})
}

// lines is a push of about n bytes of records.
func linesOf(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"r%d","verb":"get","stageTimestamp":"2026-01-01T00:00:00Z","x":%q}`+"\n", i, strings.Repeat("x", 200))
	}
	return b.Bytes()
}

func TestWriterCutsALargePush(t *testing.T) {
	data := linesOf(5 << 20)
	for _, cursor := range []string{"", "file"} {
		j := &slowJournal{}
		w := startWriter(t, j)
		p := &ingest.Push{Chunk: event.Chunk{Scope: scopeOf(0), Data: data}, Cursor: ingest.Cursor{Name: cursor, Data: []byte("end")}}
		if err := w.Append(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		var all []byte
		var entries []journal.Entry
		for _, m := range j.messages() {
			entries = append(entries, m...)
		}
		for i, e := range entries {
			all = append(all, e.Chunk.Data...)
			if last := i == len(entries)-1; (e.CursorName == "file") != (last && cursor == "file") {
				t.Errorf("entry %d of %d has the cursor %q", i, len(entries), e.CursorName)
			}
		}
		if len(entries) < 4 || !bytes.Equal(all, data) {
			t.Errorf("%d entries, %d bytes of %d, in order: %v", len(entries), len(all), len(data), bytes.Equal(all, data))
		}
		if cursor != "" && len(j.messages()) != len(entries) {
			t.Errorf("%d entries with a cursor behind them in %d messages", len(entries), len(j.messages()))
		}
		if want := int64(bytes.Count(data, []byte("\n"))); p.Result.Events != want {
			t.Errorf("the sender is told of %d events, want %d", p.Result.Events, want)
		}
	}
}

func TestWriterCursorDoesNotOutrunAFailedPiece(t *testing.T) {
	j := &slowJournal{fail: func(n int) error {
		if n == 2 {
			return journal.ErrFull
		}
		return nil
	}}
	w := startWriter(t, j)
	p := &ingest.Push{Chunk: event.Chunk{Scope: scopeOf(0), Data: linesOf(5 << 20)}, Cursor: ingest.Cursor{Name: "file", Data: []byte("end")}}
	if err := w.Append(t.Context(), p); !errors.Is(err, ingest.ErrFull) {
		t.Errorf("got %v", err)
	}
	if m := j.messages(); len(m) != 1 || m[0][0].CursorName != "" {
		t.Errorf("%d messages were written", len(m))
	}
}

func TestWriterTooLarge(t *testing.T) {
	j := &slowJournal{max: 1500, hang: make(chan struct{})}
	w := startWriter(t, j)
	noise := make([]byte, 8000) // that cannot be compressed
	for i, x := 0, uint64(1); i < len(noise); i++ {
		x = mix(x)
		noise[i] = 'a' + byte(x%26)
	}
	var wg sync.WaitGroup
	var tooLarge atomic.Int64
	for i := range 12 {
		wg.Go(func() {
			p := small(i)
			if i%4 == 3 {
				p.Chunk.Data = noise
			}
			err := w.Append(t.Context(), p)
			if as := new(ingest.TooLargeError); errors.As(err, &as) && i%4 == 3 {
				tooLarge.Add(1)
			} else if err != nil {
				t.Errorf("push %d: %v", i, err)
			}
		})
	}
	time.Sleep(10 * time.Millisecond) // so that some wait together
	close(j.hang)
	wg.Wait()
	n := 0
	for _, m := range j.messages() {
		n += len(m)
	}
	if tooLarge.Load() != 3 || n != 9 {
		t.Errorf("%d were too large, %d were stored", tooLarge.Load(), n)
	}
}

func TestWriterKeepsThePushOfASenderThatLeft(t *testing.T) {
	j := &slowJournal{hang: make(chan struct{})}
	w := startWriter(t, j)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Append(ctx, small(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(j.hang)
	eventually(t, "it is stored", func() bool { return len(j.messages()) == 1 })
}

func TestWriterTriesAgainWithTheSameID(t *testing.T) {
	j := &slowJournal{fail: func(n int) error {
		if n < 4 {
			return journal.ErrUnavailable
		}
		return nil
	}}
	w := startWriter(t, j)
	if err := w.Append(t.Context(), small(1)); err != nil || j.calls != 4 {
		t.Errorf("%d calls, %v", j.calls, err)
	}
	if len(w.tail.held) != 1 {
		t.Errorf("the tail holds %d messages", len(w.tail.held))
	}
	j.fail = func(int) error { return journal.ErrFull }
	if err := w.Append(t.Context(), small(2)); !errors.Is(err, ingest.ErrFull) || len(w.tail.held) != 1 {
		t.Errorf("%v, the tail holds %d messages", err, len(w.tail.held))
	}
}
