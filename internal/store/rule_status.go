package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// RuleInfo is a rule as it was loaded last.
type RuleInfo struct {
	Rule    string   `json:"rule"` // its id, or else its name or title
	Version string   `json:"version,omitempty"`
	ID      string   `json:"id"` // in the API
	Title   string   `json:"title"`
	Kind    string   `json:"kind"` // rule, builtin, or the type of a correlation
	Level   string   `json:"level,omitempty"`
	Events  []string `json:"events,omitempty"` // the kinds of events that it is about
	Quiet   bool     `json:"quiet,omitempty"`  // only a correlation asks for it
	File    string   `json:"file,omitempty"`
	Line    int      `json:"line,omitempty"`
	Types   []string `json:"types,omitempty"`  // of its findings
	Attack  []string `json:"attack,omitempty"` // tactics and techniques of ATT&CK, as its tags name them: persistence, t1098
}

// RuleCount is what a rule did in a shard, to be added.
type RuleCount struct {
	Rule, Version string
	Matched       int64     // events
	Found         int64     // new findings
	Would         int64     // new findings that a dry run did not make
	Last          time.Time // event time of the newest match; zero: none
	Asked         int64     // events of which the time was taken
	Took          time.Duration
}

// RuleStatus is a rule, and what it did since it has its present text.
type RuleStatus struct {
	RuleInfo
	Known time.Time // wall clock, when it was loaded first
	Since time.Time // likewise, with its present text
	RuleCount
}

const (
	addRuleCount = `INSERT INTO rule_status (rule, version, shard, matched, found, would, last, asked, took, noted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (rule, version, shard) DO UPDATE SET matched = rule_status.matched + excluded.matched, found = rule_status.found + excluded.found,
			would = rule_status.would + excluded.would, asked = rule_status.asked + excluded.asked, took = rule_status.took + excluded.took,
			last = CASE WHEN rule_status.last > excluded.last THEN rule_status.last ELSE coalesce(excluded.last, rule_status.last) END,
			noted = excluded.noted`
	putRuleInfo = `INSERT INTO rule_info (rule, version, known, since, gone, data) VALUES (?, ?, ?, ?, NULL, ?)
		ON CONFLICT (rule) DO UPDATE SET version = excluded.version, data = excluded.data, gone = NULL,
			since = CASE WHEN rule_info.version = excluded.version AND rule_info.gone IS NULL THEN rule_info.since ELSE excluded.since END`
	selectRuleStatus = `SELECT i.data, i.known, i.since, coalesce(s.matched, 0), coalesce(s.found, 0), coalesce(s.would, 0), s.last, coalesce(s.asked, 0), coalesce(s.took, 0)
		FROM rule_info i LEFT JOIN rule_status s ON s.rule = i.rule AND s.version = i.version
		WHERE i.gone IS NULL ORDER BY i.rule`
)

// AddRuleCounts adds what rules did in a shard to what is stored.
func (tx *Tx) AddRuleCounts(shard int, rows []RuleCount) error {
	now := tx.store.options.Now().UnixNano()
	for _, r := range slices.SortedFunc(slices.Values(rows), func(a, b RuleCount) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Version, b.Version))
	}) {
		err := tx.do(addRuleCount, r.Rule, r.Version, int64(shard), r.Matched, r.Found, r.Would, nanos(r.Last), r.Asked, int64(r.Took), now)
		if err != nil {
			return fmt.Errorf("count what rule %s did: %w", r.Rule, err)
		}
	}
	return nil
}

// RuleStatuses returns the rules that are loaded, by their names, with what
// they did.
func (s *Store) RuleStatuses(ctx context.Context) ([]RuleStatus, error) {
	out, err := s.ruleStatuses(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what rules did: %w", err)
	}
	return out, nil
}

func (s *Store) ruleStatuses(ctx context.Context) (out []RuleStatus, err error) {
	rows, err := s.query(ctx, selectRuleStatus)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() { // one of each shard
		var st RuleStatus
		var data []byte
		var known, since, took int64
		var last sql.NullInt64
		c := &st.RuleCount
		if err := rows.Scan(&data, &known, &since, &c.Matched, &c.Found, &c.Would, &last, &c.Asked, &took); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &st.RuleInfo); err != nil {
			return nil, fmt.Errorf("decode a rule: %w", err)
		}
		c.Rule, c.Version, c.Took, c.Last = st.RuleInfo.Rule, st.RuleInfo.Version, time.Duration(took), fromNanos(last)
		st.Known, st.Since = time.Unix(0, known).UTC(), time.Unix(0, since).UTC()
		if n := len(out); n > 0 && out[n-1].RuleInfo.Rule == c.Rule {
			out[n-1].add(c)
			continue
		}
		out = append(out, st)
	}
	return out, rows.Err()
}

// add adds the counts of another shard.
func (c *RuleCount) add(o *RuleCount) {
	c.Matched, c.Found, c.Would, c.Asked, c.Took = c.Matched+o.Matched, c.Found+o.Found, c.Would+o.Would, c.Asked+o.Asked, c.Took+o.Took
	if o.Last.After(c.Last) {
		c.Last = o.Last
	}
}

// ruleCountsKept is for how long counts of a text are kept that a rule has no
// more: who takes a change back finds them again.
const ruleCountsKept = 30 * 24 * time.Hour

// PutRules says which rules are loaded now. What a rule did counts for the text
// that it has.
func (s *Store) PutRules(ctx context.Context, rules []RuleInfo) error {
	now := s.options.Now()
	err := s.administer(ctx, func(tx *Tx) error {
		there := map[string]bool{}
		for _, r := range rules {
			there[r.Rule] = true
		}
		known, err := scanTexts(tx.query(`SELECT rule FROM rule_info WHERE gone IS NULL`))
		if err != nil {
			return err
		}
		for _, name := range known {
			if there[name] {
				continue
			}
			if err := tx.do(`UPDATE rule_info SET gone = ? WHERE rule = ?`, now.UnixNano(), name); err != nil {
				return err
			}
		}
		for _, r := range rules {
			data, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if err := tx.do(putRuleInfo, r.Rule, r.Version, now.UnixNano(), now.UnixNano(), string(data)); err != nil {
				return err
			}
		}
		before := now.Add(-ruleCountsKept).UnixNano()
		if err := tx.do(`DELETE FROM rule_info WHERE gone < ?`, before); err != nil {
			return err
		}
		return tx.do(`DELETE FROM rule_status WHERE noted < ? AND NOT EXISTS
			(SELECT 1 FROM rule_info i WHERE i.rule = rule_status.rule AND i.version = rule_status.version)`, before)
	})
	if err != nil {
		return fmt.Errorf("note which rules are loaded: %w", err)
	}
	return nil
}

// RuleWorker is by which rules a process judges, and what is wrong with those
// that it should judge by.
type RuleWorker struct {
	Name   string    `json:"name"`
	Set    string    `json:"set"` // version of the set
	Rules  int       `json:"rules"`
	Loaded time.Time `json:"loaded"`
	// Fault is what keeps the rules as they are on disk now from being taken up,
	// since a moment; those before are in force.
	Fault      string    `json:"fault,omitempty"`
	FaultSince time.Time `json:"faultSince,omitzero"`
	// Live is false for a process that is not heard of any more.
	Live bool `json:"live"`
}

// NoteRules notes by which rules a process judges.
func (s *Store) NoteRules(ctx context.Context, w RuleWorker) error {
	data, err := json.Marshal(w)
	if err == nil {
		err = s.Commit(ctx, func(tx *Tx) error {
			if err := tx.do(`DELETE FROM rule_worker WHERE name <> ? AND name NOT IN (SELECT name FROM worker)`, w.Name); err != nil {
				return err
			}
			return tx.do(`INSERT INTO rule_worker (name, data) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET data = excluded.data`, w.Name, string(data))
		})
	}
	if err != nil {
		return fmt.Errorf("note the rules of %s: %w", w.Name, err)
	}
	return nil
}

// RuleWorkers returns by which rules each process judges, by name.
func (s *Store) RuleWorkers(ctx context.Context) (out []RuleWorker, err error) {
	err = s.Commit(ctx, func(tx *Tx) error {
		now, err := tx.leaseNow()
		if err != nil {
			return err
		}
		live, err := scanTexts(tx.query(`SELECT name FROM worker WHERE expires > ?`, now))
		if err != nil {
			return err
		}
		all, err := scanTexts(tx.query(`SELECT data FROM rule_worker ORDER BY name`))
		for _, data := range all {
			var w RuleWorker
			if err := json.Unmarshal([]byte(data), &w); err != nil {
				return fmt.Errorf("decode a worker: %w", err)
			}
			w.Live = slices.Contains(live, w.Name)
			out = append(out, w)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the rules of the workers: %w", err)
	}
	return out, nil
}
