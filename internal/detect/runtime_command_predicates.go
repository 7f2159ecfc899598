package detect

import (
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/shell"
)

// lineTest is what a pattern calls %NAME.
type lineTest = func(l *shell.Line, at int) bool

// tests are what the words of a pattern cannot say.
func (s *commandSet) tests() map[string]lineTest {
	return map[string]lineTest{
		"odd-source":     func(l *shell.Line, at int) bool { return s.fetchesFrom(l, at) == sourceOdd },
		"plain-source":   func(l *shell.Line, at int) bool { return s.fetchesFrom(l, at) == sourcePlain },
		"unknown-source": func(l *shell.Line, at int) bool { return s.fetchesFrom(l, at) == sourceUnknown },
		"code-odd-source": func(l *shell.Line, at int) bool {
			c := l.Places[at].Code
			return c != nil && slices.ContainsFunc(urlsIn(c.Text), func(u string) bool { return s.sourceOf(u) == sourceOdd })
		},
		"runs-fetched":  func(l *shell.Line, at int) bool { return runsWritten(l, at, (*shell.Command).Fetched) },
		"runs-written":  func(l *shell.Line, at int) bool { return runsWritten(l, at, decodedFile) },
		"removes-run":   removesRun,
		"stdin":         func(l *shell.Line, at int) bool { return l.Places[at].Stdin },
		"decoded":       func(l *shell.Line, at int) bool { return l.Places[at].Decoded },
		"decoded-run":   decodedRun,
		"decoded-code":  decodedCode,
		"lone-shell":    func(l *shell.Line, at int) bool { return startsShell(l.Places[at].Command) },
		"code-socket":   codeSocket,
		"on-descriptor": onDescriptor,
		"bare":          func(l *shell.Line, at int) bool { return len(l.Places[at].Args()) == 0 && l.Places[at].Input == "" },
		"flushes-all":   flushesAll,
		"whole-logs":    wholeLogs,
		"empties":       empties,
		"job-fetches":   func(l *shell.Line, at int) bool { return s.anyJob(l, at, s.fetchesAndRuns) },
		"job-odd-place": func(l *shell.Line, at int) bool { return s.anyJob(l, at, s.runsOddPlace) },
		"new-job":       newJob,
	}
}

// source is what is known of where a program is fetched from.
type source uint8

const (
	sourceNone    source = iota // a machine of the operator's, an installer that many use
	sourceUnknown               // a site that nobody listed
	sourcePlain                 // the same without encryption, or a private address
	sourceOdd                   // a bare public address, a site where anybody leaves files
)

func (s *commandSet) fetchesFrom(l *shell.Line, at int) (worst source) {
	for _, u := range l.Places[at].URLs() {
		worst = max(worst, s.sourceOf(u))
	}
	return worst
}

// sourceOf judges an address.
func (s *commandSet) sourceOf(url string) source {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		scheme, rest = "http", url
	}
	host, _, _ := strings.Cut(rest, "/")
	host = strings.ToLower(host[strings.LastIndexByte(host, '@')+1:])
	if h, port, ok := strings.Cut(host, ":"); ok && !strings.HasPrefix(host, "[") && strings.Trim(port, "0123456789") == "" {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip, isIP := addressOf(host)
	switch {
	case isIP && isPublic(ip), shell.GlobAny(s.classes["pastes"], host):
		return sourceOdd
	case isIP && (ip.IsLoopback() || ip.IsLinkLocalUnicast()):
		return sourceNone
	case isIP:
		return sourcePlain
	case strings.HasPrefix(host, "$"):
		return sourceUnknown
	case !strings.Contains(host, "."), strings.HasSuffix(host, ".svc"), strings.HasSuffix(host, ".local"), strings.HasSuffix(host, ".internal"), strings.HasSuffix(host, ".localhost"):
		return sourceNone
	case shell.GlobAny(s.classes["installers"], strings.TrimSuffix(host+"/"+strings.TrimPrefix(rest[min(len(rest), len(host)):], "/"), "")),
		shell.GlobAny(s.classes["installers"], host):
		return sourceNone
	case scheme != "https":
		return sourcePlain
	}
	return sourceUnknown
}

// addressOf reads an address, one written as a single number too.
func addressOf(host string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap(), true
	}
	n, err := strconv.ParseUint(host, 0, 32)
	if err != nil || n < 1<<24 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), true
}

// urlsIn finds addresses in a text.
func urlsIn(text string) (out []string) {
	for len(out) < 16 {
		i := strings.Index(text, "http")
		if i < 0 {
			break
		}
		text = text[i:]
		end := strings.IndexAny(text, "\"'` )>;|\n")
		if end < 0 {
			end = len(text)
		}
		if strings.Contains(text[:end], "://") {
			out = append(out, text[:end])
		}
		text = text[max(4, min(end, len(text))):]
	}
	return out
}

// runsWritten reports whether a command runs, or makes runnable, a file that an
// earlier one wrote. A line that unpacks before it runs is told by what it runs.
func runsWritten(l *shell.Line, at int, written func(*shell.Command) string) bool {
	c := l.Places[at].Command
	runs := c.Runs()
	if runs == "" && c.Name == "chmod" && len(c.Words) > 2 && isExecutableMode(c.Words[1]) {
		runs = c.Words[len(c.Words)-1]
		if !slices.ContainsFunc(l.Places[at+1:], func(p shell.Place) bool { return sameFile(p.Runs(), runs) }) {
			return false
		}
	}
	if runs == "" || strings.HasPrefix(runs, "<(") {
		return false
	}
	for i := range at {
		if f := written(l.Places[i].Command); f != "" && sameFile(f, runs) {
			return true
		}
	}
	return false
}

func isExecutableMode(mode string) bool {
	return strings.Contains(mode, "x") || strings.Trim(mode, "01234567") == "" && strings.ContainsAny(mode, "157")
}

// sameFile compares paths of one line, in which folders may have been changed.
func sameFile(a, b string) bool {
	if a == "" || b == "" || path.Base(a) != path.Base(b) {
		return false
	}
	a, b = path.Clean(a), path.Clean(b)
	return a == b || !path.IsAbs(a) || !path.IsAbs(b)
}

// decodedFile is the file that a decoder's output goes to.
func decodedFile(c *shell.Command) string {
	for i := range c.Redirects {
		if c.Redirects[i].Writes() {
			return c.Redirects[i].Target
		}
	}
	for i, w := range c.Words {
		if w == "-out" && i+1 < len(c.Words) {
			return c.Words[i+1]
		}
	}
	return ""
}

// removesRun reports whether a file is removed that was run before.
func removesRun(l *shell.Line, at int) bool {
	for _, w := range l.Places[at].Args() {
		for i := range at {
			if f := l.Places[i].Runs(); w != "" && w[0] != '-' && sameFile(f, w) {
				return true
			}
		}
	}
	return false
}

func decodedRun(l *shell.Line, at int) bool {
	return slices.ContainsFunc(l.Places[at].Parts, func(p shell.Part) bool {
		return p.How == shell.Decoded && len(p.Pipes) > 0
	})
}

// decodedCode reports whether code runs what it decodes.
func decodedCode(l *shell.Line, at int) bool {
	c := l.Places[at].Code
	if c == nil || !c.Decoded {
		return false
	}
	return decodedRun(l, at) || slices.ContainsFunc(c.Calls, func(k shell.Call) bool {
		return k.Name == "exec" || k.Name == "eval" || k.Name == "assert"
	})
}

// startsShell reports whether a command does nothing but start a shell that
// reads what somebody types.
func startsShell(c *shell.Command) bool {
	for _, p := range c.Parts {
		if p.How == shell.Substituted || p.How == shell.Body || len(p.Pipes) != 1 || len(p.Pipes[0].Commands) != 1 {
			continue
		}
		inner := p.Pipes[0].Commands[0].Inner()
		if shell.IsShell(inner.Name) && inner.Stdin && inner.Input == "" && len(inner.Fed) == 0 {
			return true
		}
	}
	return false
}

// codeSocket reports whether code connects a shell with a socket.
func codeSocket(l *shell.Line, at int) bool {
	c := l.Places[at].Code
	if c == nil {
		return false
	}
	connects, runs := false, false
	for _, k := range c.Calls {
		switch name := k.Name[strings.LastIndexAny(k.Name, ".:>")+1:]; name {
		case "connect", "fsockopen", "create_connection", "socket", "pfsockopen", "stream_socket_client", "createConnection", "IO::Socket::INET", "open", "INET", "tcp":
			connects = true
		case "dup2", "spawn", "exec", "call", "Popen", "popen", "system", "proc_open", "run", "shell_exec", "passthru", "execve", "execl":
			runs = true
		}
	}
	connects = connects || strings.Contains(c.Text, "IO::Socket") || strings.Contains(c.Text, "TCPSocket")
	socket := strings.Contains(c.Text, "ocket") || strings.Contains(c.Text, "fsockopen") || strings.Contains(c.Text, "net.")
	shellWord := strings.Contains(c.Text, "/sh") || strings.Contains(c.Text, "bash") || strings.Contains(c.Text, "\"sh\"") || strings.Contains(c.Text, "'sh'") ||
		strings.Contains(c.Text, "popen(c") || strings.Contains(c.Text, "popen($_") || strings.Contains(c.Text, "STDIN->fdopen") || strings.Contains(c.Text, "dup2")
	return connects && socket && (runs || strings.Contains(c.Text, "system")) && shellWord
}

// onDescriptor reports whether a shell, or what a variable names, works on a
// descriptor that was opened before.
func onDescriptor(l *shell.Line, at int) bool {
	p := &l.Places[at]
	if !p.Stdin && !strings.HasPrefix(firstWord(p.Command), "$") {
		return false
	}
	return slices.ContainsFunc(p.Redirects, func(r shell.Redirect) bool {
		n, err := strconv.Atoi(r.Target)
		return r.Op == ">&" && err == nil && n > 2
	})
}

func firstWord(c *shell.Command) string {
	if len(c.Words) == 0 {
		return ""
	}
	return c.Words[0]
}

// flushesAll reports whether iptables is told to drop the rules of all chains,
// or of one that the kernel has itself.
func flushesAll(l *shell.Line, at int) bool {
	args := l.Places[at].Args()
	for i, a := range args {
		if a != "-F" && a != "--flush" {
			continue
		}
		if i+1 == len(args) || strings.HasPrefix(args[i+1], "-") || slices.Contains([]string{"INPUT", "OUTPUT", "FORWARD"}, args[i+1]) {
			return !slices.Contains(args, "nat") && !slices.Contains(args, "mangle") && !slices.Contains(args, "raw")
		}
	}
	return false
}

func wholeLogs(l *shell.Line, at int) bool {
	return slices.ContainsFunc(l.Places[at].Args(), func(w string) bool {
		return w == "/var/log" || w == "/var/log/" || w == "/var/log/*" || w == "/var/log/*.log"
	})
}

// empties reports whether nothing is written over what a file held.
func empties(l *shell.Line, at int) bool {
	p := &l.Places[at]
	if !slices.ContainsFunc(p.Redirects, func(r shell.Redirect) bool { return r.Op == ">" || r.Op == ">|" || r.Op == "&>" }) {
		return false
	}
	switch p.Name {
	case "", ":", "true":
		return len(p.Parts) == 0
	case "cat", "cp", "dd":
		return slices.Contains(p.Words, "/dev/null")
	case "echo", "printf":
		return strings.TrimSpace(strings.Join(p.Args(), "")) == "" || slices.Equal(p.Args(), []string{"-n"}) || slices.Equal(p.Args(), []string{"0"})
	}
	return false
}
