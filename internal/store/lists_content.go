package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// ListOutcome is what became of a wish, or of another look at a list's source.
type ListOutcome struct {
	Status       string
	ErrorDetails string
	Mark         string
	// Content, if there is one, is in force from now on; Drop takes what is in
	// force away. With neither it stays.
	Content *ListContent
	Drop    bool
}

// ListContent is what was read from a list's source.
type ListContent struct {
	SHA256  string // of what was read, in hex
	Entries int
	ReadAt  time.Time
	Data    []byte // compressed
}

// ActiveList is a list that is in force.
type ActiveList struct {
	List
	Data []byte // compressed
}

// SettleList writes what became of the wish that a list was read with. It
// reports false, and writes nothing, when something else was wished meanwhile.
// What is in force, and its generation, changes only when the content does.
func (s *Store) SettleList(ctx context.Context, read List, o ListOutcome) (now List, ok bool, err error) {
	err = s.administer(ctx, func(tx *Tx) error {
		ls, err := scanLists(tx.query(selectLists+` WHERE id = ?`, read.ID))
		if err != nil || len(ls) == 0 || ls[0].Wish != read.Wish {
			return err
		}
		now, ok = ls[0], true
		now.Status, now.ErrorDetails, now.Mark = o.Status, o.ErrorDetails, o.Mark
		if now.Status == ListDeleted && now.DeletedAt.IsZero() {
			now.DeletedAt = s.options.Now().UTC()
		}
		if err := tx.settleContent(&now, o); err != nil {
			return err
		}
		return tx.putList(&now)
	})
	if err != nil {
		return List{}, false, fmt.Errorf("settle list %s: %w", read.ID, err)
	}
	return now, ok, nil
}

func (tx *Tx) settleContent(l *List, o ListOutcome) (err error) {
	switch {
	case o.Content != nil:
		l.Applied, l.ReadAt = l.Wish, o.Content.ReadAt.UTC()
		if l.SHA256 == o.Content.SHA256 && l.Entries == o.Content.Entries {
			return nil
		}
		l.SHA256, l.Entries = o.Content.SHA256, o.Content.Entries
		err = tx.do(`INSERT INTO intel_content (list, data) VALUES (?, ?) ON CONFLICT (list) DO UPDATE SET data = excluded.data`, l.ID, blob(o.Content.Data))
	case o.Drop:
		l.Applied = l.Wish
		if !l.InForce() {
			return nil
		}
		l.SHA256, l.Entries, l.ReadAt = "", 0, time.Time{}
		err = tx.do(`DELETE FROM intel_content WHERE list = ?`, l.ID)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	l.Generation, err = tx.nextLists()
	return err
}

// nextLists begins another generation of what is in force. Only administer's
// transactions may: one at a time, so that whoever sees a generation sees all
// that belongs to it.
func (tx *Tx) nextLists() (int64, error) {
	text, err := tx.meta("lists")
	if err != nil && !errors.Is(err, finding.ErrNotFound) {
		return 0, err
	}
	n := int64(0)
	if text != "" {
		if n, err = strconv.ParseInt(text, 10, 64); err != nil {
			return 0, fmt.Errorf("generation of the lists: %w", err)
		}
	}
	n++
	return n, tx.do(putMeta, "lists", strconv.FormatInt(n, 10))
}

// ListsGeneration tells whether what is in force has changed: it grows with
// every change.
func (s *Store) ListsGeneration(ctx context.Context) (int64, error) {
	var text string
	if err := s.queryRow(ctx, `SELECT value FROM meta WHERE name = 'lists'`).Scan(&text); err != nil {
		return 0, fmt.Errorf("read generation of the lists: %w", notFound(err))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read generation of the lists: %w", err)
	}
	return n, nil
}

// ActiveLists returns what is in force by kind and id, and of which generation
// it is.
func (s *Store) ActiveLists(ctx context.Context) ([]ActiveList, int64, error) {
	for {
		before, err := s.ListsGeneration(ctx)
		if err != nil {
			return nil, 0, err
		}
		out, err := s.activeLists(ctx)
		if err != nil {
			return nil, 0, fmt.Errorf("read lists: %w", err)
		}
		after, err := s.ListsGeneration(ctx)
		if err != nil || after == before {
			return out, after, err
		}
	}
}

func (s *Store) activeLists(ctx context.Context) ([]ActiveList, error) {
	rows, err := s.query(ctx, `SELECT l.data, c.data FROM intel_content c JOIN intel_list l ON l.id = c.list ORDER BY l.kind, l.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []ActiveList
	for rows.Next() {
		var data []byte
		var a ActiveList
		if err := rows.Scan(&data, &a.Data); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &a.List); err != nil {
			return nil, fmt.Errorf("decode list: %w", err)
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// NoteLists notes that a worker judges by a generation of the lists.
func (s *Store) NoteLists(ctx context.Context, worker string, generation int64) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		return tx.do(`INSERT INTO intel_worker (name, generation) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET generation = excluded.generation`, worker, generation)
	})
	if err != nil {
		return fmt.Errorf("note the lists of %s: %w", worker, err)
	}
	return nil
}

// WorkersBehind returns the live workers that do not judge by a generation of
// the lists, or a later one, yet.
func (s *Store) WorkersBehind(ctx context.Context, generation int64) (names []string, err error) {
	err = s.Commit(ctx, func(tx *Tx) error {
		now, err := tx.leaseNow()
		if err != nil {
			return err
		}
		names, err = scanTexts(tx.query(`SELECT w.name FROM worker w LEFT JOIN intel_worker i ON i.name = w.name
			WHERE w.expires > ? AND coalesce(i.generation, -1) < ? ORDER BY w.name`, now, generation))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask which lists the workers have: %w", err)
	}
	return names, nil
}
