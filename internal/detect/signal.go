package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// maxParameters bounds the object that a finding's action shows.
const maxParameters = 32 << 10

// signal starts a claim about a call: who, what, where and the record itself.
// The detector adds the title, the description, the resource's details and why.
func (c *call) signal(typ, key string) *finding.Signal {
	a, sc := c.a, c.ev.Scope
	t, _ := finding.Lookup(typ)
	s := &finding.Signal{
		Type: typ, Key: strings.Clone(key),
		Account: strings.Clone(sc.Account), Region: strings.Clone(sc.Region), Cluster: strings.Clone(sc.Cluster),
		Home:       c.scope.home,
		Time:       c.time(),
		Occurrence: c.occurrence(),
		Severity:   t.Severity,
		Actor:      c.actor(),
		Evidence:   c.evidence(),
	}
	s.Action = finding.Action{ActionType: "KUBERNETES_API_CALL", KubernetesAPICallAction: &finding.KubernetesAPICallAction{
		RequestURI:      strings.Clone(c.path()),
		Verb:            strings.Clone(a.Verb),
		Resource:        strings.Clone(a.Object.Resource),
		Subresource:     strings.Clone(a.Object.Subresource),
		Namespace:       strings.Clone(c.namespace()),
		ResourceName:    strings.Clone(c.name()),
		SourceIPs:       s.Actor.SourceIPs,
		UserAgent:       s.Actor.UserAgent,
		RemoteIPDetails: remoteIP(s.Actor.SourceIPs),
		StatusCode:      int64(a.Code),
		Parameters:      c.parameters(),
	}}
	s.Resource = finding.Resource{
		ResourceType:      "EKSCluster",
		EKSClusterDetails: clusterDetails(sc),
		AccessKeyDetails:  accessKey(&a.User),
		KubernetesDetails: &finding.KubernetesDetails{KubernetesUserDetails: userDetails(a)},
	}
	return s
}

// occurrence identifies the call in a finding's memory: all stages share it,
// and it is the same in every run.
func (c *call) occurrence() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%d\x00%s\x00%s\x00%s", c.a.AuditID, c.a.Received.UnixNano(), c.a.Verb, c.a.RequestURI, c.a.User.Username)
	if c.ev.Truncated {
		h.Write(c.ev.Raw)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func (c *call) actor() finding.Actor {
	a := c.a
	return finding.Actor{
		Username:     strings.Clone(a.User.Username),
		Impersonated: strings.Clone(a.Impersonated.Username),
		Groups:       a.User.Groups(),
		PrincipalARN: a.User.Extra("arn"),
		SourceIPs:    unmapped(a.SourceIPs()),
		UserAgent:    strings.Clone(a.UserAgent),
	}
}

func (c *call) evidence() finding.EvidenceRecord {
	e := finding.EvidenceRecord{
		AuditID: strings.Clone(c.a.AuditID), Stage: strings.Clone(c.a.Stage), Level: strings.Clone(c.a.Level),
		Time: c.ev.Time, Hidden: c.hidden(),
	}
	e.Raw, e.RawCut = rawEvidence(c.ev.Raw)
	return e
}

// rawEvidence is a record as a finding keeps it.
func rawEvidence(raw []byte) (text string, cut bool) {
	if len(raw) > finding.MaxRawEvidence {
		raw, cut = raw[:finding.MaxRawEvidence], true
		for len(raw) > 0 && !utf8.Valid(raw[max(0, len(raw)-utf8.UTFMax):]) { // not in the middle of a character
			raw = raw[:len(raw)-1]
			if len(raw) < finding.MaxRawEvidence-utf8.UTFMax {
				break
			}
		}
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD"), cut
}

const hiddenByCut = "the record was cut by the log service; what came after the cut is unknown"

// hidden says what the record could not show.
func (c *call) hidden() string {
	var parts []string
	switch {
	case c.a.Level == "Metadata":
		parts = append(parts, "audit level Metadata: neither the request nor the response body is in the log")
	case c.a.Level == "Request":
		parts = append(parts, "audit level Request: the response body is not in the log")
	}
	if c.ev.Truncated {
		parts = append(parts, hiddenByCut)
	}
	return strings.Join(parts, "; ")
}

// parameters is the object as audited, as GuardDuty shows it.
func (c *call) parameters() string {
	raw := c.a.ResponseObject
	if len(raw) == 0 || c.response() == nil {
		raw = c.a.RequestObject
	}
	if len(raw) > maxParameters {
		raw = raw[:maxParameters]
	}
	return strings.ToValidUTF8(string(raw), "")
}

func clusterDetails(s event.Scope) *finding.EKSClusterDetails {
	return &finding.EKSClusterDetails{
		Name: strings.Clone(s.Cluster),
		ARN:  "arn:" + finding.Partition(s.Region) + ":eks:" + s.Region + ":" + s.Account + ":cluster/" + s.Cluster,
	}
}

func userDetails(a *event.Audit) *finding.KubernetesUserDetails {
	u := &finding.KubernetesUserDetails{
		Username:    strings.Clone(a.User.Username),
		UID:         strings.Clone(a.User.UID),
		Groups:      a.User.Groups(),
		SessionName: a.User.ExtraAll("sessionName"),
	}
	if a.Impersonated.Username != "" {
		u.ImpersonatedUser = &finding.ImpersonatedUser{
			Username: strings.Clone(a.Impersonated.Username), Groups: a.Impersonated.Groups(),
		}
	}
	return u
}

// accessKey is the IAM identity behind a user that aws-iam-authenticator let
// in; nil for other users.
func accessKey(u *event.User) *finding.AccessKeyDetails {
	k := &finding.AccessKeyDetails{AccessKeyID: u.Extra("accessKeyId"), PrincipalID: u.Extra("principalId")}
	arn := u.Extra("arn")
	if k.AccessKeyID == "" && k.PrincipalID == "" && arn == "" {
		return nil
	}
	k.UserType = "Unknown"
	resource := arn[strings.LastIndexByte(arn, ':')+1:]
	kind, rest, _ := strings.Cut(resource, "/")
	switch kind {
	case "assumed-role":
		k.UserType = "AssumedRole"
		k.UserName, _, _ = strings.Cut(rest, "/")
	case "user":
		k.UserType = "IAMUser"
		k.UserName = rest[strings.LastIndexByte(rest, '/')+1:]
	case "federated-user":
		k.UserType, k.UserName = "FederatedUser", rest
	case "root":
		k.UserType, k.UserName = "Root", "root"
	}
	return k
}

// remoteIP describes the caller's address: the nearest public one, seen from
// the API server, since those further away can be forged; else the peer.
func remoteIP(ips []string) *finding.RemoteIPDetails {
	var peer netip.Addr
	for i := len(ips) - 1; i >= 0; i-- {
		ip, err := netip.ParseAddr(ips[i])
		if err != nil {
			continue
		}
		if ip = ip.Unmap(); !peer.IsValid() || isPublic(ip) {
			peer = ip
		}
		if isPublic(peer) {
			break
		}
	}
	if !peer.IsValid() {
		return nil
	}
	d := &finding.RemoteIPDetails{}
	if peer.Is4() {
		d.IPAddressV4 = peer.String()
	} else {
		d.IPAddressV6 = peer.String()
	}
	if !isPublic(peer) { // as GuardDuty writes it
		d.City = &finding.City{CityName: "UNKNOWN"}
		d.Country = &finding.Country{}
		d.GeoLocation = &finding.GeoLocation{}
		d.Organization = &finding.Organization{ASN: "0", ASNOrg: "UNKNOWN", ISP: "UNKNOWN", Org: "UNKNOWN"}
	}
	return d
}

func isPublic(ip netip.Addr) bool {
	if !ip.Is4() {
		return ip.IsGlobalUnicast() && !ip.IsPrivate() && !cgnat.Contains(ip)
	}
	// The same, for every flow: no prefix is matched.
	switch b := ip.As4(); b[0] {
	case 0:
		return b != [4]byte{}
	case 10, 127:
		return false
	case 100:
		return b[1] < 64 || b[1] > 127
	case 169:
		return b[1] != 254
	case 172:
		return b[1] < 16 || b[1] > 31
	case 192:
		return b[1] != 168
	case 255:
		return b != [4]byte{255, 255, 255, 255}
	default:
		return b[0] < 224 || b[0] > 239 // multicast
	}
}

var cgnat = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// who names the caller in a sentence.
func (c *call) who() string {
	name := shortName(c.a.User.Username)
	if name == "" {
		name = "an unnamed user"
	}
	if as := c.a.Impersonated.Username; as != "" {
		name += " (acting as " + shortName(as) + ")"
	}
	return name
}

// shortName leaves out of an ARN what every user of an account has in common.
func shortName(user string) string {
	if !strings.HasPrefix(user, "arn:") {
		return user
	}
	return user[strings.LastIndexByte(user, ':')+1:]
}

// from names the address in a sentence.
func (c *call) from() string {
	if r := remoteIP(c.a.SourceIPs()); r != nil {
		return " from " + r.IPAddressV4 + r.IPAddressV6
	}
	return ""
}

// cluster names the cluster in a sentence.
func (c *call) cluster() string { return "cluster " + c.ev.Scope.Cluster }

// did is the verb of a sentence for a write. An apply that makes the object is
// logged as a patch with status 201.
func (c *call) did() string {
	switch {
	case c.a.Verb == "create" || c.a.Code == 201:
		return "created"
	case c.a.Verb == "patch":
		return "patched"
	}
	return "updated"
}

// workload describes a pod or the template of a workload.
func workloadDetails(c *call, resource string, obj, spec *jsonscan.Node) *finding.KubernetesWorkloadDetails {
	w := &finding.KubernetesWorkloadDetails{
		Name: strings.Clone(c.name()), Type: strings.Clone(resource), Namespace: strings.Clone(c.namespace()),
		UID:         obj.Text("metadata", "uid"),
		HostNetwork: spec.True("hostNetwork"), HostIPC: spec.True("hostIPC"), HostPID: spec.True("hostPID"),
		ServiceAccountName: spec.Text("serviceAccountName"),
	}
	for _, k := range containers(spec) {
		w.Containers = append(w.Containers, containerDetails(k))
	}
	for _, v := range spec.Get("volumes").Items() {
		vol := finding.Volume{Name: v.Text("name")}
		if p := v.Text("hostPath", "path"); p != "" {
			vol.HostPath = &finding.HostPath{Path: p}
		}
		w.Volumes = append(w.Volumes, vol)
	}
	return w
}

func containerDetails(k *jsonscan.Node) finding.Container {
	d := finding.Container{Name: k.Text("name"), Image: k.Text("image"), ImagePrefix: imagePrefix(k.Text("image"))}
	for _, m := range k.Get("volumeMounts").Items() {
		d.VolumeMounts = append(d.VolumeMounts, finding.VolumeMount{Name: m.Text("name"), MountPath: m.Text("mountPath")})
	}
	if sc := k.Get("securityContext"); sc != nil {
		d.SecurityContext = &finding.SecurityContext{
			Privileged:               sc.True("privileged"),
			AllowPrivilegeEscalation: sc.True("allowPrivilegeEscalation"),
		}
	}
	return d
}

// imagePrefix is the path before the repository's own name: the registry and
// the folders, empty for a short name.
func imagePrefix(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, '/'); i >= 0 {
		return image[:i]
	}
	return ""
}
