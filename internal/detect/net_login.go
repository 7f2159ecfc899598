package detect

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// When connections to a service that takes passwords are guesses.
const (
	maxLogins   = 100_000 // pairs of machines
	loginIdle   = 7 * 24 * time.Hour
	maxAttempts = 128 // remembered of a pair

	fastWindow, slowWindow = 5 * time.Minute, 4 * time.Hour
	loginThreshold         = 20 // attempts in either window
	// A pair that has worked together, or did the same on earlier days, is an
	// administrator's tool: it must do several times as much.
	friendFactor = 5
	usualFactor  = 4
	// longLogin is how long a session may be and still be a failed attempt.
	longLogin = time.Minute
	day       = 24 * time.Hour
)

// loginPort is a service that takes passwords.
type loginPort struct {
	typ, does string
	// One attempt's size, either way: less is a port check, more is work done.
	// An SSH attempt is a key exchange and a few messages, 1 to 5 KB; NLA and
	// HTTP exchange certificates and tickets.
	least, most int64
}

func loginPortOf(port uint16) loginPort {
	switch port {
	case portSSH:
		return loginPort{"UnauthorizedAccess:EC2/SSHBruteForce", "SSH", 400, 8 << 10}
	case portRDP:
		return loginPort{"UnauthorizedAccess:EC2/RDPBruteForce", "RDP", 400, 20 << 10}
	}
	return loginPort{"Impact:EC2/WinRMBruteForce", "WinRM", 400, 12 << 10}
}

// leastPackets: a handshake, its end and no data are a port check.
const leastPackets = 5

// logins is what is remembered of a pair of machines and a service.
type logins struct {
	attempts burst // ids are ports of the client
	friend   bool  // something was done in a session, before there were many
	first    int64 // Unix seconds
	// usual is the most attempts in the fast window on earlier days; today is
	// that of the day, which is a number of days since 1970.
	usual, today int
	day          int64
}

// login looks at a flow of a service that takes passwords.
func (r *record) login(v *view) {
	f, at := v.f, r.ev.Time
	if v.opened == unknownSide || f.Rejected || v.end == nil && v.eni != "" {
		return
	}
	port := v.service()
	p := loginPortOf(port)
	fromClient := v.outgoing == (v.opened == localSide)
	d := f.End.Sub(f.Start)
	long := d > longLogin || f.Bytes > p.most
	attempt := fromClient && !long && f.Packets >= leastPackets && f.Bytes >= p.least
	if !attempt && !long {
		return
	}
	role := "TARGET"
	clientPort := v.rport
	if v.opened == localSide {
		role, clientPort = "ACTOR", v.lport
	}
	s := r.account.net
	key := v.handle() + "|" + v.remote.String() + "|" + strconv.Itoa(int(port)) + role
	l := s.logins.get(key)
	if l == nil && r.opts.expected(v) || l != nil && l.friend && long {
		return
	}
	l = s.logins.touch(key, at)
	if l.first == 0 {
		l.first = at.Unix()
	}
	if long {
		l.befriend(at)
		return
	}
	id := uint64(clientPort)
	if l.attempts.add(id, at, maxAttempts) {
		r.guessed(v, l, p, role)
	} else if l.attempts.lasted(id, at) > longLogin {
		l.befriend(at) // one session, of which each interval has a record
	}
}

// expected reports whether the operator's own network or a trusted machine is
// on the other side, or the machine itself is trusted.
func (o *Options) expected(v *view) bool { return o.inOwnNetwork(v.remote) || o.trustedEnd(v) }

// inOwnNetwork reports whether an address is of the operator's networks outside AWS.
func (o *Options) inOwnNetwork(ip netip.Addr) bool {
	return slices.ContainsFunc(o.Own, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// trustedEnd reports whether a machine at either end of a flow is trusted.
func (o *Options) trustedEnd(v *view) bool {
	return o.Intel.Trusted(v.remote) || o.Intel.Trusted(v.local)
}

// befriend notes that something was done in a session. After many attempts
// that would be the one that succeeded.
func (l *logins) befriend(at time.Time) {
	earlier := 0
	for _, o := range l.attempts {
		if o.at < at.Unix() {
			earlier++
		}
	}
	if earlier < loginThreshold/2 {
		l.friend = true
	}
}

// lasted is the time since an occasion.
func (b burst) lasted(id uint64, at time.Time) time.Duration {
	for _, o := range b {
		if o.id == id {
			return since(o.at, at)
		}
	}
	return 0
}

// guessed raises a finding when one more attempt completes it.
func (r *record) guessed(v *view, l *logins, p loginPort, role string) {
	at := r.ev.Time
	fast := l.attempts.within(fastWindow, at)
	if d := bucketOf(at, day); d > l.day {
		l.usual, l.today, l.day = max(l.usual, l.today), 0, d
	}
	need := loginThreshold
	if l.friend {
		need *= friendFactor
	}
	if since(l.first, at) >= day {
		need = max(need, l.usual*usualFactor)
	}
	need = min(need, maxAttempts)
	count, window := fast, fastWindow
	if count < need {
		// Slow guesses look like what monitoring does inside a network.
		if role != "TARGET" || !v.public || l.friend || l.usual > 0 && since(l.first, at) >= day {
			l.today = max(l.today, fast)
			return
		}
		if count, window = l.attempts.within(slowWindow, at), slowWindow; count < need {
			l.today = max(l.today, fast)
			return
		}
	}
	s := r.claimFlow(p.typ, role, v)
	s.Role, s.Severity = role, 2
	who := r.name(v)
	if role == "ACTOR" {
		s.Severity = 8
		s.Title = fmt.Sprintf("%s guesses passwords of other hosts over %s.", upper(who), p.does)
		s.Description = fmt.Sprintf("%s made %d %s connections to %s within %s, each as short as a refused login.", upper(who), count, p.does, v.peer(), minutes(window))
	} else {
		s.Title = fmt.Sprintf("%s guesses passwords of %s over %s.", v.remote, who, p.does)
		s.Description = fmt.Sprintf("%s made %d %s connections to port %d of %s within %s, each as short as a refused login.", v.remote, count, p.does, v.lport, who, minutes(window))
	}
	s.Why = fmt.Sprintf("%d connections of one host to port %d within %s, each of at least %d packets, %d to %d bytes and at most %d s (the threshold is %d)",
		count, v.service(), minutes(window), leastPackets, p.least, p.most, longLogin/time.Second, need)
	r.raise(s)
	l.attempts = nil
	l.today = 0 // an attack is not what is usual
}

// MarshalBinary and UnmarshalBinary bring logins into a table's log.
func (l *logins) MarshalBinary() ([]byte, error) {
	b := l.attempts.append(nil)
	return appendInts(append(b, byte(oneIf(l.friend))), l.first, int64(l.usual), int64(l.today), l.day), nil
}

func (l *logins) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	l.attempts = s.burst(maxAttempts)
	l.friend = s.byte() == 1
	l.first, l.usual, l.today, l.day = s.int(), int(s.int()), int(s.int()), s.int()
	return s.err()
}
