package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// The statuses of a source.
const (
	Healthy   = "HEALTHY"
	Unhealthy = "UNHEALTHY"
)

// SourceKey names who sends: a kind of source in a scope.
type SourceKey struct {
	Source  string `json:"source"`
	Account string `json:"account"`
	Region  string `json:"region"`
	Cluster string `json:"cluster"`
}

// Source is when a source was heard of, and whether it is well.
type Source struct {
	SourceKey
	// FirstReceived and LastReceived are of the wall clock; zero when only a
	// status was set.
	FirstReceived time.Time `json:"firstReceived,omitzero"`
	LastReceived  time.Time `json:"lastReceived,omitzero"`
	LastEvent     time.Time `json:"lastEvent,omitzero"` // event time; zero when no event had one
	Status        string    `json:"status"`
	Issue         string    `json:"issue,omitempty"`
	Updated       time.Time `json:"updated"` // when the status last changed
}

// SourceChange is the Data of a [Change] of kind [ChangeSource].
type SourceChange struct {
	Source
	PreviousStatus string `json:"previousStatus"`
}

const (
	touchSource = `INSERT INTO source (source, account, region, cluster, first_received, last_received, last_event, status, issue, updated)
		VALUES (?, ?, ?, ?, ?, ?, ?, 'HEALTHY', '', ?)
		ON CONFLICT (source, account, region, cluster) DO UPDATE SET
			first_received = coalesce(source.first_received, excluded.first_received),
			last_received = CASE WHEN source.last_received > excluded.last_received THEN source.last_received
				ELSE coalesce(excluded.last_received, source.last_received) END,
			last_event = CASE WHEN source.last_event > excluded.last_event THEN source.last_event
				ELSE coalesce(excluded.last_event, source.last_event) END`
	selectSources = `SELECT source, account, region, cluster, first_received, last_received, last_event, status, issue, updated FROM source`
	whereSource   = ` WHERE source = ? AND account = ? AND region = ? AND cluster = ?`
)

// TouchSource notes that a source sent something: when it arrived, by the wall
// clock, and the time of its newest event (zero: none had a time). A source
// that is new is healthy. The last times only grow, the first stays.
func (tx *Tx) TouchSource(k SourceKey, received, event time.Time) error {
	err := tx.do(touchSource, k.Source, k.Account, k.Region, k.Cluster, nanos(received), nanos(received), nanos(event),
		tx.store.options.Now().UnixNano())
	if err != nil {
		return fmt.Errorf("touch source %s: %w", k.Source, err)
	}
	return nil
}

// SetSourceStatus says whether a source is well and what ails it. A source
// that was never heard of is made, and counts as having been healthy. A status
// that differs from the one before is a [Change].
func (tx *Tx) SetSourceStatus(k SourceKey, status, issue string) (changed bool, err error) {
	changed, err = tx.setSourceStatus(k, status, issue)
	if err != nil {
		return false, fmt.Errorf("set status of source %s: %w", k.Source, err)
	}
	return changed, nil
}

func (tx *Tx) setSourceStatus(k SourceKey, status, issue string) (changed bool, err error) {
	read := func() (Source, error) {
		return scanSource(tx.queryRow(selectSources+whereSource+tx.store.forUpdate(), k.Source, k.Account, k.Region, k.Cluster).Scan)
	}
	src, err := read()
	if errors.Is(notFound(err), finding.ErrNotFound) {
		if err := tx.TouchSource(k, time.Time{}, time.Time{}); err != nil {
			return false, err
		}
		src, err = read()
	}
	if err != nil {
		return false, err
	}
	c := SourceChange{Source: src, PreviousStatus: src.Status}
	changed = src.Status != status
	c.Status, c.Issue = status, issue
	if changed {
		c.Updated = tx.store.options.Now().UTC()
	}
	err = tx.do(`UPDATE source SET status = ?, issue = ?, updated = ?`+whereSource,
		status, issue, c.Updated.UnixNano(), k.Source, k.Account, k.Region, k.Cluster)
	if err != nil || !changed {
		return false, err
	}
	data, err := json.Marshal(c)
	if err != nil {
		return false, err
	}
	return true, tx.addChange(Change{Kind: ChangeSource, ID: k.Source, Data: data})
}

// Sources returns every source, in order of its key.
func (s *Store) Sources(ctx context.Context) ([]Source, error) {
	rows, err := s.query(ctx, selectSources+` ORDER BY source, account, region, cluster`)
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	defer rows.Close()
	var out []Source
	for rows.Next() {
		src, err := scanSource(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read sources: %w", err)
		}
		out = append(out, src)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	return out, nil
}

func scanSource(scan func(...any) error) (Source, error) {
	var s Source
	var first, last, event sql.NullInt64
	var updated int64
	err := scan(&s.Source, &s.Account, &s.Region, &s.Cluster, &first, &last, &event, &s.Status, &s.Issue, &updated)
	s.FirstReceived, s.LastReceived, s.LastEvent = fromNanos(first), fromNanos(last), fromNanos(event)
	s.Updated = time.Unix(0, updated).UTC()
	return s, err
}
