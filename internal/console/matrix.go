package console

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// seenDays is how far back is counted what was seen.
const seenDays = 90

// matrixView is the matrix: tactics are columns, and row by row their techniques.
type matrixView struct {
	Columns []matrixColumn
	Rows    [][]*matrixCell // nil: no cell
	Days    int
	Covered int // techniques that a type or rule is about
	Seen    int // of these, with findings
	Types   int // implemented finding types
	Rules   int
	Legend  []matrixLegend
}

type matrixColumn struct {
	Tactic  string
	Covered int
	Seen    int64
	cells   []*matrixCell
}

// matrixCell is a technique of a tactic, or with ID "" what belongs to no one technique.
type matrixCell struct {
	ID, Name string
	Types    []string // of findings, that are about it
	Rules    int      // of which these rules make some
	Planned  int      // types of the catalogue that are not made yet
	Seen     int64
	Shade    int // 0 to 4; -1: not covered
	Href     string
}

type matrixLegend struct {
	Shade int
	Text  string
}

func matrixLegends() []matrixLegend {
	return []matrixLegend{{-1, "not covered yet"}, {0, "covered, not seen"}, {1, "1 to 9 findings"}, {2, "10 to 99"}, {3, "100 to 999"}, {4, "1,000 and more"}}
}

// shade says how much was seen, in powers of ten.
func shade(n int64) int {
	s := 0
	for ; n > 0 && s < 4; n /= 10 {
		s++
	}
	return s
}

func (s *server) matrix(w http.ResponseWriter, r *http.Request, v *visit) error {
	seen, err := s.seenTypes(v)
	if err != nil {
		return err
	}
	rules, err := s.Store.RuleStatuses(r.Context())
	if err != nil {
		return err
	}
	m := newMatrix(finding.Catalog(), rules, seen)
	m.link(s.Now())
	return s.show(w, r, v, "matrix", "matrix", "ATT&CK matrix", m)
}

// seenTypes counts the findings that the visitor sees by type, archived or not.
func (s *server) seenTypes(v *visit) (map[string]int64, error) {
	detector, account := s.kept(v)
	since := s.Now().UTC().AddDate(0, 0, -seenDays).Truncate(24 * time.Hour) // as the link to the findings says
	return s.Store.CountByType(v.r.Context(), detector, account, since)      // the API counts at most 100 types; there are more
}

// newMatrix sorts types and rules into the matrix.
func newMatrix(types []finding.Type, rules []store.RuleStatus, seen map[string]int64) *matrixView {
	m := &matrixView{Days: seenDays, Rules: len(rules), Legend: matrixLegends()}
	cells := map[[2]string]*matrixCell{}
	cell := func(tactic, tech string) *matrixCell {
		k := [2]string{tactic, tech}
		if cells[k] == nil {
			cells[k] = &matrixCell{ID: tech, Name: techniqueName(tech), Shade: -1}
		}
		return cells[k]
	}
	for i := range types {
		t := &types[i]
		if t.Status == finding.StatusImplemented {
			m.Types++
		}
		if t.Tactic == "" {
			continue
		}
		c := cell(t.Tactic, t.Technique)
		if t.Status != finding.StatusImplemented {
			c.Planned++
			continue
		}
		c.add(t.Name)
	}
	for i := range rules {
		tacs, techs := attackOf(rules[i].Attack)
		if len(techs) == 0 && len(tacs) > 0 {
			techs = []string{""}
		}
		for _, tech := range techs {
			for _, tactic := range tacticsFor(tacs, tech) {
				c := cell(tactic, tech)
				c.Rules++
				for _, name := range rules[i].Types {
					c.add(name)
				}
			}
		}
	}
	m.arrange(cells, seen)
	return m
}

func (c *matrixCell) add(name string) {
	if !slices.Contains(c.Types, name) {
		c.Types = append(c.Types, name)
	}
}

// arrange counts what was seen and lays the cells out in columns, then rows.
func (m *matrixView) arrange(cells map[[2]string]*matrixCell, seen map[string]int64) {
	columns := map[string]*matrixColumn{}
	for k, c := range cells {
		for _, t := range c.Types {
			c.Seen += seen[t]
		}
		if len(c.Types) > 0 || c.Rules > 0 {
			c.Shade = shade(c.Seen)
			if c.ID != "" {
				m.Covered++
				if c.Seen > 0 {
					m.Seen++
				}
			}
		}
		slices.Sort(c.Types)
		col := columns[k[0]]
		if col == nil {
			col = &matrixColumn{Tactic: k[0]}
			columns[k[0]] = col
		}
		col.cells = append(col.cells, c)
		if c.Shade >= 0 && c.ID != "" {
			col.Covered++
		}
		col.Seen += c.Seen
	}
	place := func(tactic string) int {
		if i := slices.Index(tactics(), tactic); i >= 0 {
			return i
		}
		return len(tactics())
	}
	for _, name := range slices.SortedFunc(maps.Keys(columns), func(a, b string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
	}) {
		m.Columns = append(m.Columns, *columns[name])
	}
	for i := range m.Columns {
		list := m.Columns[i].cells
		slices.SortFunc(list, func(a, b *matrixCell) int { // what belongs to no one technique is last
			if (a.ID == "") != (b.ID == "") {
				return cmp.Compare(b.ID, a.ID)
			}
			return cmp.Compare(a.ID, b.ID)
		})
		for j, c := range list {
			if len(m.Rows) <= j {
				m.Rows = append(m.Rows, make([]*matrixCell, len(m.Columns)))
			}
			m.Rows[j][i] = c
		}
	}
}

// link leads every cell to its findings, or where there are none to what covers it.
func (m *matrixView) link(now time.Time) {
	for _, row := range m.Rows {
		for i, c := range row {
			switch {
			case c == nil:
			case c.Seen > 0:
				c.Href = findingsOf(now, c.Types...)
			case c.ID == "":
				c.Href = Root + "catalogue?" + url.Values{"tactic": {m.Columns[i].Tactic}, "technique": {"none"}}.Encode()
			default:
				c.Href = Root + "catalogue?" + url.Values{"technique": {c.ID}}.Encode()
			}
		}
	}
}

// Tells says what a cell counts, for those who do not see its shade.
func (c *matrixCell) Tells() string {
	if c.Shade < 0 {
		return fmt.Sprintf("not covered yet; %s planned", plural(c.Planned, "type", "types"))
	}
	what := plural(len(c.Types), "type", "types")
	if c.Seen == 0 {
		return what + ", not seen"
	}
	return what + ", " + plural(c.Seen, "finding", "findings")
}

// findingsOf is the list of findings of some types, archived or not, of the days
// that are counted.
func findingsOf(now time.Time, types ...string) string {
	return Root + "findings?" + url.Values{
		"type": types, "archived": {"any"}, "from": {now.UTC().AddDate(0, 0, -seenDays).Format(time.DateOnly)},
	}.Encode()
}
