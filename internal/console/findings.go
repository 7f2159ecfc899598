package console

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// pageSize is how many findings a page of the list has: as many as the API gives at once.
const pageSize = 50

// findingsView is the list of findings.
type findingsView struct {
	*filter
	Rows      []*finding.Finding
	More      string // the next page
	Short     bool   // the search stopped before the page was full
	Back      string // this page, for what is done to it
	Problem   string
	Saved     []savedFilter
	Fields    []string
	Operators []operator
	Bands     []string
	Newest    int64 // the number of the newest finding, for what comes after it
	OCSF      bool
	MaxExport int
}

// NewPath counts what came since this page was made.
func (p *findingsView) NewPath() string {
	q := p.All()
	q.Set("since", strconv.FormatInt(p.Newest, 10))
	return Root + "findings/new?" + q.Encode()
}

func (s *server) findings(w http.ResponseWriter, r *http.Request, v *visit) error {
	q := r.URL.Query()
	if to := tidied(q); to != "" {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	f, wrong := parseFilter(q)
	p := findingsView{
		filter: &f, Back: f.Page(f.Next), Operators: operators(), Bands: severities(), OCSF: s.OCSF != nil, MaxExport: maxExport,
	}
	status := http.StatusOK
	if p.Problem = problemOf(wrong); p.Problem != "" {
		status = http.StatusBadRequest
	} else if err := s.fillPage(v, detector, &p); problemOf(err) != "" {
		status, p.Problem = http.StatusBadRequest, problemOf(err)
	} else if err != nil {
		return err
	}
	if p.Saved, err = s.savedFilters(r.Context(), detector, &f); err != nil {
		return err
	}
	for _, field := range finding.FieldList() {
		if field.Query {
			p.Fields = append(p.Fields, field.Name)
		}
	}
	slices.Sort(p.Fields)
	s.render(w, r, status, "findings", view{Title: "Findings", Here: "findings", Visit: v, Data: &p})
	return nil
}

// fillPage reads the findings of a page.
func (s *server) fillPage(v *visit, detector string, p *findingsView) error {
	var err error
	if p.Newest, err = s.Store.NewestFinding(v.r.Context()); err != nil {
		return err
	}
	ids, next, err := s.search(v, detector, p.filter, p.Next, pageSize)
	if err != nil {
		return err
	}
	if next != "" {
		p.More = p.Page(next)
		p.Short = len(ids) < pageSize
	}
	p.Rows, err = s.get(v, detector, ids)
	return err
}

// search returns the ids of a page of the findings of a filter. What the API
// has no way to ask for, words and patterns, is asked of the store, for what
// the visitor's account may see.
func (s *server) search(v *visit, detector string, f *filter, after string, limit int) (ids []string, next string, err error) {
	if !f.needsStore() {
		return s.list(v, detector, f.Criteria, f.sort(), limit, after)
	}
	q, none, err := s.storeQuery(v, f)
	if err != nil || none {
		return nil, "", err
	}
	q.Limit, q.After = limit, after
	ids, next, err = s.Store.FindFindings(v.r.Context(), q, strings.Fields(f.Words))
	if errors.Is(err, finding.ErrBadToken) {
		return nil, "", badFilter("next: it belongs to another list; go to the first page")
	}
	return ids, next, err
}

func (f *filter) needsStore() bool {
	if f.Words != "" {
		return true
	}
	for _, c := range f.Criteria {
		if len(c.Matches)+len(c.NotMatches) > 0 {
			return true
		}
	}
	return false
}

// storeQuery is a filter for the store, narrowed to what the visitor may see;
// none says that this is nothing.
func (s *server) storeQuery(v *visit, f *filter) (q finding.Query, none bool, err error) {
	detector, account := s.kept(v)
	q = finding.Query{DetectorID: detector, Criteria: f.Criteria, Sort: f.sort()}
	if account == "" {
		return q, false, nil
	}
	if asked, ok := f.Criteria["accountId"]; ok {
		match, err := finding.Criteria{"accountId": asked}.Match(&finding.Finding{AccountID: account})
		if err != nil || !match {
			return q, true, err
		}
	}
	q.Criteria = maps.Clone(f.Criteria)
	q.Criteria["accountId"] = finding.Condition{Equals: []string{account}}
	return q, false, nil
}

// tidied is the address that one made by a form stands for: without empty
// fields, and with the condition of the form "add a filter" among the others. It
// is "" where there is nothing to tidy.
func tidied(q url.Values) string {
	out := url.Values{}
	for name, values := range q {
		for _, v := range values {
			if v != "" && !slices.Contains([]string{"field", "op", "value"}, name) && !(name == "archived" && v == "false") {
				out.Add(name, v)
			}
		}
	}
	if field := strings.TrimSpace(q.Get("field")); field != "" {
		out.Add("f", field+":"+q.Get("op")+":"+strings.TrimSpace(q.Get("value")))
		out.Del("next")
	}
	if out.Encode() == q.Encode() {
		return ""
	}
	return listPath(out)
}

// savedFilter is a saved search of the API.
type savedFilter struct {
	Name, Description, Path string
	Here                    bool // it is what is shown
}

func (s *server) savedFilters(ctx context.Context, detector string, shown *filter) ([]savedFilter, error) {
	all, err := s.Store.Filters(ctx, detector)
	if err != nil {
		return nil, err
	}
	var out []savedFilter
	for i := range all {
		if all[i].Action != "ARCHIVE" {
			to := findingsPath(all[i].Criteria)
			out = append(out, savedFilter{all[i].Name, all[i].Description, to, to == shown.With("sort", "")})
		}
	}
	return out, nil
}

// saveFilter saves what is shown as a filter of the API.
func (s *server) saveFilter(w http.ResponseWriter, r *http.Request, v *visit) error {
	in, detector, err := s.detectorForm(w, r, v, nil)
	if err != nil {
		return err
	}
	f, err := parseFilter(in)
	if err != nil {
		return err
	}
	text, err := finding.EncodeCriteria(f.Criteria)
	if err != nil {
		return err
	}
	name := strings.TrimSpace(in.Get("name"))
	err = s.call(v, http.MethodPost, detectorPath(detector, "filter"), nil, map[string]any{
		"name": name, "description": in.Get("description"), "action": "NOOP", "findingCriteria": rawJSON(text),
	}, nil)
	if err != nil {
		return err
	}
	return s.done(w, r, f.Path(), "Saved the filter "+name+".")
}

func (s *server) dropFilter(w http.ResponseWriter, r *http.Request, v *visit) error {
	in, detector, err := s.detectorForm(w, r, v, nil)
	if err != nil {
		return err
	}
	if err := s.call(v, http.MethodDelete, detectorPath(detector, "filter", in.Get("name")), nil, nil, nil); err != nil {
		return err
	}
	return s.done(w, r, inner(in.Get("back")), "Deleted the filter "+in.Get("name")+".")
}

// change does something to the findings that were chosen in the list.
func (s *server) changeFindings(w http.ResponseWriter, r *http.Request, v *visit) error {
	in, err := form(w, r)
	if err != nil {
		return err
	}
	back := inner(in.Get("back"))
	if back == Root {
		back = Root + "findings"
	}
	ids := slices.Compact(slices.Sorted(slices.Values(in["id"])))
	if len(ids) == 0 {
		return s.done(w, r, back, "No finding was chosen, so nothing was done.")
	}
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	body := map[string]any{"findingIds": ids}
	what, did := in.Get("do"), ""
	switch what {
	case "archive":
		did = "Archived"
	case "unarchive":
		did = "Brought back"
	case "useful", "not-useful":
		body["feedback"] = map[string]string{"useful": "USEFUL", "not-useful": "NOT_USEFUL"}[what]
		what, did = "feedback", "Noted for"
	default:
		return &callError{Status: http.StatusBadRequest, Message: "There is nothing to do that is called " + strconv.Quote(what) + "."}
	}
	if err := s.call(v, http.MethodPost, detectorPath(detector, "findings", what), nil, body, nil); err != nil {
		return err
	}
	return s.done(w, r, back, did+" "+plural(len(ids), "finding", "findings")+".")
}

// createDetector makes the detector that a page said is missing.
func (s *server) createDetector(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := s.call(v, http.MethodPost, "/detector", nil, map[string]any{"enable": true}, nil); err != nil {
		return err
	}
	return s.done(w, r, Root, "Created the detector: findings are shown from now on, those of before, too.")
}
