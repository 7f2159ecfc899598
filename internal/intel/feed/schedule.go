package feed

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	firstRetry = 5 * time.Minute
	lastRetry  = 6 * time.Hour
	// glance is how often Run looks whether another process has fetched.
	glance = 5 * time.Minute
)

// jitter spreads d by a tenth to either side, so that not everybody asks a
// publisher in the same second.
func (u *Updater) jitter(d time.Duration) time.Duration {
	u.randMu.Lock()
	defer u.randMu.Unlock()
	return time.Duration(float64(d) * (0.9 + 0.2*u.o.Rand.Float64()))
}

// backOff is how long to wait after some failures in a row.
func (u *Updater) backOff(s *Source, failures int, err error) time.Duration {
	d := min(firstRetry<<min(failures-1, 10), lastRetry)
	if r, ok := errors.AsType[*refused](err); ok {
		if r.status >= 400 && r.status < 500 && r.status != http.StatusRequestTimeout { // asking again will not help
			d = max(d, min(s.Refresh, lastRetry))
		}
		d = max(d, r.after)
	}
	return u.jitter(d)
}

// Run keeps the feeds up to date until the context ends. What goes wrong is
// logged and tried again.
func (u *Updater) Run(ctx context.Context) {
	known := u.versions()
	for ctx.Err() == nil {
		if due := u.due(); len(due) > 0 {
			if err := u.Update(ctx, due...); err != nil && ctx.Err() == nil {
				u.o.Log.Warn("a feed could not be updated; what was there stays in use", "error", err)
			}
		}
		known = u.announce(known)
		if u.o.Sleep(ctx, u.pause()) != nil {
			return
		}
	}
}

// due are the feeds whose time has come.
func (u *Updater) due() []string {
	var names []string
	for i := range u.sources {
		if st := u.read(&u.sources[i]); st.unread == nil && !st.Next.After(u.o.Now()) {
			names = append(names, u.sources[i].Name)
		}
	}
	return names
}

// pause is how long until the next feed is due, or the next glance.
func (u *Updater) pause() time.Duration {
	d := glance
	for i := range u.sources {
		if st := u.read(&u.sources[i]); st.unread == nil {
			d = min(d, st.Next.Sub(u.o.Now()))
		}
	}
	return max(d, time.Second) // if the folder cannot be written, a feed stays due
}

// versions are the lists that are in place now.
func (u *Updater) versions() map[string]time.Time {
	m := map[string]time.Time{}
	for i := range u.sources {
		if st := u.read(&u.sources[i]); st.Good != nil {
			m[st.Name] = st.Good.Fetched
		}
	}
	return m
}

// announce tells which lists are others than those known.
func (u *Updater) announce(known map[string]time.Time) map[string]time.Time {
	now := u.versions()
	var changed []string
	for _, s := range u.sources {
		if !now[s.Name].Equal(known[s.Name]) {
			changed = append(changed, s.Name)
		}
	}
	if len(changed) > 0 && u.o.Changed != nil {
		u.o.Changed(changed)
	}
	return now
}
