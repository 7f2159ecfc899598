package rule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// patient is how long a hostile rule may take to be refused, or an event to be
// judged by the worst that is loaded: seconds more than on any machine.
const patient = 20 * time.Second

func detectionOf(text string) string {
	return "title: t\nid: 00000000-0000-4000-8000-000000000001\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n" + text
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestHostileRules: what would cost without bound is refused in a moment, with
// its line and what to do.
func TestHostileRules(t *testing.T) {
	chain := func(n int) string { // each asks for the two before it
		var b strings.Builder
		b.WriteString("title: a0\nname: a0\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {eventName: X}, condition: s}\n---\n" +
			"title: a1\nname: a1\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {eventName: Y}, condition: s}\n")
		for i := 2; i < n; i++ {
			fmt.Fprintf(&b, "---\ntitle: a%d\nname: a%[1]d\ncorrelation: {type: temporal, rules: [a%d, a%d], timespan: 1m}\n", i, i-1, i-2)
		}
		return b.String()
	}
	for name, tt := range map[string]struct {
		rules string
		want  string // a fault with it; "" loads
	}{
		"an alias that grows": {"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + detectionOf("  s: {eventName: *c}\n  condition: s\n"), "anchors and aliases"},
		"a merge":             {detectionOf("  s: &s {eventName: a}\n  b: {<<: *s}\n  condition: s\n"), "anchors and aliases"},
		"brackets":            {"title: " + strings.Repeat("[", 500_000), "this is not YAML"},
		"nested mappings":     {detectionOf("  s: " + strings.Repeat("{a: ", 9_000) + strings.Repeat("}", 9_000)), "nested too deep"},
		"question marks":      {"title: " + strings.Repeat("? ", 300_000), "this is not YAML"},
		"many documents":      {strings.Repeat("---\na: b\n", 100_000), "no title"},
		"parentheses":         {detectionOf("  s: {eventName: a}\n  condition: " + strings.Repeat("(", 5_000) + "s" + strings.Repeat(")", 5_000) + "\n"), "nested more than"},
		"nots":                {detectionOf("  s: {eventName: a}\n  condition: " + strings.Repeat("not ", 3_000) + "s\n"), "nested more than"},
		"1 of them, often": {detectionOf(numbered(900, "  s%d: {eventName|contains: a}\n") + "  condition: " + strings.TrimSuffix(strings.Repeat("1 of them and ", 1_000), " and ") + "\n"),
			"name each of them once"},
		"1 of them of very many":   {detectionOf(numbered(30_000, "  s%d: {eventName: a}\n") + "  condition: 1 of them\n"), "more than 1000 selections"},
		"a selection, often":       {detectionOf("  s: {eventName|contains: [" + numbered(500, "abc%d, ") + "x]}\n  condition: " + strings.TrimSuffix(strings.Repeat("s or ", 100), " or ") + "\n"), "comparisons for one event"},
		"patterns":                 {detectionOf("  s: {eventName: [" + numbered(15_000, "'*a%d*b*', ") + "x]}\n  condition: s\n"), "comparisons for one event"},
		"a thousand patterns":      {detectionOf("  s: {eventName: [" + numbered(1_000, "'*a%d*b*', ") + "x]}\n  condition: s\n"), ""},
		"values":                   {detectionOf("  s: {eventName: [" + numbered(30_000, "a%d, ") + "x]}\n  condition: s\n"), "more than 20000 values"},
		"values that multiply":     {detectionOf("  s: {eventName|windash: [" + numbered(2_000, "'a -b -c -d -e%d', ") + "x]}\n  condition: s\n"), "the modifiers make more than"},
		"a regular expression":     {detectionOf("  s: {eventName|re: '" + strings.Repeat("(a|b)", 1_000) + "'}\n  condition: s\n"), "longer than"},
		"a repetition":             {detectionOf("  s: {eventName|re: '(a|b|c|d){1000}'}\n  condition: s\n"), "steps for each character"},
		"a repetition of one":      {detectionOf("  s: {eventName|re: '((a{0,100}){0,100}){0,100}'}\n  condition: s\n"), "cannot be used"},
		"steps in many of them":    {detectionOf("  s: {eventName|re: [" + numbered(200, "'(a%d|b){150}', ") + "x]}\n  condition: s\n"), "comparisons for one event"},
		"a class that backtracks":  {detectionOf("  s: {eventName|re: '(a+)+$'}\n  condition: s\n"), ""},
		"question marks of a text": {detectionOf("  s: {eventName: '*" + strings.Repeat("?", 5_000) + "x*'}\n  condition: s\n"), "question marks"},
		"placeholders that multiply": {"placeholders: {p: [" + numbered(5_000, "a%d, ") + "x]}\n---\n" + detectionOf("  s: {eventName|expand: '%p%%p%'}\n  condition: s\n"),
			"more than 20000 values"},
		"placeholders of much text": {"placeholders: {p: [" + numbered(1_000, strings.Repeat("a", 500)+"%d, ") + "x]}\n---\n" + detectionOf("  s: {eventName|expand: '%p%"+strings.Repeat("b", 8_000)+"'}\n  condition: s\n"),
			"larger than"},
		"filters": {detectionOf("  s: {eventName: a}\n  condition: s\n") +
			strings.Repeat("---\ntitle: f\nlogsource: {product: aws, service: cloudtrail}\nfilter: {rules: any, s: {eventName: b}, condition: not s}\n", 200), "filters are about the rule"},
		"correlations of correlations": {chain(90), ""},
		"group-by":                     {"title: c\ncorrelation: {type: event_count, rules: [x], group-by: [a, b, c, d, e, f, g, h, i], timespan: 1m, condition: {gte: 1}}", "more than 8 fields"},
		"a count":                      {"title: c\ncorrelation: {type: event_count, rules: [x], timespan: 1m, condition: {gte: 1000000}}", "more than 10000"},
		"a timespan":                   {"title: c\ncorrelation: {type: event_count, rules: [x], timespan: 9999d, condition: {gte: 1}}", "longer than 30d"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			set, problems := Load([]File{{"h.yml", []byte(tt.rules)}})
			for _, r := range set.Rules() {
				r.Kinds()
			}
			if took := time.Since(start); took > patient {
				t.Errorf("it took %s", took)
			}
			found := tt.want == ""
			for _, p := range problems {
				if p.Grade != Fault {
					continue
				}
				if tt.want == "" {
					t.Fatalf("it does not load: %.300s", p.Error())
				}
				found = found || strings.Contains(p.Text, tt.want)
				if p.Line < 1 || p.File != "h.yml" || len(p.Text) > 2_000 {
					t.Errorf("a fault without place, or too long: %.300s", p.Error())
				}
			}
			if !found {
				t.Errorf("no fault with %q among %d: %.500s", tt.want, len(problems), fmt.Sprint(problems))
			}
		})
	}
}

// TestHostileRecords: whatever a record is, rules that load are asked of it in a
// moment.
func TestHostileRecords(t *testing.T) {
	set := load(t,
		detectionOf("  s: {requestParameters.a|fieldref|contains: requestParameters.b}\n  condition: s\n"),
		strings.Replace(detectionOf("  s: {requestParameters.c|re: '(a+)+(b|a){200}$'}\n  condition: s\n"), "01\n", "02\n", 1),
		strings.Replace(detectionOf("  s: {requestParameters.c: ['*"+strings.Repeat("a?", maxMarks)+"b*', '*a*a*a*a*a*a*b']}\n  condition: s\n"), "01\n", "03\n", 1),
		strings.Replace(detectionOf("  s: [aaab, 'a*a*a*ab']\n  condition: s\n"), "01\n", "04\n", 1))
	many := strings.TrimSuffix(strings.Repeat(`"x",`, 30_000), ",")
	long := strings.Repeat("a", 100_000)
	m := NewMatcher(set)
	for name, members := range map[string]string{
		"long lists": `"requestParameters":{"a":[` + many + `],"b":[` + strings.ReplaceAll(many, "x", "y") + `]}`,
		"long texts": `"requestParameters":{"c":"` + long + `"}`,
		"deep":       `"requestParameters":{"a":` + strings.Repeat(`{"a":`, 5_000) + `1` + strings.Repeat(`}`, 5_000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			events := []event.Event{}
			events = append(events, eventsOf(t, `{"eventVersion":"1.08","eventID":"e","eventTime":"2026-05-01T00:00:00Z","eventSource":"s","eventName":"n","awsRegion":"us-east-1","recipientAccountId":"1",`+members+`}`)...)
			start := time.Now()
			for i := range events {
				m.Match(&events[i])
			}
			if took := time.Since(start); took > patient {
				t.Errorf("it took %s", took)
			}
			t.Logf("%d events took %s", len(events), time.Since(start))
		})
	}
}
