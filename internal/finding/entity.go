package finding

import (
	"cmp"
	"net/netip"
	"strings"
)

// Entity is somebody or something that a finding names.
type Entity struct {
	Kind string `json:"kind"` // principal, user, workload, node, instance, function, bucket, object, address, domain
	Name string `json:"name"`
}

// Acting is who did what a signal claims. own is false where that is somebody
// outside, of whom there are as many as an attacker likes: an address that
// nobody has signed in from.
func (s *Signal) Acting() (e Entity, own bool) {
	switch a := &s.Actor; {
	case a.Pod != "":
		return Entity{"workload", withoutSuffix(a.Pod)}, true
	case a.Node != "" && a.Container != "":
		return Entity{"workload", a.Node + "/" + a.Container}, true
	case a.Node != "":
		return Entity{"node", a.Node}, true
	}
	if e := s.principal(); e.Name != "" {
		return e, true
	}
	if s.Role == "ACTOR" {
		if e := s.machine(); e.Name != "" {
			return e, true
		}
	}
	return s.remote(), false
}

// Affected is what it was done to; nothing where the signal names no more than
// the scope itself.
func (s *Signal) Affected() Entity {
	r := &s.Resource
	acting, own := s.Acting()
	if k := r.KubernetesDetails; k != nil && k.KubernetesWorkloadDetails != nil && acting.Kind != "workload" {
		w := k.KubernetesWorkloadDetails
		return Entity{"workload", withoutSuffix(w.Namespace + "/" + w.Name)}
	}
	if len(r.S3BucketDetails) > 0 {
		return Entity{"bucket", r.S3BucketDetails[0].Name}
	}
	if m := s.machine(); m.Name != "" && m != acting && acting.Kind != "workload" && acting.Kind != "node" {
		return m
	}
	if c := s.Action.KubernetesAPICallAction; c != nil && c.ResourceName != "" {
		return Entity{"object", c.Resource + " " + strings.TrimPrefix(c.Namespace+"/"+c.ResourceName, "/")}
	}
	if own {
		return s.remote()
	}
	return Entity{}
}

// FoldsBy are the entities through which a finding may be told together with
// others: if one of them has a finding of its own of this type. Whoever is ours
// is told of at least once, whatever others did to the same thing before.
func (s *Signal) FoldsBy() []Entity {
	acting, own := s.Acting()
	if own {
		return []Entity{acting}
	}
	var out []Entity
	for _, e := range []Entity{acting, s.Affected()} {
		if e.Name != "" {
			out = append(out, e)
		}
	}
	return out
}

// principal is who made a call, with a name that one of ours was given.
func (s *Signal) principal() Entity {
	a := &s.Actor
	if arn := a.PrincipalARN; arn != "" {
		return Entity{"principal", withoutSession(arn)}
	}
	switch strings.ToLower(a.Username) {
	case "", "system:anonymous", "system:unauthenticated", "anonymous", "anonymous_principal":
		return Entity{}
	}
	if s.Action.KubernetesAPICallAction != nil {
		return Entity{"user", a.Username}
	}
	if s.Resource.AccessKeyDetails != nil || s.Action.AWSAPICallAction != nil {
		return Entity{"principal", a.Username}
	}
	return Entity{}
}

// machine is the instance or function that the signal is about.
func (s *Signal) machine() Entity {
	r := &s.Resource
	if l := r.LambdaDetails; l != nil && l.FunctionARN != "" {
		return Entity{"function", l.FunctionARN}
	}
	i := r.InstanceDetails
	if i == nil {
		return Entity{}
	}
	name := i.InstanceID
	for _, n := range i.NetworkInterfaces {
		name = cmp.Or(name, n.NetworkInterfaceID, n.PrivateIPAddress)
	}
	return Entity{"instance", name}
}

// remote is the address or the domain at the other end.
func (s *Signal) remote() Entity {
	a := &s.Action
	if d := a.DNSRequestAction; d != nil {
		return Entity{"domain", d.Domain}
	}
	var ip *RemoteIPDetails
	switch {
	case a.NetworkConnectionAction != nil:
		ip = a.NetworkConnectionAction.RemoteIPDetails
	case a.AWSAPICallAction != nil:
		ip = a.AWSAPICallAction.RemoteIPDetails
	case a.KubernetesAPICallAction != nil:
		ip = a.KubernetesAPICallAction.RemoteIPDetails
	case a.RDSLoginAttemptAction != nil:
		ip = a.RDSLoginAttemptAction.RemoteIPDetails
	case a.PortProbeAction != nil && len(a.PortProbeAction.PortProbeDetails) > 0:
		ip = a.PortProbeAction.PortProbeDetails[0].RemoteIPDetails
	}
	if ip != nil && ip.IPAddressV4+ip.IPAddressV6 != "" {
		return Entity{"address", cmp.Or(ip.IPAddressV4, ip.IPAddressV6)}
	}
	for _, text := range s.Actor.SourceIPs {
		if _, err := netip.ParseAddr(text); err == nil {
			return Entity{"address", text}
		}
	}
	return Entity{}
}

// withoutSession is the ARN of a role without the name of a session that a
// program drew. Names that somebody chose, of people and of instances, stay.
func withoutSession(arn string) string {
	role, session := arn, ""
	if at := strings.LastIndexByte(arn, '/'); strings.Contains(arn, ":assumed-role/") && at >= 0 {
		role, session = arn[:at], arn[at+1:]
	}
	if session == "" || strings.Contains(session, "@") || strings.HasPrefix(session, "i-") || !strings.ContainsAny(session, "0123456789") {
		return arn
	}
	return role
}

// suffixLetters are those of which Kubernetes makes what it appends to names.
const suffixLetters = "bcdfghjklmnpqrstvwxz2456789"

// withoutSuffix is the name of a pod without what controllers append to that of
// what it is a replica of.
func withoutSuffix(pod string) string {
	drawn := func(s string, least, most int, letters string) bool {
		return len(s) >= least && len(s) <= most && strings.Trim(s, letters) == ""
	}
	at := strings.LastIndexByte(pod, '-')
	if at <= 0 || !drawn(pod[at+1:], 5, 5, suffixLetters) {
		return pod
	}
	name := pod[:at]
	if at = strings.LastIndexByte(name, '-'); at > 0 && (drawn(name[at+1:], 6, 10, suffixLetters) || drawn(name[at+1:], 8, 10, "0123456789")) {
		name = name[:at]
	}
	return name
}
