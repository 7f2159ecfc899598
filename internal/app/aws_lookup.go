package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// Bounds of what waits to be asked for. What finds no room is asked for when the
// machine is found to do something again.
const (
	maxLookups         = 10_000 // machines, and those that are not to be asked for again
	maxLookupFindings  = 100    // of a machine
	lookupsAtOnce      = 100    // machines in one call
	lookupPause        = time.Minute
	lookupTries        = 10
	answered, failed   = "answered", "failed"
	unknown            = "unknown"
	instancePrefix     = "i-"
	interfacePrefix    = "eni-"
	exfiltratedMachine = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration."
)

// wanted is a machine of which a finding shows no details, by the id of its
// instance or else of its interface.
type wanted struct {
	machine
	finding string    // identity
	at      time.Time // when it did what the finding tells
}

type machine struct {
	account, region string
	id              string
}

// lookups asks EC2 for the details of machines that findings are about. What it
// learns goes into the journal as a record, so that detection hears of it there
// and does nothing else than it would do when the journal is read again.
type lookups struct {
	app   *App
	wake  chan struct{}
	count *prometheus.CounterVec

	mu      sync.Mutex
	waiting map[machine]*lookup
	known   map[machine]time.Time // until when it is not asked for again

	// Owned by run.
	callers map[string]*ec2Caller // by account and Region
	next    map[string]time.Time  // when the account may be asked again
}

// lookup is a machine that waits, and the findings that want its details.
type lookup struct {
	findings []string
	at       time.Time
	tries    int
}

// startLookups begins to ask EC2, where that is configured.
func (a *App) startLookups() {
	if len(a.Config.AWS.Lookup.Accounts) == 0 {
		return
	}
	l := newLookups(a)
	a.registry.MustRegister(l.count)
	a.lookups = l
	a.background("end asking EC2", l.run)
}

func newLookups(a *App) *lookups {
	return &lookups{
		app: a, wake: make(chan struct{}, 1), waiting: map[machine]*lookup{}, known: map[machine]time.Time{},
		callers: map[string]*ec2Caller{}, next: map[string]time.Time{},
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vedette_ingest_ec2_lookups_total", Help: "Machines that EC2 was asked for, by what became of it: answered, unknown (to EC2, too), failed (tried again).",
		}, []string{"result"}),
	}
}

// want adds the machine of a signal to a list, if nothing is known of it.
func (l *lookups) want(list []wanted, s *finding.Signal) []wanted {
	if l == nil || len(list) >= maxLookups || l.app.Config.AWS.Lookup.For(s.Account, s.Region, l.app.Config.Account) == nil {
		return list
	}
	id := undescribed(s)
	if id == "" {
		return list
	}
	return append(list, wanted{machine{s.Account, s.Region, id}, s.Identity(), s.Time})
}

// undescribed is the instance or the interface of a signal that shows no details
// of it; "" for others.
func undescribed(s *finding.Signal) string {
	d := s.Resource.InstanceDetails
	switch {
	case d == nil && strings.HasPrefix(s.Type, exfiltratedMachine) && s.Resource.AccessKeyDetails != nil:
		_, session, _ := strings.Cut(s.Resource.AccessKeyDetails.PrincipalID, ":")
		if isResourceID(session, instancePrefix) {
			return session
		}
		return ""
	case d == nil || d.ImageID != "":
		return ""
	case isResourceID(d.InstanceID, instancePrefix):
		return d.InstanceID
	}
	for _, n := range d.NetworkInterfaces {
		if d.InstanceID == "" && isResourceID(n.NetworkInterfaceID, interfacePrefix) {
			return n.NetworkInterfaceID
		}
	}
	return ""
}

// isResourceID reports whether a text is an id of EC2: in a filter anything else,
// such as a star, might stand for many.
func isResourceID(s, prefix string) bool {
	hex, ok := strings.CutPrefix(s, prefix)
	return ok && (len(hex) == 8 || len(hex) == 17) && strings.Trim(hex, "0123456789abcdef") == ""
}

// ask takes the machines of a commit.
func (l *lookups) ask(list []wanted) {
	if l == nil || len(list) == 0 {
		return
	}
	now := l.app.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range list {
		l.add(w, now)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lookups) add(w wanted, now time.Time) {
	k := l.waiting[w.machine]
	if k == nil {
		if now.Before(l.known[w.machine]) || len(l.waiting) >= maxLookups {
			return
		}
		k = &lookup{}
		l.waiting[w.machine] = k
	}
	if w.at.After(k.at) {
		k.at = w.at
	}
	if w.finding != "" && len(k.findings) < maxLookupFindings && !slices.Contains(k.findings, w.finding) {
		k.findings = append(k.findings, w.finding)
	}
}

// run asks for what waits, as fast as the budget allows.
func (l *lookups) run(ctx context.Context) {
	for ctx.Err() == nil {
		group, wait := l.take()
		if len(group) > 0 {
			l.askFor(ctx, group)
			continue
		}
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-after(wait):
		}
	}
}

// after is a channel on which something comes after a while; never for 0.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

// take chooses machines of one kind, account and Region for one call, in order
// of their names; and says how long nothing else may be asked if there are none.
func (l *lookups) take() (group []machine, wait time.Duration) {
	now := l.app.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range slices.SortedFunc(maps.Keys(l.waiting), machine.compare) {
		if d := l.next[m.account].Sub(now); d > 0 {
			if wait == 0 || d < wait {
				wait = d
			}
			continue
		}
		if len(group) == 0 || len(group) < lookupsAtOnce && m.alike(group[0]) {
			group = append(group, m)
		}
	}
	return group, wait
}

func (m machine) compare(o machine) int {
	return cmp.Or(strings.Compare(m.account, o.account), strings.Compare(m.region, o.region), strings.Compare(m.id, o.id))
}

func (m machine) alike(o machine) bool {
	return m.account == o.account && m.region == o.region && m.isInterface() == o.isInterface()
}

func (m machine) isInterface() bool { return strings.HasPrefix(m.id, interfacePrefix) }

// askFor asks for machines and has detection told what EC2 answers.
func (l *lookups) askFor(ctx context.Context, group []machine) {
	of := group[0]
	c := &l.app.Config.AWS.Lookup
	err := l.answer(ctx, group)
	now := l.app.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next[of.account] = now.Add(time.Minute / time.Duration(c.CallsPerMinute))
	if err == nil {
		for _, m := range group {
			delete(l.waiting, m)
			l.remember(m, now.Add(c.Keep), now)
		}
		return
	}
	if ctx.Err() != nil {
		return
	}
	l.count.WithLabelValues(failed).Add(float64(len(group)))
	l.app.Log.Error("EC2 could not be asked for machines; trying again", "account", of.account, "region", of.region, "machines", len(group), "err", err)
	l.next[of.account] = now.Add(lookupPause)
	for _, m := range group {
		if k := l.waiting[m]; k != nil {
			if k.tries++; k.tries >= lookupTries {
				delete(l.waiting, m)
			}
		}
	}
}

// remember notes until when a machine is not asked for again.
func (l *lookups) remember(m machine, until, now time.Time) {
	if len(l.known) >= maxLookups {
		maps.DeleteFunc(l.known, func(_ machine, t time.Time) bool { return !now.Before(t) })
	}
	if len(l.known) < maxLookups {
		l.known[m] = until
	}
}

// answer makes a call, and a record of what it says.
func (l *lookups) answer(ctx context.Context, group []machine) error {
	of := group[0]
	caller, err := l.caller(ctx, of)
	if err != nil {
		return err
	}
	var ids []string
	for _, m := range group {
		ids = append(ids, m.id)
	}
	var records []lookupRecord
	found := map[string]bool{}
	if of.isInterface() {
		list, err := caller.interfaces(ctx, ids)
		if err != nil {
			return err
		}
		for i := range list {
			n := &list[i]
			found[n.ID] = true
			records = append(records, l.record(machine{of.account, of.region, n.ID}, nil, n))
			l.askInstead(n, machine{of.account, of.region, n.ID})
		}
	} else {
		list, err := caller.instances(ctx, ids)
		if err != nil {
			return err
		}
		for i := range list {
			found[list[i].ID] = true
			records = append(records, l.record(machine{of.account, of.region, list[i].ID}, &list[i], nil))
		}
	}
	l.count.WithLabelValues(answered).Add(float64(len(found)))
	l.count.WithLabelValues(unknown).Add(float64(max(0, len(ids)-len(found))))
	return l.tell(ctx, event.Scope{Account: of.account, Region: of.region}, records)
}

// askInstead has the instance of an interface asked for, for the same findings.
func (l *lookups) askInstead(n *ec2Interface, of machine) {
	if n.Attachment.InstanceID == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.waiting[of]
	if k == nil {
		return
	}
	id := machine{of.account, of.region, n.Attachment.InstanceID}
	for _, f := range k.findings {
		l.add(wanted{id, f, k.at}, l.app.Now())
	}
}

// record is what detection is told of an answer.
func (l *lookups) record(m machine, i *ec2Instance, n *ec2Interface) lookupRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := lookupRecord{machine: m, instance: i, iface: n}
	if k := l.waiting[m]; k != nil {
		r.at, r.findings = k.at, slices.Clone(k.findings)
	}
	return r
}

// tell puts records into the journal.
func (l *lookups) tell(ctx context.Context, sc event.Scope, records []lookupRecord) error {
	if len(records) == 0 {
		return nil
	}
	var data []byte
	for i := range records {
		b, err := records[i].encode()
		if err != nil {
			return fmt.Errorf("make a record of %s: %w", records[i].id, err)
		}
		data = append(append(data, b...), '\n')
	}
	a := l.app
	w, end := a.writer, func() {}
	if w == nil { // a process that takes nothing in from elsewhere
		w, end = a.ownWriter()
	}
	defer end()
	return a.tell(ctx, w, event.Chunk{Stream: lookupStream, Received: a.Now().UTC(), Scope: sc, OneAccount: true, Source: event.CloudTrail, Data: data})
}
