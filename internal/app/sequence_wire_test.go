package app

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/simulate"
)

// TestSequenceFindings: in the findings of all types of sequences every signal
// names only what is listed, everything that is listed is named, and nothing is
// missing that clients of GuardDuty's API are promised.
func TestSequenceFindings(t *testing.T) {
	t.Parallel()
	for _, typ := range sequenceTypes() {
		lines, err := simulate.Records(typ, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		o := scanOptions(t, []string{"-"})
		o.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
		found := onlySequences(scan(t, o).Findings)
		if len(found) != 1 {
			t.Fatalf("%s: %d sequences", typ, len(found))
		}
		f := found[0]
		if f.Type != typ || f.Severity != 9 || f.Resource.ResourceType != "AttackSequence" || f.Service.FeatureName != "Correlation" {
			t.Errorf("%s: %s, severity %v, of %s by %s", typ, f.Type, f.Severity, f.Resource.ResourceType, f.Service.FeatureName)
		}
		checkSequence(t, typ, f.Service.Detection.Sequence)
	}
}

func checkSequence(t *testing.T, typ string, s *finding.Sequence) {
	t.Helper()
	listed := map[string]map[string]bool{"resource": {}, "actor": {}, "endpoint": {}}
	for _, r := range s.Resources {
		listed["resource"][r.UID] = false
		if r.ResourceType == "" || r.AccountID == "" || r.Region == "" || r.Data == nil || !isOneThing(t, r.Data) {
			t.Errorf("%s: resource %+v", typ, r)
		}
	}
	for _, a := range s.Actors {
		listed["actor"][a.ID] = false
		switch {
		case a.User != nil && (a.User.Name == "" || a.User.Type == "" || a.User.UID == "" || a.User.Account == nil || a.User.Account.UID == ""),
			a.Process != nil && (a.Process.Name == "" || a.Process.Path == ""), a.User == nil && a.Process == nil:
			t.Errorf("%s: actor %+v", typ, a)
		}
	}
	for _, e := range s.Endpoints {
		listed["endpoint"][e.ID] = false
		if e.IP == "" && e.Domain == "" {
			t.Errorf("%s: endpoint %+v", typ, e)
		}
	}
	for kind, list := range listed {
		if len(list) != map[string]int{"resource": len(s.Resources), "actor": len(s.Actors), "endpoint": len(s.Endpoints)}[kind] {
			t.Errorf("%s: two of one %s", typ, kind)
		}
	}
	if len(s.Resources) == 0 || s.UID == "" || s.Description == "" {
		t.Errorf("%s: uid %q, description %q, %d resources", typ, s.UID, s.Description, len(s.Resources))
	}
	indicators := s.SequenceIndicators
	for _, g := range s.Signals {
		if g.UID == "" || g.Name == "" || g.Description == "" || g.Count < 1 || g.CreatedAt == nil || g.UpdatedAt == nil || g.FirstSeenAt == nil || g.LastSeenAt == nil ||
			g.LastSeenAt.Before(g.FirstSeenAt.Time) || g.Type == "FINDING" && g.Severity == 0 {
			t.Errorf("%s: signal %+v", typ, g)
		}
		if !slices.Contains([]string{"FINDING", "CLOUD_TRAIL", "S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "FLOW_LOGS", "DNS_LOGS", "RUNTIME_MONITORING"}, g.Type) {
			t.Errorf("%s: a signal of type %s", typ, g.Type)
		}
		for kind, ids := range map[string][]string{"resource": g.ResourceUIDs, "actor": g.ActorIDs, "endpoint": g.EndpointIDs} {
			for _, id := range ids {
				if _, ok := listed[kind][id]; !ok {
					t.Errorf("%s: signal %s names the %s %s, which is not listed", typ, g.Name, kind, id)
				}
				listed[kind][id] = true
			}
		}
		indicators = append(indicators, g.SignalIndicators...)
	}
	for kind, list := range listed {
		for _, id := range slices.Sorted(maps.Keys(list)) {
			if !list[id] {
				t.Errorf("%s: no signal names the %s %s", typ, kind, id)
			}
		}
	}
	for _, i := range indicators {
		if !slices.Contains([]string{"ATTACK_TACTIC", "ATTACK_TECHNIQUE", "CRYPTOMINING_DOMAIN", "HIGH_RISK_API", "MALICIOUS_DOMAIN", "MALICIOUS_IP", "SUSPICIOUS_PROCESS"}, i.Key) ||
			i.Title == "" || len(i.Values) == 0 || !slices.IsSorted(i.Values) || slices.Contains(i.Values, "") {
			t.Errorf("%s: indicator %+v", typ, i)
		}
	}
}

// isOneThing reports whether the data of a resource is of one kind, as a client
// reads a union.
func isOneThing(t *testing.T, d *finding.ResourceData) bool {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return len(m) == 1
}
