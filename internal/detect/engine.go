package detect

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// Options are what an operator can switch in detection.
type Options struct {
	// LegacyKubernetes raises PrivilegeEscalation:Kubernetes/PrivilegedContainer
	// and Persistence:Kubernetes/ContainerWithSensitiveMount, which AWS retired
	// in 2026 in favour of types that need a learned baseline.
	LegacyKubernetes bool
	// Durable collects what is newly seen, for Delta. Who sets it calls Delta.
	Durable bool
}

// lateAfter is how much older than the newest record of its stream a record
// may be before it counts as late.
const lateAfter = 10 * time.Second

// Engine judges the events of the scopes of one shard. It is owned by one
// goroutine and must see the events of a scope in one order.
type Engine struct {
	opts       Options
	byResource map[string][]detector
	scopes     map[event.Scope]*scope
	scratch    bytes.Buffer
}

// detector looks at one successful API call and says what it claims of it.
type detector func(*call) []*finding.Signal

// scope is what is remembered of one cluster.
type scope struct {
	seen    seen
	streams map[string]*watermark
	marked  bool // a watermark moved since Marks
	rbac    rbacState
	// kubeflow: something in the namespace kubeflow exists, so the cluster's
	// ingress gateway leads to its dashboard.
	kubeflow, kubeflowSaved bool
}

// Result is what a batch came to. The signals own their memory; the counts do
// not outlive the batch.
type Result struct {
	Signals []*finding.Signal
	Counts  []Count
	// Faults tell of records on which a detector broke; they are counted as
	// dropped, and the records after them are judged.
	Faults []error
}

// Count is a number of records of one scope with one outcome or mark.
type Count struct {
	Scope       event.Scope
	Outcome     event.Outcome
	Reason      event.Reason
	N           int64
	First, Last time.Time // event times; zero where the records have none
}

// New returns an engine that knows nothing yet.
func New(opts Options) *Engine {
	return &Engine{
		opts:       opts,
		byResource: builtin(opts),
		scopes:     map[event.Scope]*scope{},
	}
}

// Process judges the events of a batch in order. It does not change the batch,
// so that one may be judged again after a commit that failed.
func (e *Engine) Process(b *event.Batch) Result {
	var r Result
	for _, rej := range b.Rejects {
		r.count(rej.Scope, rej.Outcome, rej.Reason, rej.Count, time.Time{})
	}
	for i := range b.Events {
		e.one(b, &b.Events[i], &r)
	}
	return r
}

func (e *Engine) one(b *event.Batch, ev *event.Event, r *Result) {
	sc := e.scope(ev.Scope)
	w := sc.watermark(b.Stream)
	guessed := ev.Time.IsZero()
	if guessed {
		timed := *ev
		timed.Time = w.guess(b.Received)
		ev = &timed
	}
	if sc.seen.add(e.key(ev), stageBit(ev.Audit.Stage)) {
		r.count(ev.Scope, event.Duplicate, event.ReasonSeenBefore, 1, ev.Time)
		return
	}
	signals, err := e.guarded(sc, ev)
	if err != nil {
		r.count(ev.Scope, event.Dropped, event.ReasonFault, 1, ev.Time)
		r.Faults = append(r.Faults, err)
		return
	}
	r.count(ev.Scope, event.Evaluated, "", 1, ev.Time)
	if ev.Truncated {
		r.count(ev.Scope, event.MarkTruncated, "", 1, ev.Time)
	}
	sc.marked = true
	if !guessed && w.late(ev.Time) {
		r.count(ev.Scope, event.MarkLate, "", 1, ev.Time)
	}
	r.Signals = append(r.Signals, signals...)
}

// guarded judges an event and turns a panic into an error: records are written
// by attackers, too, and one of them must not end the protection of all.
func (e *Engine) guarded(sc *scope, ev *event.Event) (out []*finding.Signal, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("judge record %q: %v\n%s", ev.Audit.AuditID, p, debug.Stack())
		}
	}()
	return e.judge(sc, ev), nil
}

// judge runs the detectors that want this event's resource.
func (e *Engine) judge(sc *scope, ev *event.Event) []*finding.Signal {
	a := ev.Audit
	if !a.Succeeded() {
		return nil
	}
	interested := e.byResource[a.Object.Resource]
	anonymous := a.User.Username == anonymousUser
	kubeflow := a.Object.Namespace == kubeflowNamespace
	if len(interested) == 0 && !anonymous && !kubeflow {
		return nil // most events end here, before anything is allocated for them
	}
	c := &call{ev: ev, a: a, scope: sc}
	if kubeflow && showsKubeflow(c) {
		sc.kubeflow = true
	}
	if len(interested) == 0 && !anonymous || c.isDryRun() {
		return nil
	}
	var out []*finding.Signal
	for _, d := range interested {
		out = append(out, d(c)...)
	}
	if anonymous {
		out = append(out, anonymousAccess(c)...)
	}
	return out
}

func (e *Engine) scope(s event.Scope) *scope {
	sc := e.scopes[s]
	if sc == nil {
		sc = &scope{streams: map[string]*watermark{}, rbac: newRBACState()}
		sc.seen.record = e.opts.Durable
		e.scopes[s] = sc
	}
	return sc
}

// Forget drops what is remembered of a scope. After a commit that failed the
// scope is restored from what was committed last.
func (e *Engine) Forget(s event.Scope) { delete(e.scopes, s) }

// ForgetAll drops what is remembered of every scope.
func (e *Engine) ForgetAll() { clear(e.scopes) }

// key identifies the call that a record tells of. The audit ID alone would not
// do: any client may set it by the Audit-ID header, and a repeated one must not
// make a call look like a copy of another. The hash is the same in every
// process, and nobody can make two calls that share one.
func (e *Engine) key(ev *event.Event) callKey {
	a, b := ev.Audit, &e.scratch
	b.Reset()
	b.WriteString(a.AuditID)
	b.WriteByte(0)
	b.WriteString(a.Verb)
	b.WriteByte(0)
	b.WriteString(a.RequestURI)
	b.WriteByte(0)
	b.WriteString(a.User.Username)
	b.Write(binary.LittleEndian.AppendUint64(b.AvailableBuffer(), uint64(a.Received.UnixNano())))
	if ev.Truncated { // its time was cut off with its end
		b.Write(ev.Raw)
	}
	sum := sha256.Sum256(b.Bytes())
	return callKey{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}
}

func (r *Result) count(s event.Scope, o event.Outcome, reason event.Reason, n int64, t time.Time) {
	for i := range r.Counts {
		c := &r.Counts[i]
		if c.Outcome != o || c.Reason != reason || c.Scope != s {
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
	r.Counts = append(r.Counts, Count{Scope: s, Outcome: o, Reason: reason, N: n, First: t, Last: t})
}
