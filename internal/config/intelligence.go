package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Intelligence is what is known of the world outside, beyond what is built in.
type Intelligence struct {
	Feeds Feeds `yaml:"feeds"`
	// ListFolders are the folders in which lists of the API may be, as file:///
	// locations; without any no list may be a file of this machine.
	ListFolders []string `yaml:"listFolders"`
	// ListBuckets says how lists of the API in S3 are read.
	ListBuckets Access  `yaml:"listBuckets"`
	Geo         Geo     `yaml:"geo"`
	History     History `yaml:"history"`
}

// Feeds are public lists that are fetched and kept current.
type Feeds struct {
	// Enabled fetches feeds while the server runs. Without it nothing is asked
	// for outside, and only `vedette intel update` fetches.
	Enabled bool `yaml:"enabled"`
	// Use names the feeds of the catalogue to use in place of those that are on
	// by default; `vedette intel feeds` lists all. Skip names those not to use.
	Use  []string `yaml:"use"`
	Skip []string `yaml:"skip"`
	// Secrets are files with the keys that feeds of the catalogue ask for, by
	// the names of the feeds.
	Secrets map[string]string `yaml:"secrets"`
	// Own are feeds that are not in the catalogue.
	Own []Feed `yaml:"own"`
}

// Feed is a list that somebody publishes on the web.
type Feed struct {
	Name string `yaml:"name"` // lower-case letters, digits, "-"
	URL  string `yaml:"url"`
	// Kind is misp for a manifest with events, taxii for a TAXII 2.1 server,
	// whose Collection it names, and "" for one document.
	Kind       string `yaml:"kind"`
	Collection string `yaml:"collection"`
	// Format is that of the document; "" finds out.
	Format   string        `yaml:"format"`
	Category string        `yaml:"category"` // what being on it means; "" is malicious
	Refresh  time.Duration `yaml:"refresh"`  // 0 is every 12 hours
	// Threat says otherwise for entries with some words; the first that fits counts.
	Threat []ThreatWord `yaml:"threat"`
	// Columns name the columns of a CSV that does not name them itself.
	Columns []string `yaml:"columns"`
	// SecretFile holds a key or password, sent as a bearer token; with User as
	// a basic password, with Header as that header.
	SecretFile string `yaml:"secretFile"`
	User       string `yaml:"user"`
	Header     string `yaml:"header"`
	// Private lets it be inside the own network, and be fetched by plain http.
	Private bool `yaml:"private"`
}

// ThreatWord is what a word of a list means: a family, a type or a tag, with "*" at
// the end for any that begin so. The category "-" leaves such entries out.
type ThreatWord struct {
	Word     string `yaml:"word"`
	Category string `yaml:"category"`
}

// Geo names databases in MaxMind's format that say where addresses are.
// Without any, the country is known from what is built in.
type Geo struct {
	Country string `yaml:"country"`
	City    string `yaml:"city"`
	ASN     string `yaml:"asn"`
	ISP     string `yaml:"isp"`
}

// History is what is remembered of addresses and names that were touched, so
// that what becomes known as bad later can be looked for in the past.
type History struct {
	Days     int   `yaml:"days"`     // 0 remembers nothing
	MaxBytes int64 `yaml:"maxBytes"` // of one account and Region, or cluster
}

func defaultIntelligence() Intelligence {
	return Intelligence{Feeds: Feeds{Enabled: true}, History: History{Days: 90, MaxBytes: 1 << 30}}
}

func (in *Intelligence) validate(bad func(key, format string, args ...any)) {
	for i, f := range in.ListFolders {
		if filepath.Clean(f) == "/" {
			bad(fmt.Sprintf("intelligence.listFolders[%d]", i), "every file of the machine is below /; name a folder that holds nothing but lists")
		} else if !filepath.IsAbs(f) {
			bad(fmt.Sprintf("intelligence.listFolders[%d]", i), "%q is not an absolute path", f)
		}
	}
	in.ListBuckets.validate(bad, "intelligence.listBuckets")
	for i, f := range in.Feeds.Own {
		key := fmt.Sprintf("intelligence.feeds.own[%d]", i)
		f.validate(key, bad)
		if slices.ContainsFunc(in.Feeds.Own[:i], func(o Feed) bool { return o.Name == f.Name }) {
			bad(key+".name", "%q is there twice", f.Name)
		}
	}
	if in.History.Days < 0 || in.History.Days > 3650 {
		bad("intelligence.history.days", "%d is not between 0 and 3650", in.History.Days)
	}
	if in.History.MaxBytes < 1<<20 {
		bad("intelligence.history.maxBytes", "%d is less than a mebibyte", in.History.MaxBytes)
	}
}

// validate looks at what this package knows of; the rest is checked where
// feeds are known.
func (f *Feed) validate(key string, bad func(key, format string, args ...any)) {
	if f.Name == "" {
		bad(key+".name", "is missing")
	}
	u, err := url.Parse(f.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		bad(key+".url", "it is not a URL such as https://example.com/list.txt") // which may have a password in it
	case u.Scheme == "http" && !f.Private:
		bad(key+".url", "a list that comes by plain http may be anybody's; use https, or set private: true")
	}
	if f.Category != "" && !slices.Contains(listCategories(), f.Category) {
		bad(key+".category", "%q is not known; use one of %s", f.Category, strings.Join(listCategories(), ", "))
	}
	for i, t := range f.Threat {
		at := fmt.Sprintf("%s.threat[%d]", key, i)
		if strings.TrimSuffix(t.Word, "*") == "" {
			bad(at+".word", "name a word of the list, such as a family or a tag; what all entries mean is %s.category", key)
		}
		if t.Category != "-" && !slices.Contains(listCategories(), t.Category) {
			bad(at+".category", "%q is not known; use one of %s, or \"-\" to leave such entries out", t.Category, strings.Join(listCategories(), ", "))
		}
	}
}
