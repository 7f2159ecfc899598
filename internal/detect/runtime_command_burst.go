package detect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

const typeDiscoveryCommand = "Discovery:Runtime/SuspiciousCommand"

// Bounds of what is remembered of those who look around.
const (
	maxLookers  = 20_000
	lookersIdle = time.Hour
	burstWindow = 5 * time.Minute
	maxKinds    = 32
)

// looker is who looks around: what kinds of facts a session asked for of late.
type looker struct {
	Kinds []askedFact
}

type askedFact struct {
	Kind   string
	Weight int
	At     int64 // Unix seconds
	Says   string
}

// learnFacts adds up what a session asks of its system. One question is
// ordinary, many kinds of them in a few minutes are how somebody finds out where
// he is.
func (r *runtimeRecord) learnFacts(hits []commandHit) {
	if !slices.ContainsFunc(hits, func(h commandHit) bool { return h.when == fact }) {
		return
	}
	where := r.surroundings()
	limit := r.burstLimit(where)
	if where.expected || limit == 0 || r.isOwnWork() {
		return
	}
	who := r.state.commands.lookers.touch(r.session(), r.ev.Time)
	now := r.ev.Time.Unix()
	who.Kinds = slices.DeleteFunc(who.Kinds, func(f askedFact) bool { return now-f.At > int64(burstWindow/time.Second) })
	fresh := false
	for _, h := range hits {
		if h.when == fact {
			fresh = who.add(h, now) || fresh
		}
	}
	if weight, telling := who.weigh(); fresh && weight >= limit && telling >= 2 && len(who.Kinds) >= 3 {
		r.raiseBurst(who, weight)
	}
}

// add notes a fact and reports whether its kind is new.
func (w *looker) add(h commandHit, at int64) bool {
	i := slices.IndexFunc(w.Kinds, func(f askedFact) bool { return f.Kind == h.family })
	if i >= 0 {
		w.Kinds[i].At = max(w.Kinds[i].At, at)
		return false
	}
	if len(w.Kinds) < maxKinds {
		w.Kinds = append(w.Kinds, askedFact{h.family, h.weight, at, h.says})
	}
	return true
}

// weigh adds up the kinds: all, and those that monitoring never asks for.
func (w *looker) weigh() (all, telling int) {
	for _, f := range w.Kinds {
		all += f.Weight
		switch f.Kind {
		case "system", "processes", "network", "mounts":
		default:
			telling += f.Weight
		}
	}
	return all, telling
}

// burstLimit is the weight from which looking around is a finding; 0 is never.
// People at a terminal and scripts that make a container ready look around, too.
func (r *runtimeRecord) burstLimit(s surroundings) int {
	switch {
	case r.otherwiseSuspicious(typeDiscoveryCommand):
		return 4
	case s.node && r.Process.TTY:
		return 0
	case s.node:
		return 10
	case s.starting, r.Process.TTY:
		return 8
	}
	return 5
}

// session names who asks: the one program in the container that all of it comes
// from. The commands of a network service that is broken into are its children,
// one by one, so there it is the service.
func (r *runtimeRecord) session() string {
	top := r.Process
	for i := range r.Ancestors {
		a := &r.Ancestors[i]
		if r.Container != nil && isOnNode(a) {
			break
		}
		if r.Container == nil && (a.PID == 1 || isDaemon(a)) {
			break
		}
		top = a
	}
	return r.here() + " " + top.UUID
}

// isDaemon knows the programs of a node that start sessions of others.
func isDaemon(p *event.Process) bool {
	switch baseOf(p) {
	case "systemd", "sshd", "sshd-session", "cron", "crond", "login", "init":
		return true
	}
	return isRuntimeProgram(p)
}

func (r *runtimeRecord) raiseBurst(who *looker, weight int) {
	s := r.claim(typeDiscoveryCommand, "burst")
	var says []string
	for _, f := range who.Kinds {
		says = append(says, f.Says)
	}
	s.Runtime.Context.CommandLineExample = "id; uname -a; cat /etc/passwd; env; mount"
	s.Title = fmt.Sprintf("A process in %s looks around.", r.where())
	s.Description = fmt.Sprintf("%s in %s, with others of the same origin, asked for %d kinds of facts about its surroundings within %s.",
		upper(processName(r.Process)), r.where(), len(who.Kinds), burstWindow)
	s.Why = fmt.Sprintf("one process tree %s; that weighs %d, and %d is a finding here", strings.Join(says, "; "), weight, r.burstLimit(r.surroundings()))
	r.raise(s)
}
