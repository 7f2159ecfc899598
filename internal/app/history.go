package app

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/history"
	"github.com/vedette-project/vedette/internal/store"
)

// Bounds of the past that is kept of a scope.
const (
	historyContacts = 1 << 16 // of an hour
	// historyBlocks is how many hours one commit makes blocks of, for each scope.
	historyBlocks = 4
	// historyPruned bounds how many hours one commit deletes.
	historyPruned = 200
)

// historyName is the log of the blocks of a scope, one an hour. What is new
// lies in the log detect.HistoryRuns until its hour is over.
const historyName = "history"

// past keeps what is remembered of the scopes of a shard: it makes blocks of
// hours that are over, and deletes what is old.
type past struct {
	log      *slog.Logger
	now      func() time.Time
	days     int
	contacts int
	bytes    int64

	shelves map[event.Scope]*shelf
}

// shelf is which hours of a scope there are.
type shelf struct {
	runs   map[int64]bool // hours of which there are runs
	blocks []store.SeenSize
	total  int64 // bytes of blocks
}

func newPast(keep config.History, log *slog.Logger, now func() time.Time) *past {
	return &past{
		log: log, now: now, days: keep.Days, contacts: historyContacts, bytes: keep.MaxBytes, shelves: map[event.Scope]*shelf{},
	}
}

// forget drops what is known of the store.
func (p *past) forget() { clear(p.shelves) }

// shelf reads what there is of a scope when it is first asked for.
func (p *past) shelf(tx *store.Tx, sc event.Scope) (*shelf, error) {
	if s := p.shelves[sc]; s != nil {
		return s, nil
	}
	s := &shelf{runs: map[int64]bool{}}
	runs, err := tx.SeenSizes(logScope(sc, detect.HistoryRuns))
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		s.runs[r.Generation] = true
	}
	if s.blocks, err = tx.SeenSizes(logScope(sc, historyName)); err != nil {
		return nil, err
	}
	for _, b := range s.blocks {
		s.total += b.Bytes
	}
	p.shelves[sc] = s
	return s, nil
}

// tidy makes blocks of hours that are over, and deletes those that are too old
// or too much. runs are those of this commit.
func (p *past) tidy(tx *store.Tx, sc event.Scope, runs []detect.Run, open []int64) error {
	s, err := p.shelf(tx, sc)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Log == detect.HistoryRuns {
			s.runs[r.Generation] = true
		}
	}
	made := 0
	for _, hour := range sortedHours(s.runs) {
		if slices.Contains(open, hour) || made == historyBlocks {
			continue
		}
		if err := p.block(tx, sc, s, hour); err != nil {
			return err
		}
		made++
	}
	if made == 0 {
		return nil
	}
	return p.prune(tx, sc, s)
}

func sortedHours(hours map[int64]bool) []int64 {
	out := make([]int64, 0, len(hours))
	for h := range hours {
		out = append(out, h)
	}
	slices.Sort(out)
	return out
}

// block puts one block in the place of the runs of an hour, and of its block if
// there was one.
func (p *past) block(tx *store.Tx, sc event.Scope, s *shelf, hour int64) error {
	h, err := p.read(tx, sc, hour, true)
	if err != nil {
		return err
	}
	data := h.Encode(p.contacts)
	if h.Forgotten > 0 {
		p.log.Warn("there were more contacts within an hour than are remembered; those of what many have met were forgotten first",
			"scope", sc.String(), "hour", hourTime(hour), "forgotten", h.Forgotten, "remembered", p.contacts)
	}
	if err := tx.ReplaceSeen(logScope(sc, historyName), hour, data); err != nil {
		return err
	}
	if err := tx.DropSeen(logScope(sc, detect.HistoryRuns), hour); err != nil {
		return err
	}
	delete(s.runs, hour)
	size := store.SeenSize{Generation: hour, Entries: 1, Bytes: int64(len(data))}
	i, found := slices.BinarySearchFunc(s.blocks, hour, func(b store.SeenSize, hour int64) int { return int(b.Generation - hour) })
	if found {
		s.total -= s.blocks[i].Bytes
		s.blocks[i] = size
	} else {
		s.blocks = slices.Insert(s.blocks, i, size)
	}
	s.total += size.Bytes
	return nil
}

// read brings together the runs of an hour and, if asked to, its block. What
// is damaged is passed over: the rest is worth more than a shard that stands.
func (p *past) read(tx *store.Tx, sc event.Scope, hour int64, block bool) (*history.Hour, error) {
	h := &history.Hour{}
	each := func(name string, take func([]byte) error) error {
		return tx.SeenOf(logScope(sc, name), hour, func(data []byte) error {
			if err := take(data); err != nil {
				p.log.Error("a part of what is remembered cannot be read; it is passed over", "scope", sc.String(), "hour", hourTime(hour), "err", err)
			}
			return nil
		})
	}
	if block {
		if err := each(historyName, h.Block); err != nil {
			return nil, err
		}
	}
	return h, each(detect.HistoryRuns, h.Run)
}

func hourTime(hour int64) string {
	return time.Unix(hour*history.Seconds, 0).UTC().Format(time.RFC3339)
}

// prune deletes hours that are too old. They are counted from the newest that is
// not in the future: neither old logs that are read today nor a record of next
// year may empty the memory. Beyond the bytes that a scope may take the oldest
// hours go, too.
func (p *past) prune(tx *store.Tx, sc event.Scope, s *shelf) error {
	newest, _ := history.HourOf(p.now().Unix())
	for _, b := range slices.Backward(s.blocks) {
		if b.Generation <= newest {
			newest = b.Generation
			break
		}
	}
	before := newest - int64(p.days)*24
	n, total := 0, s.total
	for n < len(s.blocks) && n < historyPruned && (s.blocks[n].Generation < before || total > p.bytes) {
		total -= s.blocks[n].Bytes
		before = max(before, s.blocks[n].Generation+1)
		n++
	}
	if n == 0 {
		return nil
	}
	if s.blocks[n-1].Generation+1 < before { // more than at once; the rest comes next
		before = s.blocks[n-1].Generation + 1
	}
	if err := tx.PruneSeen(logScope(sc, historyName), before, historyPruned); err != nil {
		return fmt.Errorf("forget the past of %s: %w", sc, err)
	}
	s.blocks, s.total = slices.Delete(s.blocks, 0, n), total
	return nil
}
