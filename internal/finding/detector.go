package finding

import "time"

// Detector is the API resource that stands for Vedette in one account and Region.
type Detector struct {
	ID          string    `json:"id"`
	Account     string    `json:"account"`
	Region      string    `json:"region"`
	Enabled     bool      `json:"enabled"`
	Frequency   string    `json:"frequency"` // FIFTEEN_MINUTES, ONE_HOUR or SIX_HOURS
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
	Features    []Feature `json:"features"`
	ClientToken string    `json:"clientToken,omitempty"` // of the call that created it
	ServiceRole string    `json:"serviceRole,omitempty"`
	TagsByKey   Tags      `json:"tags,omitempty"`
	DeletedAt   time.Time `json:"deletedAt,omitzero"` // set: the operator switched it all off
}

// Tags are the tags of an API resource by key.
type Tags map[string]string

// Feature is the state of one protection plan.
type Feature struct {
	Name      string    `json:"name"`
	Enabled   bool      `json:"enabled"`
	UpdatedAt time.Time `json:"updatedAt"`
	// Chosen says that somebody set it, rather than that it is a default.
	Chosen     bool             `json:"chosen,omitempty"`
	Additional []FeatureSetting `json:"additional,omitempty"`
}

// FeatureSetting is one additional configuration of a feature.
type FeatureSetting struct {
	Name      string    `json:"name"`
	Enabled   bool      `json:"enabled"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Filter is a saved search (action NOOP) or a suppression rule (ARCHIVE).
type Filter struct {
	DetectorID  string    `json:"detectorId"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Action      string    `json:"action"`
	Rank        int64     `json:"rank"`
	Criteria    Criteria  `json:"criteria"`
	Tags        Tags      `json:"tags,omitempty"`
	ClientToken string    `json:"clientToken,omitempty"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
	Version     int64     `json:"version"`
}
