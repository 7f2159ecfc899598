package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/store"
)

// fileMark is how far a file was learned from.
type fileMark struct {
	name  string // of the cursor
	at    learnedFile
	moved bool
}

// learnedFile is what the cursor of a file says.
type learnedFile struct {
	Chunks int  `json:"chunks"`
	Whole  bool `json:"whole,omitempty"`
}

// marks looks up what was learned from which file. A file is known by its
// content, so that it may be moved and rotated.
type marks struct {
	ctx     context.Context // of the command
	store   *store.Store
	by      map[string]*fileMark // by path
	known   int                  // files that were learned from whole
	damaged int64
}

// skip says how much of a file was learned from before.
func (m *marks) skip(path string) (chunks int, whole bool) {
	name, err := contentName(path)
	if err != nil || name == "" {
		return 0, false // reading it will tell; a pipe cannot be read again
	}
	f := &fileMark{name: "learned/" + name}
	m.by[path] = f
	data, err := m.store.Cursor(m.ctx, f.name)
	if err != nil || json.Unmarshal(data, &f.at) != nil {
		f.at = learnedFile{} // records that come again are told by themselves
		return 0, false
	}
	if f.at.Whole {
		m.known++
	}
	return f.at.Chunks, f.at.Whole
}

// put notes how far the file was read, in the journal behind its records.
func (m *fileMark) put(ctx context.Context, a *App) error {
	data, err := json.Marshal(m.at)
	if err != nil {
		return err
	}
	p := &ingest.Push{
		Chunk: event.Chunk{
			Stream: "learned", Received: a.Now().UTC(), Learn: true,
			Scope: event.Scope{Account: a.Config.Account, Region: a.Config.Region, Cluster: a.Config.Cluster},
		},
		Cursor: ingest.Cursor{Name: m.name, Data: data},
	}
	if err := a.writer.Append(ctx, p); err != nil {
		return fmt.Errorf("note how far a file was learned from: %w", err)
	}
	return nil
}

// ends is how much of a file's beginning and end names it.
const ends = 64 << 10

// contentName names a file by its size, its beginning and its end. It is empty
// for what is no file.
func contentName(path string) (string, error) {
	if path == "-" {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, st.Size())
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, ends)); err != nil {
		return "", err
	}
	if _, err := io.Copy(sum, io.NewSectionReader(f, max(st.Size()-ends, 0), ends)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}
