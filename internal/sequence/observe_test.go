package sequence

import (
	"fmt"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// TestHints: what detection hints at is a weak signal of the machine, or of the
// workload and all that its pod leads to.
func TestHints(t *testing.T) {
	scope := event.Scope{Account: "1", Region: "r", Cluster: "c"}
	pod := &event.Pod{Namespace: "shop", Name: "web-6b8d5c7f94-x2k4p", OwnerKind: "ReplicaSet", OwnerName: "web-6b8d5c7f94", ServiceAccount: "web"}
	for _, c := range []struct {
		hint, instance string
		ev             event.Event
		want           string
		edges          int
	}{
		{"RegularCalls", "i-0123456789abcdef0", event.Event{Flow: &event.Flow{}}, "RegularCalls instance:i-0123456789abcdef0 FLOW_LOGS [instance:i-0123456789abcdef0]", 0},
		{"RegularCalls", "", event.Event{Flow: &event.Flow{}}, "", 0},
		{"NamesDrawn", "i-0123456789abcdef0", event.Event{Query: &event.Query{}}, "NamesDrawn instance:i-0123456789abcdef0 DNS_LOGS [instance:i-0123456789abcdef0]", 0},
		{"ProgramNew", "", event.Event{Runtime: &event.Runtime{Pod: pod, Node: event.Node{Name: "n", InstanceID: "i-0123456789abcdef0"}}},
			"ProgramNew workload:1/r/c/shop/Deployment/web RUNTIME_MONITORING [pod:1/r/c/shop/web-6b8d5c7f94-x2k4p serviceaccount:1/r/c/shop/web workload:1/r/c/shop/Deployment/web]", 2},
		{"ProgramNew", "", event.Event{Runtime: &event.Runtime{Pod: &event.Pod{Namespace: "shop", Name: "job"}, Node: event.Node{Name: "n"}}},
			"ProgramNew pod:1/r/c/shop/job RUNTIME_MONITORING [pod:1/r/c/shop/job]", 0},
		{"ProgramNew", "", event.Event{Runtime: &event.Runtime{Node: event.Node{Name: "n"}}}, "ProgramNew node:1/r/c/n RUNTIME_MONITORING [node:1/r/c/n]", 0},
		{"NoSuchHint", "i-0123456789abcdef0", event.Event{Flow: &event.Flow{}}, "", 0},
	} {
		b := NewBook(Builtin())
		c.ev.Time, c.ev.Scope = start, scope
		b.Hint(c.hint, &c.ev, "record", c.instance, "what")
		got := ""
		for _, n := range b.Notes() {
			got += fmt.Sprint(n.Name, " ", n.Who, " ", n.Source, " ", n.Entities)
			if n.Strong() || fmt.Sprint(n.Records, n.Names) != "[record] [what]" {
				t.Errorf("%s: %+v", c.hint, n)
			}
			if _, ok := b.rules.step(n); !ok {
				t.Errorf("%s is no step", c.hint)
			}
		}
		if got != c.want || len(b.Edges()) != c.edges {
			t.Errorf("%s: %q and %d edges, want %q and %d", c.hint, got, len(b.Edges()), c.want, c.edges)
		}
	}
}

// TestAddresses: an address of the internet is one entity wherever it calls, one
// of a private network is another in each cluster.
func TestAddresses(t *testing.T) {
	for ip, same := range map[string]bool{
		"203.0.113.9": true, "2001:db8::1": true, "10.0.0.7": false, "192.168.1.1": false, "::1": false, "fe80::1": false, "::ffff:10.0.0.7": false, "nonsense": false,
	} {
		if got := addressOf(ip, "1/r/a") == addressOf(ip, "1/r/b"); got != same {
			t.Errorf("%s is one in two clusters: %v", ip, got)
		}
	}
}
