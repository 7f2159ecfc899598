package intel

import (
	"bufio"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
)

// ListFile is a list of the operator's: plain text, one address, prefix or
// domain a line, or CSV with it in the first column. "#" starts a comment.
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

// The widest prefixes that a list may have: wider ones are slips of the pen
// that would flag, or excuse, a good part of the internet.
const (
	minBits4 = 8
	minBits6 = 16
)

// Load makes a set of what is built in, of the operator's lists, and of the
// trusted ones. A faulty line fails the whole, with its file and number.
func Load(files, trusted []ListFile) (*Set, error) {
	b := NewBuilder()
	if err := b.Builtin(); err != nil {
		return nil, err
	}
	for _, f := range files {
		f.Category = cmp.Or(f.Category, Custom)
		if !slices.Contains(Categories(), f.Category) {
			return nil, fmt.Errorf("load list %q: there is no category %q; use one of %s", f.Name, f.Category, categoryNames())
		}
		add := func(entry string) error { return b.Add(entry, Hit{List: f.Name, Category: f.Category}) }
		if err := f.read(MaxEntries, add); err != nil {
			return nil, err
		}
	}
	for _, f := range trusted {
		if err := f.read(MaxTrustedEntries, b.Trust); err != nil {
			return nil, err
		}
	}
	return b.Set(), nil
}

// Builtin is the set of what is built in alone.
func Builtin() *Set { return builtinSet() }

var builtinSet = sync.OnceValue(func() *Set {
	b := NewBuilder()
	if err := b.Builtin(); err != nil { // the data is part of the program and tested with it
		panic(err)
	}
	return b.Set()
})

func (f ListFile) read(limit int, add func(string) error) error {
	r, err := os.Open(f.Path)
	if err != nil {
		return fmt.Errorf("load list %q: %w", f.Name, err)
	}
	defer r.Close()
	if err := readList(r, limit, add); err != nil {
		return fmt.Errorf("load list %q: %s: %w", f.Name, f.Path, err)
	}
	return nil
}

func readList(r io.Reader, limit int, add func(string) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 4<<10), maxLine)
	n, line := 0, 0
	for sc.Scan() {
		line++
		entry, csv := entryOf(sc.Text(), line)
		if entry == "" || csv && line == 1 && !strings.ContainsAny(entry, ".:") { // the names of columns
			continue
		}
		if n++; n > limit {
			return fmt.Errorf("line %d: more than %d entries, the limit of a list", line, limit)
		}
		if err := checkWidth(entry); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
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

func checkWidth(entry string) error {
	p, ok := prefix(entry)
	if !ok {
		return nil
	}
	if p.Addr().Is4() && p.Bits() < minBits4 || p.Addr().Is6() && p.Bits() < minBits6 {
		return fmt.Errorf("%s is too wide; at most /%d, and /%d for IPv6", entry, minBits4, minBits6)
	}
	return nil
}

func categoryNames() string {
	var names []string
	for _, c := range Categories() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

//go:embed builtin/*.txt
var builtinFiles embed.FS

// Builtin adds the lists of the program itself.
func (b *Builder) Builtin() error {
	names, err := fs.Glob(builtinFiles, "builtin/*.txt")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := builtinFiles.ReadFile(name)
		if err != nil {
			return err
		}
		if err := b.builtinFile(string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// builtinFile adds lines of category, entry and, perhaps, a threat's name.
func (b *Builder) builtinFile(text string) error {
	list, n := "", 0
	for line := range strings.Lines(text) {
		n++
		if name, ok := strings.CutPrefix(line, "# list: "); ok {
			list = strings.TrimSpace(name)
		}
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) < 2 || list == "" || !slices.Contains(Categories(), Category(f[0])) {
			return fmt.Errorf("line %d: no category and entry of a named list", n)
		}
		h := Hit{List: list, Category: Category(f[0])}
		if len(f) > 2 {
			h.Names = []string{strings.Join(f[2:], " ")}
		}
		if err := b.Add(f[1], h); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}
