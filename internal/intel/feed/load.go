package feed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/vedette-project/vedette/internal/intel/format"
)

// ErrNoList says that there is no list of a feed that can be used: none has
// come yet, or the last good one is too old.
var ErrNoList = errors.New("no list can be used")

// Entry is an entry of a feed with what it means.
type Entry struct {
	format.Entry
	Category string
}

// Load hands out the entries of a feed's last good list that have not expired.
func (u *Updater) Load(name string, yield func(Entry) error) error {
	s, err := u.source(name)
	if err != nil {
		return err
	}
	st := u.read(s)
	now := u.o.Now()
	switch {
	case st.damage != nil:
		return fmt.Errorf("feed %s: %w", name, st.damage)
	case st.Good == nil:
		return fmt.Errorf("feed %s: %w: none has come yet", name, ErrNoList)
	case s.stale(st, now):
		return fmt.Errorf("feed %s: %w: the last good one is of %s", name, ErrNoList, st.Good.Fetched.Format(time.DateOnly))
	}
	_, err = readEntries(u.path(name, goodSuffix), func(e format.Entry) error {
		category := s.category(&e)
		if category == "" || !e.Expires.IsZero() && !e.Expires.After(now) {
			return nil
		}
		if e.Confidence < 0 && s.Confidence > 0 {
			e.Confidence = s.Confidence
		}
		return yield(Entry{e, category})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("feed %s: %w: none has come yet", name, ErrNoList)
	}
	return err
}

// stale reports whether the last good list is too old to be used.
func (s *Source) stale(st *state, now time.Time) bool {
	return s.Keep > 0 && st.Good != nil && now.Sub(latest(st.Confirmed, st.Good.Fetched)) > s.Keep
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Accept puts a list that is held aside into use: somebody has looked at it.
func (u *Updater) Accept(name string) error {
	s, err := u.source(name)
	if err != nil {
		return err
	}
	u.locks[name].Lock()
	defer u.locks[name].Unlock()
	st := u.read(s)
	if st.HeldAside == nil {
		return fmt.Errorf("feed %s: no list is held aside", name)
	}
	if err := os.Rename(u.path(name, heldSuffix), u.path(name, goodSuffix)); err != nil {
		return fmt.Errorf("feed %s: %w", name, err)
	}
	if err := syncDir(u.o.Dir); err != nil {
		return fmt.Errorf("feed %s: %w", name, err)
	}
	st.Good, st.Confirmed = st.HeldAside, u.o.Now()
	st.Held, st.HeldAside = "", nil
	return u.write(st)
}
