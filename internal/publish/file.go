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
	var b bytes.Buffer
	f, err := os.OpenFile(t.Path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("publish to a file: %w", err)
	}
	defer f.Close()
	if torn, err := endsTorn(f); err != nil {
		return fmt.Errorf("publish to a file: %w", err)
	} else if torn { // by a write that did not fit the disk, or was killed
		b.WriteByte('\n')
	}
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, e := range events {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("publish to a file: %w", err)
		}
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		return fmt.Errorf("publish to a file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("publish to a file: %w", err)
	}
	return nil
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
