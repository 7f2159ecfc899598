package simulate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// clusterCalls is how many calls a day the ordinary cluster makes. Real ones
// make a thousand times as many of the same.
const clusterCalls = 290

// dweller is somebody who makes the same calls to the API server every day.
type dweller struct {
	who    user
	from   string
	agent  string
	weight int
	calls  []call
}

func account(namespace, name string) user {
	return user{
		Username: "system:serviceaccount:" + namespace + ":" + name, UID: "5f0c1b9e-2f64-4d0f-8a0b-" + fmt.Sprintf("%012x", len(namespace)*31+len(name)),
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
}

func developer() user {
	return user{Username: "bob@example.com", Groups: []string{"developers", "system:authenticated"}}
}

// reads is a call of which the log keeps the metadata alone.
func reads(verb, group, resource, namespace, name, sub string) call {
	uri := "/api/v1"
	if group != "" {
		uri = "/apis/" + group + "/v1"
	}
	if namespace != "" {
		uri += "/namespaces/" + namespace
	}
	for _, part := range []string{resource, name, sub} {
		if part != "" {
			uri += "/" + part
		}
	}
	code := 200
	if sub == "exec" {
		code = 101
		uri += "?command=ls&container=main&stdout=true"
	}
	return call{verb: verb, uri: uri, code: code, level: "Metadata", ref: ref(group, "v1", resource, namespace, name, sub)}
}

func deployed(namespace, name, image string, settings ...object) call {
	container := object{"name": name, "image": image}
	for _, s := range settings {
		maps.Copy(container, s)
	}
	meta := object{"name": name, "namespace": namespace}
	body := object{
		"kind": "Deployment", "apiVersion": "apps/v1", "metadata": meta,
		"spec": object{"replicas": 1, "template": object{"spec": object{"containers": []object{container}, "serviceAccountName": name}}},
	}
	return call{
		verb: "create", uri: "/apis/apps/v1/namespaces/" + namespace + "/deployments", code: 201, level: "Request",
		ref: ref("apps", "v1", "deployments", namespace, name, ""), request: body,
	}
}

func launched(namespace, name string, spec object) call {
	body := object{"kind": "Pod", "apiVersion": "v1", "metadata": object{"name": name, "namespace": namespace}, "spec": spec}
	return call{
		verb: "create", uri: "/api/v1/namespaces/" + namespace + "/pods", code: 201, level: "Request",
		ref: ref("", "v1", "pods", namespace, name, ""), request: body,
	}
}

func review(verb, resource, sub, namespace string) call {
	attributes := object{"verb": verb, "resource": resource, "namespace": namespace}
	if sub != "" {
		attributes["subresource"] = sub
	}
	const group = "authorization.k8s.io"
	body := object{"kind": "SelfSubjectAccessReview", "apiVersion": group + "/v1", "spec": object{"resourceAttributes": attributes}}
	return call{
		verb: "create", uri: "/apis/" + group + "/v1/selfsubjectaccessreviews", code: 201, ref: ref(group, "v1", "selfsubjectaccessreviews", "", "", ""),
		request: body, response: with(body, "status", object{"allowed": true, "reason": "RBAC: allowed"}),
	}
}

func powerfulRole(name string) call {
	body := object{
		"kind": "ClusterRole", "apiVersion": rbac + "/v1", "metadata": object{"name": name},
		"rules": []object{{"apiGroups": []string{"*"}, "resources": []string{"*"}, "verbs": []string{"*"}}},
	}
	return call{
		verb: "create", uri: "/apis/" + rbac + "/v1/clusterroles", code: 201, ref: ref(rbac, "v1", "clusterroles", "", name, ""), request: body,
		response: with(body, "metadata", object{"name": name, "uid": "7c0a2b6e-1d8a-4f0e-9c51-2f8f3f0b7a10"}),
	}
}

// dwellers are who is in the ordinary cluster.
func dwellers() []dweller {
	const gitops, inside = "argocd-application-controller/v0.0.0 (linux/amd64) kubernetes/$Format", "10.0.3.41"
	return []dweller{
		{user{Username: "system:kube-controller-manager", Groups: []string{"system:authenticated"}}, "10.0.0.10", "kube-controller-manager/v1.34.4 (linux/amd64)", 30, []call{
			reads("get", "", "serviceaccounts", kubeSystem, "default", ""), reads("update", "coordination.k8s.io", "leases", kubeSystem, "kube-controller-manager", ""),
			reads("list", "", "secrets", "", "", ""),
		}},
		{user{Username: "system:node:ip-10-0-1-17", Groups: []string{"system:nodes", "system:authenticated"}}, "10.0.1.17", "kubelet/v1.34.4 (linux/amd64) kubernetes/d1f4b2e", 40, []call{
			reads("patch", "", "nodes", "", "ip-10-0-1-17", "status"), reads("get", "", "secrets", "shop", "shop-db", ""), reads("patch", "", "pods", "shop", "shop-api-0", "status"),
		}},
		{account("argocd", "argocd-application-controller"), inside, gitops, 60, []call{
			reads("list", "apps", "deployments", "shop", "", ""), reads("list", "", "configmaps", "shop", "", ""), reads("list", "", "secrets", "argocd", "", ""),
			reads("get", "", "services", "staging", "shop-api", ""), reads("list", "apps", "deployments", "staging", "", ""),
			deployed("staging", "shop-api", "registry.example.com/shop/api:v1.8.2"), deployed("shop", "shop-web", "registry.example.com/shop/web:v3.0.1"),
		}},
		{account("monitoring", "prometheus"), "10.0.4.9", "Prometheus/3.1.0", 50, []call{
			reads("list", "", "pods", "", "", ""), reads("list", "", "nodes", "", "", ""), reads("list", "", "endpoints", "", "", ""), reads("list", "", "services", "", "", ""),
		}},
		{account("shop", "shop-api"), "10.0.5.77", "shop-api/v1.8.2 (linux/amd64) client-go/v0.34.1", 50, []call{
			reads("get", "", "configmaps", "shop", "shop-flags", ""), reads("update", "coordination.k8s.io", "leases", "shop", "shop-api", ""), reads("get", "", "configmaps", "shop", "shop-prices", ""),
		}},
		{account("ci", "deployer"), "10.0.6.12", "kubectl/v1.34.4 (linux/amd64) kubernetes/d1f4b2e", 25, []call{
			reads("get", "apps", "deployments", "staging", "shop-api", ""), reads("patch", "apps", "deployments", "staging", "shop-api", "scale"),
			reads("list", "", "pods", "staging", "", ""), reads("get", "batch", "jobs", "staging", "migrate", ""),
			launched("staging", "migrate", object{"containers": []object{{"name": "migrate", "image": "registry.example.com/shop/migrate:v1"}}}),
		}},
		{developer(), "203.0.113.31", "kubectl/v1.34.1 (darwin/arm64) kubernetes/93248f9", 20, []call{
			reads("list", "", "pods", "staging", "", ""), reads("get", "", "pods", "staging", "shop-api-0", "log"), reads("get", "", "pods", "staging", "shop-api-0", "exec"),
			reads("list", "apps", "deployments", "staging", "", ""), review("create", "pods", "exec", "staging"),
		}},
		{admin(), "203.0.113.7", "kubectl/v1.34.4 (linux/amd64) kubernetes/d1f4b2e", 15, []call{
			reads("list", "", "pods", "shop", "", ""), reads("list", "", "nodes", "", "", ""), reads("get", "", "secrets", "shop", "shop-db", ""),
			reads("list", "", "events", "shop", "", ""), reads("get", "", "pods", "shop", "shop-api-0", "exec"), powerfulRole("team-owner"),
			binding("ClusterRoleBinding", "", "team-owners", "team-owner", object{"kind": "Group", "apiGroup": rbac, "name": "owners"}),
		}},
	}
}

const kubeSystem = "kube-system"

// OrdinaryCluster is the audit log of eight days of an ordinary cluster, up to
// a moment.
func OrdinaryCluster(until time.Time) ([]string, error) {
	acts := ordinaryCluster()
	lines := make([]string, 0, len(acts))
	for n, a := range acts {
		line, err := a.line("an ordinary cluster", n, until)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func ordinaryCluster() (out []timedCall) {
	rnd := rand.New(rand.NewPCG(8, 2))
	all, total := dwellers(), 0
	for _, d := range all {
		total += d.weight
	}
	const spacing = 24 * time.Hour / (clusterCalls + 1)
	for i := range ordinaryDays * clusterCalls {
		pick, who := rnd.IntN(total), 0
		for ; pick >= all[who].weight; who++ {
			pick -= all[who].weight
		}
		d := all[who]
		c := d.calls[rnd.IntN(len(d.calls))]
		c.who, c.from, c.agent = d.who, d.from, d.agent
		day, nth := i/clusterCalls, i%clusterCalls
		out = append(out, timedCall{c, time.Duration(day-ordinaryDays)*24*time.Hour + time.Duration(nth)*spacing})
	}
	return out
}

// timedCall is a call some time after a moment, or before it.
type timedCall struct {
	call
	after time.Duration
}

func (c timedCall) line(typ string, n int, at time.Time) (string, error) {
	return c.call.line(typ, n, at.Add(c.after-time.Duration(n)*700*time.Millisecond)) // which line adds
}

// clusterWriters write the eight days, and then an act of somebody whose
// credentials are in other hands.
func clusterWriters() map[string]writer {
	const far, tool = "198.51.100.77", "curl/8.14.1"
	stolen := func(who user, calls ...call) []call {
		for i := range calls {
			calls[i].who, calls[i].from, calls[i].agent = who, far, tool
		}
		return calls
	}
	shop, metrics := account("shop", "shop-api"), account("monitoring", "prometheus")
	shell := object{"name": "sh", "image": "docker.io/library/ubuntu:24.04"}
	bound := binding("ClusterRoleBinding", "", "metrics-reader", "cluster-admin", object{"kind": "ServiceAccount", "name": "prometheus", "namespace": "monitoring"})
	acts := map[string][]call{
		"CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed":       stolen(shop, reads("list", "", "secrets", kubeSystem, "", "")),
		"Discovery:Kubernetes/AnomalousBehavior.PermissionChecked":            stolen(shop, review("create", "pods", "exec", kubeSystem)),
		"Execution:Kubernetes/AnomalousBehavior.ExecInPod":                    stolen(metrics, reads("get", "", "pods", "shop", "shop-api-0", "exec")),
		"Execution:Kubernetes/AnomalousBehavior.WorkloadDeployed":             stolen(metrics, deployed("default", "worker", "docker.io/xmrig-builds/worker:latest")),
		"PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleCreated":        stolen(metrics, powerfulRole("metrics-helper")),
		"PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleBindingCreated": stolen(metrics, bound),
		"PrivilegeEscalation:Kubernetes/AnomalousBehavior.WorkloadDeployed!PrivilegedContainer": stolen(shop, launched("default", "debug",
			object{"containers": []object{with(shell, "securityContext", object{"privileged": true})}})),
		"Persistence:Kubernetes/AnomalousBehavior.WorkloadDeployed!ContainerWithSensitiveMount": stolen(shop, launched("default", "debug", object{
			"containers": []object{with(shell, "volumeMounts", []object{{"name": "host", "mountPath": "/host"}})},
			"volumes":    []object{{"name": "host", "hostPath": object{"path": "/etc"}}},
		})),
	}
	out := map[string]writer{}
	for typ, act := range acts {
		out[typ] = func(typ string, at time.Time) ([]string, error) {
			lines, err := OrdinaryCluster(at)
			for n, c := range slices.Clone(act) {
				line, lineErr := c.line(typ, n, at)
				if lineErr != nil {
					return nil, lineErr
				}
				lines = append(lines, line)
			}
			return lines, err
		}
	}
	return out
}
