package detect

import (
	"strings"

	"github.com/vedette-project/vedette/internal/shell"
)

// anyJob reports whether one of the commands that a text has run later, which
// a command writes, is such a one.
func (s *commandSet) anyJob(l *shell.Line, at int, is func(*shell.Line) bool) bool {
	for _, job := range jobsIn(l.Said(at)) {
		if is(shell.Read(job).Flat()) {
			return true
		}
	}
	return false
}

// jobsIn are the commands in a text for cron, systemd or a start-up script.
func jobsIn(text string) (out []string) {
	const limit = 64
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || len(out) > limit {
			continue
		}
		if key, command, ok := strings.Cut(line, "="); ok && strings.HasPrefix(key, "Exec") {
			out = append(out, strings.TrimLeft(command, "-@+!:"))
			continue
		}
		command, scheduled := cronCommand(line)
		out = append(out, command)
		if _, rest, ok := strings.Cut(command, " "); ok && scheduled { // the first word may be a user
			out = append(out, strings.TrimSpace(rest))
		}
	}
	return out
}

// cronCommand is what a line of a table of cron runs.
func cronCommand(line string) (command string, ok bool) {
	if strings.HasPrefix(line, "@") {
		_, command, ok = strings.Cut(line, " ")
		return strings.TrimSpace(command), ok
	}
	rest := line
	for range 5 {
		field, more, found := strings.Cut(strings.TrimLeft(rest, " \t"), " ")
		if !found {
			field, more, found = strings.Cut(strings.TrimLeft(rest, " \t"), "\t")
		}
		if !found || !isCronField(field) {
			return line, false
		}
		rest = more
	}
	return strings.TrimSpace(rest), true
}

func isCronField(f string) bool {
	if f == "" {
		return false
	}
	switch f[0] {
	case '*', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return true
	}
	f = strings.ToLower(f)
	return len(f) >= 3 && strings.Contains("jan feb mar apr may jun jul aug sep oct nov dec mon tue wed thu fri sat sun", f[:3])
}

// newJob reports whether what cron is given holds a line that the command
// itself writes.
func newJob(l *shell.Line, at int) bool {
	for line := range strings.Lines(l.Said(at)) {
		if _, ok := cronCommand(strings.TrimSpace(line)); ok {
			return true
		}
	}
	return false
}

// fetchesAndRuns reports whether a line downloads or decodes something and runs
// it, or gives a shell away.
func (s *commandSet) fetchesAndRuns(l *shell.Line) bool {
	for _, h := range s.match(l) {
		switch h.name {
		case "fetch-odd", "fetch-http", "fetch-run", "fetch-bash-tcp", "encoded-shell", "encoded-file-run", "encoded-code", "reverse-shell-line", "bind-shell":
			return true
		}
	}
	return false
}

// runsOddPlace reports whether a line runs what lies where anybody may write, or
// is hidden.
func (s *commandSet) runsOddPlace(l *shell.Line) bool {
	for i := range l.Places {
		if f := l.Places[i].Runs(); f != "" && (shell.GlobAny(s.classes["scratch"], f) || shell.GlobAny(s.classes["hidden"], f)) {
			return true
		}
	}
	return false
}
