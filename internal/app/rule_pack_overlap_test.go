package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/simulate"
)

// TestRulePackSaysNothingTwice: what makes a type of GuardDuty fire makes no
// rule of the pack fire as well. A miner is worse than an unusual workload.
func TestRulePackSaysNothingTwice(t *testing.T) {
	t.Parallel()
	worse := map[string]string{"Execution:Kubernetes/AnomalousBehavior.WorkloadDeployed": "Impact:Kubernetes/MinerDeployed.Rule"}
	tried := 0
	for _, typ := range finding.Catalog() {
		if typ.Status != finding.StatusImplemented || !strings.Contains(typ.Name, ":Kubernetes/") && !strings.Contains(typ.Name, ":IAMUser/") {
			continue
		}
		lines, err := simulate.Records(typ.Name, time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		log := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(log, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		tried++
		for _, f := range scanPaths(t, log).Findings {
			if strings.HasSuffix(f.Type, ".Rule") && worse[typ.Name] != f.Type {
				t.Errorf("%s: %s says it again", typ.Name, f.Type)
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d types were tried", tried)
	}
}
