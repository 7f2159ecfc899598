package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel/feed"
)

// publisher publishes a list, or does not answer well.
type publisher struct {
	url string

	mu   sync.Mutex
	list string // "" answers 503
	asks int
}

func newPublisher(t *testing.T, list string) *publisher {
	t.Helper()
	p := &publisher{list: list}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.asks++; p.list == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, p.list)
	}))
	t.Cleanup(srv.Close)
	p.url = srv.URL + "/list.txt"
	return p
}

func (p *publisher) publish(list string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = list
}

func (p *publisher) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asks
}

// ownFeed has the publisher's list as the only feed.
func (p *publisher) ownFeed(enabled bool) func(*config.Config) {
	return func(c *config.Config) {
		catalog, _ := feed.Catalog() // was read by who starts
		for _, s := range catalog {
			c.Intelligence.Feeds.Skip = append(c.Intelligence.Feeds.Skip, s.Name)
		}
		c.Intelligence.Feeds.Enabled = enabled
		c.Intelligence.Feeds.Own = []config.Feed{{Name: "ours", URL: p.url, Category: "c2", Private: true}}
	}
}

// command is what `vedette intel update` and the like work with, beside a server.
func command(t *testing.T, a *App) *feed.Updater {
	t.Helper()
	u, err := NewFeeds(a.Config, feed.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler), Rand: rand.New(rand.NewPCG(1, 2))})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// waitListed waits until a server judges, or judges no more, by what names
// an address.
func waitListed(t *testing.T, a *App, addr string, want bool) {
	t.Helper()
	until(t, fmt.Sprintf("%s is listed: %v", addr, want), func() bool {
		set, _ := a.current.get()
		return len(set.Addr(addrOf(addr))) > 0 == want
	})
}

func c2Flows(t *testing.T, a *App) map[string]string { return metAndTold(t, live(stored(t, a))) }

// TestFeedOfARunningServer: a feed is fetched by a server as it runs, and judged
// by; it is there after a restart without its publisher; a list that looks wrong
// is held aside until it is accepted; what another process fetches is taken up.
func TestFeedOfARunningServer(t *testing.T) {
	t.Parallel()
	const bad, worse = "11.22.33.44", "11.22.33.55"
	p, dir := newPublisher(t, bad+"\n"), t.TempDir()
	a := startApp(t, dir, p.ownFeed(true))
	waitListed(t, a, bad, true)
	eni := func(n int) string { return fmt.Sprintf("eni-%017x", n) }
	once := func(at time.Time) string {
		return fmt.Sprintf("1 %[1]s %[1]s", at.Format("2006-01-02T15:04:05.000Z"))
	}
	pushFlows(t, a, flowLine(1, bad, begin), flowLine(2, worse, begin))
	want := map[string]string{eni(1): once(begin)}
	if d := cmp.Diff(want, c2Flows(t, a)); d != "" {
		t.Fatal(d)
	}
	if p.asked() != 1 {
		t.Errorf("the publisher was asked %d times", p.asked())
	}
	page := func() map[string]float64 {
		_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
		return samples(t, page)
	}
	m := page()
	if m[`vedette_intel_entries{holds="threats",kind="feed"}`] != 1 || m[`vedette_intel_feed_state{feed="ours",state="ok"}`] != 1 ||
		m[`vedette_intel_feed_fetched_timestamp_seconds{feed="ours"}`] == 0 || m[`vedette_intel_changes_total{part="feeds"}`] != 1 ||
		m[`vedette_intel_entries{holds="threats",kind="builtin"}`] < 100 {
		maps.DeleteFunc(m, func(k string, _ float64) bool { return !strings.HasPrefix(k, "vedette_intel_") })
		t.Errorf("metrics: %v", m)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	p.publish("")
	a = startApp(t, dir, p.ownFeed(true))
	pushFlows(t, a, flowLine(3, bad, begin.Add(time.Hour)))
	want[eni(3)] = once(begin.Add(time.Hour))
	if d := cmp.Diff(want, c2Flows(t, a)); d != "" {
		t.Errorf("after a restart without the publisher:\n%s", d)
	}
	u := command(t, a)
	if err := u.Update(t.Context()); err == nil {
		t.Error("a publisher that answers 503 is no fault")
	}

	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "11.23.%d.%d\n", i/250, i%250+1)
	}
	p.publish(many.String())
	if err := u.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the metrics say that a list is held", func() bool { return page()[`vedette_intel_feed_state{feed="ours",state="held"}`] == 1 })
	pushFlows(t, a, flowLine(4, bad, begin.Add(2*time.Hour)), flowLine(5, "11.23.1.1", begin.Add(2*time.Hour)))
	want[eni(4)] = once(begin.Add(2 * time.Hour))
	if d := cmp.Diff(want, c2Flows(t, a)); d != "" {
		t.Errorf("with a list that is held aside:\n%s", d)
	}
	if err := u.Accept("ours"); err != nil {
		t.Fatal(err)
	}
	waitListed(t, a, "11.23.1.1", true)
	waitListed(t, a, bad, false)
	p.publish(many.String() + worse + "\n")
	if err := u.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitListed(t, a, worse, true)
	pushFlows(t, a, flowLine(6, worse, begin.Add(3*time.Hour)))
	want[eni(6)] = once(begin.Add(3 * time.Hour))
	if d := cmp.Diff(want, c2Flows(t, a)); d != "" {
		t.Errorf("with what another process fetched:\n%s", d)
	}
}

// TestFeedsSwitchedOff: nobody is asked, but what is imported is taken up.
func TestFeedsSwitchedOff(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, "11.22.33.44\n")
	a := startApp(t, t.TempDir(), p.ownFeed(false))
	if err := command(t, a).Import("ours", strings.NewReader("11.22.33.66\n")); err != nil {
		t.Fatal(err)
	}
	waitListed(t, a, "11.22.33.66", true)
	if p.asked() != 0 {
		t.Error("it was asked for nevertheless")
	}
}

// TestFolderOfFeedsIsOfNoUse: a server starts and detects without feeds.
func TestFolderOfFeedsIsOfNoUse(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, dir string){
		"a file is there": func(t *testing.T, dir string) { write(t, dir, "no folder") },
		"a list is cut short": func(t *testing.T, dir string) {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "ours.jsonl"), `{"name":"ours"`)
		},
		"a state is no file": func(t *testing.T, dir string) {
			if err := os.MkdirAll(filepath.Join(dir, "ours.json"), 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			damage(t, filepath.Join(dir, "feeds"))
			p := newPublisher(t, "11.22.33.44\n")
			log := &logged{}
			a := startLogging(t, dir, log, p.ownFeed(false))
			until(t, "it says so", func() bool { return strings.Contains(log.String(), "level=ERROR") })
			pushFlows(t, a, flowLine(1, "198.51.100.243", begin)) // of the built-in test list
			if len(stored(t, a)) != 1 {
				t.Error("nothing is detected")
			}
			if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
				t.Errorf("%d faults are told:\n%s", n, log)
			}
		})
	}
}

// TestFeedsOffline: a machine without a way out is told of once, in one line.
func TestFeedsOffline(t *testing.T) {
	log := &logged{}
	w := &feedWatch{app: &App{Options: Options{Log: slog.New(slog.NewTextHandler(log, nil))}}, told: map[string]string{}}
	down := func(names ...string) (out []feed.Status) {
		for _, n := range names {
			out = append(out, feed.Status{Name: n, State: feed.Failing, Failures: 1, Reason: "feed " + n + ": get https://example.com/: no such host\nmore"})
		}
		return out
	}
	lines := func(want int, parts ...string) {
		t.Helper()
		got := log.String()
		log.Reset()
		if n := strings.Count(got, "\n"); n != want {
			t.Errorf("%d lines, want %d:\n%s", n, want, got)
		}
		for _, p := range parts {
			if !strings.Contains(got, p) {
				t.Errorf("%q is not in:\n%s", p, got)
			}
		}
	}
	w.tell(down("a", "b", "c"))
	lines(1, `feeds="a, b, c"`, "no such host", "intelligence.feeds.enabled")
	w.tell(down("a", "b", "c"))
	lines(0)
	mixed := down("a", "b", "c")
	mixed[0] = feed.Status{Name: "a", State: feed.OK, Fetched: begin}
	mixed[1] = feed.Status{Name: "b", State: feed.Held, Reason: "it grew", Fetched: begin}
	w.tell(mixed)
	lines(2, `"feeds are fetched again" feeds=a`, "vedette intel accept b")
	w.tell(mixed)
	lines(0)
	mixed[0].State = feed.Stale
	w.tell(mixed)
	lines(2, "too old", "feeds=a")
	w.tell(mixed)
	lines(0)
}

// logged is a log that tests read.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

// startLogging is startApp with a log that can be read.
func startLogging(t *testing.T, dir string, log *logged, change func(*config.Config)) *App {
	t.Helper()
	c := config.Default()
	c.Account, c.Region = "111122223333", "eu-central-1"
	c.Server.Listen, c.Server.MetricsListen, c.Store.DataDir = "127.0.0.1:0", "127.0.0.1:0", dir
	change(c)
	a, err := Start(context.Background(), Options{Config: c, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil)), Version: "test", Role: "all"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}
