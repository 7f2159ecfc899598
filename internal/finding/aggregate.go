package finding

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of what an aggregate tells. They bound its size at about 60 KiB.
const (
	maxFoldedEntities = 200 // with their counts; others are counted together
	topEntities       = 20
	maxFoldedIDs      = 1024 // findings that are told apart one by one
	maxFoldedName     = 120  // bytes of the name of an entity
)

// Fold says which findings are told together in one: those of a type, a scope
// and a day, by one entity, or by the many that are left over, and of one
// severity.
type Fold struct {
	Day        string // YYYY-MM-DD, UTC
	By         Entity // none: of many entities
	Budget     int
	Suppressed bool // those that a suppression rule hides
}

// Day is the day of a fold.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Signal is a signal as a part of the aggregate: the same claim, and another
// finding.
func (f *Fold) Signal(s *Signal) *Signal {
	out := *s
	key := []string{"together", f.Day, strconv.FormatFloat(s.Severity, 'f', -1, 64), f.By.Kind, f.By.Name, s.Rule}
	if f.Suppressed {
		key = append(key, "suppressed")
	}
	out.Key = strings.Join(key, "|")
	// One act may be several findings of a type: each is counted.
	out.Occurrence += "/" + strconv.FormatUint(shortID(s.Identity()), 36)
	return &out
}

// Folded is what an aggregate remembers of the findings it stands for.
type Folded struct {
	Fold        Fold           `json:"fold"`
	Title       string         `json:"title"` // of the latest
	Description string         `json:"description"`
	Findings    sample         `json:"findings"`
	Entities    []entityCount  `json:"entities"`
	More        entityOverflow `json:"more"`
}

type entityCount struct {
	Entity
	Count int64 `json:"count"`
}

// entityOverflow are the entities beyond the bound.
type entityOverflow struct {
	Names sample `json:"names"`
	Count int64  `json:"count"`
}

// AddFolded makes an aggregate tell of a finding that it stands for. s is the
// signal of that finding, of which Fold.Signal was merged into r before.
func (r *Record) AddFolded(s *Signal, f *Fold) {
	m := &r.Merge
	if m.Folded == nil {
		m.Folded = &Folded{Fold: *f}
	}
	d := m.Folded
	d.Fold.Budget = f.Budget
	d.Findings.add(shortID(s.Identity()))
	acting, _ := s.Acting()
	for _, e := range []Entity{acting, s.Affected()} {
		if e.Name != "" && e != f.By {
			d.count(e)
		}
	}
	if as := f.Signal(s); m.LastOccurrence == as.Occurrence {
		d.Title, d.Description = s.Title, s.Description
	}
	r.untold = true
}

func (d *Folded) count(e Entity) {
	if len(e.Name) > maxFoldedName {
		e.Name = strings.ToValidUTF8(e.Name[:maxFoldedName], "") + "…"
	}
	for i := range d.Entities {
		if d.Entities[i].Entity == e {
			d.Entities[i].Count++
			return
		}
	}
	if len(d.Entities) < maxFoldedEntities {
		d.Entities = append(d.Entities, entityCount{e, 1})
		return
	}
	d.More.Count++
	d.More.Names.add(shortID(e.Kind + "\x00" + e.Name))
}

// tell writes the texts of the aggregate.
func (d *Folded) tell(r *Record) {
	f := r.Finding
	n, about := d.size(f.Service.Count)
	if f.Title = d.Title; n > 1 {
		f.Title = strings.TrimSuffix(d.Title, ".") + ", and " + howMany(n-1, about) + " more like it"
	}
	f.Description = d.describe(n, about)
}

// size is for how many findings it stands: for no more than there were
// occurrences.
func (d *Folded) size(occurrences int64) (n int64, about bool) {
	n, about = d.Findings.size()
	if occurrences > 0 {
		n = min(n, occurrences)
	}
	return n, about
}

func (d *Folded) describe(n int64, about bool) string {
	b := &strings.Builder{}
	b.WriteString(strings.TrimSpace(d.Description))
	if !strings.HasSuffix(b.String(), ".") {
		b.WriteByte('.')
	}
	by := "many entities that had none of this type yet"
	if d.Fold.By.Name != "" {
		by = d.Fold.By.Kind + " " + d.Fold.By.Name
	}
	findings := "finding"
	if n != 1 {
		findings = "findings"
	}
	fmt.Fprintf(b, " This finding stands for %s %s about %s on %s: more findings of this type than its budget of %d a day had been made by then.",
		howMany(n, about), findings, by, d.Fold.Day, d.Fold.Budget)
	if top := d.top(3); len(top) > 0 {
		if top[0].Count > 1 {
			b.WriteString(" Most often they name ")
		} else {
			b.WriteString(" Among others they name ")
		}
		for i, e := range top {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(b, "%s %s (%d)", e.Kind, e.Name, e.Count)
		}
		b.WriteByte('.')
	}
	b.WriteString(" To see each on its own, raise detection.noise; to see none of them, suppress what is expected.")
	return b.String()
}

func howMany(n int64, about bool) string {
	if about {
		return fmt.Sprintf("about %d", n)
	}
	return strconv.FormatInt(n, 10)
}

// top are the entities named most often.
func (d *Folded) top(most int) []entityCount {
	list := slices.Clone(d.Entities)
	slices.SortFunc(list, func(a, b entityCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return list[:min(most, len(list))]
}

// aggregate is the form of service.additionalInfo.aggregate.
type aggregate struct {
	Type        string         `json:"type"`
	Day         string         `json:"day"`
	Budget      int            `json:"budget"`
	Findings    int64          `json:"findings"`
	Approximate bool           `json:"approximate,omitempty"`
	By          *Entity        `json:"by,omitempty"`
	Entities    []entityCount  `json:"entities,omitempty"`
	Others      *otherEntities `json:"others,omitempty"`
}

type otherEntities struct {
	Entities    int64    `json:"entities"`
	Approximate bool     `json:"approximate,omitempty"`
	Count       int64    `json:"count"`
	Names       []string `json:"names,omitempty"`
}

func (d *Folded) info(typ string, occurrences int64) *aggregate {
	n, about := d.size(occurrences)
	out := &aggregate{Type: typ, Day: d.Fold.Day, Budget: d.Fold.Budget, Findings: n, Approximate: about}
	if by := d.Fold.By; by.Name != "" {
		out.By = &by
	}
	all := d.top(len(d.Entities))
	out.Entities = all[:min(topEntities, len(all))]
	rest := all[len(out.Entities):]
	more, aboutMore := d.More.Names.size()
	if len(rest) == 0 && more == 0 {
		return out
	}
	o := &otherEntities{Entities: int64(len(rest)) + more, Approximate: aboutMore, Count: d.More.Count}
	for _, e := range rest {
		o.Count += e.Count
		o.Names = append(o.Names, e.Kind+" "+e.Name)
	}
	out.Others = o
	return out
}

// shortID is a number for a text, which nobody can choose.
func shortID(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}

// sample counts different things: the smallest of their numbers are kept. The
// count is exact as long as there is room for all, and then good to some
// percent. The order in which they come does not matter.
type sample struct{ ids []uint64 } // ascending

func (s *sample) add(id uint64) {
	at, found := slices.BinarySearch(s.ids, id)
	if found || at == maxFoldedIDs {
		return
	}
	s.ids = slices.Insert(s.ids, at, id)
	if len(s.ids) > maxFoldedIDs {
		s.ids = s.ids[:maxFoldedIDs]
	}
}

// size is how many different things there were; about says that it is a guess.
func (s *sample) size() (n int64, about bool) {
	if len(s.ids) < maxFoldedIDs {
		return int64(len(s.ids)), false
	}
	part := float64(s.ids[maxFoldedIDs-1]) / (1 << 64)
	return int64(float64(maxFoldedIDs-1)/part + 0.5), true
}

// MarshalText writes the numbers in base64.
func (s sample) MarshalText() ([]byte, error) {
	b := make([]byte, 0, 8*len(s.ids))
	for _, id := range s.ids {
		b = binary.BigEndian.AppendUint64(b, id)
	}
	return []byte(base64.StdEncoding.EncodeToString(b)), nil
}

// UnmarshalText reads what MarshalText wrote.
func (s *sample) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(b)%8 != 0 || len(b) > 8*maxFoldedIDs {
		return fmt.Errorf("these %d characters are no numbers of findings", len(text))
	}
	s.ids = nil
	for ; len(b) > 0; b = b[8:] {
		s.ids = append(s.ids, binary.BigEndian.Uint64(b))
	}
	if !slices.IsSorted(s.ids) {
		return fmt.Errorf("the numbers of findings are not in order")
	}
	return nil
}
