package finding

import (
	"cmp"
	"slices"
	"time"
)

// Signal is one claim made by one detector about one record.
// It owns all its memory: nothing in it aliases a batch.
type Signal struct {
	// Type is a finding type of the catalogue.
	Type string
	// Key names the incident inside a scope: the resource, and the actor where
	// the type demands it. Two signals of one type, scope and key are one finding.
	Key string
	// Account, Region and Cluster are the scope the record came from.
	Account, Region, Cluster string
	// Home is the detector that the finding belongs to; "" is that of the
	// account and Region above. An installation that reads the logs of many
	// accounts shows all findings under its own.
	Home Home
	// Time is the event time of the record.
	Time time.Time
	// Occurrence identifies the act. All stages of one API call share it, so
	// that a call seen at two stages, or read twice, counts once.
	Occurrence string

	Title       string // one line
	Description string // one sentence with the names in it
	Severity    float64

	// Role is what the resource is in it: TARGET, which is "", or ACTOR. Findings
	// with a Feature have none.
	Role string
	// Feature is service.featureName, where the type has one, and Runtime the
	// process that a sensor saw.
	Feature  string
	Runtime  *RuntimeDetails
	Resource Resource
	Action   Action
	Actor    Actor
	// Intel are the lists that hit.
	Intel []ThreatIntelligenceDetail
	// Detection is filled in where the type has one.
	Detection *Detection
	// Rule is customDetectionRuleName, for the types of that catalogue.
	Rule string
	// Info are further members of service.additionalInfo.
	Info     map[string]any
	Evidence EvidenceRecord
	// Why says which condition matched, in words, with the values that matched.
	Why string
}

func (s *Signal) role() string {
	if s.Feature != "" {
		return ""
	}
	return cmp.Or(s.Role, "TARGET")
}

// Home is an account and Region with a detector.
type Home struct{ Account, Region string }

// Actor is who did it, as the record names them. Every distinct actor of a
// finding is kept, not only the newest as in GuardDuty.
type Actor struct {
	Username     string   `json:"username,omitempty"`
	Impersonated string   `json:"impersonatedUser,omitempty"`
	Groups       []string `json:"groups,omitempty"`
	PrincipalARN string   `json:"principalArn,omitempty"`
	SourceIPs    []string `json:"sourceIPs,omitempty"`
	UserAgent    string   `json:"userAgent,omitempty"`
	// Of what a sensor saw: the program, and where it ran. Username is the
	// user's whose process it was.
	Process   string    `json:"process,omitempty"`
	Container string    `json:"container,omitempty"`
	Pod       string    `json:"pod,omitempty"` // namespace/name
	Node      string    `json:"node,omitempty"`
	Count     int64     `json:"count"`
	FirstSeen time.Time `json:"firstSeen"`
	LastSeen  time.Time `json:"lastSeen"`
}

// same reports whether two actors have one identity.
func (a *Actor) same(b Actor) bool {
	if a.Username != b.Username || a.Impersonated != b.Impersonated || a.UserAgent != b.UserAgent || a.Process != b.Process {
		return false
	}
	return slices.Equal(a.SourceIPs, b.SourceIPs) && (a.Process == "" || a.Container == b.Container && a.Pod == b.Pod && a.Node == b.Node)
}

// identity is what makes two actors the same one.
func (a *Actor) identity() string {
	id := a.Username + "\x00" + a.Impersonated + "\x00" + a.UserAgent
	for _, ip := range a.SourceIPs {
		id += "\x00" + ip
	}
	if a.Process != "" {
		id += "\x00" + a.Process + "\x00" + a.Container + "\x00" + a.Pod + "\x00" + a.Node
	}
	return id
}

// EvidenceRecord is one source record behind a finding, so that a finding can
// always be traced to its log line.
type EvidenceRecord struct {
	AuditID string    `json:"auditID,omitempty"`
	EventID string    `json:"eventID,omitempty"`
	Stage   string    `json:"stage,omitempty"`
	Level   string    `json:"level,omitempty"`
	Time    time.Time `json:"time"`
	// Hidden says what the record could not show: the audit level kept the
	// bodies out, or the record was cut.
	Hidden string `json:"hidden,omitempty"`
	// Raw is the record as it was read, cut at MaxRawEvidence bytes.
	Raw    string `json:"raw,omitempty"`
	RawCut bool   `json:"rawCut,omitempty"`
}
