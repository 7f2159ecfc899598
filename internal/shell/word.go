package shell

import "strings"

// fieldMark stands in a word where the white space of an unquoted expansion
// splits it. No argument of a process can hold it.
const fieldMark = "\x00"

// word is one word of a command, read.
type word struct {
	text string
	// plain: it is written without quotes and expansions.
	plain bool
	// assigns: it is written as NAME= with anything after it.
	assigns bool
	braces  bool // an unquoted { with a comma after it
}

// appendTo appends the fields that the word becomes.
func (w *word) appendTo(to []string) []string {
	if w.braces {
		if words, ok := braces(w.text); ok {
			return append(to, words...)
		}
	}
	if strings.IndexByte(w.text, fieldMark[0]) < 0 {
		return append(to, w.text)
	}
	for f := range strings.SplitSeq(w.text, fieldMark) {
		if f != "" {
			to = append(to, f)
		}
	}
	return to
}

// braces expands the one list of words in a word: {cat,/etc/passwd}.
func braces(w string) ([]string, bool) {
	open := strings.IndexByte(w, '{')
	end := strings.LastIndexByte(w, '}')
	if open < 0 || end < open || open > 0 && w[open-1] == '$' || strings.ContainsAny(w[open+1:end], "{}") || !strings.Contains(w[open+1:end], ",") {
		return nil, false
	}
	var out []string
	for part := range strings.SplitSeq(w[open+1:end], ",") {
		if word := w[:open] + part + w[end+1:]; word != "" {
			out = append(out, word)
		}
	}
	return out, true
}

// isPlain reports whether a byte stands for itself in an unquoted word.
func isPlain(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', ';', '&', '|', '(', ')', '<', '>', '\'', '"', '\\', '$', '`', 0:
		return false
	}
	return true
}

// word reads the word that is next. It consumes at least one byte.
func (r *reader) word(c *Command) word {
	start := r.pos
	for r.pos < len(r.src) && isPlain(r.src[r.pos]) {
		r.pos++
	}
	if text := r.src[start:r.pos]; r.pos > start && r.wordEnds() {
		return word{text: text, plain: true, braces: strings.IndexByte(text, '{') >= 0}
	}
	w := word{}
	buf := make([]byte, 0, 64)
	buf = append(buf, r.src[start:r.pos]...)
	w.assigns = isAssignment(string(buf))
	w.braces = strings.IndexByte(r.src[start:r.pos], '{') >= 0
	for r.pos < len(r.src) && (r.pos == start || !r.wordEnds()) {
		switch ch := r.src[r.pos]; ch {
		case '\\':
			if r.pos++; r.pos < len(r.src) {
				if r.src[r.pos] != '\n' {
					buf = append(buf, r.src[r.pos])
				}
				r.pos++
			}
		case '\'':
			buf = append(buf, r.single()...)
		case '"':
			r.pos++
			buf = r.double(buf, c)
		case '$':
			buf = r.dollar(buf, c, w.assigns)
		case '`':
			buf = r.backquote(buf, c, w.assigns)
		case '<', '>':
			if !r.at(string(ch) + "(") {
				r.pos++
				break
			}
			from := r.pos
			r.pos += 2
			s := r.list(")")
			c.Parts = append(c.Parts, Part{Substituted, &s})
			buf = r.keep(buf, r.src[from:min(r.pos, len(r.src))])
		case 0:
			r.pos++
		default:
			if ch == '{' {
				w.braces = true
			}
			buf = append(buf, ch)
			r.pos++
		}
	}
	w.text = string(buf)
	return w
}

// wordEnds reports whether a word ends here.
func (r *reader) wordEnds() bool {
	if r.pos >= len(r.src) {
		return true
	}
	switch c := r.src[r.pos]; c {
	case ' ', '\t', '\n', '\r', ';', '&', '|', '(', ')':
		return true
	case '<', '>':
		return true
	}
	return false
}

// single reads '…'.
func (r *reader) single() string {
	r.pos++
	rest := r.src[r.pos:]
	i := strings.IndexByte(rest, '\'')
	if i < 0 {
		r.pos = len(r.src)
		return clean(rest)
	}
	r.pos += i + 1
	return clean(rest[:i])
}

// clean takes out the bytes that mark fields.
func clean(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		return strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

// double reads to the end of "…".
func (r *reader) double(buf []byte, c *Command) []byte {
	for r.pos < len(r.src) {
		switch ch := r.src[r.pos]; ch {
		case '"':
			r.pos++
			return buf
		case '\\':
			if r.pos+1 >= len(r.src) {
				r.pos++
				break
			}
			if next := r.src[r.pos+1]; strings.IndexByte("$`\"\\\n", next) < 0 {
				buf = append(buf, '\\', next)
			} else if next != '\n' {
				buf = append(buf, next)
			}
			r.pos += 2
		case '$':
			buf = r.dollar(buf, c, true)
		case '`':
			buf = r.backquote(buf, c, true)
		case 0:
			r.pos++
		default:
			buf = append(buf, ch)
			r.pos++
		}
	}
	return buf
}
