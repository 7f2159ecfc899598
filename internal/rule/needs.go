package rule

import "regexp/syntax"

// regularNeeds are texts of which one is in whatever a regular expression
// matches; nil where that cannot be said.
func regularNeeds(pattern string) []need {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	return literals(re.Simplify())
}

// maxAlternatives bounds the texts that stand in for one expression.
const maxAlternatives = 64

func literals(re *syntax.Regexp) []need {
	switch re.Op {
	case syntax.OpLiteral:
		if t := fold(string(re.Rune)); len(t) >= gramSize {
			return []need{{text: t}}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literals(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return literals(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []need
		for _, sub := range re.Sub {
			if n := literals(sub); n != nil && (best == nil || shortest(n) > shortest(best)) {
				best = n
			}
		}
		return best
	case syntax.OpAlternate:
		var all []need
		for _, sub := range re.Sub {
			n := literals(sub)
			if n == nil || len(all)+len(n) > maxAlternatives {
				return nil
			}
			all = append(all, n...)
		}
		return all
	}
	return nil
}

// shortest is the length of the shortest text of some.
func shortest(needs []need) int {
	n := len(needs[0].text)
	for _, x := range needs {
		n = min(n, len(x.text))
	}
	return n
}

// key is what an event must have under a field for a rule to be asked.
type key struct {
	field int32
	need
}

// usage counts the rules that could be found by a key. What many rules ask for
// is mostly what many events have: the name of a service, say.
type usage struct {
	rules map[key]int
	view  *view
}

// reading is how many times dearer a key is for which every event's record must
// be read than one of what is decoded anyway.
const reading = 50

// note counts the keys of a rule.
func (u *usage) note(e expr) {
	seen := map[key]bool{}
	visit(e, func(a *asks) {
		for _, set := range a.needs {
			for _, n := range set {
				if k := (key{a.field, n}); !seen[k] {
					seen[k] = true
					u.rules[k]++
				}
			}
		}
	})
}

// visit calls f for what must hold of fields; what must not is left out.
func visit(e expr, f func(*asks)) {
	switch e := e.(type) {
	case *asks:
		f(e)
	case allOf:
		for _, sub := range e {
			visit(sub, f)
		}
	case anyOf:
		for _, sub := range e {
			visit(sub, f)
		}
	}
}

// cost says how many events some keys let through, roughly.
func (u *usage) cost(keys []key) float64 {
	cost := 0.0
	for _, k := range keys {
		c := 1.0
		if !k.whole {
			c = 3 + 40/float64(len(k.text)*len(k.text))
		}
		if u.view.fields[k.field].group >= 0 {
			c *= reading
		}
		cost += c * float64(u.rules[k])
	}
	return cost
}

// keysOf are keys of which an event that fulfils e has one; nil where that
// cannot be said.
func (u *usage) keysOf(e expr) []key {
	switch e := e.(type) {
	case *asks:
		var best []key
		for _, set := range e.needs {
			var keys []key
			for _, n := range set {
				keys = append(keys, key{e.field, n})
			}
			best = u.better(best, keys)
		}
		return best
	case allOf:
		var best []key
		for _, sub := range e {
			best = u.better(best, u.keysOf(sub))
		}
		return best
	case anyOf:
		var all []key
		for _, sub := range e {
			k := u.keysOf(sub)
			if k == nil {
				return nil
			}
			all = append(all, k...)
		}
		return all
	}
	return nil
}

func (u *usage) better(a, b []key) []key {
	if a == nil || b != nil && u.cost(b) < u.cost(a) {
		return b
	}
	return a
}
