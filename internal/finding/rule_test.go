package finding

import "testing"

func TestOfRule(t *testing.T) {
	for typ, want := range map[string]bool{
		"Execution:Kubernetes/Payments.Custom": true, "Execution:Runtime/Terminal shell in container.Rule": true,
		"Execution:Kubernetes/ExecInPod": false, "Custom": false, "Rule": false, "": false, "Execution:Runtime/X.Rules": false,
	} {
		if OfRule(typ) != want {
			t.Errorf("OfRule(%q) is %v", typ, !want)
		}
	}
}
