package format

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// jsonReader decodes JSON value by value and knows on which line it is.
type jsonReader struct {
	*json.Decoder
	marks *marks
}

func newJSON(in io.Reader) *jsonReader {
	m := &marks{r: in, line: 1}
	d := json.NewDecoder(m)
	d.UseNumber()
	return &jsonReader{d, m}
}

// line is the line that the decoder has come to.
func (j *jsonReader) line() int { return j.marks.at(j.InputOffset()) }

// fail gives an error of the decoder its line.
func (j *jsonReader) fail(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Fault{j.line(), "the JSON ends here, in the middle of a value: the list is cut short"}
	}
	return asFault(err, j.line())
}

// elements calls do before each element of an array whose bracket is next.
func (j *jsonReader) elements(do func() error) error {
	if err := j.expect('['); err != nil {
		return err
	}
	for j.More() {
		if err := do(); err != nil {
			return err
		}
	}
	return j.expect(']')
}

// members calls do before each value of an object whose brace is next.
func (j *jsonReader) members(do func(key string) error) error {
	if err := j.expect('{'); err != nil {
		return err
	}
	for j.More() {
		t, err := j.Token()
		if err != nil {
			return j.fail(err)
		}
		key, _ := t.(string)
		if err := do(key); err != nil {
			return err
		}
	}
	return j.expect('}')
}

func (j *jsonReader) expect(d json.Delim) error {
	t, err := j.Token()
	if err != nil {
		return j.fail(err)
	}
	if t != d {
		return &Fault{j.line(), "there is " + describe(t) + " where " + d.String() + " should be"}
	}
	return nil
}

func describe(t json.Token) string {
	switch t := t.(type) {
	case json.Delim:
		return t.String()
	case string:
		return "a string"
	case nil:
		return "null"
	}
	return "a number or a word"
}

// into decodes the next value. A value of another shape is a fault of the
// record that the caller counts; broken JSON ends the list.
func (j *jsonReader) into(v any) (wrong string, err error) {
	err = j.Decode(v)
	var shape *json.UnmarshalTypeError
	if errors.As(err, &shape) {
		return shape.Field + " is a " + shape.Value, nil
	}
	if err != nil {
		return "", j.fail(err)
	}
	return "", nil
}

func (j *jsonReader) skip() error {
	var raw json.RawMessage
	if err := j.Decode(&raw); err != nil {
		return j.fail(err)
	}
	return nil
}

const maxMarks = 1 << 16

// marks remembers where lines end in what a decoder has read ahead.
type marks struct {
	r    io.Reader
	off  int64
	ends []int64
	line int
}

func (m *marks) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	for i, c := range p[:n] {
		if c == '\n' {
			m.ends = append(m.ends, m.off+int64(i))
		}
	}
	if len(m.ends) > maxMarks { // a value of very many lines: what follows is told roughly
		m.line += len(m.ends)
		m.ends = m.ends[:0]
	}
	m.off += int64(n)
	return n, err
}

// at is the line of an offset, none of which is smaller than that before.
func (m *marks) at(off int64) int {
	i := 0
	for i < len(m.ends) && m.ends[i] < off {
		i++
	}
	m.line += i
	m.ends = m.ends[i:]
	return m.line
}

// maxDepth is how deep values may lie in one another.
const maxDepth = 16

// json reads records: objects in an array, under keys, or one after another.
func (s *sink) json(in *bufio.Reader) error {
	r := records{s: s, j: newJSON(in), said: -1}
	for {
		t, err := r.j.Token()
		if err == io.EOF {
			return r.complete()
		}
		if err != nil {
			return r.j.fail(err)
		}
		if err := r.outer(t, 0, false); err != nil {
			return err
		}
	}
}

type records struct {
	s    *sink
	j    *jsonReader
	said int64 // records that the list's own last line counts; -1 if it does not
}

// outer reads a value outside of records, whose first token is t. Records are
// the objects of the outermost arrays, and objects that stand alone.
func (r *records) outer(t json.Token, depth int, element bool) error {
	if depth > maxDepth {
		return r.tooDeep()
	}
	switch t {
	case json.Delim('['):
		for r.j.More() {
			t, err := r.j.Token()
			if err != nil {
				return r.j.fail(err)
			}
			if err := r.outer(t, depth+1, true); err != nil {
				return err
			}
		}
		return r.j.expect(']')
	case json.Delim('{'):
		return r.object(depth, element)
	}
	if text, ok := t.(string); ok { // an array of values alone
		return r.s.value(text, Entry{Line: r.j.line(), Confidence: -1})
	}
	return r.s.fault(r.j.line(), "%s where a record should be", describe(t))
}

// object reads an object that is a record or, unless it is an element of an
// array, may hold arrays of them.
func (r *records) object(depth int, element bool) error {
	line, rec, holds := r.j.line(), record{}, false
	for r.j.More() {
		t, err := r.j.Token()
		if err != nil {
			return r.j.fail(err)
		}
		key, _ := t.(string)
		if t, err = r.j.Token(); err != nil {
			return r.j.fail(err)
		}
		switch _, nested := t.(json.Delim); {
		case !nested:
			rec.take(key, t)
		case element || depth > 2:
			err = r.inner(key, t, &rec)
		case t == json.Delim('['):
			holds = true
			err = r.under(key, &rec, depth+1)
		default:
			holds = true
			err = r.object(depth+1, false)
		}
		if err != nil {
			return err
		}
	}
	if err := r.j.expect('}'); err != nil {
		return err
	}
	switch {
	case rec.cells["type"] == "metadata": // the last line of Spamhaus' lists
		if n, ok := number(rec.cells["records"]); ok {
			r.said = int64(n)
		}
	case rec.first(valueColumns) != "":
		return r.s.record(rec, valueColumns, line)
	case element || !holds && len(rec.cells) > 0:
		r.s.skip("record without address, domain or SHA-256")
	}
	return nil
}

// under reads an array that stands under a key of an object that is no element
// itself: records, or the tags of this one.
func (r *records) under(key string, rec *record, depth int) error {
	for r.j.More() {
		t, err := r.j.Token()
		if err != nil {
			return r.j.fail(err)
		}
		if _, nested := t.(json.Delim); !nested && slices.Contains(tagColumns, key) {
			rec.take(key, t)
			continue
		}
		if err := r.outer(t, depth, true); err != nil {
			return err
		}
	}
	return r.j.expect(']')
}

// inner passes over what lies in a record, and takes plain values of arrays.
func (r *records) inner(key string, t json.Token, rec *record) error {
	for depth, top := 1, t; depth > 0; {
		t, err := r.j.Token()
		if err != nil {
			return r.j.fail(err)
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			if depth++; depth > maxDepth {
				return r.tooDeep()
			}
		case json.Delim(']'), json.Delim('}'):
			depth--
		default:
			if depth == 1 && top == json.Delim('[') {
				rec.take(key, t)
			}
		}
	}
	return nil
}

func (r *records) tooDeep() error {
	return &Fault{r.j.line(), "objects and arrays in one another, too deep for a list"}
}

// complete compares with what the list says of its own length.
func (r *records) complete() error {
	n := int64(r.s.stats.Entries + r.s.stats.Faults)
	for _, c := range r.s.stats.Skipped {
		n += int64(c)
	}
	if r.said > n {
		return &Fault{0, "the list is cut short: it says of itself that it has more records"}
	}
	return nil
}

// take keeps a value under its key: several under one key are tags.
func (r *record) take(key string, t json.Token) {
	key = column(key)
	text, ok := t.(string)
	if n, isNumber := t.(json.Number); isNumber {
		text, ok = n.String(), true
	}
	if !ok {
		return
	}
	if slices.Contains(tagColumns, key) {
		if len(r.tags) < maxTags && strings.TrimSpace(text) != "" {
			r.tags = append(r.tags, text)
		}
		return
	}
	if r.cells[key] == "" {
		r.set(key, text)
	}
}
