package detect

import (
	"time"

	"github.com/vedette-project/vedette/internal/anomaly"
	"github.com/vedette-project/vedette/internal/finding"
)

// plane names one model: its views in order. A plane is shared by all scopes.
type plane struct {
	name    string
	views   []string // such as "api", "target", "userAgent", "asnOrg", "country", "region", "result", "keyType"
	network []int    // views that count once, the larger
	// What GuardDuty calls the profiles of a principal and of everybody; empty
	// is userIdentity and account.
	self, all string
}

// shipped reports whether a view is one of those by which principals of a
// shipped profile are judged: what they call is known, whence is learned.
func (p *plane) shipped(view int) bool {
	for _, n := range p.network {
		if n == view {
			return true
		}
	}
	return p.views[view] == "userAgent"
}

// behaviour is what one event says of how somebody behaves. Its strings may
// alias the batch.
type behaviour struct {
	plane     *plane
	principal string   // stable: user without session name, service account, role
	group     string   // its peers: owner kind and namespace class, path of an IAM role
	kind      string   // user, serviceAccount, role, system
	values    []string // one for each view of the plane; "" where the event does not say
	act       string   // the distinct API, for the sum over an hour
	risk      int      // tenths: 15 changes or reveals secrets, 10 discovery
	typ       string   // finding type that the event may raise; "" learns only
	systemic  bool     // of a shipped profile: judged by its network and user agent only
}

// AnomalyBudget is how many false findings are bearable. The threshold is the
// stricter of what the two ask for.
type AnomalyBudget struct {
	Events int64 // one false finding in so many events; 0 is 100,000
	Daily  int64 // so many a day in one scope; 0 is one
}

func (b AnomalyBudget) events(perDay uint64) uint64 {
	events, daily := uint64(100_000), uint64(1)
	if b.Events > 0 {
		events = uint64(b.Events)
	}
	if b.Daily > 0 {
		daily = uint64(b.Daily)
	}
	return max(events, perDay/daily)
}

// anomalies are the models of a scope, one for each plane.
type anomalies struct {
	budget   AnomalyBudget
	learning bool // judge nothing: what comes now is an old log
	durable  bool
	off      bool
	last     *verdict // of the record at hand
	models   []*model
}

// begin prepares for a record.
func (a *anomalies) begin(learning bool) { a.learning, a.last = learning, nil }

// explain adds to what is claimed of the record at hand what the models say of
// themselves, so that a finding can be taught to them as expected.
func (a *anomalies) explain(out []*finding.Signal) {
	if a == nil || a.last == nil {
		return
	}
	for _, s := range out {
		if s.Detection == nil || s.Detection.Anomaly == nil {
			continue
		}
		if s.Info == nil {
			s.Info = map[string]any{}
		}
		if s.Info["anomaly"] == nil {
			s.Info["anomaly"] = a.last.info()
		}
	}
}

// dayNumber is the day of an event: how many have passed since 1970.
func dayNumber(at time.Time) int32 { return int32(at.Unix() / (24 * 3600)) }

// When models speak, and the bounds of the score that is unusual enough. What
// the scores of a scope are like moves the threshold between the bounds: below
// the lower, a sample that is small or full of attacks could pull it; above
// the upper, one could hide behind noise of one's own.
const (
	matureDays   = 7
	countDays    = 4 // from which scores are counted
	matureEvents = 2000
	floorScore   = 6 * anomaly.Decade
	ceilingScore = 15 * anomaly.Decade
	scoreDays    = 14
)

// judge scores a behaviour, learns it, and returns a verdict where a finding is
// due, nil otherwise. A behaviour that comes late is scored by itself, since
// what belonged to its hour is gone.
func (a *anomalies) judge(at time.Time, late bool, b *behaviour) *verdict {
	if a == nil || a.off {
		return nil
	}
	day := dayNumber(at)
	if day <= 0 || b.principal == "" || len(b.values) != len(b.plane.views) {
		return nil
	}
	m := a.model(b.plane)
	clock := m.advance(at, day)
	day = min(day, clock.today)
	who := m.who(b, at, clock.today)
	var views surprises
	score := views.of(&who.nodes, b)
	speaks := !a.learning && clock.mature()
	threshold := m.threshold(a.budget)
	var v *verdict
	switch {
	case score == 0:
	case speaks:
		v = m.weigh(at, late, b, &who, &views, score, threshold)
		a.last = v
	case !late && clock.counts():
		m.measure(at, b, score)
	}
	m.learn(at, day, b, &who, &views, speaks && score > threshold/2, v != nil)
	return v
}

// surprises are what the views of an event come to.
type surprises struct {
	hash [anomaly.MaxViews]uint32
	by   [anomaly.MaxViews]anomaly.Surprise
	sum  int64 // before risk
}

// of asks the nodes about every value of a behaviour. Of the views of the
// network the most surprising counts.
func (s *surprises) of(n *anomaly.Nodes, b *behaviour) int64 {
	for i, value := range b.values {
		if value == "" {
			continue
		}
		s.hash[i] = anomaly.Hash(value)
		s.by[i] = anomaly.Walk(n, i, s.hash[i])
		if b.systemic && !b.plane.shipped(i) {
			s.by[i].Score = 0
		}
		s.sum += s.by[i].Score
	}
	var most, all int64
	for _, i := range b.plane.network {
		all += s.by[i].Score
		most = max(most, s.by[i].Score)
	}
	s.sum -= all - most
	return s.sum * int64(b.risk) / 10
}

// what tells findings of one act apart: by their type and what is unusual.
func (s *surprises) what(typ string) uint32 {
	h := anomaly.Hash(typ)
	for i := range s.by {
		if s.by[i].Score > 0 {
			h = h*31 + s.hash[i]
		}
	}
	return h
}

// weigh adds a score to those of the principal's last hour, and returns a
// verdict if they come to a finding that this event may raise.
func (m *model) weigh(at time.Time, late bool, b *behaviour, who *whose, views *surprises, score, threshold int64) *verdict {
	act := anomaly.Hash(b.act)
	if late {
		if b.typ == "" || score < threshold {
			return nil
		}
		return m.verdict(at, late, b, who, views, score, threshold, nil)
	}
	recent := m.hours.touch(b.principal, at)
	total, counts, fresh := recent.Add(at.Unix(), act, score)
	found := b.typ != "" && counts && total >= threshold
	if open := m.heldOf(b.principal).found() && total > threshold/2; fresh && (found || !open) { // an act that goes on is one
		m.today(at).Add(total, found)
	}
	if !found || !recent.Tell(at.Unix(), act, views.what(b.typ)) {
		return nil
	}
	return m.verdict(at, late, b, who, views, total, threshold, recent.Others(act))
}

// measure counts a score of the days before the model speaks, so that its first
// threshold rests on some.
func (m *model) measure(at time.Time, b *behaviour, score int64) {
	if total, _, fresh := m.hours.touch(b.principal, at).Add(at.Unix(), anomaly.Hash(b.act), score); fresh {
		m.today(at).Add(total, false)
	}
}

// learn teaches the nodes what an event says. What is new to the principal and
// took part in a score that is high waits for a day, and if it is part of a
// finding until somebody says that it is expected.
func (m *model) learn(at time.Time, day int32, b *behaviour, who *whose, views *surprises, suspicious, found bool) {
	var changed uint8
	held := m.heldOf(b.principal)
	draw := uint64(at.UnixNano())
	for i, value := range b.values {
		if value == "" {
			continue
		}
		s := &views.by[i]
		if suspicious && s.Score > 0 && s.Known > 0 && m.hold(at, b.principal, i, views.hash[i], found) {
			continue
		}
		if held != nil && !m.release(at, b.principal, i, views.hash[i]) {
			continue
		}
		if s.Known > 0 || s.Days&1 == 0 {
			m.remember(at, views.hash[i], value)
		}
		changed |= anomaly.Learn(&who.nodes, i, views.hash[i], *s, day, draw)
	}
	for level, p := range who.nodes {
		if p != nil && p.Meet(day) {
			changed |= 1 << level
		}
	}
	m.changed(at, b, who, changed)
}
