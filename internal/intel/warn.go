package intel

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Conflict is an entry of a list that a warning list knows better, or that is
// of a range that the internet does not carry.
type Conflict struct {
	List  string `json:"list"`
	Entry string `json:"entry"`
	Why   string `json:"why"`
	Taken bool   `json:"taken"` // all the same, because the operator's word counts
}

// maxConflicts bounds how many conflicts of a part are kept. All are counted.
const maxConflicts = 1000

// topSites is how many of the popular domains feeds cannot flag. Further down,
// popular names are those of malware at times.
const topSites = 10_000

// resolver finds conflicts between entries of threats and warning lists.
type resolver struct {
	threats  *indexBuilder
	warnings []*index
	popular  []func() *ranks // read if there are names to look for
	out      []Conflict
}

// resolve keeps those entries of feeds out that warning lists know better.
func (b *Builder) resolve(own *index) []Conflict {
	b.threats.text.seal()
	r := &resolver{threats: b.threats}
	if !slices.ContainsFunc(b.threats.claims, heeds) {
		return nil
	}
	if own != nil {
		r.warnings = append(r.warnings, own)
	}
	for _, s := range b.heed {
		r.heed(s)
	}
	r.prefixes()
	r.names()
	return r.out
}

// heed adds the warnings of a set.
func (r *resolver) heed(s *Set) {
	for _, p := range s.all() {
		if w := p.warnings(); w != nil {
			r.warnings = append(r.warnings, w)
		}
		if p.popular != nil {
			r.popular = append(r.popular, p.popular)
		}
	}
}

func (r *resolver) prefixes() {
	for _, x := range r.threats.v4 {
		r.prefix(x.entry, func() netip.Prefix { return prefix4(x.addr, x.bits) })
	}
	for _, x := range r.threats.v6 {
		r.prefix(x.entry, func() netip.Prefix { return prefix6(x.hi, x.lo, x.bits) })
	}
}

func (r *resolver) prefix(e uint32, of func() netip.Prefix) {
	if !r.concerns(e) {
		return
	}
	p := of()
	if why, ok := r.warnedOf(p); ok {
		r.conflict(e, why)
		return
	}
	if why, documentation, ok := reservedFor(p); ok && documentation {
		r.conflict(e, why+"; no real traffic has it")
	}
}

// warnedOf looks for warnings about a prefix, or about something inside it.
func (r *resolver) warnedOf(p netip.Prefix) (why string, ok bool) {
	for _, w := range r.warnings {
		if c := w.meets(p); c != none {
			return w.because(c), true
		}
	}
	return "", false
}

func (r *resolver) names() {
	before := ^uint32(0)
	for _, x := range r.threats.names {
		if x.entry == before || !r.concerns(x.entry) { // an entry for a name and all below comes twice
			continue
		}
		before = x.entry
		name := r.threats.text.at(x.key, x.n)
		if why, ok := r.warned(name, x.below || r.threats.list(x.entry).Match != MatchExact); ok {
			r.conflict(x.entry, why)
		}
	}
}

// warned looks for warnings about a name, or about one below it.
func (r *resolver) warned(name string, below bool) (why string, ok bool) {
	for _, w := range r.warnings {
		if c := w.name(name); c != none {
			return w.because(c), true
		}
		if below && w.names.find(name) != nil {
			return fmt.Sprintf("names below %s are on a warning list", name), true
		}
	}
	for _, p := range r.popular {
		if n, ok := p().rank(name); ok && n <= topSites {
			return fmt.Sprintf("%s is number %d of the popular domains", name, n), true
		}
	}
	return "", false
}

func (b *indexBuilder) list(e uint32) *List { return b.claims[b.entries[e].claimID()].list }

// concerns reports whether an entry must heed warnings: those built in are
// tested, and well-known servers are what some categories are about.
func (r *resolver) concerns(e uint32) bool {
	return heeds(r.threats.claims[r.threats.entries[e].claimID()])
}

func heeds(c claim) bool { return c.list.Kind != KindBuiltin && !c.category.Service() }

// conflict notes one, and keeps the entry out if it is a feed's.
func (r *resolver) conflict(e uint32, why string) {
	l := r.threats.list(e)
	if l.Kind == KindFeed {
		if r.threats.dropped == nil {
			r.threats.dropped = map[uint32]bool{}
		}
		r.threats.dropped[e] = true
		l.Refused++
	}
	if len(r.out) < maxConflicts {
		r.out = append(r.out, Conflict{l.Name, strings.Clone(r.threats.text.textOf(&r.threats.entries[e])), why, l.Kind != KindFeed})
	}
}

// because says what a warning list says.
func (x *index) because(c chain) string {
	h := x.hit(&x.entries[c])
	why := fmt.Sprintf("the warning list %q has %s", h.List, h.Entry)
	if len(h.Names) > 0 {
		why += " (" + strings.Join(h.Names, ", ") + ")"
	}
	return why
}
