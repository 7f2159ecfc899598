package format

import (
	"bufio"
	"errors"
	"io"
	"net/netip"
	"strings"
)

// maxLine is the longest line of a list that is read.
const maxLine = 64 << 10

// lines reads a text line by line; what is longer than maxLine is passed over.
type lines struct {
	in   *bufio.Reader
	n    int // number of the line
	long bool
	err  error
}

func (l *lines) next() (string, bool) {
	if l.err != nil {
		return "", false
	}
	l.n++
	l.long = false
	raw, err := l.in.ReadSlice('\n')
	if err == nil {
		return strings.TrimRight(string(raw), "\r\n"), true
	}
	buf := append([]byte(nil), raw...) // the next read overwrites raw
	for errors.Is(err, bufio.ErrBufferFull) {
		raw, err = l.in.ReadSlice('\n')
		if l.long = l.long || len(buf)+len(raw) > maxLine; !l.long {
			buf = append(buf, raw...)
		}
	}
	if err != nil {
		l.err = err
	}
	return strings.TrimRight(string(buf), "\r\n"), len(buf) > 0
}

// fault is the error that ended the text, if any.
func (l *lines) fault() error {
	if l.err == io.EOF {
		return nil
	}
	return l.err
}

// each calls do for every line that is neither blank nor a comment.
func (s *sink) each(in *bufio.Reader, do func(text string, line int) error) error {
	l := lines{in: in}
	for text, ok := l.next(); ok; text, ok = l.next() {
		if l.long {
			if err := s.fault(l.n, "longer than %d bytes", maxLine); err != nil {
				return err
			}
			continue
		}
		text = strings.TrimSpace(text)
		if text == "" || isComment(text) {
			continue
		}
		if err := do(text, l.n); err != nil {
			return err
		}
	}
	return l.fault()
}

// list reads TXT and LIST.
func (s *sink) list(in *bufio.Reader) error {
	return s.each(in, func(text string, line int) error {
		fields := strings.Fields(uncommented(text))
		e := Entry{Line: line, Confidence: -1}
		if len(fields) == 0 {
			return nil
		}
		first := strings.Trim(strings.TrimRight(fields[0], ","), `"'`)
		if s.o.Format == TXT {
			if len(fields) > 1 {
				return s.fault(line, "more than one word: TXT has one entry a line; for hosts files, URLs with notes and ranges use LIST")
			}
			return s.value(first, e)
		}
		if value, _, cells := strings.Cut(fields[0], ","); cells && len(value) > 0 && !strings.Contains(value, "://") { // a table without a heading
			return s.value(strings.Trim(value, `"'`), e)
		}
		switch {
		case len(fields) == 1:
			if from, to, ok := strings.Cut(first, "-"); ok && isAddr(from) && isAddr(to) {
				return s.span(from, to, e)
			}
			return s.value(first, e)
		case hostsFile(first):
			return s.hosts(fields[1:], e)
		case len(fields) > 2 && fields[1] == "-" && isAddr(fields[2]):
			return s.span(first, fields[2], e)
		case len(fields) > 2 && isAddr(first) && isAddr(fields[1]): // start, end, length, …
			return s.span(first, fields[1], e)
		}
		if v, ok, _ := address(first); ok { // numbers and notes may stand behind it
			return s.emit(v, e)
		}
		if c := fields[1][0]; c >= '0' && c <= '9' || strings.Contains(first, "://") {
			return s.value(first, e)
		}
		if strings.EqualFold(first, "start") && strings.EqualFold(fields[1], "end") { // names of columns
			return nil
		}
		return s.fault(line, "%.60q: words behind a name; a comment starts with \"#\"", text)
	})
}

// uncommented cuts what "#", ";" and " //" start.
func uncommented(s string) string {
	if i := strings.IndexAny(s, "#;"); i >= 0 {
		s = s[:i]
	}
	for _, mark := range []string{" //", "\t//"} {
		s, _, _ = strings.Cut(s, mark)
	}
	return s
}

// hostsFile reports whether a line starts as those of a hosts file that blocks.
func hostsFile(first string) bool {
	a, err := netip.ParseAddr(first)
	return err == nil && (a.IsUnspecified() || a.IsLoopback()) || first == "0"
}

func (s *sink) hosts(names []string, e Entry) error {
	for _, name := range names {
		low := strings.ToLower(name)
		if !strings.Contains(low, ".") || low == "localhost.localdomain" || isAddr(low) { // the machine's own names
			s.skip("local name of a hosts file")
			continue
		}
		if err := s.value(name, e); err != nil {
			return err
		}
	}
	return nil
}

// alienVault reads "entry#reliability#risk#type#country#city#position#id".
func (s *sink) alienVault(in *bufio.Reader) error {
	return s.each(in, func(text string, line int) error {
		f := strings.Split(text, "#")
		if len(f) < 4 {
			return s.fault(line, "%d fields between \"#\" signs, at least 4 expected", len(f))
		}
		e := Entry{Line: line, Confidence: -1, Threat: f[3]}
		if n, ok := number(f[1]); ok && n <= 10 {
			e.Confidence = int(n * 10) // reliability goes up to 10
		}
		return s.value(f[0], e)
	})
}

// torExits reads exit-addresses: blocks of ExitNode, Published, LastStatus, and
// ExitAddress with the time it was seen.
func (s *sink) torExits(in *bufio.Reader) error {
	return s.each(in, func(text string, line int) error {
		f := strings.Fields(text)
		switch f[0] {
		case "ExitNode", "Published", "LastStatus", "Downloaded", "@type":
			return nil
		case "ExitAddress":
			if len(f) < 2 {
				return s.fault(line, "ExitAddress without an address")
			}
			e := Entry{Line: line, Confidence: -1, Threat: "exit"}
			if len(f) >= 4 {
				e.Last = when(f[2] + " " + f[3])
			}
			return s.value(f[1], e)
		}
		return s.fault(line, "%.40q does not belong into a list of Tor exits", f[0])
	})
}
