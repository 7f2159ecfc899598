package app

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// hook is a webhook that keeps, by user, what it was told, and when first.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	counts map[string]int64
	first  map[string]time.Time
	ids    map[string]int // how often an event came
	status int            // that it answers; 0 is 200
}

func newHook(t *testing.T) *hook {
	h := &hook{counts: map[string]int64{}, first: map[string]time.Time{}, ids: map[string]int{}}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) serve(w http.ResponseWriter, r *http.Request) {
	var e struct {
		ID     string
		Detail finding.Finding
	}
	err := json.NewDecoder(r.Body).Decode(&e)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
		return
	case h.status != 0:
		w.WriteHeader(h.status)
		return
	}
	h.ids[e.ID]++
	user := e.Detail.Resource.KubernetesDetails.KubernetesUserDetails.Username
	if h.first[user].IsZero() {
		h.first[user] = time.Now()
	}
	h.counts[user] = max(h.counts[user], e.Detail.Service.Count)
}

func (h *hook) answer(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

func (h *hook) told() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.first)
}

func webhook(name, url, frequency string) config.Target {
	return config.Target{Name: name, Type: "webhook", URL: url, Frequency: frequency, From: "all", Events: []string{"findings"}}
}

// TestPublishDelay: a new finding is with a webhook in less than a second, from
// before its record was pushed, though another target is down.
func TestPublishDelay(t *testing.T) {
	h := newHook(t)
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		c.Publish.Targets = []config.Target{webhook("up", h.URL, ""), webhook("down", "http://127.0.0.1:1/", "")}
	})
	const n = 100
	begun := map[string]time.Time{}
	for i := range n {
		user := fmt.Sprintf("mallory%d", i)
		begun[user] = time.Now()
		if code := push(t, a, "prod", eventList([]string{attack(user, i)})); code != http.StatusOK {
			t.Fatalf("status %d", code)
		}
		if i%10 == 9 {
			time.Sleep(100 * time.Millisecond) // so that not all of them come in one go
		}
	}
	until(t, "all findings are told", func() bool { return h.told() == n })
	var delays []time.Duration
	for user, at := range h.first {
		delays = append(delays, at.Sub(begun[user]))
	}
	slices.Sort(delays)
	t.Logf("from push to webhook: p50 %s, p99 %s", delays[n/2], delays[n-2])
	if p99 := delays[n-2]; p99 > time.Second && !testing.Short() {
		t.Errorf("p99 is %s", p99)
	}
	text, err := a.keys.store.PublishStatus(t.Context(), "down")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := publish.ParseStatus(text); err != nil || s.Error == "" || s.Failures == 0 || s.Next.IsZero() {
		t.Errorf("the target that is down: %+v, %v", s, err)
	}
	_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
	m := samples(t, page)
	if m[`vedette_publish_events_total{outcome="taken",target="up"}`] != n || m[`vedette_publish_failures_total{target="down"}`] == 0 {
		t.Errorf("taken %v, failures %v", m[`vedette_publish_events_total{outcome="taken",target="up"}`], m[`vedette_publish_failures_total{target="down"}`])
	}
}

// TestPublishSustained: a thousand findings a second go to two targets while a
// third one is down, which gets all of them when it is back.
func TestPublishSustained(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes five seconds")
	}
	up, other, down := newHook(t), newHook(t), newHook(t)
	down.answer(http.StatusBadGateway)
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		c.Publish.Targets = []config.Target{webhook("up", up.URL, "immediate"), webhook("other", other.URL, ""), webhook("down", down.URL, "")}
		for i := range c.Publish.Targets {
			c.Publish.Targets[i].Parallel = 8
		}
	})
	const rate, seconds = 1000, 4
	begin := time.Now()
	for i := range rate * seconds / 50 {
		err := a.keys.store.Commit(t.Context(), func(tx *store.Tx) error {
			for k := range 50 {
				if err := tx.PutFinding(numbered(i*50 + k)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if ahead := time.Duration(i+1)*50*time.Second/rate - time.Since(begin); ahead > 0 {
			time.Sleep(ahead)
		}
	}
	written := time.Since(begin)
	until(t, "both have all", func() bool { return up.told() == rate*seconds && other.told() == rate*seconds })
	lag := time.Since(begin) - written
	t.Logf("%d findings were written in %s; both targets had all %s later", rate*seconds, written, lag)
	if lag > 5*time.Second {
		t.Errorf("they fall behind: %s", lag)
	}
	down.answer(0)
	until(t, "the third has all", func() bool { return down.told() == rate*seconds })
	for _, h := range []*hook{up, other} {
		for id, n := range h.ids {
			if n > 1 {
				t.Errorf("event %s came %d times, and nothing failed", id, n)
			}
		}
	}
}

// numbered is a finding of an n-th user.
func numbered(n int) *finding.Record {
	id := fmt.Sprintf("%032x", n)
	det := finding.DetectorID("111122223333", "eu-central-1")
	now := finding.Timestamp(begin)
	return &finding.Record{
		Finding: &finding.Finding{
			ID: id, ARN: finding.DetectorARN("111122223333", "eu-central-1", det) + "/finding/" + id, AccountID: "111122223333", Region: "eu-central-1", SchemaVersion: "2.0",
			Type: "Execution:Kubernetes/ExecInKubeSystemPod", Severity: 5, CreatedAt: now, UpdatedAt: now, Service: &finding.Service{ServiceName: "guardduty", DetectorID: det, Count: 1},
			Resource: &finding.Resource{ResourceType: "EKSCluster", KubernetesDetails: &finding.KubernetesDetails{KubernetesUserDetails: &finding.KubernetesUserDetails{Username: fmt.Sprint("u", n)}}},
		},
		Merge: finding.State{Identity: "of " + id},
	}
}

// TestPublishKilled kills a server again and again while it publishes to a
// target that often fails. In the end every finding was told, as it is.
func TestPublishKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it kills a server for some seconds")
	}
	t.Parallel()
	s := newKilled(t)
	quiet, loud := newHook(t), newHook(t)
	text, err := os.ReadFile(s.settings)
	if err != nil {
		t.Fatal(err)
	}
	text = fmt.Appendf(text, "publish:\n  targets:\n  - {name: quiet, type: webhook, url: %q, from: all, parallel: 2}\n  - {name: loud, type: webhook, url: %q, from: all, frequency: immediate}\n"+
		"detection: {noise: {findingsPerTypeAndDay: 0}}\n", quiet.URL, loud.URL) // each user is to be told of
	if err := os.WriteFile(s.settings, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	done := make(chan struct{})
	want := make([]map[string]int64, 3)
	var wg sync.WaitGroup
	for i := range want {
		want[i] = map[string]int64{}
		wg.Go(func() { s.attackers(done, i, want[i]) })
	}
	for range 8 {
		time.Sleep(time.Duration(100+rand.IntN(500)) * time.Millisecond) // the random moment is the test
		for _, h := range []*hook{quiet, loud} {
			h.answer([]int{0, http.StatusBadGateway}[rand.IntN(2)])
		}
		s.kill()
		s.start()
	}
	close(done)
	wg.Wait()
	quiet.answer(0)
	loud.answer(0)
	s.kill() // so that it does not wait long before it tries again
	s.start()
	total := 0
	for _, w := range want {
		total += len(w)
	}
	until(t, "all findings are told", func() bool {
		if quiet.told() < total {
			return false
		}
		loud.mu.Lock()
		defer loud.mu.Unlock()
		for _, w := range want {
			for user, n := range w {
				if loud.counts[user] < n {
					return false
				}
			}
		}
		return true
	})
	s.stop()
	for _, w := range want {
		for user, n := range w {
			if loud.counts[user] != n || quiet.counts[user] == 0 {
				t.Errorf("%s did it %d times; told were %d, and %d to who wants updates seldom", user, n, loud.counts[user], quiet.counts[user])
			}
		}
	}
	if total < 50 {
		t.Errorf("only %d findings; the test says little", total)
	}
	t.Logf("%d findings, 9 kills", total)
}

// attackers push attacks of many users until they are done, each again until it
// is acknowledged.
func (s *killed) attackers(done <-chan struct{}, who int, did map[string]int64) {
	x := &sender{t: s.t, url: "http://" + s.addr + "/ingest/k8s-audit/prod"}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		default:
		}
		user := fmt.Sprintf("mallory%d-%d", who, n/3) // each three times
		for !x.push(client, eventList([]string{attack(user, n)})) {
			time.Sleep(10 * time.Millisecond)
		}
		did[user]++
	}
}

// TestExport: a destination of the API is verified, gets the findings that come
// after it, says when it cannot be written to, and goes on when it can.
func TestExport(t *testing.T) {
	t.Parallel()
	srv := testbed.S3(t)
	srv.Bucket("findings")
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		c.Publish.Destinations = config.Access{Region: testbed.AWSRegion, Endpoint: srv.Endpoint, PathStyle: true}
	})
	st, detector := enable(t, a)
	mustPush(t, a, "prod", attack("before", 1))
	d := store.Destination{ID: "d1", Type: "S3", ARN: "arn:aws:s3:::findings/export", Status: store.DestinationPending}
	change := func(d *store.Destination, remove bool) {
		t.Helper()
		if err := st.ChangeDestinations(t.Context(), detector, func([]store.Destination) (*store.Destination, bool, error) { return d, remove, nil }); err != nil {
			t.Fatal(err)
		}
	}
	status := func() string {
		list, err := st.Destinations(t.Context(), detector)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		d = list[0]
		return d.Status
	}
	change(&d, false)
	until(t, "it is verified", func() bool { return status() == store.DestinationPublishing })
	mustPush(t, a, "prod", attack("after", 2))
	until(t, "the finding is in the bucket", func() bool { return len(exportedTo(t, srv.Dir+"/findings")) > 0 })
	if got := exportedTo(t, srv.Dir+"/findings"); !slices.Equal(got, []string{"after"}) {
		t.Errorf("exported: %q", got)
	}
	d.ARN, d.Status = "arn:aws:s3:::not-there", store.DestinationPending
	change(&d, false)
	until(t, "it cannot be written to", func() bool { return status() == store.DestinationUnable })
	if d.FailingSince.IsZero() || !strings.Contains(d.Reason, "not-there") {
		t.Errorf("destination %+v", d)
	}
	mustPush(t, a, "prod", attack("meanwhile", 3))
	d.ARN, d.Status = "arn:aws:s3:::findings/export", store.DestinationPending
	change(&d, false)
	until(t, "what came meanwhile is in the bucket", func() bool { return slices.Contains(exportedTo(t, srv.Dir+"/findings"), "meanwhile") })
	change(&d, true)
	until(t, "nothing is known of it any more", func() bool {
		_, err := st.Cursor(context.Background(), publish.CursorName(DestinationTarget("d1")))
		return errors.Is(err, finding.ErrNotFound)
	})
}

// exportedTo are the users of findings in a bucket.
func exportedTo(t *testing.T, dir string) (out []string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".jsonl.gz") {
			return nil // may be about to come
		}
		f, err := os.Open(path)
		if err != nil {
			return nil
		}
		defer f.Close()
		r, err := gzip.NewReader(f)
		if err != nil {
			return nil
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil
		}
		for line := range strings.Lines(string(text)) {
			var x finding.Finding
			if err := json.Unmarshal([]byte(line), &x); err != nil {
				t.Error(err)
				continue
			}
			out = append(out, x.Resource.KubernetesDetails.KubernetesUserDetails.Username)
		}
		return nil
	})
	slices.Sort(out)
	return slices.Compact(out)
}
