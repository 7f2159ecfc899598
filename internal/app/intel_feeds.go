package app

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/feed"
	"github.com/vedette-project/vedette/internal/intel/format"
)

// feedsPart is the name of the part of a set that feeds make.
const feedsPart = "feeds"

// FeedsDir is where the lists of feeds are kept.
func FeedsDir(c *config.Config) string { return filepath.Join(c.Store.DataDir, "feeds") }

// FeedSources are the feeds that a configuration asks for: those of the
// catalogue that are on by default or named, and its own.
func FeedSources(c *config.Config) ([]feed.Source, error) {
	catalog, err := feed.Catalog()
	if err != nil {
		return nil, err
	}
	f := &c.Intelligence.Feeds
	var errs []error
	known := func(key string, names []string) {
		for i, name := range names {
			if !slices.ContainsFunc(catalog, func(s feed.Source) bool { return s.Name == name }) {
				errs = append(errs, fmt.Errorf("intelligence.feeds.%s[%d]: there is no feed %q; `vedette intel feeds --all` shows them", key, i, name))
			}
		}
	}
	known("use", f.Use)
	known("skip", f.Skip)
	known("secrets", slices.Sorted(maps.Keys(f.Secrets)))
	var out []feed.Source
	for _, s := range catalog {
		on := s.On && len(f.Use) == 0 || slices.Contains(f.Use, s.Name)
		if on && !slices.Contains(f.Skip, s.Name) {
			s.Secret = cmp.Or(f.Secrets[s.Name], s.Secret)
			out = append(out, s)
		}
	}
	for _, own := range f.Own {
		out = append(out, feed.Source{
			Name: own.Name, Title: own.Name, Kind: feed.Kind(own.Kind), URL: own.URL, Collection: own.Collection,
			Format: format.Format(own.Format), Category: cmp.Or(own.Category, string(intel.Malicious)), Refresh: own.Refresh,
			Secret: own.SecretFile, User: own.User, Header: own.Header, AllowHTTP: own.Private, AllowPrivate: own.Private,
		})
	}
	return out, errors.Join(errs...)
}

// NewFeeds returns what fetches the feeds of a configuration.
func NewFeeds(c *config.Config, o feed.Options) (*feed.Updater, error) {
	sources, err := FeedSources(c)
	if err != nil {
		return nil, err
	}
	o.Dir, o.Client = FeedsDir(c), cmp.Or(o.Client, &http.Client{})
	o.Check = func(e format.Entry) error {
		if why, ok := intel.Builtin().Warned(e.Value); ok {
			return errors.New(why)
		}
		return nil
	}
	u, err := feed.New(o, sources)
	if err != nil {
		return nil, fmt.Errorf("intelligence.feeds: %w", err)
	}
	return u, nil
}

// FeedsPart makes a part of a set of the last good lists of feeds. Those that
// cannot be read are named in the error: the part is good without them.
func FeedsPart(u *feed.Updater) (*intel.Part, error) {
	b := intel.NewBuilder()
	b.Heed(intel.Builtin())
	status, err := u.Status()
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, s := range u.Sources() {
		list := intel.List{
			Name: s.Title, Kind: intel.KindFeed, Category: intel.Category(s.Category), Source: s.URL, Licence: s.Licence,
			SHA256: status[i].SHA256, State: status[i].State,
		}
		if !status[i].Fetched.IsZero() {
			list.Date = status[i].Fetched.UTC().Format("2006-01-02")
		}
		to := b.List(list)
		var unfit error // one entry that is of no use does not spoil the others
		err := u.Load(s.Name, func(e feed.Entry) error {
			f := factOf(&e.Entry)
			f.Category = intel.Category(e.Category)
			if err := to.Add(e.Value, f); err != nil && unfit == nil {
				unfit = fmt.Errorf("feed %s: %w", s.Name, err)
			}
			return nil
		})
		if err != nil && !errors.Is(err, feed.ErrNoList) {
			errs = append(errs, err)
		}
		if unfit != nil {
			errs = append(errs, unfit)
		}
	}
	return b.Part(feedsPart), errors.Join(errs...)
}

// keptFeeds makes a part of what was fetched before, nil if that is nothing. A
// scan takes it as it is; a server goes on from there.
func keptFeeds(c *config.Config, log *slog.Logger) (*intel.Part, error) {
	if _, err := os.Stat(FeedsDir(c)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	u, err := NewFeeds(c, feed.Options{Now: time.Now, Log: log})
	if err != nil {
		return nil, err
	}
	p, err := FeedsPart(u)
	if err != nil {
		log.Warn("a feed cannot be used; the others are", "err", err)
	}
	return p, nil
}

// feedAgent is how requests for feeds name themselves.
func feedAgent(version string) string { return strings.TrimSpace("vedette/" + version) }
