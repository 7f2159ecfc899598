package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/ingest"
)

// inTimeOrder sorts files by the time of their first record, so that rotated
// logs are read as they were written, whatever the order of the arguments.
func (h *head) inTimeOrder(paths []string) []string {
	type timed struct {
		path  string
		first time.Time
	}
	list := make([]timed, len(paths))
	var d decode.Decoder
	var b decode.Batch
	for i, p := range paths {
		list[i] = timed{p, h.firstTime(p, &d, &b)}
	}
	slices.SortStableFunc(list, func(a, b timed) int {
		if c := a.first.Compare(b.first); c != 0 {
			return c
		}
		return strings.Compare(a.path, b.path)
	})
	for i := range list {
		paths[i] = list[i].path
	}
	return paths
}

// headBytes is how much of a file is read to learn when it begins.
const headBytes = 256 << 10

// firstTime is the event time of a file's first record, zero if it shows none.
func (h *head) firstTime(path string, d *decode.Decoder, b *decode.Batch) time.Time {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return time.Time{} // a pipe can be read once only
	}
	in, err := ingest.Open(path, nil)
	if err != nil {
		return time.Time{} // reading it will tell
	}
	defer in.Close()
	f := ingest.NewFramer(io.LimitReader(in, headBytes), h.pool)
	defer f.Close()
	c := h.kind
	if f.Next(&c) != nil {
		return time.Time{}
	}
	defer h.pool.Put(c.Data)
	b.Reset()
	d.Decode(&c, b)
	for i := range b.Events {
		if !b.Events[i].Time.IsZero() {
			return b.Events[i].Time
		}
	}
	return time.Time{}
}

// expand replaces folders by the files in them, and refuses what is not there.
func expand(paths []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, errors.New("nothing to scan: name a file, a folder, or - for standard input")
	}
	var out []string
	for _, p := range paths {
		if p == "-" {
			out = append(out, p)
			continue
		}
		if st, err := os.Stat(p); err == nil && st.IsDir() {
			p += string(filepath.Separator) // also where p is a link to a folder
		}
		err := filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && path != p && strings.HasPrefix(d.Name(), "."):
				return fs.SkipDir
			case d.IsDir() || path != p && strings.HasPrefix(d.Name(), "."):
				return nil
			case path != p && !isFile(path): // sockets, pipes, links to folders
				return nil
			}
			out = append(out, path)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for logs: %w", err)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no files in %s", strings.Join(paths, ", "))
	}
	return out, nil
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}
