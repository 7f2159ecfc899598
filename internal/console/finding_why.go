package console

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/story"
)

// whyView is why something is a finding.
type whyView struct {
	Text    string
	Rule    *ruleSays
	Matched []fieldValue // what of the record the rule met
	Lists   []listHit
	Unusual []unusualRow
	Score   string // of the model, and from where on it is a finding
	Stands  *aggregateView
	Details []fieldValue // members of additionalInfo that have no place of their own
}

type fieldValue struct{ Field, Value string }

type ruleSays struct {
	ID, Title, Author, Level, Status string
	Tags, FalsePositives             []string
	Path                             string `json:"-"` // of its page, for those who may see it
}

type listHit struct {
	finding.ThreatIntelligenceDetail
	Names string
}

// unusualRow is one value that is unusual, beside those that are usual.
type unusualRow struct {
	Of, View, Value string
	How             string   // new, or seldom
	Often           bool     // not unusual by itself
	Usual           []string // most frequent first
	Share           string   // of the score, in percent
}

type aggregateView struct {
	Findings    int64
	Approximate bool
	Entities    []struct {
		entityName
		Count int64
	}
}

type entityName struct{ Kind, Name string }

// decode reads JSON that may be of another shape: then there is nothing.
func decode[T any](raw json.RawMessage, into *T) {
	if len(raw) > 0 && json.Unmarshal(raw, into) != nil {
		var none T
		*into = none
	}
}

func whyOf(f *finding.Finding, info story.Info) whyView {
	v := whyView{Text: info.Why, Unusual: unusualOf(f, info)}
	var rule ruleSays
	if decode(info.Members["rule"], &rule); rule.ID != "" {
		v.Rule = &rule
	}
	decode(info.Members["matched"], &v.Matched)
	var aggregate aggregateView
	if decode(info.Members["aggregate"], &aggregate); aggregate.Findings > 0 {
		v.Stands = &aggregate
	}
	var model struct{ Score, Threshold string }
	if decode(info.Members["anomaly"], &model); model.Score != "" && !strings.Contains(info.Why, model.Score) {
		v.Score = "The score is " + model.Score + "; a finding is due from " + model.Threshold + "."
	}
	if e := f.Service.Evidence; e != nil {
		for _, d := range e.ThreatIntelligenceDetails {
			v.Lists = append(v.Lists, listHit{d, strings.Join(d.ThreatNames, ", ")})
		}
	}
	v.Details = detailsOf(info)
	return v
}

// detailsOf are the members of additionalInfo that no other part of the page tells.
func detailsOf(info story.Info) (out []fieldValue) {
	told := []string{"evidence", "rule", "matched", "remediation", "aggregate", "anomaly", "why", "score", "stages", "path", "signalsLeftOut", "sample",
		"unusual", "unusualBehavior", "threatListName", "threatListSha256"}
	for _, name := range slices.Sorted(maps.Keys(info.Members)) {
		if slices.Contains(told, name) || len(out) == 40 {
			continue
		}
		text := plainly(info.Members[name])
		if text != "" && text != "null" {
			out = append(out, fieldValue{inWords(name), text})
		}
	}
	return out
}

// plainly is JSON as people read it: a text without its quotes, an object of
// texts as a list.
func plainly(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var members map[string]string
	if json.Unmarshal(raw, &members) != nil {
		return string(raw)
	}
	var parts []string
	for _, name := range sortedKeys(members) {
		parts = append(parts, inWords(name)+": "+members[name])
	}
	return strings.Join(parts, "; ")
}

// inWords is the name of a member as words: commandLine is "Command line".
func inWords(name string) string {
	var b strings.Builder
	var before rune
	for i, c := range name {
		switch {
		case i == 0:
			c = unicode.ToUpper(c)
		case unicode.IsUpper(c) && unicode.IsLower(before):
			b.WriteByte(' ')
			before, c = c, unicode.ToLower(c)
			b.WriteRune(c)
			continue
		}
		before = c
		b.WriteRune(c)
	}
	return b.String()
}

// unusualOf sets what is unusual beside what is usual, for the one who did it first.
func unusualOf(f *finding.Finding, info story.Info) (rows []unusualRow) {
	d := f.Service.Detection
	if d == nil || d.Anomaly == nil || d.Anomaly.Unusual == nil {
		return nil
	}
	var model struct {
		Values []struct{ View, Value, Share string }
	}
	decode(info.Members["anomaly"], &model)
	shares := map[string]string{}
	for _, v := range model.Values {
		shares[v.View+"\x00"+v.Value] = v.Share
	}
	behaviour := d.Anomaly.Unusual.Behavior
	for _, of := range slices.SortedFunc(maps.Keys(behaviour), ownFirst) {
		for _, view := range slices.Sorted(maps.Keys(behaviour[of])) {
			o := behaviour[of][view]
			for _, value := range textsOf(o) {
				r := unusualRow{Of: profileWords(of), View: viewWords(view), Value: value, How: howWords(o.ProfileSubtype), Often: o.ProfileSubtype == "FREQUENT", Share: shares[view+"\x00"+value]}
				for _, usual := range d.Anomaly.Profiles[of][view] {
					r.Usual = append(r.Usual, textsOf(usual)...)
				}
				rows = append(rows, r)
			}
		}
	}
	return rows[:min(len(rows), 40)]
}

func textsOf(o finding.AnomalyObject) []string {
	if o.Observations == nil {
		return nil
	}
	return o.Observations.Text
}

// ownFirst orders profiles: of who acted before of everybody.
func ownFirst(a, b string) int {
	whole := func(of string) int {
		switch of {
		case "account", "cluster":
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(whole(a), whole(b)), strings.Compare(a, b))
}

func profileWords(of string) string {
	switch of {
	case "userIdentity", "username":
		return "who did it"
	case "account", "cluster":
		return "the whole " + of
	}
	return inWords(of)
}

func viewWords(view string) string {
	switch view {
	case "api":
		return "API"
	case "asnOrg":
		return "Network"
	case "userAgent":
		return "Program"
	}
	return inWords(view)
}

func howWords(subtype string) string {
	switch subtype {
	case "UNSEEN":
		return "never seen before"
	case "RARE", "INFREQUENT":
		return "seldom seen"
	case "FREQUENT":
		return "often seen here"
	}
	return strings.ToLower(strings.ReplaceAll(subtype, "_", " "))
}
