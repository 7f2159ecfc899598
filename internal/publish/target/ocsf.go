package target

import (
	"cmp"
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
)

type ocsfFinding struct {
	ActivityID   int            `json:"activity_id"`
	ActivityName string         `json:"activity_name"`
	CategoryUID  int            `json:"category_uid"`
	CategoryName string         `json:"category_name"`
	ClassUID     int            `json:"class_uid"`
	ClassName    string         `json:"class_name"`
	TypeUID      int            `json:"type_uid"`
	TypeName     string         `json:"type_name"`
	Time         int64          `json:"time"`
	StartTime    int64          `json:"start_time,omitempty"`
	EndTime      int64          `json:"end_time,omitempty"`
	Count        int64          `json:"count,omitempty"`
	SeverityID   int            `json:"severity_id"`
	Severity     string         `json:"severity"`
	StatusID     int            `json:"status_id"`
	Status       string         `json:"status"`
	Message      string         `json:"message,omitempty"`
	IsAlert      bool           `json:"is_alert"`
	Metadata     ocsfMetadata   `json:"metadata"`
	Info         ocsfInfo       `json:"finding_info"`
	Cloud        ocsfCloud      `json:"cloud"`
	Resources    []ocsfResource `json:"resources,omitempty"`
	Evidences    []ocsfEvidence `json:"evidences,omitempty"`
	Remediation  *ocsfRemedy    `json:"remediation,omitempty"`
	Unmapped     map[string]any `json:"unmapped,omitempty"`
}

type ocsfMetadata struct {
	Version      string      `json:"version"`
	Product      ocsfProduct `json:"product"`
	UID          string      `json:"uid"`
	EventCode    string      `json:"event_code"`
	LoggedTime   int64       `json:"logged_time"`
	OriginalTime string      `json:"original_time,omitempty"`
	Profiles     []string    `json:"profiles"`
}

type ocsfProduct struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
	Version    string `json:"version,omitempty"`
}

type ocsfInfo struct {
	UID       string        `json:"uid"`
	Title     string        `json:"title"`
	Desc      string        `json:"desc,omitempty"`
	Types     []string      `json:"types"`
	Created   int64         `json:"created_time,omitempty"`
	Modified  int64         `json:"modified_time,omitempty"`
	FirstSeen int64         `json:"first_seen_time,omitempty"`
	LastSeen  int64         `json:"last_seen_time,omitempty"`
	Analytic  *ocsfAnalytic `json:"analytic,omitempty"`
	Attacks   []ocsfAttack  `json:"attacks,omitempty"`
}

type ocsfAnalytic struct {
	Name   string `json:"name"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type ocsfAttack struct {
	Tactic    *ocsfNamed `json:"tactic,omitempty"`
	Technique *ocsfNamed `json:"technique,omitempty"`
}

type ocsfNamed struct {
	Name string `json:"name,omitempty"`
	UID  string `json:"uid,omitempty"`
}

type ocsfCloud struct {
	Provider string      `json:"provider"`
	Region   string      `json:"region,omitempty"`
	Account  ocsfAccount `json:"account"`
}

type ocsfAccount struct {
	UID string `json:"uid"`
}

type ocsfResource struct {
	UID    string `json:"uid,omitempty"`
	Name   string `json:"name,omitempty"`
	Type   string `json:"type,omitempty"`
	Region string `json:"region,omitempty"`
}

type ocsfEvidence struct {
	Data any `json:"data"`
}

type ocsfRemedy struct {
	Desc string `json:"desc"`
}

// ocsfOf is a finding as a Detection Finding of OCSF. GuardDuty's own object
// stands in unmapped.
func ocsfOf(e *publish.Event, version string) *ocsfFinding {
	f := e.Finding()
	m := read(e)
	out := &ocsfFinding{
		ActivityID: ocsfCreate, ActivityName: "Create", CategoryUID: ocsfCategory, CategoryName: "Findings", ClassUID: ocsfClass, ClassName: "Detection Finding",
		TypeName: "Detection Finding: Create", StatusID: 1, Status: "New", Message: m.Title, IsAlert: true,
		Time: epoch(f.UpdatedAt, e.Time), Cloud: ocsfCloud{Provider: "AWS", Region: f.Region, Account: ocsfAccount{f.AccountID}},
		Metadata: ocsfMetadata{
			Version: ocsfVersion, Product: ocsfProduct{"Vedette", "Vedette", version}, UID: e.ID, EventCode: f.Type,
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
	out.TypeUID = ocsfClass*100 + out.ActivityID
	out.SeverityID, out.Severity = ocsfSeverity(m.Severity), m.Severity
	if s := f.Service; s != nil {
		out.Count = s.Count
		out.StartTime, out.EndTime = epoch(s.EventFirstSeen, time.Time{}), epoch(s.EventLastSeen, time.Time{})
		out.Info.FirstSeen, out.Info.LastSeen = out.StartTime, out.EndTime
		if s.Action != nil {
			out.Evidences = []ocsfEvidence{{s.Action}}
		}
	}
	if t, ok := finding.Lookup(f.Type); ok {
		out.Info.Analytic = &ocsfAnalytic{Name: cmp.Or(t.Detector, f.Type), TypeID: 1, Type: "Rule"}
		if t.Tactic != "" || t.Technique != "" {
			var a ocsfAttack
			if t.Tactic != "" {
				a.Tactic = &ocsfNamed{Name: t.Tactic}
			}
			if t.Technique != "" {
				a.Technique = &ocsfNamed{UID: t.Technique}
			}
			out.Info.Attacks = []ocsfAttack{a}
		}
		if len(m.Steps) > 0 {
			out.Remediation = &ocsfRemedy{Desc: m.Steps[0]}
		}
	}
	out.Resources = ocsfResources(f)
	return out
}

func ocsfResources(f *finding.Finding) (out []ocsfResource) {
	for _, r := range resourcesOf(f) {
		out = append(out, ocsfResource{UID: r.id, Name: r.name, Type: r.kind, Region: f.Region})
	}
	return out
}

func ocsfSeverity(label string) int {
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
