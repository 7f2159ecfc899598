package detect

import (
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/simulate"
)

// TestUnusualInCluster: each type of the models is found behind its eight
// ordinary days, and nothing of the models is found in them.
func TestUnusualInCluster(t *testing.T) {
	at := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	types := 0
	for _, typ := range simulate.Types() {
		if !strings.Contains(typ, "Kubernetes/AnomalousBehavior") {
			continue
		}
		types++
		lines, err := simulate.Records(typ, at)
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) >= 3000 {
			t.Errorf("%s: %d records", typ, len(lines))
		}
		var found []string
		for _, f := range merged(New(Options{Intel: intel.Builtin()}).Process(auditEvents(t, lines...)).Signals) {
			if !isUnusual(f) {
				continue
			}
			found = append(found, f.Type)
			t.Log(f.Type, f.Severity, f.Description, "|", whyOf(f))
			if f.Service.Detection == nil || f.Service.Detection.Anomaly.Unusual == nil || len(f.Service.Detection.Anomaly.Profiles) == 0 {
				t.Errorf("%s does not say what is usual, and what is not", f.Type)
			}
		}
		if len(found) != 1 || found[0] != typ {
			t.Errorf("%s: found %q", typ, found)
		}
	}
	if types != 8 {
		t.Errorf("%d types", types)
	}
}

func isUnusual(f *finding.Finding) bool { return strings.Contains(f.Type, "AnomalousBehavior") }

func whyOf(f *finding.Finding) string {
	_, why, _ := strings.Cut(f.Service.AdditionalInfo.Value, `"why":"`)
	why, _, _ = strings.Cut(why, `","`)
	return why
}

// auditEvents decodes lines of the audit log of a cluster.
func auditEvents(t testing.TB, lines ...string) *event.Batch {
	t.Helper()
	var d decode.Decoder
	var out decode.Batch
	d.Decode(&event.Chunk{Stream: "audit", Data: []byte(strings.Join(lines, "\n") + "\n"), Scope: clusterScope}, &out)
	if len(out.Rejects) > 0 {
		t.Fatalf("%+v", out.Rejects)
	}
	return &out.Batch
}

var clusterScope = event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "test"}
