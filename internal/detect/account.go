package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// account is what is remembered of one AWS account in one Region. Its three
// kinds of logs are judged by one goroutine, so that they can be joined.
type account struct {
	instances *instances
	trail     *trailState
	net       *netState
	dns       *dnsState
	habits    *trailHabits
	tables    []memory
}

// memory is a table, whatever is in it.
type memory interface {
	name() string
	delta() (Run, bool, error)
	restore(Run) error
	keep() // from now on changes are collected for delta
}

func newAccount(durable bool) *account {
	a := &account{instances: newInstances(), trail: newTrailState(), net: newNetState(), dns: newDNSState("dns"), habits: newTrailHabits()}
	for _, list := range [][]memory{a.instances.memories(), a.trail.memories(), a.net.memories(), a.dns.memories(), a.habits.memories()} {
		a.tables = append(a.tables, list...)
	}
	if durable {
		for _, t := range a.tables {
			t.keep()
		}
	}
	return a
}

func (e *Engine) accountIn(sc *scope) *account {
	if sc.account == nil {
		sc.account = newAccount(e.opts.Durable)
	}
	return sc.account
}

// record is one record of an AWS account under judgement. It is used again for
// the next one.
type record struct {
	ev      *event.Event
	account *account
	opts    *Options
	rules   *trailRules
	models  *anomalies
	late    bool
	call    apiCall // of the record, where it is one
	out     []*finding.Signal
	hints   *[]Hint
}

// judgeAccount runs the detectors of a record's source.
func (e *Engine) judgeAccount(sc *scope, ev *event.Event) []*finding.Signal {
	r := &e.record
	*r = record{ev: ev, account: e.accountIn(sc), opts: &e.opts, rules: e.trail, late: sc.late, hints: &e.hints}
	switch {
	case ev.Trail != nil:
		r.models = e.anomaliesIn(sc)
		r.judgeTrail(ev.Trail)
		r.call.behaves()
	case ev.Flow != nil:
		r.judgeFlow(ev.Flow)
	case ev.Query != nil:
		r.judgeQuery(ev.Query)
	}
	e.rememberAccount(sc, r)
	out := r.out
	*r = record{}
	return out
}

// claim starts a claim about the record: what, where, when and the record
// itself. The detector adds the rest, and gives it to raise.
func (r *record) claim(typ, key string) *finding.Signal {
	ev, id := r.ev, r.id()
	t, _ := finding.Lookup(typ)
	return &finding.Signal{
		Type: typ, Key: strings.Clone(key),
		Account: strings.Clone(ev.Scope.Account), Region: strings.Clone(ev.Scope.Region), Home: r.opts.Home,
		Time: ev.Time, Occurrence: id, Severity: t.Severity, Evidence: r.evidence(id),
	}
}

// raise hands a finished claim on.
func (r *record) raise(s *finding.Signal) { r.out = append(r.out, s) }

// id identifies the record: by its event ID, or else by its text.
func (r *record) id() string {
	if t := r.ev.Trail; t != nil && t.EventID != "" {
		return strings.Clone(t.EventID)
	}
	sum := sha256.Sum256(r.ev.Raw)
	return hex.EncodeToString(sum[:12])
}

func (r *record) evidence(id string) finding.EvidenceRecord {
	e := finding.EvidenceRecord{EventID: id, Time: r.ev.Time}
	e.Raw, e.RawCut = rawEvidence(r.ev.Raw)
	if r.ev.Truncated {
		e.Hidden = hiddenByCut
	}
	return e
}

// bucketOf is the number of a window of event time.
func bucketOf(t time.Time, window time.Duration) int64 { return t.Unix() / int64(window/time.Second) }
