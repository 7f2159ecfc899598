package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresSchema is where our tables are, whatever else the database holds.
const postgresSchema = "vedette"

// OpenPostgres opens the store in the PostgreSQL database (15 or newer, UTF-8)
// that a URL names, makes its schema when it is not there, and brings it up to
// date. Several processes may do so at once. Like Open it fails with a
// *VersionError when a newer version of the program was there first.
//
// At most Options.Readers reads and Options.Writers commits run at once, each
// on a connection of its own, which are made when they are needed, again too
// after the database was away. The connections must be the client's own, not
// handed out by the transaction: a pooler between must pool sessions. Users
// need CREATE on the database the first time, or own a schema vedette.
func OpenPostgres(ctx context.Context, url string, o Options) (*Store, error) {
	s, err := open(ctx, o, func(o Options) (engine, error) { return openPostgres(ctx, url, o) })
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", redacted(url), err)
	}
	return s, nil
}

// redacted is the URL without its password.
func redacted(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" {
		return "in PostgreSQL"
	}
	u.RawQuery = "" // may hold one too
	return u.Redacted()
}

// postgres is a database that other processes use as well.
type postgres struct {
	postgresDialect
	writers *pgxpool.Pool
	readers *pgxpool.Pool
}

func openPostgres(ctx context.Context, url string, o Options) (_ *postgres, err error) {
	p := &postgres{}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.writers, err = openPool(ctx, url, o.Writers, nil); err != nil {
		return nil, err
	}
	if p.readers, err = openPool(ctx, url, o.Readers, map[string]string{"default_transaction_read_only": "on"}); err != nil {
		return nil, err
	}
	return p, p.migrate(ctx)
}

// openPool makes a pool of connections, none yet. What the operator sets in
// the URL stays.
func openPool(ctx context.Context, url string, size int, more map[string]string) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil { // it may quote the password
		return nil, errors.New("its URL cannot be read; it looks like postgres://user:password@host:5432/database?sslmode=verify-full")
	}
	c.MaxConns, c.MinConns, c.MinIdleConns = int32(size), 0, 0
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	params := c.ConnConfig.RuntimeParams
	for name, value := range map[string]string{
		"application_name": "vedette",
		// Whoever stops amid a commit must not keep others from its shard.
		"idle_in_transaction_session_timeout": "20s",
		"tcp_keepalives_idle":                 "10",
		"tcp_keepalives_interval":             "5",
		"tcp_keepalives_count":                "3",
		"jit":                                 "off", // our queries are short
	} {
		if _, ok := params[name]; !ok {
			params[name] = value
		}
	}
	params["search_path"] = postgresSchema
	params["default_transaction_isolation"] = "read committed" // what the row locks are made for
	for name, value := range more {
		params[name] = value
	}
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		// A push is answered after the commit: it must survive power loss.
		_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
		return err
	}
	return pgxpool.NewWithConfig(ctx, c)
}

func (p *postgres) close() error {
	for _, pool := range []*pgxpool.Pool{p.readers, p.writers} {
		if pool != nil {
			pool.Close()
		}
	}
	return nil
}

// read tries again once when the connection turns out to be dead: the database
// was restarted, and a read can be repeated.
func (p *postgres) read(ctx context.Context, text string, args []any) (result, error) {
	text, args = numbered(text), encodeArgs(args)
	for try := 0; ; try++ {
		rows, err := p.readers.Query(ctx, text, args...)
		if err == nil {
			r := &pgResult{rows: rows}
			if r.peek(); r.Err() == nil {
				return r, nil
			}
			err = errors.Join(r.Err(), r.Close())
		}
		if !lost(err) || try > 0 || ctx.Err() != nil {
			return nil, err
		}
		p.readers.Reset()
	}
}

// lost reports whether the connection is gone, rather than a query wrong.
func lost(err error) bool {
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		return strings.HasPrefix(e.Code, "57P") || strings.HasPrefix(e.Code, "08")
	}
	return IsTemporary(err)
}

// check looks at what PostgreSQL knows of itself. Its own references and
// constraints it has checked with every write.
func (p *postgres) check(ctx context.Context) ([]string, error) {
	return scanTexts(p.read(ctx, `
		SELECT 'database: the index ' || c.relname || ' is not valid'
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace s ON s.oid = c.relnamespace
		WHERE s.nspname = 'vedette' AND NOT (i.indisvalid AND i.indisready)
		UNION ALL
		SELECT 'database: ' || checksum_failures || ' pages had a wrong checksum'
		FROM pg_stat_database WHERE datname = current_database() AND checksum_failures > 0`, nil))
}

// numbered writes parameters the way of PostgreSQL: $1, $2, …
func numbered(text string) string {
	n := strings.Count(text, "?")
	if n == 0 {
		return text
	}
	b := make([]byte, 0, len(text)+2*n)
	for i, k := 0, 0; i < len(text); i++ {
		if text[i] != '?' {
			b = append(b, text[i])
			continue
		}
		k++
		b = strconv.AppendInt(append(b, '$'), int64(k), 10)
	}
	return string(b)
}
