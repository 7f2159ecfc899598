package shell

import (
	"fmt"
	"strings"
)

// Pattern says which commands a line holds. It is written much as the line is:
//
//	curl,wget => sh,bash         what the first prints is run by the second
//	cat,echo | crontab -          both in one pipeline, in this order
//	wget ; chmod +x               the second anywhere after the first
//	iptables -F,--flush !-t:nat   one command with, and without, arguments
//
// The first word of a command is its name: alternatives with commas, * for
// any, @CLASS for those of a class. Each word after it must hold of the command;
// alternatives in one word have commas between them, and ! before the word denies it.
//
//	-f        the option f, alone or among others in one word: -xzf
//	-name     an option of more letters; --name also as --name=VALUE
//	-t:GLOB   an option with a value, in the same word or the next
//	GLOB      an argument that is no option; * stands for any text
//	^GLOB     the first argument that is no option
//	=GLOB     any argument, options too
//	>GLOB     a file that it writes, by Outputs; <GLOB one that is its input
//	NAME=GLOB an assignment before it
//	~GLOB     a text in what it reads or prints, as far as Said knows, or in its program
//	run:GLOB  the file that it runs, where a path is given: the program itself or a script
//	call:NAME a call in its program, by its last name
//	@CLASS    an argument of a class; -t:@CLASS, >@CLASS likewise
//	%TEST     a test of the caller's
type Pattern struct {
	steps []step
	text  string
}

func (p *Pattern) String() string { return p.text }

// Words are what patterns may name: classes of names and globs, and tests.
type Words struct {
	Classes map[string][]string
	Tests   map[string]func(l *Line, at int) bool
}

// step is one command of a pattern, and how it follows the one before.
type step struct {
	join  byte // 0, '|', ';' or '>'
	names []string
	any   bool
	needs []need
}

type need struct {
	not  bool
	alts []alt
}

type alt struct {
	kind byte // 'f' flag letter, 'l' long, 'v' option with value, 'a' argument, '^', '=', '>', '<', 'e', '~', 'c', 'r', '%'
	name string
	glob []string // alternatives of a class, or one
	test func(l *Line, at int) bool
}

// ParsePattern reads a pattern.
func ParsePattern(text string, w Words) (*Pattern, error) {
	p := &Pattern{text: text}
	join, fresh := byte(0), true
	for _, f := range strings.Fields(text) {
		switch {
		case f == "|" || f == ";" || f == "=>":
			if fresh {
				return nil, fmt.Errorf("pattern %q: %q has no command before it", text, f)
			}
			join, fresh = f[len(f)-1], true
		case fresh:
			s := step{join: join, any: f == "*"}
			for name := range strings.SplitSeq(f, ",") {
				names, err := w.class(name)
				if err != nil {
					return nil, fmt.Errorf("pattern %q: %w", text, err)
				}
				s.names = append(s.names, names...)
			}
			p.steps = append(p.steps, s)
			fresh = false
		default:
			n, err := w.need(f)
			if err != nil {
				return nil, fmt.Errorf("pattern %q: %w", text, err)
			}
			s := &p.steps[len(p.steps)-1]
			s.needs = append(s.needs, n)
		}
	}
	if fresh {
		return nil, fmt.Errorf("pattern %q ends without a command", text)
	}
	return p, nil
}

// class writes out @NAME.
func (w *Words) class(word string) ([]string, error) {
	name, ok := strings.CutPrefix(word, "@")
	if !ok {
		return []string{word}, nil
	}
	globs := w.Classes[name]
	if len(globs) == 0 {
		return nil, fmt.Errorf("there is no class %q", name)
	}
	return globs, nil
}

func (w *Words) need(f string) (need, error) {
	n := need{}
	if rest, ok := strings.CutPrefix(f, "!"); ok {
		f, n.not = rest, true
	}
	for word := range strings.SplitSeq(f, ",") {
		a, err := w.alt(word)
		if err != nil {
			return n, err
		}
		n.alts = append(n.alts, a)
	}
	return n, nil
}

func (w *Words) alt(word string) (alt, error) {
	a := alt{kind: 'a', name: word}
	value := word
	option, of, _ := strings.Cut(word, ":")
	switch {
	case word == "":
		return a, fmt.Errorf("an alternative is empty")
	case word[0] == '%':
		if a.kind, a.test = '%', w.Tests[word[1:]]; a.test == nil {
			return a, fmt.Errorf("there is no test %q", word[1:])
		}
		return a, nil
	case strings.HasPrefix(word, "call:"):
		a.kind, a.name = 'c', word[5:]
		return a, nil
	case strings.HasPrefix(word, "run:"):
		a.kind, value = 'r', word[4:]
	case word == "-":
	case word[0] == '-' && of != "":
		a.kind, a.name, value = 'v', option, of
	case word[0] == '-' && len(word) == 2:
		a.kind = 'f'
		return a, nil
	case word[0] == '-':
		a.kind = 'l'
		return a, nil
	case strings.IndexByte("^=><~", word[0]) >= 0:
		a.kind, value = word[0], word[1:]
	case isAssignment(word):
		a.kind = 'e'
		a.name, value, _ = strings.Cut(word, "=")
	}
	globs, err := w.class(value)
	a.glob = globs
	return a, err
}

// Names are those that the last command of a line must have, nil for any.
func (p *Pattern) Names() []string {
	last := &p.steps[len(p.steps)-1]
	if last.any {
		return nil
	}
	return last.names
}

// Match reports whether the pattern's last command is the one at a place of
// the line, and the others stand where they must.
func (p *Pattern) Match(l *Line, at int) bool { return p.match(l, at, len(p.steps)-1) }

func (p *Pattern) match(l *Line, at, n int) bool {
	s := &p.steps[n]
	if !s.holds(l, at) {
		return false
	}
	here := &l.Places[at]
	switch s.join {
	case 0:
		return true
	case ';':
		for i := range at {
			if p.match(l, i, n-1) {
				return true
			}
		}
	case '|':
		for i := at - 1; i >= 0; i-- {
			if q := &l.Places[i]; q.Pipe == here.Pipe && q.Index < here.Index && p.match(l, i, n-1) {
				return true
			}
		}
	case '>':
		for _, fed := range here.Fed {
			from := fed.Flat()
			for i := range from.Places {
				if p.match(from, i, n-1) {
					return true
				}
			}
		}
	}
	return false
}

// holds reports whether a command is as a step says.
func (s *step) holds(l *Line, at int) bool {
	c := l.Places[at].Command
	if !s.any && !contains(s.names, c.Name) {
		return false
	}
	for i := range s.needs {
		n := &s.needs[i]
		hit := false
		for j := range n.alts {
			if hit = n.alts[j].holds(l, at); hit {
				break
			}
		}
		if hit == n.not {
			return false
		}
	}
	return true
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

func (a *alt) holds(l *Line, at int) bool {
	c := l.Places[at].Command
	switch a.kind {
	case 'f', 'l', 'v':
		return c.option(a.kind, a.name, a.glob)
	case 'a':
		for _, w := range c.Args() {
			if (w == "" || w[0] != '-' || w == "-") && a.matches(w) {
				return true
			}
		}
	case '^':
		for _, w := range c.Args() {
			if w != "" && w[0] != '-' {
				return a.matches(w)
			}
		}
	case '=':
		for _, w := range c.Args() {
			if a.matches(w) {
				return true
			}
		}
	case '>':
		for _, f := range l.Places[at].outputs() {
			if a.matches(f) {
				return true
			}
		}
	case '<':
		for i := range c.Redirects {
			if r := &c.Redirects[i]; r.Op == "<" && a.matches(r.Target) {
				return true
			}
		}
	case 'e':
		for _, set := range c.Set {
			if name, value, _ := strings.Cut(set, "="); name == a.name && a.matches(value) {
				return true
			}
		}
	case '~':
		return a.within(l.Said(at)) || c.Code != nil && a.within(c.Code.Text)
	case 'r':
		f := c.Runs()
		return f != "" && a.matches(f)
	case 'c':
		if c.Code != nil {
			for i := range c.Code.Calls {
				if lastName(c.Code.Calls[i].Name) == a.name {
					return true
				}
			}
		}
	case '%':
		return a.test(l, at)
	}
	return false
}

func (a *alt) matches(w string) bool { return GlobAny(a.glob, w) }

// GlobAny reports whether one of some globs matches; those after ! take out
// what others match.
func GlobAny(globs []string, s string) bool {
	hit := false
	for _, g := range globs {
		switch not, denies := strings.CutPrefix(g, "!"); {
		case denies && Glob(not, s):
			return false
		case !hit && !denies:
			hit = Glob(g, s)
		}
	}
	return hit
}

// within reports whether a glob stands anywhere in a text.
func (a *alt) within(text string) bool {
	for _, g := range a.glob {
		if text != "" && Glob("*"+g+"*", text) {
			return true
		}
	}
	return false
}

// option reports whether a command has an option, and with a value like globs
// if there are any.
func (c *Command) option(kind byte, name string, globs []string) bool {
	args := c.Args()
	for i, w := range args {
		if len(w) < 2 || w[0] != '-' {
			continue
		}
		value, has := "", false
		switch {
		case w == name:
			if i+1 < len(args) {
				value = args[i+1]
			}
			has = true
		case len(name) > 2 && strings.HasPrefix(w, name) && w[len(name)] == '=':
			value, has = w[len(name)+1:], true
		case len(name) == 2 && w[1] != '-':
			j := strings.IndexByte(w[1:], name[1])
			if j < 0 {
				continue
			}
			if value = w[j+2:]; value == "" && i+1 < len(args) {
				value = args[i+1]
			}
			has = kind == 'v' || isLetters(w[1:])
		}
		if has && kind != 'v' {
			return true
		}
		if has {
			if GlobAny(globs, value) {
				return true
			}
		}
	}
	return false
}

func isLetters(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// Glob matches a pattern in which * stands for any text, slashes too.
func Glob(pattern, s string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, first) {
		return false
	}
	s = s[len(first):]
	for {
		next, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(s, next)
		}
		i := strings.Index(s, next)
		if i < 0 {
			return false
		}
		s, rest = s[i+len(next):], more
	}
}

// Writes reports whether the pattern's last command must write some file.
func (p *Pattern) Writes() bool {
	for _, n := range p.steps[len(p.steps)-1].needs {
		if !n.not && len(n.alts) > 0 && n.alts[0].kind == '>' {
			return true
		}
	}
	return false
}
