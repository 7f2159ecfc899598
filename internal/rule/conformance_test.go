package rule

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
)

// eventsOf decodes a log.
func eventsOf(t testing.TB, log string) []event.Event {
	t.Helper()
	var d decode.Decoder
	var b decode.Batch
	d.Decode(&event.Chunk{Stream: "test", Data: []byte(log + "\n"), Scope: event.Scope{Account: "111122223333", Region: "eu-west-1", Cluster: "c"}}, &b)
	if len(b.Rejects) > 0 || len(b.Events) == 0 {
		t.Fatalf("%d events, rejects %+v: %s", len(b.Events), b.Rejects, log)
	}
	return b.Events
}

// load compiles rules that must be good.
func load(t testing.TB, rules ...string) *Set {
	t.Helper()
	var files []File
	for i, r := range rules {
		files = append(files, File{fmt.Sprintf("%d.yml", i), []byte(r)})
	}
	set, problems := Load(files)
	for _, p := range problems {
		if p.Grade != Note {
			t.Fatalf("%s in\n%s", p, strings.Join(rules, "\n"))
		}
	}
	return set
}

func trailRule(detection string) string {
	return "title: t\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  " + strings.ReplaceAll(strings.TrimSpace(detection), "\n", "\n  ")
}

func trailRecord(members string) string {
	return `{"eventVersion":"1.11","eventID":"e1","eventTime":"2026-03-04T05:06:07Z","eventSource":"s3.amazonaws.com","awsRegion":"eu-west-1","recipientAccountId":"111122223333",` +
		`"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/Alice"},` + members + `}`
}

// TestConformance says what each part of the specification means here.
func TestConformance(t *testing.T) {
	sel := func(s string) string { return "selection:\n  " + s + "\ncondition: selection" }
	const rp = `"eventName":"X","requestParameters":`
	for _, tt := range []struct {
		name, detection, record string
		want                    bool
	}{
		// Plain values: whole, whatever their case.
		{"equal", sel("eventName: PutObject"), `"eventName":"PutObject"`, true},
		{"equal in another case", sel("eventName: putobject"), `"eventName":"PutObject"`, true},
		{"not a part", sel("eventName: Put"), `"eventName":"PutObject"`, false},
		{"case of other letters", sel("requestParameters.a: ÄRGER"), rp + `{"a":"ärger"}`, true},
		{"a list is or", sel("eventName: [A, X]"), `"eventName":"X"`, true},
		{"a mapping is and", sel("eventName: X\n  eventSource: ec2.amazonaws.com"), `"eventName":"X"`, false},
		{"a list of mappings is or", "selection:\n  - eventName: A\n  - eventSource: s3.amazonaws.com\ncondition: selection", `"eventName":"X"`, true},
		{"cased", sel("eventName|cased: putobject"), `"eventName":"PutObject"`, false},
		{"cased contains", sel("eventName|contains|cased: Obj"), `"eventName":"PutObject"`, true},

		// Numbers and truths are texts.
		{"number and number", sel("requestParameters.n: 5"), rp + `{"n":5}`, true},
		{"number and text", sel("requestParameters.n: 5"), rp + `{"n":"5"}`, true},
		{"text and number", sel("requestParameters.n: '5'"), rp + `{"n":5}`, true},
		{"another number", sel("requestParameters.n: 5"), rp + `{"n":55}`, false},
		{"truth", sel("requestParameters.b: true"), rp + `{"b":true}`, true},
		{"truth as text", sel("requestParameters.b: 'True'"), rp + `{"b":true}`, true},

		// Wildcards and escapes.
		{"star", sel("eventName: Put*"), `"eventName":"PutObject"`, true},
		{"star in the middle", sel("eventName: P*t"), `"eventName":"PutObject"`, true},
		{"stars must not overlap", sel("eventName: Pu*ut"), `"eventName":"Put"`, false},
		{"two stars", sel("eventName: '*t*b*'"), `"eventName":"PutObject"`, true},
		{"question mark", sel("eventName: P?tObject"), `"eventName":"PutObject"`, true},
		{"question mark is one", sel("eventName: PutObject?"), `"eventName":"PutObject"`, false},
		{"question mark is a character", sel("requestParameters.a: a?b"), rp + `{"a":"aäb"}`, true},
		{"question mark and star", sel("requestParameters.a: '*b?d*'"), rp + `{"a":"abbxde"}`, true},
		{"escaped star", sel(`requestParameters.a: 'a\*b'`), rp + `{"a":"a*b"}`, true},
		{"escaped star is none", sel(`requestParameters.a: 'a\*b'`), rp + `{"a":"axb"}`, false},
		{"backslash", sel(`requestParameters.a: 'a\b'`), rp + `{"a":"a\\b"}`, true},
		{"two backslashes are one", sel(`requestParameters.a: 'a\\b'`), rp + `{"a":"a\\b"}`, true},
		{"backslash and star", sel(`requestParameters.a: 'a\\*'`), rp + `{"a":"a\\xyz"}`, true},
		{"three backslashes and a star", sel(`requestParameters.a: 'a\\\*'`), rp + `{"a":"a\\*"}`, true},
		{"four backslashes are two", sel(`requestParameters.a: 'a\\\\b'`), rp + `{"a":"a\\\\b"}`, true},
		{"star alone is anything", sel("requestParameters.a: '*'"), rp + `{"a":"x"}`, true},
		{"star alone is not nothing", sel("requestParameters.a: '*'"), rp + `{"b":"x"}`, false},
		{"star alone is not null", sel("requestParameters.a: '*'"), rp + `{"a":null}`, false},

		// Nothing, null and empty are three things.
		{"null: null", sel("requestParameters.a: null"), rp + `{"a":null}`, true},
		{"null: absent", sel("requestParameters.a: null"), rp + `{}`, true},
		{"null: empty", sel("requestParameters.a: null"), rp + `{"a":""}`, false},
		{"null: value", sel("requestParameters.a:"), rp + `{"a":"x"}`, false},
		{"null of a decoded field", sel("errorCode: null"), `"eventName":"X"`, true},
		{"empty: empty", sel("requestParameters.a: ''"), rp + `{"a":""}`, true},
		{"empty: absent", sel("requestParameters.a: ''"), rp + `{}`, false},
		{"empty: null", sel("requestParameters.a: ''"), rp + `{"a":null}`, false},
		{"empty decoded field", sel("userAgent: ''"), `"eventName":"X","userAgent":""`, true},
		{"exists: null", sel("requestParameters.a|exists: true"), rp + `{"a":null}`, true},
		{"exists: empty", sel("requestParameters.a|exists: true"), rp + `{"a":""}`, true},
		{"exists: absent", sel("requestParameters.a|exists: true"), rp + `{}`, false},
		{"exists not: absent", sel("requestParameters.a|exists: false"), rp + `{}`, true},
		{"exists: part of the record that is null", sel("requestParameters|exists: true"), rp + `null`, true},
		{"exists: empty array", sel("requestParameters.a|exists: true"), rp + `{"a":[]}`, true},
		{"not null", "a:\n  eventName: X\nb:\n  errorCode: null\ncondition: a and not b", `"eventName":"X","errorCode":"E"`, true},

		// Arrays: any of their elements, at any depth.
		{"array", sel("requestParameters.a: y"), rp + `{"a":["x","y"]}`, true},
		{"array without it", sel("requestParameters.a: z"), rp + `{"a":["x","y"]}`, false},
		{"array of objects", sel("requestParameters.a.b: 2"), rp + `{"a":[{"b":1},{"b":2}]}`, true},
		{"array in array", sel("requestParameters.a.b|contains: cret"), rp + `{"a":[{"b":["x"]},{"b":["secret"]}]}`, true},
		{"object as text", sel("requestParameters|contains: '\"b\":1'"), rp + `{"a":{"b":1}}`, true},
		{"members with dots", sel("requestParameters.a.b/c: x"), rp + `{"a.b/c":"x"}`, true},
		{"names have a case", sel("requestParameters.A: x"), rp + `{"a":"x"}`, false},
		{"escapes of JSON", sel(`requestParameters.a: 'a"bä😀'`), rp + `{"a":"a\"b\u00e4\ud83d\ude00"}`, true},

		// Modifiers.
		{"contains", sel("eventName|contains: tob"), `"eventName":"PutObject"`, true},
		{"startswith", sel("eventName|startswith: put"), `"eventName":"PutObject"`, true},
		{"startswith is no contains", sel("eventName|startswith: Object"), `"eventName":"PutObject"`, false},
		{"endswith", sel("eventName|endswith: object"), `"eventName":"PutObject"`, true},
		{"contains with a star", sel("eventName|contains: P*j"), `"eventName":"PutObject"`, true},
		{"all", sel("eventName|contains|all: [put, obj]"), `"eventName":"PutObject"`, true},
		{"all but one", sel("eventName|contains|all: [put, get]"), `"eventName":"PutObject"`, false},
		{"all of an array", sel("requestParameters.a|all: [x, y]"), rp + `{"a":["y","x","z"]}`, true},
		{"re", sel("eventName|re: '^Put[A-Z]'"), `"eventName":"PutObject"`, true},
		{"re has a case", sel("eventName|re: '^put'"), `"eventName":"PutObject"`, false},
		{"re i", sel("eventName|re|i: '^put'"), `"eventName":"PutObject"`, true},
		{"re s", sel("requestParameters.a|re|s: 'a.b'"), rp + `{"a":"a\nb"}`, true},
		{"re without s", sel("requestParameters.a|re: 'a.b'"), rp + `{"a":"a\nb"}`, false},
		{"re m", sel("requestParameters.a|re|m: '^b$'"), rp + `{"a":"a\nb\nc"}`, true},
		{"cidr", sel("sourceIPAddress|cidr: 10.0.0.0/8"), `"eventName":"X","sourceIPAddress":"10.2.3.4"`, true},
		{"cidr: outside", sel("sourceIPAddress|cidr: 10.0.0.0/8"), `"eventName":"X","sourceIPAddress":"11.2.3.4"`, false},
		{"cidr: a list", sel("sourceIPAddress|cidr: [10.0.0.0/8, '2001:db8::/32']"), `"eventName":"X","sourceIPAddress":"2001:db8::1"`, true},
		{"cidr: a name", sel("sourceIPAddress|cidr: 0.0.0.0/0"), `"eventName":"X","sourceIPAddress":"ec2.amazonaws.com"`, false},
		{"lt", sel("requestParameters.n|lt: 5"), rp + `{"n":4.5}`, true},
		{"lt: equal", sel("requestParameters.n|lt: 5"), rp + `{"n":5}`, false},
		{"lte", sel("requestParameters.n|lte: 5"), rp + `{"n":"5"}`, true},
		{"gt", sel("requestParameters.n|gt: -1"), rp + `{"n":0}`, true},
		{"gte: text", sel("requestParameters.n|gte: 0"), rp + `{"n":"many"}`, false},
		{"gte: absent", sel("requestParameters.n|gte: 0"), rp + `{}`, false},
		{"neq", sel("eventName|neq: Y"), `"eventName":"X"`, true},
		{"neq: equal", sel("eventName|neq: x"), `"eventName":"X"`, false},
		{"neq: none of a list", sel("eventName|neq: [X, Y]"), `"eventName":"X"`, false},
		{"neq: absent", sel("errorCode|neq: Y"), `"eventName":"X"`, true},
		{"hour", sel("eventTime|hour: 5"), `"eventName":"X"`, true},
		{"hour and gte", sel("eventTime|hour|gte: 6"), `"eventName":"X"`, false},
		{"minute", sel("eventTime|minute: 6"), `"eventName":"X"`, true},
		{"day", sel("eventTime|day: 4"), `"eventName":"X"`, true},
		{"week", sel("eventTime|week: 10"), `"eventName":"X"`, true},
		{"month", sel("eventTime|month|lt: 4"), `"eventName":"X"`, true},
		{"year", sel("eventTime|year: 2026"), `"eventName":"X"`, true},
		{"base64", sel("requestParameters.a|base64|contains: /bin/sh"), rp + `{"a":"x L2Jpbi9zaA== y"}`, true},
		{"base64offset 0", sel("requestParameters.a|base64offset|contains: /bin/bash"), rp + `{"a":"L2Jpbi9iYXNo"}`, true},
		{"base64offset 1", sel("requestParameters.a|base64offset|contains: /bin/bash"), rp + `{"a":"IC9iaW4vYmFzaCAtaQ=="}`, true},
		{"base64offset 2", sel("requestParameters.a|base64offset|contains: /bin/bash"), rp + `{"a":"YSAvYmluL2Jhc2ggLWk="}`, true},
		{"wide and base64offset", sel("requestParameters.a|wide|base64offset|contains: ping"), rp + `{"a":"cABpAG4AZwA="}`, true},
		{"utf16le and base64", sel("requestParameters.a|utf16le|base64: ping"), rp + `{"a":"cABpAG4AZwA="}`, true},
		{"utf16be and base64", sel("requestParameters.a|utf16be|base64: ping"), rp + `{"a":"AHAAaQBuAGc="}`, true},
		{"utf16 and base64", sel("requestParameters.a|utf16|base64: ping"), rp + `{"a":"//5wAGkAbgBnAA=="}`, true},
		{"windash", sel("requestParameters.a|windash|contains: ' -x -y'"), rp + `{"a":"cmd /x –y"}`, true},
		{"windash inside a word", sel("requestParameters.a|windash: a-b"), rp + `{"a":"a/b"}`, false},
		{"fieldref", sel("requestParameters.a|fieldref: requestParameters.b"), rp + `{"a":"x","b":"X"}`, true},
		{"fieldref: not the same", sel("requestParameters.a|fieldref: requestParameters.b"), rp + `{"a":"x","b":"y"}`, false},
		{"fieldref: absent", sel("requestParameters.a|fieldref: requestParameters.b"), rp + `{"a":"x"}`, false},
		{"fieldref neq", sel("requestParameters.a|fieldref|neq: requestParameters.b"), rp + `{"a":"x","b":"y"}`, true},
		{"fieldref endswith", sel("userIdentity.arn|fieldref|endswith: requestParameters.userName"), rp + `{"userName":"alice"}`, true},
		{"expand", sel("requestParameters.a|expand: 'x-%admins%'"), rp + `{"a":"x-root"}`, true},
		{"expand: another", sel("requestParameters.a|expand: 'x-%admins%'"), rp + `{"a":"x-bob"}`, false},
		{"expand: plain percent", sel(`requestParameters.a|expand: '\%x%admins%'`), rp + `{"a":"%xroot"}`, true},
		{"without expand a percent is one", sel("requestParameters.a: '%admins%'"), rp + `{"a":"%admins%"}`, true},

		// Keywords.
		{"keyword", "keywords: [ecre]\ncondition: keywords", rp + `{"deep":["a secret"]}`, true},
		{"keywords are or", "keywords: [nope, ALICE]\ncondition: keywords", `"eventName":"X"`, true},
		{"keywords and all", "keywords:\n  '|all': [alice, nope]\ncondition: keywords", `"eventName":"X"`, false},
		{"keyword with a wildcard", "keywords: ['user*lice']\ncondition: keywords", `"eventName":"X"`, true},
		{"keyword with escapes of JSON", `keywords: ['say "hi"']` + "\ncondition: keywords", rp + `{"a":"say \"hi\""}`, true},
		{"keyword re", "keywords:\n  '|re': 'user/Al.ce'\ncondition: keywords", `"eventName":"X"`, true},
		{"keywords beside mappings", "k:\n  - nope\n  - eventName: X\ncondition: k", `"eventName":"X"`, true},

		// Conditions.
		{"and not", "a: {eventName: X}\nb: {errorCode: E}\ncondition: a and not b", `"eventName":"X"`, true},
		{"not binds closest", "a: {eventName: X}\nb: {eventName: Y}\ncondition: not b and a", `"eventName":"X"`, true},
		{"and before or", "a: {eventName: X}\nb: {eventName: Y}\nc: {eventName: Z}\ncondition: a or b and c", `"eventName":"X"`, true},
		{"parentheses", "a: {eventName: X}\nb: {eventName: Y}\nc: {eventName: Z}\ncondition: (a or b) and c", `"eventName":"X"`, false},
		{"1 of them", "a: {eventName: X}\nb: {eventName: Y}\ncondition: 1 of them", `"eventName":"Y"`, true},
		{"all of them", "a: {eventName: X}\nb: {eventName: Y}\ncondition: all of them", `"eventName":"Y"`, false},
		{"them leaves out _", "a: {eventName: X}\n_b: {eventName: Y}\ncondition: all of them", `"eventName":"X"`, true},
		{"1 of a pattern", "sel_a: {eventName: X}\nsel_b: {eventName: Y}\nfilter: {errorCode: E}\ncondition: 1 of sel_* and not filter", `"eventName":"Y"`, true},
		{"all of a pattern", "sel_a: {eventName: X}\nsel_b: {eventSource: s3*}\ncondition: all of sel_*", `"eventName":"X"`, true},
		{"not 1 of", "a: {eventName: X}\nf_1: {errorCode: E}\nf_2: {awsRegion: eu-west-1}\ncondition: a and not 1 of f_*", `"eventName":"X"`, false},
		{"pattern with a star inside", "sel_a_x: {eventName: Y}\nsel_b_x: {eventName: X}\ncondition: 1 of sel_*_x", `"eventName":"X"`, true},
		{"operators of any case", "a: {eventName: X}\nb: {eventName: Y}\ncondition: a OR b", `"eventName":"Y"`, true},
		{"a list of conditions is or", "a: {eventName: X}\nb: {eventName: Y}\ncondition: [a, b]", `"eventName":"Y"`, true},
		{"names like operators", "selection_of: {eventName: X}\nnot_that: {eventName: Y}\ncondition: selection_of and not not_that", `"eventName":"X"`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := load(t, trailRule(tt.detection), "placeholders: {admins: [root, admin]}")
			m := NewMatcher(set)
			ev := eventsOf(t, trailRecord(tt.record))
			for range 2 { // the second with the memory of the first
				if got := len(m.Match(&ev[0])) == 1; got != tt.want {
					t.Errorf("matched %v, want %v\n%s\n%s", got, tt.want, tt.detection, tt.record)
				}
			}
		})
	}
}

// TestFaults: each mistake is told with its line and what to do.
func TestFaults(t *testing.T) {
	const head = "title: t\nlogsource: {product: aws, service: cloudtrail}\n" // two lines
	for _, tt := range []struct {
		name, rule string
		line       int
		want       string
	}{
		{"no YAML", "title: [", 1, "not YAML"},
		{"nothing", "# only this", 1, "no rule"},
		{"a list", "- a", 1, "a rule is a mapping"},
		{"no title", "logsource: {product: aws}\ndetection: {a: {b: c}, condition: a}", 1, "no title"},
		{"no logsource", "title: t\ndetection: {}", 1, "no logsource"},
		{"no detection", "title: t\nlogsource: {product: aws}", 1, "no detection"},
		{"no condition", head + "detection:\n  a: {eventName: X}", 4, "no condition"},
		{"unknown selection", head + "detection:\n  selection: {eventName: X}\n  condition: selektion", 5, "did you mean selection?"},
		{"unknown modifier", head + "detection:\n  a:\n    eventName|contians: X\n  condition: a", 5, "did you mean contains?"},
		{"unfit modifiers", head + "detection:\n  a: {eventName|re|contains: X}\n  condition: a", 4, "cannot be used together"},
		{"regular expression", head + "detection:\n  a:\n    eventName|re: '(?=x)'\n  condition: a", 5, "look-around"},
		{"network", head + "detection:\n  a: {sourceIPAddress|cidr: 10.0.0.0/33}\n  condition: a", 4, "192.0.2.0/24"},
		{"number", head + "detection:\n  a: {eventName|gt: many}\n  condition: a", 4, "not a number"},
		{"exists", head + "detection:\n  a: {eventName|exists: perhaps}\n  condition: a", 4, "true or false"},
		{"null in a list", head + "detection:\n  a:\n    eventName:\n      - X\n      - null\n  condition: a", 7, "of its own"},
		{"placeholder", head + "detection:\n  a: {eventName|expand: '%admins%'}\n  condition: a", 4, "placeholders"},
		{"aggregation", head + "detection:\n  a: {eventName: X}\n  condition: a | count() > 5", 5, "correlation"},
		{"open parenthesis", head + "detection:\n  a: {eventName: X}\n  condition: (a", 5, "parenthesis"},
		{"2 of", head + "detection:\n  a: {eventName: X}\n  condition: 2 of them", 5, "1 of"},
		{"words that follow", head + "detection:\n  a: {eventName: X}\n  condition: a a", 5, "and"},
		{"twice", head + "detection:\n  a:\n    eventName: X\n    eventName: Y\n  condition: a", 6, "given twice"},
		{"an alias", head + "detection:\n  a: &x {eventName: X}\n  b: *x\n  condition: a or b", 4, "anchors"},
		{"a nested mapping", head + "detection:\n  a:\n    requestParameters: {b: c}\n  condition: a", 5, "dots"},
		{"an empty selection", head + "detection:\n  a: {}\n  condition: a", 4, "match everything"},
		{"an empty list", head + "detection:\n  a: {eventName: []}\n  condition: a", 4, "match nothing"},
		{"a level", head + "level: severe\ndetection: {a: {eventName: X}, condition: a}", 3, "use one of"},
		{"an id", "id: x\n" + head + "detection: {a: {eventName: X}, condition: a}", 1, "UUID"},
		{"a field of flows", "title: t\nlogsource: {product: aws, service: vpcflow}\ndetection:\n  a: {dstprt: 5}\n  condition: a", 4, "did you mean dstport?"},
		{"many dashes", head + "detection:\n  a: {eventName|windash: ' -a -b -c -d -e -f'}\n  condition: a", 4, "fewer flags"},
		{"x-vedette", head + "x-vedette: {severe: 5}\ndetection: {a: {eventName: X}, condition: a}", 3, "no member"},
		{"type", head + "x-vedette: {type: shell}\ndetection: {a: {eventName: X}, condition: a}", 3, "Purpose:Resource/Name"},
		{"test", head + "x-vedette:\n  tests:\n    - maybe: {a: b}\ndetection: {a: {eventName: X}, condition: a}", 5, "fires"},
		{"joined documents", "action: global\ntitle: t", 1, "before 2.0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, problems := Load([]File{{"r.yml", []byte(tt.rule)}})
			if len(set.Rules()) != 0 || len(problems) == 0 {
				t.Fatalf("loaded %d rules, problems %v", len(set.Rules()), problems)
			}
			p := problems[0]
			if p.Grade != Fault || p.File != "r.yml" || p.Line != tt.line || !strings.Contains(p.Text, tt.want) {
				t.Errorf("got %s %q, want a fault at line %d with %q", p.Grade, p, tt.line, tt.want)
			}
		})
	}
}
