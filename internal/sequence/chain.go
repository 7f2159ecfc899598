package sequence

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// maxChains and maxReached bound what is told of how entities are linked.
const (
	maxChains  = 8
	maxReached = 4
)

// Chains tell how the entities of a sequence are linked, from who led to who
// was led to and what was reached in the end, such as a pod, its service
// account, the role of that, its session and the bucket that it read.
func (s *Sequence) Chains() []string {
	next, led := s.links()
	var out []string
	for _, from := range slices.Sorted(maps.Keys(next)) {
		if !led[from] {
			out = s.walk(out, next, []Entity{from}, shortName(from))
		}
	}
	return out[:min(len(out), maxChains)]
}

// links are the links by where they lead from, and who is led to. A service
// account as IAM knows it is the one of the cluster, where that is known.
func (s *Sequence) links() (next map[Entity][]*Edge, led map[Entity]bool) {
	same := map[Entity]Entity{}
	for _, e := range s.Path {
		for _, x := range []Entity{e.From, e.To} {
			if sub := subjectOf(x); sub != "" {
				same[sub] = x
			}
		}
	}
	next, led = map[Entity][]*Edge{}, map[Entity]bool{}
	for _, e := range s.Path {
		from := cmp.Or(same[e.From], e.From)
		next[from] = append(next[from], e)
		led[e.To] = true
	}
	return next, led
}

func (s *Sequence) walk(out []string, next map[Entity][]*Edge, way []Entity, text string) []string {
	at := way[len(way)-1]
	ended := true
	for _, e := range next[at] {
		if slices.Contains(way, e.To) || len(out) >= maxChains {
			continue
		}
		ended = false
		out = s.walk(out, next, append(slices.Clone(way), e.To), text+" → "+linkText(e))
	}
	if ended {
		out = append(out, text+s.end(at))
	}
	return out
}

// linkText reads a link: "has the role checkout".
func linkText(e *Edge) string {
	kind := words(e.To.Kind())
	if last := e.How[strings.LastIndexByte(e.How, ' ')+1:]; strings.HasSuffix(kind, last) {
		return e.How + strings.TrimPrefix(shortName(e.To), kind)
	}
	return e.How + " " + shortName(e.To)
}

// end is what was done by the last of a chain: in which session, where that is
// another entity, what was seen of it, and what that was about.
func (s *Sequence) end(e Entity) string {
	var sessions, signals, touched []string
	for _, n := range s.Notes {
		if !slices.Contains(n.Entities, e) {
			continue
		}
		for _, x := range n.Entities {
			if x.Kind() == kindPrincipal && x != e && e.Kind() != kindKey && e.Kind() != kindUser {
				sessions = append(sessions, x.ID())
			}
		}
		signals = append(signals, n.Name)
		for _, x := range n.Touched {
			touched = append(touched, shortName(x))
		}
	}
	text := ""
	for _, part := range []struct {
		before string
		list   []string
	}{{" → in the session ", sessions}, {": ", signals}, {" → ", touched}} {
		slices.Sort(part.list)
		if list := slices.Compact(part.list); len(list) > maxReached {
			text += part.before + strings.Join(list[:maxReached], ", ") + " and others"
		} else if len(list) > 0 {
			text += part.before + strings.Join(list, ", ")
		}
	}
	return text
}
