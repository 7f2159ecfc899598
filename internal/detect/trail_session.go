package detect

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// sessionMemory is where the credentials of one machine were used from: an
// instance, a task, or the environments of a function.
type sessionMemory struct {
	Kind   string   `json:"kind"`
	Homes  []home   `json:"homes,omitempty"`
	Agents []string `json:"agents,omitempty"` // user agents seen at home
	Bad    []string `json:"bad,omitempty"`    // addresses that are not its own
	Calls  int64    `json:"calls,omitempty"`  // from home
	// Chained: somebody took a role under a name that looks like a machine's.
	Chained bool `json:"chained,omitempty"`
	// Maybe is a new address that could be a NAT gateway's; Seen counts its calls.
	Maybe string `json:"maybe,omitempty"`
	Seen  int    `json:"seen,omitempty"`
	// Moved is the first call from an address that took the place of another.
	Moved *move `json:"moved,omitempty"`
}

// home is an address that a machine calls from.
type home struct {
	Addr  string `json:"addr"`
	First int64  `json:"first,omitempty"` // Unix seconds
	Last  int64  `json:"last"`
	// Call is the first one, for as long as an older record may come that shows
	// it in another light.
	Call *firstCall `json:"call,omitempty"`
}

// firstCall is a call from an address that was new.
type firstCall struct {
	API, ID, Service, Agent string
	ARN, Key                string // of the caller
	Session                 int64  // Unix seconds: since when there are these credentials
	Before                  int64  // calls before it, of a function
}

// move is a change of address. Should the old address call again, then the
// new one was somebody else's.
type move struct {
	From, To string
	At       int64
	Call     firstCall // from To
}

// Bounds of what one session remembers.
const (
	maxHomes  = 16
	maxAgents = 8
	// quiet is how long a machine must have been silent to have moved.
	quiet = 10 * time.Minute
	// maybeCalls is how many calls from an address that could be a NAT gateway's
	// are waited for, for another machine to call from there, too.
	maybeCalls = 2
	// insideCalls is how often a machine must have called through VPC endpoints
	// alone, for its first call from the internet to count.
	insideCalls = 100
	// functionCalls is how often a function must have called before what is
	// unlike it counts.
	functionCalls = 10
)

// The kinds of sessions.
const (
	kindInstance = "instance"
	kindTask     = "task"
	kindFunction = "function"
)

// instanceSession is the id of the instance whose credentials these are: those
// of an instance's role have its id as the name of the session.
func instanceSession(id *event.Identity) (string, bool) {
	if id.Type != "AssumedRole" {
		return "", false
	}
	_, name, ok := strings.Cut(id.PrincipalID, ":")
	if !ok || !strings.HasPrefix(name, "i-") || len(name) != 10 && len(name) != 19 || !isHex(name[2:]) {
		return "", false
	}
	return name, true
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (s[i] < '0' || s[i] > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}

// machineKind is what kind of machine a session belongs to, "" for none.
func machineKind(t *event.Trail) string {
	id := &t.Identity
	if id.Type != "AssumedRole" {
		return ""
	}
	if _, ok := instanceSession(id); ok {
		return kindInstance
	}
	for _, arn := range [...]string{id.IssuedTo, id.SourceARN} {
		switch {
		case strings.Contains(arn, ":lambda:"):
			return kindFunction
		case strings.Contains(arn, ":ecs:"):
			return kindTask
		}
	}
	if _, name, _ := strings.Cut(id.PrincipalID, ":"); len(name) == 32 && isHex(name) {
		return kindTask
	}
	if strings.Contains(t.UserAgent, "exec-env/AWS_Lambda_") {
		return kindFunction
	}
	return ""
}

// roleSession looks for credentials of a machine that are used elsewhere.
func (c *apiCall) roleSession() {
	t := c.t
	if t.Identity.Type != "AssumedRole" {
		return
	}
	kind := machineKind(t)
	if kind == "" {
		if known := c.account.trail.sessions.get(t.Identity.PrincipalID); known == nil || known.Kind != kindFunction {
			return
		}
		kind = kindFunction
	}
	ip := c.sourceAddr()
	if !ip.IsValid() {
		return
	}
	key := t.Identity.PrincipalID
	var m sessionMemory
	if known := c.account.trail.sessions.get(key); known != nil {
		m = *known
	} else {
		m.Kind = kind
		key = strings.Clone(key)
	}
	if m.Chained {
		return
	}
	if kind == kindFunction {
		c.functionSession(&m, ip)
	} else {
		c.machineSession(&m, ip)
	}
	*c.account.trail.sessions.touch(key, c.ev.Time) = m
}

// machineSession judges a call of an instance or a task. Its first address is
// its own, unless something speaks against that; another one needs a reason.
func (c *apiCall) machineSession(m *sessionMemory, ip netip.Addr) {
	at := c.origin(ip)
	switch {
	case slices.Contains(m.Bad, at.name) && !c.excused(m, at):
		c.stolen(m, at, "this address is known not to be its own")
		return
	case c.returned(m, at):
		return
	case m.isHome(at.name):
		c.stay(m, at)
		return
	case c.opts.Intel.Trusted(ip) || c.opts.inOwnNetwork(ip):
		return
	}
	if why := c.suspicious(ip, c.ev.Time.Unix()); why != "" {
		c.theft(m, at, why)
		return
	}
	if at.foreign != "" {
		c.foreignEndpoint(m, at)
		return
	}
	switch {
	case at.private, c.isShared(at.name), m.noneOutside() && m.Calls < insideCalls:
		c.settle(m, at)
	case ip.Is6() && m.firstOfFamily(ip):
		c.settle(m, at)
	case c.usualForRole(at):
		c.settle(m, at)
	case c.predates(m, at):
	case c.moves(m, at):
	case c.mayBeNAT(m, at):
	default:
		c.theft(m, at, "the machine itself calls from "+m.homeText()+", and nothing says that it moved")
	}
}

// origin is where a call comes from.
type origin struct {
	name    string // key in tables
	ip      netip.Addr
	private bool   // by way of a VPC endpoint of the account
	foreign string // another account, whose VPC endpoint it came through
}

func (c *apiCall) origin(ip netip.Addr) origin {
	p := origin{ip: ip, private: c.t.VPCEndpoint != "" || !isPublic(ip)}
	if a := c.t.VPCEndpointAccount; p.private && a != "" && a != c.recipient() {
		p.foreign, p.name = strings.Clone(a), "vpce:"+a
		return p
	}
	switch {
	case p.private:
		p.name = "private"
	case ip.Is6(): // a machine picks its addresses from the /64 of its subnet
		prefix, _ := ip.Prefix(64)
		p.name = prefix.String()
	default:
		p.name = ip.String()
	}
	return p
}

func (m *sessionMemory) isHome(addr string) bool {
	return slices.ContainsFunc(m.Homes, func(h home) bool { return h.Addr == addr })
}

// noneOutside reports whether no home is on the internet.
func (m *sessionMemory) noneOutside() bool {
	return !slices.ContainsFunc(m.Homes, func(h home) bool { return h.Addr != "private" && !strings.HasPrefix(h.Addr, "vpce:") })
}

// homeText names the newest public homes.
func (m *sessionMemory) homeText() string {
	var out []string
	for _, h := range m.Homes {
		if out = append(out, h.Addr); len(out) == 3 {
			break
		}
	}
	return strings.Join(out, ", ")
}

// firstOfFamily reports whether the address is the first of IPv6, and one of
// those that AWS gives to networks of its customers: services that have both
// families are called by either.
func (m *sessionMemory) firstOfFamily(ip netip.Addr) bool {
	return isAWSv6(ip) && !slices.ContainsFunc(m.Homes, func(h home) bool { return strings.Contains(h.Addr, ":") && strings.Contains(h.Addr, "/") })
}

// stay notes a call from home. Records of 15 minutes may come in any order, so
// the newest time stands.
func (c *apiCall) stay(m *sessionMemory, at origin) {
	m.Calls++
	c.atHome(at)
	now := c.ev.Time.Unix()
	for i := range m.Homes {
		h := &m.Homes[i]
		if h.Addr != at.name {
			continue
		}
		switch {
		case now < h.First:
			h.First, h.Call = now, c.reviewable(m)
		case now-h.First > int64(disorder/time.Second):
			h.Call = nil
		}
		h.Last = max(h.Last, now)
	}
	if a := c.t.UserAgent; a != "" && !slices.Contains(m.Agents, a) && len(m.Agents) < maxAgents {
		m.Agents = append(slices.Clip(m.Agents), strings.Clone(a))
	}
}

// knowsProgram reports whether a program of the machine's own calls: of a user
// agent, what comes before the command that was run and other ornaments.
func (m *sessionMemory) knowsProgram(agent string) bool {
	return agent == "" || slices.ContainsFunc(m.Agents, func(a string) bool { return program(a) == program(agent) })
}

func program(agent string) string {
	agent = strings.TrimPrefix(agent, "[")
	for _, ornament := range [...]string{" command/", " prompt/", " md/", " cfg/"} {
		agent, _, _ = strings.Cut(agent, ornament)
	}
	return strings.TrimSuffix(agent, "]")
}

// settle makes an address a home.
func (c *apiCall) settle(m *sessionMemory, at origin) {
	now := c.ev.Time.Unix()
	for i := range m.Homes {
		if now-m.Homes[i].First > int64(disorder/time.Second) {
			m.Homes[i].Call = nil
		}
	}
	homes := append(slices.Clone(m.Homes), home{Addr: at.name, First: now, Last: now, Call: c.reviewable(m)})
	if len(homes) > maxHomes {
		old := max(0, slices.IndexFunc(homes, func(h home) bool { return h.Call == nil }))
		homes = slices.Delete(homes, old, old+1)
	}
	m.Homes = homes
	if m.Maybe == at.name {
		m.Maybe, m.Seen = "", 0
	}
	c.stay(m, at)
	c.inhabit(at.name)
}

// suspicious says what speaks against an address, even the first one, from
// which a machine called at a time.
func (c *apiCall) suspicious(ip netip.Addr, at int64) string {
	if hit, ok := c.opts.Intel.AddrIn(ip, intel.Malicious, intel.C2, intel.Custom, intel.TorExit); ok {
		return "the address is on the list " + shown(hit.List)
	}
	id, ok := instanceSession(&c.t.Identity)
	if !ok {
		return ""
	}
	if o := c.account.trail.operators.get(id); o != nil && o.Addr == ip.String() && o.ranBefore(at) {
		return o.why()
	}
	if eip := c.associated(id, at); eip != "" && ip.Is4() && eip != ip.String() {
		return "the instance has the Elastic IP address " + eip
	}
	if n, ok := c.opts.Intel.NetworkOf(ip); ok && n.Provider != amazon && n.Service == "" && !isProxy(n.Provider) {
		return "the address is of the network " + n.Prefix + " of " + n.Provider + ", and instances are in networks of AWS"
	}
	return ""
}

// amazon is AWS as lists of networks have it. Those of a service are CDNs and
// the like, behind which anybody may be.
const amazon = "aws"

// isProxy reports whether a provider passes on what others' machines send.
func isProxy(provider string) bool { return provider == "zscaler" || provider == "opendns" }

// inAWS reports whether an address is of a machine at AWS.
func (c *apiCall) inAWS(ip netip.Addr) bool {
	n, ok := c.opts.Intel.NetworkOf(ip)
	return ok && n.Provider == amazon && n.Service == "" || ip.Is6() && isAWSv6(ip)
}

// returned handles a machine that calls from where it was before it moved: it
// never moved, and the calls from the new address were somebody else's.
func (c *apiCall) returned(m *sessionMemory, at origin) bool {
	v := m.Moved
	if v == nil || at.name != v.From || c.ev.Time.Unix() <= v.At || c.isShared(v.To) {
		return false
	}
	m.Moved = nil
	c.disown(m, c.t.Identity.PrincipalID, v.To, v.Call, "the machine still calls from "+v.From+", so that the calls from "+v.To+
		" since "+time.Unix(v.At, 0).UTC().Format(time.RFC3339)+" were not its own")
	c.stay(m, at)
	return true
}

// moves reports whether a machine took a new address in place of its old one:
// it was stopped and started, or it was silent for a while, has fresh
// credentials, and its own programs call, from the same country.
func (c *apiCall) moves(m *sessionMemory, at origin) bool {
	now, last := c.ev.Time.Unix(), int64(0)
	newest := ""
	for _, h := range m.Homes {
		if h.Last > last {
			last, newest = h.Last, h.Addr
		}
	}
	id, _ := instanceSession(&c.t.Identity)
	restarted := id != "" && c.restartedSince(id, last)
	if !restarted && !(movedQuietly(last, now, c.session()) && m.knowsProgram(c.t.UserAgent) && !c.abroad(parseAddr(newest), at.ip)) {
		return false
	}
	if !restarted {
		m.Moved = &move{From: newest, To: at.name, At: now, Call: *c.firstCall(m)}
	}
	c.settle(m, at)
	return true
}

// movedQuietly reports whether a machine was silent for a while between two
// calls, and had fresh credentials for the second.
func movedQuietly(last, next, session int64) bool {
	return session > last && next-last >= int64(quiet/time.Second)
}

// session is when the call's credentials were made, 0 if the record does not say.
func (c *apiCall) session() int64 {
	if c.t.Identity.SessionAt.IsZero() {
		return 0
	}
	return c.t.Identity.SessionAt.Unix()
}

// mayBeNAT puts the verdict off for an address that could be one more of the
// NAT gateway that the machine is behind: it shares its home with others, or
// nobody is known yet who could, and the caller is a program known from home.
// Another machine that calls from there settles it, and so does nobody.
func (c *apiCall) mayBeNAT(m *sessionMemory, at origin) bool {
	if !slices.Contains(m.Agents, c.t.UserAgent) {
		return false
	}
	shared := slices.ContainsFunc(m.Homes, func(h home) bool { return c.isShared(h.Addr) })
	if !shared && c.account.trail.sessions.len() > 1 {
		return false
	}
	if m.Maybe != at.name {
		m.Maybe, m.Seen = at.name, 0
	}
	m.Seen++
	c.inhabit(at.name)
	return m.Seen <= maybeCalls
}
