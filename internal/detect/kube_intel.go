package detect

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

// isListedCaller reports whether a list says anything of callers with this address.
func isListedCaller(by *intel.Set, ip netip.Addr) bool {
	for _, m := range callerMechanisms() {
		if _, ok := by.AddrIn(ip, m.categories...); ok {
			return true
		}
	}
	return false
}

// callerMechanism is the ending of the types of callers on some kinds of lists.
type callerMechanism struct {
	name, list string
	categories []intel.Category
}

func callerMechanisms() [3]callerMechanism {
	return [3]callerMechanism{
		{"MaliciousIPCaller", "a list of known-bad addresses", []intel.Category{intel.Malicious, intel.C2}},
		{"MaliciousIPCaller.Custom", "a list of this installation", []intel.Category{intel.Custom}},
		{"TorIPCaller", "the list of Tor's exits", []intel.Category{intel.TorExit}},
	}
}

// maliciousCaller looks at who shows credentials from a listed address. That
// the call was refused makes the credentials no safer.
func maliciousCaller(c *call, by *intel.Set, ip netip.Addr) []*finding.Signal {
	if c.path() == "" || isPublicPath(c) {
		return nil
	}
	var out []*finding.Signal
	for _, m := range callerMechanisms() {
		if hit, ok := by.AddrIn(ip, m.categories...); ok && !hit.Expired(c.time()) {
			out = append(out, listedCall(c, m.name, m.list, ip, hit))
		}
	}
	return out
}

func listedCall(c *call, mechanism, list string, ip netip.Addr, hit intel.Hit) *finding.Signal {
	tactic := c.tactic()
	s := c.signal(tactic+":Kubernetes/"+mechanism, c.a.User.Username)
	s.Action.KubernetesAPICallAction.RemoteIPDetails = remoteIP([]string{ip.String()})
	s.Title = "The Kubernetes API was used from an address on " + list + " (" + tacticWords(tactic) + ")."
	s.Description = c.who() + " asked to " + describe(c) + " in " + c.cluster() + " from " + ip.String() + ", which is on the list " + shown(hit.List) + "."
	if !c.a.Succeeded() {
		s.Description += " The API server answered " + strconv.Itoa(c.a.Code) + "."
	}
	s.Why = because(ip.String(), hit) + "; " + strings.Clone(c.a.Verb) + " on " + resourceOf(c) + " belongs to the tactic " + tacticWords(tactic)
	s.Intel, s.Info = threats(hit), listInfo(hit)
	if res := c.a.Object.Resource; isWorkload(res) {
		s.Resource.KubernetesDetails.KubernetesWorkloadDetails = auditedWorkload(c, res)
	}
	return s
}

// tactic is what the call is for. Who asks in vain, and who only tries what
// would happen, learns what is there and no more.
func (c *call) tactic() string {
	o := &c.a.Object
	t := tacticOf(c.a.Verb, o.APIGroup, o.Resource, o.Subresource)
	if c.isDryRun() || !c.a.Succeeded() && isRead(c.a.Verb) {
		return "Discovery"
	}
	return t
}

func isRead(verb string) bool {
	switch verb {
	case "get", "list", "watch", "head", "options":
		return true
	}
	return false
}
