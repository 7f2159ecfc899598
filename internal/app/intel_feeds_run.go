package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/intel/feed"
)

// Times of feeds.
const (
	// feedsAfter is how long after a start feeds are asked for, at the earliest,
	// and feedsSpread how much later at most: not all processes at once.
	feedsAfter  = 2 * time.Second
	feedsSpread = 5 * time.Second
	// feedsEvery is how often it is looked whether there are new lists, whoever
	// fetched, accepted or imported them.
	feedsEvery = 3 * time.Second
	// feedsRest is for how long nobody is asked after a round, even if what
	// became of it could not be kept.
	feedsRest = time.Minute
	// folderEvery is how often a folder that is of no use is tried again.
	folderEvery = time.Minute
)

// feedWatch takes up the lists of feeds, and tells how they are.
type feedWatch struct {
	app     *App
	updater *feed.Updater
	looked  chan struct{} // a round of fetching brought something
	stamp   string        // of the lists that are in use
	fault   said

	told map[string]string // how feeds are, as it was told; owned by who fetches
}

// startFeeds begins to keep the lists of feeds current. What was fetched before
// is in use already.
func (a *App) startFeeds() {
	w := &feedWatch{app: a, looked: make(chan struct{}, 1), told: map[string]string{}}
	if w.open() {
		w.status()
	}
	a.background("end fetching feeds", w.run)
}

// run fetches and takes up lists until ctx ends. While their folder is of no use
// that is tried again: detection goes on without.
func (w *feedWatch) run(ctx context.Context) {
	for w.updater == nil && !w.open() {
		if pause(ctx, folderEvery) != nil {
			return
		}
	}
	var work sync.WaitGroup
	defer work.Wait()
	if w.app.Config.Intelligence.Feeds.Enabled {
		work.Go(func() { w.fetch(ctx) })
	}
	tick := time.NewTicker(feedsEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		w.look()
		select {
		case <-tick.C:
		case <-w.looked:
		case <-ctx.Done():
		}
	}
}

// open makes the updater.
func (w *feedWatch) open() bool {
	a := w.app
	u, err := NewFeeds(a.Config, feed.Options{
		Now: a.Now, Sleep: w.rest, Log: slog.New(slog.DiscardHandler), Agent: feedAgent(a.Version), // we tell of changes ourselves
		Changed: func([]string) { w.wake() }, Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	})
	if w.fault.news(err) {
		a.Log.Error("the folder of the feeds cannot be used; detection goes on without them", "folder", FeedsDir(a.Config), "err", err)
	}
	w.updater = u
	return err == nil
}

func (w *feedWatch) wake() {
	select {
	case w.looked <- struct{}{}:
	default:
	}
}

// fetch asks the publishers, as long as what they answer can be kept.
func (w *feedWatch) fetch(ctx context.Context) {
	var fault said
	if pause(ctx, feedsAfter+rand.N(feedsSpread)) != nil {
		return
	}
	for {
		err := mayWrite(FeedsDir(w.app.Config))
		if fault.news(err) {
			w.app.Log.Error("lists of feeds cannot be kept, so none are fetched", "folder", FeedsDir(w.app.Config), "err", err)
		}
		if err == nil {
			break
		}
		if pause(ctx, folderEvery) != nil {
			return
		}
	}
	w.updater.Run(ctx)
}

// mayWrite makes a folder if there is none, and tries to write in it.
func mayWrite(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".try-*")
	if pe, ok := errors.AsType[*fs.PathError](err); ok { // without the name, which is another each time
		return fmt.Errorf("write in %s: %w", dir, pe.Err)
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// rest is the pause after each round of fetching.
func (w *feedWatch) rest(ctx context.Context, d time.Duration) error {
	w.tell(w.updater.Status())
	w.wake()
	return pause(ctx, max(d, feedsRest))
}

// status is how the feeds are, for the metrics, too.
func (w *feedWatch) status() []feed.Status {
	status := w.updater.Status()
	w.app.current.feeds.Store(&status)
	return status
}

// look takes up lists that are not those in use.
func (w *feedWatch) look() {
	a := w.app
	status := w.status()
	unread := unreadable(status)
	if w.fault.news(unread) {
		a.Log.Error("what is kept of feeds cannot be read; the others are used", "folder", FeedsDir(a.Config), "err", unread)
	}
	stamp := feedStamp(status)
	if stamp == w.stamp {
		return
	}
	w.stamp = stamp
	before := a.current.set.Load().Part(feedsPart)
	p, err := FeedsPart(w.updater, func(name string, why error) {
		a.Log.Debug("an entry of a feed is of no use", "feed", name, "err", why)
	})
	if err != nil && unread == nil {
		a.Log.Error("the list of a feed cannot be used; the others are", "err", err)
	}
	if changed := changedLists(before, p); len(changed) > 0 { // else they are as the start read them
		a.putPart(p)
		a.Log.Info("new lists of feeds are in use", "lists", strings.Join(changed, ", "))
	}
}

// unreadable is what is wrong with feeds of which files cannot be read.
func unreadable(status []feed.Status) error {
	var errs []error
	for _, st := range status {
		if st.State == feed.Unreadable {
			errs = append(errs, fmt.Errorf("feed %s: %s", st.Name, excerpt(st.Reason)))
		}
	}
	return errors.Join(errs...)
}

// feedStamp changes when the lists that are to be used do.
func feedStamp(status []feed.Status) string {
	var out strings.Builder
	for _, st := range status {
		fmt.Fprintf(&out, "%s %s %d %v\n", st.Name, st.SHA256, st.Fetched.UnixNano(), st.State == feed.Stale)
	}
	return out.String()
}

// tell logs what changed in how feeds are since the last round: one line for
// all that cannot be fetched, so that a machine without a way out is quiet.
func (w *feedWatch) tell(status []feed.Status) {
	log := w.app.Log
	var failing, well []string
	reason, fetched := "", false
	for _, st := range status {
		was := w.told[st.Name]
		w.told[st.Name] = st.State
		fetched = fetched || !st.Fetched.IsZero()
		switch {
		case st.State == feed.Held:
			if w.told[st.Name] += st.Reason; w.told[st.Name] != was {
				log.Warn("a new list of a feed looks wrong and is held aside; the one before stays in use", "feed", st.Name, "reason", st.Reason,
					"then", "look at it, then `vedette intel accept "+st.Name+"`, or wait for a better one")
			}
		case st.State == feed.Failing || st.State == feed.Stale:
			if was != feed.Failing && was != feed.Stale {
				failing = append(failing, st.Name)
				reason = firstOf(reason, st.Reason)
			}
			if st.State == feed.Stale && was != feed.Stale {
				log.Warn("the list of a feed is too old and is not used any more", "feed", st.Name, "of", st.Fetched.UTC().Format(time.DateOnly))
			}
		case st.State == feed.OK && was != "" && was != feed.OK && was != feed.Waiting:
			well = append(well, st.Name)
		}
	}
	if len(failing) > 0 {
		args := []any{"feeds", strings.Join(failing, ", "), "reason", excerpt(reason)}
		if !fetched && len(failing) == len(status) {
			args = append(args, "without internet", "set intelligence.feeds.enabled to false, and bring lists with `vedette intel import`")
		}
		log.Warn("feeds could not be fetched; what was fetched before stays in use, and they are asked again", args...)
	}
	if len(well) > 0 {
		log.Info("feeds are fetched again", "feeds", strings.Join(slices.Sorted(slices.Values(well)), ", "))
	}
}

// excerpt is as much of a fault as a log line may have.
func excerpt(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "") + "…"
	}
	return text
}
