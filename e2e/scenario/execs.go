package scenario

import "context"

// ExecVariants are the other ways into a pod of kube-system.
func ExecVariants() []Step {
	const pods = "/api/v1/namespaces/kube-system/pods/"
	exec := func(user, verb, name string) Want {
		w := Want{
			Type: ExecInKubeSystem, User: user, Verb: verb, Code: 101,
			Namespace: "kube-system", Resource: "pods", Subresource: "exec", Name: name,
		}
		if name[len(name)-1] != '*' {
			w.Path = pods + name + "/exec"
		}
		return w
	}
	impersonated := exec(adminName(), "get", "v-exec-as")
	impersonated.Impersonated = "system:admin-on-call"
	return []Step{
		{
			Name: "exec by SPDY",
			Do: seq(systemPod("v-spdy"),
				do(spdy, []string{"-n", "kube-system", "exec", "v-spdy", "--", "cat", "/etc/passwd"}),
				do(admin, []string{"-n", "kube-system", "delete", "pod", "v-spdy", "--wait=false"})),
			Want: []Want{exec(adminName(), "create", "v-spdy")},
		},
		{
			Name: "the same exec three times is one finding",
			Do: seq(systemPod("v-thrice"),
				do(admin,
					[]string{"-n", "kube-system", "exec", "v-thrice", "--", "id"},
					[]string{"-n", "kube-system", "exec", "v-thrice", "--", "id"}),
				// A command that fails has run all the same.
				refused(admin, "", "-n", "kube-system", "exec", "v-thrice", "--", "sh", "-c", "exit 3"),
				do(admin, []string{"-n", "kube-system", "delete", "pod", "v-thrice", "--wait=false"})),
			Want: []Want{exec(adminName(), "get", "v-thrice")},
		},
		{
			Name: "exec in a pod that a controller made",
			Do:   do(tester, []string{"-n", "kube-system", "exec", "deployment/coredns", "--", "hostname"}),
			Want: []Want{exec(testerName(), "get", "coredns-*")},
		},
		{
			Name: "exec in somebody else's name",
			Do: seq(systemPod("v-exec-as"),
				do(admin,
					[]string{"-n", "kube-system", "exec", "v-exec-as", "--as=system:admin-on-call", "--as-group=system:masters", "--", "id"},
					[]string{"-n", "kube-system", "delete", "pod", "v-exec-as", "--wait=false"})),
			Want: []Want{impersonated},
		},
	}
}

// systemPod makes a plain pod in kube-system and waits for it.
func systemPod(name string) func(context.Context, *Env) error {
	return seq(
		apply(admin, pod("kube-system", name, plainPod), "apply", "-f", "-"),
		do(admin, []string{"-n", "kube-system", "wait", "--for=condition=Ready", "pod/" + name, "--timeout=60s"}))
}
