package store

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// Keys of our advisory locks.
const (
	lockMigrate    = 0x5664747401
	lockAdminister = 0x5664747402
)

// postgresDialect is for several processes and transactions at a time.
type postgresDialect struct{}

func (postgresDialect) forUpdate() string  { return " FOR UPDATE" }
func (postgresDialect) skipLocked() string { return " FOR UPDATE SKIP LOCKED" }
func (postgresDialect) identityIs() string { return "digest(f.identity) = digest(?)" }

// A transaction below the oldest that runs has ended, and none can begin there.
// The rows of former eras are from other databases.
func (postgresDialect) settled() string {
	return `(era < (SELECT value::bigint FROM meta WHERE name = 'era')
		OR xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)`
}

func (postgresDialect) administer(tx *Tx) error {
	return tx.do(`SELECT pg_advisory_xact_lock(?)`, int64(lockAdminister))
}

func (postgresDialect) leaseNow(tx *Tx) (now int64, err error) {
	err = tx.queryRow(`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint`).Scan(&now)
	return now, err
}

func (postgresDialect) deleteValues(tx *Tx, n int64, rows []fieldText) error {
	if len(rows) == 0 {
		return nil
	}
	fields, texts := make([]int64, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		fields[i], texts[i] = r.field, r.text
	}
	return tx.do(`DELETE FROM finding_field v USING unnest(?::bigint[], ?::text[]) AS gone(field, text)
		WHERE v.finding = ? AND v.field = gone.field AND v.text = gone.text`, fields, texts, n)
}

func (postgresDialect) insertValues(tx *Tx, n int64, rows []fieldText, numbers map[fieldText]any) error {
	if len(rows) == 0 {
		return nil
	}
	fields, texts := make([]int64, len(rows)), make([]string, len(rows))
	nums, addrs := make([]*float64, len(rows)), make([]*string, len(rows))
	for i, r := range rows {
		fields[i], texts[i] = r.field, r.text
		if f, ok := numbers[r].(float64); ok {
			nums[i] = &f
		}
		if a, err := netip.ParseAddr(r.text); err == nil {
			text := a.WithZone("").String()
			addrs[i] = &text
		}
	}
	return tx.do(`INSERT INTO finding_field (finding, field, text, num, addr)
		SELECT ?::bigint, v.field, v.text, v.num, v.addr::inet
		FROM unnest(?::bigint[], ?::text[], ?::float8[], ?::text[]) AS v(field, text, num, addr)`, n, fields, texts, nums, addrs)
}

func (postgresDialect) list(column string) string { return column + " = ANY(?)" }
func (postgresDialect) listArg(list any) any      { return list }

func (postgresDialect) few() string {
	return "unnest(?::bigint[]) AS few(value) JOIN finding f ON f.n = few.value"
}

// indexedRunes is how much of a text is in the index of values.
const indexedRunes = 200

// sideEquals goes by the index, which has the beginnings of the texts.
func (postgresDialect) sideEquals(texts []string) (string, []any) {
	starts := make(encodedTexts, len(texts))
	for i, t := range texts {
		starts[i] = encodeText(t)
		if runes := []rune(starts[i]); len(runes) > indexedRunes {
			starts[i] = string(runes[:indexedRunes])
		}
	}
	return fmt.Sprintf("left(v.text, %d) = ANY(?) AND v.text = ANY(?)", indexedRunes), []any{starts, texts}
}

func (postgresDialect) within(_ source, p netip.Prefix) condition {
	return condition{"coalesce(v.addr <<= ?, FALSE)", []any{p}}
}

func (postgresDialect) fits(src source, p *finding.Pattern) (condition, error) {
	expression, err := patternExpression(p)
	return condition{src.text + " ~ ?", []any{expression}}, err
}

func (postgresDialect) jsonText(column, path string) string {
	return "json_text(" + column + ", '{" + strings.ReplaceAll(path, ".", ",") + "}')"
}
