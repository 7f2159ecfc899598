package console

import (
	"slices"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// Bounds of what is looked up beside a finding.
const (
	maxEntities = 12 // of one finding
	maxRelated  = 12
	perEntity   = 5
)

// relatedView is what else is known of those whom a finding names.
type relatedView struct {
	Entities []entity
	Findings []relatedFinding
}

type relatedFinding struct {
	*finding.Finding
	Shares []entity // that both name
	Member bool     // a step of the same attack sequence
}

// related looks for other findings of the same sequence and of the same
// entities, the newest of each.
func (s *server) related(v *visit, detector string, f *finding.Finding) (relatedView, error) {
	var out relatedView
	entities, err := entitiesOf(f)
	if err != nil {
		return out, err
	}
	out.Entities = entities[:min(len(entities), maxEntities)]
	home, account := s.kept(v)
	var ids []string
	shares := map[string][]entity{}
	members := map[string]bool{}
	note := func(id string) bool {
		known := slices.Contains(ids, id)
		if id == f.ID || !known && len(ids) == maxRelated {
			return false
		}
		if !known {
			ids = append(ids, id)
		}
		return true
	}
	if arn := f.AssociatedAttackSequenceARN; arn != "" {
		same, _, err := s.Store.Naming(v.r.Context(), store.NamingQuery{DetectorID: home, Account: account, Limit: perEntity + 1,
			AnyOf: [][]store.FieldValue{{{Path: "associatedAttackSequenceArn", Text: arn}}}})
		if err != nil {
			return out, err
		}
		for _, n := range same {
			if note(n.ID) {
				members[n.ID] = true
			}
		}
	}
	for _, e := range out.Entities {
		if e.Kind == "cluster" { // that says too little
			continue
		}
		same, _, err := s.Store.Naming(v.r.Context(), store.NamingQuery{DetectorID: home, Account: account, AnyOf: e.namedBy(), Limit: perEntity + 1})
		if err != nil {
			return out, err
		}
		for _, n := range same {
			if note(n.ID) {
				shares[n.ID] = append(shares[n.ID], e)
			}
		}
	}
	fs, err := s.get(v, detector, ids)
	if err != nil {
		return out, err
	}
	for _, other := range fs {
		out.Findings = append(out.Findings, relatedFinding{other, shares[other.ID], members[other.ID]})
	}
	return out, nil
}
