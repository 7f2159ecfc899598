package detect

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/vedette-project/vedette/internal/finding"
)

const typeExecKubeSystem = "Execution:Kubernetes/ExecInKubeSystemPod"

const kubeSystem = "kube-system"

// execInKubeSystem looks for a command run in a pod of kube-system. kubectl
// asks with the verb get since 1.31 (WebSocket) and with create before (SPDY);
// both start with status 101.
func execInKubeSystem(c *call) []*finding.Signal {
	o := &c.a.Object
	if o.Subresource != "exec" || o.Namespace != kubeSystem || o.APIGroup != "" {
		return nil
	}
	return execSignal(c, o.Name, queryOf(c.a.RequestURI))
}

// execThroughKubelet looks for the same by way of the kubelet's own API, which
// the API server proxies: nodes/NODE/proxy/{exec,run}/NAMESPACE/POD/CONTAINER.
// It needs no right on pods/exec at all.
func execThroughKubelet(c *call) []*finding.Signal {
	if c.a.Object.Subresource != "proxy" {
		return nil
	}
	p := proxiedPath(c.path())
	if len(p) < 4 || p[0] != "exec" && p[0] != "run" || p[1] != kubeSystem {
		return nil
	}
	q := queryOf(c.a.RequestURI)
	q.Set("container", p[len(p)-1])
	out := execSignal(c, p[2], q)
	for _, s := range out {
		s.Why += "; it went through the proxy to the kubelet of node " + strings.Clone(c.a.Object.Name) + ", which needs no right to exec"
	}
	return out
}

// proxiedPath is the part of a request path that the API server passes on to a
// node, decoded as the kubelet decodes it and without empty elements.
func proxiedPath(p string) []string {
	if plain, err := url.PathUnescape(p); err == nil {
		p = plain
	}
	parts := strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
	if len(parts) < 5 || parts[2] != "nodes" || parts[4] != "proxy" { // api, v1, nodes, NODE, proxy
		return nil
	}
	return parts[5:]
}

func execSignal(c *call, pod string, q url.Values) []*finding.Signal {
	pod = strings.Clone(pod)
	user := strings.Clone(c.a.User.Username)
	s := c.signal(typeExecKubeSystem, podFamily(pod)+"\x00"+user+"\x00"+strings.Clone(c.a.Impersonated.Username))
	command := strings.Join(append(q["command"], q["cmd"]...), " ")
	s.Title = "A command was run inside a pod of the kube-system namespace."
	s.Description = c.who() + " ran " + quoted(command, "a command") + " in pod " + pod + " of namespace kube-system in " + c.cluster() + c.from() + "."
	s.Why = "a successful " + strings.Clone(c.a.Verb) + " on the exec subresource of a pod in kube-system"
	if command != "" {
		s.Why += "; command: " + command
	}
	if k := q.Get("container"); k != "" {
		s.Why += "; container: " + k
	}
	s.Resource.KubernetesDetails.KubernetesWorkloadDetails = &finding.KubernetesWorkloadDetails{
		Name: pod, Type: "pods", Namespace: kubeSystem,
	}
	return []*finding.Signal{s}
}

func queryOf(uri string) url.Values {
	_, query, _ := strings.Cut(uri, "?")
	q, _ := url.ParseQuery(query)
	return q
}

// quoted shows attacker-made text in a sentence, bounded and without characters
// that steer a terminal, or what to say when there is none.
func quoted(s, none string) string {
	if s == "" {
		return none
	}
	const limit = 120
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit]) + "…"
	}
	return "'" + strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s) + "'"
}

// podFamily is what the pods of one workload have in common: the name without
// the parts that a controller made up. Those are drawn from letters and digits
// that make no words.
func podFamily(pod string) string {
	base, ok := cutGenerated(pod, 5, 5)
	if !ok {
		return pod
	}
	if stem, ok := cutGenerated(base, 6, 10); ok {
		return stem
	}
	return base
}

const generatedAlphabet = "bcdfghjklmnpqrstvwxz2456789"

// cutGenerated cuts a last "-suffix" of lo to hi generated characters.
func cutGenerated(name string, lo, hi int) (string, bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 {
		return name, false
	}
	suffix := name[i+1:]
	if len(suffix) < lo || len(suffix) > hi || strings.Trim(suffix, generatedAlphabet) != "" {
		return name, false
	}
	return name[:i], true
}
