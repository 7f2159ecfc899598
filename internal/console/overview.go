package console

import (
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// overviewDays is how far back the overview looks.
const overviewDays = 30

// tile is a number that leads to what it counts.
type tile struct {
	Severity string
	Count    int64
	Href     string
}

// overviewView is the first page.
type overviewView struct {
	Tiles     []tile
	Bars      []bar
	Chart     template.HTML
	Sequences []*finding.Finding
	Newest    []*finding.Finding
}

// current are the findings that are not archived.
func current() finding.Criteria {
	return finding.Criteria{"service.archived": {Equals: []string{"false"}}}
}

func (s *server) overview(w http.ResponseWriter, r *http.Request, v *visit) error {
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	var o overviewView
	if o.Tiles, err = s.tiles(v, detector); err != nil {
		return err
	}
	if o.Bars, err = s.days(v, detector, s.Now().UTC()); err != nil {
		return err
	}
	o.Chart = drawBars("Findings of the last 30 days", o.Bars)
	sequences := current()
	sequences["resource.resourceType"] = finding.Condition{Equals: []string{"AttackSequence"}}
	if o.Sequences, err = s.newest(v, detector, sequences, 5); err != nil {
		return err
	}
	if o.Newest, err = s.newest(v, detector, current(), 10); err != nil {
		return err
	}
	return s.show(w, r, v, "overview", "overview", "Overview", o)
}

// group is a row of GetFindingsStatistics; which members are set depends on
// what was grouped by.
type group struct {
	Severity float64
	Date     float64 // Unix seconds
	Total    int64   `json:"totalFindings"`
}

func (s *server) statistics(v *visit, detector string, c finding.Criteria, by finding.GroupBy, limit int) ([]group, error) {
	text, err := finding.EncodeCriteria(c)
	if err != nil {
		return nil, err
	}
	var out struct{ FindingStatistics map[string][]group }
	err = s.call(v, http.MethodPost, detectorPath(detector, "findings", "statistics"), nil,
		map[string]any{"findingCriteria": rawJSON(text), "groupBy": string(by), "maxResults": limit}, &out)
	for _, g := range out.FindingStatistics {
		return g, err
	}
	return nil, err
}

func (s *server) tiles(v *visit, detector string) ([]tile, error) {
	groups, err := s.statistics(v, detector, current(), finding.GroupBySeverity, 100)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for _, g := range groups {
		counts[severity(g.Severity)] += g.Total
	}
	var out []tile
	for _, sev := range severities() {
		out = append(out, tile{sev, counts[sev], Root + "findings?severity=" + url.QueryEscape(sev)})
	}
	return out, nil
}

// days counts the findings of the last days by the day they were last seen.
func (s *server) days(v *visit, detector string, now time.Time) ([]bar, error) {
	today := now.Truncate(24 * time.Hour)
	first := today.AddDate(0, 0, 1-overviewDays)
	bars := make([]bar, overviewDays)
	for i := range bars {
		from := first.AddDate(0, 0, i)
		href := Root + "findings?from=" + from.Format(time.DateOnly) + "&to=" + from.Format(time.DateOnly)
		bars[i] = bar{Label: from.Format("Mon, Jan 2"), From: from, Href: href, Counts: map[string]int{}}
	}
	for _, sev := range severityBands() {
		c := current()
		c["severity"] = sev.condition()
		since := float64(first.UnixMilli())
		c["updatedAt"] = finding.Condition{GreaterThanOrEqual: &since}
		groups, err := s.statistics(v, detector, c, finding.GroupByDate, overviewDays)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			if i := int(time.Unix(int64(g.Date), 0).UTC().Sub(first) / (24 * time.Hour)); i >= 0 && i < len(bars) {
				bars[i].Counts[sev.word] += int(g.Total)
			}
		}
	}
	return bars, nil
}

// band is the numbers that a word for a severity stands for.
type band struct {
	word     string
	from, to float64 // to is not in it
}

// severityBands are those of finding.SeverityLabel.
func severityBands() []band {
	return []band{{"Critical", 9, 11}, {"High", 7, 9}, {"Medium", 4, 7}, {"Low", 0, 4}}
}

func (b *band) condition() finding.Condition {
	return finding.Condition{GreaterThanOrEqual: &b.from, LessThan: &b.to}
}

func (s *server) newest(v *visit, detector string, c finding.Criteria, n int) ([]*finding.Finding, error) {
	ids, _, err := s.list(v, detector, c, finding.Sort{Field: "updatedAt", Descending: true}, n, "")
	if err != nil {
		return nil, err
	}
	return s.get(v, detector, ids)
}
