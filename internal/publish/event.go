package publish

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
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
	Detail     any       `json:"detail"`
}

// The detail-type of a finding is GuardDuty's; a source is ours, since
// GuardDuty has no word for an audit log that went quiet.
const (
	typeFinding   = "GuardDuty Finding"
	typeUnhealthy = "Vedette Source Unhealthy"
	typeHealthy   = "Vedette Source Healthy"
)

func (f *Follower) findingEvent(x *finding.Finding, at time.Time) Event {
	return Event{
		Version: "0", ID: eventID(typeFinding, x.ARN, x.ID, x.UpdatedAt, fmt.Sprint(x.Service.Count)), DetailType: typeFinding, Source: "aws.guardduty",
		Account: x.AccountID, Time: at.Truncate(time.Second), Region: x.Region, Resources: []string{}, Detail: x,
	}
}

// coverageDetail has the shape of GuardDuty's coverage events.
type coverageDetail struct {
	SchemaVersion     string          `json:"schemaVersion"`
	ResourceAccountID string          `json:"resourceAccountId"`
	CurrentStatus     string          `json:"currentStatus"`
	PreviousStatus    string          `json:"previousStatus"`
	ResourceDetails   resourceDetails `json:"resourceDetails,omitzero"` // of a cluster's log
	Source            string          `json:"source"`                   // which log
	Issue             string          `json:"issue"`
	LastUpdatedAt     time.Time       `json:"lastUpdatedAt"`
}

type resourceDetails struct {
	ResourceType      string            `json:"resourceType"`
	EKSClusterDetails eksClusterDetails `json:"eksClusterDetails"`
}

type eksClusterDetails struct {
	ClusterName string `json:"clusterName"`
}

func (f *Follower) sourceEvent(c store.Change) (Event, error) {
	var s store.SourceChange
	if err := json.Unmarshal(c.Data, &s); err != nil {
		return Event{}, fmt.Errorf("read a change of coverage: %w", err)
	}
	detail := coverageDetail{
		SchemaVersion: "1.0", ResourceAccountID: s.Account, CurrentStatus: s.Status, PreviousStatus: s.PreviousStatus,
		Source: s.SourceKey.Source, Issue: s.Issue, LastUpdatedAt: s.Updated,
	}
	if s.Cluster != "" {
		detail.ResourceDetails = resourceDetails{"EKS", eksClusterDetails{s.Cluster}}
	}
	e := Event{
		Version: "0", ID: eventID(typeHealthy, c.Cursor), DetailType: typeHealthy, Source: "vedette",
		Account: s.Account, Time: c.At.Truncate(time.Second), Region: s.Region, Resources: []string{},
		Detail: detail,
	}
	if s.Status == store.Unhealthy {
		e.DetailType = typeUnhealthy
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
