package finding

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func number(f float64) *float64 { return &f }

func TestDecodeCriteria(t *testing.T) {
	tests := []struct {
		name, in string
		want     Criteria
	}{
		{"nothing", `{}`, nil},
		{"null", `null`, nil},
		{"no criterion", `{"criterion":null}`, nil},
		{"empty", `{"criterion":{}}`, Criteria{}},
		{"present keys", `{"criterion":{"severity":{"equals":["7","8"],"notEquals":["5"],"matches":["*"],"notMatches":["?"],
			"greaterThan":1,"greaterThanOrEqual":2,"lessThan":3,"lessThanOrEqual":4.5}}}`,
			Criteria{"severity": {Equals: []string{"7", "8"}, NotEquals: []string{"5"}, Matches: []string{"*"}, NotMatches: []string{"?"},
				GreaterThan: number(1), GreaterThanOrEqual: number(2), LessThan: number(3), LessThanOrEqual: number(4.5)}}},
		{"deprecated keys", `{"criterion":{"severity":{"eq":["7"],"neq":["5"],"gt":1,"gte":2,"lt":3,"lte":4}}}`,
			Criteria{"severity": {Equals: []string{"7"}, NotEquals: []string{"5"},
				GreaterThan: number(1), GreaterThanOrEqual: number(2), LessThan: number(3), LessThanOrEqual: number(4)}}},
		{"both, the same", `{"criterion":{"type":{"eq":["a"],"equals":["a"],"gte":null}}}`, Criteria{"type": {Equals: []string{"a"}}}},
	}
	for _, tt := range tests {
		got, err := DecodeCriteria([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, d)
		}
	}
}

func TestDecodeCriteriaErrors(t *testing.T) {
	tests := []struct{ name, in, field, reason string }{
		{"unknown condition", `{"criterion":{"severity":{"above":7}}}`, "severity", `unknown condition "above"`},
		{"wrong case", `{"criterion":{"severity":{"Equals":["7"]}}}`, "severity", `unknown condition "Equals"`},
		{"unknown member", `{"criteria":{}}`, "", `unknown member "criteria"`},
		{"text for a list", `{"criterion":{"type":{"equals":"a"}}}`, "type", "unexpected string"},
		{"text for a number", `{"criterion":{"severity":{"gte":"7"}}}`, "severity", "unexpected string"},
		{"numbers for texts", `{"criterion":{"severity":{"equals":[7]}}}`, "severity", "unexpected number"},
		{"both, different", `{"criterion":{"type":{"eq":["a"],"equals":["b"]}}}`, "type", "given twice"},
		{"condition is a list", `{"criterion":{"type":["a"]}}`, "type", "unexpected array"},
		{"not JSON", `{"criterion":`, "", "EOF"},
		{"two values", `{} {}`, "", "after the object"},
		{"a list", `[]`, "", "unexpected array"},
	}
	for _, tt := range tests {
		_, err := DecodeCriteria([]byte(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.reason)
		}
		var ce *CriteriaError
		if tt.field != "" && (!errors.As(err, &ce) || ce.Field != tt.field) {
			t.Errorf("%s: error %v does not name the field %s", tt.name, err, tt.field)
		}
	}
}

func TestEncodeCriteria(t *testing.T) {
	c := Criteria{"updatedAt": {GreaterThanOrEqual: number(1772600767890)}, "severity": {Equals: []string{"8"}}}
	got, err := EncodeCriteria(c)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"criterion":{"severity":{"equals":["8"]},"updatedAt":{"greaterThanOrEqual":1772600767890}}}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	back, err := DecodeCriteria(got)
	if d := cmp.Diff(c, back); d != "" || err != nil {
		t.Errorf("round trip: %v\n%s", err, d)
	}
}

func TestValidate(t *testing.T) {
	many := Criteria{}
	for _, f := range FieldList()[:51] {
		if f.Kind == KindString {
			many[f.Name] = Condition{Equals: []string{"x"}}
		}
	}
	for _, f := range FieldList()[94:200] {
		if len(many) <= MaxCriteriaFields && f.Kind == KindString {
			many[f.Name] = Condition{Equals: []string{"x"}}
		}
	}
	archiveField := Criteria{"service.count": {GreaterThan: number(3)}}
	pattern := Criteria{"type": {Matches: []string{"*Kubernetes*"}}}
	tests := []struct {
		name          string
		c             Criteria
		query, filter string // part of the error, "" for none
	}{
		{"nothing", nil, "", "at least one"},
		{"query field", Criteria{"severity": {Equals: []string{"8"}}}, "", ""},
		{"archive field", archiveField, "", ""},
		{"pattern", pattern, "filters only", ""},
		{"unknown field", Criteria{"colour": {Equals: []string{"red"}}}, "not a known field", "not a known field"},
		{"51 fields", many, "51 fields", "51 fields"},
		{"51 values", Criteria{"type": {Equals: make([]string, 51)}}, "51 values", "51 values"},
		{"50 values", Criteria{"type": {Equals: make([]string, 50)}}, "", ""},
		{"no condition", Criteria{"type": {}}, "no condition", "no condition"},
		{"severity in words", Criteria{"severity": {Equals: []string{"High"}}}, "whole number", "whole number"},
		{"severity with a fraction", Criteria{"severity": {Equals: []string{"8.5"}}}, "whole number", "whole number"},
		{"moment in words", Criteria{"updatedAt": {Equals: []string{"now"}}}, "milliseconds", "milliseconds"},
		{"size of a text", Criteria{"type": {GreaterThan: number(1)}}, "compared", "compared"},
		{"flag that is none", Criteria{"service.archived": {Equals: []string{"no"}}}, "neither", "neither"},
		{"prefix that is none", Criteria{"resource.instanceDetails.networkInterfaces.publicIp": {Equals: []string{"10.0.0.0/99"}}},
			"prefix", "prefix"},
	}
	for _, tt := range tests {
		for scope, want := range map[Scope]string{ScopeQuery: tt.query, ScopeFilter: tt.filter} {
			err := tt.c.Validate(scope)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s in scope %d: error %v, want %q", tt.name, scope, err, want)
			}
			var ce *CriteriaError
			if err != nil && !errors.As(err, &ce) {
				t.Errorf("%s: %T is not a CriteriaError", tt.name, err)
			}
		}
	}
}

func TestMatch(t *testing.T) {
	is := func(v ...string) Condition { return Condition{Equals: v} }
	not := func(v ...string) Condition { return Condition{NotEquals: v} }
	const (
		ips    = "service.action.kubernetesApiCallAction.sourceIPs"
		groups = "resource.kubernetesDetails.kubernetesUserDetails.groups"
		none   = "resource.lambdaDetails.functionName"
	)
	tests := []struct {
		name string
		c    Criteria
		want bool
	}{
		{"nothing", nil, true},
		{"equal", Criteria{"region": is("eu-west-1")}, true},
		{"one of", Criteria{"region": is("x", "eu-west-1")}, true},
		{"case counts", Criteria{"region": is("EU-WEST-1")}, false},
		{"all fields must hold", Criteria{"region": is("eu-west-1"), "accountId": is("1")}, false},
		{"none of", Criteria{"region": not("x", "y")}, true},
		{"not none of", Criteria{"region": not("x", "eu-west-1")}, false},
		{"any element", Criteria{groups: is("dev")}, true},
		{"no element", Criteria{groups: not("dev")}, false},
		{"one element is, another is not", Criteria{groups: {Equals: []string{"system:masters"}, NotEquals: []string{"ops"}}}, true},
		{"missing is not equal", Criteria{none: is("")}, false},
		{"missing is none", Criteria{none: not("f")}, true},
		{"missing fits nothing", Criteria{none: {Matches: []string{"*"}}}, false},
		{"missing does not fit", Criteria{none: {NotMatches: []string{"*"}}}, true},
		{"missing is no number", Criteria{"service.action.dnsRequestAction.domain": is("a"), "confidence": {LessThan: number(9)}}, false},
		{"severity as text", Criteria{"severity": is("5")}, true},
		{"severity as number", Criteria{"severity": {GreaterThanOrEqual: number(5), LessThan: number(5.1)}}, true},
		{"moment", Criteria{"updatedAt": {GreaterThan: number(1772600827889), LessThanOrEqual: number(1772600827890)}}, true},
		{"moment as text", Criteria{"updatedAt": is("1772600827890")}, true},
		{"moment as ISO text", Criteria{"updatedAt": is("2026-03-04T05:07:07.890Z")}, true},
		{"epoch on the wire", Criteria{"resource.eksClusterDetails.createdAt": {LessThan: number(1772600767891), GreaterThan: number(1772600767889)}}, true},
		{"active", Criteria{"service.archived": is("false")}, true},
		{"archived", Criteria{"service.archived": is("true")}, false},
		{"exact address", Criteria{ips: is("10.1.2.3")}, true},
		{"address in another spelling", Criteria{ips: is("2001:0db8:0::1")}, true},
		{"inside a prefix", Criteria{ips: is("10.0.0.0/8")}, true},
		{"prefix with host bits", Criteria{ips: is("10.9.9.9/8")}, true},
		{"outside", Criteria{ips: is("192.168.0.0/16", "fe80::/10")}, false},
		{"not inside", Criteria{ips: not("10.0.0.0/8")}, false},
		{"pattern", Criteria{"type": {Matches: []string{"*Kubernetes/Exec*"}}}, true},
		{"no pattern", Criteria{"type": {NotMatches: []string{"Recon:*", "*Pod"}}}, false},
		{"filter's spelling", Criteria{"resource.kubernetesDetails.kubernetesWorkloadDetails.hostPid": is("TRUE")}, true},
		{"false is not missing", Criteria{"resource.kubernetesDetails.kubernetesWorkloadDetails.hostNetwork": is("false")}, true},
		{"inside the info's JSON", Criteria{"service.additionalInfo.threatListName": is("L"), "service.additionalInfo.sample": is("true")}, true},
	}
	f := sampleFinding()
	for _, tt := range tests {
		got, err := tt.c.Match(f)
		if err != nil || got != tt.want {
			t.Errorf("%s: %t, %v; want %t", tt.name, got, err, tt.want)
		}
	}
}

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"?", "", true}, {"?", "é", true}, {"?", "ab", false},
		{"a?c", "ac", true}, {"a?c", "abc", true}, {"a?c", "abbc", false}, {"??", "ab", true},
		{"a*c", "a\nc", true}, {"a*", "ba", false}, {"*a", "ba", true}, {"a.c", "abc", false}, {"[ab]", "a", false},
		{`\*`, `\x`, true}, {"A", "a", false}, {"*?*", "", true},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(tt.text); got != tt.want {
			t.Errorf("%q on %q: %t", tt.pattern, tt.text, got)
		}
	}
	if _, err := ParsePattern(strings.Repeat("?", maxPatternLength+1)); err == nil {
		t.Error("a pattern that is too long gave no error")
	}
}

// TestPatternDefinition holds the engine against the plain definition of the
// two wildcards.
func TestPatternDefinition(t *testing.T) {
	var fits func(p, s []rune) bool
	fits = func(p, s []rune) bool {
		switch {
		case len(p) == 0:
			return len(s) == 0
		case p[0] == '*':
			return fits(p[1:], s) || len(s) > 0 && fits(p, s[1:])
		case p[0] == '?':
			return fits(p[1:], s) || len(s) > 0 && fits(p[1:], s[1:])
		}
		return len(s) > 0 && s[0] == p[0] && fits(p[1:], s[1:])
	}
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.RuneFrom([]rune("ab*?.ß")), 0, 8, -1).Draw(t, "pattern")
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab.ß*")), 0, 8, -1).Draw(t, "text")
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if want := fits([]rune(pattern), []rune(text)); p.Match(text) != want {
			t.Fatalf("%q on %q: %t, want %t", pattern, text, !want, want)
		}
	})
}

func FuzzDecodeCriteria(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"criterion":{"severity":{"gte":7}}}`, `{"criterion":{"type":{"equals":["a"],"eq":["b"]}}}`,
		`{"criterion":{"service.archived":{"eq":["false"]},"id":{"notMatches":["*?"]}}}`, `{"criterion":{"a":null}}`,
		`{"criterion":{"updatedAt":{"lt":1e308}}}`, `[`, `{"criterion":{"x":{"y":1}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeCriteria(data)
		if err != nil {
			if c != nil {
				t.Fatalf("both %v and %v", c, err)
			}
			return
		}
		wire, err := EncodeCriteria(c)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, err := DecodeCriteria(wire)
		if err != nil {
			t.Fatalf("%s: %v", wire, err)
		}
		m, err := c.Compile()
		if err != nil {
			if m != nil {
				t.Fatalf("both %v and %v", m, err)
			}
			return
		}
		again, err := back.Compile()
		if err != nil || len(again) != len(m) {
			t.Fatalf("%s does not mean the same: %v", wire, err)
		}
		m.Match(Values{})
	})
}
