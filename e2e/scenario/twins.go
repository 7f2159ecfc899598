package scenario

import (
	"context"
	"fmt"
)

// Twins look like the steps above and are harmless. None may raise anything.
func Twins() []Step {
	return append(append(anonymousTwins(), rbacTwins()...), workloadTwins()...)
}

func anonymousTwins() []Step {
	var steps []Step
	for _, path := range []string{"/healthz", "/livez", "/readyz", "/version", "/livez?verbose"} {
		steps = append(steps, Step{Name: "anonymous GET " + path, Do: anonymous("GET", path, 200)})
	}
	for _, path := range []string{"/api", "/apis", "/readyz/ping", "/metrics", "/api/v1/namespaces/default/pods", "/api/v1/secrets", "/api/v1/namespaces/kube-public/configmaps/cluster-info"} {
		steps = append(steps, Step{Name: "anonymous GET refused " + path, Do: anonymous("GET", path, 403)})
	}
	return append(steps,
		Step{Name: "anonymous POST refused", Do: anonymous("POST", "/api/v1/namespaces/default/pods", 403)},
		Step{Name: "failed login", Do: badToken("/api/v1/namespaces/kube-system/secrets")},
	)
}

func rbacTwins() []Step {
	return []Step{
		{Name: "view for a default service account", Do: do(tester,
			[]string{"-n", "default", "create", "rolebinding", "tw-view", "--clusterrole=view", "--serviceaccount=default:default"},
			[]string{"-n", "default", "delete", "rolebinding", "tw-view"})},
		{Name: "cluster-admin for an account of its own", Do: do(tester,
			[]string{"create", "clusterrolebinding", "tw-ci", "--clusterrole=cluster-admin", "--serviceaccount=app:ci"},
			[]string{"delete", "clusterrolebinding", "tw-ci"})},
		{Name: "dry run of a dangerous binding", Do: do(tester,
			[]string{"create", "clusterrolebinding", "tw-dry", "--clusterrole=cluster-admin", "--serviceaccount=default:default", "--dry-run=server"})},
		{Name: "dangerous binding refused", Do: refused(dev, "", "-n", "app", "create", "rolebinding", "tw-no", "--clusterrole=cluster-admin", "--serviceaccount=app:default")},
		{Name: "permission questions", Do: do(dev, []string{"-n", "app", "auth", "can-i", "get", "pods"}, []string{"-n", "app", "auth", "can-i", "--list"})},
	}
}

func workloadTwins() []Step {
	return []Step{
		{Name: "exec outside kube-system", Do: do(dev, []string{"-n", "app", "exec", "deployment/api", "--", "ls", "/"})},
		{Name: "exec in kube-system refused", Do: func(ctx context.Context, e *Env) error {
			name, err := podOf(ctx, e, "kube-system", "k8s-app=kube-dns")
			if err != nil {
				return err
			}
			// kubectl asks for the pod first and gives up there; a client that
			// does not is refused at the exec itself.
			if err := refused(dev, "", "-n", "kube-system", "exec", name, "--", "id")(ctx, e); err != nil {
				return err
			}
			code, err := e.call(ctx, "POST", "/api/v1/namespaces/kube-system/pods/"+name+"/exec?command=id&stdout=true", Dev().Token())
			if err == nil && code != 403 {
				err = fmt.Errorf("exec by a developer in kube-system: status %d, want 403", code)
			}
			return err
		}},
		{Name: "exec in a pod that does not exist", Do: refused(admin, "", "-n", "kube-system", "exec", "no-such-pod", "--", "id")},
		{Name: "logs of kube-system", Do: do(admin, []string{"-n", "kube-system", "logs", "deployment/coredns", "--tail=5"})},
		{Name: "host path that is not sensitive", Do: seq(
			apply(tester, pod("default", "tw-data", hostDataPod), "apply", "-f", "-"), cleanup("pod", "tw-data"))},
		{Name: "dry run of a privileged pod", Do: seq(
			apply(tester, pod("default", "tw-dry", privilegedPod), "apply", "--dry-run=server", "-f", "-"),
			apply(tester, pod("default", "tw-dry", privilegedPod), "apply", "--server-side", "--dry-run=server", "-f", "-"))},
		{Name: "privileged pod refused", Do: refused(dev, pod("default", "tw-no", privilegedPod), "create", "-f", "-")},
		{Name: "privileged pod invalid", Do: refused(tester, pod("default", "tw-bad", `{containers: [{name: c, image: "", securityContext: {privileged: true}}]}`), "create", "-f", "-")},
		{Name: "dashboard kept inside", Do: seq(
			do(admin, []string{"wait", "--for=delete", "namespace/kubernetes-dashboard", "--timeout=60s"}),
			apply(admin, dashboardManifest, "apply", "-f", "-"),
			do(admin, []string{"-n", "kubernetes-dashboard", "patch", "svc", "kubernetes-dashboard", `-p={"metadata": {"labels": {"team": "platform"}}}`}))},
		{Name: "load balancer for something else", Do: do(dev,
			[]string{"-n", "app", "create", "service", "loadbalancer", "tw-web", "--tcp=80:8080"},
			[]string{"-n", "app", "delete", "service", "tw-web"})},
		{Name: "everyday work", Do: do(dev,
			[]string{"-n", "app", "get", "pods", "-o", "wide"},
			[]string{"-n", "app", "describe", "deployment", "api"},
			[]string{"-n", "app", "scale", "deployment/api", "--replicas=3"},
			[]string{"-n", "app", "rollout", "restart", "deployment/api"},
			[]string{"-n", "app", "create", "configmap", "tw-settings", "--from-literal=a=b"})},
		{Name: "debug container without privileges", Do: func(ctx context.Context, e *Env) error {
			name, err := podOf(ctx, e, "app", "app=api")
			if err != nil {
				return err
			}
			return e.Dev.Run(ctx, "-n", "app", "debug", name, "--profile=restricted", "--image=busybox", "-c", "tw-dbg", "--", "true")
		}},
	}
}
