package ingest

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// open finds the file that the position belongs to: the one followed, or the
// one it was renamed to while we were away.
func (f *follower) open() error {
	if f.pos.Inode != 0 {
		if file := f.find(); file != nil {
			f.file = file
			return nil
		}
		if f.pos.Offset > 0 {
			f.Log.Warn("the log that was followed is gone; records written to it meanwhile cannot be read", "file", f.Path)
		}
		last := f.pos
		f.pos = position{}
		if err := f.successor(time.Unix(0, last.Modified), last.Inode); err != nil || f.file != nil {
			return err
		}
	}
	file, err := os.Open(f.Path)
	if errors.Is(err, os.ErrNotExist) {
		if !f.missing {
			f.Log.Info("waiting for a log to follow", "file", f.Path)
			f.missing = true
		}
		return nil
	}
	if err != nil {
		return err
	}
	st, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	f.missing, f.file, f.pos = false, file, position{Inode: inode(st)}
	return nil
}

// find opens the file with the stored inode and head among the followed path
// and its neighbours.
func (f *follower) find() *os.File {
	dir := filepath.Dir(f.Path)
	names := []string{filepath.Base(f.Path)}
	if list, err := os.ReadDir(dir); err == nil {
		for _, e := range list {
			names = append(names, e.Name())
		}
	}
	for _, n := range names {
		st, err := os.Stat(filepath.Join(dir, n))
		if err != nil || !st.Mode().IsRegular() || inode(st) != f.pos.Inode {
			continue
		}
		file, err := os.Open(filepath.Join(dir, n))
		if err != nil {
			continue
		}
		if sum, ok := headOf(file, f.pos.Len); ok && sum == f.pos.Head {
			return file
		}
		file.Close()
	}
	return nil
}

// successor opens the oldest rotated file of the log that was written to after
// the given time, if there is one: the log may be rotated more than once while
// nobody looks. Without one, the followed path itself comes next.
func (f *follower) successor(after time.Time, not uint64) error {
	dir := filepath.Dir(f.Path)
	list, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for rotated logs: %w", err)
	}
	var next os.FileInfo
	for _, e := range list {
		st, err := e.Info()
		if err != nil || !st.Mode().IsRegular() || !f.isRotated(e.Name()) || inode(st) == not || st.ModTime().Before(after) {
			continue
		}
		if next == nil || st.ModTime().Before(next.ModTime()) {
			next = st
		}
	}
	if next == nil {
		return nil
	}
	path := filepath.Join(dir, next.Name())
	if compressed := filepath.Ext(path); compressed == ".gz" || compressed == ".zst" {
		f.Log.Error("a rotated log was compressed before it was read; scan it to see what is in it", "file", path)
		return f.successor(next.ModTime().Add(1), inode(next))
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	f.file, f.pos = file, position{Inode: inode(next)}
	return nil
}

// isRotated reports whether a name is one that rotation gives the followed
// log: NAME.1 and the like by logrotate, STEM-TIME.EXT by the API server.
func (f *follower) isRotated(name string) bool {
	base := filepath.Base(f.Path)
	if strings.HasPrefix(name, base+".") {
		return true
	}
	stem := strings.TrimSuffix(base, filepath.Ext(base)) + "-"
	rest, ok := strings.CutPrefix(name, stem)
	return ok && rest != "" && rest[0] >= '0' && rest[0] <= '9'
}

func headOf(r io.ReaderAt, n int) (uint32, bool) {
	b := make([]byte, n)
	if _, err := r.ReadAt(b, 0); err != nil && n > 0 {
		return 0, false
	}
	return crc32.ChecksumIEEE(b), true
}
