package detect

import (
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// rbacState remembers the roles of a cluster that are admin's by their rules,
// and the bindings that would be a finding if their role became one. Role and
// binding may come in either order.
type rbacState struct {
	Admin   map[objectID]string              // why, in words
	Waiting map[objectID]map[objectID]string // role → binding → the account, in words
	changed bool                             // since it was saved
}

// maxRBAC bounds each table; clusters have some hundred roles of their own.
const maxRBAC = 10_000

func newRBACState() rbacState {
	return rbacState{Admin: map[objectID]string{}, Waiting: map[objectID]map[objectID]string{}}
}

// adminWhy says why a role is an admin's, "" if it is not known to be.
func (st *rbacState) adminWhy(role objectID) string {
	if role.Kind == "ClusterRole" && (role.Name == "cluster-admin" || role.Name == "admin") {
		return "ClusterRole " + role.Name + " is an admin role of Kubernetes itself"
	}
	return st.Admin[role]
}

func (st *rbacState) await(role, binding objectID, account string) {
	if role.Name == "" || len(st.Waiting) >= maxRBAC {
		return
	}
	if st.Waiting[role] == nil {
		st.Waiting[role] = map[objectID]string{}
	}
	if len(st.Waiting[role]) < maxRBAC && st.Waiting[role][binding] != account {
		st.Waiting[role][binding], st.changed = account, true
	}
}

func (st *rbacState) setAdmin(role objectID, why string) {
	if st.Admin[role] == why {
		return
	}
	st.changed = true
	if why == "" {
		delete(st.Admin, role)
	} else if len(st.Admin) < maxRBAC {
		st.Admin[role] = why
	}
}

func (st *rbacState) forgetBinding(id objectID) {
	for role, w := range st.Waiting {
		if _, ok := w[id]; !ok {
			continue
		}
		st.changed = true
		if delete(w, id); len(w) == 0 {
			delete(st.Waiting, role)
		}
	}
}

// roles keeps track of which roles are an admin's, judged by their rules, and
// raises what was waiting for one to become so.
func roles(c *call) []*finding.Signal {
	st := &c.scope.rbac
	id := objectID{Kind: "ClusterRole", Name: strings.Clone(c.name())}
	if c.a.Object.Resource == "roles" {
		id.Kind, id.Namespace = "Role", strings.Clone(c.namespace())
	}
	if c.a.Object.APIGroup != rbacGroup {
		return nil
	}
	if c.a.Verb == "delete" && c.isGone() {
		st.setAdmin(id, "")
	}
	rules := c.object().Get("rules")
	if !c.writes() || rules == nil {
		return nil
	}
	why := adminRules(rules.Items())
	if why == "" {
		if c.response() != nil || c.a.Verb != "patch" { // a patch alone does not show all rules
			st.setAdmin(id, "")
		}
		return nil
	}
	why = id.words() + " " + why
	st.setAdmin(id, why)
	var out []*finding.Signal
	waiting := st.Waiting[id]
	for _, b := range sortedIDs(waiting) {
		out = append(out, c.adminToDefault(b, id, waiting[b], why+", since this change", ""))
	}
	if len(waiting) > 0 {
		delete(st.Waiting, id)
		st.changed = true
	}
	return out
}

// adminRules says why a set of rules amounts to admin rights, "" if it does
// not: everything on everything, or the means to take it.
func adminRules(rules []*jsonscan.Node) string {
	var writesBindings, writesPods, readsSecrets bool
	var onAll []string // verbs on every resource, of all rules together
	for _, r := range rules {
		verbs, groups, res := r.Strings("verbs"), r.Strings("apiGroups"), r.Strings("resources")
		if len(r.Strings("resourceNames")) > 0 {
			continue
		}
		core, rbac := has(groups, ""), has(groups, rbacGroup)
		if has(res, "*") && core {
			onAll = append(onAll, verbs...)
		}
		switch {
		case hasAll(onAll, "get", "list", "create", "update", "delete"):
			return "allows every verb on every resource"
		case rbac && (has(verbs, "escalate") || has(verbs, "bind")) && (has(res, "clusterroles") || has(res, "roles")):
			return "allows to escalate roles or to bind any of them"
		case (core || has(groups, "authentication.k8s.io")) && has(verbs, "impersonate") && (has(res, "users") || has(res, "groups")):
			return "allows to impersonate any user or group"
		}
		write := has(verbs, "create") || has(verbs, "update") || has(verbs, "patch")
		writesBindings = writesBindings || rbac && write && (has(res, "rolebindings") || has(res, "clusterrolebindings"))
		writesPods = writesPods || core && has(verbs, "create") && has(res, "pods")
		readsSecrets = readsSecrets || core && (has(verbs, "get") || has(verbs, "list")) && has(res, "secrets")
	}
	if writesBindings && writesPods && readsSecrets {
		return "allows to bind roles, to create pods and to read secrets, as the admin role does"
	}
	return ""
}

// has reports whether a rule's list names v or everything.
func has(list []string, v string) bool {
	return slices.Contains(list, v) || slices.Contains(list, "*")
}

func hasAll(list []string, vs ...string) bool {
	for _, v := range vs {
		if !has(list, v) {
			return false
		}
	}
	return true
}
