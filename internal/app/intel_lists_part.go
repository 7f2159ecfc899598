package app

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/format"
)

// listsPart is the name of the part that the API's lists are in a set.
const listsPart = "api"

// ListsPart makes a part of a set of the lists in force. A list whose content is
// damaged is left out, and so are entries that no set can have. The error names
// them: the part is good without.
func ListsPart(lists []ActiveList) (*intel.Part, error) {
	var damaged []error
	b := intel.NewBuilder()
	for i := range lists {
		l := &lists[i]
		if err := l.intact(); err != nil {
			damaged = append(damaged, err)
			continue
		}
		holds := intel.HoldsThreats
		if l.Trusted() {
			holds = intel.HoldsTrusted
		}
		to := b.List(intel.List{Name: l.Name, Kind: intel.KindAPI, Holds: holds, Category: intel.Custom, SHA256: l.SHA256})
		unfit, first := 0, error(nil)
		err := l.each(func(e format.Entry) error {
			if err := to.Add(e.Value, factOf(&e)); err != nil {
				unfit, first = unfit+1, cmp.Or(first, fmt.Errorf("line %d: %w", e.Line, err))
			}
			return nil
		})
		if err != nil {
			damaged = append(damaged, err)
		}
		if unfit > 0 { // the others of the list count
			damaged = append(damaged, fmt.Errorf("list %s: %d entries are of no use, the first: %w", l.Name, unfit, first))
		}
	}
	return b.Part(listsPart), errors.Join(damaged...)
}

// factOf is what a list says of an entry.
func factOf(e *format.Entry) intel.Fact {
	f := intel.Fact{FirstSeen: intel.DayOf(e.First), LastSeen: intel.DayOf(e.Last), Expires: intel.DayOf(e.Expires)}
	if e.Threat != "" {
		f.Names = []string{e.Threat}
	}
	if e.Confidence > 0 {
		f.Confidence = uint8(min(e.Confidence, 100))
	}
	return f
}
