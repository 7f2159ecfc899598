package console

import (
	"context"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// findingsStore is what the overview and the list of findings need of the store.
type findingsStore interface {
	Filters(ctx context.Context, detectorID string) ([]finding.Filter, error)
	FindFindings(ctx context.Context, q finding.Query, words []string) (ids []string, next string, err error)
	NewestFinding(ctx context.Context) (int64, error)
	CountByDay(ctx context.Context, detectorID, account string, first time.Time, days int, bounds []float64) ([][]int64, error)
	CountFindingsSince(ctx context.Context, q finding.Query, words []string, n int64) (int, error)
}

// findingsPages are the overview and the list of findings, by the pattern of their address.
func (s *server) findingsPages() map[string]page {
	return map[string]page{
		"GET " + Root + "{$}":                      s.overview,
		"GET " + Root + "findings":                 s.findings,
		"GET " + Root + "findings/new":             s.newFindings,
		"GET " + Root + "findings/export":          s.export,
		"POST " + Root + "findings":                s.changeFindings,
		"POST " + Root + "findings/filters":        s.saveFilter,
		"POST " + Root + "findings/filters/delete": s.dropFilter,
		"POST " + Root + "detector":                s.createDetector,
	}
}
