package target

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/vedette-project/vedette/internal/publish"
)

// SecurityHub imports findings in its own format, as findings of the account's
// own product.
type SecurityHub struct{ AWS }

// SecurityHubService is its name in signatures and URLs.
const SecurityHubService = "securityhub"

// Limits of one call.
const (
	maxImported    = 100
	maxImportBytes = 5 << 20
	maxASFFBytes   = 240 << 10
)

// Send imports findings, a hundred in one call.
func (t *SecurityHub) Send(ctx context.Context, events []publish.Event) error {
	each, bodies := make(publish.Each, len(events)), make([][]byte, len(events))
	form := Form{Format: FormatASFF}
	for i := range events {
		if events[i].Finding() == nil {
			continue
		}
		if bodies[i], each[i] = form.text(&events[i]); len(bodies[i]) > maxASFFBytes {
			bodies[i], each[i] = nil, &publish.RefusedError{Reason: "it is larger than Security Hub takes, 240 KB"}
		}
	}
	for _, group := range sized(events, bodies, each, maxImported, maxImportBytes) {
		t.put(ctx, events, bodies, each, group)
	}
	return result(each)
}

func (t *SecurityHub) put(ctx context.Context, events []publish.Event, bodies [][]byte, each publish.Each, group []int) {
	var in struct{ Findings []json.RawMessage }
	for _, i := range group {
		in.Findings = append(in.Findings, bodies[i])
	}
	body, err := encode(in)
	if err != nil {
		fail(each, group, err)
		return
	}
	a, err := t.call(ctx, "/findings/import", http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		fail(each, group, err)
		return
	}
	var out struct {
		FailedCount, SuccessCount *int
		FailedFindings            []struct{ ID, ErrorCode, ErrorMessage string }
	}
	if err := json.Unmarshal(a.body, &out); err != nil || out.FailedCount == nil || out.SuccessCount == nil {
		fail(each, group, errors.New("the answer of Security Hub does not say what it took"))
		return
	}
	for _, f := range out.FailedFindings {
		for _, i := range group {
			if events[i].Finding().ARN != f.ID {
				continue
			}
			what := f.ErrorCode + ": " + plain(f.ErrorMessage)
			if f.ErrorCode == "InvalidInput" || f.ErrorCode == "LimitExceeded" {
				each[i] = &publish.RefusedError{Reason: what}
			} else {
				each[i] = errors.New("Security Hub answered " + what)
			}
		}
	}
}
