package shell

import "strings"

// Bounds of what is read.
const (
	// Limit is how much text is read of one line, decoded payloads and
	// expansions included.
	Limit    = 256 << 10
	maxDepth = 32  // of scripts and groups within each other
	maxRead  = 512 // commands
)

// Read reads a script.
func Read(text string) *Script {
	b := &budget{bytes: Limit, commands: maxRead}
	s := b.read(text, 0)
	s.Cut = b.cut
	return s
}

// ReadArgs reads what a process was started for by its arguments: a shell's -c
// is read as a script, and so on.
func ReadArgs(args []string) *Script {
	b := &budget{bytes: Limit, commands: maxRead}
	s := b.command(args, 0)
	s.Cut = b.cut
	return s
}

// ReadPipe reads processes whose output goes from each to the next, by their
// arguments.
func ReadPipe(stages ...[]string) *Script {
	b := &budget{bytes: Limit, commands: maxRead}
	var p Pipe
	for _, words := range stages {
		if s := b.command(words, 0); len(s.Pipes) > 0 {
			p.Commands = append(p.Commands, s.Pipes[0].Commands[0])
		}
	}
	for i := range p.Commands {
		b.connect(p.Commands[:i+1], 0)
	}
	return &Script{Pipes: []Pipe{p}, Cut: b.cut}
}

// budget is shared by all readers of one line.
type budget struct {
	bytes, commands int
	cut             bool
	vars            map[string]variable
}

// variable is what a line gave a name.
type variable struct {
	value   string
	decoded bool
}

// spend takes n bytes off the budget and reports whether they were there.
func (b *budget) spend(n int) bool {
	if b.bytes < n {
		b.cut = true
		return false
	}
	b.bytes -= n
	return true
}

func (b *budget) read(text string, depth int) *Script {
	if depth > maxDepth {
		b.cut = true
		return &Script{}
	}
	if len(text) > b.bytes { // what stands first is read
		text, b.cut = text[:b.bytes], true
	}
	b.spend(len(text))
	r := &reader{src: text, b: b, depth: depth}
	s := r.list("")
	return &s
}

// command is a script of one command whose words are known.
func (b *budget) command(words []string, depth int) *Script {
	s := &Script{Pipes: []Pipe{{Commands: []Command{{Words: words}}}}}
	if depth > maxDepth || b.commands <= 0 || len(words) == 0 {
		b.cut = b.cut || len(words) > 0
		return &Script{}
	}
	b.commands--
	b.finish(&s.Pipes[0].Commands[0], depth)
	return s
}

// reader reads one text.
type reader struct {
	src     string
	pos     int
	depth   int
	b       *budget
	lineEnd int  // where this line ends, once a here-document asked
	docEnd  int  // where its here-documents end
	decoded bool // a word of the command being read came out of a decoder
}

func (r *reader) peek() byte {
	if r.pos < len(r.src) {
		return r.src[r.pos]
	}
	return 0
}

func (r *reader) at(s string) bool { return strings.HasPrefix(r.src[r.pos:], s) }

// take reads s if it is next.
func (r *reader) take(s string) bool {
	if !r.at(s) {
		return false
	}
	r.pos += len(s)
	return true
}

// list reads pipelines until end: ")", or a reserved word such as "done".
func (r *reader) list(end string) Script {
	var s Script
	if r.depth++; r.depth > maxDepth {
		r.b.cut, r.pos = true, len(r.src)
	}
	defer func() { r.depth-- }()
	if end == "esac" {
		r.casePattern()
	}
	for r.pos < len(r.src) {
		switch c := r.peek(); c {
		case ' ', '\t', '\r', '&', '|':
			r.pos++
		case ';':
			if r.pos++; end == "esac" && (r.take(";") || r.take("&")) {
				r.take("&")
				r.casePattern()
			}
		case '\n':
			r.newline()
		case ')':
			if r.pos++; end == ")" {
				return s
			}
		default:
			p, ended := r.pipe(end)
			if len(p.Commands) > 0 {
				s.Pipes = append(s.Pipes, p)
			}
			if ended {
				return s
			}
		}
		if r.b.commands <= 0 {
			r.b.cut, r.pos = true, len(r.src)
		}
	}
	return s
}

// newline ends a line, and the here-documents after it, which were read where
// they were asked for.
func (r *reader) newline() {
	r.pos++
	r.pos = max(r.pos, r.docEnd)
}

// hereDocument reads the document that stands after this line and those that
// the line already asked for.
func (r *reader) hereDocument(delimiter string) string {
	if r.lineEnd <= r.pos { // another line than last time
		r.lineEnd = len(r.src)
		if i := strings.IndexByte(r.src[r.pos:], '\n'); i >= 0 {
			r.lineEnd = r.pos + i + 1
		}
	}
	start := max(r.docEnd, r.lineEnd)
	end := start
	for end < len(r.src) {
		line, _, _ := strings.Cut(r.src[end:], "\n")
		next := min(len(r.src), end+len(line)+1)
		if strings.Trim(line, "\t\r") == delimiter {
			r.docEnd = next
			return r.src[start:end]
		}
		end = next
	}
	r.docEnd = end
	return r.src[start:end]
}

// casePattern skips the pattern of a clause.
func (r *reader) casePattern() {
	rest := r.src[r.pos:]
	i := strings.IndexByte(rest, ')')
	if i < 0 || strings.Contains(rest[:i], "esac") {
		return
	}
	r.pos += i + 1
}

// pipe reads a pipeline. It reports whether the reserved word that ends the
// list was read.
func (r *reader) pipe(end string) (p Pipe, ended bool) {
	for {
		c, ok, last := r.command(end)
		if ok {
			p.Commands = append(p.Commands, c)
		}
		r.blanks()
		if last {
			ended = true
			break
		}
		if r.peek() != '|' || r.at("||") {
			break
		}
		r.pos++
		r.take("&")
		for r.blanks(); r.peek() == '\n'; r.blanks() {
			r.newline()
		}
	}
	for i := range p.Commands {
		r.b.connect(p.Commands[:i+1], r.depth)
	}
	return p, ended
}
