package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// What the API keeps beside the resources that have tables of their own.
const (
	apiScope         = "api"
	organizationName = "organization"
	scanSettingsName = "malware-scan-settings/" // and a detector's id
)

// Organization is what becomes of accounts by themselves.
type Organization struct {
	// Admin is the delegated administrator, "" when there is none.
	Admin string `json:"admin,omitempty"`
	// AutoEnable is NEW, ALL or NONE: which accounts become members.
	AutoEnable string `json:"autoEnable,omitempty"`
	// Since is when AutoEnable was set: later accounts are new ones.
	Since time.Time `json:"since,omitzero"`
	// Features are what members have on, by feature: NEW, ALL or NONE. What is
	// not there is NONE.
	Features  map[string]OrganizationFeature `json:"features,omitempty"`
	UpdatedAt time.Time                      `json:"updatedAt,omitzero"`
}

// OrganizationFeature is what becomes of one feature in members.
type OrganizationFeature struct {
	AutoEnable string            `json:"autoEnable"`
	Additional map[string]string `json:"additional,omitempty"`
}

// Organization returns the organization; the zero value when nothing was ever set.
func (s *Store) Organization(ctx context.Context) (Organization, error) {
	return readOrganization(s.State(ctx, apiScope, organizationName))
}

// Organization returns the organization; the zero value when nothing was ever set.
func (tx *Tx) Organization() (Organization, error) {
	return readOrganization(tx.State(apiScope, organizationName))
}

func readOrganization(data []byte, err error) (o Organization, _ error) {
	if errors.Is(err, finding.ErrNotFound) {
		return o, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err != nil {
		return o, fmt.Errorf("read the organization: %w", err)
	}
	return o, nil
}

// PutOrganization writes the organization.
func (tx *Tx) PutOrganization(o Organization) error {
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("store the organization: %w", err)
	}
	return tx.PutState(apiScope, organizationName, data)
}

// ScanSettings returns what PutScanSettings stored for a detector, or
// finding.ErrNotFound.
func (s *Store) ScanSettings(ctx context.Context, detectorID string) ([]byte, error) {
	return s.State(ctx, apiScope, scanSettingsName+detectorID)
}

// PutScanSettings keeps a detector's settings of malware scans, as they are.
func (s *Store) PutScanSettings(ctx context.Context, detectorID string, data []byte) error {
	return s.Commit(ctx, func(tx *Tx) error { return tx.PutState(apiScope, scanSettingsName+detectorID, data) })
}
