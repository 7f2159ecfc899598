package feed

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/intel/format"
)

// Kind is how a source is asked.
type Kind string

// The kinds of sources.
const (
	File  Kind = ""      // one document
	MISP  Kind = "misp"  // a manifest.json and the events that it names
	TAXII Kind = "taxii" // a TAXII 2.1 server
)

// Source is a list that somebody publishes. It is plain data: the catalogue has
// them, an operator may write others.
type Source struct {
	Name  string // lower-case letters, digits, "-"
	Title string // as findings show it
	Kind  Kind
	// URL is where it is: the document, the manifest, or the discovery, an API
	// root or a collection of TAXII. "{key}" in it is replaced by the secret.
	URL        string
	Collection string // of TAXII: identifier, title or alias
	Format     format.Format
	Columns    []string // of a CSV that does not name them

	// Category is what being on the list means. Threats say otherwise for some
	// words of the list; the first that fits counts.
	Category string
	Threats  []Threat

	Refresh time.Duration // how often it is asked
	// MaxAge leaves out entries last seen longer ago; Keep is how long the
	// last good list is used when no newer one comes. 0: for ever.
	MaxAge, Keep time.Duration
	Confidence   int // of entries that say none; 0 to 100

	MaxBytes   int64
	MaxEntries int
	Timeout    time.Duration // of one request, the body included
	// MayBeEmpty: no entries is good news, not a fault.
	MayBeEmpty bool
	// Observables of STIX 2 bundles count although no indicator names them.
	Observables bool
	// Warnings is how many entries on warning lists are simply left out; one
	// more, and the list is held aside. Hosts of URLs are not counted.
	Warnings int
	// Checksum is where the publisher states the SHA-256 of the document.
	Checksum string

	// Secret is the file that holds a key or password. It is sent as a bearer
	// token; with User, as a basic password; with Header, as that header.
	Secret, User, Header string
	AllowHTTP            bool // plain http, where the publisher has nothing better
	AllowPrivate         bool // addresses inside the own network

	// What an operator should know before switching it on.
	On         bool // by default
	Licence    string
	Commercial string // "yes", "no" or "unclear"
	Terms      string // where they stand, and when they were read
	Home       string
	Note       string
}

// Threat maps a list's own word, a family, type or tag, to a category. "*" at
// the end stands for anything; the category "-" leaves such entries out.
type Threat struct{ Word, Category string }

// Limits and habits that hold where a source says nothing.
const (
	defaultRefresh = 12 * time.Hour
	minRefresh     = 5 * time.Minute
	defaultTimeout = 2 * time.Minute
)

var goodName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// check validates a source and fills in what it leaves open.
func (s *Source) check() error {
	if !goodName.MatchString(s.Name) {
		return fmt.Errorf("feed %q: a name has lower-case letters, digits and \"-\", at most 64", s.Name)
	}
	if err := s.checkAddress(s.URL); err != nil {
		return fmt.Errorf("feed %q: url: %w", s.Name, err)
	}
	if s.Checksum != "" {
		if err := s.checkAddress(s.Checksum); err != nil {
			return fmt.Errorf("feed %q: checksum: %w", s.Name, err)
		}
	}
	switch {
	case s.Category == "":
		return fmt.Errorf("feed %q: category: it says what being on the list means; none is set", s.Name)
	case !slices.Contains([]Kind{File, MISP, TAXII}, s.Kind):
		return fmt.Errorf("feed %q: kind: there is no kind %q; use misp, taxii, or none for a document", s.Name, s.Kind)
	case s.Format != "" && !slices.Contains(format.Formats(), s.Format):
		return fmt.Errorf("feed %q: format: there is no format %q; use one of %v", s.Name, s.Format, format.Formats())
	case len(s.Columns) > 0 && s.Format != "" && s.Format != format.CSV:
		return fmt.Errorf("feed %q: columns: they are those of a CSV, not of the format %s", s.Name, s.Format)
	case len(s.Columns) > 0 && !format.HoldValues(s.Columns):
		return fmt.Errorf("feed %q: columns: none of %s is one that holds addresses, names or hashes; call that ip, domain, url or sha256", s.Name, strings.Join(s.Columns, ", "))
	case s.Refresh != 0 && s.Refresh < minRefresh:
		return fmt.Errorf("feed %q: refresh: %v is too often for any publisher; at least %v", s.Name, s.Refresh, minRefresh)
	case s.Confidence < 0 || s.Confidence > 100:
		return fmt.Errorf("feed %q: confidence: %d is not between 0 and 100", s.Name, s.Confidence)
	case s.Kind == TAXII && s.Collection == "" && !strings.Contains(s.URL, "/collections/"):
		return fmt.Errorf("feed %q: collection: a TAXII server has several; none is named", s.Name)
	}
	s.defaults()
	return nil
}

func (s *Source) defaults() {
	if len(s.Columns) > 0 {
		s.Format = format.CSV
	}
	if s.Refresh == 0 {
		s.Refresh = defaultRefresh
	}
	if s.Timeout == 0 {
		s.Timeout = defaultTimeout
	}
	if s.MaxBytes == 0 {
		s.MaxBytes = format.DefaultMaxBytes
	}
	if s.MaxEntries == 0 {
		s.MaxEntries = format.DefaultMaxEntries
	}
	if s.Title == "" {
		s.Title = s.Name
	}
}

func (s *Source) checkAddress(text string) error {
	u, err := url.Parse(strings.ReplaceAll(text, "{key}", "key"))
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is no address", text)
	}
	if u.User != nil {
		return errors.New("no user and password in an address: use user and secret")
	}
	return s.mayAsk(u)
}

// mayAsk says whether an address may be asked at all.
func (s *Source) mayAsk(u *url.URL) error {
	if u.Scheme == "https" || u.Scheme == "http" && s.AllowHTTP {
		return nil
	}
	if u.Scheme == "http" {
		return fmt.Errorf("%s is plain http: anybody on the way could change the list; allow it for this feed if there is no https", u.Host)
	}
	return fmt.Errorf("scheme %q; only https is fetched", u.Scheme)
}

// from names all of a source that decides what its list holds.
func (s *Source) from() string {
	return fmt.Sprintf("%s %s %s %s %q %v", s.URL, s.Kind, s.Collection, s.Format, s.Columns, s.Observables)
}

// category is what a source says of an entry; empty leaves it out.
func (s *Source) category(e *format.Entry) string {
	for _, t := range s.Threats {
		if t.fits(e.Threat) || slices.ContainsFunc(e.Tags, t.fits) {
			if t.Category == "-" {
				return ""
			}
			return t.Category
		}
	}
	return s.Category
}

func (t Threat) fits(word string) bool {
	if stem, ok := strings.CutSuffix(t.Word, "*"); ok {
		return len(word) >= len(stem) && strings.EqualFold(word[:len(stem)], stem)
	}
	return strings.EqualFold(word, t.Word)
}
