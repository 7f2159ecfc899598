package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/sequence"
	"github.com/vedette-project/vedette/internal/store"
)

// correlator follows the notes that the commits of all shards store, and tells
// the sequences in them. A pass works out all sequences from all notes, so one
// that is repeated after a crash, or that saw half of what came, does no harm.
type correlator struct {
	app  *App
	last time.Time // when it told last
	// read are the notes of the last pass: most are the same in the next, and to
	// parse them is what costs most.
	read noteCache
}

// noteCache holds notes by their keys. It is only ever a shortcut: a row that is
// not what it was is parsed again.
type noteCache struct {
	seed maphash.Seed
	rows map[string]cachedNote
}

type cachedNote struct {
	sum  uint64
	kept sequence.Kept
}

func newNoteCache() noteCache { return noteCache{seed: maphash.MakeSeed()} }

const (
	// sequencesCursor names the mark of the last pass.
	sequencesCursor = "sequences"
	// correlateEvery is how often the mark is looked at, and correlateWait for
	// how long records that wait to be judged hold a pass up: sequences of half
	// an attack would only be told twice.
	correlateEvery = 250 * time.Millisecond
	correlateWait  = 10 * time.Second
	// correlateShare is the part of the time that passes may take, as 1 to so
	// many: each looks at all notes, however few are new.
	correlateShare = 10
	correlateRest  = 30 * time.Second
	// notesPruned bounds how many old notes one pass deletes.
	notesPruned = 1000
)

// correlate runs until ctx ends.
func (a *App) correlate(ctx context.Context) {
	c := correlator{app: a, last: a.Now(), read: newNoteCache()}
	rest := correlateEvery
	for pause(ctx, rest) == nil {
		begun := time.Now() // no clock that may be set
		err := c.pass(ctx)
		rest = min(max(correlateEvery, correlateShare*time.Since(begun)), correlateRest)
		if err != nil && ctx.Err() == nil {
			a.Log.Error("attack sequences could not be looked for", "err", err)
			if pause(ctx, time.Second) != nil {
				return
			}
		}
	}
}

func (c *correlator) pass(ctx context.Context) error {
	mark, told, err := c.app.sequenceMarks(ctx)
	if err != nil || mark == told {
		return err
	}
	if busy, err := c.app.anyBehind(ctx); err != nil || busy && c.app.Now().Sub(c.last) < correlateWait {
		return err
	}
	book, newest, err := c.read.notes(ctx, c.app.keys.store, func(key string, err error) {
		c.app.Log.Error("a note of attack sequences cannot be read; it is left out", "key", key, "err", err)
	})
	if err != nil {
		return err
	}
	o := SequenceOptions(c.app.Config)
	list := sequence.Find(book, o)
	err = c.app.keys.store.Commit(ctx, func(tx *store.Tx) error {
		in := &drafts{tx: tx, byIdentity: map[string]*finding.Record{}, changed: map[string]bool{}}
		if err := c.tell(tx, list, in); err != nil {
			return err
		}
		if err := in.write(tx); err != nil {
			return err
		}
		if !newest.IsZero() {
			if err := tx.PruneSequenceNotes(newest.Add(-keptFor(o.Window)), notesPruned); err != nil {
				return err
			}
		}
		return tx.PutCursor(sequencesCursor, binary.AppendVarint(nil, mark))
	})
	if err == nil {
		c.last = c.app.Now()
	}
	return err
}

// sequenceMarks are the mark of the notes, and that of the last pass.
func (a *App) sequenceMarks(ctx context.Context) (mark, told int64, err error) {
	if mark, err = a.keys.store.SequenceMark(ctx); err != nil {
		return 0, 0, err
	}
	data, err := a.keys.store.Cursor(ctx, sequencesCursor)
	if errors.Is(err, finding.ErrNotFound) {
		return mark, 0, nil
	}
	told, _ = binary.Varint(data)
	return mark, told, err
}

// notes reads all notes into a book. What cannot be read, of another version, is
// left out and told of.
func (c *noteCache) notes(ctx context.Context, st *store.Store, bad func(key string, err error)) (book *sequence.Book, newest time.Time, err error) {
	book = sequence.NewBook(sequence.Builtin())
	now := make(map[string]cachedNote, len(c.rows))
	err = st.SequenceNotes(ctx, func(n store.SequenceNote) error {
		row, known := c.rows[n.Key]
		if sum := maphash.Bytes(c.seed, n.Data); !known || row.sum != sum {
			k, err := sequence.Parse(n.Data)
			if err != nil {
				bad(n.Key, err)
				return nil
			}
			row = cachedNote{sum, k}
		}
		now[n.Key] = row
		book.Add(row.kept)
		if n.Seen.After(newest) {
			newest = n.Seen
		}
		return nil
	})
	c.rows = now
	return book, newest, err
}

// tell writes the sequences as findings. One that was told keeps its id, also
// when what came since would give it another; where two have become one the
// older id stands, and the other finding is archived and points to it.
func (c *correlator) tell(tx *store.Tx, list []*sequence.Sequence, in *drafts) error {
	taken := map[string]bool{}
	for _, s := range list {
		taken[s.ID] = s.Complete || taken[s.ID]
	}
	var merged [][2]*finding.Record
	for _, s := range list {
		if !s.Complete {
			continue
		}
		before, err := c.toldBefore(in, s, taken)
		if err != nil {
			return err
		}
		if len(before) == 0 {
			continue
		}
		if _, err := in.Finding(s.Identity()); errors.Is(err, finding.ErrNotFound) {
			s.ID = before[0].Finding.ID
			taken[s.ID] = true
			before = before[1:]
		} else if err != nil {
			return err
		}
		for _, r := range before {
			merged = append(merged, [2]*finding.Record{r, {Finding: &finding.Finding{ID: s.ID}}})
		}
	}
	fresh := newFilter{judge: &judge{log: c.app.Log}, tx: tx, drafts: in}
	home := finding.Home{Account: c.app.Config.Account, Region: c.app.Config.Region}
	if err := tellSequences(list, home, &fresh); err != nil {
		return err
	}
	for _, m := range merged {
		old, id := m[0], m[1].Finding.ID
		arn := old.Finding.ARN[:strings.LastIndexByte(old.Finding.ARN, '/')+1] + id
		if old.Finding.AssociatedAttackSequenceARN == arn {
			continue
		}
		old.Finding.AssociatedAttackSequenceARN = arn
		if err := in.PutFinding(old); err != nil {
			return err
		}
		if err := tx.HideFinding(old.Finding.Service.DetectorID, old.Finding.ID); err != nil {
			return err
		}
	}
	return nil
}

// toldBefore are the findings of sequences that the members of one belong to
// and that are none of those found now, the oldest first.
func (c *correlator) toldBefore(in *drafts, s *sequence.Sequence, now map[string]bool) ([]*finding.Record, error) {
	var out []*finding.Record
	seen := map[string]bool{s.ID: true}
	for _, identity := range s.Members() {
		r, err := in.Finding(identity)
		if errors.Is(err, finding.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		arn := r.Finding.AssociatedAttackSequenceARN
		id := arn[strings.LastIndexByte(arn, '/')+1:]
		if id == "" || seen[id] || now[id] {
			continue
		}
		seen[id] = true
		old, err := in.Finding((&sequence.Sequence{ID: id}).Identity())
		if errors.Is(err, finding.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// One that ended long before is another attack, with a finding in common.
		if old.Merge.Last.Add(SequenceOptions(c.app.Config).Window).Before(s.First) || s.Last.Before(old.Merge.First) {
			continue
		}
		out = append(out, old)
	}
	slices.SortFunc(out, func(a, b *finding.Record) int {
		return cmp.Or(a.Merge.First.Compare(b.Merge.First), strings.Compare(a.Finding.ID, b.Finding.ID))
	})
	return out, nil
}

// newFilter archives new findings that a suppression rule matches.
type newFilter struct {
	*drafts
	judge *judge
	tx    *store.Tx
}

func (n *newFilter) PutFinding(r *finding.Record) error {
	old, err := n.Finding(r.Merge.Identity)
	if errors.Is(err, finding.ErrNotFound) {
		if err := n.judge.onFresh(n.tx, r.Finding); err != nil {
			return fmt.Errorf("apply suppression rules: %w", err)
		}
	} else if err != nil {
		return err
	} else if same, err := alike(old.Finding, r.Finding); err != nil || same && old != r {
		return err
	}
	return n.drafts.PutFinding(r)
}

// alike reports whether two findings differ in nothing but what users did.
func alike(a, b *finding.Finding) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	c, s := *b, *b.Service
	s.Archived, s.UserFeedback = a.Service.Archived, a.Service.UserFeedback
	c.Service = &s
	y, err := json.Marshal(&c)
	return bytes.Equal(x, y), err
}

// StoredSequences are the sequences that the notes of a store show now, also
// those that are half-finished.
func StoredSequences(ctx context.Context, st *store.Store, c *config.Config) ([]*sequence.Sequence, error) {
	var bad error
	cache := newNoteCache()
	book, _, err := cache.notes(ctx, st, func(_ string, err error) { bad = cmp.Or(bad, err) })
	if err := cmp.Or(err, bad); err != nil {
		return nil, err
	}
	return sequence.Find(book, SequenceOptions(c)), nil
}
