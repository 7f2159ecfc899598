package finding

import (
	"errors"
	"time"
)

// What a store answers when a thing is not there, or is there already.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	// ErrBadToken: the token of a page is not one that the store gave for this query.
	ErrBadToken = errors.New("page token does not belong to this query")
)

// Query asks for findings of one detector.
type Query struct {
	DetectorID string
	Criteria   Criteria
	Sort       Sort
	Limit      int
	After      string // a token that the store gave
}

// Sort orders findings by one field; the zero value is updatedAt, newest
// first. Ties are broken by id, so that pages never overlap.
type Sort struct {
	Field      string
	Descending bool
}

// GroupBy is what GetFindingsStatistics groups by.
type GroupBy string

// The groupings of the API, and the legacy count by severity.
const (
	GroupByAccount  GroupBy = "ACCOUNT"
	GroupByDate     GroupBy = "DATE"
	GroupByType     GroupBy = "FINDING_TYPE"
	GroupByResource GroupBy = "RESOURCE"
	GroupBySeverity GroupBy = "SEVERITY"
)

// Group is one row of statistics. Which members are set depends on the grouping.
type Group struct {
	AccountID     string
	Date          time.Time // start of the UTC day
	Type          string
	ResourceID    string
	ResourceType  string
	Severity      float64
	Total         int64
	LastGenerated time.Time // the newest updatedAt in the group
}
