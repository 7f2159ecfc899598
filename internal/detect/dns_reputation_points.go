package detect

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/intel"
)

// A domain that no list names has a low reputation when enough is odd about it
// at once. Each thing that is odd gives points; none gives enough alone.
const (
	lowReputation = 10
	// worthWatching is from how many points of its name alone on a site may still
	// come to a finding by what happens later.
	worthWatching = 3

	pointsNew     = 4 // for this account
	pointsNewBusy = 2 // where much is new
	pointsNewHost = 1 // below a shared domain that is usual here
	pointsTunnel  = 6
	pointsDynamic = 4
	pointsHosting = 1
	pointsTLD     = 2
	pointsDrawn   = 3 // as a machine draws names
	pointsOdd     = 1
	pointsTurns   = 2 // of letters and digits
	pointsShape   = 1
	pointsLures   = 1
	pointsPolled  = 2
	pointsMissed  = 3
	pointsNets    = 1
	pointsSink    = 4
	pointsMany    = -3 // machines that ask

	// polledSlots is in how many slots a machine must ask to be waiting for answers.
	polledSlots = 4
	slotLength  = 10 * time.Minute
	manyAskers  = 3
	// toldAgain is how often a finding is told of that goes on.
	toldAgain = time.Hour
)

// odd is one thing that speaks for, or against, a low reputation.
type odd struct {
	Feature string `json:"feature"`
	Points  int    `json:"points"`
	Detail  string `json:"detail"`
}

// ofAge says whether a site is new here.
func (p *reputation) ofAge(s *site, where *somewhere, at time.Time) []odd {
	if !s.isNew(at) {
		return nil
	}
	detail := fmt.Sprintf("nobody here asked for it before it was first seen at %s, in at least %d days of queries", time.Unix(s.first, 0).UTC().Format(time.RFC3339), newDays)
	switch {
	case where.zone != "" && p.isFamiliar(where.zone, at):
		return []odd{{"new-host", pointsNewHost, detail + ", but for other names below " + where.zone}}
	case p.roams("", at):
		return []odd{{"new", pointsNewBusy, detail + fmt.Sprintf("; more than %d a day are new here", busyFrom)}}
	}
	return []odd{{"new", pointsNew, detail}}
}

// ofName says what is odd about a name, whoever asks for it.
func ofName(set *intel.Set, where *somewhere) (out []odd) {
	label := where.label
	switch where.kind {
	case kindTunnel:
		out = append(out, odd{"tunnel", pointsTunnel, where.zone + " leads to machines behind firewalls, or notes who asks (" + where.operator + ")"})
	case kindDynamic:
		out = append(out, odd{"dynamic-dns", pointsDynamic, where.zone + " is dynamic DNS (" + where.operator + ")"})
	case kindHosting:
		out = append(out, odd{"free-hosting", pointsHosting, where.zone + " is free hosting (" + where.operator + ")"})
	default:
		tld := label[:0]
		if i := strings.LastIndexByte(where.site, '.'); i >= 0 {
			tld = where.site[i+1:]
		}
		if why := abusedTLDs()[tld]; why != "" {
			out = append(out, odd{"top-level-domain", pointsTLD, "." + tld + " is abused much (" + why + ")"})
		}
	}
	if where.kind == "" || where.kind == kindDynamic { // elsewhere the provider draws names
		if o := spelling(label); o.Points > 0 {
			out = append(out, o)
		} else if len(label) >= 25 || strings.Count(label, "-") >= 3 && !strings.HasPrefix(label, "xn--") {
			out = append(out, odd{"shape", pointsShape, fmt.Sprintf("%d characters, %d hyphens", len(label), strings.Count(label, "-"))})
		}
	}
	if where.kind == kindTunnel {
		return out
	}
	l := likenessOf(set, label)
	if l.points > 0 {
		out = append(out, odd{"look-alike", l.points, "its name " + l.how})
	}
	if l.lures > 1 || l.lures == 1 && l.points > 0 {
		out = append(out, odd{"lure", pointsLures, "it promises to update, to protect or to let in"})
	}
	return out
}

// spelling says whether a label is spelled as no word is.
func spelling(label string) odd {
	if strings.HasPrefix(label, "xn--") {
		return odd{}
	}
	bits, n := wellSpelled().surprise(label), turns(label)
	switch {
	case bits >= strangeLetters:
		return odd{"letters", pointsDrawn, fmt.Sprintf("letters as drawn at random (%.1f bits each, of well known names 1 in 100 has %.1f)", bits, strangeLetters)}
	case n >= 4:
		return odd{"digits", pointsTurns, fmt.Sprintf("letters and digits take turns %d times", n)}
	case bits >= oddLetters:
		return odd{"letters", pointsOdd, fmt.Sprintf("odd letters (%.1f bits each, of well known names 1 in 100 has %.1f)", bits, strangeLetters)}
	}
	return odd{}
}

// ofUse says how a site is asked for, by a machine and by all.
func (p *reputation) ofUse(who string, at time.Time, s *site, a *siteAsker) (out []odd) {
	if a.slots >= polledSlots {
		out = append(out, odd{"polled", pointsPolled, fmt.Sprintf("asked for in %d times of %s", a.slots, minutes(slotLength))})
	}
	if n := p.missedBy(who, at); n >= missedEnough {
		out = append(out, odd{"missed", pointsMissed, fmt.Sprintf("this machine asked for %d or more names drawn like this within %s that do not exist", n, minutes(missedWindow))})
	}
	if n := len(s.watch.askers); n >= manyAskers {
		out = append(out, odd{"many", pointsMany, fmt.Sprintf("%d machines ask for it", n)})
	}
	if len(s.watch.nets) >= maxNets {
		out = append(out, odd{"networks", pointsNets, fmt.Sprintf("it leads to %d or more networks that are no cloud's", maxNets)})
	}
	return out
}

// leads is where an answer leads.
type leads struct {
	addrs  []netip.Addr
	nets   []uint32 // those of no cloud
	inside bool     // to no machine on the internet
}

func leadsOf(set *intel.Set, q *dnsQuestion) (l leads) {
	if len(q.answers.list) == 0 && !bytes.Contains(q.answers.json, []byte(`"A`)) {
		return l
	}
	outside, some := false, false
	for _, a := range q.answers.all() {
		if a.Type != "A" && a.Type != "AAAA" {
			continue
		}
		ip := parseAddr(a.Data)
		if some = true; !isPublic(ip) {
			continue
		}
		outside = true
		l.addrs = append(l.addrs, ip)
		if _, known := set.Network(ip); known {
			continue // the addresses of clouds change hands and Regions
		}
		bits := 16
		if ip.Is6() {
			bits = 32
		}
		net, _ := ip.Prefix(bits)
		l.nets = append(l.nets, uint32(mixSeed.addr(net.Addr()).sum()))
	}
	l.inside = some && !outside
	return l
}

// ofAnswer says what is odd about where a site leads.
func ofAnswer(set *intel.Set, l leads) []odd {
	for _, ip := range l.addrs {
		for _, h := range set.AddrKinds(ip) {
			if string(h.Category) == "sinkhole" {
				return []odd{{"sinkhole", pointsSink, fmt.Sprintf("%s is a sinkhole of %s", ip, strings.Join(h.Names, ", "))}}
			}
		}
	}
	return nil
}

func pointsOf(o odd) int { return o.Points }

func sum(odds []odd) (n int) {
	for _, o := range odds {
		n += o.Points
	}
	return n
}
