package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

func TestPostgres(t *testing.T) {
	server := testbed.Postgres(t)
	var n atomic.Int32
	testContract(t, func(t testing.TB, o store.Options) *store.Store {
		return openURL(t, server.URL(fmt.Sprintf("contract %d", n.Add(1))), o)
	})
}

func openURL(t testing.TB, url string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.OpenPostgres(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// TestPostgresServer are what only this database has to do, on one server.
func TestPostgresServer(t *testing.T) {
	server := testbed.PostgresWith(t, testbed.PostgresOptions{Settings: []string{"deadlock_timeout=10ms"}})
	for name, run := range map[string]func(*testing.T, *testbed.PostgresServer){
		"OpenTogether": testOpenTogether, "OtherTables": testOtherTables, "NewerSchema": testNewerSchema, "NewCluster": testNewCluster,
		"Reindex": testPostgresReindex, "LongTexts": testLongTexts, "NoLostUpdate": testNoLostUpdate, "MadeMeanwhile": testMadeMeanwhile, "SwallowedError": testSwallowedError,
		"ClaimAmidCommit": testClaimAmidCommit, "Collation": testOtherCollation, "Damage": testPostgresDamage, "HeavyPatterns": testHeavyPatterns, "BadURL": testBadURL,
	} {
		t.Run(name, func(t *testing.T) { run(t, server) })
	}
	t.Run("Restarts", func(t *testing.T) { testRestarts(t, server) })
}

func testOpenTogether(t *testing.T, server *testbed.PostgresServer) {
	url := server.URL("together")
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			s, err := store.OpenPostgres(t.Context(), url, options())
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			defer s.Close()
			want(t, "ping", s.Ping(t.Context()), nil)
		})
	}
	all.Wait()
}

func testOtherTables(t *testing.T, server *testbed.PostgresServer) {
	url := server.URL("others")
	server.SQL("others", `CREATE TABLE finding (theirs int); CREATE TABLE meta (theirs int)`)
	putRecords(t, openURL(t, url, options()), newFinding("1", day(1)))
	server.SQL("others", `INSERT INTO public.finding VALUES (1); DROP TABLE public.meta`)

	url = server.URL("taken")
	server.SQL("taken", `CREATE SCHEMA vedette; CREATE TABLE vedette.finding (theirs int)`)
	if _, err := store.OpenPostgres(t.Context(), url, options()); err == nil || store.IsTemporary(err) {
		t.Errorf("a schema of another program: %v", err)
	}
	url = server.URL("prepared")
	server.SQL("prepared", `CREATE SCHEMA vedette`) // by an administrator
	want(t, "ping", openURL(t, url, options()).Ping(t.Context()), nil)
}

func testNewerSchema(t *testing.T, server *testbed.PostgresServer) {
	url := server.URL("newer")
	openURL(t, url, options())
	server.SQL("newer", `UPDATE vedette.meta SET value = '1000' WHERE name = 'schema'`)
	_, err := store.OpenPostgres(t.Context(), url, options())
	if ve := (*store.VersionError)(nil); !errors.As(err, &ve) || ve.File != 1000 || store.IsTemporary(err) {
		t.Errorf("error %v, want a VersionError", err)
	}
}

// testNewCluster opens what was restored into another installation, whose
// transactions count from less.
func testNewCluster(t *testing.T, server *testbed.PostgresServer) {
	url := server.URL("moved")
	s := openURL(t, url, options())
	putRecords(t, s, newFinding("1", day(1)), newFinding("2", day(1)))
	server.SQL("moved", `UPDATE vedette.change SET xid = xid + 1000000; UPDATE vedette.meta SET value = 'another' WHERE name = 'cluster'`)
	s = openURL(t, url, options())
	putRecords(t, s, newFinding("3", day(1)))
	all := changes(t, s, "")
	if changedIDs(all) != "1 2 3" {
		t.Fatalf("changes %+v", all)
	}
	if list := changes(t, s, all[0].Cursor); changedIDs(list) != "2 3" {
		t.Errorf("changes after the cursor from before: %+v", list)
	}
}

func testPostgresReindex(t *testing.T, server *testbed.PostgresServer) {
	url := server.URL("reindex")
	s := openURL(t, url, options())
	putRecords(t, s, newFinding("1", day(1)), newFinding("2", day(1)))
	server.SQL("reindex", `SET search_path = vedette; UPDATE meta SET value = 'old' WHERE name = 'flatten';
		DELETE FROM finding_field WHERE finding = 1; UPDATE finding_field SET text = 'stale' WHERE finding = 2;
		DELETE FROM finding_field WHERE field = (SELECT id FROM field WHERE path = 'resource.eksClusterDetails.name');
		DELETE FROM field WHERE path = 'resource.eksClusterDetails.name'`)
	s = openURL(t, url, options())
	ids, _, err := s.ListFindings(t.Context(), finding.Query{DetectorID: detectorID,
		Criteria: finding.Criteria{"resource.eksClusterDetails.name": is("prod")}})
	if err != nil || len(ids) != 2 {
		t.Errorf("after reindexing: %v, %v", ids, err)
	}
	intact(t, s)
}

// testLongTexts: what an attacker may make long is longer than an index entry
// of PostgreSQL may be.
func testLongTexts(t *testing.T, server *testbed.PostgresServer) {
	s := openURL(t, server.URL("long"), options())
	r := rand.New(rand.NewPCG(1, 2))
	long := make([]byte, 20_000) // of which compression makes nothing
	for i := range long {
		long[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[r.IntN(36)]
	}
	for i := range 2 {
		name := string(long) + fmt.Sprint(i)
		f := newFinding(fmt.Sprint(i), day(1), func(f *finding.Finding) { f.Resource.EKSClusterDetails.Name = name })
		rec := newRecord(f)
		rec.Merge.Identity = name
		for range 2 {
			want(t, "put", s.Commit(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.Finding(name); err != nil && !errors.Is(err, finding.ErrNotFound) {
					return err
				}
				return tx.PutFinding(rec)
			}), nil)
		}
		ids, _, err := s.ListFindings(t.Context(), finding.Query{DetectorID: detectorID,
			Criteria: finding.Criteria{"resource.eksClusterDetails.name": is(name)}})
		if err != nil || len(ids) != 1 || ids[0] != f.ID {
			t.Errorf("found %v, %v", ids, err)
		}
	}
	intact(t, s)
}

// testNoLostUpdate counts in the same findings from two processes at once;
// who is told to try again does.
func testNoLostUpdate(t *testing.T, server *testbed.PostgresServer) {
	url := server.URL("lost")
	const workers, each = 4, 30
	var all sync.WaitGroup
	var again atomic.Int64
	for w := range workers {
		s := openURL(t, url, options())
		all.Go(func() {
			for i := range each {
				for {
					err := s.Commit(t.Context(), func(tx *store.Tx) error {
						// The answer to a commit may be lost: what it did says whether it was made.
						if done, err := tx.State(fmt.Sprint("worker", w), "done"); err == nil && string(done) == fmt.Sprint(i) {
							return nil
						} else if err != nil && !errors.Is(err, finding.ErrNotFound) {
							return err
						}
						tx.PutState(fmt.Sprint("worker", w), "done", []byte(fmt.Sprint(i)))
						for k := range 2 { // in either order, so that they may deadlock
							if err := count(tx, fmt.Sprint((k+w+i)%2)); err != nil {
								return err
							}
						}
						return nil
					})
					if err == nil {
						break
					}
					if !store.IsTemporary(err) {
						t.Errorf("not temporary: %v", err)
						return
					}
					again.Add(1)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d commits were tried again", again.Load())
	fs, err := openURL(t, url, options()).Findings(t.Context(), detectorID, []string{"0", "1"}, finding.Sort{})
	if err != nil || len(fs) != 2 {
		t.Fatalf("%d findings, %v", len(fs), err)
	}
	for _, f := range fs {
		if f.Service.Count != workers*each {
			t.Errorf("finding %s counts %d, want %d", f.ID, f.Service.Count, workers*each)
		}
	}
}

// testMadeMeanwhile: a finding that one commit did not find and another one
// makes before it puts its own is not overwritten.
func testMadeMeanwhile(t *testing.T, server *testbed.PostgresServer) {
	url := server.URL("made")
	one, other := openURL(t, url, options()), openURL(t, url, options())
	add := func(tx *store.Tx) error { return count(tx, "0") }
	first := true
	commit := func() error {
		return one.Commit(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Finding(newRecord(newFinding("0", day(1))).Merge.Identity)
			if first = first && errors.Is(err, finding.ErrNotFound); first {
				if err := other.Commit(t.Context(), add); err != nil {
					return err
				}
				return tx.PutFinding(newRecord(newFinding("0", day(1))))
			}
			return add(tx)
		})
	}
	if err := commit(); !store.IsTemporary(err) {
		t.Fatalf("the second to make it: %v", err)
	}
	first = false
	if err := commit(); err != nil {
		t.Fatal(err)
	}
	fs, err := one.Findings(t.Context(), detectorID, []string{"0"}, finding.Sort{})
	if err != nil || len(fs) != 1 || fs[0].Service.Count != 2 {
		t.Errorf("findings %v, %v", fs, err)
	}
}

// count merges one occurrence into a finding.
func count(tx *store.Tx, id string) error {
	f := newFinding(id, day(1))
	rec, err := tx.Finding(newRecord(f).Merge.Identity)
	switch {
	case errors.Is(err, finding.ErrNotFound):
		rec = newRecord(f)
	case err != nil:
		return err
	default:
		rec.Finding.Service.Count++
	}
	return tx.PutFinding(rec)
}

// testSwallowedError: a commit after a statement that failed must not say that
// all is well, whatever fn says.
func testSwallowedError(t *testing.T, server *testbed.PostgresServer) {
	s := openURL(t, server.URL("swallowed"), options())
	err := s.Commit(t.Context(), func(tx *store.Tx) error {
		tx.PutState("s", "n", []byte("x"))
		tx.Advance(0, -1, 1<<63-1, 1) // fenced: no such shard, but no failure of the transaction
		return nil
	})
	want(t, "a refusal that was passed over", err, nil)
	server.SQL("swallowed", `ALTER TABLE vedette.cursor ADD CHECK (name <> 'bad')`)
	err = s.Commit(t.Context(), func(tx *store.Tx) error {
		tx.PutState("s", "n2", []byte("x"))
		tx.PutCursor("bad", nil)
		tx.State("s", "n") // fails for the statement before it
		return nil
	})
	if err == nil || store.IsTemporary(err) {
		t.Errorf("commit of a failed transaction: %v", err)
	}
	_, err = s.State(t.Context(), "s", "n2")
	want(t, "state of it", err, finding.ErrNotFound)
	want(t, "the next commit", s.Ping(t.Context()), nil)
}

// testClaimAmidCommit: a claim that comes while the old owner commits waits,
// and sees its new position; one that came before fences it off.
func testClaimAmidCommit(t *testing.T, server *testbed.PostgresServer) {
	s := openURL(t, server.URL("amid"), options())
	resize(t, s, 1)
	old, err := s.Claim(t.Context(), 0, "a", 0)
	want(t, "claim", err, nil)
	var later store.Shard
	var claimed sync.WaitGroup
	want(t, "commit", s.Commit(t.Context(), func(tx *store.Tx) error {
		if err := tx.Advance(0, old.Epoch, 0, 7); err != nil {
			return err
		}
		claimed.Go(func() { later = claim(t, s, 0, "b") })
		time.Sleep(50 * time.Millisecond)
		return tx.PutState("s", "n", nil)
	}), nil)
	claimed.Wait()
	if later.Position != 7 || later.Epoch != old.Epoch+1 {
		t.Errorf("claimed %+v", later)
	}
	want(t, "commit after the claim", s.Commit(t.Context(), func(tx *store.Tx) error {
		claim(t, s, 0, "b")
		return tx.Advance(0, later.Epoch, 7, 8)
	}), store.ErrFenced)
}

func testOtherCollation(t *testing.T, server *testbed.PostgresServer) {
	server.SQL("postgres", `CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
	if _, err := store.OpenPostgres(t.Context(), server.URL("latin"), options()); err == nil {
		t.Error("a database that cannot hold all texts was opened")
	}
}

func testPostgresDamage(t *testing.T, server *testbed.PostgresServer) {
	for name, damage := range map[string]string{
		"value": `DELETE FROM vedette.finding_field WHERE text = 'prod'`,
		"body":  `DELETE FROM vedette.finding_body`,
		"json":  `UPDATE vedette.finding_body SET wire = '{'`,
		"index": `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'vedette.finding_updated'::regclass`,
	} {
		s := openURL(t, server.URL("damage "+name), options())
		putRecords(t, s, newFinding("1", day(1)))
		intact(t, s)
		server.SQL("damage "+name, damage)
		if problems, err := s.Check(t.Context()); err != nil || len(problems) == 0 {
			t.Errorf("%s: the damage was not found (%v)", name, err)
		}
	}
}

// testHeavyPatterns asks for the worst patterns that criteria may have: they
// are answered, or refused as criteria, and never for long.
func testHeavyPatterns(t *testing.T, server *testbed.PostgresServer) {
	s := openURL(t, server.URL("patterns"), options())
	putRecords(t, s, newFinding("1", day(1), func(f *finding.Finding) { f.Resource.EKSClusterDetails.Name = strings.Repeat("a", 3000) + "b" }))
	for _, tt := range []struct {
		pattern string
		refused bool
	}{
		{strings.Repeat("?", 100) + "*b", false},
		{strings.Repeat("a?", 100) + "*", false},
		{strings.Repeat("?*", 2000), false},
		{strings.Repeat("a*", 1000), false},
		{strings.Repeat("a*", 1000) + "b", false},
		{strings.Repeat("?", 101), true},
		{strings.Repeat("a?", 2000), true},
	} {
		start := time.Now()
		ids, _, err := s.ListFindings(t.Context(), finding.Query{DetectorID: detectorID,
			Criteria: finding.Criteria{"resource.eksClusterDetails.name": {Matches: []string{tt.pattern}}}})
		what := tt.pattern[:10] + fmt.Sprint("… of ", len(tt.pattern))
		if ce := (*finding.CriteriaError)(nil); errors.As(err, &ce) != tt.refused || !tt.refused && (err != nil || len(ids) != 1) {
			t.Errorf("%s: %v, %v", what, ids, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s took %v", what, took)
		} else {
			t.Log(what, took)
		}
	}
}

func testBadURL(t *testing.T, _ *testbed.PostgresServer) {
	_, err := store.OpenPostgres(t.Context(), "postgres://u:geheim@127.0.0.1:1/db?sslmode=disable", options())
	if !store.IsTemporary(err) || strings.Contains(err.Error(), "geheim") {
		t.Errorf("nobody there: %v", err)
	}
	_, err = store.OpenPostgres(t.Context(), "postgres://u:geheim@%%/db", options())
	if err == nil || store.IsTemporary(err) || strings.Contains(err.Error(), "geheim") {
		t.Errorf("no URL: %v", err)
	}
}

// testRestarts stops and kills the database under a worker that commits and a
// reader. Both may fail with temporary errors only, and no step is lost or
// made twice.
func testRestarts(t *testing.T, server *testbed.PostgresServer) {
	s := openURL(t, server.URL("restarts"), options())
	resize(t, s, 1)
	sh := claim(t, s, 0, "a")
	done := make(chan struct{})
	var all sync.WaitGroup
	var made, failed atomic.Int64
	all.Go(func() {
		for at := uint64(0); ; {
			select {
			case <-done:
				return
			default:
			}
			err := s.Commit(t.Context(), func(tx *store.Tx) error {
				if err := tx.AddLedger([]store.LedgerRow{{Source: "s", Count: 1}}); err != nil {
					return err
				}
				return errors.Join(count(tx, "x"), tx.Advance(0, sh.Epoch, at, at+1))
			})
			switch {
			case err == nil:
				at++
				made.Add(1)
			case errors.Is(err, store.ErrFenced): // it was made, only nobody told
				if got, err := s.Shards(t.Context()); err == nil {
					if got[0].Position != at+1 {
						t.Errorf("fenced at %d: %+v", at, got)
						return
					}
					at++
					made.Add(1)
				}
			case !store.IsTemporary(err):
				t.Errorf("commit: %v", err)
				return
			default:
				failed.Add(1)
				time.Sleep(5 * time.Millisecond)
			}
		}
	})
	all.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := s.Ledger(t.Context()); err != nil && !store.IsTemporary(err) {
				t.Errorf("read: %v", err)
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	for _, end := range []func(){server.Stop, server.Kill, server.Restart} {
		before := made.Load()
		for made.Load() < before+20 && !t.Failed() {
			time.Sleep(5 * time.Millisecond)
		}
		end()
		time.Sleep(50 * time.Millisecond)
		if !server.Running() {
			server.Start()
		}
	}
	before := made.Load()
	for made.Load() < before+20 && !t.Failed() {
		time.Sleep(5 * time.Millisecond)
	}
	close(done)
	all.Wait()
	ledger, err := s.Ledger(t.Context())
	if err != nil || ledger[0].Count != made.Load() || failed.Load() == 0 {
		t.Errorf("%d steps were made, %d failed; ledger %v, %v", made.Load(), failed.Load(), ledger, err)
	}
	intact(t, s)
}
