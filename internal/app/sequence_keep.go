package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sequence"
	"github.com/vedette-project/vedette/internal/store"
)

// steps are the notes and edges of one shard's commits. They are stored in the
// commit that makes them. What the store is known to hold is not written again:
// somebody who reads secrets all day costs one row an hour.
type steps struct {
	off  bool
	book *sequence.Book // of the commit under way
	// held is what the store holds, as far as this shard wrote it; next is what
	// it holds if the commit succeeds.
	held, next map[string][]byte
}

// maxHeld bounds the notes that are remembered to be stored: some 10 MB.
const maxHeld = 20_000

func (s *steps) begin() {
	s.book, s.next = sequence.NewBook(sequence.Builtin()), map[string][]byte{}
}

// forget drops what is remembered of the store.
func (s *steps) forget() {
	s.held = map[string][]byte{}
	s.begin()
}

// observe notes what a batch and what came of it show.
func (s *steps) observe(b *event.Batch, res *detect.Result, in findings) error {
	if s.off {
		return nil
	}
	return observe(s.book, b, res, in)
}

// write stores what is new of the commit, in one order, so that two commits
// cannot wait for each other.
func (s *steps) write(tx *store.Tx) error {
	entries := s.book.Entries()
	moved := false
	slices.SortFunc(entries, func(a, b sequence.Kept) int { return strings.Compare(a.Key(), b.Key()) })
	for _, k := range entries {
		key := k.Key()
		if held := s.held[key]; held != nil && !k.Strong() {
			data, err := sequence.Fold(held, k)
			if err == nil && data == nil { // nothing new
				continue
			}
		}
		n := store.SequenceNote{Key: key, Strong: k.Strong(), Seen: k.Seen()}
		changed, err := tx.MergeSequenceNote(n, func(old []byte) ([]byte, error) {
			data, err := sequence.Fold(old, k)
			if err != nil {
				return nil, err
			}
			if data == nil && k.Strong() { // the finding counts one more
				data = old
			}
			if data != nil {
				s.next[key] = data
			}
			return data, nil
		})
		if err != nil {
			return fmt.Errorf("keep steps of attacks: %w", err)
		}
		moved = moved || changed
	}
	if !moved {
		return nil
	}
	return tx.MoveSequenceMark()
}

// committed takes over what is stored now.
func (s *steps) committed() {
	if len(s.held)+len(s.next) > maxHeld {
		clear(s.held)
	}
	for key, data := range s.next {
		s.held[key] = data
	}
	s.begin()
}

// keptFor is how long, in event time, notes are kept after the newest: a habit
// is looked for in the two weeks before.
func keptFor(window time.Duration) time.Duration { return 15*24*time.Hour + window }
