package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/line"
)

// recalled are the findings about the past of a list: type, count and times.
func recalled(t *testing.T, a *App, list string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range stored(t, a) {
		if e := f.Service.Evidence; e != nil && e.ThreatIntelligenceDetails[0].ThreatListName == list && strings.Contains(f.Service.AdditionalInfo.Value, "inRetrospect") {
			out[f.Type] += fmt.Sprintf("%d from %s to %s;", f.Service.Count, f.Service.EventFirstSeen, f.Service.EventLastSeen)
		}
	}
	return out
}

// then is what recalled says of the contact with an address that contact makes.
func then(n int, types ...string) map[string]string {
	at := begin.Add(time.Duration(n) * time.Hour).Format("2006-01-02T15:04:05.000Z")
	out := map[string]string{}
	for _, typ := range types {
		out[typ] = fmt.Sprintf("1 from %s to %[1]s;", at)
	}
	return out
}

var customTypes = []string{"Discovery:Kubernetes/MaliciousIPCaller.Custom", "Recon:IAMUser/MaliciousIPCaller.Custom", "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom"}

// TestListedLater: an address that was met before it came on a list of the API,
// of a feed or of a file is found with the times of then, once, also when the
// server starts again; and so is what was met while it was off its list.
func TestListedLater(t *testing.T) {
	t.Parallel()
	const byAPI, byFile, byFeed, later = "198.51.100.7", "198.51.100.8", "11.22.33.44", "11.22.33.45"
	folder, dir := t.TempDir(), t.TempDir()
	file := filepath.Join(folder, "ours.txt")
	write(t, file, "198.51.100.99\n")
	p := newPublisher(t, "11.22.33.1\n")
	start := func() *App {
		return startApp(t, dir, func(c *config.Config) {
			p.ownFeed(false)(c)
			c.Intelligence.Feeds.Own[0].Category = "custom"
			c.Intelligence.ListFolders = []string{folder}
			c.Detection.ThreatLists = []config.List{{Name: "file", Path: file}}
		})
	}
	a := start()
	for n, addr := range []string{byAPI, byFile, byFeed, later, "198.51.100.10"} {
		contact(t, a, n, addr)
	}
	update := func(list string) {
		t.Helper()
		p.publish(list)
		if err := command(t, a).Update(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	told := func(list string, want map[string]string) {
		t.Helper()
		a.untilTold(t)
		if d := cmp.Diff(want, recalled(t, a, list)); d != "" {
			t.Errorf("%s:\n%s", list, d)
		}
	}
	write(t, filepath.Join(folder, "api.txt"), byAPI+"\n")
	newUser(t, a).threats("api", "file://"+filepath.ToSlash(folder)+"/api.txt")
	told("api", then(0, customTypes...))
	write(t, file, "198.51.100.99\n"+byFile+"\n")
	waitListed(t, a, byFile, true)
	told("file", then(1, customTypes...))
	update(byFeed + "\n")
	waitListed(t, a, byFeed, true)
	told("ours", then(2, customTypes...))
	if n := a.toldBy(t); n == 0 {
		t.Fatal("nothing was told")
	}

	// As it is told once, it stays: after a start that finds the same lists, and
	// one that finds another.
	again := func() {
		t.Helper()
		if err := a.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		a = start()
	}
	before := a.toldBy(t)
	again()
	a.untilTold(t)
	if n := a.toldBy(t); n != before {
		t.Errorf("after a restart %d entries more are told", n-before)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, file, "198.51.100.99\n"+byFile+"\n198.51.100.10\n") // while it is down
	a = start()
	a.untilTold(t)
	want := then(1, customTypes...)
	for typ, more := range then(4, customTypes...) {
		want[typ] += more
	}
	told("file", want)

	// An entry that leaves and comes back is told of again, and tells what was
	// met in between.
	update("11.22.33.1\n")
	waitListed(t, a, byFeed, false)
	a.untilTold(t)
	contact(t, a, 7, byFeed)
	update(byFeed + "\n")
	waitListed(t, a, byFeed, true)
	want = then(2, customTypes...)
	for typ, more := range then(7, customTypes...) {
		want[typ] += more
	}
	told("ours", want)
	if _, page := get(t, "http://"+a.MetricsAddr+"/metrics"); samples(t, page)["vedette_intel_retrospective_findings_total"] != 6 {
		t.Error("this process made 6 findings about the past, the metrics say otherwise")
	}
}

// toldBy is how many records of entries were told so far.
func (a *App) toldBy(t *testing.T) (n int64) {
	t.Helper()
	settle(t, a)
	rows, err := a.keys.store.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Source == string(event.Intel) && r.Outcome == string(event.Evaluated) {
			n += r.Count
		}
	}
	return n
}

// untilTold waits until the shards were told of the lists in force.
func (a *App) untilTold(t *testing.T) {
	t.Helper()
	until(t, "the lists in force are told", func() bool {
		set, _ := a.current.get()
		now := a.namings(set)
		for n := range a.Config.Journal.Shards {
			was, err := a.toldLists(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			for key, l := range now {
				if was.Lists[key] != l.sum {
					return false
				}
			}
			if len(was.Lists) != len(now) {
				return false
			}
		}
		return true
	})
}

// TestListedLaterByWorkers: of several processes each tells its shards, when it
// judges by what is new; one that takes a shard over goes on there.
func TestListedLaterByWorkers(t *testing.T) {
	t.Parallel()
	s := newShared(t, 1)
	publishers := map[string]*publisher{}
	start := func(name, role string) *App {
		p := newPublisher(t, "11.22.33.1\n")
		publishers[name] = p
		return startAs(t, t.TempDir(), role, func(c *config.Config) {
			p.ownFeed(false)(c)
			c.Server.Name = name
			c.Store.Postgres.URL = s.database
			c.Journal.NATS.URL, c.Journal.NATS.Replicas = strings.Join(s.nats.URLs(), ","), 1
			c.Journal.Shards = 6
		})
	}
	in := start("in", "ingest,api")
	d1, d2 := start("d1", "detect"), start("d2", "detect")
	shardsOf(t, map[*App]int{d1: 3, d2: 3})
	const bad = "11.22.33.44"
	// A cluster of a shard of each.
	cluster := map[*App]string{}
	for i := 0; len(cluster) < 2; i++ {
		name := fmt.Sprintf("c%d", i)
		shard := line.ShardOf(event.Scope{Account: in.Config.Account, Region: in.Config.Region, Cluster: name}, 6)
		for _, d := range []*App{d1, d2} {
			for _, n := range d.worker.Shards() {
				if n == shard && cluster[d] == "" {
					cluster[d] = name
				}
			}
		}
	}
	meet := func(d *App, n int) {
		t.Helper()
		if code := push(t, in, cluster[d], eventList([]string{strings.Replace(benign("jane", n), "203.0.113.7", bad, 1)})); code != http.StatusOK {
			t.Fatal(code)
		}
		settle(t, in)
	}
	fetch := func(d *App) {
		t.Helper()
		publishers[d.Config.Server.Name].publish(bad + "\n")
		if err := command(t, d).Update(t.Context()); err != nil {
			t.Fatal(err)
		}
		waitListed(t, d, bad, true)
	}
	counted := func(want map[string]int64) {
		t.Helper()
		got := map[string]int64{}
		until(t, fmt.Sprintf("%v are found", want), func() bool {
			clear(got)
			for _, f := range stored(t, in) {
				got[f.Resource.EKSClusterDetails.Name] += f.Service.Count
			}
			return cmp.Equal(want, got)
		})
	}
	meet(d1, 1)
	meet(d2, 2)
	fetch(d1)
	counted(map[string]int64{cluster[d1]: 1})
	meet(d1, 3) // live
	meet(d2, 4) // by a process that has the old list: it is told later
	counted(map[string]int64{cluster[d1]: 2})
	fetch(d2)
	counted(map[string]int64{cluster[d1]: 2, cluster[d2]: 2})
	if err := d1.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	shardsOf(t, map[*App]int{d2: 6})
	meet(d1, 5)
	counted(map[string]int64{cluster[d1]: 3, cluster[d2]: 2})
	if fs := stored(t, in); len(fs) != 2 || finding.DetectorID("111122223333", "eu-central-1") != fs[0].Service.DetectorID {
		t.Errorf("%d findings", len(fs))
	}
}

// TestNothingRemembered: without days of history nothing is remembered, and
// nothing is told.
func TestNothingRemembered(t *testing.T) {
	p := newPublisher(t, "11.22.33.1\n")
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		p.ownFeed(false)(c)
		c.Intelligence.History.Days = 0
	})
	contact(t, a, 1, "11.22.33.44")
	if err := a.TellPast(t.Context(), []event.Indicator{{Category: "c2", Entry: "11.22.33.44", List: "x"}}); err != nil {
		t.Fatal(err)
	}
	if n := len(stored(t, a)); n != 0 {
		t.Errorf("%d findings about what is not remembered", n)
	}
}

// TestOnlyWhatIsNew: of a list that changed only what it did not have is told,
// where it is known what that was; else all of it.
func TestOnlyWhatIsNew(t *testing.T) {
	a := &App{Options: Options{Now: time.Now}}
	set := func(entries ...string) *intel.Set {
		b := intel.NewBuilder()
		l, other := b.List(intel.List{Name: "x", Kind: intel.KindFeed, Category: intel.C2}), b.List(intel.List{Name: "other", Kind: intel.KindFeed, Category: intel.C2})
		services := b.List(intel.List{Name: "services", Kind: intel.KindFeed, Category: intel.DoH})
		for _, e := range entries {
			if err := errors.Join(l.Add(e, intel.Fact{}), services.Add(e, intel.Fact{})); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(other.Add("11.0.0.9", intel.Fact{}), l.Add("11.0.0.8", intel.Fact{Expires: 1})); err != nil {
			t.Fatal(err)
		}
		return intel.NewSet(b.Part(feedsPart))
	}
	sums := func(s *intel.Set) map[string]string {
		out := map[string]string{}
		for key, l := range a.namings(s) {
			out[key] = l.sum
		}
		return out
	}
	first, second := set("11.0.0.1", "11.0.0.2"), set("11.0.0.3", "11.0.0.1")
	for _, tc := range []struct {
		name        string
		known, told *intel.Set
		want        string
	}{
		{"as it was told", nil, second, ""},
		{"as it was known", first, first, "11.0.0.3"},
		{"of a version that is not known", nil, first, "11.0.0.1 11.0.0.3"},
		{"of another version than the known", second, first, "11.0.0.1 11.0.0.3"},
		{"of nothing", nil, nil, "11.0.0.1 11.0.0.3 11.0.0.9"},
	} {
		w := &teller{app: a}
		if tc.known != nil {
			w.lists = a.namings(tc.known)
		}
		was := map[string]string{}
		if tc.told != nil {
			was = sums(tc.told)
		}
		var got []string
		for _, e := range w.fresh(second, a.namings(second), was) {
			got = append(got, e.Entry)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %v are told, want %s", tc.name, got, tc.want)
		}
	}
	if d := cmp.Diff(sums(set("11.0.0.2", "11.0.0.1")), sums(first)); d != "" {
		t.Errorf("the order counts: %s", d)
	}
}
