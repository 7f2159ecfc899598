package detect

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"github.com/vedette-project/vedette/internal/finding"
)

// anonymousAccess looks at what an unauthenticated caller was allowed to do.
// Only user.username decides: an authenticated user who impersonates
// system:anonymous is not anonymous.
func anonymousAccess(c *call) []*finding.Signal {
	if c.path() == "" || isPublicPath(c) { // without its path a record does not say what was done
		return nil
	}
	tactic := c.tactic()
	s := c.signal(tactic+":Kubernetes/SuccessfulAnonymousAccess", anonymousUser)
	what := describe(c)
	s.Title = "An unauthenticated caller used the Kubernetes API (" + tacticWords(tactic) + ")."
	s.Description = "system:anonymous was allowed to " + what + " in " + c.cluster() + c.from() + "."
	s.Why = "user.username is system:anonymous, the status is " + strconv.Itoa(c.a.Code) + ", and " + strings.Clone(c.a.Verb) +
		" on " + resourceOf(c) + " belongs to the tactic " + tacticWords(tactic)
	if res := c.a.Object.Resource; isWorkload(res) {
		s.Resource.KubernetesDetails.KubernetesWorkloadDetails = auditedWorkload(c, res)
	}
	return []*finding.Signal{s}
}

// auditedWorkload describes the workload that a call is about.
func auditedWorkload(c *call, resource string) *finding.KubernetesWorkloadDetails {
	obj := c.object()
	return workloadDetails(c, resource, obj, podSpec(resource, obj))
}

// isPublicPath reports whether the call reads what Kubernetes itself offers to
// everybody: health, version, the keys of the service account issuer, and the
// cluster-info with which kubeadm lets nodes join; and on OpenShift where to
// log in, and the webhooks of builds, which carry a secret of their own.
func isPublicPath(c *call) bool {
	p, o := strings.TrimSuffix(c.path(), "/"), &c.a.Object
	if o.APIGroup == "build.openshift.io" && o.Resource == "buildconfigs" && o.Subresource == "webhooks" && c.a.Verb == "create" {
		return true
	}
	switch c.a.Verb {
	case "get", "head", "options":
	default:
		return false
	}
	switch p {
	case "/version", "/.well-known/openid-configuration", "/openid/v1/jwks", "/.well-known/oauth-authorization-server",
		"/api/v1/namespaces/kube-public/configmaps/cluster-info":
		return true
	}
	for _, health := range []string{"/healthz", "/livez", "/readyz"} {
		if p == health || strings.HasPrefix(p, health+"/") {
			return true
		}
	}
	return false
}

//go:embed tactics.tsv
var tacticsTSV string

// tacticRow is one line of tactics.tsv; "*" matches anything.
type tacticRow struct{ tactic, verbs, group, resource, subresource string }

var tacticTable = sync.OnceValue(func() []tacticRow {
	var rows []tacticRow
	for line := range strings.Lines(tacticsTSV) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(f) != 6 {
			continue
		}
		rows = append(rows, tacticRow{f[0], f[1], f[2], f[3], f[4]})
	}
	return rows
})

// tacticOf is the tactic that an API call serves: the first row that matches.
func tacticOf(verb, group, resource, subresource string) string {
	for _, r := range tacticTable() {
		if oneOf(r.verbs, verb) && oneOf(r.group, group) && oneOf(r.resource, resource) && oneOf(r.subresource, subresource) {
			return r.tactic
		}
	}
	return "Discovery"
}

// oneOf reports whether a comma-separated list names v. "-" names the empty string.
func oneOf(list, v string) bool {
	if list == "*" {
		return true
	}
	if v == "" {
		v = "-"
	}
	for rest := list; ; {
		item, more, ok := strings.Cut(rest, ",")
		if item == v {
			return true
		}
		if !ok {
			return false
		}
		rest = more
	}
}

func tacticWords(tactic string) string {
	switch tactic {
	case "CredentialAccess":
		return "credential access"
	case "DefenseEvasion":
		return "defense evasion"
	}
	return strings.ToLower(tactic)
}

// resourceOf names what the call was about, for a sentence.
func resourceOf(c *call) string {
	o := &c.a.Object
	if o.Resource == "" {
		return strings.Clone(c.path())
	}
	if o.Subresource != "" {
		return strings.Clone(o.Resource + "/" + o.Subresource)
	}
	return strings.Clone(o.Resource)
}

func describe(c *call) string {
	out := strings.Clone(c.a.Verb) + " " + resourceOf(c)
	if n := c.name(); n != "" {
		out += " " + strings.Clone(n)
	}
	if ns := c.namespace(); ns != "" {
		out += " in namespace " + strings.Clone(ns)
	}
	return out
}
