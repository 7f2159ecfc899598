package decode

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

// TestFeedback: what is encoded comes back as one event, a line that is no
// feedback is told, and no log holds any.
func TestFeedback(t *testing.T) {
	want := []event.FeedbackOn{{Detector: "d1", Finding: "f1"}, {Detector: "d1", Finding: "f\"2"}}
	data, err := EncodeFeedback(want)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 5, 1, 2, 3, 4, 0, time.UTC)
	sc := event.Scope{Account: "111122223333", Region: "eu-central-1"}
	b := &Batch{}
	new(Decoder).Decode(&event.Chunk{Source: event.FeedbackGiven, Scope: sc, Data: append(data, "{\"finding\":\"x\"}\nhello\n"...), Received: at}, b)
	if len(b.Events) != 1 || b.Events[0].Scope != sc || !b.Events[0].Time.Equal(at) {
		t.Fatalf("%+v", b.Events)
	}
	if d := cmp.Diff(want, b.Events[0].Feedback.Findings); d != "" {
		t.Error(d)
	}
	var bad int64
	for _, r := range b.Rejects {
		if bad += r.Count; !strings.Contains(r.Detail, "no feedback: ") || r.Source != event.FeedbackGiven {
			t.Errorf("%+v", r)
		}
	}
	if bad != 2 {
		t.Errorf("%d were refused", bad)
	}
	for _, source := range []event.Source{"", event.K8sAudit, event.CloudTrail, event.VPCFlow, event.DNS, event.Intel} {
		b := &Batch{}
		new(Decoder).Decode(&event.Chunk{Source: source, Data: data, Learn: true}, b)
		if !b.Learn {
			t.Error("the batch does not say that it is learned from only")
		}
		for i := range b.Events {
			if b.Events[i].Feedback != nil {
				t.Errorf("%q: a log gave feedback", source)
			}
		}
	}
}

// FuzzFeedback: any bytes are feedback on something, or refused.
func FuzzFeedback(f *testing.F) {
	f.Add([]byte(`{"detector":"d","finding":"f"}` + "\n{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &Batch{}
		new(Decoder).Decode(&event.Chunk{Source: event.FeedbackGiven, Data: data}, b)
		for i := range b.Events {
			for _, on := range b.Events[i].Feedback.Findings {
				if on.Detector == "" || on.Finding == "" {
					t.Errorf("feedback on nothing: %+v", on)
				}
			}
		}
	})
}
