package sequence

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestChains: from the pod that was broken into to the object that was read, by
// way of what IAM knows of its service account.
func TestChains(t *testing.T) {
	const pod, account, subject = "pod:1/r/c/shop/web", "serviceaccount:1/r/c/shop/web", "subject:1/shop/web"
	const role, session, key = "role:arn:aws:iam::1:role/web", "principal:AROA:web", "key:ASIA"
	link := func(from, to, how string) *Edge {
		e := edge(from, to, 0, false)
		e.How = how
		return e
	}
	read := strong(exfiltrate, session, time.Hour)
	read.Entities = append(read.Entities, key)
	read.Touched = []Entity{"bucket:reports"}
	byRole := strong(escalates, role, time.Hour)
	byRole.Entities = append(byRole.Entities, "principal:AROA:other")
	entries := []any{
		strong("Execution:Runtime/ReverseShell", pod, 0), weak("ClusterSecretsRead", account, time.Minute), read, byRole,
		link(pod, account, "runs as"), link(account, role, "has the role"), link(subject, session, "took the role of"), link(subject, key, "got the session"),
	}
	want := []string{
		"pod shop/web → runs as service account shop/web → got the session access key ASIA: " + exfiltrate + " → bucket reports",
		"pod shop/web → runs as service account shop/web → has the role web → in the session AROA:other: " + escalates,
		"pod shop/web → runs as service account shop/web → took the role of principal AROA:web: " + exfiltrate + " → bucket reports",
	}
	list := Find(bookOf(entries...), Options{})
	if len(list) != 1 {
		t.Fatalf("%d sequences", len(list))
	}
	got := list[0].Chains()
	slices.Sort(got)
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestChainsEnd: links that lead in a circle, or everywhere, are told of in few
// words.
func TestChainsEnd(t *testing.T) {
	s := &Sequence{}
	for i := range 40 {
		for j := range 40 {
			s.Path = append(s.Path, edge(fmt.Sprint("principal:", i), fmt.Sprint("principal:", j), 0, false))
		}
	}
	if got := s.Chains(); len(got) != 0 {
		t.Errorf("%d chains of a circle", len(got))
	}
	s.Path = append(s.Path, edge("pod:1/r/c/n/p", "principal:0", 0, false))
	if got := s.Chains(); len(got) == 0 || len(got) > maxChains || len(got[0]) > 8000 {
		t.Errorf("%d chains", len(got))
	}
}
