package story

import (
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// TestWho: of an actor is said what is known, and nothing around what is not.
func TestWho(t *testing.T) {
	for _, tc := range []struct {
		actor finding.Actor
		want  string
	}{
		{finding.Actor{Username: "eve", SourceIPs: []string{"203.0.113.7", "10.0.0.1"}, UserAgent: "kubectl"}, "eve from 203.0.113.7, 10.0.0.1 with kubectl"},
		{finding.Actor{Username: "eve"}, "eve"},
		{finding.Actor{SourceIPs: []string{"203.0.113.7"}}, "from 203.0.113.7"},
		{finding.Actor{Count: 3, FirstSeen: time.Unix(0, 0)}, ""},
	} {
		if got := Who(tc.actor); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.actor, got, tc.want)
		}
	}
	if got := Words("", "0a1b", "", "at", "noon"); got != "0a1b at noon" {
		t.Error(got)
	}
}

func TestSentence(t *testing.T) {
	seen := func(count int64, first, last string) *finding.Finding {
		return &finding.Finding{Title: "A title", Description: "Eve ran sh", Service: &finding.Service{Count: count, EventFirstSeen: first, EventLastSeen: last}}
	}
	two := Info{Actors: make([]finding.Actor, 2), MoreActors: 1}
	for _, tc := range []struct {
		f    *finding.Finding
		info Info
		want string
	}{
		{seen(1, "2026-03-01T10:00:00.000Z", "2026-03-01T10:00:00.000Z"), Info{}, "Eve ran sh. It was seen once, at 2026-03-01 10:00:00 UTC."},
		{seen(2, "2026-03-01T10:00:00.000Z", "2026-03-01T10:00:00.000Z"), Info{}, "Eve ran sh. It was seen twice, at 2026-03-01 10:00:00 UTC."},
		{seen(7, "2026-03-01T10:00:00.000Z", "2026-03-02T10:00:00.000Z"), two,
			"Eve ran sh. It was seen 7 times between 2026-03-01 10:00:00 UTC and 2026-03-02 10:00:00 UTC, by 3 actors."},
		{&finding.Finding{Title: "A title"}, Info{}, "A title."},
		{&finding.Finding{}, Info{}, ""},
	} {
		if got := Sentence(tc.f, tc.info); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

// TestOf: what detection writes is read, and what others write does no harm.
func TestOf(t *testing.T) {
	of := func(value string) Info {
		return Of(&finding.Finding{Service: &finding.Service{AdditionalInfo: &finding.ServiceAdditionalInfo{Value: value}}})
	}
	i := of(`{"evidence": {"why": "because", "actors": [{"username": "eve"}], "moreActors": 4, "records": [{"auditID": "a"}]}, "unusual": {"port": 1}}`)
	if i.Why != "because" || len(i.Actors) != 1 || i.MoreActors != 4 || len(i.Records) != 1 || string(i.Members["unusual"]) != `{"port": 1}` {
		t.Errorf("%+v", i)
	}
	if i := of(`{"why": "stages", "score": 8}`); i.Why != "stages" {
		t.Errorf("%+v", i)
	}
	for _, odd := range []string{"", "x", "[]", `{"evidence": 1}`, `{"evidence": {"actors": {}}}`} {
		if i := of(odd); i.Why != "" || len(i.Actors) > 0 {
			t.Errorf("%q: %+v", odd, i)
		}
	}
	if i := Of(&finding.Finding{}); i.Members != nil {
		t.Errorf("%+v", i)
	}
}
