package detect

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/vedette-project/vedette/internal/intel"
)

// listedAddress looks for callers whose address is on a list: a bad one, one of
// the operator's, or that of Tor's exits. A trusted address is on none.
func (c *apiCall) listedAddress() {
	if c.opts.Intel == nil || !c.identified() {
		return
	}
	ip := c.sourceAddr()
	if len(c.opts.Intel.Addr(ip)) == 0 {
		return
	}
	for _, m := range callerMechanisms() {
		if hit, ok := c.opts.Intel.AddrIn(ip, m.categories...); ok && !hit.Expired(c.ev.Time) {
			c.listed(m.name, m.list, hit)
		}
	}
}

// identified reports whether the caller showed credentials. Whoever fails to
// log in has none; and what anybody may read is read from everywhere.
func (c *apiCall) identified() bool {
	id := &c.t.Identity
	if c.t.EventType == "AwsConsoleSignIn" {
		return c.signedIn()
	}
	return id.AccessKeyID != "" || id.PrincipalID != "" && !isAnonymous(id.PrincipalID) && !isAnonymous(id.AccountID)
}

func isAnonymous(s string) bool {
	return strings.EqualFold(s, "anonymous") || strings.EqualFold(s, "ANONYMOUS_PRINCIPAL")
}

func (c *apiCall) listed(mechanism, what string, hit intel.Hit) {
	t := c.t
	tactic, inS3 := apiTactic(t.Service, t.Name, c.reads()), c.isS3Data()
	typ, key := listedType(tactic, mechanism, inS3), c.principal()
	if inS3 {
		key = c.bucket() + "\x00" + key
	}
	s := c.claimCall(typ, key)
	if inS3 {
		c.showBucket(s, c.bucket())
	}
	s.Title = "An API was called from an address on " + what + "."
	s.Description = c.who() + " called " + shown(t.Name) + c.from() + c.outcome() + "; the address is on the list " + shown(hit.List) + "."
	s.Why = "sourceIPAddress matches the entry " + shown(hit.Entry) + " of the list " + shown(hit.List) + ", and " + shown(t.Name) +
		" belongs to the tactic " + tacticWords(tactic)
	s.Intel, s.Info = threats(hit), listInfo(hit)
	c.raise(s)
}

// listedType is the type for a tactic. The names are AWS's: calls of S3 that
// are no look-around have types of their own only for known-bad addresses.
func listedType(tactic, mechanism string, inS3 bool) string {
	if !inS3 {
		if tactic == "Discovery" {
			return "Recon:IAMUser/" + mechanism
		}
		return "UnauthorizedAccess:IAMUser/" + mechanism
	}
	if tactic != "Discovery" && mechanism != "MaliciousIPCaller" {
		tactic = "UnauthorizedAccess"
	}
	return tactic + ":S3/" + mechanism
}

//go:embed trail_tactics.tsv
var trailTacticsTSV string

var trailTactics = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(trailTacticsTSV) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 && !strings.HasPrefix(line, "#") {
			for name := range strings.SplitSeq(f[2], " ") {
				m[f[1]+"/"+name] = f[0]
			}
		}
	}
	return m
})

// apiTactic is what a call is for: the table says so, or else whether it only
// reads.
func apiTactic(source, name string, readOnly bool) string {
	service := strings.TrimSuffix(source, ".amazonaws.com")
	if t, ok := trailTactics()[service+"/"+name]; ok {
		return t
	}
	if readOnly {
		return "Discovery"
	}
	return "Impact"
}
