package app

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
)

// decoded are the events of log files, in the order of the files. They share
// no buffer.
func decoded(t testing.TB, o ScanOptions) []event.Event {
	t.Helper()
	var d decode.Decoder
	var id detect.Identifier
	var out []event.Event
	for _, p := range o.Paths {
		in, err := ingest.Open(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		f := ingest.NewFramer(in, ingest.NewPool(1))
		for {
			c := event.Chunk{Stream: p, Received: in.Modified, Scope: o.Scope}
			if err := f.Next(&c); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			b := &decode.Batch{}
			d.Decode(&c, b)
			id.Identify(&b.Batch)
			out = append(out, b.Events...)
		}
		in.Close()
	}
	return out
}

// byTime are events in the order of their times.
func byTime(events []event.Event) []event.Event {
	return slices.SortedStableFunc(slices.Values(events), func(a, b event.Event) int { return a.Time.Compare(b.Time) })
}

// disorder puts events in an order in which each comes at most as much after
// one that is younger as its source allows: flow records and queries a minute,
// and calls what is given.
func disorder(events []event.Event, calls time.Duration, rnd *rand.Rand) []event.Event {
	type arrival struct {
		at time.Time
		ev event.Event
	}
	all := make([]arrival, len(events))
	for i, ev := range events {
		bound := 60 * time.Second
		if ev.Trail != nil {
			bound = calls
		}
		all[i] = arrival{ev.Time.Add(time.Duration(rnd.Int64N(int64(bound) + 1))), ev}
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return a.at.Compare(b.at) })
	out := make([]event.Event, len(all))
	for i := range all {
		out[i] = all[i].ev
	}
	return out
}

// found are findings by type and key, with their counts.
func found(t testing.TB, o detect.Options, events []event.Event) map[string]int64 {
	t.Helper()
	m := memory{}
	res := detect.New(o).Process(&event.Batch{Stream: "s", Events: events})
	g := governor{in: m}
	for _, s := range res.Signals {
		if _, err := g.apply(s); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]int64{}
	for identity, r := range m {
		out[identity] = r.Finding.Service.Count
	}
	return out
}

const (
	disorders  = 12 // tried of each log
	callsBound = 15 * time.Minute
)

// TestOrderOfFlowsAndQueries: flow records and queries give the same findings,
// with the same counts, in any order within their bound.
func TestOrderOfFlowsAndQueries(t *testing.T) {
	t.Parallel()
	scenarios(t, func(t *testing.T, path string, a *txtar.Archive) {
		if kind := filepath.Base(filepath.Dir(path)); kind == "flow" || kind == "dns" {
			sameInAnyOrder(t, inputs(t, a), 0)
		}
	})
	for name, write := range map[string]func(io.Writer){
		"attacks/flow": longAttacks, "attacks/dns": longTunnel,
		"busy/flow": func(w io.Writer) { flowLog(w, rand.New(rand.NewPCG(1, 2)), 30_000) },
		"busy/dns":  func(w io.Writer) { queryLog(w, rand.New(rand.NewPCG(1, 2)), 10_000) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			write(f)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			n := sameInAnyOrder(t, scanOptions(t, []string{path}), 0)
			if attack := strings.HasPrefix(name, "attacks"); attack != (n > 0) {
				t.Errorf("%d findings", n)
			}
		})
	}
}

func sameInAnyOrder(t *testing.T, o ScanOptions, calls time.Duration) (findings int) {
	t.Helper()
	events := byTime(decoded(t, o))
	want := found(t, o.Detect, events)
	for i := range uint64(disorders) {
		if d := cmp.Diff(want, found(t, o.Detect, disorder(events, calls, rand.New(rand.NewPCG(3, i))))); d != "" {
			t.Fatalf("disorder %d (- in order, + in disorder):\n%s", i, d)
		}
	}
	return len(want)
}

// unordered are the scenarios in which a CloudTrail record excuses another by
// what it says of the time before. Where it comes later, a verdict that was
// right by what was known stands.
var unordered = map[string]string{
	"machines-that-move":          "a call from the new address comes before StartInstances or AssociateAddress",
	"machines-behind-nat":         "a node changes its address before others are known to call from there",
	"trails-set-up-and-kept":      "what a trail shall record comes before CreateTrail",
	"trails-weakened":             "a bucket is deleted before it is known that it is a trail's",
	"public-access-blocked":       "a bucket is opened before it is known to be new",
	"credentials-at-other-clouds": "a second address is seen while no other machine of the account is known",
	"anomalous-calls":             "unusual calls of an hour add up, and each is told of from where the sum is enough",
	"stolen-credentials":          "the thief's calls count more than once while it is not known which address is the machine's",
}

// mayMiss are those of them in which a finding itself waits for what was before:
// whose bucket it is, that the machine is not the only one, or that it is a function.
var mayMiss = map[string]bool{"trails-weakened": true, "credentials-at-other-clouds": true, "stolen-credentials": true}

// TestOrderOfCalls: CloudTrail's records give the same findings, with the same
// counts, in any order within fifteen minutes, but in the scenarios of unordered;
// and there all findings, but in those of mayMiss.
func TestOrderOfCalls(t *testing.T) {
	t.Parallel()
	scenarios(t, func(t *testing.T, path string, a *txtar.Archive) {
		if filepath.Base(filepath.Dir(path)) != "cloudtrail" {
			return
		}
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		if unordered[name] == "" {
			sameInAnyOrder(t, inputs(t, a), callsBound)
			return
		}
		o := inputs(t, a)
		events := byTime(decoded(t, o))
		want, differs := found(t, o.Detect, events), false
		for i := range uint64(4 * disorders) {
			got := found(t, o.Detect, disorder(events, callsBound, rand.New(rand.NewPCG(3, i))))
			differs = differs || !maps.Equal(want, got)
			for identity := range want {
				if got[identity] == 0 && !mayMiss[name] {
					t.Errorf("disorder %d: %q is not found", i, identity)
				}
			}
		}
		if !differs {
			t.Error("the order does not matter any more: take the scenario out of the list")
		}
	})
}

// longAttacks are attacks that go on for many times what a finding takes.
func longAttacks(w io.Writer) {
	fmt.Fprintln(w, "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags")
	line := func(eni int, src, dst string, from, to, proto, packets, bytes, at, flags int) {
		fmt.Fprintf(w, "5 111122223333 eni-%017x %s %s %d %d %d %d %d %d %d ACCEPT OK %d\n", eni, src, dst, from, to, proto, packets, bytes, benchStart+at, benchStart+at+20, flags)
	}
	for i := range 400 { // passwords, guessed from outside and inside
		line(1, "198.51.100.7", "10.0.0.5", 30000+i, 22, 6, 12, 2300, 3*i, 3)
		line(1, "10.0.0.5", "198.51.100.7", 22, 30000+i, 6, 12, 2600, 3*i, 19)
		line(6, "10.0.0.10", "10.0.0.11", 30000+i, 22, 6, 12, 2300, 3*i, 3)
	}
	for i := range 300 { // a port scan, and sweeps
		line(2, "10.0.0.6", "203.0.113.9", 40000+i, 20+i, 6, 1, 44, 2*i, 2)
		line(3, "10.0.0.7", fmt.Sprintf("203.0.113.%d", i%250+1), 40000+i, 23+i/250, 6, 1, 44, 2*i, 2)
	}
	for i := range 100 { // a flood, and spam
		line(4, "10.0.0.8", "203.0.113.77", 40000+i, 9999, 17, 1_200_000, 120_000_000, 10*i, 0)
		host := fmt.Sprintf("203.0.113.%d", i+1)
		line(5, "10.0.0.9", host, 40000+i, 25, 6, 14, 2300, 10*i, 3)
		line(5, host, "10.0.0.9", 25, 40000+i, 6, 14, 2300, 10*i, 19)
	}
}

// longTunnel is data in names for twenty minutes.
func longTunnel(w io.Writer) {
	for i := range 600 {
		fmt.Fprintf(w, `{"version":"1.100000","account_id":"111122223333","region":"eu-central-1","vpc_id":"vpc-0a1b2c3d4e5f60718","query_timestamp":%q,"query_name":"%040x.t.example.net.",`+
			`"query_type":"TXT","query_class":"IN","rcode":"NOERROR","answers":[],"srcaddr":"10.0.0.5","srcport":"4000","transport":"UDP","srcids":{"instance":"i-0a1b2c3d4e5f60718"}}`+"\n",
			time.Unix(benchStart+2*int64(i), 0).UTC().Format(time.RFC3339), i*7919)
	}
}
