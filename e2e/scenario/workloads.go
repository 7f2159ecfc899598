package scenario

import (
	"context"
	"fmt"
)

// WorkloadVariants are the other ways to get a privileged container or a
// sensitive mount: every kind of workload, every kind of patch, containers
// added to a running pod, and somebody else's name.
func WorkloadVariants() []Step {
	steps := []Step{
		{
			Name: "privileged init container",
			Do:   seq(apply(tester, pod("default", "v-init", initPod), "apply", "-f", "-"), cleanup("pod", "v-init")),
			Want: []Want{priv("create", "pods", "v-init", 201)},
		},
		{
			Name: "privileged cron job",
			Do:   seq(apply(tester, cronJob("default", "v-cron", onePrivileged), "apply", "-f", "-"), cleanup("cronjob", "v-cron")),
			Want: []Want{privIn("/apis/batch/v1/namespaces/default/cronjobs", "create", "cronjobs", "v-cron", 201)},
		},
		{
			Name: "privileged job",
			Do:   seq(apply(tester, workload("batch/v1", "Job", "default", "v-job", onePrivileged), "create", "-f", "-"), cleanup("job", "v-job")),
			Want: []Want{privIn("/apis/batch/v1/namespaces/default/jobs", "create", "jobs", "v-job", 201)},
		},
		{
			Name: "privileged deployment with many pods, scaled up",
			Do: seq(
				apply(tester, scaled("apps/v1", "Deployment", "default", "v-many", privilegedPod, 6), "apply", "-f", "-"),
				do(tester,
					[]string{"-n", "default", "rollout", "status", "deployment/v-many", "--timeout=60s"},
					[]string{"-n", "default", "scale", "deployment/v-many", "--replicas=12"},
					[]string{"-n", "default", "rollout", "status", "deployment/v-many", "--timeout=60s"}),
				cleanup("deployment", "v-many")),
			Want: []Want{privIn("/apis/apps/v1/namespaces/default/deployments", "create", "deployments", "v-many", 201)},
		},
		{
			Name: "cron job with a sensitive mount",
			Do:   seq(apply(tester, cronJob("default", "v-cron-etc", oneHostEtc), "apply", "-f", "-"), cleanup("cronjob", "v-cron-etc")),
			Want: []Want{as(SensitiveMount, privIn("/apis/batch/v1/namespaces/default/cronjobs", "create", "cronjobs", "v-cron-etc", 201))},
		},
		{
			Name: "pod with the host's root mounted",
			Do:   seq(apply(tester, pod("default", "v-root", hostRootPod), "apply", "-f", "-"), cleanup("pod", "v-root")),
			Want: []Want{as(SensitiveMount, priv("create", "pods", "v-root", 201))},
		},
		{
			Name: "privileged ephemeral container",
			Do: seq(
				apply(admin, pod("default", "v-debug", plainPod), "apply", "-f", "-"),
				do(tester,
					[]string{"-n", "default", "wait", "--for=condition=Ready", "pod/v-debug", "--timeout=60s"},
					[]string{"-n", "default", "debug", "v-debug", "--profile=sysadmin", "--image=busybox", "-c", "dbg", "--", "true"}),
				cleanup("pod", "v-debug")),
			Want: []Want{func() Want {
				w := privIn("/api/v1/namespaces/default/pods/v-debug/ephemeralcontainers", "patch", "pods", "v-debug", 200)
				w.Subresource = "ephemeralcontainers"
				return w
			}()},
		},
		{
			Name: "privileged pod in somebody else's name",
			Do: seq(
				apply(admin, pod("app", "v-as", privilegedPod), "create", "--as="+Dev().Name(), "--as-group=devs", "-f", "-"),
				do(admin, []string{"-n", "app", "delete", "pod", "v-as"})),
			Want: []Want{{
				Type: Privileged, User: adminName(), Impersonated: Dev().Name(), Verb: "create", Path: "/api/v1/namespaces/app/pods", Code: 201,
				Namespace: "app", Resource: "pods", Name: "v-as", Workload: "pods/app/v-as",
			}},
		},
		{
			Name: "privileged pod by a developer",
			Do: seq(
				apply(dev, pod("app", "v-dev", privilegedPod), "apply", "-f", "-"),
				do(dev, []string{"-n", "app", "delete", "pod", "v-dev"})),
			Want: []Want{{
				Type: Privileged, User: Dev().Name(), Verb: "create", Path: "/api/v1/namespaces/app/pods", Code: 201,
				Namespace: "app", Resource: "pods", Name: "v-dev", Workload: "pods/app/v-dev", IP: "198.51.100.77",
			}},
		},
		{
			Name: "node shell by kubectl debug",
			Do: func(ctx context.Context, e *Env) error {
				if err := e.Tester.Run(ctx, "-n", "default", "debug", "node/"+e.Node(), "--profile=sysadmin", "--image=busybox", "--", "true"); err != nil {
					return err
				}
				return e.Tester.Run(ctx, "-n", "default", "delete", "pods", "-l", "app.kubernetes.io/managed-by=kubectl-debug", "--wait=false")
			},
			Want: []Want{priv("create", "pods", "node-debugger-*", 201), as(SensitiveMount, priv("create", "pods", "node-debugger-*", 201))},
		},
	}
	for _, kind := range []string{"DaemonSet", "StatefulSet", "ReplicaSet"} {
		plural, name := lower(kind)+"s", "v-"+lower(kind)
		steps = append(steps, Step{
			Name: "privileged " + lower(kind),
			Do:   seq(apply(tester, workload("apps/v1", kind, "default", name, privilegedPod), "apply", "-f", "-"), cleanup(lower(kind), name)),
			Want: []Want{privIn("/apis/apps/v1/namespaces/default/"+plural, "create", plural, name, 201)},
		})
	}
	return append(steps, patchedWorkloads()...)
}

// patchedWorkloads turn a harmless deployment into a privileged one, by each
// way the API has to change an object.
func patchedWorkloads() []Step {
	const container = `{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"busybox","securityContext":{"privileged":true}}]}}}}`
	const operations = `[{"op":"add","path":"/spec/template/spec/containers/0/securityContext","value":{"privileged":true}}]`
	var steps []Step
	for _, v := range []struct {
		name, verb string
		change     func(name string) func(context.Context, *Env) error
	}{
		{"merge", "patch", func(n string) func(context.Context, *Env) error {
			return do(tester, []string{"-n", "default", "patch", "deployment", n, "--type=merge", "-p=" + container})
		}},
		{"strategic", "patch", func(n string) func(context.Context, *Env) error {
			return do(tester, []string{"-n", "default", "patch", "deployment", n, "--type=strategic", "-p=" + container})
		}},
		{"json", "patch", func(n string) func(context.Context, *Env) error {
			return do(tester, []string{"-n", "default", "patch", "deployment", n, "--type=json", "-p=" + operations})
		}},
		{"ssa", "patch", func(n string) func(context.Context, *Env) error {
			return apply(tester, workload("apps/v1", "Deployment", "default", n, privilegedPod), "apply", "--server-side", "--force-conflicts", "-f", "-")
		}},
		{"apply", "patch", func(n string) func(context.Context, *Env) error {
			return apply(tester, workload("apps/v1", "Deployment", "default", n, privilegedPod), "apply", "-f", "-")
		}},
		{"replace", "update", func(n string) func(context.Context, *Env) error {
			return apply(tester, workload("apps/v1", "Deployment", "default", n, privilegedPod), "replace", "-f", "-")
		}},
	} {
		name := "p-" + v.name
		steps = append(steps, Step{
			Name: "deployment made privileged by " + v.name,
			Do: seq(
				apply(admin, workload("apps/v1", "Deployment", "default", name, plainPod), "apply", "-f", "-"),
				v.change(name), cleanup("deployment", name)),
			Want: []Want{privIn("/apis/apps/v1/namespaces/default/deployments/"+name, v.verb, "deployments", name, 200)},
		})
	}
	return steps
}

// Node is the name of the node that runs pods.
func (e *Env) Node() string { return nodeName }

func priv(verb, resource, name string, code int) Want {
	return privIn("/api/v1/namespaces/default/"+resource, verb, resource, name, code)
}

// privIn is the finding of a privileged container made by the tester in the
// namespace default.
func privIn(path, verb, resource, name string, code int) Want {
	return Want{
		Type: Privileged, User: testerName(), Verb: verb, Path: path, Code: code,
		Namespace: "default", Resource: resource, Name: name, Workload: fmt.Sprintf("%s/default/%s", resource, name),
	}
}

func as(findingType string, w Want) Want {
	w.Type = findingType
	return w
}

func cleanup(kind, name string) func(context.Context, *Env) error {
	return do(tester, []string{"-n", "default", "delete", kind, name, "--wait=false"})
}
