package decode

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/vedette-project/vedette/internal/event"
)

// EncodeFeedback writes the input that is decoded to an event with this
// feedback: a line for each finding.
func EncodeFeedback(list []event.FeedbackOn) ([]byte, error) {
	var b []byte
	for i := range list {
		line, err := json.Marshal(&list[i])
		if err != nil {
			return nil, fmt.Errorf("encode feedback: %w", err)
		}
		b = append(append(b, line...), '\n')
	}
	return b, nil
}

// feedback decodes a chunk of source FeedbackGiven, which is one event.
func (d *Decoder) feedback(c *event.Chunk) {
	d.scope = c.Scope
	f := &event.Feedback{}
	for line := range bytes.Lines(c.Data) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var on event.FeedbackOn
		err := json.Unmarshal(line, &on)
		if err == nil && (on.Detector == "" || on.Finding == "") {
			err = fmt.Errorf("%s names no detector or no finding", excerpt(line))
		}
		if err != nil {
			d.reject(event.Malformed, event.ReasonNotJSON, "no feedback: "+err.Error())
			continue
		}
		f.Findings = append(f.Findings, on)
	}
	if len(f.Findings) == 0 {
		return
	}
	ev := d.add(event.FeedbackGiven, c.Data, false)
	ev.Scope, ev.Time, ev.Feedback = c.Scope, c.Received, f
}
