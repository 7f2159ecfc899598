//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/vedette-project/vedette/e2e/scenario"
)

// logByChart has the chart read the API server's log from its file, as the
// guides do without a webhook, which is gone here. What is in the log already
// comes again and makes no second finding.
func (b *bed) logByChart(ctx context.Context, t *testing.T) {
	defer b.explain(ctx, t)
	count := func() (n int) {
		for _, f := range b.findings(ctx, t) {
			if aws.ToString(f.Type) == scenario.AdminToDefaultSA {
				n++
			}
		}
		return n
	}
	before := count()
	b.sh.run(ctx, t, "kubectl label node ip-10-77-0-1.ec2.internal node-role.kubernetes.io/control-plane=")
	b.sh.run(ctx, t, fmt.Sprintf("helm upgrade vedette vedette -n vedette --reuse-values --set auditLog.enabled=true --set auditLog.path=%s --set auditLog.positionPath=%s --wait --timeout 3m",
		b.c.AuditLog(), filepath.Join(b.dir, "positions")))
	b.sh.run(ctx, t, "kubectl -n default create rolebinding by-the-log --clusterrole cluster-admin --serviceaccount default:default")
	b.waitFor(ctx, t, "the finding", func() (bool, string) {
		n := count()
		return n > before, fmt.Sprintf("%d findings as before", n)
	})
	if n := count(); n != before+1 {
		t.Errorf("%d findings more, want 1", n-before)
	}
	at := b.sh.run(ctx, t, "kubectl get pods -A -l app.kubernetes.io/component=audit-log -o jsonpath='{.items[*].status.podIP} {.items[*].status.containerStatuses[0].ready} {.items[*].status.containerStatuses[0].restartCount}'")
	ip, state, _ := strings.Cut(at, " ")
	if state != "true 0" {
		t.Errorf("the pod that reads the log: %s", at)
	}
	metrics := b.sh.run(ctx, t, "curl -s --max-time 10 http://"+ip+":8702/metrics")
	for _, want := range []string{`vedette_push_ready{file="` + b.c.AuditLog() + `"} 1`, `vedette_push_malformed_records_total{file="` + b.c.AuditLog() + `"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
}
