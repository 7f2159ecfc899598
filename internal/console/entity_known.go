package console

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// look asks the lists that are in force about the entity, and its findings
// about what the lists said then.
func (s *server) look(e *entityView) {
	seen := map[fieldValue]bool{}
	for _, f := range e.Findings {
		if f.Service == nil || f.Service.Evidence == nil {
			continue
		}
		for _, d := range f.Service.Evidence.ThreatIntelligenceDetails {
			if v := (fieldValue{d.ThreatListName, strings.Join(d.ThreatNames, ", ")}); !seen[v] {
				seen[v] = true
				e.Listed = append(e.Listed, v)
			}
		}
	}
	if e.Kind != "address" && e.Kind != "domain" {
		return
	}
	if s.Explain == nil {
		e.ListsWhy = "This server only answers for the API and judges nothing, so it has no lists loaded. Ask one that does: vedette intel lookup"
		return
	}
	x, err := s.Explain(e.ID)
	if err != nil {
		e.ListsWhy = "Lists cannot be asked about it: " + err.Error()
		return
	}
	e.Lists = x
}

// profileView is what was usual for somebody when a finding was made.
type profileView struct {
	Rows    []unusualRow // View and Usual
	Finding *finding.Finding
}

// hasProfile says whether models learn what the entity does.
func (e entity) hasProfile() bool { return e.Kind == "principal" || e.Kind == "user" }

// profileOf is the profile that the newest finding of a model tells. Models are
// not kept in a form that others can read.
func profileOf(e entity, fs []*finding.Finding) *profileView {
	if !e.hasProfile() {
		return nil
	}
	for _, f := range fs {
		if f.Service == nil || f.Service.Detection == nil || f.Service.Detection.Anomaly == nil {
			continue
		}
		profiles := f.Service.Detection.Anomaly.Profiles
		for _, of := range []string{"userIdentity", "username"} {
			p := &profileView{Finding: f}
			for _, view := range sortedViews(profiles[of]) {
				row := unusualRow{View: viewWords(view)}
				for _, o := range profiles[of][view] {
					row.Usual = append(row.Usual, textsOf(o)...)
				}
				if len(row.Usual) > 0 {
					p.Rows = append(p.Rows, row)
				}
			}
			if len(p.Rows) > 0 {
				return p
			}
		}
	}
	return nil
}

func sortedViews(m map[string][]finding.AnomalyObject) (out []string) {
	for view := range m {
		out = append(out, view)
	}
	slices.Sort(out)
	return out
}

// modelState is how much the models know of a scope.
type modelState struct {
	Scope string
	learned
}

// learned is what detection keeps of itself for people.
type learned struct {
	Plane      string
	Days       int
	Events     int64
	Entities   int
	Since      time.Time
	Ready      bool
	FirstAlert time.Time
}

// models tells how much is known where the findings come from.
func (s *server) models(v *visit, fs []*finding.Finding) ([]modelState, error) {
	var scopes []string
	for _, f := range fs {
		scope := f.AccountID + "/" + f.Region + "/"
		if f.Resource != nil && f.Resource.EKSClusterDetails != nil {
			scope += f.Resource.EKSClusterDetails.Name
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 {
		return nil, nil
	}
	states, err := s.Store.States(v.r.Context(), "learned")
	if err != nil {
		return nil, err
	}
	var out []modelState
	for _, st := range states {
		if !slices.Contains(scopes, st.Scope) && !slices.Contains(scopes, st.Scope+"/") {
			continue
		}
		var all []learned
		decode(json.RawMessage(st.Data), &all)
		for _, l := range all {
			if l.Days == 0 { // it has seen nothing yet
				continue
			}
			out = append(out, modelState{st.Scope, l})
		}
	}
	return out[:min(len(out), 10)], nil
}
