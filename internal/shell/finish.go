package shell

import "strings"

// finish says what a command is and what it runs, once its words are known.
func (b *budget) finish(c *Command, depth int) {
	if len(c.Words) == 0 {
		if len(c.Parts) == 0 || c.Parts[0].How == Substituted {
			for _, a := range c.Set {
				b.assign(a, c.Decoded)
			}
		}
		return
	}
	c.Name = programName(c.Words[0])
	if strings.HasPrefix(c.Words[0], "$(") { // its output is the command
		for i := range c.Parts {
			if c.Parts[i].How == Substituted {
				c.Fed = append(c.Fed, c.Parts[i].Script)
				break
			}
		}
	}
	switch kindOf(c.Name) {
	case isShell:
		b.shell(c, depth)
	case isWrapper:
		b.wrapper(c, depth)
	case isLanguage:
		b.language(c, depth)
	case isBuiltin:
		b.builtin(c, depth)
	}
}

// inner reads a text that a command runs.
func (b *budget) inner(c *Command, text string, depth int) {
	how := Text
	if c.Decoded {
		how = Decoded
	}
	c.Parts = append(c.Parts, Part{how, b.read(text, depth+1)})
	b.fedBy(c, c.Parts[len(c.Parts)-1].Script)
}

// fedBy takes over scripts whose output is run by the text of c: in
// sh -c "$(curl …)" the substitution is the whole command.
func (b *budget) fedBy(c *Command, text *Script) {
	for i := range text.Pipes {
		if first := &text.Pipes[i].Commands[0]; strings.HasPrefix(first.word(0), "$(") {
			c.Fed = append(c.Fed, first.Fed...)
		}
	}
}

func (c *Command) word(i int) string {
	if i < len(c.Words) {
		return c.Words[i]
	}
	return ""
}

// wrapped adds the command that c runs.
func (b *budget) wrapped(c *Command, words []string, depth int) {
	if len(words) == 0 {
		return
	}
	s := b.command(words, depth+1)
	if len(s.Pipes) > 0 {
		in := &s.Pipes[0].Commands[0]
		in.Decoded = in.Decoded || c.Decoded
		c.Stdin, c.Fed = in.Stdin, append(c.Fed, in.Fed...)
	}
	c.Parts = append(c.Parts, Part{Wrapped, s})
}

// shell reads the arguments of sh, bash and the like.
func (b *budget) shell(c *Command, depth int) {
	text, stdin, operands := false, false, c.Words[1:]
	for len(operands) > 0 {
		arg := operands[0]
		if len(arg) < 2 || arg[0] != '-' && arg[0] != '+' {
			break
		}
		operands = operands[1:]
		if arg == "--" {
			break
		}
		if long, ok := strings.CutPrefix(arg, "--"); ok {
			if (long == "rcfile" || long == "init-file") && len(operands) > 0 {
				operands = operands[1:]
			}
			continue
		}
		for _, letter := range arg[1:] {
			switch letter {
			case 'c':
				text = true
			case 's':
				stdin = true
			case 'o', 'O':
				if len(operands) > 0 {
					operands = operands[1:]
				}
			}
		}
	}
	switch {
	case text && len(operands) > 0:
		b.withParameters(operands[1:], func() { b.inner(c, operands[0], depth) })
	case text:
	case stdin || len(operands) == 0 || operands[0] == "-" || operands[0] == "/dev/stdin":
		c.Stdin = !hasFlag(c.Words, "--version", "--help")
	default:
		c.File = operands[0]
		b.fileFed(c)
	}
}

// fileFed notes that the script a shell runs is the output of another one:
// bash <(curl …).
func (b *budget) fileFed(c *Command) {
	if !strings.HasPrefix(c.File, "<(") {
		return
	}
	for _, p := range c.Parts {
		if p.How == Substituted {
			c.Fed = append(c.Fed, p.Script)
		}
	}
}

// withParameters reads with $0, $1 and so on set.
func (b *budget) withParameters(values []string, read func()) {
	if len(values) == 0 {
		read()
		return
	}
	outer := map[string]variable{}
	for i, v := range values[:min(len(values), 10)] {
		name := string(rune('0' + i))
		outer[name] = b.vars[name]
		if b.spend(len(v)) {
			b.set(name, v, false)
		}
	}
	read()
	for name, v := range outer {
		if v.value == "" {
			delete(b.vars, name)
		} else {
			b.vars[name] = v
		}
	}
}

// builtin follows commands of the shell that run or set something.
func (b *budget) builtin(c *Command, depth int) {
	args := c.Words[1:]
	switch c.Name {
	case "eval":
		b.inner(c, strings.Join(args, " "), depth)
	case "trap":
		if len(args) > 1 && args[0] != "-" && !strings.HasPrefix(args[0], "-") {
			b.inner(c, args[0], depth)
		}
	case ".", "source":
		if len(args) > 0 {
			c.File = args[0]
			c.Stdin = args[0] == "/dev/stdin"
			b.fileFed(c)
		}
	case "alias":
		for _, a := range args {
			if _, value, ok := strings.Cut(a, "="); ok && strings.ContainsAny(value, " ;|") {
				b.inner(c, value, depth)
			}
		}
	case "export", "declare", "local", "readonly", "typeset":
		for _, a := range args {
			if isAssignment(a) {
				c.Set = append(c.Set, a)
				b.assign(a, c.Decoded)
			}
		}
	}
}

// hasFlag reports whether one of the words is there.
func hasFlag(words []string, flags ...string) bool {
	for _, w := range words {
		for _, f := range flags {
			if w == f {
				return true
			}
		}
	}
	return false
}
