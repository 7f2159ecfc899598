package target

import (
	"cmp"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// The numbers of OCSF for what evidence says.
const (
	ocsfInbound     = 1
	ocsfOutbound    = 2
	ocsfRegularFile = 1
	ocsfSHA256      = 3

	ocsfSHA256Length = 64 // of one in hex

	ocsfObservedHost = 1
	ocsfObservedIP   = 2
	ocsfObservedUser = 4
)

// ocsfEvidences are what was done, by whom, and what was found.
func ocsfEvidences(f *finding.Finding) (out []ocsfEvidence) {
	e := ocsfEvidence{}
	if u := ocsfUserOf(f.Resource); u != nil {
		e.Actor = &ocsfActor{User: u}
	}
	if s := f.Service; s != nil {
		if s.RuntimeDetails != nil {
			e.Process = ocsfProcessOf(s.RuntimeDetails.Process)
		}
		out = e.act(s.Action)
		for _, file := range ocsfFiles(s.EBSVolumeScanDetails) {
			out = append(out, ocsfEvidence{File: file})
		}
	}
	if e != (ocsfEvidence{}) || len(out) == 0 {
		out = append([]ocsfEvidence{e}, out...)
	}
	first := &out[0]
	if *first == (ocsfEvidence{}) {
		if f.Service == nil || f.Service.Action == nil {
			return nil
		}
		first.Data = f.Service.Action
	}
	first.Container = ocsfContainerOf(f.Resource)
	return out
}

const maxOCSFFiles = 20

// ocsfFiles are the files that a scan found.
func ocsfFiles(s *finding.EBSVolumeScanDetails) (out []*ocsfFile) {
	if s == nil || s.ScanDetections == nil || s.ScanDetections.ThreatDetectedByName == nil {
		return nil
	}
	for _, threat := range s.ScanDetections.ThreatDetectedByName.ThreatNames {
		for _, p := range threat.FilePaths {
			if file := ocsfFileOf(p.FilePath, p.FileName, p.Hash); file != nil && len(out) < maxOCSFFiles {
				out = append(out, file)
			}
		}
	}
	return out
}

// ocsfFileOf is a file; nil for one without a name.
func ocsfFileOf(at, name, hash string) *ocsfFile {
	at = plain(at)
	name = cmp.Or(plain(name), path.Base(cmp.Or(at, "/")))
	if name == "/" {
		return nil
	}
	out := &ocsfFile{Name: name, Path: at, TypeID: ocsfRegularFile}
	if len(hash) == ocsfSHA256Length {
		out.Hashes = []ocsfHash{{ocsfSHA256, "SHA-256", plain(hash)}}
	}
	return out
}

// act notes what was done; each port that was probed is evidence of its own.
func (e *ocsfEvidence) act(a *finding.Action) (probed []ocsfEvidence) {
	if a == nil {
		return nil
	}
	if k := a.KubernetesAPICallAction; k != nil {
		what := k.Resource
		if what != "" && k.Subresource != "" {
			what += "/" + k.Subresource
		}
		operation := strings.TrimSpace(k.Verb + " " + cmp.Or(what, k.RequestURI))
		if operation != "" {
			e.API = &ocsfAPI{Operation: plain(operation), Service: &ocsfNamed{Name: "kubernetes"}}
			if k.StatusCode != 0 {
				e.API.Response = &ocsfResponse{Code: int32(k.StatusCode)}
			}
		}
		e.Source = ocsfRemote(k.RemoteIPDetails, 0)
	}
	if c := a.AWSAPICallAction; c != nil {
		if c.API != "" {
			e.API = &ocsfAPI{Operation: plain(c.API)}
			if c.ServiceName != "" {
				e.API.Service = &ocsfNamed{Name: plain(c.ServiceName)}
			}
			if c.ErrorCode != "" {
				e.API.Response = &ocsfResponse{Error: plain(c.ErrorCode)}
			}
		}
		e.Source = ocsfRemote(c.RemoteIPDetails, 0)
	}
	if l := a.RDSLoginAttemptAction; l != nil {
		e.Source = ocsfRemote(l.RemoteIPDetails, 0)
	}
	if d := a.DNSRequestAction; d != nil && d.Domain != "" {
		e.Query = &ocsfQuery{Hostname: plain(d.Domain)}
	}
	if n := a.NetworkConnectionAction; n != nil {
		e.connect(n)
	}
	if p := a.PortProbeAction; p != nil {
		for _, d := range p.PortProbeDetails {
			x := ocsfEvidence{Source: ocsfRemote(d.RemoteIPDetails, 0), Target: ocsfLocal(d.LocalIPDetails, d.LocalPortDetails)}
			if x != (ocsfEvidence{}) {
				probed = append(probed, x)
			}
		}
	}
	return probed
}

func (e *ocsfEvidence) connect(n *finding.NetworkConnectionAction) {
	port := int64(0)
	if n.RemotePortDetails != nil {
		port = n.RemotePortDetails.Port
	}
	local, remote := ocsfLocal(n.LocalIPDetails, n.LocalPortDetails), ocsfRemote(n.RemoteIPDetails, port)
	e.Connection = &ocsfConnection{Direction: "Unknown", Protocol: strings.ToLower(plain(n.Protocol))}
	switch n.ConnectionDirection {
	case "INBOUND":
		e.Connection.DirectionID, e.Connection.Direction = ocsfInbound, "Inbound"
		e.Source, e.Target = remote, local
	case "OUTBOUND":
		e.Connection.DirectionID, e.Connection.Direction = ocsfOutbound, "Outbound"
		e.Source, e.Target = local, remote
	default:
		e.Source, e.Target = local, remote
	}
}

func ocsfRemote(r *finding.RemoteIPDetails, port int64) *ocsfEndpoint {
	if r == nil {
		return nil
	}
	out := ocsfAddress(cmp.Or(r.IPAddressV4, r.IPAddressV6), port)
	if out == nil {
		return nil
	}
	var l ocsfLocation
	if r.Country != nil && len(r.Country.CountryCode) == 2 {
		l.Country = r.Country.CountryCode
	}
	if r.City != nil {
		l.City = plain(r.City.CityName)
	}
	if l != (ocsfLocation{}) {
		out.Location = &l
	}
	if o := r.Organization; o != nil {
		s := ocsfSystem{Name: plain(cmp.Or(o.ASNOrg, o.Org))}
		if n, err := strconv.ParseInt(strings.TrimPrefix(o.ASN, "AS"), 10, 32); err == nil && n > 0 {
			s.Number = int32(n)
		}
		if s != (ocsfSystem{}) {
			out.System = &s
		}
	}
	return out
}

func ocsfLocal(ip *finding.LocalIPDetails, port *finding.LocalPortDetails) *ocsfEndpoint {
	if ip == nil {
		return nil
	}
	n := int64(0)
	if port != nil {
		n = port.Port
	}
	return ocsfAddress(cmp.Or(ip.IPAddressV4, ip.IPAddressV6), n)
}

// ocsfAddress is an endpoint; nil for what is no address.
func ocsfAddress(ip string, port int64) *ocsfEndpoint {
	if _, err := netip.ParseAddr(ip); err != nil {
		return nil
	}
	out := &ocsfEndpoint{IP: ip}
	if port > 0 && port < 1<<16 {
		out.Port = int32(port)
	}
	return out
}

func ocsfUserOf(r *finding.Resource) *ocsfUser {
	if r == nil {
		return nil
	}
	if k := r.KubernetesDetails; k != nil && k.KubernetesUserDetails != nil {
		u := k.KubernetesUserDetails
		if u.Username != "" || u.UID != "" {
			out := &ocsfUser{Name: plain(u.Username), UID: plain(u.UID)}
			for _, g := range u.Groups {
				if g != "" {
					out.Groups = append(out.Groups, ocsfNamed{Name: plain(g)})
				}
			}
			return out
		}
	}
	if a := r.AccessKeyDetails; a != nil && (a.UserName != "" || a.PrincipalID != "") {
		return &ocsfUser{Name: plain(a.UserName), UID: plain(a.PrincipalID), Type: plain(a.UserType), Credential: plain(a.AccessKeyID)}
	}
	return nil
}

func ocsfProcessOf(p *finding.ProcessDetails) *ocsfProcess {
	if p == nil || p.PID == 0 && p.UUID == "" {
		return nil
	}
	out := &ocsfProcess{Name: plain(p.Name), PID: int32(p.PID), UID: plain(p.UUID)}
	out.File = ocsfFileOf(p.ExecutablePath, "", p.ExecutableSHA256)
	if p.User != "" {
		out.User = &ocsfUser{Name: plain(p.User), UID: strconv.FormatInt(p.UserID, 10)}
	}
	return out
}

func ocsfContainerOf(r *finding.Resource) *ocsfContainer {
	if r == nil {
		return nil
	}
	var c *finding.Container
	pod := ""
	if k := r.KubernetesDetails; k != nil && k.KubernetesWorkloadDetails != nil {
		w := k.KubernetesWorkloadDetails
		if len(w.Containers) > 0 {
			c = &w.Containers[0]
		}
		if w.Type == "pods" {
			pod = w.UID
		}
	}
	if r.ContainerDetails != nil {
		c = r.ContainerDetails
	}
	if c == nil || c.ID == "" && c.Name == "" {
		return nil
	}
	out := &ocsfContainer{UID: plain(c.ID), Name: plain(c.Name), Runtime: plain(c.ContainerRuntime), PodUUID: plain(pod)}
	if c.Image != "" { // findings know no digest: the name must do as the id
		out.Image = &ocsfNamed{Name: plain(c.Image), UID: plain(c.Image)}
	}
	return out
}

// ocsfObservables are what a search looks for, wherever it stands.
func ocsfObservables(evidences []ocsfEvidence) (out []ocsfObservable) {
	add := func(name string, id int32, kind, value string) {
		o := ocsfObservable{name, id, kind, value}
		if value != "" && !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	for _, e := range evidences {
		if e.Actor != nil && e.Actor.User != nil {
			add("evidences.actor.user.name", ocsfObservedUser, "User Name", e.Actor.User.Name)
		}
		if e.Source != nil {
			add("evidences.src_endpoint.ip", ocsfObservedIP, "IP Address", e.Source.IP)
		}
		if e.Target != nil {
			add("evidences.dst_endpoint.ip", ocsfObservedIP, "IP Address", e.Target.IP)
		}
		if e.Query != nil {
			add("evidences.query.hostname", ocsfObservedHost, "Hostname", e.Query.Hostname)
		}
	}
	return out
}
