package app

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/simulate"
)

// evidenceIn is the evidence of a finding.
func evidenceIn(f *finding.Finding) (info struct {
	InRetrospect map[string]any
	Evidence     struct {
		Why     string
		Actors  []finding.Actor
		Records []finding.EvidenceRecord
	}
}) {
	if f.Service.AdditionalInfo != nil {
		_ = json.Unmarshal([]byte(f.Service.AdditionalInfo.Value), &info) // what is not there stays empty
	}
	return info
}

func peersIn(f *finding.Finding) (out []netip.Addr) {
	for _, a := range evidenceIn(f).Evidence.Actors {
		for _, ip := range a.SourceIPs {
			if a, err := netip.ParseAddr(ip); err == nil {
				out = append(out, a)
			}
		}
	}
	return out
}

func askedIn(f *finding.Finding) []string {
	if a := f.Service.Action.DNSRequestAction; a != nil {
		return []string{a.Domain}
	}
	return nil
}

// ofLists reports whether the past is searched for a type: those that lists
// alone decide, but for port probes and what processes did.
func ofLists(typ string) bool {
	t, _ := finding.Lookup(typ)
	return t.Detector == "intel" && !strings.HasPrefix(typ, "Recon:EC2/PortProbe") && t.Source != "runtime"
}

// simulatedOfLists are the records of those types, hours apart.
func simulatedOfLists(t testing.TB) (out []simulated) {
	at := time.Date(2026, 5, 1, 0, 30, 0, 0, time.UTC)
	for _, typ := range simulate.Types() {
		if !ofLists(typ) {
			continue
		}
		known, _ := finding.Lookup(typ)
		lines, err := simulate.Records(typ, at)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, simulated{typ, known.Source, lines})
		at = at.Add(7 * time.Hour)
	}
	return out
}

func pushSimulated(b *pastBed, s *simulated) {
	sc := bedScope
	if s.path == "k8s-audit" {
		sc.Cluster = "prod"
	}
	b.push(sc, "", s.lines...)
}

// TestInRetrospectAsLive: what lists find while they have an entry, they find in
// retrospect when they get it later: the same findings, of the same things, with
// the same times and counts; with commits that fail and restarts in between.
func TestInRetrospectAsLive(t *testing.T) {
	t.Parallel()
	live := newPastBed(t, intel.Builtin())
	all := simulatedOfLists(t)
	for i := range all {
		pushSimulated(live, &all[i])
	}
	var want []string
	var entries []event.Indicator
	types := map[string]bool{}
	for _, f := range live.findings() {
		if !ofLists(f.Type) {
			continue
		}
		want, types[f.Type] = append(want, told(f)), true
		entries = append(entries, entriesOf(f)...)
	}
	for _, s := range all {
		if !types[s.typ] {
			t.Errorf("%s is not among what was found live", s.typ)
		}
	}
	for name, change := range map[string]func(*pastBed){
		"in one go":        func(*pastBed) {},
		"after restarts":   func(b *pastBed) { b.restartEvery = 3 },
		"commits that die": func(b *pastBed) { b.failEvery = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			b := newPastBed(t, nil)
			change(b)
			for i := range all {
				pushSimulated(b, &all[i])
			}
			for _, f := range b.findings() {
				if ofLists(f.Type) {
					t.Errorf("without lists there is %s", told(f))
				}
			}
			tellBoth := func() {
				cluster, global := bedScope, bedScope
				cluster.Cluster, global.Region = "prod", "us-east-1"
				for _, sc := range []event.Scope{bedScope, cluster, global} {
					b.tell(sc, entries...)
				}
			}
			tellBoth()
			check := func() {
				t.Helper()
				var got []string
				for _, f := range b.findings() {
					if !ofLists(f.Type) {
						continue
					}
					got = append(got, told(f))
					e := evidenceIn(f)
					if e.InRetrospect == nil || len(e.Evidence.Records) == 0 || e.Evidence.Records[0].Hidden == "" || e.Evidence.Records[0].Raw != "" {
						t.Errorf("%s does not say that it is about the past: %s", f.Type, f.Service.AdditionalInfo.Value)
					}
					n := int64(0)
					for _, a := range e.Evidence.Actors {
						n += a.Count
					}
					if n != f.Service.Count {
						t.Errorf("%s: %d records of actors, %d in all", told(f), n, f.Service.Count)
					}
				}
				slices.Sort(want)
				slices.Sort(got)
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("found live, and in retrospect:\n%s", d)
				}
			}
			check()
			tellBoth() // once more, it changes nothing
			b.restart()
			tellBoth()
			check()
		})
	}
}

// TestNobodyMetIt: an entry for what nobody met finds nothing, and so does one
// that an operator trusts.
func TestNobodyMetIt(t *testing.T) {
	b := newPastBed(t, trusting(t, "203.0.113.80"))
	for _, s := range simulatedOfLists(t) {
		pushSimulated(b, &s)
	}
	before := len(b.findings())
	b.tell(bedScope, event.Indicator{Category: "c2", Entry: "192.0.2.99", List: "feed"}, event.Indicator{Category: "c2", Entry: "nobody.example.org", List: "feed", Below: true},
		event.Indicator{Category: "c2", Entry: "203.0.113.80", List: "feed"}, event.Indicator{Category: "c2", Entry: "no entry", List: "feed"})
	if after := len(b.findings()); after != before {
		t.Errorf("%d findings more", after-before)
	}
}

func trusting(t *testing.T, entries ...string) *intel.Set {
	t.Helper()
	b := intel.NewBuilder()
	for _, e := range entries {
		if err := b.Trust(e); err != nil {
			t.Fatal(err)
		}
	}
	return b.Set()
}

// flowLine is a flow of an instance to a peer's port 443.
func flowLine(eni int, peer string, at time.Time) string {
	return fmt.Sprintf("2 111122223333 eni-%017x 10.0.0.%d %s 40000 443 6 10 1000 %d %d ACCEPT OK", eni, eni+1, peer, at.Unix(), at.Unix()+30)
}

// TestEntriesOneByOne: random flows and queries, some of them before and some
// after their peers came on lists, one at a time and some twice. In the end each
// finding has counted each record once, whether it was found live or later.
func TestEntriesOneByOne(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		peer := func(n int) string { return fmt.Sprintf("198.51.100.%d", n+1) }
		b := newPastBed(t, nil)
		if seed%3 == 1 {
			b.failEvery = 5
		}
		if seed%3 == 2 {
			b.restartEvery = 4
		}
		listed, met := map[int]string{}, map[string]int64{}
		span := map[string][2]int64{}
		at := begin
		times := map[string]map[int][]int64{}
		count := func(eni, p int, list string, unix ...int64) {
			key := fmt.Sprintf("eni-%017x|%s", eni, list)
			for _, u := range unix {
				met[key]++
				if s, ok := span[key]; ok {
					span[key] = [2]int64{min(s[0], u), max(s[1], u)}
				} else {
					span[key] = [2]int64{u, u}
				}
			}
		}
		for range 120 {
			switch n := rnd.IntN(10); {
			case n == 0: // a list gets a peer
				p := rnd.IntN(12)
				if listed[p] == "" {
					listed[p] = []string{"a", "b"}[rnd.IntN(2)]
					for eni, seen := range times {
						var e int
						fmt.Sscanf(eni, "%d", &e)
						count(e, p, listed[p], seen[p]...)
					}
				}
				b.opts.Intel = listing(t, listed, peer)
				b.restart() // lists are taken up before they are told
				for range 1 + rnd.IntN(2) {
					b.tell(bedScope, event.Indicator{Category: "c2", Entry: peer(p), List: listed[p]})
				}
			default:
				at = at.Add(time.Duration(1+rnd.IntN(1200)) * time.Second)
				eni, p := rnd.IntN(4), rnd.IntN(12)
				b.push(bedScope, event.VPCFlow, flowLine(eni, peer(p), at))
				key := fmt.Sprint(eni)
				if times[key] == nil {
					times[key] = map[int][]int64{}
				}
				unix := at.Unix()
				times[key][p] = append(times[key][p], unix)
				if listed[p] != "" {
					count(eni, p, listed[p], unix)
				}
			}
		}
		got, want := map[string]string{}, map[string]string{}
		for key, n := range met {
			want[key] = fmt.Sprintf("%d %s %s", n, finding.Timestamp(time.Unix(span[key][0], 0)), finding.Timestamp(time.Unix(span[key][1], 0)))
		}
		for _, f := range b.findings() {
			if f.Type != "Backdoor:EC2/C&CActivity.B" {
				continue
			}
			key := f.Resource.InstanceDetails.NetworkInterfaces[0].NetworkInterfaceID + "|" + f.Service.Evidence.ThreatIntelligenceDetails[0].ThreatListName
			got[key] = fmt.Sprintf("%d %s %s", f.Service.Count, f.Service.EventFirstSeen, f.Service.EventLastSeen)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("seed %d: met, and told:\n%s", seed, d)
		}
	}
}

func listing(t *testing.T, listed map[int]string, peer func(int) string) *intel.Set {
	t.Helper()
	b := intel.NewBuilder()
	for p, list := range listed {
		if err := b.Add(peer(p), intel.Hit{List: list, Category: intel.C2}); err != nil {
			t.Fatal(err)
		}
	}
	return b.Set()
}
