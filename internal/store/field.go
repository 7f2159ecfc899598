package store

import (
	"context"
	"fmt"

	"github.com/vedette-project/vedette/internal/finding"
)

// reindexBatch is how many findings one transaction of a reindex rewrites.
const reindexBatch = 200

// loadFields reads the numbers that stand for field paths in finding_field.
// When the file was written with another field table than ours it is brought
// up to date first, so that criteria may rely on it.
func (s *Store) loadFields(ctx context.Context) error {
	var version string
	err := s.queryRow(ctx, `SELECT coalesce((SELECT value FROM meta WHERE name = 'flatten'), '')`).Scan(&version)
	if err != nil {
		return fmt.Errorf("read field version: %w", err)
	}
	stale := version != finding.FlattenVersion()
	if stale {
		if err := s.addFields(ctx); err != nil {
			return fmt.Errorf("add fields: %w", err)
		}
	}
	if err := s.readFieldIDs(ctx); err != nil {
		return fmt.Errorf("read fields: %w", err)
	}
	if !stale {
		return nil
	}
	if err := s.reindex(ctx); err != nil {
		return fmt.Errorf("reindex findings: %w", err)
	}
	return nil
}

func (s *Store) addFields(ctx context.Context) error {
	return s.Commit(ctx, func(tx *Tx) error {
		for _, f := range finding.FieldList() {
			if err := tx.do(`INSERT INTO field (path) VALUES (?) ON CONFLICT DO NOTHING`, f.Path); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) readFieldIDs(ctx context.Context) error {
	rows, err := s.query(ctx, `SELECT path, id FROM field`)
	if err != nil {
		return err
	}
	defer rows.Close()
	s.fieldIDs = map[string]int64{}
	for rows.Next() {
		var path string
		var id int64
		if err := rows.Scan(&path, &id); err != nil {
			return err
		}
		s.fieldIDs[path] = id
	}
	return rows.Err()
}

// reindex flattens every finding again. It may be stopped anywhere and starts
// over at the next Open, for the version is written last.
func (s *Store) reindex(ctx context.Context) error {
	for after, done := int64(-1), false; !done; {
		err := s.Commit(ctx, func(tx *Tx) error {
			batch, err := tx.bodiesAfter(after, reindexBatch)
			if err != nil {
				return err
			}
			for _, b := range batch {
				after = b.n
				values, err := finding.FlattenJSON(b.wire)
				if err != nil {
					return err
				}
				before, err := tx.indexedNow(b.n)
				if err != nil {
					return err
				}
				if err := tx.putFields(b.n, before, tx.indexed(values)); err != nil {
					return err
				}
			}
			done = len(batch) < reindexBatch
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.Commit(ctx, func(tx *Tx) error {
		return tx.do(putMeta, "flatten", finding.FlattenVersion())
	})
}

type body struct {
	n    int64
	wire []byte
}

func (tx *Tx) bodiesAfter(n int64, limit int) ([]body, error) {
	rows, err := tx.query(`SELECT finding, wire FROM finding_body WHERE finding > ? ORDER BY finding LIMIT ?`+tx.store.forUpdate(), n, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []body
	for rows.Next() {
		var b body
		if err := rows.Scan(&b.n, &b.wire); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, rows.Err()
}
