package scenario

// ServiceVariants expose a dashboard in one go; old releases of it lived in
// kube-system.
func ServiceVariants() []Step {
	return []Step{{
		Name: "dashboard made with a load balancer",
		Do: seq(
			apply(tester, dashboardService("kube-system", "LoadBalancer"), "apply", "-f", "-"),
			do(tester, []string{"-n", "kube-system", "delete", "service", "kubernetes-dashboard"})),
		Want: []Want{{
			Type: ExposedDashboard, User: testerName(), Verb: "create", Path: "/api/v1/namespaces/kube-system/services", Code: 201,
			Namespace: "kube-system", Resource: "services", Name: "kubernetes-dashboard",
		}},
	}}
}

func dashboardService(ns, kind string) string {
	return "apiVersion: v1\nkind: Service\nmetadata: {name: kubernetes-dashboard, namespace: " + ns + ", labels: {k8s-app: kubernetes-dashboard}}\n" +
		"spec: {type: " + kind + ", ports: [{port: 443, targetPort: 8443}], selector: {k8s-app: kubernetes-dashboard}}\n"
}
