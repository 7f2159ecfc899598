package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/feed"
	"github.com/vedette-project/vedette/internal/store"
)

// intelligence looks at what is known of the world outside: feeds, the files
// that the configuration names, and databases of places. That a machine cannot
// reach the internet is no fault.
func (d *doctor) intelligence() {
	d.feeds()
	d.files()
	d.places()
}

// feeds says how the lists of feeds on this machine are.
func (d *doctor) feeds() {
	if err := app.CheckFeeds(d.cfg); err != nil {
		d.say(statusFault, "feeds", "%v", err)
		return
	}
	u, err := app.NewFeeds(d.cfg, feed.Options{Now: d.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		d.say(statusFault, "feeds", "the lists in %s cannot be read, so they are not used: %v", app.FeedsDir(d.cfg), err)
		return
	}
	status := u.Status()
	d.feedsAsAWhole(status)
	d.feedsOneByOne(status)
	told := slices.ContainsFunc(status, func(st feed.Status) bool { return st.State == feed.Unreadable })
	if _, err := app.FeedsPart(u, func(string, error) {}); err != nil && !told {
		d.say(statusFault, "lists of feeds", "%v", err)
	}
}

// feedsAsAWhole says what all feeds have in common.
func (d *doctor) feedsAsAWhole(status []feed.Status) {
	entries, have := 0, 0
	var oldest time.Time
	for _, st := range status {
		if st.Fetched.IsZero() || st.State == feed.Stale {
			continue
		}
		have++
		entries += st.Entries
		if oldest.IsZero() || st.Fetched.Before(oldest) {
			oldest = st.Fetched
		}
	}
	known := fmt.Sprintf("%d of %d have a list, with %d entries; the oldest was fetched at %s", have, len(status), entries, moment(oldest))
	if have == 0 {
		known = fmt.Sprintf("none of %d has a list", len(status))
	}
	bring := "bring lists with `vedette intel import`"
	switch on := d.cfg.Intelligence.Feeds.Enabled; {
	case len(status) == 0:
		d.say(statusNote, "feeds", "none is asked for")
	case !on:
		d.say(statusOK, "feeds", "%s; intelligence.feeds.enabled is false, so none is fetched: `vedette intel update` does, or %s", known, bring)
	case unreached(status) == len(status) && len(status) > 1:
		d.say(statusNote, "feeds", "%s, and none can be fetched: %s; without internet set intelligence.feeds.enabled to false and %s", known, printableReason(status[0].Reason), bring)
	case have == 0:
		d.say(statusNote, "feeds", "%s yet: a running server fetches them after some seconds, `vedette intel update` does now", known)
	default:
		d.say(statusOK, "feeds", "%s", known)
	}
}

// unreached is how many feeds could not be fetched the last time.
func unreached(status []feed.Status) (n int) {
	for _, st := range status {
		if st.Failures > 0 {
			n++
		}
	}
	return n
}

// feedsOneByOne tells of feeds that are not well, unless none can be fetched.
func (d *doctor) feedsOneByOne(status []feed.Status) {
	offline := unreached(status) == len(status) && len(status) > 1
	for _, st := range status {
		name := "feed " + st.Name
		switch {
		case st.State == feed.Held:
			d.say(statusNote, name, "a new list with %d entries is held aside: %s; %s. Look at it, then `vedette intel accept %s`, or wait for a better one",
				st.Held, printableReason(st.Reason), inUse(&st), st.Name)
		case st.State == feed.Unreadable:
			d.say(statusFault, name, "%s; the user of the server must be able to read and write all in %s. What is damaged can be deleted: it is fetched anew", printableReason(st.Reason), app.FeedsDir(d.cfg))
		case st.State == feed.Stale:
			d.say(statusNote, name, "its list of %s is too old and is not used: %s", moment(st.Fetched), printableReason(st.Reason))
		case st.State == feed.Failing && !offline:
			d.say(statusNote, name, "it could not be fetched, %d times in a row: %s; %s, and it is asked again at %s",
				st.Failures, printableReason(st.Reason), inUse(&st), moment(st.Next))
		case st.State == feed.OK && st.Entries > 0 && st.LeftOut*2 > st.Entries:
			d.say(statusNote, name, "%d of its entries were left out, %d are used: they are on warning lists, or on hosts that many share", st.LeftOut, st.Entries)
		}
	}
}

func inUse(st *feed.Status) string {
	if st.Fetched.IsZero() {
		return "none is in use"
	}
	return fmt.Sprintf("that of %s with %d entries stays in use", moment(st.Fetched), st.Entries)
}

// printableReason is a reason that may quote what a publisher wrote.
func printableReason(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// files reads the lists that the configuration names, as a start would.
func (d *doctor) files() {
	p, files, err := app.OperatorPart(d.cfg)
	if err != nil {
		d.say(statusFault, "lists of files", "%v; a running server goes on with what it read before, but no new one starts: bring a good file", err)
	}
	entries := 0
	for i := range files {
		entries += files[i].Entries
		d.file(&files[i])
	}
	if err == nil && len(files) > 0 {
		d.say(statusOK, "lists of files", "%d with %d entries", len(files), entries)
	}
	d.conflicts(p)
}

// file tells of one of these lists that is not as it should be.
func (d *doctor) file(f *app.OperatorFile) {
	switch {
	case f.Fault == nil && f.Note == "":
	case f.Fault == nil:
		d.say(statusNote, "list "+f.Name, "%s", f.Note)
	case f.LeftOut > 0:
		d.say(statusNote, "list "+f.Name, "%s; %s", printableReason(f.Fault.Error()), f.Remedy())
	default:
		d.say(statusFault, "list "+f.Name, "%s; %s", printableReason(f.Fault.Error()), f.Remedy())
	}
}

// conflicts tells, list by list, of entries that are likely mistakes.
func (d *doctor) conflicts(p *intel.Part) {
	all := p.Conflicts()
	for len(all) > 0 {
		of := func(c intel.Conflict) bool { return c.List == all[0].List }
		n := 0
		for _, c := range all {
			if of(c) {
				n++
			}
		}
		entries := "1 entry is likely a mistake"
		if n > 1 {
			entries = fmt.Sprintf("%d entries are likely mistakes", n)
		}
		d.say(statusNote, "entries of the list "+all[0].List, "%s, such as %s: %s; what is on your own lists is in force all the same", entries, all[0].Entry, all[0].Why)
		all = slices.DeleteFunc(slices.Clone(all), of)
	}
}

// places opens the databases that say where addresses are.
func (d *doctor) places() {
	db, err := app.OpenGeo(d.cfg)
	if err != nil {
		d.say(statusFault, "geo databases", "%v; a running server goes on with what it read before, but no new one starts", err)
		return
	}
	var names []string
	for _, s := range db.Sources() {
		names = append(names, fmt.Sprintf("%s of %s, for %s", s.Name, s.Built.Format(time.DateOnly), s.Kind))
	}
	d.say(statusOK, "geo databases", "%s", strings.Join(names, "; "))
}

// waitsLong is for how long a wish for a list may wait for a server.
const waitsLong = time.Minute

// lists says how the lists of the API are.
func (d *doctor) lists(ctx context.Context, st *store.Store) {
	all, err := st.Lists(ctx)
	if err != nil {
		d.say(statusFault, "lists of the API", "%v", err)
		return
	}
	for i := range all {
		l := &all[i]
		name := fmt.Sprintf("list %s (%s)", l.Name, l.Kind)
		details := printableReason(l.ErrorDetails)
		switch l.Status {
		case store.ListError:
			d.say(statusFault, name, "it cannot be read from %s: %s", l.Location, details)
		case store.ListActivating, store.ListDeactivating, store.ListDeletePending:
			status := statusOK
			if d.now().Sub(l.UpdatedAt) > waitsLong {
				status = statusNote
			}
			d.say(status, name, "%s since %s: a server with the role detect does that, within seconds", l.Status, moment(l.UpdatedAt))
		case store.ListActive:
			if details != "" {
				d.say(statusNote, name, "in use, %d entries: %s", l.Entries, details)
				continue
			}
			d.say(statusOK, name, "in use, %d entries, read at %s", l.Entries, moment(l.ReadAt))
		}
	}
	d.listsInForce(ctx, st)
}

// listsInForce reads what is in force as those who judge do.
func (d *doctor) listsInForce(ctx context.Context, st *store.Store) {
	lists, _, err := (&app.ActiveLists{Store: st}).Load(ctx)
	if err != nil {
		d.say(statusFault, "lists of the API", "%v", err)
		return
	}
	p, err := app.ListsPart(lists)
	if err != nil {
		d.say(statusFault, "lists of the API", "%v", err)
	}
	d.conflicts(p)
}
