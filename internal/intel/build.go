package intel

import (
	"cmp"
	"fmt"
	"slices"
)

// Builder collects lists for a [Part].
type Builder struct {
	threats, trusted, warnings, networks, kinds *indexBuilder

	lists   []*ListBuilder
	byName  map[string]*ListBuilder // of those that Add, Trust and Warn made
	builtin bool
	heed    []*Set
}

// ListBuilder takes the entries of one list.
type ListBuilder struct {
	b    *Builder
	list *List
	seen Category // of the entry before
}

// NewBuilder returns a builder without entries.
func NewBuilder() *Builder {
	return &Builder{
		threats: new(indexBuilder), trusted: new(indexBuilder), warnings: new(indexBuilder), networks: new(indexBuilder), kinds: new(indexBuilder),
		byName: map[string]*ListBuilder{},
	}
}

// List starts a list. Its counts are filled as entries come.
func (b *Builder) List(l List) *ListBuilder {
	l.Holds, l.State = cmp.Or(l.Holds, HoldsThreats), cmp.Or(l.State, "active")
	l.Entries, l.Refused, l.Seen = 0, 0, nil
	if !isRole(l.Holds) {
		l.Category = Category(l.Holds)
	}
	lb := &ListBuilder{b: b, list: &l}
	b.lists = append(b.lists, lb)
	return lb
}

// Heed makes the warning lists of a set keep entries of feeds out.
func (b *Builder) Heed(s *Set) { b.heed = append(b.heed, s) }

// Add adds an entry to the list of threats that h names, one of the operator's.
func (b *Builder) Add(entry string, h Hit) error {
	l := b.named(List{Name: h.List, Kind: KindOperator, Category: h.Category})
	return l.Add(entry, Fact{h.Category, h.Names, h.FirstSeen, h.LastSeen, h.Expires, h.Confidence})
}

// Trust adds an entry that no list shall flag; a domain with all below it.
func (b *Builder) Trust(entry string) error {
	return b.named(List{Name: "trusted", Kind: KindOperator, Holds: HoldsTrusted}).Add(entry, Fact{})
}

// Warn adds what a feed can name by mistake only, such as a public resolver, and
// why. Feeds' entries that meet it are not taken.
func (b *Builder) Warn(entry, why string) error {
	return b.named(List{Name: "warnings", Kind: KindOperator, Holds: HoldsWarnings}).Add(entry, Fact{Names: []string{why}})
}

func (b *Builder) named(l List) *ListBuilder {
	key := string(l.Holds) + "\x00" + l.Name
	lb := b.byName[key]
	if lb == nil {
		lb = b.List(l)
		b.byName[key] = lb
	}
	return lb
}

// Add adds one entry: an address, a prefix, a domain, a domain with "*." or "."
// before it, which stands for everything below, or a file's SHA-256 in hex. The
// names of a network are its provider, Region and service; that of a warning is
// its reason.
func (l *ListBuilder) Add(entry string, f Fact) error {
	f.Category = cmp.Or(f.Category, l.list.Category)
	into := l.index()
	if p, ok := parsePrefix(entry); ok {
		if l.list.Holds == HoldsThreats || l.list.Holds == HoldsTrusted || p.Bits() == 0 {
			if err := checkWidth(p); err != nil {
				return err
			}
		}
		if why, documentation, ok := reservedFor(p); ok && l.refuses(documentation) {
			return fmt.Errorf("%s: the internet does not carry it", why)
		}
		l.note(f.Category)
		return into.addPrefix(p, entry, l.list, &f)
	}
	if l.list.Holds == HoldsNetworks {
		return fmt.Errorf("%q is no prefix", entry)
	}
	if sum, ok := parseSum(entry); ok {
		l.note(f.Category)
		return into.addSum(sum, entry, l.list, &f)
	}
	name, below, err := parseName(entry)
	if err != nil {
		return err
	}
	return l.addName(name, below, entry, into, &f)
}

// addName adds a name, and what it stands for by the list's policy.
func (l *ListBuilder) addName(name string, below bool, entry string, into *indexBuilder, f *Fact) error {
	self := !below
	switch l.list.Holds {
	case HoldsThreats:
		if self && l.list.Match == MatchRegistered {
			name = registered(name)
		}
		below = below || l.list.Match != MatchExact && !isSuffix(name)
	case HoldsTrusted: // with all below it
		self, below = true, true
	}
	if below && (l.list.Holds == HoldsThreats || l.list.Holds == HoldsTrusted) && isSuffix(name) {
		return fmt.Errorf("%q stands for all names that are registered under %q, which is too wide", entry, name)
	}
	l.note(f.Category)
	return into.addName(name, self, below, entry, l.list, f)
}

// index is where entries of the list go.
func (l *ListBuilder) index() *indexBuilder {
	switch l.list.Holds {
	case HoldsThreats:
		return l.b.threats
	case HoldsTrusted:
		return l.b.trusted
	case HoldsWarnings:
		return l.b.warnings
	case HoldsNetworks:
		return l.b.networks
	}
	return l.b.kinds
}

// refuses reports whether the list may not have a reserved prefix. What is
// trusted or warned of may be anything; what is built in was looked at. The
// documentation ranges are what operators try lists with: those are taken, and
// reported.
func (l *ListBuilder) refuses(documentation bool) bool {
	if l.list.Holds != HoldsThreats {
		return false
	}
	switch l.list.Kind {
	case KindFeed:
		return true
	case KindOperator, KindAPI:
		return !documentation
	}
	return false
}

// note keeps the categories that the list has.
func (l *ListBuilder) note(c Category) {
	if c == l.seen || l.list.Holds != HoldsThreats {
		return
	}
	if l.seen = c; !slices.Contains(l.list.Seen, c) {
		l.list.Seen = append(l.list.Seen, c)
	}
}

// Part makes the part; the builder is of no more use. The name tells parts of a
// set apart: one takes the place of that with the same name.
func (b *Builder) Part(name string) *Part {
	p := &Part{name: name}
	warnings := b.warnings.index()
	p.conflicts = b.resolve(warnings)
	p.threats, p.trusted = b.threats.index(), b.trusted.index()
	p.warnings, p.networks, p.kinds = ready(warnings), ready(b.networks.index()), ready(b.kinds.index())
	for _, l := range b.lists {
		p.own = append(p.own, l.list)
	}
	return p
}

// Set makes a set of the one part, with what is built in if Builtin was called.
func (b *Builder) Set() *Set {
	p := b.Part("lists")
	if b.builtin {
		return Builtin().With(p)
	}
	return NewSet(p)
}

// Builtin adds the lists of the program itself to what Set makes.
func (b *Builder) Builtin() error {
	b.builtin = true
	return nil
}
