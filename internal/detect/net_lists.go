package detect

import (
	"fmt"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

// listType is what a hit of a category means: a type for instances, and its
// twin for functions.
type listType struct {
	ec2, lambda string
	does        string // in a sentence
	// calls: only a machine that calls the address itself does so. Listed hosts
	// also roam the internet and knock at every open port.
	calls bool
}

func listTypeOf(c intel.Category) (listType, bool) {
	switch c {
	case intel.C2:
		return listType{"Backdoor:EC2/C&CActivity.B", "Backdoor:Lambda/C&CActivity.B", "talks to the command and control server", true}, true
	case intel.Cryptocurrency:
		return listType{"CryptoCurrency:EC2/BitcoinTool.B", "CryptoCurrency:Lambda/BitcoinTool.B", "talks to the cryptocurrency host", true}, true
	case intel.BlackHole:
		return listType{"Trojan:EC2/BlackholeTraffic", "Trojan:Lambda/BlackholeTraffic", "talks to the black hole", true}, true
	case intel.DropPoint:
		return listType{"Trojan:EC2/DropPoint", "Trojan:Lambda/DropPoint", "talks to the drop point of stolen data", true}, true
	case intel.TorEntry:
		return listType{"UnauthorizedAccess:EC2/TorClient", "UnauthorizedAccess:Lambda/TorClient", "connects to the Tor entry node", true}, true
	case intel.TorRelay:
		return listType{"UnauthorizedAccess:EC2/TorRelay", "UnauthorizedAccess:Lambda/TorRelay", "connects, as Tor relays do, to the relay", true}, true
	case intel.Custom, intel.Malicious:
		return listType{"UnauthorizedAccess:EC2/MaliciousIPCaller.Custom", "UnauthorizedAccess:Lambda/MaliciousIPCaller.Custom", "exchanges traffic with the listed address", false}, true
	}
	return listType{}, false
}

// onList raises the types of lists.
func (r *record) onList(v *view, hits []intel.Hit, h intel.Hit) {
	t, ok := listTypeOf(h.Category)
	if !ok {
		return
	}
	if h.Category == intel.TorRelay {
		for _, other := range hits {
			if other.Category == intel.TorEntry { // clients connect there, too
				return
			}
		}
	}
	f := v.f
	switch {
	case v.opened == localSide && !v.outgoing, v.opened == remoteSide && v.outgoing:
		return // the answer to what is another record
	case v.opened == remoteSide && (t.calls || f.Function != ""):
		return
	case v.opened == unknownSide && t.calls && !v.outgoing:
		return
	}
	typ := t.ec2
	if f.Function != "" {
		typ = t.lambda
	}
	s := r.claimFlow(typ, h.List, v)
	s.Role = "ACTOR"
	if v.opened == remoteSide {
		s.Role = "TARGET"
	}
	who := r.name(v)
	s.Title = fmt.Sprintf("%s %s %s.", upper(who), t.does, v.remote)
	switch {
	default:
		s.Description = fmt.Sprintf("%s %s %s, which the list %q names.", upper(who), t.does, v.peer(), h.List)
	case v.opened == remoteSide && hasPorts(f):
		s.Description = fmt.Sprintf("%s, which the list %q names, talks to %s port %d of %s.", v.remote, h.List, protocolName(f.Protocol), v.lport, who)
	case f.Rejected:
		s.Description = fmt.Sprintf("%s tried in vain: a security group or network ACL kept it from %s, which the list %q names.", upper(who), v.peer(), h.List)
	}
	s.Intel, s.Info, s.Why = threats(h), listInfo(h), because(v.remote.String(), h)+r.rhythm(v)
	s.Info["outBytes"], s.Info["inBytes"] = int64(0), int64(0)
	if v.outgoing {
		s.Info["outBytes"] = f.Bytes
	} else {
		s.Info["inBytes"] = f.Bytes
	}
	r.raise(s)
}

// probed raises the types of port probes: a known scanner came through.
func (r *record) probed(v *view, h intel.Hit) {
	f := v.f
	if v.opened == unknownSide && !v.outgoing && f.Protocol == event.ProtoTCP && f.TCPFlags&event.TCPRst == 0 && portMarks()[v.lport].service {
		v.opened = remoteSide // both ports have names; scanners choose any for their own
	}
	if !v.called() || f.Rejected || f.Function != "" || v.lport == portHTTP || v.lport == portHTTPS || v.lport == 0 {
		return
	}
	if !hasPorts(f) {
		return
	}
	res := r.flowResource(v)
	typ := "Recon:EC2/PortProbeUnprotectedPort"
	if portMarks()[v.lport].emr && isEMR(res.InstanceDetails) {
		typ = "Recon:EC2/PortProbeEMRUnprotectedPort"
	}
	s := r.claimFlow(typ, fmt.Sprint(v.lport), v)
	s.Action = finding.Action{ActionType: "PORT_PROBE", PortProbeAction: &finding.PortProbeAction{
		PortProbeDetails: []finding.PortProbeDetail{{
			LocalPortDetails: localPort(v), LocalIPDetails: localIP(v), RemoteIPDetails: remoteIP([]string{v.remote.String()}),
		}},
	}}
	if v.lport == 9200 || v.lport == 9300 { // open Elasticsearch is emptied within hours
		s.Severity = 8
	}
	s.Title = fmt.Sprintf("The open port %d of %s is probed by the known scanner %s.", v.lport, r.name(v), v.remote)
	s.Description = fmt.Sprintf("The known scanner %s reached port %d (%s) of %s, which no security group protects from it.", v.remote, v.lport, portName(v.lport), r.name(v))
	s.Intel, s.Info = threats(h), listInfo(h)
	s.Why = because(v.remote.String(), h) + fmt.Sprintf("; its packets to port %d were accepted", v.lport)
	r.raise(s)
}

// isEMR reports whether an instance belongs to an EMR cluster: by the tags and
// the security groups that EMR gives it.
func isEMR(d *finding.InstanceDetails) bool {
	if d == nil {
		return false
	}
	for _, t := range d.Tags {
		if strings.HasPrefix(t.Key, "aws:elasticmapreduce:") {
			return true
		}
	}
	for _, n := range d.NetworkInterfaces {
		for _, g := range n.SecurityGroups {
			if strings.HasPrefix(g.GroupName, "ElasticMapReduce-") {
				return true
			}
		}
	}
	return false
}
