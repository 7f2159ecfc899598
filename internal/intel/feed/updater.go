package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/intel/format"
)

// Options are what an Updater works with.
type Options struct {
	Dir    string // is made when something is kept in it
	Client *http.Client
	Now    func() time.Time
	// Sleep waits, or returns the context's error; a timer if it is nil.
	Sleep func(context.Context, time.Duration) error
	Rand  *rand.Rand
	Log   *slog.Logger
	Agent string // how requests name themselves
	// Check says why an entry should not be believed: because a warning list
	// has it. nil believes all. It may be called concurrently.
	Check func(format.Entry) error
	// Changed is told the names of feeds with a new list, also if another
	// process has fetched it. nil tells nobody.
	Changed func(names []string)
}

// Updater fetches feeds. Its methods may be called concurrently.
type Updater struct {
	o               Options
	sources         []Source
	public, private *http.Client
	locks           map[string]*sync.Mutex // of each feed; the map never changes

	randMu sync.Mutex // guards o.Rand
}

// New returns an updater of some sources.
func New(o Options, sources []Source) (*Updater, error) {
	u := &Updater{o: o, sources: slices.Clone(sources), locks: map[string]*sync.Mutex{}}
	u.o.Agent = cmp.Or(o.Agent, "vedette")
	if o.Sleep == nil {
		u.o.Sleep = sleep
	}
	for i := range u.sources {
		s := &u.sources[i]
		if err := s.check(); err != nil {
			return nil, err
		}
		if strings.Contains(s.URL, "{key}") && s.Secret == "" {
			return nil, fmt.Errorf("feed %q: secret: the url wants a {key}; name the file that holds it", s.Name)
		}
		if u.locks[s.Name] != nil {
			return nil, fmt.Errorf("feed %q is there twice", s.Name)
		}
		u.locks[s.Name] = &sync.Mutex{}
	}
	var err1, err2 error
	u.public, err1 = guarded(o.Client, false)
	u.private, err2 = guarded(o.Client, true)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("feeds: %w", err)
	}
	if err := sweep(o.Dir, o.Now()); err != nil {
		return nil, fmt.Errorf("feeds: %w", err)
	}
	return u, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Sources are the feeds, with all that they leave open filled in.
func (u *Updater) Sources() []Source { return slices.Clone(u.sources) }

func (u *Updater) source(name string) (*Source, error) {
	for i := range u.sources {
		if u.sources[i].Name == name {
			return &u.sources[i], nil
		}
	}
	var names []string
	for _, s := range u.sources {
		names = append(names, s.Name)
	}
	return nil, fmt.Errorf("there is no feed %q; there are: %s", name, strings.Join(names, ", "))
}

// parallel is how many feeds are fetched at the same time.
const parallel = 4

// Update fetches some feeds now, all if none is named. It tries each; the
// error has what went wrong with any. A list that is held aside is no error:
// Status says so.
func (u *Updater) Update(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		for _, s := range u.sources {
			names = append(names, s.Name)
		}
	}
	var todo []*Source
	for _, name := range names {
		s, err := u.source(name)
		if err != nil {
			return err
		}
		todo = append(todo, s)
	}
	var wg sync.WaitGroup
	errs, places := make([]error, len(todo)), make(chan struct{}, parallel)
	for i, s := range todo {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			errs[i] = u.update(ctx, s)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// update asks for one feed and keeps what comes of it.
func (u *Updater) update(ctx context.Context, s *Source) error {
	u.locks[s.Name].Lock()
	defer u.locks[s.Name].Unlock()
	st := u.read(s)
	if st.damage != nil {
		u.o.Log.Warn("the list of a feed cannot be read; it is fetched anew", "feed", s.Name, "error", st.damage)
	}
	err := u.fetch(ctx, s, st)
	if ctx.Err() != nil {
		return ctx.Err() // we were stopped; that is no failure of the feed
	}
	st.Checked = u.o.Now()
	if err != nil {
		err = fmt.Errorf("feed %s: %w", s.Name, err)
		st.Failures++
		st.Error = err.Error()
		st.Next = st.Checked.Add(u.backOff(s, st.Failures, err))
		return errors.Join(err, u.write(st))
	}
	st.Failures, st.Error = 0, ""
	st.Next = st.Checked.Add(u.jitter(s.Refresh))
	return u.write(st)
}

// fetch asks the publisher for a new list.
func (u *Updater) fetch(ctx context.Context, s *Source, st *state) error {
	w, err := u.newWriter(s)
	if err != nil {
		return err
	}
	var fresh bool
	switch s.Kind {
	case MISP:
		fresh, err = u.misp(ctx, s, st, w)
	case TAXII:
		fresh, err = u.taxii(ctx, s, st, w)
	default:
		fresh, err = u.document(ctx, s, st, w)
	}
	if err != nil || !fresh {
		if err == nil && st.HeldAside == nil {
			st.Confirmed = u.o.Now()
		}
		return errors.Join(err, w.drop())
	}
	return u.settle(s, st, w)
}

// settle brings a complete list into place, or to the side.
func (u *Updater) settle(s *Source, st *state, w *writer) error {
	w.snap.Fetched = u.o.Now()
	if why := judge(s, st.Good, w); why != "" {
		u.o.Log.Warn("a new list of a feed is held aside; the last good one stays in use", "feed", s.Name, "reason", why)
		if err := w.commit(u.path(s.Name, heldSuffix)); err != nil {
			return err
		}
		st.Held, st.HeldAside = why, &w.snap
		return nil
	}
	if w.snap.Entries == 0 && !s.MayBeEmpty {
		return errors.Join(format.ErrEmpty, w.drop())
	}
	if err := w.commit(u.path(s.Name, goodSuffix)); err != nil {
		return err
	}
	st.Good, st.Confirmed = &w.snap, w.snap.Fetched
	return u.release(st)
}

// release removes what is held aside: something newer is in place.
func (u *Updater) release(st *state) error {
	st.Held, st.HeldAside = "", nil
	if err := os.Remove(u.path(st.Name, heldSuffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (u *Updater) document(ctx context.Context, s *Source, st *state, w *writer) (bool, error) {
	a, err := u.get(ctx, s, s.URL, "*/*", st.conditions(), s.MaxBytes)
	if err != nil || a.unchanged {
		return false, err
	}
	defer a.close()
	if err := u.verify(ctx, s, a); err != nil {
		return false, err
	}
	w.about(a)
	stats, err := format.Parse(a.body, s.parseOptions(), w.add)
	w.stats(stats)
	return true, err
}

func (w *writer) about(a *answer) {
	w.snap.ETag, w.snap.Modified = a.header.Get("ETag"), a.header.Get("Last-Modified")
	w.snap.SHA256, w.snap.Bytes = a.sha256, a.bytes
}

func (s *Source) parseOptions() format.Options {
	return format.Options{
		Format: s.Format, Columns: s.Columns, MaxBytes: s.MaxBytes, MaxEntries: 4 * s.MaxEntries, // some come several times
		Observables: s.Observables, MayBeEmpty: true, Hashes: true,
	}
}
