package rule

import (
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
)

// FuzzLoad: whatever a file holds, loading ends, with a rule or with a problem
// that has a line.
func FuzzLoad(f *testing.F) {
	f.Add(trailRule("a: {eventName|contains|windash: ' -x'}\ncondition: 1 of a*"))
	f.Add(baseRules + "title: C\ncorrelation: {type: temporal, rules: [made, read], timespan: 1m}")
	f.Add("title: F\nlogsource: {product: aws}\nfilter: {rules: any, s: {a: b}, condition: not s}")
	f.Add("placeholders: {a: [b]}\n---\n" + trailRule("a: {x|expand|base64offset|contains: '%a%abc'}\ncondition: all of them"))
	f.Add("title: t\nlogsource: {category: firewall}\ndetection: {a: {dst_port|gt: 5, src_ip|cidr: ::/0}, condition: not (a)}")
	events := eventsOf(f, trailRecord(`"eventName":"Made","requestParameters":{"user":"a","a":[1,null,{"b":"c"}]}`))
	f.Fuzz(func(t *testing.T, data string) {
		if len(data) > 4<<10 {
			return
		}
		set, problems := Load([]File{{"f.yml", []byte(data)}})
		for _, p := range problems {
			if p.Text == "" || p.Line < 0 {
				t.Errorf("a problem without text or line: %+v", p)
			}
		}
		m := NewMatcher(set)
		mem := &windows{t, map[string][]byte{}, map[string]*Window{}}
		for i := range events {
			for _, x := range m.Observe(&events[i], m.Match(&events[i]), mem) {
				m.Explain(&events[i], x.Rule)
			}
		}
	})
}

// FuzzMatch: the index finds every rule that an event fulfils, and reading a
// hostile record ends.
func FuzzMatch(f *testing.F) {
	set := load(f,
		trailRule("a: {eventName|startswith: [Put, Get], requestParameters.a|contains: cret}\ncondition: a"),
		trailRule("a: {requestParameters.a.b|re: '(abc|def)+x'}\nb: {eventName|cased: X}\ncondition: a or b"),
		trailRule("a: {requestParameters.a|contains|all: [one, two]}\nb: {userAgent|exists: true}\ncondition: a and not b"),
		trailRule("a: ['needle in', 'hay*stack']\ncondition: a"),
		trailRule("a: {requestParameters.a|fieldref: eventName}\nb: {requestParameters.a|windash|endswith: ' -xyz'}\ncondition: 1 of them"))
	m := NewMatcher(set)
	f.Add(`"eventName":"PutX","requestParameters":{"a":"the secret"}`)
	f.Add(`"eventName":"X","requestParameters":{"a":[{"b":"abcx"},["deep",["\u00e4\ud83d\ude00"]]]}`)
	f.Add(`"eventName":"A","requestParameters":{"a":"A -xyz","a.b":"needle in a haystack"`)
	f.Fuzz(func(t *testing.T, members string) {
		var d decode.Decoder
		var b decode.Batch
		d.Decode(&event.Chunk{Stream: "f", Data: []byte(strings.ReplaceAll(trailRecord(members), "\n", " ") + "\n"), Scope: event.Scope{Account: "111122223333", Region: "eu-west-1"}}, &b)
		for i := range b.Events {
			ev := &b.Events[i]
			if ev.Trail == nil {
				continue
			}
			found := map[*Rule]bool{}
			for _, r := range m.Match(ev) {
				found[r] = true
			}
			for k := range set.compiled { // asked one by one, without the index
				c := &set.compiled[k]
				m.begin(ev, c.view)
				if c.cond.holds(m) != found[c.rule] {
					t.Errorf("rule %d: the index says %v\n%s", k, found[c.rule], members)
				}
				m.Explain(ev, c.rule)
			}
		}
	})
}

// FuzzPattern: wildcards mean what the plainest way to match them says.
func FuzzPattern(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("*a*a*", "aaa")
	f.Add("?*?", "ä")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 24 || strings.ToValidUTF8(s, "") != s || strings.ToValidUTF8(pattern, "") != pattern {
			return
		}
		p := parseText(pattern)
		if got, want := newPattern(p, true).matches(s), plainly(p, []rune(s)); got != want {
			t.Errorf("%q and %q: %v, want %v", pattern, s, got, want)
		}
	})
}

func plainly(p text, s []rune) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	switch p[0].wild {
	case '*':
		return plainly(p[1:], s) || len(s) > 0 && plainly(p, s[1:])
	case '?':
		return len(s) > 0 && plainly(p[1:], s[1:])
	}
	lit := []rune(p[0].text)
	return len(s) >= len(lit) && string(s[:len(lit)]) == string(lit) && plainly(p[1:], s[len(lit):])
}
