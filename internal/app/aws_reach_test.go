package app

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
)

// TestReach: a source is out of reach when calls of one kind fail for a while,
// in any process, and is well when all of them are answered.
func TestReach(t *testing.T) {
	var ahead atomic.Int64
	now := func() time.Time { return begin.Add(time.Duration(ahead.Load())) }
	a := startWith(t, t.TempDir(), "all", now, nil) // it has none of its own
	a.Config.Ingest.Queues = []config.Queue{{URL: "https://sqs.eu-central-1.amazonaws.com/111122223333/vedette"}}
	src := askedQueue(a.Config, 0)
	other := *a
	named := *a.Config
	named.Server.Name = "other"
	other.Config = &named
	here, there := newReach(a, src), newReach(&other, src)
	denied := errors.New("read it: allow sqs:ReceiveMessage on the queue")
	issue := "UNHEALTHY Source unreachable:ingest.queues[0]: read it: allow sqs:ReceiveMessage on the queue"
	for _, step := range []struct {
		what  string
		after time.Duration
		r     *reach
		call  string
		err   error
		want  string
	}{
		{"the first call fails: it may be a bad second", 0, here, "receive", denied, ""},
		{"still", 5 * time.Second, here, "receive", denied, ""},
		{"it goes on", 5 * time.Second, here, "receive", denied, issue},
		{"another kind of call is answered", time.Second, here, "delete", nil, issue},
		{"it is answered", time.Second, here, "receive", nil, "HEALTHY "},
		{"it fails again, briefly", time.Second, here, "receive", denied, "HEALTHY "},
		{"and is answered", 8 * time.Second, here, "receive", nil, "HEALTHY "},
		{"so that the next failure is a first one", 8 * time.Second, here, "receive", denied, "HEALTHY "},
		{"again", 10 * time.Second, here, "receive", denied, issue},
		{"another process has no trouble", time.Second, there, "receive", nil, issue},
		{"which says so each minute", 2 * time.Minute, there, "receive", nil, issue},
		{"this one has not said anything for long: it is gone", 30 * time.Minute, there, "receive", nil, "HEALTHY "},
	} {
		ahead.Add(int64(step.after))
		step.r.tell(t.Context(), step.call, step.err)
		if got := status(t, a, SourceQueue); got != step.want {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
	}

	// What a call that was ended says is nothing.
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ahead.Add(int64(time.Hour))
	there.tell(ended, "receive", nil)
	list, err := a.keys.store.Sources(t.Context())
	if err != nil || len(list) != 1 || !list[0].LastReceived.Equal(now().Add(-time.Hour)) {
		t.Errorf("%+v %v", list, err)
	}
	if names, err := a.unreachable(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("%v %v", names, err)
	}
}

func TestReachForgotten(t *testing.T) {
	src := &store.Source{SourceKey: store.SourceKey{Source: SourceBucket}, Status: store.Unhealthy, Issue: "x", LastReceived: begin}
	if s, issue, own := deliveryHealth(src, begin.Add(50*time.Minute)); s != store.Unhealthy || issue != "x" || !own {
		t.Error("forgotten too soon")
	}
	if s, _, own := deliveryHealth(src, begin.Add(61*time.Minute)); s != store.Healthy || !own {
		t.Error("a bucket that nobody reads any more ails for ever")
	}
}

// TestSameLabels: what ails in one account is not hidden by another one.
func TestSameLabels(t *testing.T) {
	a := startApp(t, t.TempDir(), nil)
	err := a.keys.store.Commit(t.Context(), func(tx *store.Tx) error {
		for account, issue := range map[string]string{"111111111111": "", "222222222222": "Logs incomplete:x", "333333333333": ""} {
			k := store.SourceKey{Source: sourceDigests, Account: account, Region: "eu-central-1"}
			if err := tx.TouchSource(k, time.Now(), time.Now()); err != nil {
				return err
			}
			status := store.Healthy
			if issue != "" {
				status = store.Unhealthy
			}
			if _, err := tx.SetSourceStatus(k, status, issue); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.lookAtSources(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := scrape(t, a); !strings.Contains(m, `vedette_ingest_source_healthy{cluster="",source="cloudtrail-digest"} 0`) {
		t.Error("the metrics do not tell of the account that ails")
	}
}
