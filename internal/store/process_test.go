package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// The tests below need a second process. It is this test binary, told by an
// environment variable to be one of the children.
const childVariable = "VEDETTE_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	children := map[string]func(path string, out io.Writer) error{
		"commits": commitForEver,
		"keys":    makeKeys,
	}
	child, ok := children[os.Getenv(childVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := child(os.Args[len(os.Args)-1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func childCommand(t *testing.T, kind, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], path)
	cmd.Env = append(os.Environ(), childVariable+"="+kind)
	cmd.Stderr = os.Stderr
	return cmd
}

func childOpen(path string) (*store.Store, error) {
	return store.Open(context.Background(), path, store.Options{Now: time.Now})
}

// commitForEver makes one commit after the other, each of all that a shard
// commits, and prints the number of each that was acknowledged.
func commitForEver(path string, out io.Writer) error {
	s, err := childOpen(path)
	if err != nil {
		return err
	}
	for {
		var n int
		err := s.Commit(context.Background(), func(tx *store.Tx) error {
			n, err = commitOne(tx)
			return err
		})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, n); err != nil {
			return err
		}
	}
}

// commitOne counts one record: in the cursor, the ledger and one of five findings.
func commitOne(tx *store.Tx) (int, error) {
	n := 0
	cursor, err := tx.Cursor("journal")
	if err == nil {
		n, err = strconv.Atoi(string(cursor))
	}
	if err != nil && !errors.Is(err, finding.ErrNotFound) {
		return 0, err
	}
	n++
	f := newFinding(fmt.Sprint(n%5), day(0).Add(time.Duration(n)*time.Second))
	rec, err := tx.Finding(newRecord(f).Merge.Identity)
	switch {
	case err == nil:
		f.Service.Count = rec.Finding.Service.Count + 1
	case !errors.Is(err, finding.ErrNotFound):
		return 0, err
	}
	return n, errors.Join(
		tx.PutFinding(newRecord(f)),
		tx.AddLedger([]store.LedgerRow{{Source: "s", Outcome: "evaluated", Count: 1}}),
		tx.PutState("scope", "model", make([]byte, 1000+n%5000)),
		tx.PutCursor("journal", []byte(strconv.Itoa(n))))
}

// TestKilled kills a process in the middle of its commits, again and again,
// and looks each time whether every acknowledged commit is there and whole.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		acknowledged := killAmidCommits(t, path, time.Duration(20+rand.IntN(150))*time.Millisecond)
		s, err := childOpen(path)
		if err != nil {
			t.Fatal(err)
		}
		cursor, err := s.Cursor(t.Context(), "journal")
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(string(cursor))
		// The last commit may have been made and not been printed.
		if err != nil || n != acknowledged && n != acknowledged+1 {
			t.Errorf("%d commits are there, %d were acknowledged (%v)", n, acknowledged, err)
		}
		ledger, err := s.Ledger(t.Context())
		if err != nil || len(ledger) != 1 || ledger[0].Count != int64(n) {
			t.Errorf("ledger %v, %v; want %d", ledger, err, n)
		}
		fs, err := s.Findings(t.Context(), detectorID, []string{"0", "1", "2", "3", "4"}, finding.Sort{})
		total := int64(0)
		for _, f := range fs {
			total += f.Service.Count
		}
		if err != nil || total != int64(n) {
			t.Errorf("findings count %d, %v; want %d", total, err, n)
		}
		intact(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// killAmidCommits returns the number of the last commit that the child said it
// had made.
func killAmidCommits(t *testing.T, path string, after time.Duration) (last int) {
	t.Helper()
	cmd := childCommand(t, "commits", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last == 0 { // it has begun
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err == nil || last == 0 {
		t.Fatalf("the child ended by itself after commit %d: %v", last, err)
	}
	return last
}

const keysOfChild = 20

// makeKeys is `vedette keys create` beside a running server.
func makeKeys(path string, out io.Writer) (err error) {
	s, err := childOpen(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for i := range keysOfChild {
		id := fmt.Sprintf("key-%d-%d", os.Getpid(), i)
		if err := s.PutKey(context.Background(), store.Key{ID: id, Role: "admin", CreatedAt: time.Now()}); err != nil {
			return err
		}
		if _, err := s.Key(context.Background(), id); err != nil {
			return err
		}
	}
	return nil
}

// TestSecondProcess makes keys in two other processes while this one commits
// and reads without a pause. Nobody may fail for the others.
func TestSecondProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path, store.Options{Now: time.Now})
	done := make(chan struct{})
	var own sync.WaitGroup
	commits := 0
	own.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			err := s.Commit(t.Context(), func(tx *store.Tx) error {
				_, err := commitOne(tx)
				return err
			})
			if err != nil {
				t.Errorf("commit beside another process: %v", err)
				return
			}
			commits++
			if _, err := s.Keys(t.Context()); err != nil {
				t.Errorf("read beside another process: %v", err)
			}
		}
	})
	runChildren(t, "keys", path, 2)
	close(done)
	own.Wait()
	keys, err := s.Keys(t.Context())
	if err != nil || len(keys) != 2*keysOfChild {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	if commits == 0 {
		t.Error("the other processes kept this one from writing")
	}
	intact(t, s)
}

// TestFirstOpenTogether lets processes make the same new file at once.
func TestFirstOpenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	runChildren(t, "keys", path, 4)
	s := openAt(t, path, store.Options{Now: time.Now})
	keys, err := s.Keys(t.Context())
	if err != nil || len(keys) != 4*keysOfChild {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	intact(t, s)
}

func runChildren(t *testing.T, kind, path string, n int) {
	t.Helper()
	var all []*exec.Cmd
	for range n {
		cmd := childCommand(t, kind, path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Errorf("another process failed: %v", err)
		}
	}
}
