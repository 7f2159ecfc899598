package detect

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

// TestJudgeQuestion: a question that no query log has is judged as those that
// one has, with answers as a list.
func TestJudgeQuestion(t *testing.T) {
	state, set := newDNSState("container-dns"), intel.Builtin()
	ask := func(at time.Duration, name, data string) (out []string) {
		q := &dnsQuestion{
			name: name, typ: "A", rcode: "NOERROR", time: t0.Add(at), asker: dnsAsker{id: "container-1"},
			answers: dnsAnswers{list: []event.Answer{{Data: data, Type: "A", Class: "IN"}}},
		}
		for _, v := range state.judge(set, q) {
			var s finding.Signal
			v.tell(&s, "the container shop")
			if !strings.HasPrefix(s.Title, "The container shop asks for "+name) || !strings.HasPrefix(s.Description, "The container shop asked for ") || s.Why == "" {
				t.Errorf("%+v", s)
			}
			if _, ok := finding.Lookup(v.typ("Runtime")); !ok {
				t.Errorf("no finding type %s", v.typ("Runtime"))
			}
			out = append(out, v.typ("Runtime")+" "+s.Role+" "+v.about)
		}
		return out
	}
	if got := ask(0, "", "203.0.113.7"); got != nil {
		t.Error(got)
	}
	for i := range newDays {
		if got := ask(time.Duration(i)*day, "orders.shop.example", "203.0.113.7"); got != nil {
			t.Error(got)
		}
	}
	const at = newDays * day
	for name, want := range map[string]string{
		"c2.guarddutyc2activityb.com": "[Backdoor:Runtime/C&CActivity.B!DNS ACTOR c2.guarddutyc2activityb.com]",
		"a.x7f3k9.duckdns.org":        "[Impact:Runtime/AbusedDomainRequest.Reputation ACTOR x7f3k9.duckdns.org]",
		"fine.example.org":            "[]",
	} {
		if got := fmt.Sprint(ask(at, name, "203.0.113.7")); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := fmt.Sprint(ask(at, "rebound.example.org", metadata4)); got != "[UnauthorizedAccess:Runtime/MetadataDNSRebind TARGET rebound.example.org]" {
		t.Error(got)
	}
	names := map[string]bool{}
	for _, m := range state.memories() {
		if !strings.HasPrefix(m.name(), "container-dns-") || names[m.name()] {
			t.Errorf("table %s", m.name())
		}
		names[m.name()] = true
	}
}
