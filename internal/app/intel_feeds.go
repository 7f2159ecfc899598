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
	errs := unknownFeeds(f, catalog)
	var out []feed.Source
	for _, s := range catalog {
		on := s.On && len(f.Use) == 0 || slices.Contains(f.Use, s.Name)
		if !on || slices.Contains(f.Skip, s.Name) {
			continue
		}
		if s.Secret = f.Secrets[s.Name]; s.Secret == "" && strings.Contains(s.URL, "{key}") {
			errs = append(errs, fmt.Errorf("intelligence.feeds.secrets: %s wants a key of its publisher (%s): put it into a file, and name that here as secrets: {%[1]s: FILE}", s.Name, s.Home))
			continue
		}
		out = append(out, s)
	}
	for _, own := range f.Own {
		s := feed.Source{
			Name: own.Name, Title: own.Name, Kind: feed.Kind(own.Kind), URL: own.URL, Collection: own.Collection,
			Format: format.Format(own.Format), Category: cmp.Or(own.Category, string(intel.Malicious)), Refresh: own.Refresh,
			Secret: own.SecretFile, User: own.User, Header: own.Header, AllowHTTP: own.Private, AllowPrivate: own.Private, Columns: own.Columns,
		}
		for _, t := range own.Threat {
			s.Threats = append(s.Threats, feed.Threat(t))
		}
		out = append(out, s)
	}
	return out, errors.Join(errs...)
}

// unknownFeeds finds names that the catalogue does not have: who skips a feed
// by a wrong name would go on using it.
func unknownFeeds(f *config.Feeds, catalog []feed.Source) (errs []error) {
	known := func(name string) bool {
		return slices.ContainsFunc(catalog, func(s feed.Source) bool { return s.Name == name })
	}
	check := func(key, name string) {
		if !known(name) {
			errs = append(errs, fmt.Errorf("intelligence.feeds.%s: there is no feed %q; `vedette intel feeds --all` shows those there are", key, name))
		}
	}
	for i, name := range f.Use {
		check(fmt.Sprintf("use[%d]", i), name)
	}
	for i, name := range f.Skip {
		check(fmt.Sprintf("skip[%d]", i), name)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Secrets)) {
		check("secrets", name)
	}
	return errs
}

// CheckFeeds reports what is wrong with the feeds that a configuration asks
// for. It reads no files.
func CheckFeeds(c *config.Config) error {
	_, err := newFeeds(c, feed.Options{Now: time.Now})
	return err
}

// NewFeeds returns what fetches the feeds of a configuration.
func NewFeeds(c *config.Config, o feed.Options) (*feed.Updater, error) {
	o.Dir = FeedsDir(c)
	return newFeeds(c, o)
}

func newFeeds(c *config.Config, o feed.Options) (*feed.Updater, error) {
	sources, err := FeedSources(c)
	if err != nil {
		return nil, err
	}
	o.Client = cmp.Or(o.Client, &http.Client{})
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
// cannot be read are named in the error: the part is good without them. unfit is
// told of entries that no set can have; they do not spoil the others.
func FeedsPart(u *feed.Updater, unfit func(feed string, why error)) (*intel.Part, error) {
	b := intel.NewBuilder()
	b.Heed(intel.Builtin())
	status := u.Status()
	var errs []error
	for i, s := range u.Sources() {
		list := intel.List{
			Name: s.Title, Kind: intel.KindFeed, Category: intel.Category(s.Category), Source: s.URL, Licence: s.Licence,
			SHA256: status[i].SHA256, State: status[i].State,
		}
		if !status[i].Fetched.IsZero() {
			list.Date = status[i].Fetched.UTC().Format(time.DateOnly)
		}
		to := b.List(list)
		err := u.Load(s.Name, func(e feed.Entry) error {
			f := factOf(&e.Entry)
			f.Category = intel.Category(e.Category)
			if err := to.Add(e.Value, f); err != nil {
				unfit(s.Name, err)
			}
			return nil
		})
		if err != nil && !errors.Is(err, feed.ErrNoList) {
			errs = append(errs, err)
		}
	}
	return b.Part(feedsPart), errors.Join(errs...)
}

// keptFeeds makes a part of what was fetched before, nil if that is nothing. A
// scan takes it as it is; a server goes on from there. A folder that cannot be
// read is no fault of the configuration.
func keptFeeds(c *config.Config, log *slog.Logger) (*intel.Part, error) {
	if _, err := os.Stat(FeedsDir(c)); errors.Is(err, fs.ErrNotExist) {
		return nil, CheckFeeds(c)
	}
	u, err := NewFeeds(c, feed.Options{Now: time.Now, Log: log})
	if err != nil {
		if bad := CheckFeeds(c); bad != nil {
			return nil, bad
		}
		log.Warn("the lists of feeds cannot be read", "err", err)
		return nil, nil
	}
	p, err := FeedsPart(u, func(string, error) {})
	if err != nil {
		log.Warn("the list of a feed cannot be used; the others are", "err", err)
	}
	return p, nil
}

// feedAgent is how requests for feeds name themselves.
func feedAgent(version string) string { return strings.TrimSpace("vedette/" + version) }
