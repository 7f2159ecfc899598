package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

const (
	typePrivileged     = "PrivilegeEscalation:Kubernetes/PrivilegedContainer"
	typeSensitiveMount = "Persistence:Kubernetes/ContainerWithSensitiveMount"
)

var workloadResources = []string{
	"pods", "deployments", "daemonsets", "statefulsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs",
}

func isWorkload(resource string) bool { return slices.Contains(workloadResources, resource) }

// riskyWorkload looks for containers that are launched privileged, or with a
// writable mount of a host path through which the node can be taken over.
//
// A pod that a controller made is the same incident as its workload, which was
// judged when somebody wrote it; so controllers' own calls are passed over. A
// patch counts for what it writes, an update only if it changes the spec.
func riskyWorkload(c *call) []*finding.Signal {
	if !c.writes() || !isNative(c) || !c.mentions("privileged") && !c.mentions("hostPath") {
		return nil
	}
	resource := c.a.Object.Resource
	if c.isControllersOwn() {
		return nil
	}
	obj := c.object()
	if obj == nil || !c.changed() || !c.changesSpec() {
		return nil
	}
	spec := podSpec(resource, obj)
	sent := spec
	if c.a.Verb == "patch" {
		sent = podSpec(resource, c.sent())
	}
	if spec == nil || sent == nil {
		return nil
	}
	var out []*finding.Signal
	family := workloadFamily(c, obj)
	if ks := c.privileged(spec, sent); len(ks) > 0 {
		s := c.signal(typePrivileged, family)
		s.Title = "A privileged container was launched."
		s.Description = c.launched() + " with the privileged " + containerWords(ks) + ", which can take over its node."
		s.Why = "securityContext.privileged is true for " + containerWords(ks)
		s.Resource.KubernetesDetails.KubernetesWorkloadDetails = workloadDetails(c, resource, obj, spec)
		out = append(out, s)
	}
	if m := c.sensitiveMounts(spec, sent); len(m) > 0 {
		s := c.signal(typeSensitiveMount, family)
		s.Title = "A container was launched with a sensitive host path mounted."
		s.Description = c.launched() + " with " + strings.Join(m, ", ") + " writable: files there decide what the node runs."
		s.Why = "a volume mounts " + strings.Join(m, ", ") + " and is not read-only"
		s.Resource.KubernetesDetails.KubernetesWorkloadDetails = workloadDetails(c, resource, obj, spec)
		out = append(out, s)
	}
	return out
}

// isNative keeps out calls that launch nothing: on other subresources (status,
// scale, eviction), on resources of other API groups that share a name, and
// changes of a pod, whose rights and mounts are fixed once it exists.
func isNative(c *call) bool {
	switch c.a.Object.APIGroup {
	case "", "apps", "batch", "extensions":
	default:
		return false
	}
	switch c.a.Object.Subresource {
	case "":
		return c.a.Object.Resource != "pods" || c.a.Verb == "create" || c.a.Code == 201 // an apply may create, too
	case addsContainers:
		return true
	}
	return false
}

// addsContainers is the subresource that adds debug containers to a pod.
const addsContainers = "ephemeralcontainers"

// controllers are the identities under which Kubernetes' own controllers act,
// together or each with its own account.
var controllers = []string{"replicaset-controller", "daemon-set-controller", "statefulset-controller", "job-controller",
	"deployment-controller", "cronjob-controller", "replication-controller"}

// isControllersOwn reports whether the call only carries out what somebody
// else decided: a pod made for its owner, an owner's bookkeeping, or the mirror
// that a kubelet shows of a static pod. Claims in the object itself do not
// suffice; the identity must fit, and must not be borrowed. The object is read
// only where the identity does not settle it.
func (c *call) isControllersOwn() bool {
	user := c.a.User.Username
	name, ok := strings.CutPrefix(user, "system:serviceaccount:kube-system:")
	switch {
	case c.a.Impersonated.Username != "":
		return false
	case ok && slices.Contains(controllers, name), user == "system:kube-controller-manager":
		return c.a.Verb != "create" || controllerOf(c.object()) != nil
	case strings.HasPrefix(user, "system:node:"):
		return c.a.Verb != "create" || c.object().Get("metadata", "annotations").Text("kubernetes.io/config.mirror") != ""
	}
	return false
}

// controllerOf is the owner reference that is marked as the controller.
func controllerOf(obj *jsonscan.Node) *jsonscan.Node {
	for _, o := range obj.Get("metadata", "ownerReferences").Items() {
		if o.True("controller") {
			return o
		}
	}
	return nil
}

// changesSpec reports whether a change of a workload changed what it launches,
// and not only its labels or annotations. The server counts the changes of a
// spec; its controller says which one it has seen, which cannot be the one that
// was made just now. Neither can be set by the caller; what the caller says the
// count was before is believed only where the server says nothing.
func (c *call) changesSpec() bool {
	resp := c.response()
	if resp == nil || c.a.Code == 201 {
		return true
	}
	after := resp.Int("metadata", "generation")
	if resp.Has("status") {
		seen := resp.Int("status", "observedGeneration")
		return after == 0 || seen != after
	}
	before := c.request().Int("metadata", "generation")
	return c.a.Verb != "update" || before == 0 || after == 0 || before != after
}

// podSpec is where a resource keeps the pod it launches.
func podSpec(resource string, obj *jsonscan.Node) *jsonscan.Node {
	switch resource {
	case "pods":
		return obj.Get("spec")
	case "cronjobs":
		return obj.Get("spec", "jobTemplate", "spec", "template", "spec")
	}
	return obj.Get("spec", "template", "spec")
}

// containers are all containers of a pod: init and ephemeral ones run too.
func containers(spec *jsonscan.Node) []*jsonscan.Node {
	return slices.Concat(spec.Get("containers").Items(), spec.Get("initContainers").Items(), spec.Get("ephemeralContainers").Items())
}

// launches are the containers of a pod that the call can have launched.
func (c *call) launches(spec *jsonscan.Node) []*jsonscan.Node {
	if c.a.Object.Subresource == addsContainers {
		return spec.Get("ephemeralContainers").Items()
	}
	return containers(spec)
}

// privileged returns the privileged containers of spec, provided that what was
// sent makes one so.
func (c *call) privileged(spec, sent *jsonscan.Node) []*jsonscan.Node {
	asked := false
	for _, k := range c.launches(sent) {
		asked = asked || k.True("securityContext", "privileged")
	}
	if !asked {
		return nil
	}
	var out []*jsonscan.Node
	for _, k := range c.launches(spec) {
		if k.True("securityContext", "privileged") && !c.expects(k) {
			out = append(out, k)
		}
	}
	return out
}

// sensitiveMounts names the sensitive host paths that a container mounts
// writable, provided that what was sent adds a volume or a mount.
func (c *call) sensitiveMounts(spec, sent *jsonscan.Node) []string {
	host := map[string]string{}
	for _, v := range spec.Get("volumes").Items() {
		if p := v.Text("hostPath", "path"); p != "" && isSensitivePath(path.Clean(p)) {
			host[v.Text("name")] = path.Clean(p)
		}
	}
	adds := sent.Has("volumes")
	for _, k := range c.launches(sent) {
		adds = adds || k.Has("volumeMounts")
	}
	if len(host) == 0 || !adds {
		return nil
	}
	var out []string
	for _, k := range c.launches(spec) {
		for _, m := range k.Get("volumeMounts").Items() {
			p, ok := host[m.Text("name")]
			if !ok || m.True("readOnly") || c.expects(k) {
				continue
			}
			if words := "host path " + p + " at " + m.Text("mountPath"); !slices.Contains(out, words) {
				out = append(out, words)
			}
		}
	}
	return out
}

func containerWords(ks []*jsonscan.Node) string {
	var names []string
	for _, k := range ks {
		name := k.Text("name")
		if name == "" { // a patch by position
			name = "that the log does not name"
		}
		if image := k.Text("image"); image != "" { // a patch need not repeat it
			name += " (image " + image + ")"
		}
		names = append(names, name)
	}
	if len(names) == 1 {
		return "container " + names[0]
	}
	return "containers " + strings.Join(names, ", ")
}

func (c *call) launched() string {
	return c.who() + " " + c.did() + " " + strings.TrimSuffix(c.a.Object.Resource, "s") + " " + c.name() +
		" in namespace " + c.namespace() + " of " + c.cluster()
}

// workloadFamily is the incident: the namespace and the name of what stands
// behind the pods, so that fifty pods of one workload are one finding.
func workloadFamily(c *call, obj *jsonscan.Node) string {
	name := c.name()
	if o := controllerOf(obj); o != nil {
		name = o.Text("name")
		hash := obj.Get("metadata", "labels").Text("pod-template-hash")
		if o.Text("kind") == "ReplicaSet" && hash != "" {
			name = strings.TrimSuffix(name, "-"+hash)
		}
	}
	if g := obj.Text("metadata", "generateName"); g != "" && controllerOf(obj) == nil {
		name = strings.TrimSuffix(g, "-")
	}
	return strings.Clone(c.namespace()) + "/" + strings.Clone(name)
}
