package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// Bounds of a search for words.
const (
	// maxHits: a word that more findings have is looked for in the findings of
	// the page rather than in all.
	maxHits = 50_000
	// maxLooked is how many findings one page looks at for such words. Where
	// that does not fill it the page is short, and the next goes on from there.
	maxLooked = 2000
	lookBatch = 250
	maxBatch  = 25_000
	// idPrefix is how much of a finding's id a word must have to find it.
	idPrefix = 6
)

// FindFindings is ListFindings of the findings that have every one of some
// words, whatever their case (of ASCII), in their type or in the name of
// something that they are about: see
// [FindFields]. Six and more characters also find the id that they begin, 12
// digits an account.
//
// It takes time in proportion to the different values of those fields. A page
// may be short though a token says that more may follow.
func (s *Store) FindFindings(ctx context.Context, q finding.Query, words []string) (ids []string, next string, err error) {
	ids, next, err = s.findFindings(ctx, q, words, nil)
	if err != nil {
		return nil, "", fmt.Errorf("search findings: %w", err)
	}
	return ids, next, nil
}

// NewestFinding is the number of the finding that was stored last, 0 when
// there is none; for CountFindingsSince.
func (s *Store) NewestFinding(ctx context.Context) (n int64, err error) {
	if err := s.queryRow(ctx, `SELECT coalesce(max(n), 0) FROM finding`).Scan(&n); err != nil {
		return 0, fmt.Errorf("read the newest finding: %w", err)
	}
	return n, nil
}

// CountFindingsSince counts the findings of a search that were stored after the
// one with a number, at most q.Limit of the first thousand that were.
func (s *Store) CountFindingsSince(ctx context.Context, q finding.Query, words []string, n int64) (int, error) {
	since, err := s.numbers(ctx, `SELECT n FROM finding WHERE n > ? ORDER BY n LIMIT ?`, n, fewFindings)
	if err == nil && len(since) > 0 {
		var ids []string
		ids, _, err = s.findFindings(ctx, q, words, since)
		return len(ids), err
	}
	if err != nil {
		return 0, fmt.Errorf("count new findings: %w", err)
	}
	return 0, nil
}

// finder is a search.
type finder struct {
	*Store
	ctx      context.Context
	detector string
	query    finding.Query // its After moves through the findings
	key      sortKey
	fields   []int64
	types    []string // that findings have
	values   *values
	few      []int64 // the only findings that it can be; nil for any
	words    []word  // that these must have
}

// word is one of the words of a search.
type word struct {
	text  string // ASCII letters in lower case
	types []string
	// hits are the findings that have it; nil says that it is looked for
	// finding by finding.
	hits map[int64]bool
}

func (s *Store) findFindings(ctx context.Context, q finding.Query, words []string, few []int64) ([]string, string, error) {
	f := finder{Store: s, ctx: ctx, detector: q.DetectorID, query: q, few: few}
	if f.query.Limit <= 0 {
		f.query.Limit = defaultLimit
	}
	f.query.DetectorID += "\n" + strings.Join(words, " ") // what a token belongs to
	var err error
	if f.key, err = s.sortKey(q.Sort); err != nil {
		return nil, "", err
	}
	if q.After != "" {
		if _, err := readToken(f.query); err != nil {
			return nil, "", err
		}
	}
	for _, path := range FindFields() {
		id, err := s.sideField(path)
		if err != nil {
			return nil, "", err
		}
		f.fields = append(f.fields, id)
	}
	if len(words) > 0 {
		if f.types, err = s.typesOf(ctx, q.DetectorID); err != nil {
			return nil, "", err
		}
	}
	if len(words) > 0 && few == nil {
		if f.values, err = s.valuesOf(ctx, f.fields); err != nil {
			return nil, "", err
		}
	}
	if err := f.look(words); err != nil {
		return nil, "", err
	}
	return f.page()
}

// look finds the findings that have the words, the longest word first: when
// few have one, it is only those that the others are looked for in.
func (f *finder) look(words []string) (err error) {
	words = slices.Clone(words)
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
	for _, text := range words {
		w := word{text: lowerASCII(text)}
		for _, t := range f.types {
			if strings.Contains(lowerASCII(t), w.text) {
				w.types = append(w.types, t)
			}
		}
		if f.few == nil {
			if w.hits, err = f.hits(&w); err != nil {
				return err
			}
		}
		if w.hits == nil || len(w.hits) > fewFindings {
			f.words = append(f.words, w)
			continue
		}
		f.few = slices.AppendSeq([]int64{}, maps.Keys(w.hits))
	}
	return nil
}

// hits are the findings that have a word; nil when they are too many.
func (f *finder) hits(w *word) (map[int64]bool, error) {
	hits := map[int64]bool{}
	add := func(sql string, args ...any) error {
		if len(hits) > maxHits {
			return nil
		}
		numbers, err := f.numbers(f.ctx, sql+" LIMIT ?", append(args, maxHits+1)...)
		for _, n := range numbers {
			hits[n] = true
		}
		return err
	}
	var errs []error
	of := "SELECT f.n FROM finding f WHERE f.detector_id = ? AND "
	if len(w.types) > 0 {
		errs = append(errs, add(of+f.db.list("f.type"), f.detector, f.db.listArg(w.types)))
	}
	if w.account() {
		errs = append(errs, add(of+"f.account = ?", f.detector, w.text))
	}
	if len(w.text) >= idPrefix {
		errs = append(errs, add(of+"f.id >= ? AND f.id < ?", f.detector, w.text, w.text+"\u007f"))
	}
	text, like := f.db.searched()
	with := "SELECT v.finding FROM finding_field v WHERE v.field = ? AND "
	for _, field := range f.fields {
		if texts := f.values.with(field, w.text); len(texts) > 0 {
			errs = append(errs, add(with+f.db.list(text), field, f.db.listArg(texts)))
		}
		if last, more := f.values.more[field]; more {
			errs = append(errs, add(with+text+" > ? AND v.text "+like+" ? ESCAPE '!'", field, last, anywhere(w.text)))
		}
	}
	if err := errors.Join(errs...); err != nil || len(hits) > maxHits {
		return nil, err
	}
	return hits, nil
}

func (w *word) account() bool {
	return len(w.text) == 12 && strings.Trim(w.text, "0123456789") == ""
}

// anywhere is the pattern of texts with a word in them, for ESCAPE '!'.
func anywhere(word string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(word) + "%"
}

// numbers reads the numbers of findings.
func (s *Store) numbers(ctx context.Context, sql string, args ...any) ([]int64, error) {
	rows, err := s.query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}
