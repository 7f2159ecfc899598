package rule

import (
	"bytes"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// group is a part of a record, as JSON, and the paths into it that rules name.
// It is walked once, when the first of them is asked for.
type group struct {
	name string
	part func(*event.Event) []byte
	tree *branch
}

// branch is a place in the paths of a group.
type branch struct {
	fields []int32 // whose paths end here
	kids   map[string]*branch
}

func (b *branch) add(path []string, field int32) {
	for _, name := range path {
		if b.kids == nil {
			b.kids = map[string]*branch{}
		}
		next := b.kids[name]
		if next == nil {
			next = &branch{}
			b.kids[name] = next
		}
		b = next
	}
	b.fields = append(b.fields, field)
}

// maxNesting bounds recursion on hostile records.
const maxNesting = 100

func (m *Matcher) readGroup(i int32) {
	if m.groups[i] == m.moment {
		return
	}
	m.groups[i] = m.moment
	g := &m.view.groups[i]
	s := jsonscan.Scanner{Data: g.part(m.ev)}
	if len(s.Data) > 0 {
		_ = m.walk(&s, g.tree) // of a record that is cut or broken, what there is counts
	}
}

// walk reads the value at the scanner for the paths that end at or below b. An
// array stands for its elements.
func (m *Matcher) walk(s *jsonscan.Scanner, b *branch) error {
	if m.depth++; m.depth > maxNesting {
		m.depth--
		_, err := s.Skip()
		return err
	}
	defer func() { m.depth-- }()
	switch s.Space() {
	case '{':
		return m.walkObject(s, b)
	case '[':
		for _, f := range b.fields {
			m.push(f, value{null: true}) // it is there, even without elements
		}
		if err := s.Enter('['); err != nil {
			return err
		}
		for first := true; ; first = false {
			if ok, err := s.More(first); !ok || err != nil {
				return err
			}
			if err := m.walk(s, b); err != nil {
				return err
			}
		}
	case '"':
		text, err := m.readText(s, len(b.fields) > 0)
		if err == nil {
			for _, f := range b.fields {
				m.push(f, value{text: text})
			}
		}
		return err
	}
	raw, err := s.Skip()
	if err == nil {
		m.pushRaw(b, raw)
	}
	return err
}

func (m *Matcher) pushRaw(b *branch, raw []byte) {
	null := string(raw) == "null"
	for _, f := range b.fields {
		m.push(f, value{text: aliased(raw), null: null})
	}
}

func (m *Matcher) walkObject(s *jsonscan.Scanner, b *branch) error {
	if len(b.fields) > 0 { // the object itself is a value: its text
		at := s.Pos
		raw, err := s.Skip()
		m.pushRaw(b, raw)
		if err != nil || b.kids == nil {
			return err
		}
		s.Pos = at
	}
	if err := s.Enter('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if !ok || err != nil {
			return err
		}
		if kid := b.kid(key); kid != nil {
			err = m.walk(s, kid)
		} else {
			_, err = s.Skip()
		}
		if err != nil {
			return err
		}
	}
}

// kid follows a member name. One with dots, as annotations have, is written in
// a rule like several.
func (b *branch) kid(key []byte) *branch {
	if kid := b.kids[string(key)]; kid != nil || bytes.IndexByte(key, '.') < 0 {
		return kid
	}
	for more := true; b != nil && more; {
		var name []byte
		name, key, more = bytes.Cut(key, []byte("."))
		b = b.kids[string(name)]
	}
	return b
}

// readText reads a string. Only one that is written with escapes is copied.
func (m *Matcher) readText(s *jsonscan.Scanner, wanted bool) (string, error) {
	raw, err := s.Skip()
	if err != nil || !wanted {
		return "", err
	}
	raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return aliased(raw), nil
	}
	start := len(m.scratch)
	m.scratch = appendUnescaped(m.scratch, raw)
	return aliased(m.scratch[start:]), nil
}

// appendUnescaped undoes JSON's escapes; what is none stays as it is.
func appendUnescaped(to, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 >= len(b) {
			return append(to, b...)
		}
		to = append(to, b[:i]...)
		c := b[i+1]
		n := 2
		switch k := strings.IndexByte(`"\/bfnrt`, c); {
		case k >= 0:
			to = append(to, "\"\\/\b\f\n\r\t"[k])
		case c == 'u' && len(b) >= i+6:
			n = 6
			if len(b) >= i+12 && b[i+2]|0x20 == 'd' && b[i+6] == '\\' { // perhaps half a pair
				n = 12
			}
			out, err := jsonscan.Unescape(b[i : i+n])
			if err != nil {
				out = b[i : i+n]
			}
			to = append(to, out...)
		default:
			to = append(to, '\\', c)
		}
		b = b[i+n:]
	}
}
