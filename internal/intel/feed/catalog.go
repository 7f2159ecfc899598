package feed

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/intel/format"
)

//go:embed catalog.txt
var catalogText string

// Catalog is the public feeds that we know, those that are off by default
// included.
func Catalog() ([]Source, error) {
	sources, err := parseCatalog(catalogText)
	if err != nil {
		return nil, fmt.Errorf("the catalogue of feeds: %w", err)
	}
	return sources, nil
}

func parseCatalog(text string) ([]Source, error) {
	var out []Source
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, val, ok := strings.Cut(line, ": ")
		if key == "feed" {
			out = append(out, Source{})
		}
		if !ok || len(out) == 0 {
			return nil, fmt.Errorf("line %d: %q does not belong to a feed", n, line)
		}
		if err := out[len(out)-1].set(key, val); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", n, key, err)
		}
	}
	seen := map[string]bool{}
	for i := range out {
		if err := out[i].check(); err != nil {
			return nil, err
		}
		if seen[out[i].Name] {
			return nil, fmt.Errorf("feed %q is there twice", out[i].Name)
		}
		seen[out[i].Name] = true
	}
	return out, nil
}

// set takes one line of a paragraph.
func (s *Source) set(key, val string) (err error) {
	words := map[string]*string{
		"feed": &s.Name, "title": &s.Title, "url": &s.URL, "collection": &s.Collection, "category": &s.Category, "checksum": &s.Checksum,
		"header": &s.Header, "licence": &s.Licence, "commercial": &s.Commercial, "terms": &s.Terms, "home": &s.Home, "note": &s.Note,
	}
	if w := words[key]; w != nil {
		*w = val
		return nil
	}
	switch key {
	case "kind":
		s.Kind = Kind(val)
	case "format":
		s.Format = format.Format(val)
	case "columns":
		s.Columns = strings.Split(val, ",")
	case "threat":
		i := strings.LastIndexByte(val, ' ')
		if i < 0 {
			return errors.New("a word and a category are needed")
		}
		s.Threats = append(s.Threats, Threat{val[:i], val[i+1:]})
	case "refresh":
		s.Refresh, err = time.ParseDuration(val)
	case "keep":
		s.Keep, err = time.ParseDuration(val)
	case "max-age":
		s.MaxAge, err = time.ParseDuration(val)
	case "confidence":
		s.Confidence, err = strconv.Atoi(val)
	case "warnings":
		s.Warnings, err = strconv.Atoi(val)
	case "max-entries":
		s.MaxEntries, err = strconv.Atoi(val)
	case "max-bytes":
		s.MaxBytes, err = strconv.ParseInt(val, 10, 64)
	case "on":
		s.On, err = yes(val)
	case "may-be-empty":
		s.MayBeEmpty, err = yes(val)
	default:
		return errors.New("there is no such field")
	}
	return err
}

func yes(s string) (bool, error) {
	if s != "yes" && s != "no" {
		return false, fmt.Errorf("%q is neither yes nor no", s)
	}
	return s == "yes", nil
}
