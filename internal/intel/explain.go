package intel

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Explanation says why something is or is not bad: everything that all lists
// say of it, what is overruled included.
type Explanation struct {
	Asked    string `json:"asked"`
	Is       string `json:"is"`      // address, prefix, domain, sha256, sha1 or md5
	Subject  string `json:"subject"` // in the form in which it is looked up
	Verdict  string `json:"verdict"` // listed, trusted, service or not-listed
	Reserved string `json:"reserved,omitempty"`
	// Listed are the threats, whether trusted or not.
	Listed   []Listing `json:"listed"`
	Inside   int       `json:"listedInside,omitempty"` // how many prefixes inside an asked one are listed
	Trusted  []Listing `json:"trusted"`
	Warnings []Listing `json:"warnings"`
	Kinds    []Listing `json:"kinds"`
	Networks []Listing `json:"networks"` // names: provider, Region, service
	Domain   string    `json:"registeredDomain,omitempty"`
	Rank     int       `json:"popularRank,omitempty"`
}

// The verdicts.
const (
	VerdictListed    = "listed"
	VerdictTrusted   = "trusted"
	VerdictService   = "service" // a public resolver, say: known, and not bad
	VerdictNotListed = "not-listed"
)

// Listing is what one list says, and how its entry meets what was asked.
type Listing struct {
	List       string   `json:"list"`
	Kind       Kind     `json:"kind"`
	Category   Category `json:"category,omitempty"`
	Names      []string `json:"names,omitempty"`
	Entry      string   `json:"entry"`
	How        string   `json:"how"` // exact, below, around or inside
	Confidence int      `json:"confidence,omitempty"`
	FirstSeen  string   `json:"firstSeen,omitempty"`
	LastSeen   string   `json:"lastSeen,omitempty"`
	Expires    string   `json:"expires,omitempty"`
	SHA256     string   `json:"sha256,omitempty"` // of the list's file
	Source     string   `json:"source,omitempty"`
	Date       string   `json:"date,omitempty"`
}

// How an entry meets what was asked.
const (
	HowExact  = "exact"
	HowBelow  = "below"  // the name is below the entry
	HowAround = "around" // the entry is a prefix around the address or prefix
	HowInside = "inside" // the entry is inside the asked prefix
)

// maxInside is how many of the entries inside a prefix an explanation has.
const maxInside = 100

// Explain says everything that is known of an address, a prefix, a domain or the
// hash of a file.
func (s *Set) Explain(asked string) (*Explanation, error) {
	e := &Explanation{Asked: asked, Listed: []Listing{}, Trusted: []Listing{}, Warnings: []Listing{}, Kinds: []Listing{}, Networks: []Listing{}}
	subject := strings.TrimSpace(asked)
	if p, ok := parsePrefix(subject); ok {
		e.prefix(s, p)
	} else if sum, ok := parseSum(subject); ok {
		e.Is, e.Subject = map[int]string{32: "sha256", 20: "sha1", 16: "md5"}[len(sum)], hex.EncodeToString(sum)
		e.look(s, func(x *index) []Hit { return x.append(nil, x.sum(sum)) }, func(string) string { return HowExact })
	} else {
		name, below, err := parseName(subject)
		if err != nil || below {
			return nil, fmt.Errorf("%q is %w", asked, errNoEntry)
		}
		e.name(s, name)
	}
	switch {
	case len(e.Trusted) > 0:
		e.Verdict = VerdictTrusted
	case slices.ContainsFunc(e.Listed, func(l Listing) bool { return !l.Category.Service() }):
		e.Verdict = VerdictListed
	case len(e.Listed) > 0:
		e.Verdict = VerdictService
	default:
		e.Verdict = VerdictNotListed
	}
	return e, nil
}

// look collects what each index says, in the order of the parts.
func (e *Explanation) look(s *Set, hits func(*index) []Hit, how func(entry string) string) {
	for _, p := range s.all() {
		for _, from := range []struct {
			x  *index
			to *[]Listing
		}{{p.threats, &e.Listed}, {p.trusted, &e.Trusted}, {p.warnings(), &e.Warnings}, {p.kinds(), &e.Kinds}, {p.networks(), &e.Networks}} {
			if from.x == nil {
				continue
			}
			for _, h := range hits(from.x) {
				*from.to = append(*from.to, listing(&h, how(h.Entry)))
			}
		}
	}
}

func listing(h *Hit, how string) Listing {
	return Listing{
		List: h.List, Kind: h.Of.Kind, Category: h.Category, Names: h.Names, Entry: h.Entry, How: how, Confidence: int(h.Confidence),
		FirstSeen: h.FirstSeen.String(), LastSeen: h.LastSeen.String(), Expires: h.Expires.String(), SHA256: h.SHA256(), Source: h.Of.Source, Date: h.Of.Date,
	}
}

func (e *Explanation) prefix(s *Set, p netip.Prefix) {
	e.Is, e.Subject = "prefix", p.String()
	if p.IsSingleIP() {
		e.Is, e.Subject = "address", p.Addr().String()
	}
	e.Reserved, _, _ = reservedFor(p)
	e.look(s, func(x *index) []Hit { return x.append(nil, x.around(p)) }, func(entry string) string {
		if q, _ := parsePrefix(entry); q == p {
			return HowExact
		}
		return HowAround
	})
	if p.IsSingleIP() {
		return
	}
	for _, part := range s.all() {
		part.threats.each(p, func(q netip.Prefix, c chain) {
			if q != p {
				e.inside(part.threats, c)
			}
		})
	}
}

// inside takes the entries of a prefix inside the asked one.
func (e *Explanation) inside(x *index, c chain) {
	for {
		if e.Inside++; e.Inside <= maxInside {
			h := x.hit(&x.entries[c])
			e.Listed = append(e.Listed, listing(&h, HowInside))
		}
		if x.entries[c].claim&isLast != 0 {
			return
		}
		c++
	}
}

func (e *Explanation) name(s *Set, name string) {
	e.Is, e.Subject, e.Domain = "domain", name, registered(name)
	e.look(s, func(x *index) []Hit { return x.append(nil, x.name(name)) }, func(entry string) string {
		if n, below, err := parseName(entry); err == nil && n == name && !below {
			return HowExact
		}
		return HowBelow
	})
	e.Listed = slices.DeleteFunc(e.Listed, func(l Listing) bool {
		return isWebsite(&Hit{Entry: l.Entry, Of: &List{Kind: l.Kind}}, name)
	})
	e.Rank, _ = s.PopularDomain(name)
}
