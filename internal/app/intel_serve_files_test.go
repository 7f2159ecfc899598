package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
)

func addrOf(text string) netip.Addr {
	a, _ := netip.ParseAddr(text) // the zero address is on no list
	return a
}

// TestFilesOfARunningServer: the operator's lists are taken up when they change,
// without a restart.
func TestFilesOfARunningServer(t *testing.T) {
	t.Parallel()
	const bad, worse = "198.51.100.7", "198.51.100.8"
	folder, log := t.TempDir(), &logged{}
	threats, trusted := filepath.Join(folder, "bad.txt"), filepath.Join(folder, "fine.txt")
	write(t, threats, bad+"\n")
	write(t, trusted, "203.0.113.1\n")
	a := startLogging(t, t.TempDir(), log, func(c *config.Config) {
		c.Intelligence.Feeds.Enabled = false
		c.Detection.ThreatLists = []config.List{{Name: "ours", Path: threats}}
		c.Detection.TrustedLists = []config.List{{Name: "fine", Path: trusted}}
	})
	pushFlows(t, a, flowLine(1, bad, begin), flowLine(2, worse, begin))
	found := func(n int) {
		t.Helper()
		got := map[string]int{}
		for _, f := range live(stored(t, a)) {
			if f.Service.Evidence.ThreatIntelligenceDetails[0].ThreatListName == "ours" {
				got[f.Type]++
			}
		}
		if d := cmp.Diff(map[string]int{"UnauthorizedAccess:EC2/MaliciousIPCaller.Custom": n}, got); d != "" {
			t.Error(d)
		}
	}
	found(1)
	write(t, threats, bad+"\n"+worse+"\n")
	waitListed(t, a, worse, true)
	pushFlows(t, a, flowLine(3, worse, begin))
	found(2)
	write(t, trusted, bad+"\n")
	waitListed(t, a, bad, false)
	pushFlows(t, a, flowLine(4, bad, begin))
	found(2)
	if err := os.Remove(threats); err != nil {
		t.Fatal(err)
	}
	until(t, "it is told that a list is gone", func() bool { return strings.Contains(log.String(), "bad.txt") })
	pushFlows(t, a, flowLine(5, worse, begin))
	found(3)
	if _, page := get(t, "http://"+a.MetricsAddr+"/metrics"); samples(t, page)[`vedette_intel_changes_total{part="operator"}`] != 2 {
		t.Error("two changes are not counted as two")
	}
}

// TestDamagedFiles: faulty lines are left out; what cannot be read leaves in force
// what was. Both are told of once however often it is looked at; a file that is
// touched is no news.
func TestDamagedFiles(t *testing.T) {
	folder, log := t.TempDir(), &logged{}
	list := filepath.Join(folder, "bad.txt")
	write(t, list, "198.51.100.7\n")
	c := config.Default()
	c.Store.DataDir = folder
	c.Detection.ThreatLists = []config.List{{Name: "ours", Path: list}}
	o, err := DetectOptions(c)
	if err != nil {
		t.Fatal(err)
	}
	a := &App{Options: Options{Config: c, Log: slog.New(slog.NewTextHandler(log, nil))}, current: newCurrent(o.Intel, o.Geo), metrics: newMetrics(prometheus.NewRegistry(), "test")}
	w := newFileWatch(a)
	look := func(listed bool, lines int, parts ...string) {
		t.Helper()
		for range 3 {
			w.lists()
		}
		if set, _ := a.current.get(); len(set.Addr(addrOf("198.51.100.7"))) > 0 != listed {
			t.Errorf("it is listed: %v", !listed)
		}
		got := log.String()
		log.Reset()
		if strings.Count(got, "\n") != lines {
			t.Errorf("want %d lines:\n%s", lines, got)
		}
		for _, p := range parts {
			if !strings.Contains(got, p) {
				t.Errorf("%q is not in:\n%s", p, got)
			}
		}
	}
	look(true, 0) // it is as the start read it
	write(t, list, "198.51.100.7\nnonsense line\n198.51.100.9\n")
	look(true, 2, "level=WARN", "bad.txt: line 2", "this line is left out", "in force; correct or delete", `lists="ours (2 entries)"`)
	write(t, list, "198.51.100.8\nother nonsense line\n10.0.0.0/33\n")
	look(true, 1, "level=WARN", "2 lines are faulty, most of the list", "what it said at 2")
	write(t, list, "198.51.100.7\nnonsense line\n198.51.100.9\n")
	look(true, 1, "bad.txt: line 2")
	write(t, list, "198.51.100.7\n198.51.100.9\n")
	look(true, 1, `lists="ours (2 entries)"`)
	if err := os.RemoveAll(keptDir(c)); err != nil {
		t.Fatal(err)
	}
	write(t, list, "<html>")
	look(true, 1, "level=ERROR", "web page", "stay as they were")
	write(t, list, "198.51.100.7\n198.51.100.9\n")
	look(true, 1, "can be read again")
	write(t, list, "198.51.100.8\n")
	look(false, 1, `lists="ours (1 entries)"`)
	later := begin
	if err := os.Chtimes(list, later, later); err != nil {
		t.Fatal(err)
	}
	look(false, 0)
}

// cityFile is a database that has one network in a city.
func cityFile(t *testing.T, city string) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", IncludeReservedNetworks: true, Languages: []string{"en"}})
	if err != nil {
		t.Fatal(err)
	}
	name := func(s string) mmdbtype.Map { return mmdbtype.Map{"en": mmdbtype.String(s)} }
	_, network, err := net.ParseCIDR("198.51.100.0/24")
	if err == nil {
		err = tree.Insert(network, mmdbtype.Map{
			"country":  mmdbtype.Map{"iso_code": mmdbtype.String("DE"), "names": name("Germany")},
			"city":     mmdbtype.Map{"names": name(city)},
			"location": mmdbtype.Map{"latitude": mmdbtype.Float64(52.5), "longitude": mmdbtype.Float64(13.25)},
		})
	}
	var b bytes.Buffer
	if err == nil {
		_, err = tree.WriteTo(&b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGeoOfARunningServer: findings say where an address is, by the database
// that is mounted; a new one is taken up; a damaged one leaves the old in use.
func TestGeoOfARunningServer(t *testing.T) {
	t.Parallel()
	folder, log := t.TempDir(), &logged{}
	path := filepath.Join(folder, "city.mmdb")
	replace := func(data []byte) {
		t.Helper()
		write(t, path+".new", string(data))
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	replace(cityFile(t, "Berlin"))
	a := startLogging(t, t.TempDir(), log, func(c *config.Config) {
		c.Intelligence.Feeds.Enabled = false
		c.Intelligence.Geo.City = path
	})
	where := func(n int) finding.RemoteIPDetails {
		t.Helper()
		pushFlows(t, a, flowLine(n, "198.51.100.243", begin)) // of the built-in test list
		for _, f := range stored(t, a) {
			if f.Resource.InstanceDetails.NetworkInterfaces[0].NetworkInterfaceID == fmt.Sprintf("eni-%017x", n) {
				return *f.Service.Action.NetworkConnectionAction.RemoteIPDetails
			}
		}
		t.Fatal("no finding")
		return finding.RemoteIPDetails{}
	}
	d := where(1)
	if d.City == nil || d.City.CityName != "Berlin" || d.Country.CountryName != "Germany" || d.GeoLocation.Lat != 52.5 || d.GeoLocation.Lon != 13.25 {
		t.Errorf("%+v", d)
	}
	replace(cityFile(t, "Potsdam"))
	cityIs := func(city string) func() bool {
		return func() bool { _, place := a.current.get(); return place.Lookup(addrOf("198.51.100.243")).City == city }
	}
	until(t, "the new database is in use", cityIs("Potsdam"))
	if d := where(2); d.City.CityName != "Potsdam" {
		t.Errorf("%+v", d)
	}
	replace([]byte("no database"))
	until(t, "the damage is told", func() bool { return strings.Contains(log.String(), "level=ERROR") })
	if d := where(3); d.City.CityName != "Potsdam" {
		t.Errorf("%+v", d)
	}
	replace(cityFile(t, "Jena"))
	until(t, "a good one is in use", cityIs("Jena"))
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("one damaged database is told of %d times:\n%s", n, log)
	}
}
