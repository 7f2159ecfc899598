package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
)

// TryRule scans the records of a rule's test, and returns what is wrong if the
// rule does not do with them what the test says. A rule that is quiet finds
// nothing.
func TryRule(ctx context.Context, set *rule.Set, r *rule.Rule, t *rule.Test) error {
	text, err := t.Log()
	if err != nil {
		return err
	}
	res, err := Scan(ctx, ScanOptions{
		Paths: []string{"-"}, Stdin: strings.NewReader(text), Workers: 1,
		Scope:  event.Scope{Account: "111122223333", Region: "us-east-1", Cluster: "example"},
		Detect: detect.Options{Rules: set, LegacyKubernetes: true}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	if evaluated := res.Ledger.Outcomes[event.Evaluated]; evaluated < int64(len(t.Records)) {
		return fmt.Errorf("of its %d records only %d could be judged: %v", len(t.Records), evaluated, res.Ledger.Reasons)
	}
	fired := false
	for _, f := range res.Findings {
		fired = fired || madeBy(f, r)
	}
	switch {
	case fired && !t.Fires:
		return errors.New("it fires, and must not")
	case !fired && t.Fires:
		return errors.New("it does not fire, and must")
	}
	return nil
}

// madeBy reports whether a rule made a finding.
func madeBy(f *finding.Finding, r *rule.Rule) bool {
	var info struct {
		Rule struct{ ID, Name, Title string }
	}
	if f.Service.AdditionalInfo == nil || json.Unmarshal([]byte(f.Service.AdditionalInfo.Value), &info) != nil {
		return false
	}
	return info.Rule.ID == r.ID && info.Rule.Name == r.Name && info.Rule.Title == r.Title
}
