package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// Bounds of the list of entities.
const (
	entitiesOfNewest = 1000 // findings that are looked at
	entitiesShown    = 100
	maxSearch        = 200 // characters
)

// entitiesView is the list of entities.
type entitiesView struct {
	Kinds  []entityKind
	Kind   string
	Query  string
	Rows   []entityRow
	Looked int // findings that were looked at
	All    bool
	More   int // rows that are left out
}

type entityRow struct {
	entity
	Count    int
	Severity float64 // of the gravest finding
	Last     time.Time
	Types    int
	types    map[string]bool
}

func (s *server) entities(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := s.detector(v); err != nil { // nobody's findings without one
		return err
	}
	q := r.URL.Query()
	out := entitiesView{Kinds: entityKinds(), Kind: q.Get("kind"), Query: strings.TrimSpace(clip(maxSearch, q.Get("q")))}
	kinds := out.Kinds
	if k, ok := kindOf(out.Kind); ok {
		kinds = []entityKind{k}
	} else {
		out.Kind = ""
	}
	home, account := s.kept(v)
	fs, err := s.Store.NewestNames(r.Context(), store.EntityQuery{
		DetectorID: home, Account: account, Paths: pathsOf(kinds), Contains: lastPart(out.Query), Limit: entitiesOfNewest,
	})
	if err != nil {
		return err
	}
	out.Looked, out.All = len(fs), len(fs) < entitiesOfNewest
	out.Rows = rowsOf(fs, kinds, out.Query)
	if out.More = len(out.Rows) - entitiesShown; out.More > 0 {
		out.Rows = out.Rows[:entitiesShown]
	}
	return s.show(w, r, v, "entities", "entities", "Entities", out)
}

// lastPart is what of a search stands in one field: of NAMESPACE/NAME the name.
func lastPart(q string) string {
	if strings.Contains(q, "arn:") || strings.Contains(q, ".") { // an ARN or an image
		return q
	}
	return q[strings.LastIndexByte(q, '/')+1:]
}

// rowsOf are the entities that findings name, the gravest first.
func rowsOf(fs []store.NamedFinding, kinds []entityKind, contains string) []entityRow {
	by := map[entity]*entityRow{}
	contains = strings.ToLower(contains)
	for i := range fs {
		f := &fs[i]
		for _, e := range entitiesIn(f.Values, kinds) {
			if contains != "" && !strings.Contains(strings.ToLower(e.ID), contains) {
				continue
			}
			row := by[e]
			if row == nil {
				row = &entityRow{entity: e, types: map[string]bool{}}
				by[e] = row
			}
			row.Count++
			row.Severity = max(row.Severity, f.Severity)
			row.types[f.Type] = true
			if f.Updated.After(row.Last) {
				row.Last = f.Updated
			}
		}
	}
	out := make([]entityRow, 0, len(by))
	for _, row := range by {
		row.Types = len(row.types)
		out = append(out, *row)
	}
	slices.SortFunc(out, func(a, b entityRow) int {
		return cmp.Or(cmp.Compare(bandOf(b.Severity), bandOf(a.Severity)), cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last),
			strings.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
	})
	return out
}

// bandOf orders the words for severities.
func bandOf(n float64) int { return -slices.Index(severities(), severity(n)) }

// KindHref is the list of one kind, with the search that is there.
func (v entitiesView) KindHref(kind string) string {
	q := url.Values{}
	if kind != "" {
		q.Set("kind", kind)
	}
	if v.Query != "" {
		q.Set("q", v.Query)
	}
	return Root + "entities?" + q.Encode()
}
