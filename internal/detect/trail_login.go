package detect

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel/geo"
)

// When two logins of one user cannot both be the user's.
const (
	// journeySpeed is faster than airliners fly, in km/h; the way to and from the
	// airport makes up for winds.
	journeySpeed = 1000
	// journeyLeast keeps out what databases of places are off by, and neighbours.
	journeyLeast = 500

	maxLoginUsers  = 20_000
	maxLoginPlaces = 8 // of one user, the newest
	loginPlaceIdle = 30 * 24 * time.Hour
	addrLogins     = "login:" // begins the key of a network from which people log in
)

// userMemory is from where a user logs in to the console.
type userMemory struct {
	Places []loginPlace `json:"places"`
}

// loginPlace is a network that a user logs in from. It is far from the others
// where a login from there was told of.
type loginPlace struct {
	Net, Addr   string
	Where       geo.Place
	First, Last int64 // Unix seconds
	Told        int64 `json:",omitempty"`
}

// usual reports whether the user logged in from the country of a place on an
// earlier day, too, and nobody had to ask; or did so a week after it was told.
func (m *userMemory) usual(p *loginPlace, now int64) bool {
	return slices.ContainsFunc(m.Places, func(o loginPlace) bool {
		if o.Where.CountryCode != p.Where.CountryCode {
			return false
		}
		if o.Told != 0 {
			return now-o.Told > int64(pardoned/time.Second)
		}
		return now-o.First > int64(day/time.Second)
	})
}

// isPerson reports whether an identity is one user's: not a role that many take.
// Providers of identities name sessions after the mail address.
func isPerson(id *event.Identity) bool {
	switch id.Type {
	case "IAMUser", "Root":
		return true
	case "AssumedRole":
		_, session, _ := strings.Cut(id.PrincipalID, ":")
		return strings.Contains(session, "@")
	}
	return false
}

// consoleLogin looks for a user who logs in from two places between which no
// journey is as fast.
func (c *apiCall) consoleLogin() {
	ip := c.sourceAddr()
	if !c.signedIn() || !isPerson(&c.t.Identity) || !ip.IsValid() || c.opts.Intel.Trusted(ip) || c.opts.inOwnNetwork(ip) {
		return
	}
	here := loginPlace{Net: loginNetwork(ip), Addr: ip.String(), Where: c.opts.Geo.Lookup(ip), First: c.ev.Time.Unix(), Last: c.ev.Time.Unix()}
	if here.Where == (geo.Place{}) {
		return
	}
	if _, hosted := c.opts.Intel.NetworkOf(ip); hosted && !here.Where.Positioned { // known is where the provider is, not the machine
		return
	}
	key := c.principal()
	m := c.account.trail.users.value(key)
	m.Places = slices.Clone(m.Places)
	if c.impossible(&m, &here) {
		here.Told = here.Last
	} else {
		c.shareLogin(here.Net, key)
	}
	m.add(here)
	*c.account.trail.users.touch(key, c.ev.Time) = m
}

// presence is how old the newest sign of a user in a place may grow before a
// call from there renews it.
const presence = 10 * time.Minute

// stillThere notes that somebody who logged in works on from the same network.
// A login from elsewhere is then compared with that, not with the login of the
// morning. Keys that last may lie on machines that do not travel.
func (c *apiCall) stillThere() {
	id := &c.t.Identity
	if c.t.EventType == "AwsConsoleSignIn" || !c.t.Succeeded() || strings.HasPrefix(id.AccessKeyID, "AKIA") || !isPerson(id) {
		return
	}
	known := c.account.trail.users.get(c.principal())
	ip := c.sourceAddr()
	if known == nil || !ip.IsValid() {
		return
	}
	network, now := loginNetwork(ip), c.ev.Time.Unix()
	i := slices.IndexFunc(known.Places, func(p loginPlace) bool { return p.Net == network })
	if i < 0 || now-known.Places[i].Last < int64(presence/time.Second) {
		return
	}
	m := userMemory{Places: slices.Clone(known.Places)}
	m.Places[i].Last = now
	*c.account.trail.users.touch(c.principal(), c.ev.Time) = m
}

// loginNetwork is what an address is known by: those of a provider change
// within a network.
func loginNetwork(ip netip.Addr) string {
	bits := 24
	if ip.Is6() {
		bits = 48
	}
	p, _ := ip.Prefix(bits)
	return p.String()
}

// impossible claims a login that is too far from another, and reports whether
// it came from where the user is not usually. The other place is marked if it
// is that one; home, to which the user returns, is told of no more.
func (c *apiCall) impossible(m *userMemory, here *loginPlace) bool {
	now := here.Last
	for i := range m.Places {
		there := &m.Places[i]
		km, ok := geo.Distance(there.Where, here.Where)
		apart := time.Duration(min(max(now-there.Last, there.Last-now), int64(day/time.Second))) * time.Second
		switch {
		case !ok, km < journeyLeast, km <= apart.Hours()*journeySpeed:
		case there.Where.ASN != 0 && there.Where.ASN == here.Where.ASN: // one network, whose ends databases place at will
		case there.Told != 0 && now-there.Told < int64(day/time.Second) && m.usual(here, now):
		case (m.usual(there, now) || c.manyLogIn(there.Net)) && (m.usual(here, now) || c.manyLogIn(here.Net)): // home, and a VPN of the company's
		default:
			c.twoWorlds(there, here, km, apart)
			if m.usual(here, now) {
				there.Told = now
				return false
			}
			return true
		}
	}
	return false
}

func (c *apiCall) twoWorlds(there, here *loginPlace, km float64, apart time.Duration) {
	order := "after"
	if here.Last < there.Last {
		order = "before"
	}
	s := c.claimCall("UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B", c.principal())
	s.Title = "A user logged in to the console from two distant places around the same time."
	s.Description = fmt.Sprintf("%s logged in to the console from %s (%s) %s %s a login from %s (%s), at least %.0f km away. One of the two was somebody else, who can log in as this user.",
		c.who(), here.Addr, placeName(here.Where), apartText(apart), order, there.Addr, placeName(there.Where), km)
	s.Why = fmt.Sprintf("two logins of %s, at least %.0f km and %s apart (a journey is taken for impossible above %d km/h), and the user is not known to be at both places", c.who(), km, apartText(apart), journeySpeed)
	if m := c.account.trail.users.get(c.principal()); m != nil {
		if usual := m.usualText(here.Last); usual != "" {
			s.Why += "; it usually logs in from " + usual
		}
	}
	s.Info = map[string]any{"otherLogin": map[string]any{
		"ipAddress": there.Addr, "country": there.Where.CountryName, "city": there.Where.City, "time": time.Unix(there.Last, 0).UTC().Format(time.RFC3339),
	}}
	c.raise(s)
}

// usualText names the countries that the user is usually in.
func (m *userMemory) usualText(now int64) string {
	var out []string
	for i := range m.Places {
		p := &m.Places[i]
		if name := p.Where.CountryName; name != "" && m.usual(p, now) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func apartText(d time.Duration) string {
	if d < time.Minute {
		return "less than a minute"
	}
	return minutes(d)
}

// shareLogin notes that a user logs in from a network; manyLogIn reports whether
// another did, too.
func (c *apiCall) shareLogin(net, user string) {
	key := addrLogins + net
	m := c.account.trail.addresses.get(key)
	if m != nil && (m.Shared || m.One == user) {
		return
	}
	m = c.account.trail.addresses.touch(key, c.ev.Time)
	if m.Shared = m.One != ""; !m.Shared {
		m.One = strings.Clone(user)
	}
}

func (c *apiCall) manyLogIn(net string) bool {
	m := c.account.trail.addresses.get(addrLogins + net)
	return m != nil && m.Shared
}

// add takes in a login; of too many places the one not used for longest is
// forgotten.
func (m *userMemory) add(p loginPlace) {
	for i := range m.Places {
		if o := &m.Places[i]; o.Net == p.Net {
			o.First, o.Told = min(o.First, p.First), max(o.Told, p.Told)
			if p.Last >= o.Last {
				o.Last, o.Addr, o.Where = p.Last, p.Addr, p.Where
			}
			return
		}
	}
	if m.Places = append(m.Places, p); len(m.Places) > maxLoginPlaces {
		oldest := 0
		for i := range m.Places {
			if m.Places[i].Last < m.Places[oldest].Last {
				oldest = i
			}
		}
		m.Places = slices.Delete(m.Places, oldest, oldest+1)
	}
}
