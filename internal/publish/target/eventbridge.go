package target

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/vedette-project/vedette/internal/publish"
)

// EventBridge puts events on a bus.
type EventBridge struct {
	AWS
	Bus string // name or ARN
	// Source is what events say that they are from. AWS keeps those that begin
	// with "aws." for itself.
	Source string
}

// EventBridgeService is its name in signatures and URLs.
const EventBridgeService = "events"

// Limits of one call.
const (
	maxPutEvents = 10
	maxPutBytes  = 250 << 10 // of 256 KiB, with what is around the details
)

type putEntry struct {
	Source     string   `json:"Source"`
	DetailType string   `json:"DetailType"`
	Detail     string   `json:"Detail"`
	Bus        string   `json:"EventBusName,omitempty"`
	Time       int64    `json:"Time"`
	Resources  []string `json:"Resources,omitempty"`
}

// Send puts events, ten in one call.
func (t *EventBridge) Send(ctx context.Context, events []publish.Event) error {
	each, details := make(publish.Each, len(events)), make([][]byte, len(events))
	for i := range events {
		var err error
		if details[i], err = encode(events[i].Detail); err != nil {
			each[i] = &publish.RefusedError{Reason: err.Error()}
		}
	}
	for _, group := range sized(events, details, each, maxPutEvents, maxPutBytes) {
		var in struct{ Entries []putEntry }
		for _, i := range group {
			e := &events[i]
			in.Entries = append(in.Entries, putEntry{t.Source, e.DetailType, string(details[i]), t.Bus, e.Time.Unix(), resourceARNs(e)})
		}
		t.put(ctx, in, each, group)
	}
	return result(each)
}

func (t *EventBridge) put(ctx context.Context, in any, each publish.Each, group []int) {
	body, err := encode(in)
	if err != nil {
		fail(each, group, err)
		return
	}
	a, err := t.call(ctx, "/", http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"AWSEvents.PutEvents"}}, body)
	if err != nil {
		fail(each, group, err)
		return
	}
	var out struct {
		Entries []struct{ EventID, ErrorCode, ErrorMessage string }
	}
	if err := json.Unmarshal(a.body, &out); err != nil || len(out.Entries) != len(group) {
		fail(each, group, errors.New("the answer of EventBridge does not speak of every event"))
		return
	}
	for k, r := range out.Entries {
		switch what := r.ErrorCode + ": " + plain(r.ErrorMessage); {
		case r.ErrorCode == "":
		case awsRefuses(r.ErrorCode):
			each[group[k]] = &publish.RefusedError{Reason: what}
		default:
			each[group[k]] = errors.New("EventBridge answered " + what + awsAdvice(r.ErrorCode))
		}
	}
}

// resourceARNs are the ARNs of what an event is about.
func resourceARNs(e *publish.Event) []string {
	if f := e.Finding(); f != nil {
		return []string{f.ARN}
	}
	return nil
}
