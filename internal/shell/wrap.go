package shell

import "strings"

// kind is what a program does with its arguments, as far as it runs them.
type kind uint8

const (
	isOther kind = iota
	isShell
	isWrapper
	isLanguage
	isBuiltin
)

// kindOf knows programs by their names.
func kindOf(name string) kind {
	switch name {
	case "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash", "lksh", "fish", "csh", "tcsh":
		return isShell
	case "eval", "trap", ".", "source", "alias", "export", "declare", "local", "readonly", "typeset":
		return isBuiltin
	case "python", "pypy", "perl", "ruby", "php", "node", "nodejs", "lua", "awk", "gawk", "mawk", "nawk", "deno", "bun":
		return isLanguage
	}
	if _, ok := wrapperOf(name); ok {
		return isWrapper
	}
	return isOther
}

// IsShell reports whether a program of this name runs the commands it reads.
func IsShell(name string) bool { return kindOf(name) == isShell }

// isInterpreterName knows the names that versions are appended to.
func isInterpreterName(name string) bool {
	switch kindOf(name) {
	case isShell, isLanguage:
		return true
	}
	return name == "pip" || name == "tclsh"
}

// wrapper is how to find the command in the arguments of a program that runs it.
type wrapper struct {
	// values are the options whose value is the next word.
	values string
	// operands stand between the options and the command.
	operands int
	// text is an option whose value is read by a shell.
	text string
}

// wrapperOf is how a program that runs another takes its arguments.
func wrapperOf(name string) (wrapper, bool) {
	switch name {
	case "sudo", "doas":
		return wrapper{values: " -u -g -h -p -C -T -D -R -r -t -U --user --group --host --prompt --chdir --chroot --close-from "}, true
	case "env":
		return wrapper{values: " -u -C --unset --chdir ", text: "-S"}, true
	case "nohup", "setsid", "time", "command", "builtin", "unbuffer", "eatmydata", "fakeroot", "dumb-init", "catatonit", "proxychains", "proxychains4", "torsocks", "tsocks", "caffeinate":
		return wrapper{values: " -f --rewrite "}, true
	case "tini", "docker-init":
		return wrapper{values: " -p -e "}, true
	case "exec":
		return wrapper{values: " -a "}, true
	case "busybox", "toybox":
		return wrapper{}, true
	case "nice":
		return wrapper{values: " -n --adjustment "}, true
	case "ionice":
		return wrapper{values: " -c -n --class --classdata "}, true
	case "stdbuf":
		return wrapper{values: " -i -o -e --input --output --error "}, true
	case "timeout":
		return wrapper{values: " -k -s --kill-after --signal ", operands: 1}, true
	case "chrt", "taskset":
		return wrapper{values: " -T -P -D ", operands: 1}, true
	case "chroot", "proot":
		return wrapper{values: " -r -b -w -q ", operands: 1}, true
	case "su-exec", "gosu", "setuidgid", "softlimit":
		return wrapper{operands: 1}, true
	case "flock":
		return wrapper{values: " -w -E --timeout --conflict-exit-code ", operands: 1, text: "-c"}, true
	case "nsenter":
		return wrapper{values: " -t -S -G --target --setuid --setgid "}, true
	case "unshare":
		return wrapper{values: " -S -G -R -w --setuid --setgid --root --wd --setgroups --propagation --map-user --map-group --kill-child "}, true
	case "setpriv", "chpst":
		return wrapper{values: " -u -U -e -/ -n "}, true
	case "strace", "ltrace":
		return wrapper{values: " -e -o -p -s -u -E -a -O -S -P "}, true
	case "xargs":
		return wrapper{values: " -I -n -P -d -a -E -L -s --replace --max-args --max-procs --delimiter --arg-file "}, true
	case "su", "runuser":
		return wrapper{values: " -s -g -G -w -u --shell --group --user ", text: "-c"}, true
	case "script":
		return wrapper{values: " -I -O -B -T -E -o -m ", text: "-c", operands: -1}, true
	case "watch":
		return wrapper{values: " -n --interval ", operands: -2}, true
	case "find":
		return wrapper{}, true
	}
	if strings.HasPrefix(name, "ld-linux") || strings.HasPrefix(name, "ld-musl") {
		return wrapper{values: " --library-path --preload --argv0 "}, true
	}
	return wrapper{}, false
}

// wrapper finds the command that a wrapper runs.
func (b *budget) wrapper(c *Command, depth int) {
	if c.Name == "find" {
		b.find(c, depth)
		return
	}
	how, _ := wrapperOf(c.Name)
	if c.Name == "command" && len(c.Words) > 1 && (c.Words[1] == "-v" || c.Words[1] == "-V") {
		return // only asks where it is
	}
	args, operands := c.Words[1:], how.operands
	for len(args) > 0 {
		arg := args[0]
		switch {
		case arg == "--" && operands >= 0:
			args = args[1:]
			b.wrapped(c, args[min(max(0, operands), len(args)):], depth)
			return
		case how.text != "" && (arg == how.text || how.text == "-c" && (arg == "--command" || isCluster(arg, 'c'))):
			if len(args) > 1 {
				b.inner(c, args[1], depth)
			}
			return
		case how.text == "-S" && strings.HasPrefix(arg, "-S"):
			b.inner(c, strings.Join(append([]string{arg[2:]}, args[1:]...), " "), depth)
			return
		case len(arg) > 1 && arg[0] == '-':
			n := 1
			if strings.Contains(how.values, " "+arg+" ") {
				n = 2
			}
			args = args[min(n, len(args)):]
		case c.Name == "env" && isAssignment(arg), c.Name == "sudo" && isAssignment(arg):
			c.Set = append(c.Set, arg)
			args = args[1:]
		case arg == "-" || how.text == "-c" && c.Name != "flock":
			args = args[1:] // a user's name, a file
		case operands == -2: // all words are one text
			b.inner(c, strings.Join(args, " "), depth)
			return
		case operands > 0:
			operands--
			args = args[1:]
		default:
			b.wrapped(c, args, depth)
			if c.Name == "xargs" { // what it reads become arguments
				c.Stdin = false
			}
			return
		}
	}
}

// isCluster reports whether short options in one word end with a letter.
func isCluster(arg string, letter byte) bool {
	return len(arg) > 2 && arg[0] == '-' && arg[1] != '-' && arg[len(arg)-1] == letter
}

// find adds the commands that find runs for what it finds.
func (b *budget) find(c *Command, depth int) {
	for i := 1; i < len(c.Words); i++ {
		switch c.Words[i] {
		case "-exec", "-execdir", "-ok", "-okdir":
			end := i + 1
			for end < len(c.Words) && c.Words[end] != ";" && c.Words[end] != "+" {
				end++
			}
			b.wrapped(c, c.Words[i+1:end], depth)
			c.Stdin = false
			i = end
		}
	}
}
