package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// suppressView is the form that makes a suppression rule of a finding.
type suppressView struct {
	*finding.Finding
	Path    string
	Offered []offer
	Days    int
	Total   int
	Types   []typeCount
	Newest  []*finding.Finding
	Problem string
	None    bool // no criterion is chosen
	// As they were typed.
	Name, Owner, Reason, Expires string
	Archive                      bool
}

// offer is a criterion that is true of the finding.
type offer struct {
	Field, Label string
	Values       []string
	On           bool
}

// previewDays is how far back a preview looks.
const previewDays = 90

// offered are the fields that may make a rule, in order, and what they are.
// Those that name who or what it was are chosen at first, one of each group.
func offered() []struct{ field, label, group string } {
	return []struct{ field, label, group string }{
		{"type", "Finding type", "type"},
		{kubeUser, "Kubernetes user", "who"},
		{"resource.accessKeyDetails.userName", "AWS principal", "who"},
		{"service.runtimeDetails.process.executablePath", "Program", "who"},
		{"resource.kubernetesDetails.kubernetesWorkloadDetails.containers.imagePrefix", "Registry and folder of the image", "what"},
		{"resource.instanceDetails.instanceId", "Instance", "what"},
		{"resource.s3BucketDetails.name", "Bucket", "what"},
		{"resource.rdsDbInstanceDetails.dbInstanceIdentifier", "Database", "what"},
		{"resource.lambdaDetails.functionName", "Function", "what"},
		{"service.action.dnsRequestAction.domain", "Domain", "what"},
		{workloadNamespace, "Namespace", "where"},
		{workloadName, "Workload or pod", ""},
		{"resource.kubernetesDetails.kubernetesWorkloadDetails.containers.image", "Container image", ""},
		{"resource.eksClusterDetails.name", "Cluster", ""},
		{"service.action.awsApiCallAction.api", "API", ""},
		{"service.action.awsApiCallAction.remoteIpDetails.ipAddressV4", "Address of the caller", ""},
		{"service.action.kubernetesApiCallAction.remoteIpDetails.ipAddressV4", "Address of the caller", ""},
		{"service.action.networkConnectionAction.remoteIpDetails.ipAddressV4", "Remote address", ""},
		{"service.action.networkConnectionAction.remotePortDetails.port", "Remote port", ""},
		{"service.action.kubernetesApiCallAction.requestUri", "Request", ""},
		{"accountId", "Account", ""},
		{"region", "Region", ""},
	}
}

// offersOf are the criteria that a finding offers. chosen are the fields that
// are on; nil leaves it to us: the type, who it was or what, and where.
func offersOf(f *finding.Finding, chosen []string) ([]offer, error) {
	values, err := finding.Flatten(f)
	if err != nil {
		return nil, err
	}
	var out []offer
	taken := map[string]bool{}
	for _, o := range offered() {
		one := offer{Field: o.field, Label: o.label, On: slices.Contains(chosen, o.field)}
		for _, v := range values[o.field][:min(len(values[o.field]), finding.MaxConditionItems)] {
			one.Values = append(one.Values, v.Text)
		}
		if len(one.Values) == 0 {
			continue
		}
		if chosen == nil && o.group != "" && !taken[o.group] {
			one.On = o.group != "what" || !taken["who"]
			taken[o.group] = true
		}
		out = append(out, one)
	}
	return out, nil
}

// criteriaOf are the criteria of the offers that are on.
func criteriaOf(list []offer) finding.Criteria {
	c := finding.Criteria{}
	for _, o := range list {
		if o.On {
			c[o.Field] = finding.Condition{Equals: o.Values}
		}
	}
	return c
}

func (s *server) suppress(w http.ResponseWriter, r *http.Request, v *visit) error {
	detector, f, err := s.theFinding(v, r.PathValue("id"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	out := suppressView{Name: q.Get("name"), Owner: q.Get("owner"), Reason: q.Get("reason"), Expires: q.Get("expires"), Archive: true}
	var chosen []string
	if q.Has("preview") { // the form was sent; nothing chosen is a choice
		chosen = append([]string{}, q["on"]...)
		out.Archive = q.Get("archive") != ""
	} else {
		out.Name, out.Expires = ruleName(f), s.Now().UTC().AddDate(0, 0, previewDays).Format(time.DateOnly)
	}
	return s.showSuppress(w, r, v, detector, f, out, chosen)
}

// ruleName is a name for the rule: the last part of the type and a piece of the id.
func ruleName(f *finding.Finding) string {
	_, name, _ := strings.Cut(f.Type, "/")
	name = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return '-'
	}, clip(40, name))
	return "expected-" + name + "-" + f.ID[:min(len(f.ID), 6)]
}

func (s *server) showSuppress(w http.ResponseWriter, r *http.Request, v *visit, detector string, f *finding.Finding, out suppressView, chosen []string) error {
	out.Finding, out.Path, out.Days = f, findingPath(f.ID), previewDays
	var err error
	if out.Offered, err = offersOf(f, chosen); err != nil {
		return err
	}
	c := criteriaOf(out.Offered)
	if out.None = len(c) == 0; !out.None {
		if err := s.previewOf(v, detector, c, &out); err != nil {
			return err
		}
	}
	return s.show(w, r, v, "finding_suppress", "findings", "Suppress findings like this", out)
}

// previewOf holds the criteria against the findings of the last days, archived
// ones too.
func (s *server) previewOf(v *visit, detector string, c finding.Criteria, out *suppressView) error {
	since := float64(s.Now().UTC().AddDate(0, 0, -previewDays).UnixMilli())
	c["updatedAt"] = finding.Condition{GreaterThanOrEqual: &since}
	defer delete(c, "updatedAt")
	text, err := finding.EncodeCriteria(c)
	if err != nil {
		return err
	}
	var counted struct {
		FindingStatistics struct {
			GroupedByFindingType []struct {
				FindingType   string
				TotalFindings int
			}
		}
	}
	err = s.call(v, http.MethodPost, detectorPath(detector, "findings", "statistics"), nil,
		map[string]any{"findingCriteria": rawJSON(text), "groupBy": string(finding.GroupByType), "maxResults": 100}, &counted)
	if err != nil {
		return err
	}
	for _, t := range counted.FindingStatistics.GroupedByFindingType {
		out.Types = append(out.Types, typeCount{Type: t.FindingType, Count: t.TotalFindings})
		out.Total += t.TotalFindings
	}
	out.Newest, err = s.newest(v, detector, c, 10)
	return err
}

// createSuppression makes the rule. The criteria are those of the finding: the
// form only says which of them.
func (s *server) createSuppression(w http.ResponseWriter, r *http.Request, v *visit) error {
	detector, f, err := s.theFinding(v, r.PathValue("id"))
	if err != nil {
		return err
	}
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	out := suppressView{Name: text("name"), Owner: text("owner"), Reason: text("reason"), Expires: text("expires"), Archive: text("archive") != ""}
	chosen := append([]string{}, r.PostForm["on"]...)
	offers, err := offersOf(f, chosen)
	if err != nil {
		return err
	}
	c := criteriaOf(offers)
	out.Problem = answersFor(r.PostForm, s.Now().UTC())
	if len(c) == 0 {
		out.Problem = "Choose at least one criterion: a rule without any would hide everything."
	}
	if out.Problem == "" {
		err = s.putSuppression(v, detector, f.ID, &out, c)
		var refusal *callError
		if errors.As(err, &refusal) && refusal.Status < http.StatusInternalServerError {
			out.Problem, err = refusal.Message, nil
		}
		if err != nil {
			return err
		}
	}
	if out.Problem != "" {
		return s.showSuppress(w, r, v, detector, f, out, chosen)
	}
	note := "Made the suppression rule " + out.Name + ". It archives new findings that match it."
	if out.Archive {
		if err := s.setArchived(v, detector, f.ID, "archive"); err != nil {
			return err
		}
		note += " This one is archived, too."
	}
	return s.done(w, r, findingPath(f.ID), note)
}

func (s *server) putSuppression(v *visit, detector, id string, out *suppressView, c finding.Criteria) error {
	criteria, err := finding.EncodeCriteria(c)
	if err != nil {
		return err
	}
	return s.call(v, http.MethodPost, detectorPath(detector, "filter"), nil, map[string]any{
		"name": out.Name, "action": "ARCHIVE", "findingCriteria": rawJSON(criteria), "tags": filterTags(v.r.PostForm), "description": clip(500, "Like finding "+id+": "+out.Reason),
	}, nil)
}
