package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Options are what a store needs beside its file.
type Options struct {
	// Now is the wall clock, by which retention counts and detectors are marked
	// deleted. Required.
	Now func() time.Time
	// Readers is how many reads may run at once; 0 means 4. In PostgreSQL each
	// takes a connection.
	Readers int
	// Writers is how many commits of this process may run at once in
	// PostgreSQL, each on a connection; 0 means 8. SQLite has one writer.
	Writers int
	// BusyTimeout is how long a write waits for another process that writes to
	// the same file; 0 means 10 s.
	BusyTimeout time.Duration
}

func (o Options) withDefaults() (Options, error) {
	if o.Now == nil {
		return o, errors.New("no clock given")
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if o.Writers <= 0 {
		o.Writers = 8
	}
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = 10 * time.Second
	}
	return o, nil
}

// Store is an open store. Its methods may be called concurrently.
type Store struct {
	options Options
	db      engine

	fieldIDs map[string]int64 // by finding.Field.Path; set by Open, then read-only
}

// Open opens the store file, making it (readable by its owner only) when it is
// not there, and brings its schema up to date. It fails with a *VersionError,
// and changes nothing, when a newer version of the program wrote the file.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	s, err := open(ctx, o, func(o Options) (engine, error) { return openSQLite(ctx, path, o) })
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, o Options, openEngine func(Options) (engine, error)) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	db, err := openEngine(o)
	if err != nil {
		return nil, err
	}
	s := &Store{options: o, db: db}
	if err := s.loadFields(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close waits for running calls and closes the store.
func (s *Store) Close() error { return s.db.close() }
