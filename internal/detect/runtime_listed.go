package detect

import (
	"fmt"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// runtimeListType is what a call of a listed address means, and how to say it.
func runtimeListType(c intel.Category) (typ, does string) {
	switch c {
	case intel.C2:
		return "Backdoor:Runtime/C&CActivity.B", "calls the command and control server"
	case intel.Cryptocurrency:
		return "CryptoCurrency:Runtime/BitcoinTool.B", "calls the cryptocurrency host"
	case intel.BlackHole:
		return "Trojan:Runtime/BlackholeTraffic", "calls the black hole"
	case intel.DropPoint:
		return "Trojan:Runtime/DropPoint", "calls the drop point of stolen data"
	case intel.TorEntry:
		return "UnauthorizedAccess:Runtime/TorClient", "connects to the Tor entry node"
	case intel.TorRelay:
		return "UnauthorizedAccess:Runtime/TorRelay", "connects, as Tor relays do, to the relay"
	}
	return "", ""
}

// listedPeer looks up whom a process calls. Calls that come in are not looked
// up: listed hosts knock at every open port.
func listedPeer(r *runtimeRecord) {
	if r.Net == nil || !r.Net.Socket.Remote.IsValid() {
		return
	}
	s := &r.Net.Socket
	addr := s.Remote.Addr().Unmap().WithZone("")
	hits := r.opts.Intel.Addr(addr)
	if len(hits) == 0 || r.carriesFor("addr:"+addr.String()) {
		return
	}
	done := map[string]bool{}
	for _, h := range hits {
		typ, does := runtimeListType(h.Category)
		if typ == "" || done[typ] || h.Expired(r.ev.Time) || h.Category == intel.TorRelay && hasCategory(hits, intel.TorEntry) {
			continue // clients connect to relays that are entries, too
		}
		done[typ] = true
		c := r.claim(typ, h.List+"|"+processName(r.Process))
		c.Action = socketAction(s)
		who := processName(r.Process)
		c.Title = fmt.Sprintf("A process in %s %s %s.", r.where(), does, addr)
		c.Description = fmt.Sprintf("%s in %s %s %s, which the list %q names.", upper(who), r.where(), does, s.Remote, h.List)
		if r.Error != "" {
			c.Description = fmt.Sprintf("%s in %s tried in vain to connect to %s, which the list %q names (%s).", upper(who), r.where(), s.Remote, h.List, r.Error)
		}
		c.Intel, c.Info, c.Why = threats(h), listInfo(h), because(addr.String(), h)
		r.raise(c)
	}
}

func hasCategory(hits []intel.Hit, c intel.Category) bool {
	for i := range hits {
		if hits[i].Category == c {
			return true
		}
	}
	return false
}

// carriesFor reports whether the process is the proxy of a service mesh in a
// pod that carries on a call of another process of the pod, which was told of.
// For others it remembers that the call was theirs.
func (r *runtimeRecord) carriesFor(what string) bool {
	if r.Pod == nil {
		return false
	}
	key := r.Node.Name + "/" + r.Pod.UID + "/" + r.Pod.Name + "|" + what
	if !isMeshProxy(r.Process) {
		r.state.names.note(key, r.ev.Time)
		return false
	}
	return r.state.names.asked(key, r.ev.Time)
}

// isMeshProxy knows the proxies that meshes put into pods.
func isMeshProxy(p *event.Process) bool { return isSystemPath(p.Executable) && meshProxy.is(baseOf(p)) }
