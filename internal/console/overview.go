package console

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
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
	Severity  []string
	Sequences []*finding.Finding
	Newest    []*finding.Finding
	Entities  []entityRow
	Looked    int // newest findings whose entities those are
	Health    health
	First     *firstSteps
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
	o := overviewView{Severity: severities()}
	var before map[string]int
	if before, o.Bars, err = s.days(v, s.Now().UTC()); err != nil {
		return err
	}
	o.Tiles = tiles(before, o.Bars)
	o.Chart = drawBars("Findings of the last 30 days", o.Bars)
	if o.Sequences, err = s.newestSequences(v, detector, 5); err != nil {
		return err
	}
	if o.Newest, err = s.newest(v, detector, current(), 10); err != nil {
		return err
	}
	if o.Entities, o.Looked, err = s.topEntities(v); err != nil {
		return err
	}
	if o.Health, err = s.health(v); err != nil {
		return err
	}
	if len(o.Newest) == 0 && o.Health.Sources == 0 {
		o.First = newFirstSteps(r, v)
	}
	return s.show(w, r, v, "overview", "overview", "Overview", o)
}

// Entities of the overview, and of how many of the newest findings they are.
const (
	topEntities   = 8
	topOfFindings = 200
)

// topEntities are those that the newest findings name, the gravest first:
// neither clusters nor images, in which everything happens.
func (s *server) topEntities(v *visit) (rows []entityRow, looked int, err error) {
	kinds := slices.DeleteFunc(entityKinds(), func(k entityKind) bool { return k.Key == "cluster" || k.Key == "image" })
	home, account := s.kept(v)
	fs, err := s.Store.NewestNames(v.r.Context(), store.EntityQuery{DetectorID: home, Account: account, Paths: pathsOf(kinds), Limit: topOfFindings})
	if err != nil {
		return nil, 0, err
	}
	rows = rowsOf(fs, kinds, "")
	return rows[:min(len(rows), topEntities)], len(fs), nil
}

// newestSequences asks for the types of sequences one by one: an index has
// the newest of each type, and none those of a kind of resource.
func (s *server) newestSequences(v *visit, detector string, n int) (out []*finding.Finding, err error) {
	for _, t := range sequenceTypes() {
		c := current()
		c["type"] = finding.Condition{Equals: []string{t}}
		some, err := s.newest(v, detector, c, n)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	slices.SortStableFunc(out, func(a, b *finding.Finding) int { return parseTime(b.UpdatedAt).Compare(parseTime(a.UpdatedAt)) })
	return out[:min(len(out), n)], nil
}

// tiles are the numbers of all findings that are not archived.
func tiles(before map[string]int, days []bar) (out []tile) {
	for _, sev := range severities() {
		n := before[sev]
		for i := range days {
			n += days[i].Counts[sev]
		}
		out = append(out, tile{sev, int64(n), Root + "findings?severity=" + url.QueryEscape(sev)})
	}
	return out
}

// days counts the findings of the last days by the day they were last seen,
// and those before.
func (s *server) days(v *visit, now time.Time) (before map[string]int, bars []bar, err error) {
	home, account := s.kept(v)
	first := now.Truncate(24*time.Hour).AddDate(0, 0, 1-overviewDays)
	var bounds []float64
	for _, b := range severityBands() {
		bounds = append(bounds, b.from)
	}
	counts, err := s.Store.CountByDay(v.r.Context(), home, account, first, overviewDays, bounds)
	if err != nil {
		return nil, nil, err
	}
	bars = make([]bar, overviewDays)
	for i := range bars {
		from := first.AddDate(0, 0, i)
		href := Root + "findings?from=" + from.Format(time.DateOnly) + "&to=" + from.Format(time.DateOnly)
		bars[i] = bar{Label: from.Format("Mon, Jan 2"), From: from, Href: href, Counts: bySeverity(counts[i+1])}
	}
	return bySeverity(counts[0]), bars, nil
}

// bySeverity are the numbers of each band, of those at least as grave as it.
func bySeverity(atLeast []int64) map[string]int {
	out, graver := map[string]int{}, int64(0)
	for i, b := range severityBands() { // gravest first
		out[b.word] = int(atLeast[i] - graver)
		graver = atLeast[i]
	}
	return out
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

func (s *server) newest(v *visit, detector string, c finding.Criteria, n int) ([]*finding.Finding, error) {
	ids, _, err := s.list(v, detector, c, finding.Sort{Field: "updatedAt", Descending: true}, n, "")
	if err != nil {
		return nil, err
	}
	return s.get(v, detector, ids)
}
