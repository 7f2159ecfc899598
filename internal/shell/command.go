package shell

import "strings"

// blanks skips what separates words.
func (r *reader) blanks() {
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; {
		case c == ' ' || c == '\t' || c == '\r':
			r.pos++
		case c == '\\' && r.at("\\\n"):
			r.pos += 2
		case c == '\\' && r.at("\\\r\n"):
			r.pos += 3
		default:
			return
		}
	}
}

// command reads one command. ok is false if there is none; ended says that the
// reserved word end was read.
func (r *reader) command(end string) (c Command, ok, ended bool) {
	outer := r.decoded
	r.decoded = false
	defer func() { r.decoded = outer }()
	test := false // within [[ … ]]
	for {
		r.blanks()
		if r.pos >= len(r.src) {
			break
		}
		first := len(c.Words) == 0 && len(c.Set) == 0
		switch ch := r.src[r.pos]; {
		case test && strings.IndexByte("<>()&|", ch) >= 0:
			r.pos++
			continue
		case ch == '\n' || ch == ';' || ch == '|' || ch == ')':
			return r.end(c)
		case ch == '&':
			if !r.at("&>") {
				return r.end(c)
			}
			r.redirect(&c)
			continue
		case ch == '#':
			if i := strings.IndexByte(r.src[r.pos:], '\n'); i >= 0 {
				r.pos += i
			} else {
				r.pos = len(r.src)
			}
			return r.end(c)
		case ch == '(':
			if r.pos++; first && r.take("(") {
				r.arithmetic()
				continue
			}
			if first || r.take(")") { // a subshell, or a function
				body := r.body(&c, ")", !first)
				if !body {
					return r.end(c)
				}
			}
			continue
		case ch == '<' || ch == '>':
			if (r.at("<(") || r.at(">(")) && !test {
				break // a word
			}
			r.redirect(&c)
			continue
		case ch >= '0' && ch <= '9' && r.descriptor():
			r.redirect(&c)
			continue
		}
		w := r.word(&c)
		if first && w.plain {
			switch word := w.text; word {
			case "then", "do", "else", "elif", "in", "!", "time", "coproc":
				continue
			case "fi", "done", "esac", "}":
				if word == end {
					return c, false, true
				}
				continue
			case "{", "if", "while", "until", "case", "for", "select", "function":
				r.compound(&c, word)
				continue
			case "[[":
				test = true
			}
		}
		if test && w.text == "]]" {
			test = false
		}
		if w.plain || w.assigns {
			if len(c.Words) == 0 && isAssignment(w.text) {
				c.Set = append(c.Set, w.text)
				continue
			}
		}
		c.Words = w.appendTo(c.Words)
	}
	return r.end(c)
}

// end completes a command.
func (r *reader) end(c Command) (Command, bool, bool) {
	if len(c.Words) == 0 && len(c.Set) == 0 && len(c.Parts) == 0 && len(c.Redirects) == 0 {
		return c, false, false
	}
	if r.b.commands--; r.b.commands < 0 {
		return c, false, false
	}
	c.Decoded = c.Decoded || r.decoded
	r.b.finish(&c, r.depth)
	return c, true, false
}

// body reads a subshell, or the body of a function, as a part of c. It reports
// false if the function has none.
func (r *reader) body(c *Command, end string, function bool) bool {
	if function {
		c.Words = nil
		for r.blanks(); r.peek() == '\n'; r.blanks() {
			r.newline()
		}
		if r.depth++; r.depth > maxDepth {
			r.b.cut, r.pos = true, len(r.src)
		}
		inner, ok, _ := r.command("")
		r.depth--
		if !ok {
			return false
		}
		c.Parts = append(c.Parts, Part{Body, &Script{Pipes: []Pipe{{Commands: []Command{inner}}}}})
		return true
	}
	s := r.list(end)
	c.Parts = append(c.Parts, Part{Body, &s})
	return true
}

// compound reads what begins with a reserved word as a part of c.
func (r *reader) compound(c *Command, word string) {
	end := "done"
	switch word {
	case "{":
		end = "}"
	case "if":
		end = "fi"
	case "case":
		var skip Command
		r.blanks()
		r.word(&skip)
		c.Parts = append(c.Parts, skip.Parts...)
		r.blanks()
		r.take("in")
		end = "esac"
	case "for", "select":
		r.forHead(c)
	case "function":
		r.blanks()
		r.word(&Command{})
		r.blanks()
		r.take("()")
		r.body(c, "", true)
		return
	}
	s := r.list(end)
	c.Parts = append(c.Parts, Part{Body, &s})
}

// forHead reads the variable of a loop and gives it all of its values at once.
func (r *reader) forHead(c *Command) {
	r.blanks()
	if r.take("((") {
		r.arithmetic()
		return
	}
	name := r.word(c).text
	var values []string
	for r.blanks(); r.pos < len(r.src) && strings.IndexByte("\n;&|()<>", r.src[r.pos]) < 0; r.blanks() {
		w := r.word(c)
		values = w.appendTo(values)
	}
	if len(values) > 1 && values[0] == "in" {
		r.b.set(name, strings.Join(values[1:], " "), r.decoded)
	}
}

// arithmetic skips to the end of ((…)).
func (r *reader) arithmetic() {
	if i := strings.Index(r.src[r.pos:], "))"); i >= 0 {
		r.pos += i + 2
	} else {
		r.pos = len(r.src)
	}
}

// descriptor reports whether digits stand before a redirection.
func (r *reader) descriptor() bool {
	i := r.pos
	for i < len(r.src) && r.src[i] >= '0' && r.src[i] <= '9' {
		i++
	}
	return i < len(r.src) && i-r.pos <= 3 && (r.src[i] == '<' || r.src[i] == '>')
}

// redirect reads one redirection.
func (r *reader) redirect(c *Command) {
	d := Redirect{FD: -1}
	for ch := r.peek(); ch >= '0' && ch <= '9'; ch = r.peek() {
		d.FD = max(0, d.FD)*10 + int(ch-'0')
		r.pos++
	}
	for _, op := range []string{"<<<", "<<-", "<<", "<>", "<&", "<", "&>>", "&>", ">>", ">|", ">&", ">"} {
		if r.take(op) {
			d.Op = strings.TrimSuffix(op, "-")
			break
		}
	}
	r.blanks()
	if r.pos < len(r.src) && strings.IndexByte("\n;|&)", r.src[r.pos]) < 0 {
		w := r.word(c)
		d.Target = strings.ReplaceAll(w.text, fieldMark, " ")
	}
	if d.Op == "<<" {
		d.Body = r.hereDocument(d.Target)
	}
	c.Redirects = append(c.Redirects, d)
}

// isAssignment reports whether a word begins with NAME= or NAME+=.
func isAssignment(w string) bool {
	name, _, ok := strings.Cut(w, "=")
	return ok && isName(strings.TrimSuffix(name, "+"))
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
