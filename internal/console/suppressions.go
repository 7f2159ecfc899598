package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// suppressionsView is the list of filters: those that archive, and those that
// are saved searches.
type suppressionsView struct {
	Rules, Searches []filterRow
	Hidden          int64 // by all of them
}

// filterRow is a filter of the API, and what became of it.
type filterRow struct {
	Name, Description, Action string
	Rank                      int64
	Criteria                  string // the JSON of the API
	Tags                      finding.Tags
	CreatedAt, UpdatedAt      finding.Epoch
	finding.Suppression
	Expired bool
	Fault   string // of the tag that says when it expires
	Types   []store.Hidden
	Count   int64
	Last    time.Time
	Path    string
	Matches string // the list of the findings that fit it
}

// filterAnswer is GetFilter's.
type filterAnswer struct {
	Name            string          `json:"name"`
	Description     string          `json:"description"`
	Rank            int64           `json:"rank"`
	Action          string          `json:"action"`
	FindingCriteria json.RawMessage `json:"findingCriteria"`
	Tags            finding.Tags    `json:"tags"`
	CreatedAt       finding.Epoch   `json:"createdAt"`
	UpdatedAt       finding.Epoch   `json:"updatedAt"`
}

// filters are all filters of a detector, by rank and name. There are at most 100.
func (s *server) filters(v *visit, detector string) ([]filterRow, error) {
	hidden, err := s.hiddenOf(v, detector)
	if err != nil {
		return nil, err
	}
	var out []filterRow
	query := url.Values{"maxResults": {"50"}}
	for {
		var page struct {
			FilterNames []string `json:"filterNames"`
			NextToken   string   `json:"nextToken"`
		}
		if err := s.call(v, http.MethodGet, detectorPath(detector, "filter"), query, nil, &page); err != nil {
			return nil, err
		}
		for _, name := range page.FilterNames {
			f, err := s.filter(v, detector, name)
			if errors.Is(err, finding.ErrNotFound) { // deleted meanwhile
				continue
			}
			if err != nil {
				return nil, err
			}
			f.fill(hidden[name])
			out = append(out, f)
		}
		if page.NextToken == "" {
			return out, nil
		}
		query.Set("nextToken", page.NextToken)
	}
}

// hiddenOf is what filters have hidden, by their names. Other accounts have none that hide anything.
func (s *server) hiddenOf(v *visit, detector string) (map[string][]store.Hidden, error) {
	list, err := s.Store.Hidden(v.r.Context(), detector)
	out := map[string][]store.Hidden{}
	for _, h := range list {
		out[h.Filter] = append(out[h.Filter], h)
	}
	return out, err
}

// filter reads one; finding.ErrNotFound when there is none of the name.
func (s *server) filter(v *visit, detector, name string) (filterRow, error) {
	var a filterAnswer
	if err := s.call(v, http.MethodGet, detectorPath(detector, "filter", name), nil, nil, &a); err != nil {
		if problemOf(err) != "" {
			err = finding.ErrNotFound
		}
		return filterRow{}, err
	}
	row := filterRow{
		Name: a.Name, Description: a.Description, Action: a.Action, Rank: a.Rank, Criteria: pretty(a.FindingCriteria), Tags: a.Tags,
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, Path: Root + "suppressions/" + pathEscape(a.Name),
	}
	if c, err := finding.DecodeCriteria(a.FindingCriteria); err == nil {
		row.Matches = findingsPath(c)
	}
	var err error
	if row.Suppression, err = a.Tags.Suppression(); err != nil {
		row.Fault = err.Error()
	}
	return row, nil
}

func (f *filterRow) fill(hidden []store.Hidden) {
	f.Types = hidden
	slices.SortStableFunc(f.Types, func(a, b store.Hidden) int { return cmp.Compare(b.Count, a.Count) })
	for _, h := range hidden {
		f.Count += h.Count
		if h.Last.After(f.Last) {
			f.Last = h.Last
		}
	}
}

// pretty lays JSON out in lines, with what cannot be seen in escapes of JSON, so
// that a form that holds it sends back what it was.
func pretty(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return shownLines(string(text))
	}
	return plainJSON(b.String())
}

func (s *server) suppressions(w http.ResponseWriter, r *http.Request, v *visit) error {
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	all, err := s.filters(v, detector)
	if err != nil {
		return err
	}
	var view suppressionsView
	for _, f := range all {
		f.Expired = f.ExpiredAt(s.Now())
		if f.Action == "ARCHIVE" {
			view.Rules = append(view.Rules, f)
			view.Hidden += f.Count
		} else {
			view.Searches = append(view.Searches, f)
		}
	}
	return s.show(w, r, v, "suppressions", "suppressions", "Suppressions", &view)
}

// suppressionForm is the form of a filter, new or there already.
type suppressionForm struct {
	filterRow
	New     bool
	Form    url.Values
	Problem string
}

// suppression shows one filter, with the form that changes it.
func (s *server) suppression(w http.ResponseWriter, r *http.Request, v *visit) error {
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	return s.showSuppression(w, r, v, detector, nil, "")
}

func (s *server) showSuppression(w http.ResponseWriter, r *http.Request, v *visit, detector string, typed url.Values, problem string) error {
	f, err := s.filter(v, detector, r.PathValue("name"))
	if err != nil {
		return err
	}
	hidden, err := s.hiddenOf(v, detector)
	if err != nil {
		return err
	}
	f.fill(hidden[f.Name])
	f.Expired = f.ExpiredAt(s.Now())
	if typed == nil {
		typed = url.Values{
			"description": {f.Description}, "rank": {strconv.FormatInt(f.Rank, 10)}, "action": {f.Action}, "criteria": {f.Criteria},
			"owner": {f.Owner}, "reason": {f.Reason}, "expires": {f.Tags[finding.TagExpires]},
		}
	}
	return s.suppressionPage(w, r, v, f.Name, suppressionForm{filterRow: f, Form: typed, Problem: problem})
}

func (s *server) suppressionPage(w http.ResponseWriter, r *http.Request, v *visit, title string, f suppressionForm) error {
	return s.showForm(w, r, v, "suppression", "suppressions", title, f.Problem, &f)
}

// newSuppression shows the empty form.
func (s *server) newSuppression(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.mayFilter(); err != nil {
		return err
	}
	q := r.URL.Query()
	typed := url.Values{"rank": {"1"}, "action": {"ARCHIVE"}, "criteria": {q.Get("criteria")}}
	if typed.Get("criteria") == "" {
		typed.Set("criteria", "{\n  \"criterion\": {\n    \"type\": {\"equals\": [\"\"]}\n  }\n}")
	}
	return s.suppressionPage(w, r, v, "New suppression", suppressionForm{New: true, Form: typed})
}

// mayFilter lets those write filters who may triage and are of the own account.
func (v *visit) mayFilter() error {
	if !v.Whole() || !v.MayTriage() {
		return notAllowed("Only analysts and administrators of the installation may change what is suppressed.")
	}
	return nil
}

func (s *server) addSuppression(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, detector, err := s.detectorForm(w, r, v, v.mayFilter())
	if err != nil {
		return err
	}
	body, problem := filterBody(f, s.Now())
	name := strings.TrimSpace(f.Get("name"))
	if problem == "" {
		body["name"] = name
		body["tags"] = filterTags(f)
		err = s.call(v, http.MethodPost, detectorPath(detector, "filter"), nil, body, nil)
		if problem = problemOf(err); problem == "" && err != nil {
			return err
		}
	}
	if problem != "" {
		return s.suppressionPage(w, r, v, "New suppression", suppressionForm{New: true, Form: f, Problem: problem})
	}
	return s.done(w, r, Root+"suppressions/"+pathEscape(name), "Made "+name+". It heeds new findings from now on.")
}

// filterBody is what CreateFilter and UpdateFilter have in common.
func filterBody(f url.Values, now time.Time) (body map[string]any, problem string) {
	criteria := json.RawMessage(f.Get("criteria"))
	var whole struct {
		FindingCriteria json.RawMessage `json:"findingCriteria"`
	}
	if !json.Valid(criteria) {
		return nil, `The criteria are no JSON. They look like {"criterion": {"type": {"equals": ["Recon:EC2/Portscan"]}}}.`
	}
	if json.Unmarshal(criteria, &whole) == nil && whole.FindingCriteria != nil { // what get-filter printed
		criteria = whole.FindingCriteria
	}
	rank, err := strconv.Atoi(f.Get("rank"))
	if err != nil {
		return nil, "The rank is a number from 1 to 100."
	}
	action := f.Get("action")
	if action == "ARCHIVE" {
		if problem := answersFor(f, now); problem != "" {
			return nil, problem
		}
	}
	return map[string]any{"description": f.Get("description"), "rank": rank, "action": action, "findingCriteria": criteria}, ""
}

// answersFor demands of a rule that hides findings what the command line does, too.
func answersFor(f url.Values, now time.Time) (problem string) {
	if strings.TrimSpace(f.Get("owner")) == "" || strings.TrimSpace(f.Get("reason")) == "" {
		return "Say who answers for it and why it is there: somebody will ask."
	}
	expires := strings.TrimSpace(f.Get("expires"))
	if expires == "" {
		return ""
	}
	at, err := finding.ParseExpiry(expires)
	switch {
	case err != nil:
		return "When it expires: " + err.Error() + "."
	case !at.After(now):
		return "It would have expired already."
	}
	return ""
}

// filterTags are the tags by which a suppression answers for itself.
func filterTags(f url.Values) finding.Tags {
	tags := finding.Tags{}
	for key, name := range map[string]string{finding.TagOwner: "owner", finding.TagReason: "reason", finding.TagExpires: "expires"} {
		if v := strings.TrimSpace(f.Get(name)); v != "" {
			tags[key] = v
		}
	}
	return tags
}

func (s *server) saveSuppression(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, detector, err := s.detectorForm(w, r, v, v.mayFilter())
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	old, err := s.filter(v, detector, name)
	if err != nil {
		return err
	}
	now := s.Now()
	if f.Get("expires") == old.Tags[finding.TagExpires] { // one that has expired may be changed otherwise
		now = time.Time{}
	}
	body, problem := filterBody(f, now)
	if problem == "" {
		err = s.call(v, http.MethodPost, detectorPath(detector, "filter", name), nil, body, nil)
		if err == nil {
			err = s.retag(v, detector, name, old.Tags, filterTags(f))
		}
		if problem = problemOf(err); problem == "" && err != nil {
			return err
		}
	}
	if problem != "" {
		return s.showSuppression(w, r, v, detector, f, problem)
	}
	return s.done(w, r, Root+"suppressions/"+pathEscape(name), "Changed "+name+".")
}

// retag sets the tags of a filter that are ours to what is wished.
func (s *server) retag(v *visit, detector, name string, old, wished finding.Tags) error {
	arn := "arn:" + finding.Partition(s.Region) + ":guardduty:" + s.Region + ":" + s.Account + ":detector/" + detector + "/filter/" + name
	path := "/tags/" + arn
	put, drop := finding.Tags{}, url.Values{}
	for _, key := range []string{finding.TagOwner, finding.TagReason, finding.TagExpires} {
		was, had := old[key]
		switch is, has := wished[key]; {
		case has && (!had || was != is):
			put[key] = is
		case had && !has:
			drop.Add("tagKeys", key)
		}
	}
	if len(put) > 0 {
		if err := s.call(v, http.MethodPost, path, nil, map[string]any{"tags": put}, nil); err != nil {
			return err
		}
	}
	if len(drop) > 0 {
		return s.call(v, http.MethodDelete, path, drop, nil, nil)
	}
	return nil
}

func (s *server) deleteSuppression(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.mayFilter(); err != nil {
		return err
	}
	detector, err := s.detector(v)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if err := s.call(v, http.MethodDelete, detectorPath(detector, "filter", name), nil, nil, nil); err != nil {
		return err
	}
	return s.done(w, r, Root+"suppressions", "Deleted "+name+". What it archived stays archived.")
}
