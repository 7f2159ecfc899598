package intel

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// ListFile is a list of the operator's: plain text, one address, prefix,
// domain or SHA-256 a line, or CSV with it in the first column. "#" starts a
// comment.
type ListFile struct {
	Name string // as findings show it
	Path string
	// Category is what being on the list means; Custom if the operator says
	// nothing more. It has no meaning for trusted lists.
	Category Category
}

// Limits of one list. Those on entries are GuardDuty's.
const (
	MaxEntries        = 250_000
	MaxTrustedEntries = 2_000
	maxLine           = 64 << 10
)

// OperatorPart is the name of the part with the operator's files.
const OperatorPart = "operator"

// Load makes a set of what is built in, of the operator's lists, and of the
// trusted ones. A faulty line fails the whole, with its file and number. Entries
// that warning lists know better are taken: Conflicts has them.
func Load(files, trusted []ListFile) (*Set, error) {
	if len(files)+len(trusted) == 0 {
		return Builtin(), nil
	}
	p, err := LoadPart(OperatorPart, files, trusted)
	if err != nil {
		return nil, err
	}
	return Builtin().With(p), nil
}

// LoadPart makes a part of files of the operator's.
func LoadPart(name string, files, trusted []ListFile) (*Part, error) {
	b := NewBuilder()
	b.Heed(Builtin())
	for _, f := range files {
		f.Category = cmp.Or(f.Category, Custom)
		if !slices.Contains(Categories(), f.Category) {
			return nil, fmt.Errorf("load list %q: there is no category %q; use one of %s", f.Name, f.Category, categoryNames())
		}
		if err := b.file(f, HoldsThreats, MaxEntries); err != nil {
			return nil, err
		}
	}
	for _, f := range trusted {
		f.Category = ""
		if err := b.file(f, HoldsTrusted, MaxTrustedEntries); err != nil {
			return nil, err
		}
	}
	return b.Part(name), nil
}

// file adds a list of the operator's.
func (b *Builder) file(f ListFile, holds Holds, limit int) error {
	r, err := os.Open(f.Path)
	if err != nil {
		return fmt.Errorf("load list %q: %w", f.Name, err)
	}
	defer r.Close()
	l := b.List(List{Name: f.Name, Kind: KindOperator, Holds: holds, Category: f.Category, Source: f.Path})
	if st, err := r.Stat(); err == nil {
		l.list.Date = st.ModTime().UTC().Format("2006-01-02")
	}
	sum := sha256.New()
	if err := readList(io.TeeReader(r, sum), limit, func(entry string) error { return l.Add(entry, Fact{}) }); err != nil {
		return fmt.Errorf("load list %q: %s: %w", f.Name, f.Path, err)
	}
	l.list.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

func readList(r io.Reader, limit int, add func(string) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 4<<10), maxLine)
	n, line := 0, 0
	for sc.Scan() {
		line++
		entry, csv := entryOf(sc.Text(), line)
		if entry == "" || csv && line == 1 && isHeading(entry) {
			continue
		}
		if n++; n > limit {
			return fmt.Errorf("line %d: more than %d entries, the limit of a list", line, limit)
		}
		if err := add(entry); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
	if errors.Is(sc.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d: longer than %d bytes", line+1, maxLine)
	}
	return sc.Err()
}

// isHeading reports whether the first column of a CSV file is the name of one.
func isHeading(entry string) bool {
	_, isSum := parseSum(entry)
	return !isSum && !strings.ContainsAny(entry, ".:")
}

// entryOf is the entry of a line: its first column, without comment, quotes
// and the mark that some editors put at the start of a file.
func entryOf(text string, line int) (entry string, csv bool) {
	if line == 1 {
		text = strings.TrimPrefix(text, "\uFEFF")
	}
	text, _, _ = strings.Cut(text, "#")
	first, _, csv := strings.Cut(text, ",")
	return strings.Trim(strings.TrimSpace(first), `"'`), csv
}
