package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// The modes of a rule, as the API has them.
const (
	RuleLive   = "LIVE"    // it makes findings
	RuleDryRun = "DRY_RUN" // what it would make is counted
)

// RuleMode says how a rule is to be used: an association of the API or, with
// Members, a configuration for the members of the organization.
type RuleMode struct {
	ID          string       `json:"id"`
	Rule        string       `json:"rule"` // its id in the API
	Account     string       `json:"account"`
	Mode        string       `json:"mode"`
	Members     bool         `json:"members,omitempty"`
	Include     []string     `json:"include,omitempty"`
	Exclude     []string     `json:"exclude,omitempty"`
	Tags        finding.Tags `json:"tags,omitempty"`
	ClientToken string       `json:"clientToken,omitempty"` // of the call that created it
	CreatedAt   time.Time    `json:"createdAt"`
	UpdatedAt   time.Time    `json:"updatedAt"`
}

// RuleModesGeneration tells whether modes have changed: it grows with every
// change.
func (s *Store) RuleModesGeneration(ctx context.Context) (n int64, err error) {
	if err := s.queryRow(ctx, `SELECT n FROM rule_mark WHERE name = 'modes'`).Scan(&n); err != nil {
		return 0, fmt.Errorf("read generation of the modes of rules: %w", notFound(err))
	}
	return n, nil
}

func (tx *Tx) generationOfModes() (n int64, err error) {
	err = tx.queryRow(`SELECT n FROM rule_mark WHERE name = 'modes'`).Scan(&n)
	return n, notFound(err)
}

// RuleModes returns all modes, by id, and of which generation they are at least.
func (s *Store) RuleModes(ctx context.Context) ([]RuleMode, int64, error) {
	generation, err := s.RuleModesGeneration(ctx)
	if err != nil {
		return nil, 0, err
	}
	out, err := scanRuleModes(scanTexts(s.query(ctx, `SELECT data FROM rule_mode ORDER BY id`)))
	if err != nil {
		return nil, 0, fmt.Errorf("read the modes of rules: %w", err)
	}
	return out, generation, nil
}

// ChangeRuleModes shows change all modes and writes the one that it returns, or
// removes the one whose id it returns, all in one transaction.
func (s *Store) ChangeRuleModes(ctx context.Context, change func(have []RuleMode) (put *RuleMode, drop string, err error)) error {
	err := s.administer(ctx, func(tx *Tx) error {
		have, err := scanRuleModes(scanTexts(tx.query(`SELECT data FROM rule_mode ORDER BY id`)))
		if err != nil {
			return err
		}
		put, drop, err := change(slices.Clone(have))
		if err != nil || put == nil && drop == "" {
			return err
		}
		if drop != "" {
			if err := tx.do(`DELETE FROM rule_mode WHERE id = ?`, drop); err != nil {
				return err
			}
		}
		if put != nil {
			data, err := json.Marshal(put)
			if err != nil {
				return err
			}
			if err := tx.do(`INSERT INTO rule_mode (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data`, put.ID, string(data)); err != nil {
				return err
			}
		}
		return tx.do(`UPDATE rule_mark SET n = n + 1 WHERE name = 'modes'`)
	})
	if err != nil {
		return fmt.Errorf("change the mode of a rule: %w", err)
	}
	return nil
}

func scanRuleModes(texts []string, err error) ([]RuleMode, error) {
	if err != nil {
		return nil, err
	}
	out := make([]RuleMode, len(texts))
	for i, text := range texts {
		if err := json.Unmarshal([]byte(text), &out[i]); err != nil {
			return nil, fmt.Errorf("decode the mode of a rule: %w", err)
		}
	}
	return out, nil
}
