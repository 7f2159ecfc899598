package app

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

func pushFlows(t *testing.T, a *App, lines ...string) {
	t.Helper()
	res, err := http.Post("http://"+a.Addr+"/ingest/vpc-flow", "text/plain", strings.NewReader(strings.Join(lines, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	settle(t, a)
}

// metAndTold are the findings of a type by interface.
func metAndTold(t *testing.T, fs []*finding.Finding) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range fs {
		if f.Type == "Backdoor:EC2/C&CActivity.B" {
			out[f.Resource.InstanceDetails.NetworkInterfaces[0].NetworkInterfaceID] = fmt.Sprintf("%d %s %s", f.Service.Count, f.Service.EventFirstSeen, f.Service.EventLastSeen)
		}
	}
	return out
}

var wasMet = map[string]string{
	"eni-00000000000000001": "3 2026-01-31T12:00:00.000Z 2026-02-02T14:00:00.000Z",
	"eni-00000000000000002": "1 2026-01-31T13:00:00.000Z 2026-01-31T13:00:00.000Z",
}

// meet pushes what wasMet tells of, and what has nothing to do with it.
func meet(t *testing.T, a *App) {
	t.Helper()
	pushFlows(t, a, flowLine(1, "198.51.100.66", begin), flowLine(2, "198.51.100.66", begin.Add(time.Hour)), flowLine(3, "198.51.100.67", begin))
	pushFlows(t, a, flowLine(1, "198.51.100.66", begin.Add(49*time.Hour)), flowLine(1, "198.51.100.66", begin.Add(50*time.Hour)))
}

var (
	metEntry    = event.Indicator{Category: "c2", Entry: "198.51.100.64/30", List: "feed", Names: []string{"Some Malware"}}
	benignTwin  = event.Indicator{Category: "c2", Entry: "198.51.100.68", List: "feed"}
	metNameToo  = event.Indicator{Category: "c2", Entry: "nobody.example.org", List: "feed"}
	otherFamily = event.Indicator{Category: "c2", Entry: "2001:db8::66", List: "feed"}
)

// TestPastOfAServer: a contact with an address that is on no list is found when
// a list gets it, with the times of then, in a server that was restarted in
// between; its twin that nobody met is not. And no source goes quiet of it.
func TestPastOfAServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := startApp(t, dir, nil)
	meet(t, a)
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = startApp(t, dir, nil)
	if err := a.TellPast(t.Context(), []event.Indicator{benignTwin, metNameToo, otherFamily}); err != nil {
		t.Fatal(err)
	}
	if got := metAndTold(t, stored(t, a)); len(got) > 0 {
		t.Errorf("of what nobody met: %v", got)
	}
	start := time.Now()
	if err := a.TellPast(t.Context(), []event.Indicator{metEntry}); err != nil {
		t.Fatal(err)
	}
	t.Logf("told after %s", time.Since(start))
	fs := stored(t, a)
	// The prefix covers .64 to .67, so the third machine met it, too.
	want := map[string]string{"eni-00000000000000003": "1 2026-01-31T12:00:00.000Z 2026-01-31T12:00:00.000Z"}
	for k, v := range wasMet {
		want[k] = v
	}
	if d := cmp.Diff(want, metAndTold(t, fs)); d != "" {
		t.Error(d)
	}
	for _, f := range fs {
		if info := f.Service.AdditionalInfo.Value; !strings.Contains(info, "inRetrospect") || !strings.Contains(info, "Some Malware") {
			t.Error(info)
		}
	}
	for range 2 {
		if err := a.TellPast(t.Context(), []event.Indicator{metEntry}); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(want, metAndTold(t, stored(t, a))); d != "" {
		t.Errorf("told again: %s", d)
	}
	if err := a.TellPast(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	sources, err := a.keys.store.Sources(t.Context())
	if err != nil || len(sources) != 1 {
		t.Errorf("sources %+v, %v", sources, err)
	}
	if got := ledger(t, a.keys.store); got["received"] != got["evaluated"] || got["evaluated"] < 5+4 { // and what the built-in lists have
		t.Errorf("%v", got)
	}
}

// TestPastManyEntries: more entries than one record may have are told in
// several, and all of them count.
func TestPastManyEntries(t *testing.T) {
	a := startApp(t, t.TempDir(), nil)
	meet(t, a)
	var all []event.Indicator
	for i := range 2*toldEntries + 5 {
		all = append(all, event.Indicator{Category: "c2", Entry: fmt.Sprintf("n%d.example.org", i), List: "feed"})
	}
	all = append(all, metEntry)
	if err := a.TellPast(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if got := metAndTold(t, stored(t, a)); got["eni-00000000000000001"] != wasMet["eni-00000000000000001"] {
		t.Errorf("%v", got)
	}
}

// TestPastOfWorkers: with several workers, one of which leaves while entries
// are told, each finding is told once; also by a process that only judges.
func TestPastOfWorkers(t *testing.T) {
	t.Parallel()
	s := newShared(t, 1)
	in := s.start(t, "in", "ingest,api")
	d1, d2 := s.start(t, "d1", "detect"), s.start(t, "d2", "detect")
	shardsOf(t, map[*App]int{d1: 3, d2: 3})
	meet(t, in)
	told := make(chan error, 2)
	entry := metEntry
	entry.Entry = "198.51.100.66"
	for _, a := range []*App{in, d2} {
		go func() { told <- a.TellPast(context.Background(), []event.Indicator{entry}) }()
	}
	if err := d1.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-told; err != nil {
			t.Error(err)
		}
	}
	if d := cmp.Diff(wasMet, metAndTold(t, stored(t, in))); d != "" {
		t.Error(d)
	}
}

// TestPastWhenKilled tells entries to a server that is killed at any moment, and
// tells them again to the next one, as who tells them does. In the end each
// finding has counted everything once.
func TestPastWhenKilled(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("VEDETTE_TEST_PAST"); dir != "" {
		tellUntilKilled(t, dir)
		return
	}
	if testing.Short() {
		t.Skip("-short: it kills a server for some seconds")
	}
	dir := t.TempDir()
	a := startApp(t, dir, nil)
	meet(t, a)
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestPastWhenKilled$")
		cmd.Env = append(os.Environ(), "VEDETTE_TEST_PAST="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() && lines.Text() != "telling" {
		}
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond) // the random moment is the test
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
	}
	a = startApp(t, dir, nil)
	if err := a.TellPast(t.Context(), []event.Indicator{metEntry}); err != nil {
		t.Fatal(err)
	}
	got := metAndTold(t, stored(t, a))
	delete(got, "eni-00000000000000003")
	if d := cmp.Diff(wasMet, got); d != "" {
		t.Error(d)
	}
	if l := ledger(t, a.keys.store); l["received"] != l["evaluated"] {
		t.Errorf("%v", l)
	}
}

// tellUntilKilled is the server that is killed.
func tellUntilKilled(t *testing.T, dir string) {
	c := config.Default()
	c.Account, c.Region = "111122223333", "eu-central-1"
	c.Server.Listen, c.Server.MetricsListen = "127.0.0.1:0", "127.0.0.1:0"
	c.Store.DataDir = dir
	c.Intelligence.Feeds.Enabled = false
	a, err := Start(context.Background(), Options{Config: c, Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "test", Role: "all"})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("telling")
	for {
		if err := a.TellPast(context.Background(), []event.Indicator{metEntry}); err != nil {
			t.Fatal(err)
		}
	}
}

// TellPast tells all scopes.
func (a *App) TellPast(ctx context.Context, added []event.Indicator) error {
	return a.tellScopes(ctx, added, func(event.Scope) bool { return true })
}
