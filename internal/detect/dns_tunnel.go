package detect

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/intel"
)

// When names carry data away. A name's part left of the registered domain can
// say anything to who runs the domain; what counts is how much different text
// of that kind one machine sends to one domain (Ozery et al., arXiv 2307.02614).
const (
	tunnelHour, tunnelDay = 2 << 10, 8 << 10 // bytes in 1 h, and in 24 h
	// minLeft is the length from which a left part counts: shorter ones are
	// names of hosts.
	minLeft = 12
	// otherAskers make a domain a service: antivirus, telemetry, mail.
	otherAskers = 3
	// searchShare is the fraction that counts of names that a search domain made of
	// others ("api.stripe.com.corp.example.com"), which do not exist.
	searchShare = 32

	maxTunnels = 65_536
	tunnelIdle = 24 * time.Hour
	// tunnelLearned is how long a machine's habit with a domain excuses it: what it
	// sent in an hour or a day before, if that was at least half as much.
	tunnelLearned = 14 * day
	// oddShare is the part of questions for records that hosts have no use for, in
	// per cent, from which a finding speaks of it.
	oddShare = 50
)

// dns_wide.txt has the domains below which whole populations of names are
// ordinary.
//
//go:embed dns_wide.txt
var wideText string

var wideDomains = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(wideText) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			m[line] = true
		}
	}
	return m
})

// tunnel is what one machine asked of one domain.
type tunnel struct {
	hour, day span
	// Of the names that were new: how many there were, how many of them were asked
	// for with types that carry text, and the bytes that answers brought.
	asked, odd, down int64
}

// tunnelHabit is the most, in bytes, that one machine sent to one domain within
// an hour and a day that raised nothing.
type tunnelHabit struct{ hour, day int64 }

// span is what was asked since a moment.
type span struct {
	since int64 // Unix seconds
	told  bool
	names distinct
}

// askers are the machines that ask for long names of a domain.
type askers struct{ who burst }

// exfiltrates adds up what a machine asks of a domain.
func (s *dnsState) exfiltrates(set *intel.Set, q *dnsQuestion) *dnsVerdict {
	name, at := q.name, q.time
	if len(name) < minLeft+len(".a.io") || farLeft(name) < minLeft || strings.HasSuffix(name, ".arpa") {
		return nil
	}
	domain := registered(name)
	left := len(name) - len(domain) - 1
	if domain == "" || left < minLeft || wideDomains()[domain] || set.TrustedDomain(name) {
		return nil
	}
	who := q.asker.key()
	key := who + "|" + domain
	h := uint32(mixSeed.string(name[:left]).sum())
	length := left
	if q.rcode == "NXDOMAIN" && madeBySearch(name[:left]) {
		length = (left + searchShare - 1) / searchShare
	}
	t := s.tunnels.get(key)
	if t != nil && t.hour.covers(at, time.Hour) && t.day.covers(at, day) && t.hour.names.has(h) && t.day.names.has(h) {
		return nil
	}
	if t == nil || !t.day.covers(at, day) {
		s.askers.touch(domain, at).who.add(mixSeed.string(who).sum(), at, otherAskers+1)
	}
	t = s.tunnels.touch(key, at)
	s.learn(key, t, at)
	t.hour.add(h, length, at, time.Hour)
	t.day.add(h, length, at, day)
	t.note(q)
	habit := s.habits.value(key)
	for _, c := range []struct {
		span         *span
		limit, usual int64
		window       time.Duration
	}{{&t.hour, tunnelHour, habit.hour, time.Hour}, {&t.day, tunnelDay, habit.day, day}} {
		n := c.span.names.bytes()
		if n < c.limit || c.span.told || 2*c.usual >= n {
			continue
		}
		if a := s.askers.get(domain); a != nil && len(a.who) > otherAskers {
			return nil
		}
		t.hour.told, t.day.told = true, true
		return tunnelled(q, domain, t, c.span.names.count(), n, c.limit, c.window)
	}
	return nil
}

// learn notes what a machine sent in an hour, and in a day, that is over. What
// raised a finding is no habit.
func (s *dnsState) learn(key string, t *tunnel, at time.Time) {
	habit := s.habits.value(key)
	was := habit
	if t.hour.ended(at, time.Hour) {
		habit.hour = max(habit.hour, t.hour.names.bytes())
	}
	if t.day.ended(at, day) {
		habit.day = max(habit.day, t.day.names.bytes())
	}
	if habit != was && (2*habit.hour >= tunnelHour || 2*habit.day >= tunnelDay) {
		*s.habits.touch(key, at) = habit
	}
}

// ended reports whether a window that raised nothing is over.
func (s *span) ended(at time.Time, window time.Duration) bool {
	return s.since != 0 && !s.told && since(s.since, at) >= window
}

// note adds what supports a verdict.
func (t *tunnel) note(q *dnsQuestion) {
	t.asked++
	switch q.typ {
	case "A", "AAAA", "PTR", "HTTPS", "SVCB", "SOA", "NS":
	default: // TXT, NULL, CNAME, MX, SRV, KEY, …
		t.odd++
	}
	if len(q.answers.list) > 0 {
		for _, a := range q.answers.list {
			t.down += int64(len(a.Data))
		}
	} else {
		t.down += int64(len(q.answers.json))
	}
}

func tunnelled(q *dnsQuestion, domain string, t *tunnel, names, n, limit int64, window time.Duration) *dnsVerdict {
	left := q.name[:len(q.name)-len(domain)-1]
	odd := 100 * t.odd / max(t.asked, 1)
	why := fmt.Sprintf("%d bytes of different text left of %s in %d names within %s, the latest of type %s (the threshold is %d bytes), and fewer than %d other machines ask that domain such names",
		n, domain, names, minutes(window), q.typ, limit, otherAskers)
	if odd >= oddShare {
		why += fmt.Sprintf("; %d %% of them ask for records that no host is found by, such as TXT", odd)
	}
	return &dnsVerdict{
		purpose: "Trojan", mechanism: "DNSDataExfiltration", about: domain, role: "ACTOR",
		title:       fmt.Sprintf("sends data to %s in the names it asks for", domain),
		description: fmt.Sprintf("asked for about %d different names below %s within %s, which hold %d bytes of text", names, domain, minutes(window), n),
		why:         why,
		info: map[string]any{
			"domain": strings.Clone(domain), "outBytes": n, "names": names, "meanLength": n / max(names, 1), "answerBytes": t.down,
			"textTypesPercent": odd, "bitsPerCharacter": bitsOf(left), "sample": strings.Clone(q.name),
		},
	}
}

// bitsOf is how many bits each character of a text carries, by how often each is
// in it.
func bitsOf(text string) float64 {
	var n [256]uint64
	for i := range len(text) {
		n[text[i]]++
	}
	bits := int64(0) // 1/256
	for _, k := range n {
		if k > 0 {
			bits += int64(k) * (log256(uint64(len(text))) - log256(k))
		}
	}
	return float64(bits*100/(256*int64(max(len(text), 1)))) / 100
}

// farLeft is the most that can be left of the registered domain: all but two labels.
func farLeft(name string) int {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return 0
	}
	return max(strings.LastIndexByte(name[:i], '.'), 0)
}

// madeBySearch reports whether the left part of a name is itself a whole name,
// as the search domains of a resolver make it.
func madeBySearch(left string) bool {
	for left != "" {
		var label string
		label, left, _ = strings.Cut(left, ".")
		switch label {
		case "com", "net", "org", "io", "local", "internal", "svc":
			return true
		}
	}
	return false
}

func (s *span) covers(at time.Time, window time.Duration) bool {
	return s.since != 0 && since(s.since, at).Abs() < window
}

func (s *span) add(h uint32, length int, at time.Time, window time.Duration) {
	if !s.covers(at, window) {
		if s.since != 0 && since(s.since, at) < 0 {
			return // of a window that is gone
		}
		*s = span{since: at.Unix()}
	}
	s.names.add(h, length)
}

// MarshalBinary and UnmarshalBinary bring tunnels into a table's log.
func (t *tunnel) MarshalBinary() ([]byte, error) {
	var b []byte
	for _, s := range []*span{&t.hour, &t.day} {
		b = s.names.append(appendInts(b, s.since, oneIf(s.told)))
	}
	return appendInts(b, t.asked, t.odd, t.down), nil
}

func (t *tunnel) UnmarshalBinary(b []byte) error {
	r := saved{b: b}
	for _, s := range []*span{&t.hour, &t.day} {
		s.since = r.int()
		s.told = r.int() == 1
		s.names = r.distinct()
	}
	if len(r.b) > 0 { // earlier versions saved no more
		t.asked, t.odd, t.down = r.int(), r.int(), r.int()
	}
	return r.err()
}

// MarshalBinary and UnmarshalBinary bring habits into a table's log.
func (h *tunnelHabit) MarshalBinary() ([]byte, error) { return appendInts(nil, h.hour, h.day), nil }

func (h *tunnelHabit) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	h.hour, h.day = s.int(), s.int()
	return s.err()
}

// MarshalBinary and UnmarshalBinary bring askers into a table's log.
func (a *askers) MarshalBinary() ([]byte, error) { return a.who.append(nil), nil }

func (a *askers) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	a.who = s.burst(otherAskers + 1)
	return s.err()
}
