package detect

import (
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

const (
	typeSecretsAccessed   = "CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed"
	typePermissionChecked = "Discovery:Kubernetes/AnomalousBehavior.PermissionChecked"
	typeExecInPod         = "Execution:Kubernetes/AnomalousBehavior.ExecInPod"
	typeWorkloadDeployed  = "Execution:Kubernetes/AnomalousBehavior.WorkloadDeployed"
	typeUnusualMount      = "Persistence:Kubernetes/AnomalousBehavior.WorkloadDeployed!ContainerWithSensitiveMount"
	typeUnusualPrivileged = "PrivilegeEscalation:Kubernetes/AnomalousBehavior.WorkloadDeployed!PrivilegedContainer"
	typeBindingCreated    = "PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleBindingCreated"
	typeRoleCreated       = "PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleCreated"
)

// triggerKind is a kind of call that a finding of the models can be about.
type triggerKind int

const (
	noTrigger triggerKind = iota
	onSecrets
	onExec
	onReview
	onWorkload
	onRole
	onBinding
)

// triggerOf looks at the names alone: most calls end here.
func triggerOf(a *event.Audit) triggerKind {
	o := &a.Object
	write := a.Verb == "create" || a.Verb == "update" || a.Verb == "patch"
	switch o.Resource {
	case "secrets":
		if o.APIGroup == "" && (a.Verb == "get" || a.Verb == "list" || a.Verb == "watch") {
			return onSecrets
		}
	case "pods":
		if o.Subresource == "exec" || o.Subresource == "attach" {
			return onExec
		}
	case "selfsubjectaccessreviews":
		return onReview
	case "roles", "clusterroles":
		if write && o.APIGroup == rbacGroup {
			return onRole
		}
		return noTrigger
	case "rolebindings", "clusterrolebindings":
		if write && o.APIGroup == rbacGroup {
			return onBinding
		}
		return noTrigger
	}
	if write && isWorkload(o.Resource) && (o.Subresource == "" || o.Subresource == addsContainers) {
		return onWorkload
	}
	return noTrigger
}

// trigger is what a call may be a finding of, and what that finding says.
type trigger struct {
	typ, also  string // finding types; "" where the call is none of any
	risk       int
	key        string
	detail     string // what it was about, in words
	severity   float64
	workload   *finding.KubernetesWorkloadDetails
	permission *finding.KubernetesPermissionCheckedDetails
	binding    *finding.KubernetesRoleBindingDetails
	role       *finding.KubernetesRoleDetails
}

// trigger looks closer at a call of a kind, and adds its views.
func (e *Engine) trigger(c *call, kind triggerKind) trigger {
	v := &e.kube.values
	if c.isDryRun() {
		return trigger{risk: riskLooks}
	}
	switch kind {
	case onSecrets:
		return trigger{typ: typeSecretsAccessed, risk: riskChanges}
	case onExec:
		return trigger{typ: typeExecInPod, risk: riskChanges}
	case onReview:
		return reviewTrigger(c, v)
	case onRole:
		return roleTrigger(c, v)
	case onBinding:
		return bindingTrigger(c, v)
	}
	return e.workloadTrigger(c, v)
}

// reviewTrigger is somebody who asks whether it may do what gives power, and
// may.
func reviewTrigger(c *call, v *[kubeViews]string) trigger {
	t := trigger{risk: riskLooks}
	spec := c.object().Get("spec", "resourceAttributes")
	verb, resource := spec.Text("verb"), spec.Text("resource")
	if spec == nil || verb == "" {
		return t
	}
	if sub := spec.Text("subresource"); sub != "" {
		resource += "/" + sub
	}
	v[viewPermission] = verb + " " + resource
	if !c.response().True("status", "allowed") || !isPowerful(verb, resource) {
		return t
	}
	t.typ = typePermissionChecked
	t.permission = &finding.KubernetesPermissionCheckedDetails{Verb: verb, Resource: resource, Namespace: spec.Text("namespace"), Allowed: true}
	t.detail = "whether it may " + verb + " " + resource
	return t
}

// isPowerful reports whether a right leads to others.
func isPowerful(verb, resource string) bool {
	if verb == "*" || resource == "*" {
		return true
	}
	write := verb == "create" || verb == "update" || verb == "patch"
	switch resource {
	case "secrets":
		return verb == "get" || verb == "list" || verb == "watch"
	case "pods/exec", "pods/attach":
		return verb == "create" || verb == "get"
	case "serviceaccounts/token", "certificatesigningrequests", "mutatingwebhookconfigurations", "validatingwebhookconfigurations":
		return verb == "create" || write
	case "nodes/proxy", "pods/ephemeralcontainers":
		return true
	case "roles", "clusterroles", "rolebindings", "clusterrolebindings":
		return write || verb == "bind" || verb == "escalate"
	case "users", "groups", "serviceaccounts":
		return verb == "impersonate"
	}
	return write && isWorkload(resource)
}

// roleTrigger is a role that gives power.
func roleTrigger(c *call, v *[kubeViews]string) trigger {
	t := trigger{risk: riskChanges}
	obj := c.object()
	v[viewRole] = strings.Clone(series(c.name()))
	why := powerOf(c.sent().Get("rules").Items())
	if why == "" || !c.changed() {
		return t
	}
	kind := "ClusterRole"
	if c.a.Object.Resource == "roles" {
		kind = "Role"
	}
	t.typ, t.detail = typeRoleCreated, kind+" "+quoted(c.name(), "without a name")+", which allows to "+why
	t.role = &finding.KubernetesRoleDetails{Kind: kind, Name: strings.Clone(c.name()), UID: obj.Text("metadata", "uid")}
	return t
}

// powerOf names a right among rules that leads to others, "" if there is none.
func powerOf(rules []*jsonscan.Node) string {
	for _, r := range rules {
		if len(r.Strings("resourceNames")) > 0 {
			continue
		}
		for _, verb := range r.Strings("verbs") {
			for _, resource := range r.Strings("resources") {
				if verb == "*" && resource == "*" {
					return "do everything with everything"
				}
				if isPowerful(verb, resource) && (verb != "*" || givesPower(resource)) && (resource != "*" || verb != "watch") {
					return verb + " " + resource
				}
			}
		}
	}
	return ""
}

// givesPower reports whether some verb on a resource leads to other rights.
func givesPower(resource string) bool {
	return slices.ContainsFunc([]string{"get", "create", "bind", "impersonate"}, func(verb string) bool { return isPowerful(verb, resource) })
}

// bindingTrigger is a binding to a role that gives power, or in a place where
// rights matter more.
func bindingTrigger(c *call, v *[kubeViews]string) trigger {
	t := trigger{risk: riskChanges}
	if c.a.User.Username == apiserverUser {
		return t
	}
	obj := c.object()
	role := roleOf(c, obj)
	v[viewRole] = series(role.Name)
	named := ""
	for i, s := range c.boundSubjects(obj) {
		if i > 0 {
			v[viewSubject], named = v[viewSubject]+", ", named+", "
		}
		named += s.kind + " " + strings.TrimPrefix(s.namespace+"/"+s.name, "/")
		v[viewSubject] += s.kind + " " + series(s.name)
		if s.namespace != "" && s.namespace != c.namespace() {
			v[viewSubject] += " of another namespace"
		}
	}
	admin := c.scope.rbac.adminWhy(role) != ""
	switch {
	case !c.changed():
		return t
	case admin, role.Name == "edit", c.a.Object.Resource == "clusterrolebindings", isSensitiveNamespace(c.namespace()):
	default:
		return t
	}
	id := bindingID(c)
	t.typ, t.key = typeBindingCreated, id.key()
	t.detail = id.words() + ", which gives " + role.words() + " to " + quoted(named, "somebody whom the log does not show")
	t.binding = bindingDetails(id, role, obj.Text("metadata", "uid"))
	if role.Kind == "ClusterRole" && (role.Name == "cluster-admin" || role.Name == "admin") {
		t.severity = 8
	}
	return t
}

func isSensitiveNamespace(namespace string) bool {
	return namespace == kubeSystem || namespace == "kube-public" || namespace == "kube-node-lease" || namespace == "default"
}

// workloadTrigger is something that is launched.
func (e *Engine) workloadTrigger(c *call, v *[kubeViews]string) trigger {
	t := trigger{risk: riskChanges}
	if !isNative(c) {
		return trigger{risk: riskLooks}
	}
	if c.isControllersOwn() {
		return t
	}
	resource, obj := c.a.Object.Resource, c.object()
	spec := podSpec(resource, obj)
	if obj == nil || spec == nil || !c.changed() || !c.changesSpec() {
		return t
	}
	sent := spec
	if c.a.Verb == "patch" {
		if sent = podSpec(resource, c.sent()); sent == nil {
			return t
		}
	}
	v[viewImage], v[viewImageConfig] = imagesOf(c, spec)
	t.key = workloadFamily(c, obj)
	t.workload = workloadDetails(c, resource, obj, spec)
	t.typ, t.detail = typeWorkloadDeployed, strings.TrimSuffix(resource, "s")+" "+quoted(c.name(), "without a name")+" with the image "+quoted(v[viewImage], "that the log does not show")
	privileged, mounts := c.privileged(spec, sent), c.sensitiveMounts(spec, sent)
	switch {
	case len(privileged) > 0:
		t.typ = typeUnusualPrivileged
		t.detail += " and the privileged " + containerWords(privileged)
		if len(mounts) > 0 {
			t.also = typeUnusualMount
			t.detail += ", and " + strings.Join(mounts, ", ") + " writable"
		}
	case len(mounts) > 0:
		t.typ = typeUnusualMount
		t.detail += " and " + strings.Join(mounts, ", ") + " writable"
	case looksLikeAttack(c.launches(sent)):
		t.severity = 5
	}
	return t
}

// imagesOf names the repositories of the images of a pod, and their folders
// with what the pod may do to its node.
func imagesOf(c *call, spec *jsonscan.Node) (images, config string) {
	var names, prefixes []string
	privileged := false
	for _, k := range c.launches(spec) {
		name, _, _ := strings.Cut(k.Text("image"), "@")
		if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
			name = name[:i]
		}
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
		if p := or(imagePrefix(name), "docker.io"); !slices.Contains(prefixes, p) {
			prefixes = append(prefixes, p)
		}
		privileged = privileged || k.True("securityContext", "privileged")
	}
	slices.Sort(names)
	slices.Sort(prefixes)
	config = strings.Join(prefixes, " ")
	for _, s := range []struct {
		set  bool
		word string
	}{{privileged, "privileged"}, {spec.True("hostNetwork"), "hostNetwork"}, {spec.True("hostPID"), "hostPID"}, {spec.True("hostIPC"), "hostIPC"}} {
		if s.set {
			config += " " + s.word
		}
	}
	return strings.Join(names, " "), config
}

// looksLikeAttack reports whether a container's image is one of those that
// testers carry, or its command hands a shell to somebody far away.
func looksLikeAttack(ks []*jsonscan.Node) bool {
	for _, k := range ks {
		image := strings.ToLower(k.Text("image"))
		for _, word := range []string{"kali", "parrot", "metasploit", "peirates", "kube-hunter", "deepce", "botb", "stratus-red", "mimikatz", "masscan", "sliver"} {
			if strings.Contains(image, word) {
				return true
			}
		}
		line := strings.Join(append(k.Strings("command"), k.Strings("args")...), " ")
		for _, word := range []string{"/dev/tcp/", "/dev/udp/", "nc -e", "ncat -e", "pty.spawn", "sh -i"} {
			if strings.Contains(line, word) {
				return true
			}
		}
	}
	return false
}

// signals are the findings of an unusual call.
func (t *trigger) signals(c *call, v *verdict) (out []*finding.Signal) {
	for _, typ := range []string{t.typ, t.also} {
		if typ != "" {
			out = append(out, t.signal(c, v, typ))
		}
	}
	return out
}

func (t *trigger) signal(c *call, v *verdict, typ string) *finding.Signal {
	key := or(t.key, strings.Clone(c.namespace())) + "\x00" + v.behaviour.principal
	s := c.signal(typ, key)
	s.Severity = max(s.Severity, t.severity)
	s.Title = titleOf(typ)
	s.Description = c.who() + " " + t.act(c, typ) + " in " + c.cluster() + c.from() + ", which is unusual: " + unusualWords(v) + "."
	s.Why = v.why()
	s.Detection = v.detection()
	s.Resource.KubernetesDetails.KubernetesWorkloadDetails = t.workload
	s.Action.KubernetesPermissionCheckedDetails = t.permission
	s.Action.KubernetesRoleBindingDetails = t.binding
	s.Action.KubernetesRoleDetails = t.role
	if typ == typeExecInPod {
		s.Resource.KubernetesDetails.KubernetesWorkloadDetails = &finding.KubernetesWorkloadDetails{
			Name: strings.Clone(c.name()), Type: "pods", Namespace: strings.Clone(c.namespace()),
		}
	}
	return s
}

func titleOf(typ string) string {
	switch typ {
	case typeSecretsAccessed:
		return "Secrets were read in an unusual way."
	case typePermissionChecked:
		return "A powerful permission was checked in an unusual way."
	case typeExecInPod:
		return "A command was run inside a pod in an unusual way."
	case typeUnusualPrivileged:
		return "A privileged container was launched in an unusual way."
	case typeUnusualMount:
		return "A container with a sensitive host path mounted was launched in an unusual way."
	case typeBindingCreated:
		return "A binding to a role was written in an unusual way."
	case typeRoleCreated:
		return "A role with far-reaching rights was written in an unusual way."
	}
	return "A workload was launched in an unusual way."
}

// act says what was done.
func (t *trigger) act(c *call, typ string) string {
	in := ""
	if n := c.namespace(); n != "" {
		in = " in namespace " + strings.Clone(n)
	}
	switch typ {
	case typeSecretsAccessed:
		if n := c.a.Object.Name; n != "" {
			return "read secret " + quoted(n, "") + in
		}
		return map[string]string{"watch": "watched", "list": "listed", "get": "read"}[c.a.Verb] + " the secrets" + or(in, " of all namespaces")
	case typePermissionChecked:
		return "asked " + t.detail + in + " and may,"
	case typeExecInPod:
		q := queryOf(c.a.RequestURI)
		return "ran " + quoted(strings.Join(q["command"], " "), "a command") + " in pod " + strings.Clone(c.name()) + in
	}
	return c.did() + " " + t.detail + in
}

// unusualWords names what was unusual, the views that say most first.
func unusualWords(v *verdict) string {
	var parts []string
	for _, x := range v.unusual() {
		if len(parts) == 3 {
			parts = append(parts, "and more")
			break
		}
		parts = append(parts, viewWords(x.view)+" "+quoted(x.value, "none")+" is "+x.words())
	}
	return strings.Join(parts, "; ")
}
