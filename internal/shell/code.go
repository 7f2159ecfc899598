package shell

import "strings"

// Code is a program in another language that stands in a line: python -c,
// perl -e, awk.
type Code struct {
	Lang string // the program's name
	Text string
	// Calls are its calls with the texts that are written among their
	// arguments; those of decoded code come too.
	Calls []Call
	// Decoded says that some of it was encoded.
	Decoded bool
}

// Call is one call in code: os.system, fsockopen.
type Call struct {
	Name string
	Args []string
}

// language finds the program in the arguments of an interpreter.
func (b *budget) language(c *Command, depth int) {
	args := c.Words[1:]
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case isAWK(c.Name):
			if arg == "-f" || arg == "--file" {
				if i+1 < len(args) {
					c.File = args[i+1]
				}
				return
			}
			if arg == "-v" || arg == "-F" || arg == "--assign" {
				i++
				continue
			}
			if strings.HasPrefix(arg, "-") && len(arg) > 1 {
				continue
			}
			b.program(c, c.Name, arg, depth)
			return
		case arg == "-" || arg == "/dev/stdin":
			c.Stdin = true
			return
		case arg == "-m" && c.Name == "python":
			return
		case isProgramFlag(c.Name, arg):
			if i+1 < len(args) {
				b.program(c, c.Name, args[i+1], depth)
			}
			return
		case strings.HasPrefix(arg, "-"):
			if takesValue(c.Name, arg) {
				i++
			}
		default:
			if (c.Name == "deno" || c.Name == "bun") && (arg == "eval" || arg == "run") {
				continue
			}
			c.File = arg
			b.fileFed(c)
			return
		}
	}
	c.Stdin = !hasFlag(args, "--version", "-V", "-v", "-h", "--help")
}

func isAWK(name string) bool { return strings.HasSuffix(name, "awk") }

// isProgramFlag reports whether the word after arg is the program.
func isProgramFlag(name, arg string) bool {
	if len(arg) < 2 || arg[0] != '-' {
		return false
	}
	switch name {
	case "python", "pypy":
		return arg[1] != '-' && arg[len(arg)-1] == 'c'
	case "perl", "ruby", "lua":
		last := arg[len(arg)-1]
		return arg[1] != '-' && (last == 'e' || last == 'E' && name == "perl")
	case "php":
		return arg == "-r" || arg == "--run"
	case "node", "nodejs", "bun":
		return arg == "-e" || arg == "-p" || arg == "-pe" || arg == "--eval" || arg == "--print"
	}
	return false
}

func takesValue(name, arg string) bool {
	switch name {
	case "python", "pypy":
		return arg == "-W" || arg == "-X"
	case "perl", "ruby":
		return arg == "-I" || arg == "-r" && name == "ruby"
	case "node", "nodejs":
		return arg == "-r" || arg == "--require"
	case "php":
		return arg == "-d" || arg == "-c"
	}
	return false
}

// program reads code and what it gives to a shell.
func (b *budget) program(c *Command, lang, text string, depth int) {
	if depth > maxDepth || !b.spend(len(text)) {
		b.cut = true
		return
	}
	if c.Code == nil {
		c.Code = &Code{Lang: lang, Text: text, Decoded: c.Decoded}
	}
	k := coder{src: text, b: b, c: c, lang: lang, depth: depth}
	k.calls("", false)
}

// coder looks through code for calls and texts. It knows just enough of many
// languages: names, parentheses, commas, quotes.
type coder struct {
	src   string
	pos   int
	b     *budget
	c     *Command
	lang  string
	depth int
	nest  int
}

const maxCalls = 256

// calls reads to the closing parenthesis of the call name, or to the end, and
// gives the texts among its arguments.
func (k *coder) calls(within string, runs bool) (texts []string) {
	if k.nest++; k.nest > maxDepth {
		k.pos = len(k.src)
	}
	defer func() { k.nest-- }()
	word := ""
	for k.pos < len(k.src) {
		switch ch := k.src[k.pos]; {
		case ch == '"' || ch == '\'':
			text := k.quoted(ch)
			if len(texts) < 16 {
				texts = append(texts, text)
			}
			if word != "" && within == "" && isShellCall(k.lang, word) { // system "…", without parentheses
				k.call(word, []string{text})
			}
			word = ""
		case ch == '`':
			text := k.quoted(ch)
			if k.lang == "perl" || k.lang == "ruby" || k.lang == "php" {
				k.call("`", []string{text})
			} else {
				texts = append(texts, text)
			}
		case ch == '(':
			k.pos++
			name := word
			word = ""
			at := len(k.c.Code.Calls)
			args := k.calls(name, runs || isShellCall(k.lang, name) || isCodeCall(name))
			switch {
			case name == "":
				texts = append(texts, args...)
			case isDecoderCall(name) && len(args) > 0:
				if out, ok := k.decode(name, args); ok {
					texts = append(texts, out)
					if !runs || isCodeCall(within) {
						k.b.program(k.c, k.lang, out, k.depth+1)
					}
				}
				k.insert(at, Call{name, args})
			case lastName(name) == "decode" && len(args) > 0 && args[0] == "base64" && len(texts) > 0:
				if out, ok := k.decode("b64decode", texts[len(texts)-1:]); ok {
					texts[len(texts)-1] = out
					k.b.program(k.c, k.lang, out, k.depth+1)
				}
				k.insert(at, Call{name, args})
			default:
				k.callAt(at, name, args)
			}
		case ch == ')':
			k.pos++
			if within != "" || k.nest > 1 {
				return texts
			}
		case ch == '#' && k.lang != "node" && k.lang != "php":
			if i := strings.IndexByte(k.src[k.pos:], '\n'); i >= 0 {
				k.pos += i
			} else {
				k.pos = len(k.src)
			}
		case isWordByte(ch):
			start := k.pos
			for k.pos < len(k.src) && isWordByte(k.src[k.pos]) {
				k.pos++
			}
			word = k.src[start:k.pos]
		case ch == ' ':
			k.pos++
		default:
			word = ""
			k.pos++
		}
	}
	return texts
}

func isWordByte(c byte) bool {
	return c == '_' || c == '.' || c == ':' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '>' || c == '$' || c == '\\'
}

func (k *coder) call(name string, args []string) { k.callAt(len(k.c.Code.Calls), name, args) }

// insert puts a call before those among its arguments.
func (k *coder) insert(at int, c Call) {
	if calls := &k.c.Code.Calls; len(*calls) < maxCalls {
		*calls = append(*calls, c)
		copy((*calls)[at+1:], (*calls)[at:])
		(*calls)[at] = c
	}
}

// callAt notes a call, and what it tells a shell.
func (k *coder) callAt(at int, name string, args []string) {
	k.insert(at, Call{name, args})
	if !isShellCall(k.lang, name) && name != "`" || len(args) == 0 {
		return
	}
	how := Called
	if k.c.Code.Decoded {
		how = Decoded
	}
	var s *Script
	if len(args) > 1 && strings.IndexByte(args[0], ' ') < 0 {
		s = k.b.command(args, k.depth+1)
	} else {
		s = k.b.read(args[0], k.depth+1)
	}
	k.c.Parts = append(k.c.Parts, Part{how, s})
}

// lastName is a name without what it belongs to: system for os.system.
func lastName(name string) string {
	return name[strings.LastIndexAny(name, ".:>\\$")+1:]
}

// isShellCall knows the calls that run a command.
func isShellCall(lang, name string) bool {
	switch lastName(name) {
	case "system", "popen", "Popen", "execSync", "spawn", "spawnSync", "execFile", "execFileSync", "shell_exec", "passthru",
		"proc_open", "check_output", "check_call", "call", "getoutput", "getstatusoutput", "execl", "execv", "execlp", "execvp",
		"execve", "execute", "capture2", "posix_spawn":
		return true
	case "run":
		return strings.Contains(name, "subprocess")
	case "exec":
		return lang != "python" && !strings.HasPrefix(name, "re.")
	}
	return false
}

// isCodeCall knows the calls that run code.
func isCodeCall(name string) bool {
	switch lastName(name) {
	case "exec", "eval", "compile", "assert", "Function":
		return true
	}
	return false
}

// isDecoderCall knows the calls that undo an encoding.
func isDecoderCall(name string) bool {
	switch lastName(name) {
	case "b64decode", "decodestring", "decode64", "base64_decode", "decode_base64", "atob", "unhexlify", "fromhex", "hex2bin",
		"urlsafe_b64decode", "strict_decode64", "urlsafe_decode64", "str_rot13", "decompress", "gzinflate", "gzuncompress":
		return true
	case "from":
		return strings.HasPrefix(name, "Buffer")
	}
	return false
}

// decode undoes an encoding that code undoes.
func (k *coder) decode(name string, args []string) (string, bool) {
	out, ok := "", false
	switch in := args[0]; lastName(name) {
	case "unhexlify", "fromhex", "hex2bin":
		out, _, ok = transform(&Command{Name: "xxd", Words: []string{"xxd", "-r"}}, in)
	case "str_rot13":
		out, _, ok = translated([]string{"A-Za-z", "N-ZA-Mn-za-m"}, in)
	case "decompress", "gzinflate", "gzuncompress":
		out, _, ok = inflated(in)
	case "from":
		if len(args) > 1 && args[1] == "base64" {
			out, _, ok = fromBase64(in)
		}
	default:
		out, _, ok = fromBase64(in)
	}
	if !ok || !k.b.spend(len(out)) {
		return "", false
	}
	k.c.Code.Decoded = true
	return out, true
}

// quoted reads a text literal.
func (k *coder) quoted(q byte) string {
	k.pos++
	mark := string(q)
	if triple := mark + mark; strings.HasPrefix(k.src[k.pos:], triple) && q != '`' {
		k.pos += 2
		mark = mark + triple
	}
	start := k.pos
	for k.pos < len(k.src) && !strings.HasPrefix(k.src[k.pos:], mark) {
		if k.src[k.pos] == '\\' {
			k.pos++
		}
		k.pos++
	}
	end := min(k.pos, len(k.src))
	k.pos = min(end+len(mark), len(k.src))
	out, hidden := unescape(k.src[start:end])
	if hidden {
		k.c.Code.Decoded = true
	}
	return out
}
