package shell

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"compress/zlib"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
)

// connect says what the last of some commands reads, where that is a
// constant, and what is run by it.
func (b *budget) connect(cmds []Command, depth int) {
	last := &cmds[len(cmds)-1]
	b.reads(last)
	if len(cmds) > 1 && last.Input == "" && wantsInput(last) {
		if out, decoded, ok := b.output(cmds[:len(cmds)-1]); ok && b.spend(len(out)) {
			last.Input, last.Decoded = out, last.Decoded || decoded
		}
	}
	in := last.Inner()
	defer func() { in.Fed, in.Input, in.Decoded = last.Fed, last.Input, last.Decoded }()
	if !last.Stdin && in.Name != "at" && in.Name != "batch" {
		return
	}
	if len(cmds) > 1 && last.Input == "" {
		last.Fed = append(last.Fed, &Script{Pipes: []Pipe{{Commands: cmds[max(0, len(cmds)-1-maxStages) : len(cmds)-1]}}})
	}
	if last.Input == "" {
		return
	}
	if kindOf(in.Name) == isLanguage {
		b.program(last, in.Name, last.Input, depth)
		return
	}
	b.inner(last, last.Input, depth)
}

// maxStages is how far back in a pipeline the origin of what is run is sought.
const maxStages = 16

// reads takes a here-document or here-string as the input.
func (b *budget) reads(c *Command) {
	for i := range c.Redirects {
		switch r := &c.Redirects[i]; r.Op {
		case "<<":
			c.Input = r.Body
		case "<<<":
			c.Input = r.Target
		case "<":
			if strings.HasPrefix(r.Target, "<(") && c.Stdin { // sh < <(curl …)
				for _, p := range c.Parts {
					if p.How == Substituted {
						c.Fed = append(c.Fed, p.Script)
					}
				}
			}
		}
	}
}

// wantsInput reports whether what a command reads is worth knowing.
func wantsInput(c *Command) bool {
	if c.Stdin {
		return true
	}
	switch c.Inner().Name {
	case "at", "batch", "crontab", "tee", "chpasswd", "dd":
		return true
	}
	return false
}

// output is what commands print, if the line itself says it. decoded says that
// it was hidden in there.
func (b *budget) output(cmds []Command) (text string, decoded, ok bool) {
	if len(cmds) == 0 {
		return "", false, false
	}
	first := cmds[0].Inner()
	args := first.Args()
	switch first.Name {
	case "echo":
		text, decoded = echo(args)
	case "printf":
		text, decoded, ok = printf(args)
		if !ok {
			return "", false, false
		}
	default:
		// A decoder, or cat, of a here-document.
		if cmds[0].Input == "" && cmds[0].hereText() == "" {
			return "", false, false
		}
		if text, decoded, ok = transform(first, firstOf(cmds[0].Input, cmds[0].hereText())); !ok {
			return "", false, false
		}
	}
	if strings.Contains(text, "$(") && len(cmds) > 1 || writesFile(&cmds[0]) {
		return "", false, false // part of it is unknown
	}
	decoded = decoded || cmds[0].Decoded
	for i := 1; i < len(cmds); i++ {
		out, dec, ok := transform(cmds[i].Inner(), text)
		if !ok || !b.spend(len(out)) {
			return "", false, false
		}
		text, decoded = out, decoded || dec
	}
	return text, decoded, true
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (c *Command) hereText() string {
	for i := range c.Redirects {
		switch r := &c.Redirects[i]; r.Op {
		case "<<":
			return r.Body
		case "<<<":
			return r.Target
		}
	}
	return ""
}

func writesFile(c *Command) bool {
	for i := range c.Redirects {
		if r := &c.Redirects[i]; r.Writes() && r.FD != 2 {
			return true
		}
	}
	return false
}

func echo(args []string) (string, bool) {
	escapes, end := false, "\n"
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		escapes = escapes || strings.Contains(args[0], "e")
		if strings.Contains(args[0], "n") {
			end = ""
		}
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if !escapes { // sh's own echo undoes escapes without being asked
		escapes = strings.Contains(text, `\x`) || strings.Contains(text, `\0`)
	}
	if escapes {
		out, hidden := unescape(text)
		return out + end, hidden
	}
	return text + end, false
}

// printf knows the formats that payloads are printed with.
func printf(args []string) (text string, hidden, ok bool) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return "", false, false
	}
	format, h := unescape(args[0])
	switch strings.TrimSuffix(format, "\n") {
	case "%s", "%b":
		if len(args) < 2 {
			return "", false, false
		}
		text = strings.Join(args[1:], "")
		if strings.HasPrefix(format, "%b") {
			text, hidden = unescape(text)
		}
		return text, hidden, true
	}
	if strings.Contains(format, "%") {
		return "", false, false
	}
	return format, h, true
}

// transform is what a filter makes of a text.
func transform(c *Command, in string) (out string, decoded, ok bool) {
	args := c.Args()
	name := c.Name
	if name == "openssl" && len(args) > 0 { // openssl enc -d -base64, openssl base64 -d
		if args[0] != "base64" && !hasFlag(args, "-base64", "-a") {
			return "", false, false
		}
		name = "base64"
	}
	switch name {
	case "cat", "tee":
		if len(args) == 0 || args[0] == "-" {
			return in, false, true
		}
	case "base64", "base64url":
		if hasFlag(args, "-d", "-D", "--decode", "-di", "-id", "-dw0", "--decode=true") {
			return fromBase64(in)
		}
	case "base32":
		if hasFlag(args, "-d", "--decode") {
			return fromBytes(base32.StdEncoding.DecodeString(strings.Join(strings.Fields(in), "")))
		}
	case "xxd":
		if hasFlag(args, "-r", "-rp", "-r -p", "-pr") {
			return fromBytes(hex.DecodeString(strings.Join(strings.Fields(in), "")))
		}
	case "rev":
		return reversed(in), true, true
	case "gunzip", "zcat", "gzip", "bunzip2", "bzcat", "bzip2":
		if name != "gzip" && name != "bzip2" || hasFlag(args, "-d", "-dc", "-cd", "--decompress") {
			return inflated(in)
		}
	case "tr":
		return translated(args, in)
	case "sed":
		return edited(args, in)
	}
	return "", false, false
}

func fromBytes(b []byte, err error) (string, bool, bool) {
	return string(b), err == nil, err == nil
}

// fromBase64 is lenient as the programs are: white space and the padding do
// not matter.
func fromBase64(in string) (string, bool, bool) {
	in = strings.TrimRight(strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\n', '\t', '\r':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		}
		return r
	}, in), "=")
	if in == "" {
		return "", false, false
	}
	b, err := base64.RawStdEncoding.DecodeString(in)
	return string(b), err == nil, err == nil
}

func reversed(in string) string {
	lines := strings.Split(in, "\n")
	for i, l := range lines {
		b := []rune(l)
		for x, y := 0, len(b)-1; x < y; x, y = x+1, y-1 {
			b[x], b[y] = b[y], b[x]
		}
		lines[i] = string(b)
	}
	return strings.Join(lines, "\n")
}

// maxInflated bounds what a packed payload may become.
const maxInflated = 64 << 10

// inflated unpacks gzip, zlib and bzip2.
func inflated(in string) (string, bool, bool) {
	var r io.Reader
	var err error
	switch src := strings.NewReader(in); {
	case strings.HasPrefix(in, "\x1f\x8b"):
		r, err = gzip.NewReader(src)
	case strings.HasPrefix(in, "BZh"):
		r = bzip2.NewReader(src)
	case strings.HasPrefix(in, "\x78"):
		r, err = zlib.NewReader(src)
	default:
		return "", false, false
	}
	if err != nil {
		return "", false, false
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, maxInflated); err != nil && b.Len() == 0 {
		return "", false, false
	}
	return b.String(), true, true
}

// translated knows tr with ranges, as in rot13, and -d.
func translated(args []string, in string) (string, bool, bool) {
	if len(args) == 2 && args[0] == "-d" {
		set, _ := unescape(args[1])
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(set, r) {
				return -1
			}
			return r
		}, in), false, true
	}
	if len(args) != 2 || strings.HasPrefix(args[0], "-") {
		return "", false, false
	}
	from, to := ranges(args[0]), ranges(args[1])
	if len(to) == 0 {
		return "", false, false
	}
	letters := 0
	out := strings.Map(func(r rune) rune {
		if i := strings.IndexRune(string(from), r); i >= 0 && r < 0x80 {
			letters++
			return rune(to[min(i, len(to)-1)])
		}
		return r
	}, in)
	return out, letters > 8, true
}

// ranges writes a set such as A-Za-z out.
func ranges(set string) []byte {
	set, _ = unescape(set)
	set = strings.NewReplacer("[", "", "]", "").Replace(set)
	var out []byte
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' && set[i] < set[i+2] && set[i+2] < 0x80 {
			for c := set[i]; c <= set[i+2]; c++ {
				out = append(out, c)
			}
			i += 2
			continue
		}
		if set[i] < 0x80 {
			out = append(out, set[i])
		}
	}
	return out
}

// edited knows sed with one plain s/…/…/g.
func edited(args []string, in string) (string, bool, bool) {
	if len(args) != 1 || len(args[0]) < 4 || args[0][0] != 's' {
		return "", false, false
	}
	parts := strings.Split(args[0][2:], args[0][1:2])
	if len(parts) != 3 || parts[0] == "" || strings.ContainsAny(parts[0]+parts[1], `\[]*^$&.`) || len(parts[1]) > 64 {
		return "", false, false
	}
	if parts[2] == "g" {
		return strings.ReplaceAll(in, parts[0], parts[1]), false, true
	}
	return strings.Replace(in, parts[0], parts[1], 1), false, true
}
