package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// File appends events to a file, one a line, for the agent of a log pipeline.
// The file may be rotated by renaming: it is opened for every batch.
type File struct{ Path string }

// Send returns when the lines are on disk.
func (t File) Send(_ context.Context, events []Event) error {
	lines := make([][]byte, 0, len(events))
	for _, e := range events {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("publish to a file: %w", err)
		}
		lines = append(lines, bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	}
	if err := AppendLines(t.Path, lines); err != nil {
		return fmt.Errorf("publish to a file: %w", err)
	}
	return nil
}

// AppendLines appends lines to a file, and returns when they are on disk. A
// line that was torn before is ended first.
func AppendLines(path string, lines [][]byte) error {
	var b bytes.Buffer
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if torn, err := endsTorn(f); err != nil {
		return err
	} else if torn { // by a write that did not fit the disk, or was killed
		b.WriteByte('\n')
	}
	for _, l := range lines {
		b.Write(l)
		b.WriteByte('\n')
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		return err
	}
	return f.Sync()
}

// endsTorn reports whether the last line has no end.
func endsTorn(f *os.File) (bool, error) {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, st.Size()-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}
