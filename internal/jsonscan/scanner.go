package jsonscan

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"unsafe"
)

var (
	// ErrCut says that the input ended inside a value.
	ErrCut = errors.New("the JSON value is cut short")
	// ErrSyntax says that the input is not JSON at the scanner's position.
	ErrSyntax = errors.New("this is not JSON")
)

// Scanner is a position in a JSON text. The zero value with Data set is ready.
type Scanner struct {
	Data []byte
	Pos  int
}

// Space steps over white space and returns the next byte, or 0 at the end.
func (s *Scanner) Space() byte {
	for s.Pos < len(s.Data) {
		c := s.Data[s.Pos]
		if c > ' ' {
			return c
		}
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
		s.Pos++
	}
	return 0
}

// Enter steps into an object or array that must start here with open.
func (s *Scanner) Enter(open byte) error {
	switch c := s.Space(); {
	case c == open:
		s.Pos++
		return nil
	case s.Pos >= len(s.Data):
		return ErrCut
	}
	return ErrSyntax
}

// Next steps to the next member of an object, returns its key and stops before
// the value. It returns ok false after the closing brace. The key aliases the
// input unless it is written with escapes.
func (s *Scanner) Next(first bool) (key []byte, ok bool, err error) {
	ok, err = s.more(first, '}')
	if !ok || err != nil {
		return nil, false, err
	}
	if key, err = s.Bytes(); err != nil {
		return nil, false, err
	}
	switch c := s.Space(); {
	case c == ':':
		s.Pos++
		return key, true, nil
	case s.Pos >= len(s.Data):
		return nil, false, ErrCut
	}
	return nil, false, ErrSyntax
}

// More steps to the next element of an array and reports whether there is one.
func (s *Scanner) More(first bool) (bool, error) { return s.more(first, ']') }

func (s *Scanner) more(first bool, end byte) (bool, error) {
	c := s.Space()
	if s.Pos >= len(s.Data) {
		return false, ErrCut
	}
	if c == end {
		s.Pos++
		return false, nil
	}
	if first {
		return true, nil
	}
	if c != ',' {
		return false, ErrSyntax
	}
	s.Pos++
	if s.Space(); s.Pos >= len(s.Data) {
		return false, ErrCut
	}
	return true, nil
}

// Bytes reads a string. The result aliases the input unless the string is
// written with escapes.
func (s *Scanner) Bytes() ([]byte, error) {
	if err := s.Enter('"'); err != nil {
		return nil, err
	}
	start := s.Pos
	end := stringEnd(s.Data, start)
	if end < 0 {
		s.Pos = len(s.Data)
		return nil, ErrCut
	}
	if s.Data[end] == '"' {
		s.Pos = end + 1
		return s.Data[start:end], nil
	}
	for s.Data[end] == '\\' { // find the real end, then undo the escapes
		if end+2 > len(s.Data) {
			s.Pos = len(s.Data)
			return nil, ErrCut
		}
		if end = stringEnd(s.Data, min(end+2, len(s.Data))); end < 0 {
			s.Pos = len(s.Data)
			return nil, ErrCut
		}
	}
	s.Pos = end + 1
	return Unescape(s.Data[start:end])
}

// String is Bytes as a string. It aliases the input: whoever keeps it beyond
// the life of the input must clone it.
func (s *Scanner) String() (string, error) {
	b, err := s.Bytes()
	return alias(b), err
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// OptString reads a string, or null as "". Other values are stepped over and
// give ErrSyntax.
func (s *Scanner) OptString() (string, error) {
	if s.Space() == '"' {
		return s.String()
	}
	raw, err := s.Skip()
	if err == nil && string(raw) != "null" {
		err = ErrSyntax
	}
	return "", err
}

// Int reads a number and returns its whole part.
func (s *Scanner) Int() (int, error) {
	raw, err := s.Skip()
	if err != nil {
		return 0, err
	}
	n, neg := 0, false
	for i, c := range raw {
		switch {
		case c == '-' && i == 0:
			neg = true
		case c >= '0' && c <= '9' && n < 1<<48:
			n = n*10 + int(c-'0')
		case c == '.' && i > 0:
			return n, nil
		default:
			return 0, ErrSyntax
		}
	}
	if neg {
		n = -n
	}
	return n, nil
}

// Skip steps over one value and returns its bytes. A cut value gives what
// there is of it, and ErrCut.
func (s *Scanner) Skip() ([]byte, error) {
	c := s.Space()
	start := s.Pos
	if start >= len(s.Data) {
		return nil, ErrCut
	}
	switch {
	case c == '{' || c == '[':
		end := skipNested(s.Data, start+1)
		if end < 0 {
			s.Pos = len(s.Data)
			return s.Data[start:], ErrCut
		}
		s.Pos = end
	case c == '"':
		end := skipString(s.Data, start+1)
		if end < 0 {
			s.Pos = len(s.Data)
			return s.Data[start:], ErrCut
		}
		s.Pos = end
	case c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z':
		for s.Pos < len(s.Data) && isBare(s.Data[s.Pos]) {
			s.Pos++
		}
		if s.Pos >= len(s.Data) {
			return s.Data[start:], ErrCut
		}
		if c >= 'a' && !isLiteral(s.Data[start:s.Pos]) {
			return nil, ErrSyntax
		}
	default:
		return nil, ErrSyntax
	}
	return s.Data[start:s.Pos], nil
}

func isBare(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}

func isLiteral(b []byte) bool {
	return string(b) == "true" || string(b) == "false" || string(b) == "null"
}

// class marks the bytes that matter between strings.
const (
	plain = iota
	quote
	opening
	closing
)

var class = [256]uint8{'"': quote, '{': opening, '[': opening, '}': closing, ']': closing}

// skipNested returns the position after the bracket that closes the value
// whose opening bracket stands before i, or -1.
func skipNested(b []byte, i int) int {
	depth := 1
	for i < len(b) {
		switch class[b[i]] {
		case plain:
			i++
		case quote:
			if i = skipString(b, i+1); i < 0 {
				return -1
			}
		case opening:
			depth++
			i++
		case closing:
			depth--
			i++
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// skipString returns the position after the quote that ends the string whose
// content starts at i, or -1.
func skipString(b []byte, i int) int {
	for {
		i = stringEnd(b, i)
		if i < 0 {
			return -1
		}
		if b[i] == '"' {
			return i + 1
		}
		if i += 2; i > len(b) {
			return -1
		}
	}
}

const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = ones * '"'
	slants = ones * '\\'
)

// stringEnd returns the position of the next quote or backslash at or after i,
// or -1. It looks at eight bytes at a time: audit logs are mostly strings.
func stringEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		q, e := w^quotes, w^slants
		if m := ((q - ones) &^ q & highs) | ((e - ones) &^ e & highs); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(b); i++ {
		if b[i] == '"' || b[i] == '\\' {
			return i
		}
	}
	return -1
}
