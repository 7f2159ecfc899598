package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// Suppressions are the suppression rules of a moment, ready to be asked.
type Suppressions struct {
	rules []suppression
	// Faults are what is wrong with rules that cannot be applied: they hide
	// nothing.
	Faults []error
}

type suppression struct {
	filter  finding.Filter
	matcher finding.Matcher
	says    finding.Suppression
}

// NewSuppressions compiles filters. All are taken for suppression rules,
// whatever their action.
func NewSuppressions(filters []finding.Filter) *Suppressions {
	s := &Suppressions{}
	for _, f := range filters {
		m, err := f.Criteria.Compile()
		if err != nil {
			s.Faults = append(s.Faults, fmt.Errorf("filter %s: %w", f.Name, err))
			continue
		}
		says, err := f.Tags.Suppression()
		if err != nil {
			s.Faults = append(s.Faults, fmt.Errorf("filter %s: the tag %s: %w", f.Name, finding.TagExpires, err))
			continue
		}
		s.rules = append(s.rules, suppression{f, m, says})
	}
	return s
}

// Hides returns the first rule that archives a new finding, nil for none. When
// a rule expires is told by the finding's own time.
func (s *Suppressions) Hides(f *finding.Finding) (*finding.Filter, error) {
	var values finding.Values
	for i := range s.rules {
		r := &s.rules[i]
		if r.filter.DetectorID != f.Service.DetectorID || r.says.ExpiredAt(firstEvent(f)) {
			continue
		}
		if values == nil {
			var err error
			if values, err = finding.Flatten(f); err != nil {
				return nil, err
			}
		}
		if r.matcher.Match(values) {
			return &r.filter, nil
		}
	}
	return nil, nil
}

// firstEvent is when what a finding tells of began.
func firstEvent(f *finding.Finding) time.Time {
	at, err := finding.ParseTimestamp(f.Service.EventFirstSeen)
	if err != nil { // ours, and written by Timestamp: cannot be
		return time.Time{}
	}
	return at
}

// hidden counts what suppression rules hid in a commit.
type hidden map[hiddenKey]*store.Hidden

type hiddenKey struct{ detector, filter, typ string }

func (h hidden) add(by *finding.Filter, f *finding.Finding) {
	key, at := hiddenKey{by.DetectorID, by.Name, f.Type}, firstEvent(f)
	row := h[key]
	if row == nil {
		row = &store.Hidden{DetectorID: key.detector, Filter: key.filter, Type: key.typ, First: at, Last: at}
		h[key] = row
	}
	row.Count++
	if at.Before(row.First) {
		row.First = at
	}
	if at.After(row.Last) {
		row.Last = at
	}
}

// write stores the counts in one order, so that two commits cannot wait for
// each other.
func (h hidden) write(tx *store.Tx) error {
	rows := make([]*store.Hidden, 0, len(h))
	for _, row := range h {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *store.Hidden) int {
		return cmp.Or(strings.Compare(a.DetectorID, b.DetectorID), strings.Compare(a.Filter, b.Filter), strings.Compare(a.Type, b.Type))
	})
	for _, row := range rows {
		if err := tx.AddHidden(*row); err != nil {
			return err
		}
	}
	return nil
}
