package detect

import (
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

const (
	typeAnonymousGranted = "Policy:Kubernetes/AnonymousAccessGranted"
	typeAdminDefaultSA   = "Policy:Kubernetes/AdminAccessToDefaultServiceAccount"
)

// bindings looks for bindings that give rights to everybody, or admin rights
// to a default service account.
func bindings(c *call) []*finding.Signal {
	id := bindingID(c)
	if c.a.Verb == "delete" && c.isGone() {
		c.scope.rbac.forgetBinding(id)
	}
	if !c.writes() || c.a.Object.APIGroup != rbacGroup || c.a.User.Username == apiserverUser || !c.changed() {
		return nil
	}
	obj := c.object()
	role := roleOf(c, obj)
	subjects := c.boundSubjects(obj)
	var out []*finding.Signal
	if s := everybody(subjects); s != "" && !isMeantForAll(c, role) {
		out = append(out, c.anonymousGranted(id, role, s, obj))
	}
	if sa := defaultAccount(subjects); sa != "" {
		if why := c.scope.rbac.adminWhy(role); why != "" {
			out = append(out, c.adminToDefault(id, role, sa, why, obj.Text("metadata", "uid")))
		} else {
			c.scope.rbac.await(role, id, sa)
		}
	}
	return out
}

const (
	rbacGroup     = "rbac.authorization.k8s.io"
	apiserverUser = "system:apiserver" // the API server's own loopback identity; it bootstraps and reconciles the default roles
)

// objectID names a role or a binding.
type objectID struct{ Kind, Namespace, Name string }

func (o objectID) key() string { return o.Kind + "/" + o.Namespace + "/" + o.Name }

func (o objectID) compare(p objectID) int { return strings.Compare(o.key(), p.key()) }

func (o objectID) words() string {
	if o.Name == "" {
		return "a role that the log does not show"
	}
	w := o.Kind + " " + o.Name
	if o.Namespace != "" {
		w += " in namespace " + o.Namespace
	}
	return w
}

func bindingID(c *call) objectID {
	kind := "RoleBinding"
	if c.a.Object.Resource == "clusterrolebindings" {
		kind = "ClusterRoleBinding"
	}
	return objectID{kind, strings.Clone(c.namespace()), strings.Clone(c.name())}
}

// roleOf is the role that a binding refers to. A patch cannot change it and
// does not show it; where the log hides the result, the names of the default
// bindings say it.
func roleOf(c *call, obj *jsonscan.Node) objectID {
	ref := obj.Get("roleRef")
	r := objectID{Kind: ref.Text("kind"), Name: ref.Text("name")}
	if r.Name == "" && c.a.Object.Resource == "clusterrolebindings" && c.a.Object.Name == "cluster-admin" {
		return objectID{Kind: "ClusterRole", Name: "cluster-admin"}
	}
	if r.Kind == "Role" {
		r.Namespace = strings.Clone(c.namespace())
	}
	return r
}

type subject struct{ kind, name, namespace string }

// boundSubjects are the subjects that this call names. A patch that leaves
// them alone names none.
func (c *call) boundSubjects(obj *jsonscan.Node) []subject {
	list := obj.Get("subjects").Items()
	if c.a.Verb == "patch" {
		named := c.sent().Get("subjects").Items()
		whole := true
		for _, s := range named {
			whole = whole && s.Text("kind") != "" && s.Text("name") != ""
		}
		if whole || c.response() == nil { // otherwise the patch writes into a subject that only the result shows
			list = named
		}
	}
	var out []subject
	for _, s := range list {
		out = append(out, subject{s.Text("kind"), s.Text("name"), s.Text("namespace")})
	}
	return out
}

// everybody returns the subject that stands for callers without credentials.
func everybody(subjects []subject) string {
	for _, s := range subjects {
		switch { // a patch may leave out a kind that stays as it is
		case s.name == anonymousUser && (s.kind == "User" || s.kind == ""):
			return "user " + s.name
		case s.name == "system:unauthenticated" && (s.kind == "Group" || s.kind == ""):
			return "group " + s.name
		}
	}
	return ""
}

// isMeantForAll reports whether Kubernetes itself documents the binding: the
// public information roles, and the one with which kubeadm lets nodes join.
func isMeantForAll(c *call, role objectID) bool {
	switch role {
	case objectID{"ClusterRole", "", "system:public-info-viewer"},
		objectID{"ClusterRole", "", "system:service-account-issuer-discovery"}:
		return true
	case objectID{"Role", "kube-public", "kubeadm:bootstrap-signer-clusterinfo"}:
		return true
	}
	return false
}

// defaultAccount returns, in words, the subject that is or includes a default
// service account. Every pod that names no other account runs as it.
func defaultAccount(subjects []subject) string {
	for _, s := range subjects {
		switch {
		case s.kind == "ServiceAccount" && s.name == "default":
			return "the default service account of namespace " + s.namespace
		case s.kind == "User" && strings.HasPrefix(s.name, "system:serviceaccount:") && strings.HasSuffix(s.name, ":default"):
			ns := strings.TrimSuffix(strings.TrimPrefix(s.name, "system:serviceaccount:"), ":default")
			return "the default service account of namespace " + ns
		case s.kind == "Group" && s.name == "system:serviceaccounts":
			return "all service accounts, the default ones among them"
		case s.kind == "Group" && strings.HasPrefix(s.name, "system:serviceaccounts:"):
			return "all service accounts of namespace " + strings.TrimPrefix(s.name, "system:serviceaccounts:") + ", its default one among them"
		case s.kind == "Group" && s.name == "system:authenticated":
			return "everybody with credentials, the default service accounts among them"
		}
	}
	return ""
}

func (c *call) anonymousGranted(id, role objectID, who string, obj *jsonscan.Node) *finding.Signal {
	s := c.signal(typeAnonymousGranted, id.key())
	s.Title = "Anonymous access to the Kubernetes API was granted."
	s.Description = c.who() + " " + c.did() + " " + id.words() + " of " + c.cluster() + ", which gives " + role.words() +
		" to " + who + ": callers without credentials can use those rights."
	s.Why = "a subject of the binding is " + who
	s.Action.KubernetesRoleBindingDetails = bindingDetails(id, role, obj.Text("metadata", "uid"))
	return s
}

// adminToDefault is raised by the call that completes it: the binding, or the
// change that made an already bound role an admin's.
func (c *call) adminToDefault(id, role objectID, account, why, uid string) *finding.Signal {
	s := c.signal(typeAdminDefaultSA, id.key())
	s.Title = "Admin rights were given to a default service account."
	s.Description = c.who() + " gave " + role.words() + " to " + account + " by " + id.words() + " of " + c.cluster() +
		": every pod that names no other account now has admin rights."
	s.Why = id.words() + " names " + account + "; " + why
	s.Action.KubernetesRoleBindingDetails = bindingDetails(id, role, uid)
	return s
}

func bindingDetails(id, role objectID, uid string) *finding.KubernetesRoleBindingDetails {
	return &finding.KubernetesRoleBindingDetails{
		Kind: id.Kind, Name: id.Name, UID: uid, RoleRefName: role.Name, RoleRefKind: role.Kind,
	}
}
