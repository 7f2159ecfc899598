package detect

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/rule"
)

func TestRuleTypes(t *testing.T) {
	const audit = "logsource: {product: kubernetes, service: audit}\ndetection: {s: {verb: get}, condition: s}\n"
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"of its own":  {"title: A\n" + audit + "x-vedette: {type: 'Persistence:Kubernetes/Mine.Rule'}\n", []string{"Persistence:Kubernetes/Mine.Rule"}},
		"by its tags": {"title: Web shell\ntags: [attack.persistence]\n" + audit, []string{"Persistence:Kubernetes/WebShell.Custom"}},
		"calls":       {"title: Web shell\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {eventName: x}, condition: s}\n", []string{"Policy:IAMUser/WebShell.Custom"}},
	} {
		set, problems := rule.Load([]rule.File{{Name: "r.yml", Data: []byte(tt.text)}})
		if len(set.Rules()) != 1 {
			t.Fatalf("%s: %v", name, problems)
		}
		if d := cmp.Diff(tt.want, RuleTypes(set.Rules()[0])); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}
