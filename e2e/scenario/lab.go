package scenario

// Lab is the EKS workshop's chapter on audit log findings, as written.
func Lab() []Step {
	const pods, rbac = "/api/v1/namespaces/", "/apis/rbac.authorization.k8s.io/v1/"
	return []Step{
		{
			Name: "L1 exec in kube-system",
			Do: do(admin,
				[]string{"-n", "kube-system", "run", "nginx", "--image=nginx"},
				[]string{"-n", "kube-system", "wait", "--for=condition=Ready", "pod/nginx", "--timeout=60s"},
				[]string{"-n", "kube-system", "exec", "nginx", "--", "pwd"},
				[]string{"-n", "kube-system", "delete", "pod", "nginx"}),
			Want: []Want{{
				Type: ExecInKubeSystem, User: adminName(), Verb: "get", Path: pods + "kube-system/pods/nginx/exec", Code: 101,
				Namespace: "kube-system", Resource: "pods", Subresource: "exec", Name: "nginx", Workload: "pods/kube-system/nginx", IP: "198.51.100.10",
			}},
		},
		{
			Name: "L2 cluster-admin for the default service account",
			Do: do(admin,
				[]string{"-n", "default", "create", "rolebinding", "sa-default-admin", "--clusterrole", "cluster-admin", "--serviceaccount", "default:default"},
				[]string{"-n", "default", "delete", "rolebinding", "sa-default-admin"}),
			Want: []Want{{
				Type: AdminToDefaultSA, User: adminName(), Verb: "create", Path: rbac + "namespaces/default/rolebindings", Code: 201,
				Namespace: "default", Resource: "rolebindings", Name: "sa-default-admin", ParamHas: `"name":"cluster-admin"`,
			}},
		},
		{
			Name: "L3 exposed dashboard",
			Do: seq(
				apply(admin, dashboardManifest, "apply", "-f", "-"),
				do(admin,
					[]string{"-n", "kubernetes-dashboard", "patch", "svc", "kubernetes-dashboard", `-p={"spec": {"type": "LoadBalancer"}}`},
					[]string{"delete", "namespace", "kubernetes-dashboard", "--wait=false"}),
			),
			Want: []Want{{
				Type: ExposedDashboard, User: adminName(), Verb: "patch", Path: pods + "kubernetes-dashboard/services/kubernetes-dashboard", Code: 200,
				Namespace: "kubernetes-dashboard", Resource: "services", Name: "kubernetes-dashboard", ParamHas: "LoadBalancer",
			}},
		},
		{
			Name: "L4 privileged pod with a sensitive mount",
			Do: seq(
				apply(admin, labPod, "apply", "-f", "-"),
				do(admin, []string{"delete", "pod", "ubuntu-privileged"})),
			Want: []Want{
				{
					Type: Privileged, User: adminName(), Verb: "create", Path: pods + "default/pods", Code: 201,
					Namespace: "default", Resource: "pods", Name: "ubuntu-privileged", Workload: "pods/default/ubuntu-privileged",
				},
				{
					Type: SensitiveMount, User: adminName(), Verb: "create", Path: pods + "default/pods", Code: 201,
					Namespace: "default", Resource: "pods", Name: "ubuntu-privileged", Workload: "pods/default/ubuntu-privileged",
				},
			},
		},
	}
}
