package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Options are what a store needs beside its file.
type Options struct {
	// Now is the wall clock, by which retention counts and detectors are marked
	// deleted. Required.
	Now func() time.Time
	// Readers is how many reads may run at once; 0 means 4.
	Readers int
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
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = 10 * time.Second
	}
	return o, nil
}

// Store is an open store file. Its methods may be called concurrently.
type Store struct {
	options Options
	write   *sql.DB // one connection: SQLite has one writer at a time anyway
	read    *sql.DB // cannot write

	// Set by Open, then read-only.
	statements map[string]*sql.Stmt // on write, by their text
	fieldIDs   map[string]int64     // by finding.Field.Path
}

// Open opens the store file, making it (readable by its owner only) when it is
// not there, and brings its schema up to date. It fails with a *VersionError,
// and changes nothing, when a newer version of the program wrote the file.
func Open(ctx context.Context, path string, o Options) (_ *Store, err error) {
	o, err = o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{options: o}
	defer func() {
		if err != nil {
			err = fmt.Errorf("open store %s: %w", path, errors.Join(err, s.Close()))
		}
	}()
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	if err := checkOurs(ctx, path, o); err != nil {
		return nil, err
	}
	s.write, s.read = openPools(path, o)
	if err := migrate(ctx, s.write); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if err := s.loadFields(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Close waits for running calls and closes the file.
func (s *Store) Close() error {
	var errs []error
	for _, st := range s.statements {
		errs = append(errs, st.Close())
	}
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
