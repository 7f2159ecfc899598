package format

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sink takes what the parsers find: values into entries, faults into the count
// or, where nothing may be wrong, into an error.
type sink struct {
	o     Options
	yield func(Entry) error
	stats Stats
}

func newSink(o Options, yield func(Entry) error) *sink {
	o.MaxBytes = cmp.Or(o.MaxBytes, DefaultMaxBytes)
	o.MaxEntries = cmp.Or(o.MaxEntries, DefaultMaxEntries)
	o.MaxFaults = cmp.Or(o.MaxFaults, 0.1)
	o.MinBits4 = cmp.Or(o.MinBits4, 8)
	o.MinBits6 = cmp.Or(o.MinBits6, 16)
	return &sink{o: o, yield: yield, stats: Stats{Skipped: map[string]int{}}}
}

// fault tells of a record that cannot be read.
func (s *sink) fault(line int, reason string, args ...any) error {
	f := Fault{line, fmt.Sprintf(reason, args...)}
	s.stats.Faults++
	if len(s.stats.Sample) < maxSample {
		s.stats.Sample = append(s.stats.Sample, f)
	}
	if s.o.Strict {
		return &f
	}
	return nil
}

// skip counts what is right but of no use.
func (s *sink) skip(reason string) {
	if _, ok := s.stats.Skipped[reason]; !ok && len(s.stats.Skipped) >= maxReasons {
		reason = "other" // the words are the list's, so their number is, too
	}
	s.stats.Skipped[reason]++
}

// value makes entries of one value and hands them out.
func (s *sink) value(raw string, e Entry) error {
	v, err := classify(raw)
	if err != nil {
		return s.fault(e.Line, "%v", err)
	}
	return s.emit(v, e)
}

func (s *sink) emit(v value, e Entry) error {
	if v.skip != "" {
		s.skip(v.skip)
		return nil
	}
	if !s.o.Hashes && (v.kind == MD5 || v.kind == SHA1) {
		s.skip(map[Kind]string{MD5: "MD5 hash", SHA1: "SHA-1 hash"}[v.kind])
		return nil
	}
	e.Kind, e.Value, e.FromURL = v.kind, v.text, e.FromURL || v.url
	if v.kind == Address {
		if wide := s.tooWide(v); wide != "" {
			return s.fault(e.Line, "%s", wide)
		}
		if !s.o.Private && !Public(v.prefix) {
			if s.o.Strict {
				return s.fault(e.Line, "%s is not public (private, reserved or local): logs have it for machines of your own", v.text)
			}
			s.skip("address that is not public")
			return nil
		}
	}
	e.Threat, e.Tags = plain(e.Threat), plainAll(e.Tags)
	if e.Confidence < -1 || e.Confidence > 100 {
		e.Confidence = min(max(e.Confidence, -1), 100)
	}
	if s.stats.Entries++; s.stats.Entries > s.o.MaxEntries {
		s.stats.Entries--
		return &Fault{e.Line, fmt.Sprintf("more than %d entries, the limit of the list", s.o.MaxEntries)}
	}
	return s.yield(e)
}

// span hands out the prefixes of a range of addresses.
func (s *sink) span(from, to string, e Entry) error {
	vs, err := spanOf(from, to)
	if err != nil {
		return s.fault(e.Line, "%v", err)
	}
	for _, v := range vs {
		if err := s.emit(v, e); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) tooWide(v value) string {
	least := s.o.MinBits6
	if v.prefix.Addr().Is4() {
		least = s.o.MinBits4
	}
	if v.prefix.Bits() >= least {
		return ""
	}
	return fmt.Sprintf("%s is too wide: it would match a good part of the internet; the widest allowed is /%d, and /%d for IPv6",
		v.text, s.o.MinBits4, s.o.MinBits6)
}

// verdict says whether the list as a whole is fit for use.
func (s *sink) verdict() error {
	st := &s.stats
	records := st.Entries + st.Faults
	for _, n := range st.Skipped {
		records += n
	}
	if st.Faults > 0 && float64(st.Faults) > s.o.MaxFaults*float64(records) {
		return fmt.Errorf("%w: %d of %d records, the first at %w", ErrFaults, st.Faults, records, &st.Sample[0])
	}
	if st.Entries == 0 && !s.o.MayBeEmpty {
		if len(st.Skipped) > 0 {
			return fmt.Errorf("%w that can be used: %s", ErrEmpty, reasons(st.Skipped))
		}
		return ErrEmpty
	}
	return nil
}

func reasons(m map[string]int) string {
	best, n := "", 0
	for r, c := range m {
		if c > n || c == n && r < best {
			best, n = r, c
		}
	}
	return fmt.Sprintf("%d records are of the kind: %s", n, best)
}

const maxWord = 200

// plain makes a word of a stranger fit for showing: one line, no control
// characters, no end of it in sight of a screen's edge.
func plain(s string) string {
	clean := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if len(s) > 4*maxWord {
		s = s[:4*maxWord]
	}
	if strings.ContainsFunc(s, clean) {
		s = strings.Map(func(r rune) rune {
			if clean(r) {
				return ' '
			}
			return r
		}, s)
	}
	s = strings.TrimSpace(s)
	if len(s) > maxWord {
		s = strings.TrimSpace(strings.ToValidUTF8(s[:maxWord], ""))
	}
	return s
}

const maxTags = 16

func plainAll(tags []string) []string {
	out := tags[:0]
	for _, t := range tags {
		if t = plain(t); t != "" && len(out) < maxTags {
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// asFault gives an error of a decoder its line, and leaves our own as they are.
func asFault(err error, line int) error {
	var f *Fault
	if err == nil || errors.As(err, &f) || errors.Is(err, ErrTooBig) {
		return err
	}
	return &Fault{line, err.Error()}
}
