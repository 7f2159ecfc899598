package shell

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// set gives a name a value for the rest of the line.
func (b *budget) set(name, value string, decoded bool) {
	if b.vars == nil {
		b.vars = map[string]variable{}
	}
	b.vars[name] = variable{value, decoded}
}

// assign takes up NAME=value and NAME+=value.
func (b *budget) assign(word string, decoded bool) {
	name, value, _ := strings.Cut(word, "=")
	value = strings.ReplaceAll(value, fieldMark, " ")
	if more, ok := strings.CutSuffix(name, "+"); ok {
		name = more
		old := b.vars[name]
		value, decoded = old.value+value, decoded || old.decoded
	}
	if b.spend(len(value)) {
		b.set(name, value, decoded)
	}
}

// keep appends text of an expansion that cost something.
func (r *reader) keep(buf []byte, text string) []byte {
	if !r.b.spend(len(text)) {
		return buf
	}
	return append(buf, clean(text)...)
}

// expanded appends a known value; unquoted, its white space splits the word.
func (r *reader) expanded(buf []byte, value string, quoted bool) []byte {
	if !r.b.spend(len(value)) {
		return buf
	}
	for i := range len(value) {
		switch c := value[i]; {
		case c == 0:
		case !quoted && (c == ' ' || c == '\t' || c == '\n'):
			buf = append(buf, fieldMark[0])
		default:
			buf = append(buf, c)
		}
	}
	return buf
}

// dollar reads what begins with $.
func (r *reader) dollar(buf []byte, c *Command, quoted bool) []byte {
	start := r.pos
	r.pos++
	switch ch := r.peek(); {
	case ch == '\'' && !quoted:
		return r.keep(buf, r.ansi())
	case ch == '"' && !quoted:
		r.pos++
		return r.double(buf, c)
	case ch == '(':
		r.pos++
		if r.take("(") {
			r.arithmetic()
			return r.keep(buf, r.src[start:r.pos])
		}
		s := r.list(")")
		return r.substituted(buf, c, &s, r.src[start:r.pos], quoted)
	case ch == '{':
		return r.parameter(buf, start, quoted)
	case ch == '@' || ch == '*':
		r.pos++
		if len(buf) == 0 && (r.pos >= len(r.src) || !isPlain(r.src[r.pos])) {
			return append(buf, r.src[start:r.pos]...)
		}
		return buf // cu$@rl
	case ch >= '0' && ch <= '9':
		r.pos++
		return r.named(buf, r.src[r.pos-1:r.pos], start, quoted)
	default:
		for r.pos < len(r.src) && isName("_"+r.src[r.pos:r.pos+1]) {
			r.pos++
		}
		if r.pos == start+1 { // $?, $$ and the like
			if r.pos < len(r.src) && strings.IndexByte("?$!#-", ch) >= 0 {
				r.pos++
			}
			return append(buf, r.src[start:r.pos]...)
		}
		return r.named(buf, r.src[start+1:r.pos], start, quoted)
	}
}

// named appends the value of a variable, or how it is written.
func (r *reader) named(buf []byte, name string, start int, quoted bool) []byte {
	if v, ok := r.b.vars[name]; ok {
		r.decoded = r.decoded || v.decoded
		return r.expanded(buf, v.value, quoted)
	}
	if name == "IFS" {
		return r.expanded(buf, " ", quoted)
	}
	if len(buf) > 0 && isName(string(buf[len(buf)-1:])) && r.pos < len(r.src) && isName(r.src[r.pos:r.pos+1]) {
		return buf // in the middle of a word what was never set is there to hide it: w$1get, s${x}h
	}
	return append(buf, r.src[start:r.pos]...)
}

// parameter reads ${…}.
func (r *reader) parameter(buf []byte, start int, quoted bool) []byte {
	r.pos++
	from, depth := r.pos, 1
	for ; r.pos < len(r.src) && depth > 0; r.pos++ {
		switch r.src[r.pos] {
		case '{':
			depth++
		case '}':
			depth--
		case '\\':
			r.pos = min(r.pos+1, len(r.src)-1)
		}
	}
	inner := strings.TrimSuffix(r.src[from:r.pos], "}")
	n := 0
	for n < len(inner) && isName("_"+inner[n:n+1]) {
		n++
	}
	name, op := inner[:n], inner[n:]
	v, known := r.b.vars[name]
	switch {
	case name == "":
	case op == "":
		return r.named(buf, name, start, quoted)
	case name == "IFS":
		return r.expanded(buf, " ", quoted)
	case name == "PATH" && !known, name == "HOME" && !known, name == "PWD" && !known:
		v, known = variable{value: "/"}, strings.HasPrefix(op, ":0:1") // what paths begin with
	}
	if known {
		r.decoded = r.decoded || v.decoded
		if value, ok := modified(v.value, op); ok {
			return r.expanded(buf, value, quoted)
		}
	}
	for _, or := range []string{":-", "-", ":="} {
		if value, ok := strings.CutPrefix(op, or); ok && name != "" && !known {
			return r.expanded(buf, strings.Trim(value, `"'`), quoted)
		}
	}
	return r.keep(buf, r.src[start:r.pos])
}

// modified is a value after the operator of ${NAME…}: a slice, a replacement,
// or a default that is not needed.
func modified(v, op string) (string, bool) {
	switch {
	case strings.HasPrefix(op, ":-"), strings.HasPrefix(op, ":="), strings.HasPrefix(op, "-"):
		return v, true
	case strings.HasPrefix(op, "//"), strings.HasPrefix(op, "/"):
		all := strings.HasPrefix(op, "//")
		old, with, _ := strings.Cut(strings.TrimLeft(op, "/"), "/")
		if old == "" || len(with) > 64 {
			return v, false
		}
		if all {
			return strings.ReplaceAll(v, old, with), true
		}
		return strings.Replace(v, old, with, 1), true
	case strings.HasPrefix(op, ":"):
		off, length, has := strings.Cut(op[1:], ":")
		i, err := strconv.Atoi(strings.TrimSpace(off))
		if err != nil || i < 0 || i > len(v) {
			return v, false
		}
		n := len(v) - i
		if has {
			if n, err = strconv.Atoi(length); err != nil || n < 0 {
				return v, false
			}
		}
		return v[i:min(len(v), i+n)], true
	}
	return v, false
}

// substituted appends the output of a script if the line itself tells it, or
// else how it is written.
func (r *reader) substituted(buf []byte, c *Command, s *Script, written string, quoted bool) []byte {
	c.Parts = append(c.Parts, Part{Substituted, s})
	if len(s.Pipes) == 1 {
		if out, decoded, ok := r.b.output(s.Pipes[0].Commands); ok {
			r.decoded = r.decoded || decoded
			return r.expanded(buf, strings.TrimRight(out, "\n"), quoted)
		}
	}
	return r.keep(buf, written)
}

var backquoted = strings.NewReplacer("\\`", "`", `\\`, `\`, `\$`, "$")

// backquote reads `…` and writes it as $(…).
func (r *reader) backquote(buf []byte, c *Command, quoted bool) []byte {
	r.pos++
	start := r.pos
	for r.pos < len(r.src) && r.src[r.pos] != '`' {
		if r.src[r.pos] == '\\' {
			r.pos++
		}
		r.pos++
	}
	r.pos = min(r.pos, len(r.src))
	inner := backquoted.Replace(r.src[start:r.pos])
	r.pos = min(r.pos+1, len(r.src))
	s := r.b.read(inner, r.depth+1)
	return r.substituted(buf, c, s, "$("+inner+")", quoted)
}

// ansi reads '…' after $, with the escapes of C.
func (r *reader) ansi() string {
	r.pos++
	start := r.pos
	for r.pos < len(r.src) && r.src[r.pos] != '\'' {
		if r.src[r.pos] == '\\' {
			r.pos++
		}
		r.pos++
	}
	r.pos = min(r.pos, len(r.src))
	text := r.src[start:r.pos]
	r.pos = min(r.pos+1, len(r.src))
	out, hex := unescape(text)
	r.decoded = r.decoded || hex
	return out
}

// unescape undoes the escapes of $'…', printf and echo -e. It reports whether
// plain letters were written as numbers, which hides what is written.
func unescape(s string) (out string, hidden bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, false
	}
	b, letters := make([]byte, 0, len(s)), 0
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'n':
			b = append(b, '\n')
		case 't':
			b = append(b, '\t')
		case 'r':
			b = append(b, '\r')
		case 'a', 'b', 'f', 'v':
		case 'e', 'E':
			b = append(b, 0x1b)
		case 'x', 'u', 'U':
			digits, base := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c], i+1
			n, end := number(s, base, digits, 16)
			if end == base {
				b = append(b, '\\', c)
				continue
			}
			if i = end - 1; c == 'x' {
				b = append(b, byte(n))
			} else {
				b = utf8.AppendRune(b, rune(n))
			}
			letters += oneIfLetter(n)
		case '0', '1', '2', '3', '4', '5', '6', '7':
			digits := 3
			if c == '0' {
				digits = 4
			}
			n, end := number(s, i, digits, 8)
			i = end - 1
			b = append(b, byte(n))
			letters += oneIfLetter(n)
		default:
			if c != '\\' && c != '\'' && c != '"' {
				b = append(b, '\\')
			}
			b = append(b, c)
		}
	}
	return string(b), letters >= 3
}

// number reads up to digits digits from a place on.
func number(s string, from, digits, base int) (n uint32, end int) {
	for end = from; end < len(s) && end < from+digits; end++ {
		d, err := strconv.ParseUint(s[end:end+1], base, 8)
		if err != nil {
			break
		}
		n = n*uint32(base) + uint32(d)
	}
	return n, end
}

func oneIfLetter(n uint32) int {
	if c := n | 0x20; c >= 'a' && c <= 'z' {
		return 1
	}
	return 0
}
