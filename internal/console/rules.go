package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// The modes of a rule, as the API has them.
const (
	ruleLive   = "LIVE"
	ruleDryRun = "DRY_RUN"
)

// rulesSize is how many rules a page has.
const rulesSize = 100

// rulesView is the list of rules in force.
type rulesView struct {
	Text, Kind, Mode string // what is asked for
	All, Pack, Own   int
	Builtin, DryRun  int
	Rows             []ruleRow
	Pages            pager
	Workers          []store.RuleWorker
	Faults           []store.RuleWorker // whose rules on disk cannot be loaded
}

type ruleRow struct {
	store.RuleStatus
	Mode string
	Path string
}

// From says who wrote a rule.
func (r *ruleRow) From() string {
	switch {
	case r.Kind == "builtin":
		return "built in"
	case strings.HasPrefix(r.File, "pack:"):
		return "rule pack"
	}
	return "own"
}

// Cost is how long one event takes on average; "" when that is not known.
func (r *ruleRow) Cost() string {
	if r.Asked == 0 {
		return ""
	}
	return (r.Took / time.Duration(r.Asked)).String() + " an event"
}

// association is how the API says that a rule is used.
type association struct {
	ID   string `json:"associationId"`
	Rule string `json:"ruleId"`
	Mode string `json:"mode"`
}

// ruleModes are the modes of rules that have one, by the rule's id.
func (s *server) ruleModes(v *visit) (map[string]association, error) {
	out := map[string]association{}
	query := url.Values{"maxResults": {"100"}}
	for {
		var page struct {
			List []association `json:"ruleAssociations"`
			Next string        `json:"nextToken"`
		}
		if err := s.call(v, http.MethodGet, "/custom-detection-rule/association", query, nil, &page); err != nil {
			return nil, err
		}
		for _, a := range page.List {
			out[a.Rule] = a
		}
		if page.Next == "" {
			return out, nil
		}
		query.Set("nextToken", page.Next)
	}
}

func (s *server) rules(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.Whole() {
		return notAllowed("Rules are those of the installation's own account; they judge the records of every account.")
	}
	modes, err := s.ruleModes(v)
	if err != nil {
		return err
	}
	all, err := s.Store.RuleStatuses(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	view := rulesView{Text: strings.TrimSpace(q.Get("q")), Kind: q.Get("from"), Mode: q.Get("mode"), All: len(all)}
	var rows []ruleRow
	for _, st := range all {
		row := ruleRow{st, cmp.Or(modes[st.ID].Mode, ruleLive), rulePath(st.ID)}
		switch row.From() {
		case "built in":
			view.Builtin++
		case "rule pack":
			view.Pack++
		default:
			view.Own++
		}
		if row.Mode == ruleDryRun {
			view.DryRun++
		}
		if view.wants(&row) {
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b ruleRow) int { // those that fired last come first
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Title, b.Title))
	})
	view.Rows, view.Pages = cut(rows, rulesSize, r)
	if view.Workers, err = s.Store.RuleWorkers(r.Context()); err != nil {
		return err
	}
	view.Workers = slices.DeleteFunc(view.Workers, func(w store.RuleWorker) bool { return !w.Live })
	for _, worker := range view.Workers {
		if worker.Fault != "" {
			view.Faults = append(view.Faults, worker)
		}
	}
	return s.show(w, r, v, "rules", "rules", "Rules", &view)
}

func (q *rulesView) wants(r *ruleRow) bool {
	if q.Kind != "" && r.From() != q.Kind || q.Mode != "" && r.Mode != q.Mode {
		return false
	}
	all := strings.ToLower(strings.Join([]string{r.Title, r.RuleInfo.Rule, r.Level, r.File, strings.Join(r.Types, " "), strings.Join(r.Attack, " "), strings.Join(r.Events, " ")}, " "))
	for _, word := range strings.Fields(strings.ToLower(q.Text)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

func rulePath(id string) string { return Root + "rules/" + pathEscape(id) }

// ruleView is the page of a rule.
type ruleView struct {
	ruleRow
	Description, Severity, DataSource string
	Tactic, Technique, TechniqueName  string
	Expression                        string
	TypePaths                         []ruleType
}

type ruleType struct{ Name, Path, Findings string }

// ruleAnswer is GetCustomDetectionRule's.
type ruleAnswer struct {
	Rule struct {
		Name, Description, Severity, DataSource, Tactic, Technique string
		Definition                                                 struct {
			Expression string `json:"expression"`
		} `json:"definition"`
	} `json:"rule"`
}

func (s *server) rule(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.Whole() {
		return notAllowed("Rules are those of the installation's own account.")
	}
	id := r.PathValue("id")
	var a ruleAnswer
	if err := s.call(v, http.MethodGet, "/custom-detection-rule/rule/"+pathEscape(id), nil, nil, &a); err != nil {
		return err
	}
	all, err := s.Store.RuleStatuses(r.Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(st store.RuleStatus) bool { return st.ID == id })
	if i < 0 {
		return finding.ErrNotFound
	}
	modes, err := s.ruleModes(v)
	if err != nil {
		return err
	}
	view := ruleView{
		ruleRow: ruleRow{all[i], cmp.Or(modes[id].Mode, ruleLive), rulePath(id)}, Description: a.Rule.Description, Severity: a.Rule.Severity,
		DataSource: a.Rule.DataSource, Tactic: a.Rule.Tactic, Technique: a.Rule.Technique, TechniqueName: techniqueName(a.Rule.Technique),
		Expression: a.Rule.Definition.Expression,
	}
	for _, t := range all[i].Types {
		view.TypePaths = append(view.TypePaths, ruleType{t, typePath(t), findingsOf(s.Now(), t)})
	}
	return s.show(w, r, v, "rule", "rules", view.Title, &view)
}

// setRule makes a rule find, or only count what it would.
func (s *server) setRule(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.Whole() || !v.MayManage() {
		return notAllowed("Only administrators of the installation may change how rules are used.")
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	modes, err := s.ruleModes(v)
	if err != nil {
		return err
	}
	id, mode := r.PathValue("id"), f.Get("mode")
	if a, there := modes[id]; there {
		err = s.call(v, http.MethodPut, "/custom-detection-rule/rule/"+pathEscape(id)+"/association/"+pathEscape(a.ID), nil, map[string]string{"mode": mode}, nil)
	} else {
		err = s.call(v, http.MethodPost, "/custom-detection-rule/association", nil, map[string]string{"ruleId": id, "mode": mode}, nil)
	}
	if err != nil {
		return err
	}
	note := "The rule makes findings, within seconds in every process."
	if mode == ruleDryRun {
		note = "The rule makes no findings any more and counts those that it would make, within seconds in every process."
	}
	return s.done(w, r, rulePath(id), note)
}
