package detect

import (
	"fmt"
	"time"
)

// When contacts are a scan.
const (
	scanWindow = 5 * time.Minute
	// scanPorts are the distinct ports of one public host, scanPortsInside of a
	// host inside: there, dead nodes are called at a dozen ports by those who
	// watch them.
	scanPorts, scanPortsInside = 15, 20
	// scanFailures: who reaches nearly all it calls is no scanner.
	scanFailures = 5
	// sequentialPorts is where the sequential test may end sooner.
	sequentialPorts = 10
	// sequentialSteps is ln(0.99/1e-5) / ln(0.8/0.2): by how many the failed
	// first contacts must outnumber the others (Jung et al. 2004, with 0.2 and
	// 0.8 for the chances that a contact of a scanner, and of another, succeeds).
	sequentialSteps = 9
	// sweepHosts are the distinct public hosts called in vain at one port, and
	// sweepFailures is 100 / the least percentage of all that they must be.
	// Crawlers, relays and proxies meet dead hosts, too, but more living ones.
	sweepHosts, sweepFailures = 25, 4
	// Of datagrams nine in ten must go without an answer; and of those to servers
	// of names and of the time, which live from asking many, twice as many.
	sweepAnswered, sweepAsked = 10, 50
	// manySources: where only ports say who called, the callers of a busy server
	// look like ports that it scans; but its own port stays the same.
	manySources = 3
)

// scan raises Portscan and PortSweep when one more contact completes them.
func (r *record) scan(v *view, l *contacts, c contact) {
	r.portScan(v, l, c)
	if v.public {
		r.portSweep(v, l, c)
	}
}

// crowd counts the contacts of a group in the most crowded window that holds a
// moment.
func (l *contacts) crowd(at int64, in func(*contact) bool) (all, failed int) {
	const w = int64(scanWindow / time.Second)
	var group [maxContacts]*contact
	n := 0
	for i := range l.list {
		if k := &l.list[i]; k.at >= at-w && k.at <= at+w && in(k) {
			group[n] = k
			n++
		}
	}
	from, bad := 0, 0
	for to := range n {
		if group[to].failed {
			bad++
		}
		for group[from].at < group[to].at-w {
			if group[from].failed {
				bad--
			}
			from++
		}
		if to-from+1 > all {
			all, failed = to-from+1, bad
		}
	}
	return all, failed
}

func (r *record) portScan(v *view, l *contacts, c contact) {
	same := func(k *contact) bool { return k.host == c.host && k.local == c.local }
	if c.guess && !l.manySources(same) {
		same = func(k *contact) bool { return k.host == c.host && k.local == c.local && portMarks()[k.port].service }
	}
	all, failed := l.crowd(c.at, same)
	enough := scanPorts
	if !v.public {
		enough = scanPortsInside
	}
	quick := v.public && all >= sequentialPorts && failed-(all-failed) >= sequentialSteps
	if all < enough && !quick || failed < scanFailures {
		return
	}
	s := r.claimFlow("Recon:EC2/Portscan", v.remote.String(), v)
	s.Role = "ACTOR"
	who := r.name(v)
	s.Title = fmt.Sprintf("%s scans the ports of the host %s.", upper(who), v.remote)
	s.Description = fmt.Sprintf("%s tried %d ports of the remote host %s within %s, the latest %d.", upper(who), all, v.remote, minutes(scanWindow), v.rport)
	s.Why = fmt.Sprintf("%d distinct ports of one host within %s, %d of them without an exchange of data (the threshold is %d, or %d when failures outnumber the rest by %d)",
		all, minutes(scanWindow), failed, enough, sequentialPorts, sequentialSteps)
	s.Info = map[string]any{"scannedPort": l.portsOf(same)}
	r.raise(s)
	l.without(same)
}

func (r *record) portSweep(v *view, l *contacts, c contact) {
	if portMarks()[c.port].peer || c.udp && !sweptByUDP(c.port) {
		return
	}
	if !c.udp && c.guess && (c.port == portHTTP || c.port == portHTTPS) {
		return // idle connections of a crawler look the same without flags
	}
	same := func(k *contact) bool { return k.port == c.port && k.local == c.local && k.udp == c.udp }
	all, failed := l.crowd(c.at, same)
	enough := sweepHosts
	if c.udp && (c.port == portDNS || c.port == portNTP) {
		enough = sweepAsked
	}
	if failed < enough || failed*sweepFailures < all || c.udp && (all-failed)*sweepAnswered > all {
		return
	}
	what, least := fmt.Sprint(v.rport), "a quarter of all"
	if c.udp {
		what, least = "UDP/"+what, "nine in ten of all"
	}
	s := r.claimFlow("Impact:EC2/PortSweep", what, v)
	s.Role = "ACTOR"
	who := r.name(v)
	s.Title = fmt.Sprintf("%s sweeps %s port %d over the internet.", upper(who), protocolName(v.f.Protocol), v.rport)
	s.Description = fmt.Sprintf("%s tried %s port %d (%s) of %d public hosts within %s, the latest %s.", upper(who), protocolName(v.f.Protocol), v.rport, portName(v.rport), all, minutes(scanWindow), v.remote)
	s.Why = fmt.Sprintf("%d distinct public hosts called at one port within %s without an exchange of data, of %d called (the threshold is %d, and %s)",
		failed, minutes(scanWindow), all, enough, least)
	s.Info = map[string]any{"scannedPort": int64(v.rport)}
	r.raise(s)
	l.without(same)
}

// manySources reports whether contacts came from several local ports.
func (l *contacts) manySources(in func(*contact) bool) bool {
	var seen [manySources]uint16
	n := 0
next:
	for i := range l.list {
		if !in(&l.list[i]) {
			continue
		}
		for _, p := range seen[:n] {
			if p == l.list[i].lport {
				continue next
			}
		}
		seen[n] = l.list[i].lport
		if n++; n == manySources {
			return true
		}
	}
	return false
}

func (l *contacts) portsOf(in func(*contact) bool) []int64 {
	var out []int64
	for i := range l.list {
		if in(&l.list[i]) {
			out = append(out, int64(l.list[i].port))
		}
	}
	return out
}

// minutes writes a window in words.
func minutes(d time.Duration) string {
	if d >= time.Hour {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}
