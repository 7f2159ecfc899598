package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

// migrate makes the schema and brings it to the newest version in one
// transaction, which only one process can be in.
func (p *postgres) migrate(ctx context.Context) error {
	steps, err := migrationsIn(postgresMigrations, "migrations/postgres/")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	cluster := p.cluster(ctx)
	err = pgx.BeginFunc(ctx, p.writers, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(lockMigrate)); err != nil {
			return err
		}
		return migratePostgres(ctx, tx, steps, cluster)
	})
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func migratePostgres(ctx context.Context, tx pgx.Tx, steps []string, cluster string) error {
	version, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return &VersionError{File: version, Binary: len(steps)}
	}
	for from, step := range steps[version:] {
		if _, err := tx.Exec(ctx, step); err != nil {
			return fmt.Errorf("to version %d: %w", version+from+1, err)
		}
	}
	if version < len(steps) {
		if _, err := tx.Exec(ctx, numbered(putMeta), "schema", strconv.Itoa(len(steps))); err != nil {
			return err
		}
	}
	return newEra(ctx, tx, cluster)
}

// schemaVersion makes an empty schema where there is none, and knows it as
// version 0.
func schemaVersion(ctx context.Context, tx pgx.Tx) (int, error) {
	var encoding string
	var schema, ours bool
	var tables int
	err := tx.QueryRow(ctx, `SELECT current_setting('server_encoding'), to_regnamespace($1) IS NOT NULL, to_regclass($1 || '.meta') IS NOT NULL,
		(SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p', 'v', 'm'))`, postgresSchema).
		Scan(&encoding, &schema, &ours, &tables)
	switch {
	case err != nil:
		return 0, err
	case encoding != "UTF8":
		return 0, fmt.Errorf("the database is encoded in %s, not UTF8", encoding)
	case !schema:
		_, err := tx.Exec(ctx, `CREATE SCHEMA `+postgresSchema)
		return 0, err
	case tables == 0:
		return 0, nil
	case !ours:
		return 0, errors.New("its schema vedette has tables of another program")
	}
	var text string
	if err := tx.QueryRow(ctx, `SELECT value FROM meta WHERE name = 'schema'`).Scan(&text); err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// cluster names the PostgreSQL installation; "" when it may not be asked.
func (p *postgres) cluster(ctx context.Context) (id string) {
	err := p.readers.QueryRow(ctx, `SELECT system_identifier::text FROM pg_control_system()`).Scan(&id)
	if err != nil {
		return ""
	}
	return id
}

// newEra begins where the tables were moved to another installation, by dump
// and restore say: its transactions count from elsewhere.
func newEra(ctx context.Context, tx pgx.Tx, cluster string) error {
	var before string
	err := tx.QueryRow(ctx, `SELECT value FROM meta WHERE name = 'cluster'`).Scan(&before)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if cluster == "" || cluster == before {
		return nil
	}
	if before != "" {
		if _, err := tx.Exec(ctx, `UPDATE meta SET value = (value::bigint + 1)::text WHERE name = 'era'`); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, numbered(putMeta), "cluster", cluster)
	return err
}
