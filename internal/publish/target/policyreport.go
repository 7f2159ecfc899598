package target

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
)

// PolicyReport keeps one report a namespace, of the findings about its workloads
// that are not archived.
type PolicyReport struct {
	Kube
	API string // PolicyReportAPI or OpenReportsAPI
}

// The groups and versions of reports.
const (
	PolicyReportAPI = "wgpolicyk8s.io/v1alpha2"
	OpenReportsAPI  = "openreports.io/v1alpha1"
)

const (
	reportName     = "vedette"
	managedBy      = "app.kubernetes.io/managed-by"
	maxReported    = 200 // findings of a report; the least severe and the oldest are left out
	reportTries    = 5   // when somebody else writes at the same time
	maxReportBytes = 512 << 10
)

type report struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   kubeMeta       `json:"metadata"`
	Source     string         `json:"source"`
	Summary    map[string]int `json:"summary"`
	Results    []reportResult `json:"results"`
}

type reportResult struct {
	Source     string            `json:"source"`
	Policy     string            `json:"policy"`
	Category   string            `json:"category,omitempty"`
	Severity   string            `json:"severity"`
	Result     string            `json:"result"`
	Message    string            `json:"message"`
	Timestamp  reportTime        `json:"timestamp"`
	Resources  []workload        `json:"resources"`
	Properties map[string]string `json:"properties"`
}

type reportTime struct {
	Seconds int64 `json:"seconds"`
	Nanos   int32 `json:"nanos"`
}

// Send changes the report of each namespace that the events are about.
func (t *PolicyReport) Send(ctx context.Context, events []publish.Event) error {
	type place struct {
		namespace string
		trial     bool
	}
	each, groups := make(publish.Each, len(events)), map[place][]int{}
	var order []place
	for i := range events {
		w, ok := t.workloadOf(events[i].Finding())
		if !ok {
			continue
		}
		p := place{w.Namespace, w.trial}
		if groups[p] == nil {
			order = append(order, p)
		}
		groups[p] = append(groups[p], i)
	}
	for _, p := range order {
		var own []publish.Event
		for _, i := range groups[p] {
			own = append(own, events[i])
		}
		w := workload{Namespace: p.namespace, trial: p.trial}
		if err := t.change(ctx, &w, own); err != nil {
			fail(each, groups[p], err)
		}
	}
	return result(each)
}

// change reads a report, changes it and writes it, again if somebody else wrote
// meanwhile.
func (t *PolicyReport) change(ctx context.Context, of *workload, events []publish.Event) error {
	kind, resource := "PolicyReport", "policyreports"
	if t.API == OpenReportsAPI {
		kind, resource = "Report", "reports"
	}
	namespace := of.Namespace
	group, _, _ := strings.Cut(t.API, "/")
	path, what := "/apis/"+t.API+"/namespaces/"+namespace+"/"+resource, resource+"."+group
	for range reportTries {
		r, err := t.get(ctx, path, what)
		if err != nil {
			return err
		}
		method, to, verb := http.MethodPut, path+"/"+reportName, "update"
		if r == nil {
			r = &report{Metadata: kubeMeta{Name: reportName, Namespace: namespace, Labels: map[string]string{managedBy: "vedette"}}}
			method, to, verb = http.MethodPost, path, "create"
		}
		if r.Metadata.Labels[managedBy] != "vedette" {
			return fmt.Errorf("%s %s/%s is not Vedette's: it lacks the label %s=vedette; delete it, or give it that label", kind, namespace, reportName, managedBy)
		}
		r.APIVersion, r.Kind, r.Source = t.API, kind, "vedette"
		for i := range events {
			t.apply(r, &events[i])
		}
		if len(r.Results) == 0 && verb == "create" {
			return nil
		}
		r.finish()
		a, err := t.call(ctx, method, to+of.query(), jsonType, r)
		if err != nil {
			return err
		}
		if a.status != http.StatusConflict {
			return t.judgeKube(a, verb, what)
		}
	}
	return errors.New("the report is written by somebody else again and again")
}

// get reads a report; nil if there is none.
func (t *PolicyReport) get(ctx context.Context, path, what string) (*report, error) {
	a, err := t.call(ctx, http.MethodGet, path+"/"+reportName, "", nil)
	if err != nil {
		return nil, err
	}
	if a.status == http.StatusNotFound && statusOf(a).Reason == "NotFound" && strings.Contains(statusOf(a).Message, `"`+reportName+`"`) {
		return nil, nil
	}
	if err := t.judgeKube(a, "get", what); err != nil {
		return nil, err
	}
	r := &report{}
	if err := json.Unmarshal(a.body, r); err != nil {
		return nil, fmt.Errorf("read the report of the API server: %w", err)
	}
	return r, nil
}

// propertyFinding is where a result has the id of its finding.
const propertyFinding = "finding"

// apply puts a finding into a report, or takes what is over out of it.
func (t *PolicyReport) apply(r *report, e *publish.Event) {
	for _, f := range append([]*finding.Finding{e.Finding()}, e.Ended...) {
		r.Results = slices.DeleteFunc(r.Results, func(x reportResult) bool { return x.Properties[propertyFinding] == f.ID })
	}
	if e.Resolved() {
		return
	}
	f, m := e.Finding(), read(e)
	w, _ := t.workloadOf(f)
	at, err := time.Parse(time.RFC3339, f.UpdatedAt)
	if err != nil {
		at = e.Time
	}
	x := reportResult{
		Source: "vedette", Policy: plain(f.Type), Severity: strings.ToLower(m.Severity), Result: "fail", Message: m.Title,
		Timestamp: reportTime{Seconds: at.Unix()}, Resources: []workload{w}, Properties: map[string]string{propertyFinding: f.ID},
	}
	x.Category, _, _ = strings.Cut(x.Policy, ":")
	if f.Service != nil {
		x.Properties["count"] = strconv.FormatInt(f.Service.Count, 10)
		x.Properties["firstSeen"], x.Properties["lastSeen"] = f.Service.EventFirstSeen, f.Service.EventLastSeen
	}
	r.Results = append(r.Results, x)
}

// finish sorts and bounds a report, and counts what it has.
func (r *report) finish() {
	slices.SortStableFunc(r.Results, func(a, b reportResult) int {
		return cmp.Or(cmp.Compare(severityRank(b.Severity), severityRank(a.Severity)), cmp.Compare(b.Timestamp.Seconds, a.Timestamp.Seconds),
			cmp.Compare(a.Properties[propertyFinding], b.Properties[propertyFinding]))
	})
	kept, size := 0, 0
	for kept < min(len(r.Results), maxReported) {
		text, err := encode(r.Results[kept])
		if size += len(text); err != nil || size > maxReportBytes {
			break
		}
		kept++
	}
	r.Results = slices.Clip(r.Results[:kept])
	if r.Results == nil {
		r.Results = []reportResult{}
	}
	r.Summary = map[string]int{"pass": 0, "fail": len(r.Results), "warn": 0, "error": 0, "skip": 0}
}

func severityRank(label string) int {
	return slices.Index([]string{"low", "medium", "high", "critical"}, label)
}
