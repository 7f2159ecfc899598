package shell

import "strings"

// Script is what a text tells a shell to run.
type Script struct {
	Pipes []Pipe
	// Cut says that a limit ended the reading.
	Cut bool
}

// Pipe is a pipeline: the output of each command goes to the next.
type Pipe struct {
	Commands []Command
}

// Command is one command of a pipeline: a program with its arguments, or a
// subshell, loop or function, whose commands are a Part.
type Command struct {
	// Name is the program without its folder and version: python for
	// /usr/bin/python3.12. It is empty for a compound command and for
	// assignments alone.
	Name      string
	Words     []string // the program and its arguments, without quotes
	Set       []string // NAME=value, for this command only or, without Words, from here on
	Redirects []Redirect
	Parts     []Part
	Code      *Code // a program of another language among the arguments
	// Stdin says that a shell or interpreter reads its program from its input.
	Stdin bool
	// File is the script that a shell or interpreter runs.
	File string
	// Input is what it reads, where the line itself says that.
	Input string
	// Fed are the scripts whose output is run as commands: the stages before a
	// shell that reads its program, the substitution in eval "$(…)".
	Fed []*Script
	// Decoded says that a word of it, or its input, came out of a decoder.
	Decoded bool
}

// Part is a script that belongs to a command.
type Part struct {
	How How
	*Script
}

// How is how a script belongs to its command.
type How uint8

// The ways.
const (
	Body        How = iota // of a subshell, group, loop, condition or function
	Wrapped                // the command that sudo, env, xargs or the like runs
	Text                   // an argument, or the input, that is run: sh -c TEXT, eval TEXT
	Substituted            // its output becomes a word or a file: $(…), <(…)
	Decoded                // as Text, but it was encoded in the line
	Called                 // run by a call in another language: os.system("…")
)

// Redirect sends output to a file, or takes input from one.
type Redirect struct {
	Op     string // <, >, >>, <>, >|, >&, <&, &>, &>>, <<, <<<
	FD     int    // -1: the default of the operator
	Target string // of << the delimiter
	Body   string // of a here-document
}

// Writes reports whether the redirection writes a file.
func (r *Redirect) Writes() bool {
	switch r.Op {
	case ">", ">>", ">|", "&>", "&>>", "<>":
		return true
	case ">&":
		return r.Target != "-" && strings.Trim(r.Target, "0123456789") != ""
	}
	return false
}

// Inner is the command itself without wrappers such as sudo and env.
func (c *Command) Inner() *Command {
	for {
		var next *Command
		for i := range c.Parts {
			if s := c.Parts[i].Script; c.Parts[i].How == Wrapped && len(s.Pipes) > 0 && len(s.Pipes[0].Commands) > 0 {
				next = &s.Pipes[0].Commands[0]
				break
			}
		}
		if next == nil {
			return c
		}
		c = next
	}
}

// Args are the words after the program.
func (c *Command) Args() []string {
	if len(c.Words) == 0 {
		return nil
	}
	return c.Words[1:]
}

// Walk calls visit for every command in the order of the text, with the
// pipeline it stands in and its place there; a command that another one wraps
// stands where that stands. How is that of the part around it, the innermost
// that is not a Body or Wrapped; Body at the top.
func (s *Script) Walk(visit func(c *Command, p *Pipe, i int, how How)) {
	for i := range s.Pipes {
		s.Pipes[i].walk(Body, visit)
	}
}

func (p *Pipe) walk(how How, visit func(*Command, *Pipe, int, How)) {
	for i := range p.Commands {
		p.Commands[i].walk(p, i, how, visit)
	}
}

func (c *Command) walk(p *Pipe, i int, how How, visit func(*Command, *Pipe, int, How)) {
	visit(c, p, i, how)
	for _, part := range c.Parts {
		inner := part.How
		if inner == Body || inner == Wrapped {
			inner = how
		}
		for j := range part.Pipes {
			if q := &part.Pipes[j]; part.How == Wrapped && len(q.Commands) == 1 {
				q.Commands[0].walk(p, i, how, visit)
			} else {
				q.walk(inner, visit)
			}
		}
	}
}

// baseName is the last element of a path.
func baseName(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }

// programName is the name of a program without its folder and version.
func programName(word string) string {
	name := baseName(word)
	if i := len(name) - 1; i > 0 && name[i] >= '0' && name[i] <= '9' {
		if bare := strings.TrimRight(name, "0123456789."); isInterpreterName(bare) {
			return bare
		}
	}
	return name
}
