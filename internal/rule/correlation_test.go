package rule

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// windows is a memory that writes what it holds and reads it again each time, as
// after a restart.
type windows struct {
	t    testing.TB
	kept map[string][]byte
	out  map[string]*Window
}

func (w *windows) Window(key string, _ *event.Event) *Window {
	for k, v := range w.out {
		b, err := v.MarshalBinary()
		if err != nil {
			w.t.Fatal(err)
		}
		w.kept[k] = b
	}
	w.out[key] = &Window{}
	if b := w.kept[key]; b != nil {
		if err := w.out[key].UnmarshalBinary(b); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.out[key]
}

func (*windows) Grown(int) {}

const baseRules = `
title: Failed
name: failed
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: Login, errorCode: Failed}, condition: s}
---
title: Done
name: done
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: Login, errorCode: null}, condition: s}
---
title: Made
name: made
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: Made}, condition: s}
---
title: Read
name: read
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: Read}, condition: s}
---
`

// act is a record: second, name, user, the error or a number.
func act(second int, name, user, rest string) string {
	s := fmt.Sprintf(`{"eventVersion":"1.11","eventID":"e%d%s%s","eventTime":"2026-03-04T%02d:%02d:%02dZ","eventSource":"s.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","recipientAccountId":"111122223333","sourceIPAddress":"192.0.2.%s","requestParameters":{"user":%q%s}`,
		second, name, user, second/3600, second/60%60, second%60, name, user[1:], user, map[bool]string{true: "," + rest}[strings.HasPrefix(rest, `"`)])
	if rest != "" && rest[0] != '"' {
		s += `,"errorCode":"` + rest + `"`
	}
	return s + "}"
}

func TestCorrelation(t *testing.T) {
	acts := func(list ...string) []string { return list }
	for _, tt := range []struct {
		name, rule string
		records    []string
		want       []int // places of the records with which it fires
	}{
		{"event_count", "type: event_count\n  rules: [failed]\n  group-by: [requestParameters.user]\n  timespan: 1m\n  condition: {gte: 3}",
			acts(act(0, "Login", "u1", "Failed"), act(1, "Login", "u2", "Failed"), act(2, "Login", "u1", "Failed"), act(3, "Login", "u1", ""), act(60, "Login", "u1", "Failed"), act(61, "Login", "u1", "Failed")), []int{4}},
		{"event_count too slow", "type: event_count\n  rules: [failed]\n  group-by: [requestParameters.user]\n  timespan: 10s\n  condition: {gte: 3}",
			acts(act(0, "Login", "u1", "Failed"), act(6, "Login", "u1", "Failed"), act(12, "Login", "u1", "Failed"), act(18, "Login", "u1", "Failed")), nil},
		{"event_count out of order", "type: event_count\n  rules: [failed]\n  group-by: [requestParameters.user]\n  timespan: 10s\n  condition: {gte: 3}",
			acts(act(9, "Login", "u1", "Failed"), act(5, "Login", "u1", "Failed"), act(3, "Login", "u1", "Failed")), []int{2}},
		{"event_count without a group's field", "type: event_count\n  rules: [failed]\n  group-by: [requestParameters.nobody]\n  timespan: 1m\n  condition: {gte: 1}",
			acts(act(0, "Login", "u1", "Failed")), nil},
		{"event_count, a range", "type: event_count\n  rules: [failed]\n  timespan: 1m\n  condition: {gt: 1, lte: 2}",
			acts(act(0, "Login", "u1", "Failed"), act(1, "Login", "u2", "Failed")), []int{1}},
		{"event_count of two rules", "type: event_count\n  rules: [made, read]\n  timespan: 1m\n  condition: {eq: 2}",
			acts(act(0, "Made", "u1", ""), act(1, "Read", "u2", "")), []int{1}},
		{"value_count", "type: value_count\n  rules: [failed]\n  group-by: [sourceIPAddress]\n  timespan: 1m\n  condition: {field: requestParameters.user, gte: 2}",
			acts(act(0, "Login", "u1", "Failed"), act(1, "Login", "u1", "Failed"), act(2, "Login", "v1", "Failed")), []int{2}},
		{"temporal", "type: temporal\n  rules: [made, read]\n  group-by: [requestParameters.user]\n  timespan: 1m",
			acts(act(0, "Read", "u1", ""), act(1, "Made", "u2", ""), act(2, "Made", "u1", "")), []int{2}},
		{"temporal with a condition", "type: temporal\n  rules: [made, read, failed]\n  timespan: 1m\n  condition: {gte: 2}",
			acts(act(0, "Read", "u1", ""), act(1, "Read", "u1", ""), act(2, "Login", "u1", "Failed")), []int{2}},
		{"temporal_ordered", "type: temporal_ordered\n  rules: [made, read]\n  group-by: [requestParameters.user]\n  timespan: 1m",
			acts(act(0, "Read", "u1", ""), act(1, "Made", "u1", ""), act(2, "Read", "u1", "")), []int{2}},
		{"temporal_ordered, too slow", "type: temporal_ordered\n  rules: [made, read]\n  group-by: [requestParameters.user]\n  timespan: 5s",
			acts(act(0, "Made", "u1", ""), act(9, "Read", "u1", "")), nil},
		{"value_sum", "type: value_sum\n  rules: [read]\n  group-by: [requestParameters.user]\n  timespan: 1m\n  condition: {field: requestParameters.n, gt: 100}",
			acts(act(0, "Read", "u1", `"n":60`), act(1, "Read", "u2", `"n":60`), act(2, "Read", "u1", `"n":"41"`)), []int{2}},
		{"value_avg", "type: value_avg\n  rules: [read]\n  timespan: 1m\n  condition: {field: requestParameters.n, gte: 50}",
			acts(act(0, "Read", "u1", `"n":20`), act(1, "Read", "u1", `"n":70`), act(2, "Read", "u1", `"n":70`)), []int{2}},
		{"value_percentile", "type: value_percentile\n  rules: [read]\n  timespan: 1m\n  condition: {field: requestParameters.n, percentile: 50, gte: 50}",
			acts(act(0, "Read", "u1", `"n":20`), act(1, "Read", "u1", `"n":70`), act(2, "Read", "u1", `"n":70`)), []int{2}},
		{"value_percentile of shares", "type: value_percentile\n  rules: [read]\n  timespan: 1m\n  condition: {field: requestParameters.user, lte: 25}",
			acts(act(0, "Read", "u1", ""), act(1, "Read", "u1", ""), act(2, "Read", "u1", ""), act(3, "Read", "u2", "")), []int{3}},
		{"aliases", "type: temporal\n  rules: [made, read]\n  group-by: [who]\n  aliases: {who: {made: requestParameters.user, read: requestParameters.other}}\n  timespan: 1m",
			acts(act(0, "Made", "u1", ""), act(1, "Read", "u2", `"other":"u1"`)), []int{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := load(t, baseRules+"title: C\ncorrelation:\n  "+tt.rule)
			m := NewMatcher(set)
			mem := &windows{t, map[string][]byte{}, map[string]*Window{}}
			var got []int
			for i, ev := range eventsOf(t, strings.Join(tt.records, "\n")) {
				for _, x := range m.Observe(&ev, m.Match(&ev), mem) {
					if x.Rule.Correlation != nil {
						got = append(got, i)
					}
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("fired with %v, want %v", got, tt.want)
			}
		})
	}
}

// TestCorrelationChain: a correlation is an event for another, whatever comes
// first in the file, and what is asked for by others keeps quiet.
func TestCorrelationChain(t *testing.T) {
	const chain = `
title: Many failed, then in
correlation: {type: temporal_ordered, rules: [many, done], group-by: [requestParameters.user], timespan: 10m}
---
title: Many failed
name: many
correlation: {type: event_count, rules: [failed], group-by: [requestParameters.user], timespan: 1m, condition: {gte: 2}}
---
`
	for _, generate := range []bool{false, true} {
		rules := chain
		if generate {
			rules = strings.Replace(chain, "timespan: 10m", "timespan: 10m, generate: true", 1)
		}
		set := load(t, rules+baseRules[1:len(baseRules)-4])
		m := NewMatcher(set)
		mem := &windows{t, map[string][]byte{}, map[string]*Window{}}
		var got []string
		for _, ev := range eventsOf(t, strings.Join([]string{act(0, "Login", "u1", "Failed"), act(1, "Login", "u1", "Failed"), act(2, "Login", "u1", "")}, "\n")) {
			for _, x := range m.Observe(&ev, m.Match(&ev), mem) {
				if !x.Rule.Quiet {
					got = append(got, x.Rule.Title)
				}
			}
		}
		want := "[Many failed, then in]"
		if generate {
			want = "[Many failed Done Many failed, then in]"
		}
		if fmt.Sprint(got) != want {
			t.Errorf("generate %v: told of %v, want %v", generate, got, want)
		}
	}
}

func TestCorrelationFaults(t *testing.T) {
	for _, tt := range []struct{ rule, want string }{
		{"type: often\n  rules: [failed]\n  timespan: 1m", "use one of"},
		{"type: event_count\n  rules: [failed]\n  condition: {gte: 2}", "no timespan"},
		{"type: event_count\n  rules: [failed]\n  timespan: 31d\n  condition: {gte: 2}", "longer than 30d"},
		{"type: event_count\n  rules: [failed]\n  timespan: 1M\n  condition: {gte: 2}", "of the form"},
		{"type: event_count\n  rules: [failed]\n  timespan: 1m\n  condition: {gte: 1000000}", "not kept"},
		{"type: event_count\n  rules: [failed]\n  timespan: 1m", "condition"},
		{"type: event_count\n  rules: [fialed]\n  timespan: 1m\n  condition: {gte: 2}", "no rule"},
		{"type: value_count\n  rules: [failed]\n  timespan: 1m\n  condition: {gte: 2}", "condition.field"},
		{"type: temporal\n  rules: [failed]\n  timespan: 1m", "two rules"},
		{"type: temporal\n  rules: [failed, self]\n  timespan: 1m", "asks for itself"},
	} {
		set, problems := Load([]File{{"c.yml", []byte(baseRules + "title: C\nname: self\ncorrelation:\n  " + tt.rule)}})
		if len(problems) != 1 || problems[0].Grade != Fault || !strings.Contains(problems[0].Text, tt.want) || problems[0].Line < 20 {
			t.Errorf("%s: got %v, want %q", tt.rule, problems, tt.want)
		}
		if len(set.Rules()) != 4 {
			t.Errorf("%s: %d rules are left, want 4", tt.rule, len(set.Rules()))
		}
	}
}

func FuzzWindow(f *testing.F) {
	w := Window{entries: []entry{{at: 5, which: 1 << 60, count: 1}, {at: 9, count: 3, sum: 1.5}}}
	b, _ := w.MarshalBinary()
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		var w Window
		if w.UnmarshalBinary(data) != nil {
			return
		}
		b, err := w.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var again Window
		if err := again.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if c, _ := again.MarshalBinary(); !bytes.Equal(b, c) {
			t.Errorf("%x came back as %x", b, c)
		}
	})
}
