package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/testbed"
)

// fill appends until the journal is full and returns the last position.
func fill(t *testing.T, j *journal.Journal, shard int, data []byte) (last uint64) {
	t.Helper()
	for {
		start := time.Now()
		p, err := j.Append(t.Context(), shard, "", data)
		if errors.Is(err, journal.ErrFull) {
			if d := time.Since(start); d > time.Second {
				t.Errorf("it took %s to say so", d)
			}
			t.Log(err)
			return last
		}
		if err != nil {
			t.Fatal(err)
		}
		last = p
	}
}

func testFull(t *testing.T, j *journal.Journal) {
	data := bytes.Repeat([]byte("x"), 100<<10)
	last := fill(t, j, 0, data)
	if last < 5 {
		t.Fatal(last)
	}
	if _, err := j.Append(t.Context(), 1, "", data); err != nil {
		t.Fatal("the other shard:", err)
	}
	j.Trim(0, last-1)
	j.Trim(0, 1) // an older worker
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		p, err := j.Append(t.Context(), 0, "", data)
		if err == nil {
			if p != last+1 {
				t.Fatal(p, last)
			}
			break
		}
		if !errors.Is(err, journal.ErrFull) || time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if m := next(t, j.Read(0, 0)); m.Position != last-1 || m.Missing != last-2 {
		t.Fatalf("position %d missing %d", m.Position, m.Missing)
	}
}

func TestFull(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		testFull(t, embedded(t, t.TempDir(), func(o *journal.Options) { o.MaxBytes = 4 << 20 }))
	})
	t.Run("cluster", func(t *testing.T) {
		o := external(testbed.NATSCluster(t, 3))
		o.MaxBytes = 4 << 20
		testFull(t, open(t, o))
	})
}

func TestMinFree(t *testing.T) {
	dir := smallDisk(t, "64m")
	j := embedded(t, filepath.Join(dir, "journal"), func(o *journal.Options) { o.MaxBytes, o.MinFree = 1<<30, 16<<20 })
	t.Cleanup(func() { _ = j.Close(context.Background()) })
	last := fill(t, j, 0, bytes.Repeat([]byte("x"), 1<<20))
	if last < 30 || last > 50 {
		t.Fatal(last)
	}
	if err := j.Healthy(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.Trim(0, last)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := j.Append(t.Context(), 1, "", []byte("x")); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// TestNoSpace: somebody else fills the disk to the last byte, seen by us before
// JetStream does, and not.
func TestNoSpace(t *testing.T) {
	t.Run("seen", func(t *testing.T) { testNoSpace(t, 0) })
	t.Run("unseen", func(t *testing.T) { testNoSpace(t, -1<<40) })
}

func testNoSpace(t *testing.T, minFree int64) {
	dir := smallDisk(t, "64m")
	j := embedded(t, filepath.Join(dir, "journal"), func(o *journal.Options) { o.MaxBytes, o.MinFree = 1<<30, minFree })
	t.Cleanup(func() { _ = j.Close(context.Background()) })
	r := j.Read(0, 0)
	acked := appendN(t, j, 0, 1, 20)
	id, err := j.State(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		hog, err := os.Create(filepath.Join(dir, "hog"))
		if err != nil {
			t.Fatal(err)
		}
		for size := 1 << 20; size > 0; {
			if _, err := hog.Write(make([]byte, size)); err != nil {
				size /= 2
			}
		}
		_ = hog.Close()
		failed := 0
		for i := 0; failed < 3; i++ {
			start := time.Now()
			p, err := j.Append(t.Context(), 0, fmt.Sprint("full-", round, "-", i), bytes.Repeat([]byte("y"), 10<<10))
			d := time.Since(start)
			if err == nil { // there was a little room in a block
				acked = p
				continue
			}
			t.Log(d, err)
			if d > 3*time.Second || !errors.Is(err, journal.ErrFull) {
				t.Errorf("after %s: %v", d, err)
			}
			failed++
		}
		read(t, r, acked)
		time.Sleep(2 * time.Second)
		if err := os.Remove(hog.Name()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		p := appendUntil(t, j, 0, 1000+round)
		t.Logf("appended %d again after %s", p, time.Since(start))
		if p <= acked {
			t.Fatal("position", p, "after", acked)
		}
		acked = p
		if s, err := j.State(t.Context(), 0); err != nil || s.ID != id.ID || s.First != 1 || s.Last != p || s.Messages != p {
			t.Fatalf("%+v %v", s, err)
		}
	}
	read(t, r, acked)
	if err := j.Healthy(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// read reads up to a position.
func read(t *testing.T, r *journal.Reader, position uint64) {
	t.Helper()
	for {
		m := next(t, r)
		if m.Missing != 0 || m.Position > position {
			t.Fatalf("position %d missing %d", m.Position, m.Missing)
		}
		if m.Position == position {
			return
		}
	}
}
