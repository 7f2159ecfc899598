package app

import (
	"cmp"
	"maps"
	"slices"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// findings is where the line keeps findings: a transaction of the store, or
// memory in a scan.
type findings interface {
	// Finding returns the record of an identity, or finding.ErrNotFound.
	Finding(identity string) (*finding.Record, error)
	PutFinding(*finding.Record) error
}

// drafting is findings under way: draft is Finding for who only adds a signal,
// of which the finding need not tell yet.
type drafting interface {
	findings
	draft(identity string) (*finding.Record, error)
}

// drafts are the findings of one commit: read once, however many signals merge
// into them, and written once.
type drafts struct {
	tx         *store.Tx
	byIdentity map[string]*finding.Record
	changed    map[string]bool
}

func (d *drafts) Finding(identity string) (*finding.Record, error) {
	r, err := d.draft(identity)
	if err == nil {
		r.Tell()
	}
	return r, err
}

func (d *drafts) draft(identity string) (*finding.Record, error) {
	if r, ok := d.byIdentity[identity]; ok {
		return r, nil
	}
	r, err := d.tx.Finding(identity)
	if err == nil {
		d.byIdentity[identity] = r
	}
	return r, err
}

func (d *drafts) PutFinding(r *finding.Record) error {
	d.byIdentity[r.Merge.Identity], d.changed[r.Merge.Identity] = r, true
	return nil
}

// write writes what changed, in one order, so that two commits cannot wait for
// each other.
func (d *drafts) write(tx *store.Tx) error {
	for _, identity := range slices.Sorted(maps.Keys(d.changed)) {
		r := d.byIdentity[identity]
		r.Tell()
		if err := tx.PutFinding(r); err != nil {
			return err
		}
	}
	return nil
}

// memory keeps findings by identity for the length of a scan.
type memory map[string]*finding.Record

func (m memory) Finding(identity string) (*finding.Record, error) {
	r, err := m.draft(identity)
	if err == nil {
		r.Tell()
	}
	return r, err
}

func (m memory) draft(identity string) (*finding.Record, error) {
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
		r.Tell()
		out = append(out, r.Finding)
	}
	slices.SortFunc(out, func(a, b *finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Service.EventFirstSeen, b.Service.EventFirstSeen), cmp.Compare(a.ID, b.ID))
	})
	return out
}
