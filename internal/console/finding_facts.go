package console

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// fact is one thing that is known, foreign text. Entity leads to its page.
type fact struct {
	Name, Value string
	Entity      entity
}

type factGroup struct {
	Name  string // Who, What or Where
	Facts []fact
}

func (g *factGroup) add(name, value string) { g.link(name, value, "", "") }

// link adds a fact that has a page of its own.
func (g *factGroup) link(name, value, kind, id string) {
	if value != "" {
		g.Facts = append(g.Facts, fact{name, value, entity{kind, id}})
	}
}

// factsOf are who, what and where of a finding.
func factsOf(f *finding.Finding) []factGroup {
	who, what, where := factGroup{Name: "Who"}, factGroup{Name: "What"}, factGroup{Name: "Where"}
	whoOf(&who, f.Resource)
	actionOf(&who, &what, f.Service.Action)
	processOf(&who, &what, f.Service.RuntimeDetails)
	malwareOf(&what, f.Service)
	what.add("The resource was", strings.ToLower(f.Service.ResourceRole))
	where.add("Account", f.AccountID)
	where.add("Region", f.Region)
	kubernetesOf(&where, f.Resource)
	machineOf(&where, f.Resource)
	dataOf(&where, f.Resource)
	var out []factGroup
	for _, g := range []factGroup{who, what, where} {
		if len(g.Facts) > 0 {
			out = append(out, g)
		}
	}
	return out
}

func whoOf(g *factGroup, r *finding.Resource) {
	if k := r.AccessKeyDetails; k != nil {
		g.link("Principal", k.UserName, "principal", cmp.Or(k.UserName, k.PrincipalID))
		g.add("Kind of principal", k.UserType)
		g.link("Principal ID", k.PrincipalID, "principal", k.PrincipalID)
		g.link("Access key", k.AccessKeyID, "key", k.AccessKeyID)
	}
	if r.KubernetesDetails == nil || r.KubernetesDetails.KubernetesUserDetails == nil {
		return
	}
	u := r.KubernetesDetails.KubernetesUserDetails
	if node, ok := strings.CutPrefix(u.Username, nodeUser); ok {
		g.link("Kubernetes user", u.Username, "node", node)
	} else {
		g.link("Kubernetes user", u.Username, "user", u.Username)
	}
	if i := u.ImpersonatedUser; i != nil {
		g.link("Acting as", i.Username, "user", i.Username)
		g.add("with the groups", strings.Join(i.Groups, ", "))
	}
	g.add("Groups", strings.Join(u.Groups, ", "))
	g.add("Session", strings.Join(u.SessionName, ", "))
}

func actionOf(who, what *factGroup, a *finding.Action) {
	if a == nil {
		return
	}
	if c := a.AWSAPICallAction; c != nil {
		what.add("API", strings.Trim(c.ServiceName+" "+c.API, " "))
		what.add("Error", c.ErrorCode)
		for _, kind := range sortedKeys(c.AffectedResources) {
			what.add(kind, c.AffectedResources[kind])
		}
		remoteOf(who, "From", c.RemoteIPDetails)
		who.add("Program", c.UserAgent)
		if d := c.RemoteAccountDetails; d != nil {
			who.add("Account of the caller", d.AccountID)
		}
	}
	if c := a.KubernetesAPICallAction; c != nil {
		what.add("API call", strings.TrimSpace(c.Verb+" "+c.RequestURI))
		what.add("Resource", strings.Trim(c.Resource+"/"+c.Subresource, "/"))
		what.add("Name", c.ResourceName)
		if c.StatusCode != 0 {
			what.add("Status", strconv.FormatInt(c.StatusCode, 10))
		}
		what.add("Parameters", c.Parameters)
		if c.RemoteIPDetails == nil {
			for _, ip := range c.SourceIPs {
				who.link("From", ip, "address", ip)
			}
		}
		remoteOf(who, "From", c.RemoteIPDetails)
		who.add("Program", c.UserAgent)
	}
	if d := a.KubernetesPermissionCheckedDetails; d != nil {
		what.add("Permission asked for", strings.TrimSpace(d.Verb+" "+d.Resource))
	}
	if d := a.KubernetesRoleBindingDetails; d != nil {
		what.add("Binding", strings.TrimSpace(d.Kind+" "+d.Name))
		what.add("gives the role", strings.TrimSpace(d.RoleRefKind+" "+d.RoleRefName))
	}
	if d := a.KubernetesRoleDetails; d != nil {
		what.add("Role", strings.TrimSpace(d.Kind+" "+d.Name))
	}
	if d := a.DNSRequestAction; d != nil {
		what.link("Domain", d.Domain, "domain", d.Domain)
		what.add("Protocol", d.Protocol)
		if d.Blocked {
			what.add("Blocked", "yes")
		}
	}
	connectionOf(what, a)
	if l := a.RDSLoginAttemptAction; l != nil {
		remoteOf(who, "From", l.RemoteIPDetails)
		for _, at := range l.LoginAttributes {
			what.add("Login", at.User+" with "+at.Application+": "+strconv.FormatInt(at.SuccessfulLoginAttempts, 10)+" succeeded, "+strconv.FormatInt(at.FailedLoginAttempts, 10)+" failed")
		}
	}
}

func connectionOf(what *factGroup, a *finding.Action) {
	if n := a.NetworkConnectionAction; n != nil {
		what.add("Connection", strings.ToLower(strings.TrimSpace(n.ConnectionDirection+" "+n.Protocol)))
		remoteOf(what, "Remote address", n.RemoteIPDetails)
		if p := n.RemotePortDetails; p != nil {
			what.add("Remote port", portWords(p.Port, p.PortName))
		}
		if ip := n.LocalIPDetails; ip != nil {
			local := cmp.Or(ip.IPAddressV4, ip.IPAddressV6)
			what.link("Local address", local, "address", local)
		}
		if p := n.LocalPortDetails; p != nil {
			what.add("Local port", portWords(p.Port, p.PortName))
		}
		if n.Blocked {
			what.add("Blocked", "yes")
		}
	}
	if p := a.PortProbeAction; p != nil {
		for _, d := range p.PortProbeDetails[:min(len(p.PortProbeDetails), 10)] {
			remoteOf(what, "Probed by", d.RemoteIPDetails)
			if d.LocalPortDetails != nil {
				what.add("Port", portWords(d.LocalPortDetails.Port, d.LocalPortDetails.PortName))
			}
		}
	}
}

func portWords(port int64, name string) string {
	text := strconv.FormatInt(port, 10)
	if name != "" && name != "Unknown" {
		text += " (" + name + ")"
	}
	return text
}

// remoteOf tells of an address, and of what is known of it.
func remoteOf(g *factGroup, name string, ip *finding.RemoteIPDetails) {
	if ip == nil {
		return
	}
	address := cmp.Or(ip.IPAddressV4, ip.IPAddressV6)
	g.link(name, address, "address", address)
	g.add("Place", placeOf(ip))
	if o := ip.Organization; o != nil {
		as := ""
		if o.ASN != "" && o.ASN != "0" {
			as = "AS" + o.ASN
		}
		g.add("Network", joined(", ", cmp.Or(o.ASNOrg, o.Org, o.ISP), as))
	}
}

func placeOf(ip *finding.RemoteIPDetails) string {
	var city, country string
	if ip.City != nil {
		city = ip.City.CityName
	}
	if ip.Country != nil {
		country = cmp.Or(ip.Country.CountryName, ip.Country.CountryCode)
	}
	return joined(", ", city, country)
}

// joined are those that are not empty.
func joined(sep string, parts ...string) string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, sep)
}
