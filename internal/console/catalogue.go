package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// catalogueSize is how many types a page has.
const catalogueSize = 100

// catalogueView is the list of finding types.
type catalogueView struct {
	Text, Source, Status, Tactic, Technique string // what is asked for
	Sources, Statuses, Tactics              []string
	All, Implemented, Found                 int
	Rows                                    []catalogueRow
	Pages                                   pager
	Days                                    int
}

type catalogueRow struct {
	finding.Type
	Path     string
	Seen     int64
	Findings string // where they are
}

func (s *server) catalogue(w http.ResponseWriter, r *http.Request, v *visit) error {
	q := r.URL.Query()
	c := catalogueView{
		Text: strings.TrimSpace(q.Get("q")), Source: q.Get("source"), Status: q.Get("status"), Tactic: q.Get("tactic"), Technique: q.Get("technique"),
		Statuses: []string{finding.StatusImplemented, finding.StatusPlanned}, Days: seenDays,
	}
	types := finding.Catalog()
	c.All = len(types)
	var found []finding.Type
	for i := range types {
		t := &types[i]
		if t.Status == finding.StatusImplemented {
			c.Implemented++
		}
		c.Sources, c.Tactics = append(c.Sources, t.Source), append(c.Tactics, t.Tactic)
		if c.wants(t) {
			found = append(found, *t)
		}
	}
	slices.Sort(c.Sources)
	slices.Sort(c.Tactics)
	c.Sources, c.Tactics = slices.Compact(c.Sources), slices.Compact(c.Tactics)
	c.Found = len(found)
	seen, err := s.seenTypes(v)
	if err != nil {
		return err
	}
	found, c.Pages = cut(found, catalogueSize, r)
	for _, t := range found {
		c.Rows = append(c.Rows, catalogueRow{t, typePath(t.Name), seen[t.Name], findingsOf(s.Now(), t.Name)})
	}
	return s.show(w, r, v, "catalogue", "catalogue", "Finding types", c)
}

// wants reports whether a type is one of those asked for.
func (c *catalogueView) wants(t *finding.Type) bool {
	tech := c.Technique
	if tech == "none" {
		tech = ""
	}
	switch {
	case c.Source != "" && t.Source != c.Source, c.Status != "" && t.Status != c.Status,
		c.Tactic != "" && t.Tactic != c.Tactic, c.Technique != "" && t.Technique != tech:
		return false
	}
	all := strings.ToLower(strings.Join([]string{t.Name, t.Source, t.Tactic, t.Technique, techniqueName(t.Technique), t.SeverityLabel, t.Trigger}, " "))
	for _, word := range strings.Fields(strings.ToLower(c.Text)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

// typePath is the page of a finding type. Names have slashes.
func typePath(name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return Root + "catalogue/" + strings.Join(parts, "/")
}

// typeView is the page of a finding type.
type typeView struct {
	finding.Type
	TechniqueName string
	Seen          int64
	Days          int
	Findings      string
	Rules         []store.RuleInfo // that make it
	MayTry        bool
}

func (s *server) catalogueType(w http.ResponseWriter, r *http.Request, v *visit) error {
	name := r.PathValue("type")
	t, known := finding.Lookup(name)
	rules, err := s.rulesOf(r, name)
	if err != nil {
		return err
	}
	if !known && len(rules) == 0 {
		return errNoPage
	}
	view := typeView{Type: t, Days: seenDays, Findings: findingsOf(s.Now(), name), Rules: rules, MayTry: known && v.MayTriage()}
	if !known { // only a rule knows it
		tacs, techs := attackOf(rules[0].Attack)
		view.Type = finding.Type{
			Name: name, Source: strings.Join(rules[0].Events, ", "), Status: finding.StatusImplemented, Detector: "rule",
			Tactic: strings.Join(tacs, ", "), Technique: strings.Join(techs[:min(1, len(techs))], ""), SeverityLabel: rules[0].Level,
		}
	}
	view.TechniqueName = techniqueName(view.Technique)
	seen, err := s.seenTypes(v)
	if err != nil {
		return err
	}
	view.Seen = seen[name]
	return s.show(w, r, v, "type", "catalogue", name, view)
}

// rulesOf are the rules in force that make findings of a type, by their titles.
func (s *server) rulesOf(r *http.Request, name string) ([]store.RuleInfo, error) {
	all, err := s.Store.RuleStatuses(r.Context())
	if err != nil {
		return nil, err
	}
	var out []store.RuleInfo
	for i := range all {
		if slices.Contains(all[i].Types, name) {
			out = append(out, all[i].RuleInfo)
		}
	}
	slices.SortFunc(out, func(a, b store.RuleInfo) int { return cmp.Compare(a.Title, b.Title) })
	return out, nil
}

// tryType makes a sample finding of a type.
func (s *server) tryType(w http.ResponseWriter, r *http.Request, v *visit) error {
	name := r.PathValue("type")
	detector, err := s.detector(v)
	if err == nil {
		err = s.call(v, http.MethodPost, detectorPath(detector, "findings", "create"), nil, map[string]any{"findingTypes": []string{name}}, nil)
	}
	if err != nil {
		return err
	}
	return s.done(w, r, typePath(name), "Made a sample finding. It has no cause, and its title says that it is a sample.")
}
