package detect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/rule"
)

// TestRuleModes: which modes apply to an account, and which of several goes first.
func TestRuleModes(t *testing.T) {
	const home, member, other = "111122223333", "444455556666", "777788889999"
	dry, live := RuleMode{DryRun: true, Home: home}, RuleMode{Home: home}
	members := func(m RuleMode, include, exclude []string) RuleMode {
		m.Members, m.Include, m.Exclude = true, include, exclude
		return m
	}
	for name, tt := range map[string]struct {
		modes []RuleMode
		dry   []string
	}{
		"none":                         {nil, nil},
		"live":                         {[]RuleMode{live}, nil},
		"dry":                          {[]RuleMode{dry}, []string{home, member, other}},
		"dry, members live":            {[]RuleMode{dry, members(live, nil, nil)}, []string{home}},
		"members live, dry":            {[]RuleMode{members(live, nil, nil), dry}, []string{home}},
		"members dry":                  {[]RuleMode{members(dry, nil, nil)}, []string{member, other}},
		"one dry":                      {[]RuleMode{members(dry, []string{member}, nil)}, []string{member}},
		"all but one dry":              {[]RuleMode{members(dry, nil, []string{member})}, []string{other}},
		"dry, but one live":            {[]RuleMode{dry, members(live, []string{member}, nil)}, []string{home, other}},
		"members dry, but one live":    {[]RuleMode{members(dry, nil, nil), members(live, []string{member}, nil)}, []string{other}},
		"one live, but members dry":    {[]RuleMode{members(live, []string{member}, nil), members(dry, nil, nil)}, []string{other}},
		"home is no member of its own": {[]RuleMode{members(dry, []string{home}, nil)}, nil},
	} {
		l := &LiveRules{Modes: map[string][]RuleMode{"r": tt.modes}}
		var got []string
		for _, account := range []string{home, member, other} {
			if l.DryRun("r", account) {
				got = append(got, account)
			}
		}
		if !slices.Equal(got, tt.dry) || l.DryRun("another", home) {
			t.Errorf("%s: dry for %v, want %v", name, got, tt.dry)
		}
	}
}

// deniedCalls are records of calls that were denied, of two users in turn.
func deniedCalls(t testing.TB, from, n int) *event.Batch {
	var records []map[string]any
	for i := from; i < from+n; i++ {
		records = append(records, map[string]any{
			"eventName": "GetThing", "eventID": fmt.Sprintf("e%d", i), "errorCode": "AccessDenied",
			"eventTime":    time.Date(2026, 5, 1, 0, 0, i, 0, time.UTC).Format(time.RFC3339),
			"userIdentity": map[string]any{"type": "IAMUser", "arn": fmt.Sprintf("arn:aws:iam::111122223333:user/u%d", i%2), "userName": fmt.Sprintf("u%d", i%2), "principalId": fmt.Sprintf("AIDA%d", i%2)},
		})
	}
	return ruleBatch(t, records...)
}

const deniedRules = `
title: Denied
id: 00000000-0000-4000-8000-000000000001
logsource: {product: aws, service: cloudtrail}
detection: {selection: {errorCode: AccessDenied}, condition: selection}
---
title: Many denied
id: 00000000-0000-4000-8000-000000000002
correlation: {type: event_count, rules: [00000000-0000-4000-8000-000000000001], group-by: [userIdentity.arn], timespan: 10m, condition: {gte: 3}, generate: true}
`

func loadRules(t testing.TB, text string) *rule.Set {
	t.Helper()
	set, problems := rule.Load([]rule.File{{Name: "r.yml", Data: []byte(text)}})
	for _, p := range problems {
		t.Fatal(p)
	}
	return set
}

// TestLiveRules: rules are swapped between batches; those that stay find what
// they would find without a swap, wherever it is and wherever memory is restored,
// and what a dry run would find is counted once a finding.
func TestLiveRules(t *testing.T) {
	const n = 24
	first := loadRules(t, deniedRules)
	second := loadRules(t, strings.Replace(deniedRules, "title: Many denied", "title: Many denied\nlevel: high", 1)+`---
title: Things
id: 00000000-0000-4000-8000-000000000003
logsource: {product: aws, service: cloudtrail}
detection: {selection: {eventName: GetThing}, condition: selection}
`)
	run := func(swap, restart int, dry bool) (found map[string]int, counts map[string][3]int) {
		live := &LiveRules{Set: first}
		if dry {
			live.Modes = map[string][]RuleMode{"00000000-0000-4000-8000-000000000001": {{DryRun: true}}}
		}
		opts := Options{Durable: true, LiveRules: func() *LiveRules { return live }}
		e := New(opts)
		kept := map[event.Scope][]Run{}
		found, counts = map[string]int{}, map[string][3]int{}
		for i := range n {
			if i == swap {
				live = &LiveRules{Set: second, Modes: live.Modes}
			}
			b := deniedCalls(t, i, 1)
			r := e.Process(b)
			for _, s := range r.Signals {
				if s.Rule != "" {
					found[s.Rule+" "+s.Key]++
				}
			}
			for _, c := range r.Rules {
				x := counts[c.Rule[len(c.Rule)-1:]]
				x[0]++
				if c.Signal != nil {
					x[1]++
				}
				if c.Would {
					x[2]++
				}
				counts[c.Rule[len(c.Rule)-1:]] = x
			}
			sc := b.Events[0].Scope
			runs, err := e.Delta(sc)
			if err != nil {
				t.Fatal(err)
			}
			if kept[sc] = append(kept[sc], runs...); i != restart {
				continue
			}
			e = New(opts)
			for _, r := range kept[sc] {
				if err := e.RestoreRun(sc, r); err != nil {
					t.Fatal(err)
				}
			}
		}
		return found, counts
	}
	want, counts := run(-1, -1, false)
	if d := cmp.Diff(map[string][3]int{"1": {n, n, 0}, "2": {n / 3, n / 3, 0}}, counts); d != "" {
		t.Fatalf("without a swap:\n%s", d)
	}
	for i := range n {
		got, _ := run(i, (i+3)%n, false)
		for key := range got {
			if strings.HasPrefix(key, "Things") {
				delete(got, key)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("with a swap before record %d:\n%s", i, d)
		}
		_, counts := run(i, (i+3)%n, true)
		if d := cmp.Diff(map[string][3]int{"1": {n, 0, 2}, "2": {n / 3, n / 3, 0}, "3": {n - i, n - i, 0}}, counts); d != "" {
			t.Errorf("in a dry run, with a swap before record %d:\n%s", i, d)
		}
	}
}

// TestCatalogueDryRun: a rule of the catalogue in a dry run raises nothing, and
// what it would have raised is counted.
func TestCatalogueDryRun(t *testing.T) {
	call := func(id string) *event.Batch {
		return ruleBatch(t, map[string]any{
			"eventName": "GetPasswordData", "eventSource": "ec2.amazonaws.com", "eventID": id,
			"requestParameters": map[string]any{"instanceId": "i-0123456789abcdef0"}, "responseElements": map[string]any{"x": "y"},
		})
	}
	live := &LiveRules{}
	e := New(Options{LiveRules: func() *LiveRules { return live }})
	of := func(r Result) (raised, counted, would int) {
		for _, s := range r.Signals {
			if s.Rule == "EC2PasswordDataRetrieved" {
				raised++
			}
		}
		for _, c := range r.Rules {
			if counted++; c.Would {
				would++
			}
		}
		return raised, counted, would
	}
	if a, b, c := of(e.Process(call("1"))); a != 1 || b != 1 || c != 0 {
		t.Fatalf("live: raised %d, counted %d, would have found %d", a, b, c)
	}
	live = &LiveRules{Modes: map[string][]RuleMode{"EC2PasswordDataRetrieved": {{DryRun: true}}}}
	for i, want := range []int{1, 0} {
		if a, b, c := of(e.Process(call(fmt.Sprint("dry", i)))); a != 0 || b != 1 || c != want {
			t.Errorf("in a dry run: raised %d, counted %d, would have found %d, want %d", a, b, c, want)
		}
	}
}

// TestRuleEntries: what correlations remember of a scope is bounded as a whole,
// however many groups somebody makes up, and it is the same after a restart.
func TestRuleEntries(t *testing.T) {
	set := loadRules(t, strings.Replace(deniedRules, "gte: 3", "gte: 1000", 1))
	const most, n = 100, 700
	run := func(restart int) (sizes []int) {
		opts := Options{Durable: true, Rules: set}
		e := New(opts)
		var kept []Run
		var sc event.Scope
		for i := range n {
			b := ruleBatch(t, map[string]any{"eventName": "GetThing", "eventID": fmt.Sprint("e", i), "errorCode": "AccessDenied", "eventTime": "2026-05-01T00:00:00Z",
				"userIdentity": map[string]any{"type": "IAMUser", "arn": fmt.Sprintf("arn:aws:iam::111122223333:user/u%d", i/30)}})
			sc = b.Events[0].Scope
			e.rulesIn(e.scope(sc)).most = most
			e.Process(b)
			total := 0
			s := e.rulesIn(e.scope(sc))
			for r := s.groups.oldest; r != nil; r = r.newer {
				total += r.value.Len()
			}
			if total > most || s.groups.newest.value.Len() != i%30+1 {
				t.Fatalf("after %d records %d entries, %d of the newest group", i+1, total, s.groups.newest.value.Len())
			}
			sizes = append(sizes, total)
			runs, err := e.Delta(sc)
			if err != nil {
				t.Fatal(err)
			}
			if kept = append(kept, runs...); i != restart {
				continue
			}
			e = New(opts)
			for _, r := range kept {
				if err := e.RestoreRun(sc, r); err != nil {
					t.Fatal(err)
				}
			}
		}
		return sizes
	}
	want := run(-1)
	for _, at := range []int{1, 95, 100, 333, 500} {
		if got := run(at); !slices.Equal(got, want) {
			t.Errorf("after a restart behind record %d something else is forgotten", at)
		}
	}
}
