package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// FolderOptions say which folder to read; all fields are required unless said
// otherwise.
type FolderOptions struct {
	Path     string // absolute
	Scope    event.Scope
	Source   event.Source // "" finds out
	Format   string       // of flow log files without a header
	Sink     Sink
	Marks    *Marks
	Pool     *Pool
	MaxBytes int64 // of a file, decompressed
	// Machine tells a folder from that of the same path on other machines which
	// share the store; "" where there are none.
	Machine string
	Now     func() time.Time
	Sleep   func(context.Context, time.Duration) error
	Log     *slog.Logger
}

// Times of looking into a folder.
const (
	folderEvery = time.Second
	// A file is complete when it was left alone for so long.
	folderQuiet = time.Second
)

// ReadFolder reads every file that appears in a folder or below it, once, when
// it is complete, until ctx ends.
func ReadFolder(ctx context.Context, o FolderOptions) error {
	f := &folderReader{FolderOptions: o, files: map[string]*folderFile{}}
	for ctx.Err() == nil {
		if err := f.round(ctx); err != nil && ctx.Err() == nil {
			if !f.said {
				o.Log.Warn("a folder cannot be read; trying again", "folder", o.Path, "err", err)
			}
			f.said = true
		} else {
			f.said = false
		}
		if o.Sleep(ctx, folderEvery) != nil {
			break
		}
	}
	return nil
}

type folderReader struct {
	FolderOptions
	files map[string]*folderFile
	said  bool // that the folder cannot be read
}

// folderFile is a file that was seen.
type folderFile struct {
	state string // its size and when it was written to
	since time.Time
	done  string // the state in which it was read, or given up
}

func (f *folderReader) round(ctx context.Context) error {
	var ready []string
	present := map[string]bool{}
	err := filepath.WalkDir(f.Path, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path != f.Path: // it has just gone
			return nil
		case err != nil:
			return err
		case strings.HasPrefix(d.Name(), ".") && path != f.Path: // being written, by rsync and others
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		st, err := os.Stat(path)
		if err != nil || !st.Mode().IsRegular() {
			return nil
		}
		present[path] = true
		if f.isReady(path, st) {
			ready = append(ready, path)
		}
		return nil
	})
	for path := range f.files {
		if err == nil && !present[path] {
			delete(f.files, path)
		}
	}
	slices.SortStableFunc(ready, func(a, b string) int { return parseKey(a).Time.Compare(parseKey(b).Time) })
	for _, path := range ready {
		f.one(ctx, path)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return err
}

// isReady reports whether a file is complete and not read yet.
func (f *folderReader) isReady(path string, st fs.FileInfo) bool {
	now := f.Now()
	state := fmt.Sprintf("%d-%d", st.Size(), st.ModTime().UnixNano())
	file := f.files[path]
	if file == nil {
		file = &folderFile{}
		f.files[path] = file
	}
	if file.state != state {
		file.state, file.since = state, now
	}
	return file.done != state && now.Sub(file.since) >= folderQuiet
}

// one reads a file. One that cannot be read is left until it changes.
func (f *folderReader) one(ctx context.Context, path string) {
	file := f.files[path]
	known, err := f.read(ctx, path, file.state)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		f.Log.Error("a file cannot be read; it is read when it changes", "file", path, "err", err)
	case !known:
		f.Log.Debug("a file was read", "file", path)
	}
	file.done = file.state
}

func (f *folderReader) read(ctx context.Context, path, state string) (known bool, err error) {
	name := "file:" + path
	if f.Machine != "" {
		name = "file:" + f.Machine + ":" + path
	}
	m, err := f.Marks.Get(ctx, name)
	if err != nil {
		return false, err
	}
	if m.Done && m.ETag == state {
		return true, nil
	}
	if m.ETag != state {
		if m.Done {
			f.Log.Warn("a file was changed after it was read; it is read again from its start. Logs that grow belong under ingest.follow", "file", path)
		}
		m = Mark{ETag: state}
	}
	src, err := f.open(path)
	if err != nil {
		return false, err
	}
	defer src.close()
	k := parseKey(path)
	base := event.Chunk{Stream: path, Scope: k.scope(f.Scope), Source: f.Source, Format: f.Format}
	if base.Source == "" {
		base.Source = k.source()
	}
	feed := &feed{Sink: f.Sink, Marks: f.Marks, Pool: f.Pool, Now: f.Now, Sleep: f.Sleep, Log: f.Log}
	return false, feed.all(ctx, src, base, name, &m)
}

// open opens the content of a file.
func (f *folderReader) open(path string) (*content, error) {
	c := &content{name: path, max: f.MaxBytes, sum: sha256.New()}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	c.raw = func() int64 { return max(st.Size(), 1) }
	in := &Input{Name: path, close: []func() error{file.Close}}
	if err := in.decompress(file); err != nil {
		in.Close()
		return nil, err
	}
	if in.Binary {
		in.Close()
		return nil, errors.New("it is neither text nor gzip, zstd or Parquet")
	}
	c.r, c.close = in, func() { in.Close() }
	return c, nil
}
