package detect

import (
	"fmt"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

// claimFlow starts a claim about a flow. what tells incidents of one machine
// apart.
func (r *record) claimFlow(typ, what string, v *view) *finding.Signal {
	s := r.claim(typ, r.machine(v)+"|"+what)
	s.Action = finding.Action{ActionType: "NETWORK_CONNECTION", NetworkConnectionAction: connection(v)}
	s.Actor = finding.Actor{SourceIPs: []string{v.remote.String()}}
	s.Resource = r.flowResource(v)
	return s
}

func connection(v *view) *finding.NetworkConnectionAction {
	a := &finding.NetworkConnectionAction{
		Blocked: v.f.Rejected, ConnectionDirection: "UNKNOWN", Protocol: protocolName(v.f.Protocol),
		LocalIPDetails: localIP(v), RemoteIPDetails: remoteIP([]string{v.remote.String()}),
		LocalPortDetails:      localPort(v),
		RemotePortDetails:     &finding.RemotePortDetails{Port: int64(v.rport), PortName: portName(v.rport)},
		LocalNetworkInterface: strings.Clone(v.eni),
	}
	switch v.opened {
	case localSide:
		a.ConnectionDirection = "OUTBOUND"
	case remoteSide:
		a.ConnectionDirection = "INBOUND"
	}
	return a
}

func localIP(v *view) *finding.LocalIPDetails {
	if v.local.Is4() {
		return &finding.LocalIPDetails{IPAddressV4: v.local.String()}
	}
	return &finding.LocalIPDetails{IPAddressV6: v.local.String()}
}

func localPort(v *view) *finding.LocalPortDetails {
	return &finding.LocalPortDetails{Port: int64(v.lport), PortName: portName(v.lport)}
}

// machine is what findings are told apart by: the instance if a log names it,
// else its interface or address.
func (r *record) machine(v *view) string {
	f := v.f
	switch id := r.instance(v); {
	case f.Function != "":
		return f.Function
	case id != "":
		return id
	}
	return v.handle()
}

// instance is the id of the machine, "" if no log names it.
func (r *record) instance(v *view) string {
	if v.f.Instance != "" && v.eni == v.f.Interface {
		return v.f.Instance
	}
	return r.account.instances.idOf(v.eni, v.f.VPC, v.local)
}

// name is the machine in a sentence.
func (r *record) name(v *view) string {
	f := v.f
	if f.Function != "" {
		return "the function " + functionName(f.Function)
	}
	if id := r.instance(v); id != "" {
		return "the instance " + id
	}
	if v.eni != "" {
		return "the machine at " + v.local.String() + " (" + v.eni + ")"
	}
	return "the machine at " + v.local.String()
}

func functionName(arnOrName string) string {
	if _, name, ok := strings.Cut(arnOrName, ":function:"); ok {
		name, _, _ = strings.Cut(name, ":")
		return name
	}
	return arnOrName
}

func (r *record) flowResource(v *view) finding.Resource {
	f := v.f
	if f.Function == "" {
		return finding.Resource{
			ResourceType:    "Instance",
			InstanceDetails: r.account.instances.details(r.instance(v), v.eni, f.VPC, f.Subnet, v.local),
		}
	}
	d := &finding.LambdaDetails{FunctionName: strings.Clone(functionName(f.Function))}
	if strings.HasPrefix(f.Function, "arn:") {
		d.FunctionARN = strings.Clone(f.Function)
	} else {
		sc := r.ev.Scope
		d.FunctionARN = "arn:" + finding.Partition(sc.Region) + ":lambda:" + sc.Region + ":" + sc.Account + ":function:" + f.Function
	}
	if f.VPC != "" || f.Subnet != "" {
		d.VPCConfig = &finding.VPCConfig{VPCID: strings.Clone(f.VPC)}
		if f.Subnet != "" {
			d.VPCConfig.SubnetIDs = []string{strings.Clone(f.Subnet)}
		}
	}
	return finding.Resource{ResourceType: "Lambda", LambdaDetails: d}
}

// peer describes a flow's other end in a sentence. A port from which it called,
// or may have, says nothing of it.
func (v *view) peer() string {
	called := v.rport != 0 && v.opened != remoteSide && (v.opened == localSide || v.rport < firstEphemeralPort)
	if hasPorts(v.f) && called {
		return fmt.Sprintf("%s on %s port %d", v.remote, protocolName(v.f.Protocol), v.rport)
	}
	return fmt.Sprintf("%s by %s", v.remote, protocolName(v.f.Protocol))
}

func hasPorts(f *event.Flow) bool {
	return f.Protocol == event.ProtoTCP || f.Protocol == event.ProtoUDP
}

// upper makes the start of a sentence of a name.
func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// threats are the lists that hit, as findings show them. Their threatFileSha256
// is that of a malicious file, and no list's.
func threats(h intel.Hit) []finding.ThreatIntelligenceDetail {
	return []finding.ThreatIntelligenceDetail{{ThreatListName: h.List, ThreatNames: append([]string{}, h.Names...)}}
}

func listInfo(h intel.Hit) map[string]any {
	m := map[string]any{"threatListName": h.List}
	if len(h.Names) > 0 {
		m["threatName"] = strings.Join(h.Names, ", ")
	}
	if sum := h.SHA256(); sum != "" {
		m["threatListSha256"] = sum
	}
	return m
}

// because says which entry of which list hit.
func because(what string, h intel.Hit) string {
	return fmt.Sprintf("%s is on the list %q (category %s) by its entry %s", what, h.List, h.Category, h.Entry)
}
