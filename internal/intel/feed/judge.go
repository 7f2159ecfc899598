package feed

import "fmt"

// A list of fewer entries than few may change as it likes; others that grow
// tenfold, or lose nine of ten entries, at once have been broken or poisoned
// more often than not.
const (
	few    = 50
	factor = 10
)

// judge says why a new list should be held aside; empty if it should not.
func judge(s *Source, old *Snapshot, w *writer) string {
	if w.warned > s.Warnings {
		return fmt.Sprintf("%d of its entries are on a warning list, such as %s", w.warned, w.warning)
	}
	if old == nil || old.Entries == 0 {
		return ""
	}
	n := w.snap.Entries
	switch {
	case n == 0 && (!s.MayBeEmpty || old.Entries >= few):
		return fmt.Sprintf("it has no entries any more, %d before", old.Entries)
	case old.Entries >= few && n*factor < old.Entries:
		return fmt.Sprintf("it shrank from %d entries to %d at once", old.Entries, n)
	case n > factor*max(old.Entries, few):
		return fmt.Sprintf("it grew from %d entries to %d at once", old.Entries, n)
	}
	return ""
}
