package shell

import "strings"

// Outputs are the files that a command writes by what its words and
// redirections say: those after > and the targets of tee, cp, sed -i and the like.
func (c *Command) Outputs() (out []string) {
	for i := range c.Redirects {
		if r := &c.Redirects[i]; r.Writes() && !isDevice(r.Target) {
			out = append(out, r.Target)
		}
	}
	args := c.Args()
	switch c.Name {
	case "tee":
		out = append(out, operands(args, "")...)
	case "cp", "mv", "ln", "install", "rsync", "scp":
		if dir, ok := optionValue(args, "-t", "--target-directory"); ok {
			return append(out, dir)
		}
		if files := operands(args, " -m -o -g -S "); len(files) > 1 {
			out = append(out, files[len(files)-1])
		}
	case "dd":
		for _, a := range args {
			if f, ok := strings.CutPrefix(a, "of="); ok {
				out = append(out, f)
			}
		}
	case "sed", "perl", "ruby":
		if c.inPlace() {
			if files := operands(args, " -e -E -f "); len(files) > 0 {
				out = append(out, files[min(len(files)-1, 1):]...)
			}
		}
	case "truncate", "shred", "ed", "vipw", "visudo":
		out = append(out, operands(args, " -s -r -n ")...)
	default:
		if f := c.Fetched(); f != "" {
			out = append(out, f)
		}
	}
	return out
}

func isDevice(target string) bool {
	return strings.HasPrefix(target, "/dev/") && !strings.HasPrefix(target, "/dev/shm/") && !strings.HasPrefix(target, "/dev/tcp/") && !strings.HasPrefix(target, "/dev/udp/")
}

// inPlace reports whether an editor is told to change its files.
func (c *Command) inPlace() bool {
	for _, a := range c.Args() {
		if strings.HasPrefix(a, "--in-place") || len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.IndexByte(a, 'i') > 0 && (a[1] == 'i' || isLetters(a[1:])) {
			return true
		}
	}
	return false
}

// operands are the arguments that are no options, nor their values.
func operands(args []string, values string) (out []string) {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--":
			return append(out, args[i+1:]...)
		case len(a) > 1 && a[0] == '-':
			if strings.Contains(values, " "+a+" ") {
				i++
			}
		default:
			out = append(out, a)
		}
	}
	return out
}

// optionValue is the value of an option, by its short or its long name.
func optionValue(args []string, short, long string) (string, bool) {
	for i, a := range args {
		switch {
		case (a == short || a == long) && i+1 < len(args):
			return args[i+1], true
		case strings.HasPrefix(a, long+"="):
			return a[len(long)+1:], true
		case len(a) > 2 && a[0] == '-' && a[1] != '-' && strings.HasSuffix(a, short[1:]) && isLetters(a[1:]) && i+1 < len(args): // -sSLo FILE
			return args[i+1], true
		case len(a) > 2 && strings.HasPrefix(a, short) && short != "-t":
			return a[2:], true
		}
	}
	return "", false
}

// URLs are the addresses among the arguments of a program that fetches files.
func (c *Command) URLs() (out []string) {
	for _, a := range c.Args() {
		if i := strings.Index(a, "://"); i > 0 {
			start := i
			for start > 0 && isLetters(a[start-1:start]) {
				start--
			}
			out = append(out, a[start:])
		}
	}
	if out != nil || !isFetcher(c.Name) {
		return out
	}
	for _, a := range operands(c.Args(), fetchValues) { // example.com/x
		if strings.Contains(a, ".") && !strings.HasPrefix(a, "/") && !strings.HasPrefix(a, ".") {
			out = append(out, a)
		}
	}
	return out
}

const fetchValues = " -r -l -o -O -H -A -e -x -u -d -X -m -T -F -b -c -K -w -P -U -t --output --header --user-agent --max-time --connect-timeout --retry --data --request --output-document "

func isFetcher(name string) bool {
	switch name {
	case "curl", "wget", "aria2c", "axel", "fetch", "lwp-download", "http", "https", "xh", "GET", "tftp", "ftpget":
		return true
	}
	return false
}

// Fetched is the file that a program which fetches one writes: as it is told,
// or named after the address; "" if there is none.
func (c *Command) Fetched() string {
	args := c.Args()
	switch c.Name {
	case "curl":
		if f, ok := optionValue(args, "-o", "--output"); ok {
			return f
		}
		if !c.option('f', "-O", nil) && !c.option('l', "--remote-name", nil) {
			return ""
		}
	case "wget":
		if f, ok := optionValue(args, "-O", "--output-document"); ok {
			if f == "-" {
				return ""
			}
			return f
		}
		if f, ok := optionValue(args, "-P", "--directory-prefix"); ok && len(c.URLs()) > 0 {
			return strings.TrimSuffix(f, "/") + "/" + lastOf(c.URLs()[0])
		}
	case "aria2c", "axel", "fetch":
		if f, ok := optionValue(args, "-o", "--out"); ok {
			return f
		}
	case "tftp":
		if f, ok := optionValue(args, "-l", "--local"); ok {
			return f
		}
		f, _ := optionValue(args, "-r", "--remote")
		return f
	case "lwp-download", "ftpget":
	default:
		return ""
	}
	if urls := c.URLs(); len(urls) > 0 {
		return lastOf(urls[0])
	}
	return ""
}

// Runs is the file that a command runs by a path: the program itself, or the
// script of a shell or another interpreter; "" if it gives none.
func (c *Command) Runs() string {
	switch {
	case c.File != "":
		return c.File
	case len(c.Words) > 0 && strings.Contains(c.Words[0], "/") && !strings.HasPrefix(c.Words[0], "$(") && !strings.ContainsAny(c.Words[0], "*\n"):
		return c.Words[0]
	}
	return ""
}

// lastOf is the last element of an address's path.
func lastOf(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	}
	url, _, _ = strings.Cut(url, "?")
	if i := strings.LastIndexByte(url, '/'); i >= 0 {
		return url[i+1:]
	}
	return ""
}
