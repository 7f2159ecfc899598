package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/anomaly/dga"
	"github.com/vedette-project/vedette/internal/intel"
)

// When a machine looks for a server under names that a program draws, most of
// them do not exist, and they look drawn. Neither says enough of one name; over
// all names that are new here and asked for by one machine both are summed up,
// as how much likelier each is of such a program than of anything else (CUSUM,
// Page 1954). Whole numbers, in 1/1024 nat.
const (
	drawnEnough = 16 * dga.Unit
	// drawnMost bounds the sum, so that it falls below enough within hours.
	drawnMost = 3 * drawnEnough
	// drawnHalf is when a sum has halved.
	drawnHalf = 6 * time.Hour
	// drawnNames are as many names as say anything, and drawnMissing as many of them
	// as must not exist: all that a crawler finds may look drawn, but it is there.
	drawnNames, drawnMissing = 5, 3
	// hintedDrawn is what only hints, of hintedNames that do not exist.
	hintedDrawn = drawnEnough / 2
	hintedNames = 2

	// evidenceMissing and evidenceThere are what it says that a name does not exist,
	// ln(0.9/0.15), and that it does, ln(0.1/0.85).
	evidenceMissing, evidenceThere = 1835, -2191

	// usualDays is on how many earlier days a name was asked for that is usual.
	usualDays = 2
	// drawnAskers are as many machines as make a name usual.
	drawnAskers = 4
	// drawnShown are as many names as a finding shows.
	drawnShown = 8

	maxDrawnNames, maxDrawing = 65_536, 65_536
	drawnIdle                 = 14 * day
	drawingIdle               = 2 * day
)

// draws is what is remembered of a scope to find machines that ask for drawn names.
type draws struct {
	model  *dga.Model
	names  *table[drawnName]
	askers *table[drawing]
	// hinted is the name that was judged last, where what it adds up to hints at
	// drawn names.
	hinted string
}

func newDraws(prefix string) *draws {
	return &draws{
		model:  dga.Default(),
		names:  newTable[drawnName](prefix+"-drawn-names", maxDrawnNames, drawnIdle),
		askers: newTable[drawing](prefix+"-drawing", maxDrawing, drawingIdle),
	}
}

func (d *draws) memories() []memory { return []memory{d.names, d.askers} }

// drawnName is a domain, and who asked for it.
type drawnName struct {
	last   int64 // day
	days   int64 // different days before last
	askers []uint32
}

// drawing is what one machine asked for since its sum was nothing.
type drawing struct {
	sum, at    int64 // 1/1024 nat at that time, in Unix seconds
	told       int64 // Unix seconds
	all, there int64 // names, and those of them that exist
	shown      []drawnShare
}

// drawnShare is a name, and what it added to the sum.
type drawnShare struct {
	name         string
	score, share int64
	answer       drawnAnswer
}

// drawnAnswer is what was answered.
type drawnAnswer int64

const (
	answerBlocked drawnAnswer = iota
	answerMissing
	answerThere
)

func (a drawnAnswer) String() string {
	switch a {
	case answerMissing:
		return "NXDOMAIN"
	case answerThere:
		return "NOERROR"
	}
	return "blocked"
}

// judge adds a question to what its asker asked for.
func (d *draws) judge(set *intel.Set, places *places, q *dnsQuestion) *dnsVerdict {
	answer, code, ok := evidenceOf(q)
	if !ok || !asksWhere(q) {
		return nil
	}
	where := places.of(set, q.name)
	if where == nil || where.kind != "" && where.kind != kindDynamic || !dga.Judges(where.label) {
		return nil // elsewhere the provider draws names
	}
	who := q.asker.key()
	if !d.isNew(where.site, uint32(mixSeed.string(who).sum()), q.time) {
		return nil
	}
	score := d.model.Score(where.label)
	share := int64(d.model.Evidence(score)) + code
	a := d.askers.get(who)
	if share <= 0 && (a == nil || a.sum == 0) {
		return nil
	}
	a = d.askers.touch(who, q.time)
	a.add(drawnShare{name: strings.Clone(where.site), score: int64(score), share: share, answer: answer}, q.time)
	if a.sum >= hintedDrawn && share > 0 && a.all-a.there >= hintedNames {
		d.hinted = where.site
	}
	if a.sum < drawnEnough || share <= 0 || a.all < drawnNames || a.all-a.there < drawnMissing || a.told != 0 && since(a.told, q.time).Abs() < toldAgain {
		return nil
	}
	a.told = q.time.Unix()
	return a.verdict()
}

// evidenceOf is what the answer to a question says; not ok if nobody knows
// whether the name exists and nobody stopped it either.
func evidenceOf(q *dnsQuestion) (a drawnAnswer, evidence int64, ok bool) {
	switch {
	case q.blocked:
		return answerBlocked, 0, true
	case q.rcode == "NXDOMAIN":
		return answerMissing, evidenceMissing, true
	case q.rcode == "NOERROR":
		return answerThere, evidenceThere, true
	}
	return 0, 0, false
}

// isNew reports whether a machine asks for a domain that is not usual here for
// the first time.
func (d *draws) isNew(domain string, who uint32, at time.Time) bool {
	today := bucketOf(at, day)
	n := d.names.get(domain)
	switch {
	case n == nil:
	case n.last >= today && (n.days >= usualDays || len(n.askers) == drawnAskers || slices.Contains(n.askers, who)):
		return false
	}
	n = d.names.touch(domain, at)
	if n.last != 0 && n.last < today {
		n.days++
	}
	n.last = max(n.last, today)
	if n.days >= usualDays || len(n.askers) == drawnAskers || slices.Contains(n.askers, who) {
		return false
	}
	n.askers = append(n.askers, who)
	return true
}

// add adds a name's share to a sum that has faded since.
func (a *drawing) add(s drawnShare, at time.Time) {
	if gone := at.Unix() - a.at; gone > 0 {
		a.sum, a.at = faded(a.sum, gone), at.Unix()
	}
	a.sum = min(a.sum+s.share, drawnMost)
	if a.sum <= 0 {
		*a = drawing{at: a.at, told: a.told}
		return
	}
	if a.all++; s.answer == answerThere {
		a.there++
	}
	a.shown = append(a.shown, s)
	slices.SortStableFunc(a.shown, func(x, y drawnShare) int { return cmp.Compare(y.share, x.share) })
	a.shown = a.shown[:min(len(a.shown), drawnShown)]
}

// faded is what is left of a sum after seconds: half of it after each drawnHalf,
// and in between on a straight line.
func faded(sum, seconds int64) int64 {
	const half = int64(drawnHalf / time.Second)
	sum >>= min(seconds/half, 62)
	return sum - sum*(seconds%half)/(2*half)
}

func (a *drawing) verdict() *dnsVerdict {
	var names, labels []string
	shares := make([]map[string]any, 0, len(a.shown))
	for _, s := range a.shown {
		label, _, _ := strings.Cut(s.name, ".")
		names, labels = append(names, s.name), append(labels, label)
		shares = append(shares, map[string]any{"name": s.name, "score": nats(s.score), "share": nats(s.share), "answer": s.answer.String()})
	}
	style, gone := dga.Style(labels), a.all-a.there
	return &dnsVerdict{
		purpose: "Trojan", mechanism: "DGADomainRequest.B", about: "generated", role: "ACTOR",
		title: "asks for names that a program seems to draw",
		description: fmt.Sprintf("asked for %d domains that are new here, of which %d do not exist or are blocked, and which look as if a program had drawn them (%s), such as %s",
			a.all, gone, style, strings.Join(names[:min(len(names), 3)], ", ")),
		why: fmt.Sprintf("%d new domains, %d of them missing or blocked, add up to %.1f nats (the threshold is %.1f): how much likelier they are of a program that draws names",
			a.all, gone, nats(a.sum), nats(drawnEnough)),
		info: map[string]any{"generatedNames": map[string]any{
			"sum": nats(a.sum), "threshold": nats(drawnEnough), "domains": a.all, "missing": gone, "existing": a.there, "style": style, "names": shares,
		}},
	}
}

// nats are 1/1024 nat in nats, to two places.
func nats(v int64) float64 { return float64(v*100/dga.Unit) / 100 }

// MarshalBinary and UnmarshalBinary bring a name into a table's log.
func (n *drawnName) MarshalBinary() ([]byte, error) {
	b := appendInts(nil, n.last, n.days, int64(len(n.askers)))
	for _, a := range n.askers {
		b = appendInts(b, int64(a))
	}
	return b, nil
}

func (n *drawnName) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	*n = drawnName{last: s.int(), days: s.int()}
	for range s.upTo(drawnAskers) {
		n.askers = append(n.askers, uint32(s.int()))
	}
	return s.err()
}

// MarshalBinary and UnmarshalBinary bring a machine's sum into a table's log.
func (a *drawing) MarshalBinary() ([]byte, error) {
	b := appendInts(nil, a.sum, a.at, a.told, a.all, a.there, int64(len(a.shown)))
	for _, s := range a.shown {
		b = appendInts(b, s.score, s.share, int64(s.answer), int64(len(s.name)))
		b = append(b, s.name...)
	}
	return b, nil
}

func (a *drawing) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	*a = drawing{sum: s.int(), at: s.int(), told: s.int(), all: s.int(), there: s.int()}
	for range s.upTo(drawnShown) {
		n := drawnShare{score: s.int(), share: s.int(), answer: drawnAnswer(s.upTo(int64(answerThere)))}
		n.name = string(s.bytes(int(s.upTo(255))))
		a.shown = append(a.shown, n)
	}
	return s.err()
}
