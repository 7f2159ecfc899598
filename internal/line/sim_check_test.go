package line

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

// drainFor is how long everything may take once nothing fails any more. A
// deadly record takes the longest: the process dies of it some ten times.
const drainFor = int64(10 * time.Minute)

// over reports whether the schedule is at its end: everything is judged and
// published, and whoever slept has woken.
func (s *sim) over() bool {
	if s.faulty() {
		return false
	}
	if s.steps > 60000 || s.now > s.heal+drainFor {
		s.fail("not done in time: %s", s.behind())
		return true
	}
	return s.behind() == ""
}

// behind says what is not done yet.
func (s *sim) behind() string {
	switch {
	case s.world.senders > 0:
		return "a sender has not got its OK"
	case s.world.read < s.lines:
		return "the file is not read to its end"
	case s.journal.late > 0:
		return "a message is on its way"
	}
	for i, st := range s.journal.shards {
		if r := s.db.rows[i]; r.Position != st.last() || r.Journal != st.id && st.last() > 0 {
			return "shard " + strconv.Itoa(i) + " is not judged"
		}
	}
	if n := len(s.db.changes); n > 0 && s.db.cursors["publish:target"] != s.db.changes[n-1].Cursor && s.unpublished() != "" {
		return "changes are not published"
	}
	for _, a := range s.actors {
		if a.wake > s.now+int64(simTTL)/2 {
			return "somebody sleeps"
		}
	}
	return ""
}

// check compares what the store has with one pass through the journal.
func (s *sim) check() {
	if s.broken != "" {
		return
	}
	want := s.replay()
	s.checkCounts(want)
	s.checkLedger(want)
	s.checkHistory()
	s.checkPublished()
	if s.config.wipe {
		return
	}
	for i := range 10 {
		scope := scopeOf(i).Cluster
		if got := s.db.state[[2]string{scope, chainName}]; got != want.chains[scope] {
			s.fail("the state of %s is %q, in the order of the journal it is %q", scope, got, want.chains[scope])
		}
	}
	for id := range s.world.acked {
		if s.db.counts[id] == 0 && !want.aside[id] {
			s.fail("%s was accepted and has no effect", id)
		}
	}
	s.checkAsides(want)
	if got := s.db.cursors[fileCursor]; got != want.cursor {
		s.fail("the cursor of the file is %q, in the journal it is %q", got, want.cursor)
	}
}

// pass is what one sequential pass through the journal comes to.
type pass struct {
	chains map[string]string
	counts map[string]bool
	aside  map[string]bool
	ledger map[[3]string]int64
	cursor string
	asides int
}

func (s *sim) replay() *pass {
	w := &pass{chains: map[string]string{}, counts: map[string]bool{}, aside: map[string]bool{}, ledger: map[[3]string]int64{}}
	chains := map[string]uint64{}
	add := func(o event.Outcome, r event.Reason) { w.ledger[[3]string{simSource, string(o), string(r)}]++ }
	for shard, st := range s.journal.shards {
		for _, m := range st.msgs {
			entries, _, err := journal.Decode(m.Data[idLen:], nil)
			if err != nil {
				s.fail("message %d of shard %d: %v", m.Position, shard, err)
				return w
			}
			whole, single := s.asides(shard, m.Position)
			if whole {
				w.asides++
				w.ledger[[3]string{string(event.Journal), string(event.Dropped), string(event.ReasonJournalCorrupt)}]++
			}
			for _, e := range entries {
				scope := e.Chunk.Scope.Cluster
				if e.CursorName != "" && !whole {
					w.cursor = string(e.CursorData)
				}
				for _, id := range recordIDs(e.Chunk.Data) {
					switch {
					case whole:
						w.aside[id] = true
						continue
					case slices.Contains(single, id):
						w.aside[id] = true
						w.asides++
						add(event.Dropped, event.ReasonPoison)
					case w.counts[id]:
						add(event.Duplicate, event.ReasonSeenBefore)
					default:
						w.counts[id] = true
						chains[scope] = link(chains[scope], id)
						w.chains[scope] = strconv.FormatUint(chains[scope], 16)
						add(event.Evaluated, "")
					}
					add(event.Received, "")
				}
			}
		}
	}
	return w
}

// asides are what was set aside of a message: all of it, or records.
func (s *sim) asides(shard int, position uint64) (whole bool, single []string) {
	for _, a := range s.db.asides {
		if a.Shard == shard && a.Position == position {
			if bytes.HasPrefix(a.Data, []byte("{")) {
				single = append(single, recordIDs(a.Data)...)
			} else {
				whole = true
			}
		}
	}
	return whole, single
}

// recordIDs are the ids of the records in some bytes.
func recordIDs(data []byte) (ids []string) {
	for _, part := range strings.Split(string(data), `"auditID":"`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		ids = append(ids, id)
	}
	return ids
}

func (s *sim) checkCounts(want *pass) {
	for id, n := range s.db.counts {
		if n > 1 {
			s.fail("%s has its effect %d times", id, n)
		}
		if !want.counts[id] && !s.config.wipe {
			s.fail("%s has an effect and is not in the journal, or set aside", id)
		}
	}
	for id := range want.counts {
		if s.db.counts[id] == 0 {
			s.fail("%s is in the journal and has no effect", id)
		}
	}
}

func (s *sim) checkLedger(want *pass) {
	var balance int64
	for k, n := range s.db.ledger {
		switch {
		case k[0] == string(event.Journal):
		case k[1] == string(event.Received):
			balance += n
		default:
			balance -= n
		}
		if !s.config.wipe && n != want.ledger[k] {
			s.fail("the ledger has %v %d times, the journal %d", k, n, want.ledger[k])
		}
	}
	if balance != 0 {
		s.fail("the ledger is out of balance by %d: %v", balance, s.db.ledger)
	}
	if !s.config.wipe && len(s.db.ledger) != len(want.ledger) {
		s.fail("the ledger has %v, the journal %v", s.db.ledger, want.ledger)
	}
}

// checkAsides: what cannot be judged is set aside once for each time that it
// is in the journal, and nothing else is, unless other faults hit its trial
// again and again, which nobody can tell from its own.
func (s *sim) checkAsides(want *pass) {
	if len(s.db.asides) != want.asides {
		s.fail("%d notes of what was set aside, for %d", len(s.db.asides), want.asides)
	}
	for id := range want.aside {
		if !s.world.poison[id] && !s.world.deadly[id] && s.world.unlucky < recordStrikes {
			s.fail("%s could be judged and was set aside", id)
		}
	}
}

// checkHistory: epochs follow each other, and so do positions.
func (s *sim) checkHistory() {
	type place struct {
		epoch    int64
		journal  string
		position uint64
	}
	at := map[int]place{}
	for _, c := range s.db.history {
		old := at[c.shard]
		switch {
		case c.epoch < old.epoch:
			s.fail("shard %d was committed in epoch %d after epoch %d", c.shard, c.epoch, old.epoch)
		case !c.stillOwner:
			s.fail("shard %d was committed by %s in epoch %d, which was over", c.shard, c.byWho, c.epoch)
		case c.journal == old.journal && c.from != old.position:
			s.fail("shard %d went on from %d, it was at %d", c.shard, c.from, old.position)
		}
		at[c.shard] = place{c.epoch, c.journal, c.to}
	}
}

// checkCursor: at every commit the cursor of the file is where the journal
// says, no line before it without its effect.
func (s *sim) checkCursor() {
	n, _ := strconv.Atoi(s.db.cursors[fileCursor])
	for k := range n {
		if id := lineID(k); s.db.counts[id] == 0 && !s.config.wipe && !s.isAside(id) {
			s.fail("the cursor of the file is at line %d, and line %d has no effect", n, k)
		}
	}
}

func (s *sim) isAside(id string) bool {
	return slices.ContainsFunc(s.db.asides, func(a store.SetAside) bool { return slices.Contains(recordIDs(a.Data), id) })
}

// checkPublished: every change came, in the order of the commits, and under
// one id; of each finding came what it is now, and that last. Only a process
// that stood still, sends what was true before, and dies before it can look
// whether another published meanwhile, may leave that behind.
func (s *sim) checkPublished() {
	if why := s.unpublished(); why != "" {
		s.fail("%s", why)
	}
}

func (s *sim) unpublished() string {
	ids := map[string]string{} // by account, which names the change
	last := map[string]int64{}
	var order []string
	for _, e := range s.world.received {
		if e.Source == "aws.guardduty" {
			id, n := findingOf(e)
			if !s.world.cut || n > last[id] {
				last[id] = n
			}
			continue
		}
		if old, ok := ids[e.Account]; !ok {
			order = append(order, e.Account)
		} else if old != e.ID {
			return fmt.Sprintf("the change of %s came as %s and as %s", e.Account, old, e.ID)
		}
		ids[e.Account] = e.ID
	}
	var want []string
	for _, c := range s.db.changes {
		if len(c.Data) > 0 {
			_, rest, _ := strings.Cut(string(c.Data), `"account":"`)
			id, _, _ := strings.Cut(rest, `"`)
			want = append(want, id)
		}
	}
	if !slices.Equal(order, want) {
		return fmt.Sprintf("published were %v, committed %v", order, want)
	}
	for id, n := range s.db.findings {
		if got := last[id]; got != n {
			return fmt.Sprintf("finding %s was published with count %d, it is %d", id, got, n)
		}
	}
	return ""
}

func findingOf(e publish.Event) (id string, count int64) {
	if f, ok := e.Detail.(*finding.Finding); ok {
		return f.ID, f.Service.Count
	}
	return "", 0
}

func (s *sim) summary() string {
	return fmt.Sprintf("%d steps, %v", s.steps, time.Duration(s.now).Round(time.Millisecond))
}
