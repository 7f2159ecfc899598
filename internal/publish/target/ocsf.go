package target

import (
	"cmp"
	"math"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
)

// What OCSF calls a detection finding.
const (
	ocsfVersion  = "1.3.0"
	ocsfCategory = 2
	ocsfClass    = 2004
	ocsfCreate   = 1
	ocsfUpdate   = 2

	ocsfAWSAccount = 10
	ocsfSuppressed = 3 // looked at, and put away
)

// ocsfOf is a finding as a Detection Finding of OCSF. GuardDuty's own object
// stands in unmapped.
func ocsfOf(e *publish.Event, version string) *ocsfFinding {
	f := e.Finding()
	m := read(e)
	out := &ocsfFinding{
		ActivityID: ocsfCreate, ActivityName: "Create", CategoryUID: ocsfCategory, CategoryName: "Findings", ClassUID: ocsfClass, ClassName: "Detection Finding",
		TypeName: "Detection Finding: Create", StatusID: 1, Status: "New", Message: m.Title,
		Time: epoch(f.UpdatedAt, e.Time), Cloud: ocsfCloud{Provider: "AWS", Region: f.Region, Account: ocsfAccount{f.AccountID, ocsfAWSAccount, "AWS Account"}},
		Metadata: ocsfMetadata{
			Version: ocsfVersion, Product: ocsfProduct{"Vedette", "Vedette", version}, UID: e.ID, EventCode: f.Type, CorrelationUID: e.Incident.Key,
			LoggedTime: e.Time.UnixMilli(), OriginalTime: f.UpdatedAt, Profiles: []string{"cloud"},
		},
		Info: ocsfInfo{
			UID: f.ID, Title: m.Title, Desc: m.Text, Types: []string{f.Type},
			Created: epoch(f.CreatedAt, time.Time{}), Modified: epoch(f.UpdatedAt, time.Time{}),
		},
		Unmapped: map[string]any{"guardduty": f},
	}
	if e.Update {
		out.ActivityID, out.ActivityName, out.TypeName = ocsfUpdate, "Update", "Detection Finding: Update"
	}
	out.TypeUID = ocsfClass*100 + int64(out.ActivityID)
	out.SeverityID, out.Severity = ocsfSeverity(m.Severity), m.Severity
	if s := f.Service; s != nil {
		out.Count = int32(min(s.Count, math.MaxInt32))
		out.StartTime, out.EndTime = epoch(s.EventFirstSeen, time.Time{}), epoch(s.EventLastSeen, time.Time{})
		out.Info.FirstSeen, out.Info.LastSeen = out.StartTime, out.EndTime
		if s.Archived {
			out.StatusID, out.Status = ocsfSuppressed, "Suppressed"
		}
		if s.FeatureName != "" {
			out.Info.Sources = []string{s.FeatureName}
		}
	}
	if t, ok := finding.Lookup(f.Type); ok {
		out.Info.Analytic = &ocsfAnalytic{Name: cmp.Or(t.Detector, f.Type), TypeID: 1, Type: "Rule"}
		out.Info.Attacks = ocsfAttacks(t.Tactic, t.Technique)
		if len(m.Steps) > 0 {
			out.Remediation = &ocsfRemedy{Desc: strings.Join(m.Steps, " ")}
		}
	}
	out.Resources = ocsfResources(f)
	out.Evidences = ocsfEvidences(f)
	out.Observables = ocsfObservables(out.Evidences)
	return out
}

// ocsfAttacks is a tactic and a technique of MITRE ATT&CK.
func ocsfAttacks(tactic, technique string) []ocsfAttack {
	var a ocsfAttack
	if tactic != "" {
		a.Tactic = &ocsfNamed{Name: tactic, UID: mitreTactic(tactic)}
	}
	if technique != "" {
		base, _, sub := strings.Cut(technique, ".")
		if strings.HasPrefix(technique, "AML.") { // of ATLAS: the dot is none of a sub-technique
			base, sub = technique, false
		}
		a.Technique = &ocsfNamed{UID: base}
		if sub {
			a.SubTechnique = &ocsfNamed{UID: technique}
		}
	}
	if a == (ocsfAttack{}) {
		return nil
	}
	return []ocsfAttack{a}
}

// mitreTactic is the number of a tactic; "" of one that is newer than this.
func mitreTactic(name string) string {
	return map[string]string{
		"Reconnaissance": "TA0043", "Resource Development": "TA0042", "Initial Access": "TA0001", "Execution": "TA0002", "Persistence": "TA0003",
		"Privilege Escalation": "TA0004", "Defense Evasion": "TA0005", "Credential Access": "TA0006", "Discovery": "TA0007", "Lateral Movement": "TA0008",
		"Collection": "TA0009", "Exfiltration": "TA0010", "Command and Control": "TA0011", "Impact": "TA0040",
	}[name]
}

func ocsfResources(f *finding.Finding) (out []ocsfResource) {
	namespace := ""
	if r := f.Resource; r != nil && r.KubernetesDetails != nil && r.KubernetesDetails.KubernetesWorkloadDetails != nil {
		namespace = plain(r.KubernetesDetails.KubernetesWorkloadDetails.Namespace)
	}
	for _, r := range resourcesOf(f) {
		x := ocsfResource{UID: r.id, Name: r.name, Type: r.kind, Region: f.Region, Partition: cmp.Or(f.Partition, finding.Partition(f.Region))}
		if r.kind == "Kubernetes Workload" {
			x.Namespace = namespace
		}
		out = append(out, x)
	}
	return out
}

func ocsfSeverity(label string) int32 {
	switch label {
	case "Low":
		return 2
	case "Medium":
		return 3
	case "High":
		return 4
	case "Critical":
		return 5
	}
	return 0
}

// epoch is a time of a finding in Unix milliseconds, or that of another moment.
func epoch(text string, or time.Time) int64 {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t = or
	}
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
