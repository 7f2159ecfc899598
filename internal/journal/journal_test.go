package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/journal"
)

func embedded(t testing.TB, dir string, change ...func(*journal.Options)) *journal.Journal {
	t.Helper()
	o := journal.Options{Dir: dir, Shards: 2, MaxBytes: 256 << 20}
	for _, c := range change {
		c(&o)
	}
	return open(t, o)
}

func open(t testing.TB, o journal.Options) *journal.Journal {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	j, err := journal.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close(context.Background()) })
	return j
}

// appendN appends messages that say what they are.
func appendN(t testing.TB, j *journal.Journal, shard, from, n int) (last uint64) {
	t.Helper()
	for i := from; i < from+n; i++ {
		var err error
		if last, err = j.Append(t.Context(), shard, fmt.Sprint("id-", i), payload(i)); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func payload(i int) []byte { return fmt.Appendf(nil, "message %d", i) }

// expect reads n messages from a position on that hold payload(from), …
func expect(t testing.TB, r *journal.Reader, position uint64, from, n int) {
	t.Helper()
	for i := range n {
		m := next(t, r)
		if m.Position != position+uint64(i) || !bytes.Equal(m.Data, payload(from+i)) || m.Missing != 0 {
			t.Fatalf("got %d %q missing %d, want %d %q", m.Position, m.Data, m.Missing, position+uint64(i), payload(from+i))
		}
	}
}

func next(t testing.TB, r *journal.Reader) journal.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m, err := r.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAppendRead(t *testing.T) {
	j := embedded(t, t.TempDir())
	r := j.Read(0, 0)
	if _, ok, err := r.TryNext(t.Context()); ok || err != nil {
		t.Fatal(ok, err)
	}
	if last := appendN(t, j, 0, 1, 10); last != 10 {
		t.Fatal("last", last)
	}
	appendN(t, j, 1, 1, 3)
	expect(t, r, 1, 1, 10)
	expect(t, j.Read(0, 7), 8, 8, 3)
	expect(t, j.Read(1, 0), 1, 1, 3)
	if p, err := j.Append(t.Context(), 0, "id-4", payload(4)); p != 4 || err != nil {
		t.Fatal("again:", p, err)
	}
	start := time.Now()
	appendN(t, j, 0, 11, 1)
	expect(t, r, 11, 11, 1)
	if d := time.Since(start); d > 400*time.Millisecond {
		t.Errorf("a new message took %s", d) // not woken, but polled
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	s, err := j.State(t.Context(), 0)
	if err != nil || s.First != 1 || s.Last != 11 || s.Messages != 11 || s.Bytes == 0 || s.MaxBytes != 128<<20 || s.ID == "" {
		t.Fatalf("%+v %v", s, err)
	}
	if err := j.Healthy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(t.Context()); !errors.Is(err, journal.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), 0, "", nil); !errors.Is(err, journal.ErrClosed) {
		t.Fatal(err)
	}
}
