package detect

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/anomaly"
	"github.com/vedette-project/vedette/internal/finding"
)

// verdict says that a finding is due, and why.
type verdict struct {
	behaviour        behaviour // its strings are its own
	late             bool
	score, threshold int64
	tail             anomaly.Tail
	fits             bool
	since            time.Time // first day on which the principal was met; zero if that is today
	days             int       // of the last 32, on which the principal was met
	views            []viewSurprise
	usual            []viewUsual // of all views
	others           []string    // acts of the same hour that count
}

// viewSurprise is what was unusual in one view.
type viewSurprise struct {
	view, value string
	hash        uint32
	class       string // of the principal: FREQUENT, INFREQUENT, RARE or UNSEEN
	level       string // where the value was known: principal, group, kind, account or nowhere
	wide        string // class at that level
	share       int    // per cent of the score
	usual       []usualValue
}

// usualValue is a value that a node often has in a view.
type usualValue struct {
	value string
	count uint64
	class string
}

// viewUsual is what is usual in one view.
type viewUsual struct {
	view      string
	self, all []usualValue
}

var levelNames = [anomaly.Levels + 1]string{"principal", "group", "kind", "account", "nowhere"}

// usualShown bounds how many usual values a finding names of a view.
const usualShown = 10

// verdict gathers what a finding says, before the event is learned.
func (m *model) verdict(at time.Time, late bool, b *behaviour, who *whose, views *surprises, total, threshold int64, others []uint32) *verdict {
	own := who.nodes[0]
	v := &verdict{
		behaviour: behaviour{
			plane: b.plane, principal: strings.Clone(b.principal), group: strings.Clone(b.group), kind: strings.Clone(b.kind),
			act: strings.Clone(b.act), risk: b.risk, typ: b.typ, systemic: b.systemic,
		},
		late: late, score: total, threshold: threshold, tail: m.tail, fits: m.fits, days: own.Days(),
	}
	if own.First() > 0 {
		v.since = time.Unix(int64(own.First())*24*3600, 0).UTC()
	}
	for _, h := range others {
		if w := m.words.get(wordKey(h)); w != nil {
			v.others = append(v.others, w.text)
		}
	}
	for i, name := range b.plane.views {
		u := viewUsual{view: name, self: m.usual(own, i), all: m.usual(who.nodes[anomaly.Levels-1], i)}
		if len(u.self)+len(u.all) > 0 {
			v.usual = append(v.usual, u)
		}
		s := &views.by[i]
		if s.Score == 0 {
			continue
		}
		x := viewSurprise{
			view: name, value: strings.Clone(b.values[i]), hash: views.hash[i], usual: u.self,
			class: anomaly.Class(own.DaysOf(i, views.hash[i])), level: levelNames[s.Known], wide: anomaly.Class(s.Days),
		}
		if views.sum > 0 {
			x.share = int(s.Score * 100 / views.sum)
		}
		v.views = append(v.views, x)
	}
	slices.SortStableFunc(v.views, func(a, b viewSurprise) int { return b.share - a.share })
	return v
}

// usual are the values that a node has most often, by name where it is known.
func (m *model) usual(p *anomaly.Profile, view int) (out []usualValue) {
	for _, x := range p.Usual(view, usualShown) {
		if w := m.words.get(wordKey(x.Hash)); w != nil {
			out = append(out, usualValue{w.text, x.Count, anomaly.Class(p.DaysOf(view, x.Hash))})
		}
	}
	return out
}

// unusual are the views that made the score, the one that said most first.
func (v *verdict) unusual() []viewSurprise { return v.views }

// detection is the block service.detection of a finding.
func (v *verdict) detection() *finding.Detection {
	p := v.behaviour.plane
	self, all := or(p.self, "userIdentity"), or(p.all, "account")
	profiles := map[string]map[string][]finding.AnomalyObject{}
	for _, u := range v.usual {
		for _, of := range []struct {
			scope string
			list  []usualValue
		}{{self, u.self}, {all, u.all}} {
			if objects := byClass(of.list); len(objects) > 0 {
				if profiles[of.scope] == nil {
					profiles[of.scope] = map[string][]finding.AnomalyObject{}
				}
				profiles[of.scope][u.view] = objects
			}
		}
	}
	behaviour := map[string]map[string]finding.AnomalyObject{self: {}, all: {}}
	for _, x := range v.views {
		behaviour[self][x.view] = anomalyObject(x.class, x.value)
		if x.level != levelNames[0] {
			behaviour[all][x.view] = anomalyObject(x.wide, x.value)
		}
	}
	if len(behaviour[all]) == 0 {
		delete(behaviour, all)
	}
	return &finding.Detection{Anomaly: &finding.Anomaly{Profiles: profiles, Unusual: &finding.AnomalyUnusual{Behavior: behaviour}}}
}

func anomalyObject(class string, values ...string) finding.AnomalyObject {
	return finding.AnomalyObject{ProfileType: "FREQUENCY", ProfileSubtype: class, Observations: &finding.Observations{Text: values}}
}

func byClass(list []usualValue) (out []finding.AnomalyObject) {
	for _, class := range []string{"FREQUENT", "INFREQUENT", "RARE"} {
		var texts []string
		for _, u := range list {
			if u.class == class {
				texts = append(texts, u.value)
			}
		}
		if len(texts) > 0 {
			out = append(out, anomalyObject(class, texts...))
		}
	}
	return out
}

// why says what was unusual, what is usual, since when that is known, and how
// the score stands to the budget.
func (v *verdict) why() string {
	var b strings.Builder
	for i, x := range v.views {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s %s is %s (%d%% of the score)", viewWords(x.view), quoted(x.value, "none"), x.words(), x.share)
		if len(x.usual) > 0 {
			b.WriteString(", usual: ")
			for k, u := range x.usual[:min(3, len(x.usual))] {
				if k > 0 {
					b.WriteString(", ")
				}
				b.WriteString(quoted(u.value, "none") + " about " + strconv.FormatUint(u.count, 10) + " times")
			}
		}
	}
	if len(v.others) > 0 {
		b.WriteString("; unusual acts of the same hour count, too: " + strings.Join(v.others, ", "))
	}
	if v.since.IsZero() {
		b.WriteString("; the principal was not met before, so it is measured by how its peers began")
	} else {
		fmt.Fprintf(&b, "; what this principal does is known since %s (met on %d of the last %d days)", v.since.Format(time.DateOnly), v.days, anomaly.Window)
	}
	fmt.Fprintf(&b, "; score %s, a finding is due from %s", decades(v.score), decades(v.threshold))
	if v.fits {
		fmt.Fprintf(&b, ", and about one in 10^%s events of the last days scores as high", decades(v.tail.Rate(v.score)))
	}
	if v.late {
		b.WriteString("; the record came late and was judged by itself")
	}
	return b.String()
}

// words says where a value is known.
func (x *viewSurprise) words() string {
	switch x.level {
	case "principal":
		return "rare for it (" + strings.ToLower(x.class) + " in the last 30 days)"
	case "nowhere":
		return "new to it and to everybody"
	case "group":
		return "new to it, though its peers know it"
	case "kind":
		return "new to it and its peers, though others of its kind know it"
	}
	return "new to it and its kind, though not to the whole"
}

// viewWords names a view in a sentence.
func viewWords(view string) string {
	var b strings.Builder
	for i, r := range view {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte(' ')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return strings.Replace(strings.Replace(b.String(), "asn org", "network", 1), "api", "API", 1)
}

// decades writes a score as a power of ten, with one digit after the point.
func decades(score int64) string {
	tenths := (score*10 + anomaly.Decade/2) / anomaly.Decade
	return strconv.FormatInt(tenths/10, 10) + "." + strconv.FormatInt(tenths%10, 10)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// cutText bounds a text in bytes, between two characters.
func cutText(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return strings.Clone(s)
	}
	s = s[:limit]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// info is what a finding keeps under additionalInfo.anomaly: the numbers, and
// what Expect needs.
func (v *verdict) info() map[string]any {
	values := make([]any, 0, len(v.views))
	for _, x := range v.views {
		values = append(values, map[string]any{
			"view": x.view, "value": strings.ToValidUTF8(x.value, "\uFFFD"), "hash": fmt.Sprintf("%08x", x.hash),
			"class": x.class, "knownTo": x.level, "share": strconv.Itoa(x.share),
		})
	}
	return map[string]any{
		"plane": v.behaviour.plane.name, "principal": strings.ToValidUTF8(v.behaviour.principal, "\uFFFD"),
		"score": decades(v.score), "threshold": decades(v.threshold), "values": values,
	}
}

// daysOn counts the days of a bitmap.
func daysOn(days uint32) int { return bits.OnesCount32(days) }
