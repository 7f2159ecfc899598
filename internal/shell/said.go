package shell

import "strings"

// Said is the text that a command prints, or gets from those before it in its
// pipeline, as far as the line tells it: what echo and printf are given,
// here-documents, and what is read from them.
func (l *Line) Said(at int) string {
	var b strings.Builder
	p := &l.Places[at]
	p.Command.say(&b)
	if p.Input != "" {
		b.WriteString(p.Input + "\n")
		return b.String()
	}
	for i := range p.Index {
		p.Pipe.Commands[i].walk(p.Pipe, i, Body, func(c *Command, _ *Pipe, _ int, _ How) { c.say(&b) })
	}
	return b.String()
}

// say appends what a command prints of its own.
func (c *Command) say(b *strings.Builder) {
	switch c.Name {
	case "echo":
		text, _ := echo(c.Args())
		b.WriteString(text)
	case "printf":
		if text, _, ok := printf(c.Args()); ok {
			b.WriteString(text)
		} else {
			text, _ = unescape(strings.Join(c.Args(), " "))
			b.WriteString(text)
		}
		b.WriteByte('\n')
	}
	for i := range c.Redirects {
		switch r := &c.Redirects[i]; r.Op {
		case "<<":
			b.WriteString(r.Body)
		case "<<<":
			b.WriteString(r.Target + "\n")
		}
	}
}
