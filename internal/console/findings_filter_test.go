package console

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
)

func TestParseFilter(t *testing.T) {
	n := func(f float64) *float64 { return &f }
	open := finding.Condition{Equals: []string{"false"}}
	for _, tc := range []struct {
		query string
		want  finding.Criteria
	}{
		{"", finding.Criteria{"service.archived": open}},
		{"archived=all", finding.Criteria{}},
		{"archived=any&q=two++words", finding.Criteria{}},
		{"archived=true&type=a&type=b&account=1", finding.Criteria{
			"service.archived": {Equals: []string{"true"}}, "type": {Equals: []string{"a", "b"}}, "accountId": {Equals: []string{"1"}}}},
		{"severity=High", finding.Criteria{"service.archived": open, "severity": {GreaterThanOrEqual: n(7), LessThan: n(9)}}},
		{"severity=critical&severity=High", finding.Criteria{"service.archived": open, "severity": {GreaterThanOrEqual: n(7), LessThan: n(11)}}},
		{"severity=Critical&severity=Low", finding.Criteria{"service.archived": open, "severity": {Equals: []string{"9", "10", "0", "1", "2", "3"}}}},
		{"archived=all&from=2026-01-02&to=2026-01-02", finding.Criteria{"updatedAt": {GreaterThanOrEqual: n(1767312000000), LessThan: n(1767398400000)}}},
		{"archived=all&to=2026-01-02T00:00:00Z", finding.Criteria{"updatedAt": {LessThanOrEqual: n(1767312000000)}}},
		{"archived=all&f=service.action.actionType:eq:A:B&f=service.count:gte:5&f=id:nmatches:*x", finding.Criteria{
			"service.action.actionType": {Equals: []string{"A:B"}}, "service.count": {GreaterThanOrEqual: n(5)}, "id": {NotMatches: []string{"*x"}}}},
		{"f=service.archived:neq:true", finding.Criteria{"service.archived": {NotEquals: []string{"true"}}}},
		{"archived=all&f=createdAt:lt:2026-01-02", finding.Criteria{"createdAt": {LessThan: n(1767312000000)}}},
		{"severity=&from=&type=", finding.Criteria{"service.archived": open}}, // an empty form
	} {
		q, _ := url.ParseQuery(tc.query)
		f, err := parseFilter(q)
		if d := cmp.Diff(tc.want, f.Criteria); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", tc.query, err, d)
		}
	}
	for _, tc := range []struct{ query, want string }{
		{"severity=Bad", "severity"}, {"from=yesterday", "neither a day"}, {"archived=perhaps", "archived"}, {"f=x", "of the form"}, {"f=nofield:eq:1", "no field"},
		{"f=type:is:1", "no operator"}, {"f=service.count:gt:many", "not a number"}, {"f=service.count:gt:NaN", "not a number"}, {"f=type:gt:5", "type"},
		{"sort=nofield", "sort"}, {"q=" + strings.Repeat("x", 300), "bytes"}, {"f=service.archived:eq:maybe", "true"}, {"q=a+b+c+d+e+f+g+h+i", "8 words"},
	} {
		q, _ := url.ParseQuery(tc.query)
		if _, err := parseFilter(q); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.query, err, tc.want)
		}
	}
}

// What a filter of the API holds is the same after it went through an address.
func TestFindingsPath(t *testing.T) {
	n := func(f float64) *float64 { return &f }
	for _, c := range []finding.Criteria{
		{},
		{"service.archived": {Equals: []string{"false"}}},
		{"service.archived": {Equals: []string{"true"}}, "type": {Equals: []string{"a", "b&c"}}, "accountId": {Equals: []string{"1"}}},
		{"type": {Equals: []string{"a"}, NotEquals: []string{"b"}}, "accountId": {Matches: []string{"1*", "?2"}}},
		{"updatedAt": {GreaterThan: n(1767312000000), LessThan: n(1767312000001)}, "severity": {GreaterThanOrEqual: n(4.5), LessThanOrEqual: n(8)}},
		{"service.archived": {NotEquals: []string{"true"}}, "resource.instanceDetails.tags.value": {NotMatches: []string{"a:b:*"}}},
	} {
		u, err := url.Parse(findingsPath(c))
		if err != nil {
			t.Fatal(err)
		}
		f, err := parseFilter(u.Query())
		if d := cmp.Diff(c, f.Criteria); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", u, err, d)
		}
	}
}

// Whatever an address says, the address that is made of it says the same.
func FuzzParseFilter(f *testing.F) {
	f.Add("archived=all&f=service.count:gte:5&q=a+b&severity=High&from=2026-01-02")
	f.Add("f=createdAt:lt:2026-01-02&sort=-type&type=x%ff&next=abc")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		a, err := parseFilter(q)
		if err != nil {
			return
		}
		u, err := url.Parse(a.Page(a.Next))
		if err != nil || u.Path != Root+"findings" || u.Host != "" {
			t.Fatalf("%q led to %s, %v", query, u, err)
		}
		b, err := parseFilter(u.Query())
		if d := cmp.Diff(a.Criteria, b.Criteria); err != nil || d != "" || a.Words != b.Words || a.Sort != b.Sort {
			t.Errorf("%q, then %s: %v\n%s", query, u, err, d)
		}
	})
}

func TestShown(t *testing.T) {
	for in, want := range map[string]string{
		"plain <b> text, ümläut, 日本, שלום": "plain <b> text, ümläut, 日本, שלום",
		"a\x1b[31mred\x07":                 `a\x1b[31mred\a`,
		"exe.\u202etxt":                    `exe.\u202etxt`,
		"two\nlines\tand\r\nmore":          `two\nlines\tand\r\nmore`,
		"broken\xff\xc3(":                  `broken\xff\xc3(`,
		"zero\u200bwidth\ufeff\u00ad":      `zero\u200bwidth\ufeff\u00ad`,
		"tag\U000e0041 private\ue000":      `tag\U000e0041 private\ue000`,
		"\u2066isolate\u2069 \u2028":       `\u2066isolate\u2069 \u2028`,
		"del\x7f c1\u0085":                 `del\x7f c1\u0085`,
		"was replaced \ufffd":              "was replaced \ufffd",
		"filler\u3164 variant\ufe0f":       `filler\u3164 variant\ufe0f`,
	} {
		if got := shown(in); got != want {
			t.Errorf("shown(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := shownLines("a\r\nb\tc\x00\rd"), "a\nb\tc\\x00\\rd"; got != want {
		t.Errorf("lines: %q, want %q", got, want)
	}
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", "=1+1": "'=1+1", "@SUM(A1)": "'@SUM(A1)", "-2": "'-2", "+3": "'+3", "\t=1": `\t=1`, "＝1": "'＝1", "|cmd": "'|cmd",
	} {
		if got := cell(in); got != want {
			t.Errorf("cell(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSuppressIsPlain(t *testing.T) {
	const name = "a\u202eb\x1b\U000e0041\"<"
	f, err := parseFilter(url.Values{"type": {name}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(f.Suppress())
	if err != nil {
		t.Fatal(err)
	}
	text := u.Query().Get("criteria")
	c, err := finding.DecodeCriteria([]byte(text))
	if err != nil || len(c) != 1 || c["type"].Equals[0] != name || shownLines(text) != text {
		t.Errorf("%v: %s", err, text)
	}
}
