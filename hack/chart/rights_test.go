package main

import (
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"testing"
)

// The chart gives the server and a managed sensor the rights that
// `vedette kube access` prints for a cluster outside.
func TestRightsAreThoseOfTheProgram(t *testing.T) {
	const server, sensor = "vedette/vedette", "amazon-guardduty/aws-guardduty-agent"
	out, err := exec.CommandContext(t.Context(), program(), "kube", "access", "--cluster", "eks-lab", "--namespace", "amazon-guardduty", "--name", "aws-guardduty-agent",
		"--service-account", server, "--authority-config-map", "vedette/vedette-authority").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	printed, ours := parse(t, out), render(t, "--values", valueSets(t)["managed"])
	for _, who := range []string{server, sensor} {
		a, b := rulesOf(printed, who), rulesOf(ours, who)
		if len(a) == 0 || !reflect.DeepEqual(a, b) {
			t.Errorf("%s may\n%v by the program, and\n%v by the chart", who, a, b)
		}
	}
	const label = "pod-security.kubernetes.io/enforce"
	if a, b := word(find(t, printed, "Namespace", "amazon-guardduty"), "metadata", "labels", label), word(find(t, ours, "Namespace", "amazon-guardduty"), "metadata", "labels", label); a != b || a == "" {
		t.Errorf("the namespace enforces %q by the program, %q by the chart", a, b)
	}
}

// rulesOf lists what a service account, NAMESPACE/NAME, may by bindings among
// the objects, each with the namespace in which.
func rulesOf(all []manifest, account string) (out []string) {
	for _, binding := range all {
		if binding.kind() != "RoleBinding" && binding.kind() != "ClusterRoleBinding" {
			continue
		}
		for _, s := range list(binding, "subjects") {
			if word(s, "namespace")+"/"+word(s, "name") != account {
				continue
			}
			for _, role := range all {
				if role.kind() != word(binding, "roleRef", "kind") || role.name() != word(binding, "roleRef", "name") || role.namespace() != binding.namespace() {
					continue
				}
				for _, rule := range list(role, "rules") {
					out = append(out, fmt.Sprintf("in %q %v", binding.namespace(), rule))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}
