package rule

import (
	"slices"
	"strings"
	"testing"
)

func TestFilter(t *testing.T) {
	const base = "title: Base\nid: 11111111-2222-3333-4444-555555555555\nname: base\n" +
		"logsource: {product: aws, service: cloudtrail}\ndetection: {s: {eventName: X}, condition: s}\n"
	const head = "title: F\nlogsource: {product: aws}\nfilter:\n  selection: {requestParameters.user: alice}\n"
	for _, tt := range []struct {
		name, filter string
		alice, bob   bool
		note         string
	}{
		{"leaves out", head + "  rules: [base]\n  condition: not selection", false, true, ""},
		{"by id", head + "  rules: [11111111-2222-3333-4444-555555555555]\n  condition: not selection", false, true, ""},
		{"any", head + "  rules: any\n  condition: not selection", false, true, ""},
		{"keeps only", head + "  rules: [base]\n  condition: selection", true, false, "not selection"},
		{"another rule", head + "  rules: [other]\n  condition: not selection", true, true, "no rule that was loaded"},
		{"another log", strings.Replace(head, "product: aws", "product: kubernetes", 1) + "  rules: [base]\n  condition: not selection", true, true, "another logsource"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, problems := Load([]File{{"f.yml", []byte(tt.filter)}, {"r.yml", []byte(base)}})
			if tt.note != "" && !slices.ContainsFunc(problems, func(p Problem) bool { return p.Grade == Note && strings.Contains(p.Text, tt.note) }) {
				t.Errorf("problems %v, want a note with %q", problems, tt.note)
			}
			for _, p := range problems {
				if p.Grade == Fault {
					t.Error(p)
				}
			}
			m := NewMatcher(set)
			for user, want := range map[string]bool{"alice": tt.alice, "bob": tt.bob} {
				ev := eventsOf(t, trailRecord(`"eventName":"X","requestParameters":{"user":"`+user+`"}`))
				if got := len(m.Match(&ev[0])) == 1; got != want {
					t.Errorf("%s: matched %v, want %v", user, got, want)
				}
			}
		})
	}
}
