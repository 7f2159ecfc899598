package finding

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// foldedAt is the i-th finding of a flood: somebody opens a shell in one pod
// after the other.
func foldedAt(i int) *Signal {
	s := signalAt(i)
	s.Key, s.Title, s.Actor.Username = fmt.Sprintf("pod %d", i%30), fmt.Sprintf("A shell in pod %d.", i%30), "ci"
	s.Description = "The user ci opened a shell."
	s.Action.KubernetesAPICallAction = &KubernetesAPICallAction{Verb: "create", Resource: "pods", Namespace: "kube-system", ResourceName: fmt.Sprintf("pod-%d", i%30)}
	return s
}

var fold = Fold{Day: "2026-01-02", By: Entity{"user", "ci"}, Budget: 50}

func addFolded(t *testing.T, r *Record, s *Signal) *Record {
	t.Helper()
	part := fold.Signal(s)
	if r == nil {
		r = NewRecord(part)
	} else if !r.Add(part) {
		t.Fatalf("a finding that is new says nothing new: %s", s.Key)
	}
	r.AddFolded(s, &fold)
	return r
}

// TestAggregateTells: what the finding says that stands for many.
func TestAggregateTells(t *testing.T) {
	var r *Record
	for i := range 90 {
		r = addFolded(t, r, foldedAt(i))
	}
	r.Tell()
	f := r.Finding
	if want := "A shell in pod 29, and 29 more like it"; f.Title != want {
		t.Errorf("title %q, want %q", f.Title, want)
	}
	for _, want := range []string{"The user ci opened a shell. This finding stands for 30 findings about user ci on 2026-01-02",
		"than its budget of 50 a day", "Most often they name object pods kube-system/pod-0 (3), object", "detection.noise"} {
		if !strings.Contains(f.Description, want) {
			t.Errorf("no %q in %q", want, f.Description)
		}
	}
	if f.Service.Count != 90 || f.Severity != 5 || f.Type != signalAt(0).Type {
		t.Errorf("count %d, severity %v, type %s", f.Service.Count, f.Severity, f.Type)
	}
	var info struct {
		Aggregate aggregate `json:"aggregate"`
		Evidence  evidence  `json:"evidence"`
	}
	if err := json.Unmarshal([]byte(f.Service.AdditionalInfo.Value), &info); err != nil {
		t.Fatal(err)
	}
	a := info.Aggregate
	if a.Findings != 30 || a.Approximate || a.Day != "2026-01-02" || a.Budget != 50 || *a.By != fold.By || a.Type != f.Type {
		t.Errorf("%+v", a)
	}
	if len(a.Entities) != topEntities || a.Entities[0].Count != 3 || a.Others == nil || a.Others.Entities != 10 || len(a.Others.Names) != 10 || a.Others.Count != 30 {
		t.Errorf("entities %+v, others %+v", a.Entities, a.Others)
	}
	if n := len(info.Evidence.Records); n != 2*maxEvidenceEnds || info.Evidence.Records[0].AuditID != "id 0" {
		t.Errorf("%d records are kept as evidence: %+v", n, info.Evidence.Records)
	}
}

// TestAggregateIgnoresOrder: whatever came first, and however often it was read
// from a store in between, the finding that stands for many says the same.
func TestAggregateIgnoresOrder(t *testing.T) {
	order := make([]int, 120)
	for i := range order {
		order[i] = i
	}
	var want string
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 10 {
		var r *Record
		for n, i := range order {
			r = addFolded(t, r, foldedAt(i))
			if round%2 == 1 && n%7 == 0 {
				r = throughJSON(t, r)
			}
		}
		r.Tell()
		if round%2 == 1 {
			r = throughJSON(t, r)
		}
		for _, i := range order {
			if s := foldedAt(i); r.Add(fold.Signal(s)) {
				t.Fatal("an occurrence counted twice")
			}
		}
		r.Finding.ID, r.Finding.ARN = "", ""
		b, err := json.Marshal(r.Finding)
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			want = string(b)
		} else if string(b) != want {
			t.Fatalf("round %d:\n%s\n%s", round, b, want)
		}
		rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
}

// throughJSON is a record as a store gives it back.
func throughJSON(t *testing.T, r *Record) *Record {
	t.Helper()
	r.Tell()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	out := &Record{}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAggregateIsBounded: an attacker who names ever new things does not make a
// finding grow without end.
func TestAggregateIsBounded(t *testing.T) {
	var r *Record
	for i := range 5000 {
		s := foldedAt(i)
		s.Key = fmt.Sprint(i)
		s.Action.KubernetesAPICallAction.ResourceName = strings.Repeat("é", 400) + fmt.Sprint(i)
		if i%2 == 0 {
			s.Action.KubernetesAPICallAction.ResourceName = fmt.Sprint(i)
		}
		r = addFolded(t, r, s)
	}
	r.Tell()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 100<<10 {
		t.Errorf("%d bytes", len(b))
	}
	n, about := r.Merge.Folded.size(5000)
	if !about || n < 4500 || n > 5000 {
		t.Errorf("%d findings of 5000, about %v", n, about)
	}
	if want := fmt.Sprintf("and about %d more like it", n-1); !strings.HasSuffix(r.Finding.Title, want) {
		t.Errorf("title %q, want …%q", r.Finding.Title, want)
	}
	o := r.Merge.Folded.info("T", 5000).Others
	named := int64(0)
	for _, e := range r.Merge.Folded.top(topEntities) {
		named += e.Count
	}
	if o.Count+named != 5000 || len(o.Names) != maxFoldedEntities-topEntities {
		t.Errorf("others %d and the top ones %d; %d names", o.Count, named, len(o.Names))
	}
}

// TestAggregatesApart: what is of another severity, day, entity, rule, or
// hidden, is another finding.
func TestAggregatesApart(t *testing.T) {
	base := foldedAt(0)
	severe, ruled := *base, *base
	severe.Severity, ruled.Rule = 8, "a rule"
	day, by, hidden, many := fold, fold, fold, fold
	day.Day, by.By, hidden.Suppressed, many.By = "2026-01-03", Entity{"user", "bob"}, true, Entity{}
	seen := map[string]bool{base.Identity(): true}
	for i, id := range []string{
		fold.Signal(base).Identity(), fold.Signal(&severe).Identity(), fold.Signal(&ruled).Identity(),
		day.Signal(base).Identity(), by.Signal(base).Identity(), hidden.Signal(base).Identity(), many.Signal(base).Identity(),
	} {
		if seen[id] {
			t.Errorf("case %d is the same finding as another: %q", i, id)
		}
		seen[id] = true
	}
}

func TestSample(t *testing.T) {
	for _, n := range []int{0, 1, 500, maxFoldedIDs - 1, 3000, 100_000} {
		var s sample
		for i := range n {
			s.add(shortID(fmt.Sprint(i)))
			s.add(shortID(fmt.Sprint(i / 2)))
		}
		got, about := s.size()
		if about != (n >= maxFoldedIDs) || !about && got != int64(n) || got < int64(n)*9/10 || got > int64(n)*11/10 {
			t.Errorf("%d things: %d, about %v", n, got, about)
		}
	}
}

// FuzzSample: what is no sample is refused, what is one is written as it was read.
func FuzzSample(f *testing.F) {
	f.Add("AAAAAAAAAAE=")
	f.Add("")
	f.Add("AAAAAAAAAAIAAAAAAAAAAQ==")
	f.Fuzz(func(t *testing.T, text string) {
		var s, again sample
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		b, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalText(b); err != nil || fmt.Sprint(again.ids) != fmt.Sprint(s.ids) {
			t.Errorf("%q became %q: %v", text, b, err)
		}
		s.add(7)
	})
}

func TestWithoutSuffix(t *testing.T) {
	for pod, want := range map[string]string{
		"shop/web-7d9f8c6b54-x2k9p": "shop/web", "shop/web-x2k9p": "shop/web", "shop/backup-28374650-x2k9p": "shop/backup",
		"shop/db-0": "shop/db-0", "shop/web-nginx": "shop/web-nginx", "shop/web-proxy": "shop/web-proxy", "shop/web": "shop/web", "x2k9p": "x2k9p", "": "",
		"shop/cache-7d9f8c6b54": "shop/cache-7d9f8c6b54",
	} {
		if got := withoutSuffix(pod); got != want {
			t.Errorf("%s: %s, want %s", pod, got, want)
		}
	}
}

func TestWithoutSession(t *testing.T) {
	const role = "arn:aws:sts::111122223333:assumed-role/ci"
	for arn, want := range map[string]string{
		role + "/botocore-session-1690000000": role, role + "/alice@example.com": role + "/alice@example.com", role + "/alice": role + "/alice",
		role + "/i-0123456789abcdef0": role + "/i-0123456789abcdef0", "arn:aws:iam::111122223333:user/team7/bob": "arn:aws:iam::111122223333:user/team7/bob",
		"arn:aws:iam::111122223333:root": "arn:aws:iam::111122223333:root",
	} {
		if got := withoutSession(arn); got != want {
			t.Errorf("%s: %s, want %s", arn, got, want)
		}
	}
}

// TestFoldsBy: whoever is ours speaks for himself; a stranger may be told of
// with what he did it to.
func TestFoldsBy(t *testing.T) {
	remote := &RemoteIPDetails{IPAddressV4: "203.0.113.9"}
	instance := Resource{InstanceDetails: &InstanceDetails{InstanceID: "i-1"}}
	kube := func(user, arn string) *Signal {
		return &Signal{
			Actor:    Actor{Username: user, PrincipalARN: arn, SourceIPs: []string{"203.0.113.9"}},
			Action:   Action{KubernetesAPICallAction: &KubernetesAPICallAction{Resource: "pods", Namespace: "shop", ResourceName: "web", RemoteIPDetails: remote}},
			Resource: Resource{KubernetesDetails: &KubernetesDetails{KubernetesWorkloadDetails: &KubernetesWorkloadDetails{Namespace: "shop", Name: "web"}}},
		}
	}
	for name, c := range map[string]struct {
		s        *Signal
		folds    string
		affected string
	}{
		"a user of a cluster":      {kube("bob", ""), "[{user bob}]", "{workload shop/web}"},
		"a principal in a cluster": {kube("admin", "arn:aws:sts::1:assumed-role/a/bob"), "[{principal arn:aws:sts::1:assumed-role/a/bob}]", "{workload shop/web}"},
		"anonymous":                {kube("system:anonymous", ""), "[{address 203.0.113.9} {workload shop/web}]", "{workload shop/web}"},
		"a pod":                    {&Signal{Actor: Actor{Pod: "shop/web-x2k9p", Node: "n", Process: "sh"}, Action: Action{DNSRequestAction: &DNSRequestAction{Domain: "evil.example"}}}, "[{workload shop/web}]", "{domain evil.example}"},
		"a node":                   {&Signal{Actor: Actor{Node: "n", Process: "sh"}, Resource: instance}, "[{node n}]", "{ }"},
		"an instance that acts":    {&Signal{Role: "ACTOR", Resource: instance, Action: Action{NetworkConnectionAction: &NetworkConnectionAction{RemoteIPDetails: remote}}}, "[{instance i-1}]", "{address 203.0.113.9}"},
		"an instance that suffers": {&Signal{Resource: instance, Action: Action{NetworkConnectionAction: &NetworkConnectionAction{RemoteIPDetails: remote}}}, "[{address 203.0.113.9} {instance i-1}]", "{instance i-1}"},
		"a caller of AWS":          {&Signal{Actor: Actor{Username: "bob", PrincipalARN: "arn:aws:iam::1:user/bob"}, Resource: Resource{S3BucketDetails: []S3BucketDetail{{Name: "b"}}}}, "[{principal arn:aws:iam::1:user/bob}]", "{bucket b}"},
		"nobody that can be named": {&Signal{}, "[]", "{ }"},
	} {
		if got := fmt.Sprint(c.s.FoldsBy()); got != c.folds {
			t.Errorf("%s: folds by %s, want %s", name, got, c.folds)
		}
		if got := fmt.Sprint(c.s.Affected()); got != c.affected {
			t.Errorf("%s: affects %s, want %s", name, got, c.affected)
		}
	}
}
