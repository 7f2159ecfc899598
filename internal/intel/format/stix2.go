package format

import (
	"bufio"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// stixObject is what matters of the objects of a bundle.
type stixObject struct {
	Type           string            `json:"type"`
	Pattern        string            `json:"pattern"`
	PatternType    string            `json:"pattern_type"`
	Name           string            `json:"name"`
	Value          string            `json:"value"`
	Hashes         map[string]string `json:"hashes"`
	ValidFrom      string            `json:"valid_from"`
	ValidUntil     string            `json:"valid_until"`
	Modified       string            `json:"modified"`
	Confidence     *int              `json:"confidence"`
	Revoked        bool              `json:"revoked"`
	Labels         []string          `json:"labels"`
	IndicatorTypes []string          `json:"indicator_types"`
}

// stix2 reads bundles, TAXII envelopes, arrays, and objects one after another.
func (s *sink) stix2(in *bufio.Reader) error {
	j := newJSON(in)
	for {
		t, err := j.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return j.fail(err)
		}
		if err := s.stixTop(j, t); err != nil {
			return err
		}
	}
}

// stixTop reads one value at the top, whose first token is t: an array of
// objects, or an object that holds such an array, or is itself one.
func (s *sink) stixTop(j *jsonReader, t any) error {
	one := func() error { return s.stixNext(j) }
	switch describe(t) {
	case "[":
		for j.More() {
			if err := one(); err != nil {
				return err
			}
		}
		return j.expect(']')
	case "{":
	default:
		return &Fault{j.line(), describe(t) + " where a bundle should be"}
	}
	line, alone := j.line(), stixObject{}
	for j.More() {
		t, err := j.Token()
		if err != nil {
			return j.fail(err)
		}
		wrong, key := "", describeKey(t)
		if key == "objects" {
			err = j.elements(one)
		} else if into := alone.field(key); into != nil {
			wrong, err = j.into(into)
		} else {
			err = j.skip()
		}
		if err == nil && wrong != "" {
			err = s.fault(line, "%s %s", key, wrong)
		}
		if err != nil {
			return err
		}
	}
	if err := j.expect('}'); err != nil {
		return err
	}
	if alone.Type == "" || alone.Type == "bundle" {
		return nil
	}
	return s.stixObject(&alone, line)
}

func describeKey(t any) string {
	key, _ := t.(string)
	return key
}

// field is where a member of an object that stands alone goes.
func (o *stixObject) field(key string) any {
	switch key {
	case "type":
		return &o.Type
	case "pattern":
		return &o.Pattern
	case "pattern_type":
		return &o.PatternType
	case "name":
		return &o.Name
	case "value":
		return &o.Value
	case "hashes":
		return &o.Hashes
	case "valid_from":
		return &o.ValidFrom
	case "valid_until":
		return &o.ValidUntil
	case "modified":
		return &o.Modified
	case "confidence":
		return &o.Confidence
	case "revoked":
		return &o.Revoked
	case "labels":
		return &o.Labels
	case "indicator_types":
		return &o.IndicatorTypes
	}
	return nil
}

func (s *sink) stixNext(j *jsonReader) error {
	var o stixObject
	wrong, err := j.into(&o)
	if err != nil {
		return err
	}
	line := j.line()
	if wrong != "" {
		return s.fault(line, "%s", wrong)
	}
	return s.stixObject(&o, line)
}

func (s *sink) stixObject(o *stixObject, line int) error {
	switch o.Type {
	case "indicator":
		return s.indicator(o, line)
	case "ipv4-addr", "ipv6-addr", "domain-name", "url":
		return s.observable(o, o.Value, line)
	case "file":
		if hash := o.hash(s.o.Hashes); hash != "" {
			return s.observable(o, hash, line)
		}
		s.skip("file without SHA-256")
		return nil
	case "":
		return s.fault(line, "an object without a type")
	}
	s.skip("STIX object " + o.Type)
	return nil
}

func (s *sink) observable(o *stixObject, raw string, line int) error {
	if !s.o.Observables {
		s.skip("observable, of which no indicator says that it is bad")
		return nil
	}
	return s.value(raw, o.entry(line))
}

func (o *stixObject) entry(line int) Entry {
	e := Entry{Line: line, Confidence: -1, Revoked: o.Revoked, First: stixTime(o.ValidFrom), Last: stixTime(o.Modified), Expires: stixTime(o.ValidUntil)}
	if o.Confidence != nil {
		e.Confidence = min(max(*o.Confidence, 0), 100)
	}
	e.Tags = append(slices.Clone(o.IndicatorTypes), o.Labels...) // labels were what indicator_types are now
	e.Trusted = slices.Contains(e.Tags, "benign")
	if e.Threat = o.Name; e.Threat == "" || len(e.Threat) > maxWord {
		e.Threat = ""
		if len(e.Tags) > 0 {
			e.Threat = e.Tags[0]
		}
	}
	return e
}

func stixTime(s string) time.Time { return when(s) }

func (s *sink) indicator(o *stixObject, line int) error {
	switch {
	case o.Revoked && !s.o.Revoked:
		s.skip("revoked indicator")
		return nil
	case o.PatternType != "" && !strings.EqualFold(o.PatternType, "stix"):
		s.skip("pattern of type " + o.PatternType)
		return nil
	}
	claims, err := parsePattern(o.Pattern)
	if err != nil {
		return s.fault(line, "pattern: %v", err)
	}
	used := 0
	for _, c := range claims {
		if raw, ok := c.value(); ok {
			used++
			if err := s.value(raw, o.entry(line)); err != nil {
				return err
			}
		}
	}
	if used == 0 {
		s.skip("pattern without address, domain, URL or SHA-256 that equals something")
	}
	return nil
}

// hash is the SHA-256 of a file, or else the best of its other hashes if those
// count.
func (o *stixObject) hash(others bool) string {
	for _, want := range []string{"sha256", "sha1", "md5"} {
		for _, name := range slices.Sorted(maps.Keys(o.Hashes)) {
			if hashName(name) == want {
				return o.Hashes[name]
			}
		}
		if !others {
			break
		}
	}
	return ""
}

func hashName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "-", "")) }

func isSHA256(name string) bool { return hashName(name) == "sha256" }

// isHashName reports whether a name is that of a hash that can be looked up.
func isHashName(name string) bool {
	switch hashName(name) {
	case "sha256", "sha1", "md5":
		return true
	}
	return false
}
