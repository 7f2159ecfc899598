package rule

import (
	"strings"
	"unicode/utf8"
)

// pattern is a text with wildcards, ready to match: pieces between stars, each
// of which may have question marks. It takes time in proportion to the text
// times the longest piece, whatever the text.
type pattern struct {
	pieces      []text // without stars
	open, loose bool   // begins, ends with a star
	cased       bool
}

func newPattern(t text, cased bool) *pattern {
	p := &pattern{cased: cased}
	var piece text
	for i, q := range t {
		if q.wild != '*' {
			if !cased {
				q.text = fold(q.text)
			}
			piece = append(piece, q)
			continue
		}
		if i == 0 {
			p.open = true
		}
		if len(piece) > 0 {
			p.pieces = append(p.pieces, piece)
			piece = nil
		}
		if i == len(t)-1 {
			p.loose = true
		}
	}
	if len(piece) > 0 {
		p.pieces = append(p.pieces, piece)
	}
	return p
}

func (p *pattern) match(m *Matcher, v *value) bool {
	s := v.text
	if !p.cased {
		s = m.folded(v)
	}
	return p.matches(s)
}

func (p *pattern) matches(s string) bool {
	pieces := p.pieces
	if len(pieces) == 0 {
		return p.open || s == "" // "*", or nothing at all
	}
	if !p.open {
		n := prefix(pieces[0], s)
		if n < 0 {
			return false
		}
		s, pieces = s[n:], pieces[1:]
		if len(pieces) == 0 {
			return p.loose || s == ""
		}
	}
	last := len(pieces)
	if !p.loose {
		last--
	}
	for _, piece := range pieces[:last] { // the leftmost place leaves most to the next
		_, end := find(piece, s)
		if end < 0 {
			return false
		}
		s = s[end:]
	}
	return p.loose || suffix(pieces[last], s)
}

// prefix returns the length of what a piece matches at the start of s, or -1.
func prefix(piece text, s string) int {
	at := 0
	for _, q := range piece {
		if q.wild == '?' {
			if at >= len(s) {
				return -1
			}
			_, n := utf8.DecodeRuneInString(s[at:])
			at += n
			continue
		}
		if !strings.HasPrefix(s[at:], q.text) {
			return -1
		}
		at += len(q.text)
	}
	return at
}

// find returns where a piece first matches in s, or -1.
func find(piece text, s string) (start, end int) {
	if piece[0].wild == 0 && len(piece) == 1 {
		i := strings.Index(s, piece[0].text)
		if i < 0 {
			return -1, -1
		}
		return i, i + len(piece[0].text)
	}
	for i := 0; i <= len(s); {
		if piece[0].wild == 0 {
			next := strings.Index(s[i:], piece[0].text)
			if next < 0 {
				return -1, -1
			}
			i += next
		}
		if n := prefix(piece, s[i:]); n >= 0 {
			return i, i + n
		}
		if i == len(s) {
			break
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		i += n
	}
	return -1, -1
}

// suffix reports whether a piece matches the end of s.
func suffix(piece text, s string) bool {
	for k := len(piece) - 1; k >= 0; k-- {
		q := piece[k]
		if q.wild == '?' {
			if s == "" {
				return false
			}
			_, n := utf8.DecodeLastRuneInString(s)
			s = s[:len(s)-n]
			continue
		}
		if !strings.HasSuffix(s, q.text) {
			return false
		}
		s = s[:len(s)-len(q.text)]
	}
	return true
}
