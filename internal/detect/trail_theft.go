package detect

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// foreignEndpoint judges a call through a VPC endpoint of another account. A
// shared VPC has endpoints of its owner's, and then everybody calls that way.
func (c *apiCall) foreignEndpoint(m *sessionMemory, at origin) {
	shared := c.isShared(at.name)
	if len(m.Homes) == 0 && (shared || c.isOwn(at.foreign)) {
		c.settle(m, at)
		return
	}
	if shared {
		c.settle(m, at)
		return
	}
	c.inhabit(at.name)
	if c.isShared(at.name) {
		c.settle(m, at)
		return
	}
	c.theft(m, at, "the call came through VPC endpoint "+shown(c.t.VPCEndpoint)+" of account "+at.foreign)
}

// theft marks an address as not the machine's own, and claims it.
func (c *apiCall) theft(m *sessionMemory, at origin, why string) {
	if at.foreign == "" { // of a shared VPC, more than one machine must be seen first
		m.markBad(at.name)
	}
	c.stolen(m, at, why)
}

func (m *sessionMemory) markBad(addr string) {
	if len(m.Bad) < maxHomes && !slices.Contains(m.Bad, addr) {
		m.Bad = append(slices.Clip(m.Bad), addr)
	}
}

func (c *apiCall) stolen(m *sessionMemory, at origin, why string) {
	c.raise(c.exfiltration(m, at, why))
}

// exfiltration claims that a machine's credentials are used elsewhere.
func (c *apiCall) exfiltration(m *sessionMemory, at origin, why string) *finding.Signal {
	family, what := "Instance", "the role of an EC2 instance"
	switch m.Kind {
	case kindTask:
		family, what = "Resource", "the role of an ECS task"
	case kindFunction:
		family, what = "Resource", "the role of a Lambda function"
	}
	mechanism, where := "OutsideAWS", at.ip.String()
	if at.foreign != "" || c.inAWS(at.ip) {
		mechanism = "InsideAWS"
	}
	if at.foreign != "" {
		where = "account " + at.foreign
	}
	s := c.claimCall("UnauthorizedAccess:IAMUser/"+family+"CredentialExfiltration."+mechanism, strings.Clone(c.t.Identity.PrincipalID))
	if at.foreign != "" {
		own := c.isOwn(at.foreign)
		s.Action.AWSAPICallAction.RemoteAccountDetails = &finding.RemoteAccountDetails{AccountID: at.foreign, Affiliated: own}
		if own {
			s.Severity = 5
		}
	}
	s.Title = "Credentials of " + what + " are used from elsewhere."
	s.Description = "Credentials of " + shortNameOf(c.t) + " were used for " + shown(c.t.Name) + " from " + where + c.outcome() + ", which is not where the machine is."
	s.Why = why
	if text := m.homeText(); text != "" {
		s.Why += "; its own addresses: " + text
	}
	return s
}

func shortNameOf(t *event.Trail) string { return strings.Clone(shortName(t.Identity.ARN)) }

// functionSession judges a call of a function. Outside a VPC it calls from any
// address of AWS, so addresses say little; but its SDK says that it runs in
// Lambda. Somebody else's does not, and comes from an address where the
// function never was.
func (c *apiCall) functionSession(m *sessionMemory, ip netip.Addr) {
	at, inside := c.origin(ip), inLambda(c.t.UserAgent)
	switch {
	case slices.Contains(m.Bad, at.name) && !inside:
		c.stolen(m, at, "this address is known not to be its own")
	case inside, m.isHome(at.name):
		c.outnumber(m)
		if !m.isHome(at.name) {
			c.settle(m, at)
		} else {
			c.stay(m, at)
		}
	case at.private && at.foreign == "", slices.Contains(m.Agents, c.t.UserAgent), c.isShared(at.name), c.opts.Intel.Trusted(ip), c.opts.inOwnNetwork(ip), c.usualForRole(at):
	case m.Calls < functionCalls: // a program without an SDK may be what it is
		c.settle(m, at)
	default:
		c.theft(m, at, "the function called from Lambda so far, and this user agent says nothing of Lambda: "+shown(c.t.UserAgent))
	}
}

// inLambda reports whether a user agent is that of an SDK in Lambda, or says nothing.
func inLambda(agent string) bool {
	return agent == "" || strings.Contains(agent, "exec-env/AWS_Lambda_")
}

// roleNetwork is on which days machines with a role called from a network that
// was taken for their own: a bit for each of the last 32 days.
type roleNetwork struct {
	Last int64 // the newest day
	Days uint32
}

// A network is usual for a role when its machines were at home there on some
// days, of which the first is so long ago. A theft never makes a network
// a home, so that it is not usual because it goes on.
const (
	roleUsualDays  = 3
	roleUsualSince = 3 // days

	maxRoleNetworks = 20_000
	roleNetworkIdle = 30 * 24 * time.Hour
)

// roleNetworkKey names a network for a role. At a provider everybody's machines
// are neighbours, and only the address itself counts.
func (c *apiCall) roleNetworkKey(at origin) string {
	role, _, _ := strings.Cut(c.t.Identity.PrincipalID, ":")
	if _, hosted := c.opts.Intel.NetworkOf(at.ip); hosted || c.inAWS(at.ip) {
		return role + "\x00" + at.name
	}
	return role + "\x00" + loginNetwork(at.ip)
}

// atHome notes that a machine of a role called from its own network.
func (c *apiCall) atHome(at origin) {
	if at.private || at.foreign != "" || !at.ip.IsValid() {
		return
	}
	today, key := bucketOf(c.ev.Time, day), c.roleNetworkKey(at)
	m := c.account.habits.roles.value(key)
	if today == m.Last || today < m.Last-31 || today < m.Last && m.Days&(1<<(m.Last-today)) != 0 {
		return
	}
	if today > m.Last {
		m.Days, m.Last = m.Days<<min(today-m.Last, 32), today
	}
	m.Days |= 1 << (m.Last - today)
	*c.account.habits.roles.touch(key, c.ev.Time) = m
}

// usualForRole reports whether machines with the role were at home in the
// network of a call on days before.
func (c *apiCall) usualForRole(at origin) bool {
	if at.private || at.foreign != "" {
		return false
	}
	m := c.account.habits.roles.get(c.roleNetworkKey(at))
	if m == nil {
		return false
	}
	before, first := 0, int64(0)
	today := bucketOf(c.ev.Time, day)
	for i := range int64(32) {
		if d := m.Last - i; m.Days&(1<<i) != 0 && d < today {
			before, first = before+1, d
		}
	}
	return before >= roleUsualDays && today-first >= roleUsualSince
}
