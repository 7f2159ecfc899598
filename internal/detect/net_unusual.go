package detect

import (
	"fmt"
	"strings"
)

// When a port is unusual, in thousandths of -log10 of a chance: that of the
// port and that of the peer's network together, and of the port at least.
const (
	unusualScore = 6000
	unusualPort  = 1500
	mostPerView  = 5000
	// Where the network surprises as much as unusualNet, unusualPair does: a
	// machine with few ways and a short past has not shown more.
	unusualNet  = 2000
	unusualPair = 5000
	// rollout is of how many machines of a group findings tell in a week that they
	// called one new port: what many begin at once is somebody's deployment.
	rollout = 2
)

// habits learns what a machine does with public hosts, and judges it by that.
// What calls a host on a list has its own findings.
func (r *record) habits(v *view, listed bool) {
	f := v.f
	if r.opts.AnomaliesOff || !v.outgoing || f.Rejected || f.Function != "" || v.eni == "" && f.Interface != "" {
		return
	}
	key := v.handle()
	u := r.account.net.usages.get(key)
	if v.calling() && hasPorts(f) && v.rport != 0 && !listed {
		r.usual(v, key, u)
		r.beacon(v, u, false)
	} else if u == nil || !u.hours.has(hourOf(r.ev.Time)) {
		r.present(v, key)
	}
	r.volume(v, key, listed)
}

// usual learns which ports and networks a machine calls, and raises
// NetworkPortUnusual where a port is new to it and to those like it.
func (r *record) usual(v *view, key string, u *usage) {
	s, at, hour := r.account.net, r.ev.Time, hourOf(r.ev.Time)
	port, network := portID(v), r.network(v)
	if u != nil && u.hours.has(hour) {
		p, n := u.ports.find(port), u.nets.find(network)
		if p != nil && p.seen.has(hour) && n != nil && n.seen.has(hour) {
			return // nearly always
		}
	}
	if u != nil && u.ports.find(port).isNew(hour) && !exchanges(v) {
		return
	}
	u = r.present(v, key)
	if u.ports.find(port).isNew(hour) && !exchanges(v) {
		return
	}
	doubt := r.judgePort(u, v, port, network)
	if u.ports.note(port, hour, doubt, maxUsedPorts) {
		s.teach(ofPorts, u.group, port, at)
	}
	if !u.nets.find(network).isNew(hour) {
		doubt = learnedValue
	}
	if u.nets.note(network, hour, doubt, maxUsedNets) {
		s.teach(ofNets, u.group, network, at)
	}
}

// present notes that a machine was heard of at an hour.
func (r *record) present(v *view, key string) *usage {
	s, hour := r.account.net, hourOf(r.ev.Time)
	s.grow(r.ev.Time)
	u := s.usages.touch(key, r.ev.Time)
	if u.hours.tick(hour) {
		r.join(u, v)
		u.days.tick(dayOf(hour))
		if u.ports.age(hour) {
			s.remind(ofPorts, u.group, &u.ports, r.ev.Time)
		}
		if u.nets.age(hour) {
			s.remind(ofNets, u.group, &u.nets, r.ev.Time)
		}
	}
	return u
}

// join finds the group that a machine belongs to. One that another log told of
// since brings what it knows along.
func (r *record) join(u *usage, v *view) {
	g := r.group(v)
	if g == u.group {
		return
	}
	s, at := r.account.net, r.ev.Time
	u.group = g
	s.count(ofMembers, g, 0, at, false)
	for i := range u.ports.list {
		if x := &u.ports.list[i]; x.doubt == learnedValue {
			s.teach(ofPorts, g, x.id, at)
		}
	}
	for i := range u.nets.list {
		if x := &u.nets.list[i]; x.doubt == learnedValue {
			s.teach(ofNets, g, x.id, at)
		}
	}
}

func portID(v *view) uint64 { return uint64(v.f.Protocol)<<16 | uint64(v.rport) }

// exchanges reports whether a machine sent more than it takes to see whether
// somebody answers.
func exchanges(v *view) bool { return v.f.Packets >= 3 && !looksLikeProbe(v) }

// isEverybodys reports whether any machine may call a port of any host one day,
// or the port is another detector's business.
func isEverybodys(port uint16) bool {
	switch port {
	case portHTTP, portHTTPS, portNTP, portSMTP:
		return true
	}
	return false
}

// judgePort says how much there is to doubt in the call of a port, and raises
// the finding where that is due.
func (r *record) judgePort(u *usage, v *view, port, network uint64) doubt {
	s, hour := r.account.net, hourOf(r.ev.Time)
	x := u.ports.find(port)
	if isEverybodys(v.rport) || !x.isNew(hour) || !s.hasAge(hour) || r.opts.trustedEnd(v) {
		return learnedValue
	}
	b, common := s.beyond(ofPorts, u.group, port, hour)
	if common {
		return learnedValue
	}
	score := surpriseOfPort{
		port: min(surprise(u.ports.n, u.ports.novel)+b+portPrior(v), mostPerView),
		net:  min(s.surpriseOfNet(u, network, hour), mostPerView),
	}
	switch {
	case score.sum() < unusualScore/2:
		return learnedValue
	case !score.isUnusual():
		return doubtedValue
	}
	if x == nil || x.doubt != toldValue {
		week := port | uint64(uint32(dayOf(hour)/7))<<32
		if s.tally(ofTold, u.group, week, hour).n >= rollout {
			return doubtedValue
		}
		s.count(ofTold, u.group, week, r.ev.Time, false)
	}
	r.unusualPort(u, v, score)
	return toldValue
}

// surpriseOfPort is how much a call of a new port surprises.
type surpriseOfPort struct{ port, net int }

func (s surpriseOfPort) sum() int { return s.port + s.net }

func (s surpriseOfPort) isUnusual() bool {
	return s.port >= unusualPort && (s.sum() >= unusualScore || s.net >= unusualNet && s.sum() >= unusualPair)
}

// surpriseOfNet is how much a network surprises as the peer of a machine.
func (s *netState) surpriseOfNet(u *usage, network uint64, hour int32) int {
	if x := u.nets.find(network); !x.isNew(hour) {
		n, c := u.nets.n, x.seen.n
		if c > n/20 {
			return 0
		}
		fewer := uint32(0)
		for i := range u.nets.list {
			if y := &u.nets.list[i]; y.doubt == learnedValue && y.seen.n <= c {
				fewer += y.seen.n
			}
		}
		return logOf(n+u.nets.novel, fewer+u.nets.novel)
	}
	b, common := s.beyond(ofNets, u.group, network, hour)
	if common {
		return b
	}
	return surprise(u.nets.n, u.nets.novel) + b
}

// portPrior is how rare a port is among the servers of the internet: where the
// account says nothing, this does.
func portPrior(v *view) int {
	switch {
	case v.rport == 389 || v.rport == 1389: // to be called back at
		return 1000
	case ports()[v.rport].name != "":
		return 500
	}
	return 1000
}

func (r *record) unusualPort(u *usage, v *view, score surpriseOfPort) {
	protocol, who := protocolName(v.f.Protocol), r.name(v)
	what := fmt.Sprintf("%s port %d", protocol, v.rport)
	s := r.claimFlow("Behavior:EC2/NetworkPortUnusual", what, v)
	s.Role = "ACTOR"
	s.Title = fmt.Sprintf("%s talks to a port of remote hosts that it never used.", upper(who))
	s.Description = fmt.Sprintf("%s called %s on %s, which is new to it and to the machines like it. Usual for it: %s.", upper(who), v.remote, what, u.usualPorts())
	s.Why = fmt.Sprintf("in %d h on %d days this machine called %d ports of public hosts, never %s; -log10 of the chance of that port is %s, and of the peer's network (%s) %s: together %s (the threshold is %s, or %s where the network has %s)",
		u.hours.n, u.days.n, u.ports.novel, what, decimal(score.port), r.networkName(v), decimal(score.net), decimal(score.sum()), decimal(unusualScore), decimal(unusualPair), decimal(unusualNet)) + r.rhythm(v)
	unusual := map[string]any{"port": int64(v.rport)}
	if org := r.asnOrg(v); org != "" {
		unusual["asnOrg"] = org
	}
	s.Info = map[string]any{"unusual": unusual, "localPort": int64(v.lport), "outBytes": v.f.Bytes}
	if v.rport == 389 || v.rport == 1389 {
		s.Severity = 8
		s.Info["context"] = "Possible log4j callback"
	}
	r.raise(s)
}

// usualPorts names the ports that a machine calls most.
func (u *usage) usualPorts() string {
	var out []string
	for _, x := range u.ports.most(4) {
		out = append(out, fmt.Sprintf("%s port %d (in %d h)", protocolName(uint8(x.id>>16)), uint16(x.id), x.seen.n))
	}
	if len(out) == 0 {
		return "nothing yet"
	}
	return strings.Join(out, ", ")
}

// decimal writes thousandths with one digit.
func decimal(thousandths int) string {
	return fmt.Sprintf("%d.%d", thousandths/1000, thousandths%1000/100)
}
