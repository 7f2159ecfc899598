package target

import (
	"context"
	"fmt"

	"github.com/vedette-project/vedette/internal/publish"
)

// File appends events to a file, one a line, in any form.
type File struct {
	Form
	Path string
}

// Send returns when the lines are on disk.
func (t *File) Send(_ context.Context, events []publish.Event) error {
	each, lines := make(publish.Each, len(events)), [][]byte(nil)
	bad := false
	for i := range events {
		if t.skips(&events[i]) {
			continue
		}
		line, err := t.text(&events[i])
		if err != nil {
			each[i], bad = err, true
			continue
		}
		lines = append(lines, line)
	}
	if err := publish.AppendLines(t.Path, lines); err != nil {
		return fmt.Errorf("publish to a file: %w", err)
	}
	if bad {
		return each
	}
	return nil
}
