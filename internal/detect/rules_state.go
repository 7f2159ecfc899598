package detect

import (
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/rule"
)

// Bounds of what rules remember of one scope: what was not heard of for longest
// is forgotten first.
const (
	maxRuleGroups  = 50_000
	maxRuleEntries = 2_000_000 // of all groups, 32 bytes each
	maxWould       = 10_000
	wouldIdle      = 90 * 24 * time.Hour // as long as findings are kept
	ruleLog        = "rules"
	wouldLog       = ruleLog + "-would"
)

// ruleState is what rules remember of a scope.
type ruleState struct {
	groups *table[rule.Window]
	would  *table[int64] // findings that rules in a dry run would have made
	// entries are how many all groups have at most, -1 before they were counted,
	// and most how many they may have. Groups that were forgotten are taken off
	// when there seem to be too many.
	entries, most int
}

func newRuleState(set *rule.Set, durable bool) *ruleState {
	s := &ruleState{
		groups:  newTable[rule.Window](ruleLog, maxRuleGroups, set.Longest()),
		would:   newTable[int64](wouldLog, maxWould, wouldIdle),
		entries: -1, most: maxRuleEntries,
	}
	if durable {
		s.groups.keep()
		s.would.keep()
	}
	return s
}

// Window returns what is remembered of a group.
func (s *ruleState) Window(key string, ev *event.Event) *rule.Window {
	return s.groups.touch(key, ev.Time)
}

// Grown keeps the entries of all groups within their bound.
func (s *ruleState) Grown(by int) {
	if s.entries >= 0 {
		s.entries += by
	} else {
		s.count() // they were restored
	}
	if s.entries <= s.most {
		return
	}
	if s.count(); s.entries <= s.most {
		return
	}
	for s.entries > s.most/4*3 && s.groups.len() > 1 {
		oldest := s.groups.oldest
		s.entries -= oldest.value.Len()
		s.groups.remove(oldest)
		s.groups.forgotten++
	}
}

func (s *ruleState) count() {
	s.entries = 0
	for r := s.groups.oldest; r != nil; r = r.newer {
		s.entries += r.value.Len()
	}
}

func (s *ruleState) memories() []memory {
	if s == nil {
		return nil
	}
	return []memory{s.groups, s.would}
}
