package detect

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel/geo"
)

// The views of a call to the API server. Those from image on are of calls of
// the kinds that findings are made of.
const (
	viewAPI = iota
	viewNamespace
	viewUserAgent
	viewASN
	viewCountry
	viewImage
	viewImageConfig
	viewSubject
	viewRole
	viewPermission
	viewImpersonated
	viewResult
	kubeViews
)

var kubePlane = plane{
	name: "kubernetes", self: "username", all: "cluster",
	views: []string{
		viewAPI: "api", viewNamespace: "namespace", viewUserAgent: "userAgent", viewASN: "asnOrg", viewCountry: "country",
		viewImage: "image", viewImageConfig: "imagePrefixConfig", viewSubject: "subjectName", viewRole: "roleName",
		viewPermission: "permissionChecked", viewImpersonated: "impersonatedUsername", viewResult: "result",
	},
	network: []int{viewASN, viewCountry},
}

// kubeHabits remembers what the texts of calls come to, since most calls are
// like others. A map that is full begins anew.
type kubeHabits struct {
	values [kubeViews]string
	apis   map[apiKey]string
	agents families
	places map[string]kubePlace
	groups map[string]string
	spaces map[string]string
	by     *geo.DB // of places
}

type apiKey struct{ verb, group, resource, sub string }

type kubePlace struct{ network, country string }

const maxTexts = 8192

// Risks of a call, in tenths: one that changes or reveals what gives rights
// weighs more than one that looks around.
const (
	riskLooks   = 10
	riskChanges = 15
)

// judgeBehaviour judges a call by how its caller usually behaves, and adds what
// it finds to what others found. Where a type that AWS retired has a successor
// that speaks for the same call, the successor stays.
func (e *Engine) judgeBehaviour(c *call, out []*finding.Signal) []*finding.Signal {
	a := c.a
	if e.opts.AnomaliesOff || a.Code == 0 || a.User.Username == "" || a.User.Username == anonymousUser {
		return out
	}
	k := &e.kube
	b := k.behaviour(e, a)
	var t trigger
	if a.Succeeded() {
		k.describe(a, b.act)
		if kind := triggerOf(a); kind != noTrigger {
			t = e.trigger(c, kind)
			b.risk, b.typ = t.risk, t.typ
		}
	}
	v := e.anomaliesIn(c.scope).judge(c.ev.Time, c.scope.late, &b)
	if v == nil {
		return out
	}
	return append(withoutLegacy(out, t.typ, t.also), t.signals(c, v)...)
}

// withoutLegacy leaves out the retired type of what a type claims.
func withoutLegacy(out []*finding.Signal, types ...string) []*finding.Signal {
	kept := out[:0]
	for _, s := range out {
		old := false
		for _, t := range types {
			old = old || s.Type == typePrivileged && t == typeUnusualPrivileged || s.Type == typeSensitiveMount && t == typeUnusualMount
		}
		if !old {
			kept = append(kept, s)
		}
	}
	return kept
}

// behaviour is who calls, from where and with what: what a refused call says,
// too.
func (k *kubeHabits) behaviour(e *Engine, a *event.Audit) behaviour {
	k.values = [kubeViews]string{}
	p := k.place(e, a.SourceIPsJSON)
	k.values[viewUserAgent], k.values[viewASN], k.values[viewCountry] = k.agent(a.UserAgent), p.network, p.country
	k.values[viewResult] = kubeResult(a.Code)
	b := behaviour{plane: &kubePlane, values: k.values[:], act: k.api(a), risk: riskLooks}
	b.principal, b.group, b.kind, b.systemic = k.caller(a)
	return b
}

// describe adds what a call that succeeded did. What was refused teaches
// nobody what its caller does.
func (k *kubeHabits) describe(a *event.Audit, api string) {
	k.values[viewAPI] = api
	k.values[viewNamespace] = k.space(a.Object.Namespace)
	k.values[viewImpersonated] = a.Impersonated.Username
}

func kubeResult(code int) string {
	switch {
	case code == 401 || code == 403:
		return "denied"
	case code >= 500:
		return "failed"
	case code >= 400 && code != 404 && code != 409 && code != 429:
		return "refused"
	}
	return "success" // or what everybody meets
}

// caller is who calls, who is alike, and of what kind it is. Nodes are one
// principal: there are many, they come and go, and do the same.
func (k *kubeHabits) caller(a *event.Audit) (principal, group, kind string, systemic bool) {
	name := a.User.Username
	if rest, ok := strings.CutPrefix(name, "system:serviceaccount:"); ok {
		namespace, account, _ := strings.Cut(rest, ":")
		if namespace == kubeSystem && strings.HasSuffix(account, "-controller") {
			return name, "", "system", true
		}
		return name, name[:len(name)-len(account)], "serviceAccount", false
	}
	switch {
	case strings.HasPrefix(name, "system:node:"):
		return "system:node", "", "system", true
	case strings.HasPrefix(name, "system:"), strings.HasPrefix(name, "eks:"):
		return name, "", "system", true
	case strings.HasPrefix(name, "arn:"):
		// Sessions of people are named by their provider of identities; those of
		// machines are one role.
		if role := name[:strings.LastIndexByte(name, '/')+1]; strings.Contains(role, ":assumed-role/") {
			if !strings.Contains(name[len(role):], "@") {
				return role, k.team(a.User.GroupsJSON), "role", false
			}
			return name, role, "user", false
		}
		return name, k.team(a.User.GroupsJSON), "role", false
	}
	return name, k.team(a.User.GroupsJSON), "user", false
}

// team is the first group of a user that is not one of everybody's.
func (k *kubeHabits) team(groups []byte) string {
	if known, ok := k.groups[string(groups)]; ok {
		return known
	}
	team := "no team"
	for _, g := range (&event.User{GroupsJSON: groups}).Groups() {
		if g != "system:authenticated" {
			team = "team " + g
			break
		}
	}
	keep(&k.groups, string(groups), team)
	return team
}

// api names a call: its verb and resource, or its verb and the root of its path.
func (k *kubeHabits) api(a *event.Audit) string {
	o := &a.Object
	key := apiKey{a.Verb, o.APIGroup, o.Resource, o.Subresource}
	if o.Resource == "" {
		key.sub = pathRoot(a.RequestURI)
	}
	if known, ok := k.apis[key]; ok {
		return known
	}
	name := a.Verb + " " + o.Resource
	if o.Resource == "" {
		name += key.sub
	} else if o.Subresource != "" {
		name += "/" + o.Subresource
	}
	if o.APIGroup != "" {
		name += "." + o.APIGroup
	}
	name = strings.Clone(name)
	keep(&k.apis, apiKey{strings.Clone(key.verb), strings.Clone(key.group), strings.Clone(key.resource), strings.Clone(key.sub)}, name)
	return name
}

// pathRoot is the first part of a path that a server answers; others are alike.
func pathRoot(uri string) string {
	path, _, _ := strings.Cut(uri, "?")
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "api", "apis", "openapi", "healthz", "livez", "readyz", "version", "metrics", "logs", "":
		return "/" + first
	}
	return "/…"
}

// agent is the program of a user agent, and its system.
func (k *kubeHabits) agent(agent string) string {
	if k.agents == nil {
		k.agents = families{}
	}
	return k.agents.of(agent)
}

// space is a namespace without the numbers of those that are made in series.
func (k *kubeHabits) space(namespace string) string {
	if namespace == "" {
		return ""
	}
	if known, ok := k.spaces[namespace]; ok {
		return known
	}
	namespace = strings.Clone(namespace)
	keep(&k.spaces, namespace, series(namespace))
	return k.spaces[namespace]
}

// series is a name with its runs of digits, and generated ends, left out.
func series(name string) string {
	name = podFamily(name)
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] < '0' || name[i] > '9' {
			b.WriteByte(name[i])
		} else if i == 0 || name[i-1] < '0' || name[i-1] > '9' {
			b.WriteByte('*')
		}
	}
	return b.String()
}

// place is the network that a call comes from: the one of its nearest public
// address, or which kind of private one.
func (k *kubeHabits) place(e *Engine, ips []byte) kubePlace {
	if k.by != e.opts.Geo {
		k.by, k.places = e.opts.Geo, nil
	}
	if known, ok := k.places[string(ips)]; ok {
		return known
	}
	var p kubePlace
	if public := e.peers.of(e.opts.Intel, ips).public; len(public) > 0 {
		p = e.networkOf(public[0])
	} else if len(ips) > 0 {
		p.network = privateNetwork((&event.Audit{SourceIPsJSON: ips}).SourceIPs())
	}
	keep(&k.places, string(ips), p)
	return p
}

// networkOf names the network of a public address by its owner, or where no
// database knows it by its provider or its first half.
func (e *Engine) networkOf(ip netip.Addr) kubePlace {
	p := e.opts.Geo.Lookup(ip)
	out := kubePlace{country: p.CountryCode}
	switch {
	case p.ASN != 0:
		out.network = strings.TrimSpace("AS" + strconv.FormatUint(uint64(p.ASN), 10) + " " + p.ASOrg)
	default:
		if n, ok := e.opts.Intel.NetworkOf(ip); ok && n.Provider != "" {
			out.network = strings.TrimSpace(n.Provider + " " + n.Region)
			return out
		}
		bits := 16
		if ip.Is6() {
			bits = 32
		}
		prefix, _ := ip.Prefix(bits)
		out.network = prefix.String()
	}
	return out
}

// privateNetwork is the private block that the peer of a call is in.
func privateNetwork(ips []string) string {
	for i := len(ips) - 1; i >= 0; i-- {
		ip := parseAddr(ips[i])
		switch {
		case !ip.IsValid():
		case ip.IsLoopback():
			return "loopback"
		case ip.Is4():
			return "private " + strconv.Itoa(int(ip.As4()[0])) + "/8"
		default:
			return "private"
		}
	}
	return ""
}

// keep remembers what a text comes to. The key must not alias a batch.
func keep[K comparable, V any](m *map[K]V, key K, v V) {
	if *m == nil || len(*m) >= maxTexts {
		*m = map[K]V{}
	}
	(*m)[key] = v
}
