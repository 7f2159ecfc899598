package store

import (
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// page goes through the findings that match the criteria, in their order, and
// takes those that have the words.
func (f *finder) page() (ids []string, next string, err error) {
	if f.few != nil && len(f.few) == 0 {
		return nil, "", nil
	}
	m, err := f.query.Criteria.Compile()
	if err != nil {
		return nil, "", err
	}
	looking := slices.ContainsFunc(f.words, func(w word) bool { return w.hits == nil })
	looked := 0
	for batch := lookBatch; ; batch = min(10*batch, maxBatch) {
		all, err := f.candidates(m, batch)
		if err != nil {
			return nil, "", err
		}
		for some := range slices.Chunk(f.hit(all), lookBatch) {
			having, err := f.having(some)
			if err != nil {
				return nil, "", err
			}
			for i := range having {
				if len(ids) == f.query.Limit {
					return ids, f.query.After, nil
				}
				ids = append(ids, having[i].id)
				f.goOnAfter(&having[i])
			}
			f.goOnAfter(&some[len(some)-1])
			if looked += len(some); looking && looked >= maxLooked {
				return ids, f.query.After, nil
			}
		}
		if len(all) < batch {
			return ids, "", nil
		}
		f.goOnAfter(&all[len(all)-1])
	}
}

func (f *finder) goOnAfter(c *candidate) { f.query.After = newToken(f.query, c.key, c.id) }

// candidate is a finding that matches the criteria.
type candidate struct {
	n        int64
	id, kind string
	account  string
	key      any
}

func (f *finder) candidates(m finding.Matcher, limit int) ([]candidate, error) {
	var w where
	from, err := f.matching(f.ctx, &w, f.detector, m)
	if err != nil {
		return nil, err
	}
	if f.few != nil {
		from = condition{f.db.few(), []any{f.db.listArg(f.few)}}
	}
	if f.query.After != "" {
		t, err := readToken(f.query)
		if err == nil && !f.key.accepts(t) {
			err = finding.ErrBadToken
		}
		if err != nil {
			return nil, err
		}
		f.key.after(&w, t.key(), t.ID)
	}
	columns := "f.n, f.id, f.type, '', "
	if slices.ContainsFunc(f.words, func(w word) bool { return w.account() }) { // no index has it
		columns = "f.n, f.id, f.type, f.account, "
	}
	rows, err := f.Store.query(f.ctx, "SELECT "+columns+f.key.sql+" FROM "+from.sql+
		" WHERE "+w.sql.String()+" ORDER BY "+f.key.orderBy()+" LIMIT ?",
		slices.Concat(f.key.args, from.args, w.args, f.key.args, []any{limit})...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []candidate
	for rows.Next() {
		var c candidate
		if err := rows.Scan(&c.n, &c.id, &c.kind, &c.account, &c.key); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// hit are those of some findings that are hits of all words whose hits are known.
func (f *finder) hit(all []candidate) []candidate {
	return slices.DeleteFunc(slices.Clone(all), func(c candidate) bool {
		return slices.ContainsFunc(f.words, func(w word) bool { return w.hits != nil && !w.hits[c.n] })
	})
}

// having are those of some findings that have the other words.
func (f *finder) having(all []candidate) ([]candidate, error) {
	left := slices.Clone(all)
	for i := range f.words {
		w := &f.words[i]
		if w.hits != nil || len(left) == 0 {
			continue
		}
		naming, err := f.naming(left, w.text)
		if err != nil {
			return nil, err
		}
		left = slices.DeleteFunc(left, func(c candidate) bool {
			return !naming[c.n] && !slices.Contains(w.types, c.kind) && c.account != w.text &&
				(len(w.text) < idPrefix || !strings.HasPrefix(c.id, w.text))
		})
	}
	return left, nil
}

// naming are those of some findings that have a word in one of the fields.
func (f *finder) naming(all []candidate, text string) (map[int64]bool, error) {
	asked := make([]int64, len(all))
	for i := range all {
		asked[i] = all[i].n
	}
	_, like := f.db.searched()
	numbers, err := f.numbers(f.ctx, "SELECT v.finding FROM finding_field v WHERE "+f.db.list("v.finding")+" AND "+f.db.list("v.field")+
		" AND v.text "+like+" ? ESCAPE '!'", f.db.listArg(asked), f.db.listArg(f.fields), anywhere(text))
	out := make(map[int64]bool, len(numbers))
	for _, n := range numbers {
		out[n] = true
	}
	return out, err
}
