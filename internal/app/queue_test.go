package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/store"
)

// hold keeps every commit of the server waiting until release is called.
func hold(t *testing.T, a *App) (release func()) {
	t.Helper()
	held, open, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- a.keys.store.Commit(context.Background(), func(*store.Tx) error {
			close(held)
			<-open
			return nil
		})
	}()
	<-held
	return sync.OnceFunc(func() {
		close(open)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestFullQueue: when as many pushes wait as may, the next is told to come
// again at once, and none that waited is lost.
func TestFullQueue(t *testing.T) {
	a := startApp(t, t.TempDir(), nil)
	release := hold(t, a)
	defer release()
	scope := event.Scope{Account: a.Config.Account, Region: a.Config.Region, Cluster: "prod"}
	queue := a.line.shardOf(scope).in
	results := make(chan error, cap(queue)+maxGroup)
	for i := range cap(results) {
		go func() {
			p := &ingest.Push{Chunk: event.Chunk{Stream: "test", Received: begin, Scope: scope, Data: []byte(benign("jane", i))}}
			results <- a.line.Append(t.Context(), p)
		}()
	}
	until(t, "the queue is full", func() bool { return len(queue) == cap(queue) })
	res, err := http.Post("http://"+a.Addr+"/ingest/k8s-audit/prod", "application/json", strings.NewReader(eventList([]string{attack("late", 1)})))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
	release()
	accepted := int64(0)
	for range cap(results) {
		switch err := <-results; {
		case err == nil:
			accepted++
		case !errors.Is(err, ingest.ErrFull):
			t.Error(err)
		}
	}
	if accepted < int64(cap(queue)) {
		t.Errorf("only %d of a queue of %d were taken", accepted, cap(queue))
	}
	mustPush(t, a, "prod", attack("late", 1)) // now there is room
	if d := cmp.Diff(map[string]int64{"late": 1}, counts(stored(t, a))); d != "" {
		t.Error(d)
	}
	if got := ledger(t, a.keys.store)["evaluated"]; got != accepted+1 {
		t.Errorf("%d records were judged, %d were taken", got, accepted+1)
	}
}

// TestFullMemory: few large pushes fill the queue as well.
func TestFullMemory(t *testing.T) {
	a := startApp(t, t.TempDir(), nil)
	release := hold(t, a)
	defer release()
	blank := bytes.Repeat([]byte(" "), maxWaitingBytes*2/3) // both pushes share it
	newPush := func() *ingest.Push {
		return &ingest.Push{Chunk: event.Chunk{Stream: "test", Received: begin, Scope: event.Scope{Cluster: "prod"}, Data: blank}}
	}
	first := make(chan error, 1)
	go func() { first <- a.line.Append(t.Context(), newPush()) }()
	until(t, "the first push waits", func() bool { return a.line.waiting.Load() == int64(len(blank)) })
	if err := a.line.Append(t.Context(), newPush()); !errors.Is(err, ingest.ErrFull) {
		t.Errorf("the second push: %v", err)
	}
	release()
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := a.line.Append(t.Context(), newPush()); err != nil {
		t.Errorf("the second push again: %v", err)
	}
}

// TestManySenders: many at once, several of one cluster, some records twice.
func TestManySenders(t *testing.T) {
	a := startApp(t, t.TempDir(), nil)
	const senders, pushes = 50, 10
	want := map[string]int64{}
	var wg sync.WaitGroup
	for s := range senders {
		user := fmt.Sprintf("mallory%d", s)
		want[user] = pushes
		wg.Go(func() {
			for n := range pushes {
				lines := []string{attack(user, n), benign(user, pushes+n), attack(user, n)}
				if code := push(t, a, fmt.Sprintf("c%d", s%7), eventList(lines)); code != http.StatusOK {
					t.Errorf("status %d", code)
				}
			}
		})
	}
	wg.Wait()
	if d := cmp.Diff(want, counts(stored(t, a))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int64{"evaluated": 2 * senders * pushes, "duplicate/seen_before": senders * pushes}, ledger(t, a.keys.store)); d != "" {
		t.Error(d)
	}
}

// TestGracefulStop: what was taken when the stop began is judged, kept and
// answered; new senders find nobody.
func TestGracefulStop(t *testing.T) {
	dir := t.TempDir()
	a := startApp(t, dir, nil)
	release := hold(t, a)
	defer release()
	const pushes = 8
	codes := make(chan int, pushes)
	size := 0
	for n := range pushes {
		body := eventList([]string{attack("mallory", n)})
		size += len(body)
		go func() { codes <- push(t, a, fmt.Sprintf("c%d", n), body) }()
	}
	until(t, "all pushes wait", func() bool { return a.line.waiting.Load() == int64(size) })
	stopped := make(chan error, 1)
	go func() { stopped <- a.Stop(context.Background()) }()
	until(t, "the server takes no connections", func() bool {
		c, err := net.Dial("tcp", a.Addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	release()
	for range pushes {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("status %d for a push that was taken", code)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := counts(stored(t, startApp(t, dir, nil)))["mallory"]; got != pushes {
		t.Errorf("%d occurrences are there, %d were acknowledged", got, pushes)
	}
}
