package detect

import (
	"fmt"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/geo"
	"github.com/vedette-project/vedette/internal/rule"
)

// Options are what an operator can switch in detection.
type Options struct {
	// LegacyKubernetes raises PrivilegeEscalation:Kubernetes/PrivilegedContainer
	// and Persistence:Kubernetes/ContainerWithSensitiveMount, which AWS retired
	// in 2026 in favour of types that need a learned baseline.
	LegacyKubernetes bool
	// Durable collects what is newly seen, for Delta. Who sets it calls Delta.
	Durable bool
	// History is how many contacts with the outside are remembered of an hour
	// of a scope, for Recall; 0 remembers none. It takes Durable.
	History int
	// Home is the account and Region whose detector findings belong to; empty
	// gives each account and Region its own.
	Home finding.Home
	// Intel are the lists of bad and trusted addresses and domains; may be nil.
	Intel *intel.Set
	// Geo says where addresses are; nil is what is built in.
	Geo *geo.DB
	// Current, if set, gives the lists and databases of the moment. A batch is
	// judged by one state of them.
	Current func() (*intel.Set, *geo.DB)
	// Own are the networks of the operator outside AWS, such as the addresses
	// behind which an office or a data centre calls.
	Own []netip.Prefix
	// Accounts are the operator's own AWS accounts, beside those whose logs are read.
	Accounts []string
	// DisabledRules are the names of catalogue rules that raise nothing.
	DisabledRules []string
	// Rules are the operator's own; may be nil.
	Rules *rule.Set
	// LiveRules, if set, gives the rules of the moment instead, and how each is
	// used. A batch is judged by one state of them.
	LiveRules func() *LiveRules
	// RuleClock, if set, measures what rules cost: of one event in many.
	RuleClock func() time.Duration
	// AnomaliesOff switches the models of usual behaviour off.
	AnomaliesOff bool
	// AnomalyBudget bounds the false findings of those models.
	AnomalyBudget AnomalyBudget
	// HideCommandLines keeps the command lines of processes out of findings.
	HideCommandLines bool
}

// lateAfter is how much older than the newest record of its stream a record
// may be before it counts as late. AWS writes files of several minutes, one
// from each of many sources.
func lateAfter(s event.Source) time.Duration {
	if s == event.K8sAudit {
		return 10 * time.Second
	}
	return 15 * time.Minute
}

// Engine judges the events of the scopes of one shard. It is owned by one
// goroutine and must see the events of a scope in one order.
type Engine struct {
	opts       Options
	byResource map[string][]detector
	trail      *trailRules
	scopes     map[event.Scope]*scope
	last       *scope // the one asked for last
	ids        Identifier
	record     record
	call       call
	peers      peers

	runtime       map[event.RuntimeKind][]runtimeDetector
	runtimeRecord runtimeRecord

	kube kubeHabits

	rules *rule.Matcher // nil until the first event, and without rules
	live  *LiveRules    // that were taken up last; nil where rules stay as they are
	fired []RuleCount   // by the event at hand
	hints []Hint        // likewise
	costs []rule.Cost   // of matchers before
}

// detector looks at one successful API call and says what it claims of it.
type detector func(*call) []*finding.Signal

// scope is what is remembered of one cluster.
type scope struct {
	self    event.Scope
	home    finding.Home
	seen    seen
	streams map[string]*watermark
	marked  bool       // a watermark moved since Marks
	late    bool       // the record at hand is
	rules   *ruleState // nil where no rule was fulfilled
	callers *callers   // nil where no service account or node called
	rbac    rbacState
	// kubeflow: something in the namespace kubeflow exists, so the cluster's
	// ingress gateway leads to its dashboard.
	kubeflow, kubeflowSaved bool
	account                 *account      // nil where no log of an AWS account was read
	runtime                 *runtimeState // nil where no sensor was heard
	past                    *past         // nil where nothing is remembered
	anomalies               *anomalies    // nil where no behaviour was judged
	lessons                 lessons
}

// Result is what a batch came to. The signals own their memory; the counts do
// not outlive the batch.
type Result struct {
	Signals []*finding.Signal
	Counts  []Count
	// Faults tell of records on which a detector broke; they are counted as
	// dropped, and the records after them are judged.
	Faults []error
	// Losses are what sensors lost, as the batch showed.
	Losses []SensorLoss
	// Told are the events, of the batch, that tell what lists name from now on.
	Told []*event.Event
	// Feedback are the events, of the batch, that tell of feedback.
	Feedback []*event.Event
	// Hints are what may be steps of attacks beside the signals.
	Hints []Hint
	// Rules are the rules that were fulfilled, event by event.
	Rules []RuleCount
}

// Count is a number of records of one scope with one outcome or mark.
type Count struct {
	Source      event.Source
	Scope       event.Scope
	Outcome     event.Outcome
	Reason      event.Reason
	N           int64
	First, Last time.Time // event times; zero where the records have none
}

// New returns an engine that knows nothing yet.
func New(opts Options) *Engine {
	if opts.Geo == nil {
		opts.Geo = geo.Builtin()
	}
	return &Engine{
		opts:       opts,
		byResource: builtin(opts),
		trail:      newTrailRules(&opts),
		runtime:    runtimeDetectors(),
		scopes:     map[event.Scope]*scope{},
	}
}

// Process judges the events of a batch in order. It does not change the batch,
// so that one may be judged again after a commit that failed.
func (e *Engine) Process(b *event.Batch) Result {
	if e.opts.Current != nil {
		e.opts.Intel, e.opts.Geo = e.opts.Current()
	}
	e.takeUpRules()
	var r Result
	for _, rej := range b.Rejects {
		r.count(rej.Source, rej.Scope, rej.Outcome, rej.Reason, rej.Count, time.Time{})
	}
	for i := range b.Events {
		e.one(b, &b.Events[i], &r)
	}
	return r
}

func (e *Engine) one(b *event.Batch, ev *event.Event, r *Result) {
	if ev.Indicators != nil { // of no stream, and new whenever it comes
		r.count(ev.Source, ev.Scope, event.Evaluated, "", 1, ev.Time)
		r.Told = append(r.Told, ev)
		return
	}
	if ev.Feedback != nil { // likewise
		r.count(ev.Source, ev.Scope, event.Evaluated, "", 1, ev.Time)
		r.Feedback = append(r.Feedback, ev)
		return
	}
	sc := e.scope(ev.Scope)
	if b.Learn {
		e.learnFrom(sc, b, ev, r)
		return
	}
	w := sc.watermark(streamOf(b, ev))
	guessed := ev.Time.IsZero()
	if guessed {
		timed := *ev
		timed.Time = w.guess(b.Received)
		ev = &timed
	}
	if sc.seen.add(e.ids.key(b, ev), stageOf(ev)) {
		r.count(ev.Source, ev.Scope, event.Duplicate, event.ReasonSeenBefore, 1, ev.Time)
		return
	}
	if ev.Runtime != nil {
		e.noteSensor(sc, ev, r)
	}
	sc.late = !guessed && w.late(ev.Time, lateAfter(ev.Source))
	e.fired, e.hints = e.fired[:0], nil
	signals, err := e.guarded(sc, ev)
	if err != nil {
		r.count(ev.Source, ev.Scope, event.Dropped, event.ReasonFault, 1, ev.Time)
		r.Faults = append(r.Faults, err)
		return
	}
	r.count(ev.Source, ev.Scope, event.Evaluated, "", 1, ev.Time)
	if ev.Truncated {
		r.count(ev.Source, ev.Scope, event.MarkTruncated, "", 1, ev.Time)
	}
	if f := ev.Flow; f != nil && f.Status != event.FlowOK {
		r.count(ev.Source, ev.Scope, markOf(f.Status), "", 1, ev.Time)
	}
	sc.marked = true
	if sc.late {
		r.count(ev.Source, ev.Scope, event.MarkLate, "", 1, ev.Time)
	}
	for _, s := range signals {
		e.locate(s)
	}
	r.Signals, r.Rules = append(r.Signals, signals...), append(r.Rules, e.fired...)
	r.Hints = append(r.Hints, e.hints...)
}

// guarded judges an event and turns a panic into an error: records are written
// by attackers, too, and one of them must not end the protection of all.
func (e *Engine) guarded(sc *scope, ev *event.Event) (out []*finding.Signal, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("judge record %.200q: %v\n%s", ev.Raw, p, debug.Stack())
		}
	}()
	if sc.anomalies != nil {
		sc.anomalies.begin(sc.lessons.now)
	}
	out = e.dispatch(sc, ev)
	sc.anomalies.explain(out)
	out = e.heedCatalogue(sc, ev, out)
	return append(out, e.judgeRules(sc, ev, out)...), nil
}

func (e *Engine) dispatch(sc *scope, ev *event.Event) []*finding.Signal {
	if ev.Audit != nil {
		c := &e.call // its bodies are parsed once, whoever asks for them
		*c = call{ev: ev, a: ev.Audit, scope: sc}
		out := e.judgeBehaviour(c, e.judge(c))
		e.rememberRequest(c, out)
		*c = call{}
		return out
	}
	if ev.Runtime != nil {
		return e.judgeRuntime(sc, ev)
	}
	return e.judgeAccount(sc, ev)
}

// judge runs the detectors that want this event's resource.
func (e *Engine) judge(c *call) []*finding.Signal {
	a := c.a
	anonymous := a.User.Username == anonymousUser
	var listed netip.Addr
	if a.Code != 0 && !anonymous && a.User.Username != "" {
		listed = e.peers.of(e.opts.Intel, a.SourceIPsJSON).listed
	}
	if !a.Succeeded() && !listed.IsValid() {
		return nil
	}
	interested := e.byResource[a.Object.Resource]
	kubeflow := a.Object.Namespace == kubeflowNamespace
	if len(interested) == 0 && !anonymous && !kubeflow && !listed.IsValid() {
		return nil // most events end here, before anything is allocated for them
	}
	var out []*finding.Signal
	if listed.IsValid() {
		out = maliciousCaller(c, e.opts.Intel, listed)
	}
	if !a.Succeeded() {
		return out
	}
	if kubeflow && showsKubeflow(c) {
		c.scope.kubeflow = true
	}
	if len(interested) == 0 && !anonymous || c.isDryRun() {
		return out
	}
	for _, d := range interested {
		out = append(out, d(c)...)
	}
	if anonymous {
		out = append(out, anonymousAccess(c)...)
	}
	return out
}

func (e *Engine) scope(s event.Scope) *scope {
	if e.last != nil && e.last.self == s { // nearly always
		return e.last
	}
	sc := e.scopes[s]
	if sc == nil {
		s = event.Scope{Account: strings.Clone(s.Account), Region: strings.Clone(s.Region), Cluster: strings.Clone(s.Cluster)}
		sc = &scope{self: s, home: e.opts.Home, streams: map[string]*watermark{}, rbac: newRBACState()}
		sc.seen.record = e.opts.Durable
		e.scopes[s] = sc
	}
	e.last = sc
	return sc
}

// Forget drops what is remembered of a scope. After a commit that failed the
// scope is restored from what was committed last.
func (e *Engine) Forget(s event.Scope) {
	e.last = nil
	delete(e.scopes, s)
}

// ForgetAll drops what is remembered of every scope.
func (e *Engine) ForgetAll() {
	e.last = nil
	clear(e.scopes)
}

// streamOf is what a record is late in comparison with. The logs of an account
// come in many files that overlap, and are one stream.
func streamOf(b *event.Batch, ev *event.Event) string {
	if ev.Audit != nil {
		return b.Stream
	}
	return string(ev.Source)
}

func stageOf(ev *event.Event) uint64 {
	if ev.Audit == nil {
		return stageBit("")
	}
	return stageBit(ev.Audit.Stage)
}

func markOf(s event.FlowStatus) event.Outcome {
	if s == event.FlowSkipData {
		return event.MarkSkipData
	}
	return event.MarkNoData
}

func (r *Result) count(src event.Source, s event.Scope, o event.Outcome, reason event.Reason, n int64, t time.Time) {
	for i := range r.Counts {
		c := &r.Counts[i]
		if c.Outcome != o || c.Reason != reason || c.Source != src || c.Scope != s {
			continue
		}
		c.N += n
		if !t.IsZero() && (c.First.IsZero() || t.Before(c.First)) {
			c.First = t
		}
		if t.After(c.Last) {
			c.Last = t
		}
		return
	}
	r.Counts = append(r.Counts, Count{Source: src, Scope: s, Outcome: o, Reason: reason, N: n, First: t, Last: t})
}
