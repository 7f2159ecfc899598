package scenario

import (
	"context"
	"fmt"
)

// VendorTester is the control-plane part of AWS's own GuardDuty tester.
func VendorTester() []Step {
	const core, apps, rbac = "/api/v1/namespaces/", "/apis/apps/v1/namespaces/", "/apis/rbac.authorization.k8s.io/v1/"
	const restore = `{"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"Group","name":"system:masters"}]}`
	return []Step{
		{
			Name: "T1 cluster-admin binding given to default/default",
			Do: do(tester,
				[]string{"patch", "clusterrolebinding", "cluster-admin", "--type=merge", `-p={"subjects":[{"kind":"ServiceAccount","name":"default","namespace":"default"}]}`},
				[]string{"patch", "clusterrolebinding", "cluster-admin", "--type=merge", "-p=" + restore}),
			Want: []Want{{
				Type: AdminToDefaultSA, User: testerName(), Verb: "patch", Path: rbac + "clusterrolebindings/cluster-admin", Code: 200,
				Resource: "clusterrolebindings", Name: "cluster-admin", IP: "203.0.113.50",
			}},
		},
		{
			Name: "T2 cluster role for system:anonymous",
			Do: do(tester,
				[]string{"create", "clusterrolebinding", "anonymous-view", "--clusterrole=view", "--user=system:anonymous"},
				[]string{"delete", "clusterrolebinding", "anonymous-view"}),
			Want: []Want{{
				Type: AnonymousGranted, User: testerName(), Verb: "create", Path: rbac + "clusterrolebindings", Code: 201,
				Resource: "clusterrolebindings", Name: "anonymous-view",
			}},
		},
		{
			Name: "T3 anonymous list of pods",
			Do: seq(
				do(tester,
					[]string{"-n", "default", "create", "role", "pod-reader", "--verb=get,list,watch", "--resource=pods"},
					[]string{"-n", "default", "create", "rolebinding", "anonymous-pods", "--role=pod-reader", "--user=system:anonymous"}),
				anonymous("GET", "/api/v1/namespaces/default/pods/", 200),
				do(tester,
					[]string{"-n", "default", "delete", "rolebinding", "anonymous-pods"},
					[]string{"-n", "default", "delete", "role", "pod-reader"})),
			Want: []Want{
				{
					Type: AnonymousGranted, User: testerName(), Verb: "create", Path: rbac + "namespaces/default/rolebindings", Code: 201,
					Namespace: "default", Resource: "rolebindings", Name: "anonymous-pods",
				},
				{
					Type: AnonymousAccess, User: "system:anonymous", Verb: "list", Path: core + "default/pods/", Code: 200,
					Namespace: "default", Resource: "pods", IP: Anonymous,
				},
			},
		},
		{
			Name: "T4 exec in kube-proxy",
			Do: func(ctx context.Context, e *Env) error {
				pod, err := podOf(ctx, e, "kube-system", "k8s-app=kube-proxy")
				if err != nil {
					return err
				}
				return e.Tester.Run(ctx, "-n", "kube-system", "exec", pod, "--", "id")
			},
			Want: []Want{{
				Type: ExecInKubeSystem, User: testerName(), Verb: "get", Code: 101,
				Namespace: "kube-system", Resource: "pods", Subresource: "exec", Name: "kube-proxy-*",
			}},
		},
		{
			Name: "T5 deployment with a privileged container",
			Do: seq(
				apply(tester, workload("apps/v1", "Deployment", "default", "t5", privilegedPod), "apply", "-f", "-"),
				do(tester, []string{"-n", "default", "rollout", "status", "deployment/t5", "--timeout=60s"}, []string{"-n", "default", "delete", "deployment", "t5"})),
			Want: []Want{{
				Type: Privileged, User: testerName(), Verb: "create", Path: apps + "default/deployments", Code: 201,
				Namespace: "default", Resource: "deployments", Name: "t5", Workload: "deployments/default/t5",
			}},
		},
		{
			Name: "T6 deployment that mounts the host's /etc",
			Do: seq(
				apply(tester, workload("apps/v1", "Deployment", "default", "t6", hostEtcPod), "apply", "-f", "-"),
				do(tester, []string{"-n", "default", "rollout", "status", "deployment/t6", "--timeout=60s"}, []string{"-n", "default", "delete", "deployment", "t6"})),
			Want: []Want{{
				Type: SensitiveMount, User: testerName(), Verb: "create", Path: apps + "default/deployments", Code: 201,
				Namespace: "default", Resource: "deployments", Name: "t6", Workload: "deployments/default/t6",
			}},
		},
	}
}

// podOf names one running pod that has the label.
func podOf(ctx context.Context, e *Env, ns, label string) (string, error) {
	r, err := e.Admin.Do(ctx, "", "-n", ns, "get", "pods", "-l", label, "--field-selector=status.phase=Running", "-o", "jsonpath={.items[0].metadata.name}")
	if err != nil {
		return "", err
	}
	if r.Code != 0 || r.Stdout == "" {
		return "", fmt.Errorf("find a pod with %s in %s: %s", label, ns, r.Stderr)
	}
	return r.Stdout, nil
}
