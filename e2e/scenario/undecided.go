package scenario

import "context"

// Undecided are steps worth having in a recorded log on which the
// documentation is silent. The end-to-end test does not play them.
func Undecided() []Step {
	return []Step{
		{Name: "attach in kube-system", Do: seq(systemPod("u-attach"), quick(admin, "-n", "kube-system", "attach", "u-attach"))},
		{Name: "port-forward in kube-system", Do: quick(admin, "-n", "kube-system", "port-forward", "pod/u-attach", "18080:80")},
		{Name: "copy out of a pod in kube-system", Do: refusedOrNot(admin, "-n", "kube-system", "cp", "u-attach:/etc/passwd", "/dev/null")},
		{Name: "exec in a container that does not exist", Do: refused(admin, "", "-n", "kube-system", "exec", "u-attach", "-c", "nope", "--", "id")},
		{Name: "exec of a program that does not exist", Do: refused(admin, "", "-n", "kube-system", "exec", "u-attach", "--", "/no/such/program")},
		{Name: "exec by SPDY of a program that does not exist", Do: refused(spdy, "", "-n", "kube-system", "exec", "u-attach", "--", "/no/such/program")},
		{Name: "interactive exec", Do: quick(admin, "-n", "kube-system", "exec", "-i", "u-attach", "--", "sh")},
		{Name: "privileged taken away", Do: seq(
			apply(tester, workload("apps/v1", "Deployment", "default", "u-off", privilegedPod), "apply", "-f", "-"),
			do(tester, []string{"-n", "default", "patch", "deployment", "u-off", "--type=json", `-p=[{"op":"remove","path":"/spec/template/spec/containers/0/securityContext"}]`}))},
		{Name: "restart, label, scale and no-op apply of a privileged deployment", Do: seq(
			apply(tester, workload("apps/v1", "Deployment", "default", "u-same", privilegedPod), "apply", "--server-side", "-f", "-"),
			do(tester,
				[]string{"-n", "default", "rollout", "restart", "deployment/u-same"},
				[]string{"-n", "default", "label", "deployment/u-same", "team=a"},
				[]string{"-n", "default", "scale", "deployment/u-same", "--replicas=2"}),
			apply(tester, workload("apps/v1", "Deployment", "default", "u-same", privilegedPod), "apply", "--server-side", "--force-conflicts", "-f", "-"))},
		{Name: "several host paths", Do: hostPaths("/proc", "/sys", "/root", "/home", "/var/log", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/var/lib/kubelet", "/etc/kubernetes", "/etc/ssl/certs", "/usr/share/zoneinfo", "/dev", "/tmp", "/opt")},
		{Name: "read-only host /etc", Do: apply(tester, pod("default", "u-ro", `{containers: [{name: c, image: busybox, volumeMounts: [{name: v, mountPath: /e, readOnly: true}]}], volumes: [{name: v, hostPath: {path: /etc}}]}`), "apply", "-f", "-")},
		{Name: "sensitive volume that no container mounts", Do: apply(tester, pod("default", "u-unused", `{containers: [{name: c, image: busybox}], volumes: [{name: v, hostPath: {path: /etc}}]}`), "apply", "-f", "-")},
		{Name: "ephemeral container by JSON patch", Do: ephemeral},
		{Name: "kubeflow dashboard exposed", Do: seq(
			do(admin, []string{"create", "namespace", "istio-system"}),
			do(tester, []string{"-n", "istio-system", "create", "service", "loadbalancer", "istio-ingressgateway", "--tcp=80:8080"}))},
		{Name: "dashboard on a node port", Do: apply(tester, dashboardService("kubernetes-dashboard", "NodePort"), "apply", "-f", "-")},
		{Name: "dashboard exposed by JSON patch, merge patch, server-side apply and PUT", Do: seq(
			dashboardReset, do(tester, []string{"-n", "kubernetes-dashboard", "patch", "svc", "kubernetes-dashboard", "--type=json", `-p=[{"op":"replace","path":"/spec/type","value":"LoadBalancer"}]`}),
			dashboardReset, do(tester, []string{"-n", "kubernetes-dashboard", "patch", "svc", "kubernetes-dashboard", "--type=merge", `-p={"spec":{"type":"LoadBalancer"}}`}),
			dashboardReset, apply(tester, dashboardService("kubernetes-dashboard", "LoadBalancer"), "apply", "--server-side", "--force-conflicts", "-f", "-"),
			dashboardReset, apply(tester, dashboardService("kubernetes-dashboard", "LoadBalancer"), "replace", "-f", "-"))},
		{Name: "admin and edit for a default service account", Do: do(tester,
			[]string{"-n", "app", "create", "rolebinding", "u-admin", "--clusterrole=admin", "--serviceaccount=app:default"},
			[]string{"-n", "app", "create", "rolebinding", "u-edit", "--clusterrole=edit", "--serviceaccount=app:default"})},
		{Name: "all service accounts, all users", Do: do(tester,
			[]string{"create", "clusterrolebinding", "u-sas", "--clusterrole=cluster-admin", "--group=system:serviceaccounts"},
			[]string{"create", "clusterrolebinding", "u-auth", "--clusterrole=view", "--group=system:authenticated"},
			[]string{"delete", "clusterrolebinding", "u-sas", "u-auth"})},
		{Name: "default service account named as a user", Do: do(tester,
			[]string{"create", "clusterrolebinding", "u-user", "--clusterrole=cluster-admin", "--user=system:serviceaccount:default:default"},
			[]string{"delete", "clusterrolebinding", "u-user"})},
		{Name: "anonymous writes that succeed", Do: seq(
			do(tester, []string{"create", "clusterrolebinding", "u-anon", "--clusterrole=edit", "--user=system:anonymous"}),
			anonymous("GET", "/api/v1/secrets", 200), anonymous("GET", "/api/v1/namespaces/default/pods?watch=true&timeoutSeconds=1", 200),
			anonymous("DELETE", "/api/v1/namespaces/app/configmaps", 200), anonymous("GET", "/apis/apps/v1/namespaces/app/deployments/api", 200),
			do(tester, []string{"delete", "clusterrolebinding", "u-anon"}))},
		{Name: "token request and secrets read", Do: do(tester,
			[]string{"-n", "app", "create", "token", "default"}, []string{"-n", "kube-system", "get", "secrets", "-o", "yaml"})},
	}
}

func dashboardReset(ctx context.Context, e *Env) error {
	return e.Tester.Run(ctx, "-n", "kubernetes-dashboard", "patch", "svc", "kubernetes-dashboard", `-p={"spec":{"type":"ClusterIP"}}`)
}

// quick starts a call that would not end by itself and ends it.
func quick(who actor, args ...string) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error { return who(e).Briefly(ctx, args...) }
}

// refusedOrNot plays a call whose outcome does not matter.
func refusedOrNot(who actor, args ...string) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error {
		_, err := who(e).Do(ctx, "", args...)
		return err
	}
}

func hostPaths(paths ...string) func(context.Context, *Env) error {
	return func(ctx context.Context, e *Env) error {
		for _, p := range paths {
			name := "u-host" + dashed(lower(slashes(p)))
			spec := `{containers: [{name: c, image: busybox, volumeMounts: [{name: v, mountPath: /h}]}], volumes: [{name: v, hostPath: {path: ` + p + `}}]}`
			if err := e.Tester.Apply(ctx, pod("default", name, spec), "apply", "-f", "-"); err != nil {
				return err
			}
			if err := e.Tester.Run(ctx, "-n", "default", "delete", "pod", name, "--wait=false", "--grace-period=0", "--force"); err != nil {
				return err
			}
		}
		return nil
	}
}

// ephemeral adds containers to a running pod without kubectl debug.
func ephemeral(ctx context.Context, e *Env) error {
	if err := e.Tester.Apply(ctx, pod("default", "u-eph", plainPod), "apply", "-f", "-"); err != nil {
		return err
	}
	return e.Tester.Run(ctx, "-n", "default", "patch", "pod", "u-eph", "--subresource=ephemeralcontainers", "--type=json",
		`-p=[{"op":"add","path":"/spec/ephemeralContainers","value":[{"name":"e1","image":"busybox","securityContext":{"privileged":true}}]}]`)
}
