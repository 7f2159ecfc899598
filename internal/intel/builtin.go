package intel

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// The lists of the program itself are files of builtin: .txt or .lst, with .gz
// behind that if they are large. Each starts with a head, which says what it
// holds and where that is from, and has an entry a line:
//
//	kind threats (or none)   category entry [threat name]
//	kind warning             entry [why]
//	kind networks            prefix provider [region [service]]
//	kind popular             domain
//	any other kind           domain or prefix [operator]

//go:embed builtin
var builtinFiles embed.FS

// Builtin is the set of what is built in alone.
func Builtin() *Set { return builtinSet() }

var builtinSet = sync.OnceValue(func() *Set {
	files, err := readBuiltin(builtinFiles)
	if err != nil { // the data is part of the program and tested with it
		panic(err)
	}
	return NewSet(builtinPart(files))
})

// builtinFile is a file whose head was read.
type builtinFile struct {
	name  string
	raw   []byte
	holds Holds
}

func readBuiltin(from fs.FS) ([]builtinFile, error) {
	var out []builtinFile
	entries, err := fs.ReadDir(from, "builtin")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		f := builtinFile{name: e.Name(), holds: HoldsThreats}
		if ext := path.Ext(strings.TrimSuffix(f.name, ".gz")); ext != ".txt" && ext != ".lst" {
			continue
		}
		if f.raw, err = fs.ReadFile(from, "builtin/"+f.name); err != nil {
			return nil, err
		}
		head, err := f.head()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		for line := range strings.Lines(head) {
			if kind, ok := headLine(line, "kind"); ok {
				f.holds = Holds(kind)
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// headSize is room for every head.
const headSize = 4 << 10

// head is the start of a file, without unpacking all of it.
func (f *builtinFile) head() (string, error) {
	if !strings.HasSuffix(f.name, ".gz") {
		return string(f.raw[:min(len(f.raw), headSize)]), nil
	}
	zr, err := gzip.NewReader(bytes.NewReader(f.raw))
	if err != nil {
		return "", err
	}
	head := make([]byte, headSize)
	n, err := io.ReadFull(zr, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	return string(head[:n]), nil
}

func (f *builtinFile) text() (string, error) {
	if !strings.HasSuffix(f.name, ".gz") {
		return string(f.raw), nil
	}
	zr, err := gzip.NewReader(bytes.NewReader(f.raw))
	if err != nil {
		return "", err
	}
	var text strings.Builder
	_, err = io.Copy(&text, zr)
	return text.String(), err
}

// headLine reads "# KEY: VALUE".
func headLine(line, key string) (value string, ok bool) {
	rest, ok := strings.CutPrefix(line, "# "+key+":")
	return strings.TrimSpace(rest), ok
}

// builtinPart reads the lists of threats; the others are read when somebody
// asks for them.
func builtinPart(files []builtinFile) *Part {
	b := NewBuilder()
	b.mustAdd(files, func(h Holds) bool { return h == HoldsThreats || h == HoldsTrusted })
	p := b.Part("builtin")
	later := func(which func(Holds) bool) func() *Part {
		return sync.OnceValue(func() *Part {
			b := NewBuilder()
			b.mustAdd(files, which)
			return b.Part("")
		})
	}
	warnings := later(func(h Holds) bool { return h == HoldsWarnings })
	networks := later(func(h Holds) bool { return h == HoldsNetworks })
	kinds := later(func(h Holds) bool { return !isRole(h) })
	popular := sync.OnceValue(func() *popularList { return mustPopular(files) })
	p.warnings = func() *index { return warnings().warnings() }
	p.networks = func() *index { return networks().networks() }
	p.kinds = func() *index { return kinds().kinds() }
	p.popular = func() *ranks { return popular().ranks }
	p.more = func() []*List {
		return slices.Concat(warnings().own, networks().own, kinds().own, popular().lists)
	}
	return p
}

// mustAdd adds the files that hold something.
func (b *Builder) mustAdd(files []builtinFile, which func(Holds) bool) {
	for i := range files {
		f := &files[i]
		if !which(f.holds) {
			continue
		}
		text, err := f.text()
		if err == nil {
			err = b.builtinText(text, f.sha256())
		}
		if err != nil {
			panic(fmt.Errorf("builtin/%s: %w", f.name, err))
		}
	}
}

func (f *builtinFile) sha256() string {
	sum := sha256.Sum256(f.raw)
	return hex.EncodeToString(sum[:])
}

// builtinText adds the entries of a file.
func (b *Builder) builtinText(text, sum string) error {
	l, n := List{Kind: KindBuiltin, SHA256: sum}, 0
	var to *ListBuilder
	for line := range strings.Lines(text) {
		n++
		if l.head(line) {
			to = nil // what follows is of another list
		}
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if l.Name == "" {
			return fmt.Errorf("line %d: no line says \"# list: NAME\" before", n)
		}
		if to == nil {
			to = b.List(l)
		}
		if err := to.builtinLine(f); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

// head takes what a line of the head says of the list.
func (l *List) head(line string) bool {
	if !strings.HasPrefix(line, "# ") {
		return false
	}
	for key, to := range map[string]*string{"Source": &l.Source, "Date": &l.Date, "Licence": &l.Licence, "list": &l.Name, "kind": (*string)(&l.Holds)} {
		if value, ok := headLine(line, key); ok {
			*to = value
			return true
		}
	}
	return false
}

func (l *ListBuilder) builtinLine(f []string) error {
	switch l.list.Holds {
	case HoldsThreats:
		if len(f) < 2 || !slices.Contains(Categories(), Category(f[0])) {
			return fmt.Errorf("no category and entry; the categories are %s", categoryNames())
		}
		return l.Add(f[1], Fact{Category: Category(f[0]), Names: words(f[2:])})
	case HoldsNetworks:
		return l.Add(f[0], Fact{Names: f[1:]})
	}
	return l.Add(f[0], Fact{Names: words(f[1:])})
}

// words are one text of some words; none if there are none.
func words(f []string) []string {
	if len(f) == 0 {
		return nil
	}
	return []string{strings.Join(f, " ")}
}

// popularList is the ranks of popular domains and the lists they are from.
type popularList struct {
	*ranks
	lists []*List
}

func mustPopular(files []builtinFile) *popularList {
	out, names := &popularList{}, []string(nil)
	for i := range files {
		f := &files[i]
		if f.holds != HoldsPopular {
			continue
		}
		text, err := f.text()
		if err != nil {
			panic(fmt.Errorf("builtin/%s: %w", f.name, err))
		}
		l, before := &List{Kind: KindBuiltin, State: "active", SHA256: f.sha256()}, len(names)
		for line := range strings.Lines(text) {
			if name := strings.TrimSpace(line); name != "" && name[0] != '#' {
				names = append(names, name)
			} else {
				l.head(line)
			}
		}
		l.Entries = len(names) - before
		out.lists = append(out.lists, l)
	}
	var err error
	if out.ranks, err = ranksOf(names); err != nil {
		panic(fmt.Errorf("the popular domains that are built in: %w", err))
	}
	return out
}
