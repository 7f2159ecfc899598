package publish

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// Event is an event as EventBridge delivers it.
type Event struct {
	Version    string    `json:"version"`
	ID         string    `json:"id"` // the same for the same change, sent twice
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Account    string    `json:"account"`
	Time       time.Time `json:"time"`
	Region     string    `json:"region"`
	Resources  []string  `json:"resources"`
	Detail     any       `json:"detail"` // *finding.Finding or *Health

	// Update says that the target was told of the finding, or of its incident,
	// before.
	Update bool `json:"-"`
	// Incident is what the finding belongs to.
	Incident Incident `json:"-"`
	// Ended are the findings of an incident that is over, since all of them were
	// archived; the event's own is the last of them. Otherwise there are none.
	Ended []*finding.Finding `json:"-"`
}

// Resolved reports whether an event ends an incident of findings.
func (e *Event) Resolved() bool { return len(e.Ended) > 0 }

// Incident is what people are to hear of once: one finding, or several that
// belong together.
type Incident struct {
	Key  string  `json:"key"` // by which a target knows it again
	More []Brief `json:"more,omitempty"`
	// Findings is how many findings it has so far, the event's own included.
	Findings int `json:"findings"`
	// Was is the highest severity that was told of it before; 0 of a new one.
	Was float64 `json:"-"`
}

// Brief is another finding of the same incident.
type Brief struct {
	ID       string  `json:"id"`
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Severity float64 `json:"severity"`
}

// Finding is the finding of an event; nil if it has none.
func (e *Event) Finding() *finding.Finding {
	f, _ := e.Detail.(*finding.Finding)
	return f
}

// Health is the change of a source of an event; nil if it has none.
func (e *Event) Health() *Health {
	h, _ := e.Detail.(*Health)
	return h
}

// The detail-type of a finding is GuardDuty's; a source is ours, since
// GuardDuty has no word for an audit log that went quiet.
const (
	TypeFinding   = "GuardDuty Finding"
	TypeUnhealthy = "Vedette Source Unhealthy"
	TypeHealthy   = "Vedette Source Healthy"
)

// FindingEvent is the event of a finding that changed at a moment.
func FindingEvent(x *finding.Finding, at time.Time) Event {
	return Event{
		Version: "0", ID: eventID(append([]string{TypeFinding, x.ARN, x.ID}, version(x)...)...), DetailType: TypeFinding, Source: "aws.guardduty",
		Account: x.AccountID, Time: at.UTC().Truncate(time.Second), Region: x.Region, Resources: []string{}, Detail: x,
		Incident: Incident{Key: x.ID, Findings: 1},
	}
}

// version is what differs between two states of a finding.
func version(x *finding.Finding) []string {
	var count int64
	if x.Service != nil {
		count = x.Service.Count
	}
	return []string{x.UpdatedAt, fmt.Sprint(count)}
}

// versionOf is the same as one text.
func versionOf(x *finding.Finding) string { return strings.Join(version(x), "/") }

// Health is how a source of records is. It has the shape of GuardDuty's
// coverage events.
type Health struct {
	SchemaVersion     string          `json:"schemaVersion"`
	ResourceAccountID string          `json:"resourceAccountId"`
	CurrentStatus     string          `json:"currentStatus"`
	PreviousStatus    string          `json:"previousStatus"`
	ResourceDetails   ResourceDetails `json:"resourceDetails,omitzero"` // of a cluster's log
	Source            string          `json:"source"`                   // which log
	Issue             string          `json:"issue"`
	LastUpdatedAt     time.Time       `json:"lastUpdatedAt"`
}

// ResourceDetails name the cluster of a source.
type ResourceDetails struct {
	ResourceType      string            `json:"resourceType"`
	EKSClusterDetails EKSClusterDetails `json:"eksClusterDetails"`
}

// EKSClusterDetails name a cluster.
type EKSClusterDetails struct {
	ClusterName string `json:"clusterName"`
}

// sourceEvent is the event of a change of a source. A source is an incident
// that lasts until it is well again.
func sourceEvent(c store.Change) (Event, error) {
	var s store.SourceChange
	if err := json.Unmarshal(c.Data, &s); err != nil {
		return Event{}, fmt.Errorf("read a change of coverage: %w", err)
	}
	h := &Health{
		SchemaVersion: "1.0", ResourceAccountID: s.Account, CurrentStatus: s.Status, PreviousStatus: s.PreviousStatus,
		Source: s.SourceKey.Source, Issue: s.Issue, LastUpdatedAt: s.Updated,
	}
	if s.Cluster != "" {
		h.ResourceDetails = ResourceDetails{"EKS", EKSClusterDetails{s.Cluster}}
	}
	e := Event{
		Version: "0", ID: eventID(TypeHealthy, c.Cursor), DetailType: TypeHealthy, Source: "vedette",
		Account: s.Account, Time: c.At.Truncate(time.Second), Region: s.Region, Resources: []string{}, Detail: h,
		Incident: Incident{Key: "source-" + eventID(s.SourceKey.Source, s.Account, s.Region, s.Cluster)},
	}
	if s.Status == store.Unhealthy {
		e.DetailType = TypeUnhealthy
	}
	return e, nil
}

// eventID is a UUID that depends on the parts alone.
func eventID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	var id uuid.UUID
	copy(id[:], h.Sum(nil))
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // version 8: made by a rule of our own
	return id.String()
}
