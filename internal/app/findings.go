package app

import (
	"cmp"
	"errors"
	"slices"

	"github.com/vedette-project/vedette/internal/finding"
)

// findings is where the line keeps findings: a transaction of the store, or
// memory in a scan.
type findings interface {
	// Finding returns the record of an identity, or finding.ErrNotFound.
	Finding(identity string) (*finding.Record, error)
	PutFinding(*finding.Record) error
}

// apply folds one signal into the finding it belongs to. fresh, if set, may
// change a finding that is new, before it is kept.
func apply(in findings, s *finding.Signal, fresh func(*finding.Finding) error) error {
	r, err := in.Finding(s.Identity())
	switch {
	case errors.Is(err, finding.ErrNotFound):
		r = finding.NewRecord(s)
		if fresh != nil {
			if err := fresh(r.Finding); err != nil {
				return err
			}
		}
	case err != nil:
		return err
	case !finding.Merge(r, s):
		return nil
	}
	return in.PutFinding(r)
}

// memory keeps findings by identity for the length of a scan.
type memory map[string]*finding.Record

func (m memory) Finding(identity string) (*finding.Record, error) {
	if r, ok := m[identity]; ok {
		return r, nil
	}
	return nil, finding.ErrNotFound
}

func (m memory) PutFinding(r *finding.Record) error {
	m[r.Merge.Identity] = r
	return nil
}

func (m memory) sorted() []*finding.Finding {
	out := make([]*finding.Finding, 0, len(m))
	for _, r := range m {
		out = append(out, r.Finding)
	}
	slices.SortFunc(out, func(a, b *finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Service.EventFirstSeen, b.Service.EventFirstSeen), cmp.Compare(a.ID, b.ID))
	})
	return out
}
