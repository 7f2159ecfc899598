package api

import (
	"context"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// Store is what the API needs from the place where findings rest.
// All methods may be called concurrently. "Not there" is reported as
// finding.ErrNotFound, "there already" as finding.ErrExists; both through errors.Is.
type Store interface {
	// CreateDetector writes the detector of an account and Region. A deleted
	// one is replaced; a live one gives ErrExists.
	CreateDetector(ctx context.Context, d finding.Detector) error
	// Detectors returns the live detectors in id order.
	Detectors(ctx context.Context) ([]finding.Detector, error)
	Detector(ctx context.Context, id string) (finding.Detector, error)
	// UpdateDetector runs change on the stored detector and writes the result,
	// in one transaction.
	UpdateDetector(ctx context.Context, id string, change func(*finding.Detector) error) error
	// DeleteDetector removes the detector's findings and filters and marks it
	// deleted (see finding.Detector.DeletedAt).
	DeleteDetector(ctx context.Context, id string) error

	// ListFindings returns ids in the order asked for, at most q.Limit, and the
	// token of the next page ("" when there is none).
	ListFindings(ctx context.Context, q finding.Query) (ids []string, next string, err error)
	// Findings returns those of the ids that exist, in the order of the ids,
	// or in sort's order where it names a field.
	Findings(ctx context.Context, detectorID string, ids []string, sort finding.Sort) ([]*finding.Finding, error)
	// Statistics groups the findings that match.
	Statistics(ctx context.Context, detectorID string, c finding.Criteria, group finding.GroupBy, order string, limit int) ([]finding.Group, error)
	// SetArchived and SetFeedback change all of the ids or, when one of them is
	// unknown, none (ErrNotFound).
	SetArchived(ctx context.Context, detectorID string, ids []string, archived bool) error
	SetFeedback(ctx context.Context, detectorID string, ids []string, feedback, comment string) error
	// PutFindings writes finished findings (samples) as they are.
	PutFindings(ctx context.Context, detectorID string, fs []*finding.Finding) error

	CreateFilter(ctx context.Context, f finding.Filter) error
	Filter(ctx context.Context, detectorID, name string) (finding.Filter, error)
	Filters(ctx context.Context, detectorID string) ([]finding.Filter, error) // by rank, then name
	UpdateFilter(ctx context.Context, detectorID, name string, change func(*finding.Filter) error) error
	DeleteFilter(ctx context.Context, detectorID, name string) error

	// ListOf returns a list, also one that is DELETED but not forgotten yet;
	// ListsOf a detector's lists of a kind by id, without those.
	ListOf(ctx context.Context, detectorID string, kind store.ListKind, id string) (store.List, error)
	ListsOf(ctx context.Context, detectorID string, kind store.ListKind) ([]store.List, error)
	// ChangeLists shows change all lists of a kind and writes the one that it
	// returns (nil: none), in one transaction. An unknown detector gives
	// ErrNotFound.
	ChangeLists(ctx context.Context, detectorID string, kind store.ListKind, change func(have []store.List) (*store.List, error)) error

	// RuleModes returns how rules are to be used, by id, and the generation of
	// that; ChangeRuleModes shows change all of it and writes the mode that it
	// returns, or removes the one whose id it returns, in one transaction.
	RuleModes(ctx context.Context) ([]store.RuleMode, int64, error)
	ChangeRuleModes(ctx context.Context, change func(have []store.RuleMode) (put *store.RuleMode, drop string, err error)) error

	// Destinations returns the destinations of a detector by id.
	Destinations(ctx context.Context, detectorID string) ([]store.Destination, error)
	// ChangeDestinations shows change all destinations of a detector and writes,
	// or deletes, the one that it returns (nil: none), in one transaction. An
	// unknown detector gives ErrNotFound.
	ChangeDestinations(ctx context.Context, detectorID string, change func(have []store.Destination) (d *store.Destination, remove bool, err error)) error

	// Sources returns every source of records, of all accounts and Regions.
	Sources(ctx context.Context) ([]store.Source, error)
	// Nodes returns the nodes of clusters of which something was heard since a moment.
	Nodes(ctx context.Context, since time.Time) ([]store.Node, error)
	Clusters(ctx context.Context) ([]store.Cluster, error)

	// Administer runs fn in a commit of which only one runs at a time.
	Administer(ctx context.Context, fn func(tx *store.Tx) error) error
	Members(ctx context.Context) ([]store.Member, error) // by account
	Member(ctx context.Context, account string) (store.Member, error)
	Organization(ctx context.Context) (store.Organization, error)
	// ScanSettings returns what PutScanSettings stored for a detector.
	ScanSettings(ctx context.Context, detectorID string) ([]byte, error)
	PutScanSettings(ctx context.Context, detectorID string, data []byte) error
	// Usage returns what was analysed in some days, both ends included.
	Usage(ctx context.Context, from, to time.Time) ([]store.Usage, error)

	// BeginAudit writes an entry of a change that is about to be made, EndAudit
	// how it ended, and both return when that is durable.
	BeginAudit(ctx context.Context, e store.AuditEntry) (n int64, err error)
	EndAudit(ctx context.Context, n int64, e store.AuditEntry) error
}
