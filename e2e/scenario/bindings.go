package scenario

import "context"

// BindingVariants give power to the default service account or to callers
// without credentials, by every way the API has to write a binding.
func BindingVariants() []Step {
	const path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
	const value = `{"kind":"ServiceAccount","name":"default","namespace":"default"}`
	const both = `{"subjects":[{"kind":"ServiceAccount","name":"ci","namespace":"app"},` + value + `]}`
	want := func(findingType, verb, name string, code int) []Want {
		w := Want{Type: findingType, User: testerName(), Verb: verb, Path: path, Code: code, Resource: "clusterrolebindings", Name: name}
		if verb != "create" {
			w.Path += "/" + name
		}
		return []Want{w}
	}
	steps := []Step{
		{
			Name: "cluster role for unauthenticated callers",
			Do: do(tester,
				[]string{"create", "clusterrolebinding", "b-group", "--clusterrole=view", "--group=system:unauthenticated"},
				[]string{"delete", "clusterrolebinding", "b-group"}),
			Want: want(AnonymousGranted, "create", "b-group", 201),
		},
		{
			Name: "binding made by server-side apply",
			Do: seq(
				apply(tester, binding("b-new", "cluster-admin", "["+defaultSubject+"]"), "apply", "--server-side", "-f", "-"),
				do(tester, []string{"delete", "clusterrolebinding", "b-new"})),
			Want: want(AdminToDefaultSA, "patch", "b-new", 201),
		},
		{
			Name: "anonymous user added by JSON patch",
			Do: seq(
				apply(admin, binding("b-anon", "view", "["+ciSubject+"]"), "apply", "-f", "-"),
				do(tester,
					[]string{"patch", "clusterrolebinding", "b-anon", "--type=json", `-p=[{"op":"add","path":"/subjects/-","value":{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"system:anonymous"}}]`},
					[]string{"delete", "clusterrolebinding", "b-anon"})),
			Want: want(AnonymousGranted, "patch", "b-anon", 200),
		},
		{
			Name: "default account of another namespace",
			Do: do(tester,
				[]string{"create", "clusterrolebinding", "b-other", "--clusterrole=cluster-admin", "--serviceaccount=app:default"},
				[]string{"delete", "clusterrolebinding", "b-other"}),
			Want: want(AdminToDefaultSA, "create", "b-other", 201),
		},
	}
	for _, v := range []struct {
		name, verb string
		change     func(string) func(context.Context, *Env) error
	}{
		{"merge", "patch", func(n string) func(context.Context, *Env) error {
			return do(tester, []string{"patch", "clusterrolebinding", n, "--type=merge", "-p=" + both})
		}},
		{"strategic", "patch", func(n string) func(context.Context, *Env) error {
			return do(tester, []string{"patch", "clusterrolebinding", n, "--type=strategic", "-p=" + both})
		}},
		{"json", "patch", func(n string) func(context.Context, *Env) error {
			return do(tester, []string{"patch", "clusterrolebinding", n, "--type=json", `-p=[{"op":"add","path":"/subjects/-","value":` + value + `}]`})
		}},
		{"ssa", "patch", func(n string) func(context.Context, *Env) error {
			return apply(tester, binding(n, "cluster-admin", "["+ciSubject+", "+defaultSubject+"]"), "apply", "--server-side", "--force-conflicts", "-f", "-")
		}},
		{"apply", "patch", func(n string) func(context.Context, *Env) error {
			return apply(tester, binding(n, "cluster-admin", "["+ciSubject+", "+defaultSubject+"]"), "apply", "-f", "-")
		}},
		{"replace", "update", func(n string) func(context.Context, *Env) error {
			return apply(tester, binding(n, "cluster-admin", "["+ciSubject+", "+defaultSubject+"]"), "replace", "-f", "-")
		}},
		{"set subject", "patch", func(n string) func(context.Context, *Env) error {
			return do(tester, []string{"set", "subject", "clusterrolebinding", n, "--serviceaccount=default:default"})
		}},
	} {
		name := "b-" + dashed(v.name)
		steps = append(steps, Step{
			Name: "default service account added by " + v.name,
			Do: seq(
				apply(admin, binding(name, "cluster-admin", "["+ciSubject+"]"), "apply", "-f", "-"),
				v.change(name),
				do(tester, []string{"delete", "clusterrolebinding", name})),
			Want: want(AdminToDefaultSA, v.verb, name, 200),
		})
	}
	return steps
}
