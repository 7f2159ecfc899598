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
		found, err := f.find()
		if err != nil {
			return err
		}
		if found != nil {
			f.file, f.modified = found.file, found.modified
			return nil
		}
		next, err := f.successor(time.Unix(0, f.pos.Modified), f.pos.Inode)
		if err != nil {
			return err
		}
		if f.pos.Offset > 0 && (next == nil || next.pos.Offset == 0) {
			f.Log.Warn("the log that was followed is gone; records written to it meanwhile cannot be read", "file", f.Path)
		}
		if f.take(next); next != nil {
			return nil
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

// rotatedLog is a file to go on with.
type rotatedLog struct {
	file     *os.File
	modified time.Time // see follower
	pos      position
}

// find opens the file with the stored inode and head among the followed path
// and its neighbours.
func (f *follower) find() (*rotatedLog, error) {
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
		found, err := f.openLog(filepath.Join(dir, n), st)
		switch {
		case errors.Is(err, errUnfinished):
			return nil, err
		case err != nil:
			continue
		case f.isOurs(found.file):
			return found, nil
		}
		found.file.Close()
	}
	return nil, nil
}

// isOurs reports whether a file begins as that of the position does.
func (f *follower) isOurs(file *os.File) bool {
	sum, ok := headOf(file, f.pos.Len)
	return ok && sum == f.pos.Head
}

// openLog opens a log whose name has this state.
func (f *follower) openLog(path string, st os.FileInfo) (*rotatedLog, error) {
	file, err := f.openRotated(path)
	if err != nil {
		return nil, err
	}
	out := &rotatedLog{file: file, pos: position{Inode: inode(st)}}
	if own, err := file.Stat(); err == nil && !os.SameFile(own, st) { // a copy of what was compressed
		out.modified = st.ModTime()
	}
	return out, nil
}

// successor opens the oldest rotated file of the log that was written to after
// the given time, if there is one: the log may be rotated more than once while
// nobody looks. Without one, the followed path itself comes next. Where it is the
// file of the position, which was compressed since, it is gone on with.
func (f *follower) successor(after time.Time, not uint64) (*rotatedLog, error) {
	dir := filepath.Dir(f.Path)
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look for rotated logs: %w", err)
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
		return nil, nil
	}
	log, err := f.openLog(filepath.Join(dir, next.Name()), next)
	if err != nil {
		return nil, err
	}
	if st, err := log.file.Stat(); err == nil && f.pos.Len > 0 && st.Size() >= f.pos.Offset && !log.modified.IsZero() && f.isOurs(log.file) {
		log.pos = f.pos
		log.pos.Inode = inode(next)
	}
	return log, nil
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
