package journal_test

import (
	"context"
	"testing"
	"time"
)

// TestTrim: what was trimmed stays a little, so that ids are known after a
// restart; Close purges it, and the newest of it stays.
func TestTrim(t *testing.T) {
	dir := t.TempDir()
	j := embedded(t, dir)
	appendN(t, j, 0, 1, 10)
	appendN(t, j, 1, 1, 10)
	j.Trim(0, 10)
	j.Trim(0, 4)
	j.Trim(1, 1000) // more than there is
	j.Trim(7, 3)    // no such shard
	time.Sleep(1500 * time.Millisecond)
	if s, err := j.State(t.Context(), 0); err != nil || s.Messages != 10 {
		t.Fatalf("%+v %v", s, err)
	}
	for range 3 {
		if err := j.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		j = embedded(t, dir)
		for shard := range 2 {
			if s, err := j.State(t.Context(), shard); err != nil || s.Messages != 1 || s.First != 10 || s.Last != 10 {
				t.Fatalf("%+v %v", s, err)
			}
		}
		j.Trim(0, 10)
	}
	r := j.Read(0, 10)
	if last := appendN(t, j, 0, 11, 3); last != 13 {
		t.Fatal(last)
	}
	expect(t, r, 11, 11, 3)
}
