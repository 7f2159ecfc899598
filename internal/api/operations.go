package api

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/access"
)

//go:embed operations.tsv
var operationsText string

// operation is one row of operations.tsv.
type operation struct {
	name   string
	method string
	path   string // with {Names} for the parts that vary
	status int    // HTTP status of success
	right  access.Right
}

// pattern is the operation's pattern for the mux. An ARN in the path should
// come percent-encoded, yet some clients leave its slashes as they are.
func (o operation) pattern() string {
	return o.method + " " + strings.Replace(o.path, "{ResourceArn}", "{ResourceArn...}", 1)
}

// operations reads the table. A fault in it is ours, and the tests read every
// line, so it panics.
func operations() []operation {
	var out []operation
	for line := range strings.Lines(operationsText) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "operation\t") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 5 {
			panic(fmt.Sprintf("operations.tsv: %d columns in %q", len(f), line))
		}
		status, err := strconv.Atoi(f[3])
		if err != nil {
			panic(fmt.Sprintf("operations.tsv: %v in %q", err, line))
		}
		out = append(out, operation{name: f[0], method: f[1], path: f[2], status: status, right: access.Right(f[4])})
	}
	return out
}

// handlers are the operations that are supported, by name.
func (s *server) handlers() map[string]handler {
	all := map[string]handler{
		"CreateDetector": s.createDetector,
		"ListDetectors":  s.listDetectors,
		"GetDetector":    s.getDetector,
		"UpdateDetector": s.updateDetector,
		"DeleteDetector": s.deleteDetector,

		"ListFindings":           s.listFindings,
		"GetFindings":            s.getFindings,
		"GetFindingsStatistics":  s.getFindingsStatistics,
		"ArchiveFindings":        s.archiveFindings,
		"UnarchiveFindings":      s.unarchiveFindings,
		"UpdateFindingsFeedback": s.updateFindingsFeedback,
		"CreateSampleFindings":   s.createSampleFindings,

		"ListCoverage":          s.listCoverage,
		"GetCoverageStatistics": s.getCoverageStatistics,

		"CreateFilter": s.createFilter,
		"GetFilter":    s.getFilter,
		"ListFilters":  s.listFilters,
		"UpdateFilter": s.updateFilter,
		"DeleteFilter": s.deleteFilter,

		"CreatePublishingDestination":   s.createDestination,
		"DescribePublishingDestination": s.describeDestination,
		"ListPublishingDestinations":    s.listDestinations,
		"UpdatePublishingDestination":   s.updateDestination,
		"DeletePublishingDestination":   s.deleteDestination,

		"TagResource":         s.tagResource,
		"UntagResource":       s.untagResource,
		"ListTagsForResource": s.listTagsForResource,
	}
	s.setHandlers(all)
	s.accountHandlers(all)
	s.malwareHandlers(all)
	s.customRuleHandlers(all)
	return all
}
