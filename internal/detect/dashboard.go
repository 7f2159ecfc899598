package detect

import (
	"net/netip"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// kubeflowNamespace is where Kubeflow's manifests put it.
const kubeflowNamespace = "kubeflow"

const (
	typeDashboard = "Policy:Kubernetes/ExposedDashboard"
	typeKubeflow  = "Policy:Kubernetes/KubeflowDashboardExposed"
)

// exposedDashboard looks for a dashboard's Service that becomes reachable from
// the internet: type LoadBalancer, and neither marked internal nor limited to
// private addresses.
func exposedDashboard(c *call) []*finding.Signal {
	if !c.writes() || c.a.Object.Subresource != "" || c.a.Object.APIGroup != "" || !c.mentions("type") || !c.changed() {
		return nil
	}
	svc := c.object()
	typ, product := dashboardOf(c, svc)
	if typ == "" || svc.Text("spec", "type") != "LoadBalancer" || isInternal(svc) {
		return nil
	}
	if c.a.Verb == "patch" && !touchesExposure(c.sent()) {
		return nil
	}
	ns, name := strings.Clone(c.namespace()), strings.Clone(c.name())
	s := c.signal(typ, ns+"/"+name)
	s.Title = "The " + product + " was exposed to the internet by a load balancer."
	s.Description = c.who() + " " + c.did() + " service " + name + " in namespace " + ns + " of " + c.cluster() +
		" so that the " + product + " is reachable through a public load balancer."
	s.Why = "the service is the " + product + " and its spec.type is LoadBalancer, without an annotation that keeps the load balancer internal"
	s.Resource.KubernetesDetails.KubernetesWorkloadDetails = &finding.KubernetesWorkloadDetails{
		Name: name, Type: "services", Namespace: ns, UID: svc.Text("metadata", "uid"),
	}
	return []*finding.Signal{s}
}

// showsKubeflow reports whether a call in the namespace kubeflow proves that
// something there exists: to list one that does not exist succeeds, too.
func showsKubeflow(c *call) bool {
	o := &c.a.Object
	if o.Resource == "namespaces" {
		return false
	}
	switch c.a.Verb {
	case "get":
		return o.Name != ""
	case "create", "update", "patch":
		return !c.isDryRun() && !o.IsEphemeral()
	}
	return false
}

// dashboardOf tells which dashboard a Service belongs to, by its names and by
// the labels and selectors that the projects' own manifests and charts give it.
func dashboardOf(c *call, svc *jsonscan.Node) (typ, product string) {
	name, ns := c.name(), c.namespace()
	names := []string{name}
	for _, at := range [][]string{{"metadata", "labels"}, {"spec", "selector"}} {
		for _, key := range []string{"k8s-app", "app", "app.kubernetes.io/name", "app.kubernetes.io/part-of", "app.kubernetes.io/component"} {
			names = append(names, svc.Get(at...).Text(key))
		}
	}
	for _, n := range names {
		switch {
		case n == "kubernetes-dashboard" || strings.HasPrefix(n, "kubernetes-dashboard-"):
			return typeDashboard, "Kubernetes dashboard"
		case n == "centraldashboard" || n == "kubeflow-centraldashboard":
			return typeKubeflow, "Kubeflow dashboard"
		case ns == kubeflowNamespace && (n == "istio-ingressgateway" || n == "ambassador" || n == "ml-pipeline-ui"):
			return typeKubeflow, "Kubeflow dashboard"
		case c.scope.kubeflow && n == "istio-ingressgateway": // the way in to Kubeflow's own dashboard
			return typeKubeflow, "Kubeflow dashboard"
		}
	}
	return "", ""
}

// isInternal reports whether the cloud is asked for a load balancer inside the
// private network, or one that lets only private addresses in.
func isInternal(svc *jsonscan.Node) bool {
	a := svc.Get("metadata", "annotations")
	switch {
	case a.Text("service.beta.kubernetes.io/aws-load-balancer-scheme") == "internal",
		isSet(a.Text("service.beta.kubernetes.io/aws-load-balancer-internal")),
		isSet(a.Text("service.beta.kubernetes.io/azure-load-balancer-internal")),
		strings.EqualFold(a.Text("networking.gke.io/load-balancer-type"), "internal"),
		strings.EqualFold(a.Text("cloud.google.com/load-balancer-type"), "internal"),
		isSet(a.Text("service.beta.kubernetes.io/openstack-internal-load-balancer")),
		a.Text("service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type") == "private":
		return true
	}
	ranges := svc.Strings("spec", "loadBalancerSourceRanges")
	for _, r := range ranges {
		p, err := netip.ParsePrefix(r)
		if err != nil || !isPrivateRange(p) {
			return false
		}
	}
	return len(ranges) > 0
}

// isPrivateRange reports whether all addresses of a range are private ones: its
// ends are, and it is no wider than the widest private range around it.
func isPrivateRange(p netip.Prefix) bool {
	a := p.Masked().Addr()
	widest := 7 // fc00::/7
	if a.Is4() {
		switch a.As4()[0] {
		case 10, 127:
			widest = 8
		case 100:
			widest = cgnat.Bits()
		case 172:
			widest = 12
		default:
			widest = 16
		}
	}
	return p.Bits() >= widest && !isPublic(a) && !a.IsUnspecified()
}

// isSet reads an annotation that turns something on; "0.0.0.0/0" is the old
// AWS way of saying true.
func isSet(v string) bool { return v != "" && v != "false" }

// touchesExposure reports whether a patch changes what makes a Service public.
func touchesExposure(p *jsonscan.Node) bool {
	spec := p.Get("spec")
	return spec.Has("type") || spec.Has("loadBalancerSourceRanges") || p.Get("metadata").Has("annotations")
}
