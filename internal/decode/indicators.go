package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// EncodeIndicators writes the input that is decoded to an event with these
// indicators: a line of its own for the time, and one for each entry.
func EncodeIndicators(at time.Time, list []event.Indicator) ([]byte, error) {
	b, err := json.Marshal(indicatorHead{at})
	if err != nil {
		return nil, fmt.Errorf("encode indicators: %w", err)
	}
	for i := range list {
		line, err := json.Marshal(&list[i])
		if err != nil {
			return nil, fmt.Errorf("encode indicators: %w", err)
		}
		b = append(append(b, '\n'), line...)
	}
	return append(b, '\n'), nil
}

type indicatorHead struct {
	Added time.Time `json:"added"`
}

// indicators decodes a chunk of source Intel, which is one event.
func (d *Decoder) indicators(c *event.Chunk) {
	d.scope = c.Scope
	at := c.Received
	ind := &event.Indicators{}
	for line := range bytes.Lines(c.Data) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := readIndicator(line, ind, &at); err != nil {
				d.reject(event.Malformed, event.ReasonNotJSON, "no entry of a list: "+err.Error())
			}
		}
		if d.line > 0 {
			d.line++
		}
	}
	if len(ind.List) == 0 {
		return
	}
	ev := d.add(event.Intel, c.Data, false)
	ev.Scope, ev.Time, ev.Indicators = c.Scope, at, ind
}

// readIndicator reads a line: an entry, or the time that the first one tells.
func readIndicator(line []byte, ind *event.Indicators, at *time.Time) error {
	var entry struct {
		event.Indicator
		Added *time.Time `json:"added"`
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		return fmt.Errorf("%s: %w", excerpt(line), err)
	}
	switch {
	case entry.Entry != "" && entry.List != "" && entry.Category != "":
		ind.List = append(ind.List, entry.Indicator)
	case entry.Added != nil:
		*at = entry.Added.UTC()
	default:
		return fmt.Errorf("%s has no entry, list or category", excerpt(line))
	}
	return nil
}
