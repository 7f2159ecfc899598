package feed

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// The files of a feed, by its name: the last good list, one that is held
// aside, and what is known of both.
const (
	goodSuffix  = ".jsonl"
	heldSuffix  = ".held.jsonl"
	stateSuffix = ".json"
	tempPrefix  = ".feed-"
)

// state is what is kept of a feed beside its lists.
type state struct {
	Name      string    `json:"name"`
	Checked   time.Time `json:"checked,omitzero"`   // when it was last asked
	Confirmed time.Time `json:"confirmed,omitzero"` // when the good list was last the newest
	Next      time.Time `json:"next,omitzero"`
	Failures  int       `json:"failures,omitempty"` // in a row
	Error     string    `json:"error,omitempty"`
	Held      string    `json:"held,omitempty"` // why a list is held aside

	Good      *Snapshot `json:"good,omitempty"` // a copy of what the lists say
	HeldAside *Snapshot `json:"heldAside,omitempty"`

	unread error // why what is known cannot be read; it is only a memory
	damage error // why the good list cannot be read
}

// newest is the list that came last: that held aside, or else the good one.
func (st *state) newest() *Snapshot { return cmp.Or(st.HeldAside, st.Good) }

// conditions ask for something newer than that.
func (st *state) conditions() conditions {
	if s := st.newest(); s != nil {
		return conditions{s.ETag, s.Modified}
	}
	return conditions{}
}

func (u *Updater) path(name, suffix string) string { return filepath.Join(u.o.Dir, name+suffix) }

// read reads what is known of a feed. What the lists themselves say counts:
// another process may have died between writing the two.
func (u *Updater) read(s *Source) *state {
	st := &state{}
	text, err := os.ReadFile(u.path(s.Name, stateSuffix))
	if err == nil {
		err = json.Unmarshal(text, st)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		st = &state{} // what is damaged is written anew
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			st.unread = err
		}
	}
	st.Name = s.Name
	if st.Good, st.damage = readSnapshot(u.path(s.Name, goodSuffix)); st.Good != nil && st.Good.From != s.from() { // it is another feed now
		st = &state{Name: s.Name, unread: st.unread}
	}
	if st.HeldAside, err = readSnapshot(u.path(s.Name, heldSuffix)); err != nil || st.HeldAside != nil && st.HeldAside.From != s.from() {
		st.HeldAside = nil
	}
	if st.HeldAside == nil {
		st.Held = ""
	}
	return st
}

// write keeps what is known of a feed.
func (u *Updater) write(st *state) error {
	text, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return fmt.Errorf("feed %s: %w", st.Name, err)
	}
	f, err := u.temp()
	if err != nil {
		return fmt.Errorf("feed %s: %w", st.Name, err)
	}
	if _, err := f.Write(append(text, '\n')); err != nil {
		return errors.Join(fmt.Errorf("feed %s: %w", st.Name, err), f.Close(), os.Remove(f.Name()))
	}
	return place(f, u.path(st.Name, stateSuffix))
}

// place gives a written file its name so that it is there whole or not at all,
// whatever dies when.
func place(f *os.File, path string) error {
	err := errors.Join(f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && runtime.GOOS != "windows" {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// sweep removes what processes that died have left behind.
func sweep(dir string, now time.Time) error {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range files {
		info, err := f.Info()
		if err == nil && strings.HasPrefix(f.Name(), tempPrefix) && now.Sub(info.ModTime()) > 24*time.Hour {
			err = os.Remove(filepath.Join(dir, f.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// temp makes a file that becomes something, or is swept away.
func (u *Updater) temp() (*os.File, error) {
	if err := os.MkdirAll(u.o.Dir, 0o700); err != nil {
		return nil, err
	}
	return os.CreateTemp(u.o.Dir, tempPrefix+"*")
}
