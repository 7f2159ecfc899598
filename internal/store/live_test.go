package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// lease is how long leases of these tests last. pass lets it pass, by the
// test's clock and by the database's.
const lease = 300 * time.Millisecond

func (c *clock) pass(d time.Duration) {
	c.set(c.now().Add(d))
	time.Sleep(d)
}

func resize(t testing.TB, s *store.Store, n int) {
	t.Helper()
	want(t, "resize", s.ResizeShards(t.Context(), n), nil)
}

func claim(t testing.TB, s *store.Store, n int, worker string) store.Shard {
	t.Helper()
	sh, err := s.Claim(t.Context(), n, worker, lease)
	want(t, worker+" claims", err, nil)
	return sh
}

func shards(t testing.TB, s *store.Store) []store.Shard {
	t.Helper()
	all, err := s.Shards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func advance(t testing.TB, s *store.Store, n int, epoch int64, from, to uint64) error {
	return s.Commit(t.Context(), func(tx *store.Tx) error { return tx.Advance(n, epoch, from, to) })
}

func testResize(t *testing.T, s *store.Store, _ *clock) {
	if all := shards(t, s); len(all) > 0 {
		t.Errorf("a new store has shards %v", all)
	}
	var several sync.WaitGroup
	for range 4 {
		several.Go(func() { resize(t, s, 3) })
	}
	several.Wait()
	want(t, "shards", errorOf(cmp.Diff([]store.Shard{{N: 0}, {N: 1}, {N: 2}}, shards(t, s))), nil)
	first := claim(t, s, 2, "a")
	want(t, "advance", advance(t, s, 2, first.Epoch, 0, 5), nil)
	resize(t, s, 4)
	if all := shards(t, s); len(all) != 4 || all[2].Position != 5 || all[2].Owner != "a" {
		t.Errorf("after growing: %v", all)
	}
	resize(t, s, 2)
	want(t, "advance a shard that is gone", advance(t, s, 2, first.Epoch, 5, 6), store.ErrFenced)
	resize(t, s, 3)
	if all := shards(t, s); len(all) != 3 || all[2].Position != 0 || all[2].Owner != "" {
		t.Errorf("after shrinking and growing: %v", all)
	}
	again := claim(t, s, 2, "b")
	want(t, "advance with the token of its former life", advance(t, s, 2, first.Epoch, 0, 6), store.ErrFenced)
	if again.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", again.Epoch, first.Epoch)
	}
}

func errorOf(diff string) error {
	if diff == "" {
		return nil
	}
	return errors.New(diff)
}

func testClaims(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	resize(t, s, 2)
	_, err := s.Claim(ctx, 7, "a", lease)
	want(t, "claim a shard that is not there", err, finding.ErrNotFound)
	a := claim(t, s, 0, "a")
	if a.Owner != "a" || a.Epoch != 1 || a.Attempts != 1 || a.Expires.IsZero() || a.Expires.Location() != time.UTC {
		t.Errorf("claimed %+v", a)
	}
	_, err = s.Claim(ctx, 0, "b", lease)
	want(t, "claim another's", err, store.ErrHeld)
	if again := claim(t, s, 0, "a"); again.Epoch != 2 || again.Attempts != 2 {
		t.Errorf("claimed one's own: %+v", again)
	}
	want(t, "advance with the old epoch", advance(t, s, 0, 1, 0, 1), store.ErrFenced)
	c.pass(lease)
	b := claim(t, s, 0, "b")
	if b.Epoch != 3 || b.Attempts != 3 {
		t.Errorf("claimed what was over: %+v", b)
	}
	want(t, "release by the former owner", s.Release(ctx, 0, "a", 2), nil)
	want(t, "release with an old epoch", s.Release(ctx, 0, "b", 2), nil)
	if sh := shards(t, s)[0]; sh.Owner != "b" {
		t.Errorf("released by another: %+v", sh)
	}
	want(t, "release", s.Release(ctx, 0, "b", 3), nil)
	want(t, "release again", s.Release(ctx, 0, "b", 3), nil)
	if sh := shards(t, s)[0]; sh.Owner != "" || !sh.Expires.IsZero() || sh.Epoch != 3 {
		t.Errorf("after the release: %+v", sh)
	}
	claim(t, s, 0, "c")
}

func testHeartbeat(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	resize(t, s, 3)
	beat := func(worker string) store.Workers {
		t.Helper()
		w, err := s.Heartbeat(ctx, worker, lease)
		want(t, "heartbeat", err, nil)
		return w
	}
	claim(t, s, 0, "a")
	claim(t, s, 1, "a")
	beat("b")
	if w := beat("a"); !slices.Equal(w.Live, []string{"a", "b"}) || len(w.Shards) != 3 || w.Shards[1].Owner != "a" {
		t.Errorf("workers %+v", w)
	}
	c.pass(lease)
	claim(t, s, 1, "b")
	w := beat("a") // too late for shard 1, in time for 0
	if !slices.Equal(w.Live, []string{"a"}) || w.Shards[0].Owner != "a" || w.Shards[1].Owner != "b" {
		t.Errorf("after the lease: %+v", w)
	}
	_, err := s.Claim(ctx, 0, "b", lease)
	want(t, "claim of what was prolonged", err, store.ErrHeld)
	beat("b")
	want(t, "leave", s.Leave(ctx, "a"), nil)
	want(t, "leave again", s.Leave(ctx, "a"), nil)
	if w := beat("b"); !slices.Equal(w.Live, []string{"b"}) || w.Shards[0].Owner != "" || w.Shards[1].Owner != "b" {
		t.Errorf("after a left: %+v", w)
	}
	claim(t, s, 0, "b")
}

func testAdvance(t *testing.T, s *store.Store, _ *clock) {
	resize(t, s, 2)
	sh := claim(t, s, 1, "a")
	want(t, "advance", advance(t, s, 1, sh.Epoch, 0, 10), nil)
	want(t, "advance again", advance(t, s, 1, sh.Epoch, 0, 10), store.ErrFenced)
	want(t, "advance from elsewhere", advance(t, s, 1, sh.Epoch, 9, 11), store.ErrFenced)
	if err := advance(t, s, 1, sh.Epoch, 10, 1<<63); err == nil || errors.Is(err, store.ErrFenced) {
		t.Errorf("a position that cannot be stored: %v", err)
	}
	if got := shards(t, s)[1]; got.Position != 10 || got.Attempts != 0 {
		t.Errorf("after the advance: %+v", got)
	}
	rebase := func(epoch int64) error {
		return s.Commit(t.Context(), func(tx *store.Tx) error { return tx.Rebase(1, epoch, "j2", 3) })
	}
	want(t, "rebase with another epoch", rebase(sh.Epoch+1), store.ErrFenced)
	want(t, "rebase", rebase(sh.Epoch), nil)
	if got := shards(t, s)[1]; got.Position != 3 || got.Journal != "j2" || got.Epoch != sh.Epoch {
		t.Errorf("after the rebase: %+v", got)
	}
	// A commit that is fenced changes nothing else either.
	err := s.Commit(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.PutState("s", "n", nil), tx.Advance(1, sh.Epoch+1, 3, 4))
	})
	want(t, "fenced commit", err, store.ErrFenced)
	_, err = s.State(t.Context(), "s", "n")
	want(t, "state of the fenced commit", err, finding.ErrNotFound)
}

// testFencing lets workers take a shard from each other while each goes on
// committing with the token it had: every step must be made exactly once.
func testFencing(t *testing.T, s *store.Store, _ *clock) {
	resize(t, s, 1)
	var workers sync.WaitGroup
	steps := make([]int, 4)
	for w := range steps {
		workers.Go(func() {
			name := fmt.Sprint("w", w)
			for range 25 {
				sh, err := s.Claim(t.Context(), 0, name, 0) // a lease that is over at once
				if errors.Is(err, store.ErrHeld) || store.IsTemporary(err) {
					continue
				}
				want(t, "claim", err, nil)
				for i := range uint64(2) {
					err := s.Commit(t.Context(), func(tx *store.Tx) error {
						if err := tx.AddLedger([]store.LedgerRow{{Source: "s", Count: 1}}); err != nil {
							return err
						}
						return tx.Advance(0, sh.Epoch, sh.Position+i, sh.Position+i+1)
					})
					switch {
					case err == nil:
						steps[w]++
					case !errors.Is(err, store.ErrFenced) && !store.IsTemporary(err):
						t.Errorf("advance: %v", err)
					}
				}
			}
		})
	}
	workers.Wait()
	total := 0
	for _, n := range steps {
		total += n
	}
	ledger, err := s.Ledger(t.Context())
	if sh := shards(t, s)[0]; total == 0 || err != nil || sh.Position != uint64(total) || ledger[0].Count != int64(total) {
		t.Errorf("%d steps were acknowledged, the shard is at %d, the ledger says %v (%v)", total, sh.Position, ledger, err)
	}
}

func testSeen(t *testing.T, s *store.Store, _ *clock) {
	add := func(scope string, generation int64, keys string) {
		t.Helper()
		want(t, "add", s.Commit(t.Context(), func(tx *store.Tx) error { return tx.AddSeen(scope, generation, []byte(keys)) }), nil)
	}
	seen := func(scope string) (out string) {
		t.Helper()
		want(t, "seen", s.Commit(t.Context(), func(tx *store.Tx) error {
			return tx.Seen(scope, func(generation int64, keys []byte) error {
				out += fmt.Sprintf("%d:%s ", generation, keys)
				return nil
			})
		}), nil)
		return out
	}
	prune := func(before int64, limit int) {
		t.Helper()
		want(t, "prune", s.Commit(t.Context(), func(tx *store.Tx) error { return tx.PruneSeen("a", before, limit) }), nil)
	}
	add("a", 1, "k1\x00")
	add("b", 9, "other")
	add("a", 2, "k3")
	add("a", 1, "k2")
	if got := seen("a"); got != "1:k1\x00 2:k3 1:k2 " {
		t.Errorf("seen %q", got)
	}
	prune(2, 1)
	if got := len(seen("a")); got != len("2:k3 1:k2 ") && got != len("1:k1\x00 2:k3 ") {
		t.Errorf("after pruning one: %q", seen("a"))
	}
	prune(2, 10)
	if got := seen("a") + seen("b"); got != "2:k3 9:other " {
		t.Errorf("after pruning: %q", got)
	}
	broken := errors.New("broken")
	want(t, "a reader that fails", s.Commit(t.Context(), func(tx *store.Tx) error {
		return tx.Seen("a", func(int64, []byte) error { return broken })
	}), broken)
}

func testPing(t *testing.T, s *store.Store, _ *clock) {
	want(t, "ping", s.Ping(t.Context()), nil)
	want(t, "ping again", s.Ping(t.Context()), nil)
}

func testAsides(t *testing.T, s *store.Store, _ *clock) {
	if all, err := s.SetAsides(t.Context(), 5); err != nil || len(all) > 0 {
		t.Errorf("at first: %v, %v", all, err)
	}
	var all []store.SetAside
	for i := range 4 {
		a := store.SetAside{Shard: i, Position: uint64(10 + i), Stream: "stream", Reason: "panic: \x00", Data: []byte{0, byte(i)}, At: day(9 - i)}
		all = append([]store.SetAside{a}, all...)
		want(t, "set aside", s.Commit(t.Context(), func(tx *store.Tx) error { return tx.SetAside(a) }), nil)
	}
	got, err := s.SetAsides(t.Context(), 3)
	if d := cmp.Diff(all[:3], got); err != nil || d != "" {
		t.Errorf("set aside: %v\n%s", err, d)
	}
}
