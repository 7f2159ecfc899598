package intel_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// These tests read the built-in files themselves, as what they are: text that
// people edit. So they hold whatever loads them.

// contentFile is a built-in file: what its head says, and the fields of its lines.
type contentFile struct {
	name  string
	head  map[string]string
	lines [][]string
}

// entry is the column that says what a line is about.
func (f *contentFile) entry(line []string) string {
	if f.head["kind"] == "threats" {
		return line[min(1, len(line)-1)]
	}
	return line[0]
}

func readContent(t *testing.T) []*contentFile {
	t.Helper()
	names, err := filepath.Glob("builtin/*.*")
	if err != nil || len(names) == 0 {
		t.Fatal("no built-in files: ", err)
	}
	var files []*contentFile
	for _, name := range names {
		f := &contentFile{name: name, head: map[string]string{"kind": "threats"}}
		for line := range strings.Lines(contentText(t, name)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.HasPrefix(line, "# ") {
				f.head[strings.TrimPrefix(key, "# ")] = strings.TrimSpace(value)
			}
			line, _, _ = strings.Cut(line, "#")
			if fields := strings.Fields(line); len(fields) > 0 {
				f.lines = append(f.lines, fields)
			}
		}
		files = append(files, f)
	}
	return files
}

func contentText(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		zr, err := gzip.NewReader(bytes.NewReader(raw))
		if err == nil {
			raw, err = io.ReadAll(zr)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return string(raw)
}

var (
	contentName = regexp.MustCompile(`^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
	contentHash = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// TestContentIsWellFormed: each file says where it is from and under which
// licence; each entry is a prefix without host bits, a name in lower case or a
// hash, and there once.
func TestContentIsWellFormed(t *testing.T) {
	for _, f := range readContent(t) {
		for _, key := range []string{"What", "Source", "Date", "Licence", "A line", "list"} {
			if f.head[key] == "" {
				t.Errorf("%s: the head does not say %q", f.name, key)
			}
		}
		if len(f.lines) == 0 {
			t.Errorf("%s: no line has an entry", f.name)
		}
		seen := map[string]bool{}
		for _, line := range f.lines {
			entry := f.entry(line)
			if p, ok := contentPrefix(entry); !ok && !contentName.MatchString(entry) && !contentHash.MatchString(entry) {
				t.Errorf("%s: %q is no prefix, name in lower case or SHA-256", f.name, entry)
			} else if ok && p != p.Masked() {
				t.Errorf("%s: %s has host bits; %s is meant", f.name, entry, p.Masked())
			}
			if seen[entry] {
				t.Errorf("%s: %s is there twice", f.name, entry)
			}
			seen[entry] = true
		}
	}
}

func contentPrefix(entry string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(entry); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(entry)
	return netip.PrefixFrom(a, a.BitLen()), err == nil
}

// TestContentOfKinds: each kind of list is there and knows what everybody knows.
func TestContentOfKinds(t *testing.T) {
	have := map[string]bool{}
	for _, f := range readContent(t) {
		for _, line := range f.lines {
			have[f.head["kind"]+" "+f.entry(line)] = true
		}
	}
	for _, want := range []string{
		"threats *.supportxmr.com", "threats 128.31.0.39", "threats 162.142.125.0/24",
		"threats 275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f",
		"warning 10.0.0.0/8", "warning 198.41.0.4", "warning 8.8.8.8", "warning *.pypi.org", "warning sts.eu-west-1.amazonaws.com", "warning github.io",
		"networks 13.32.0.0/15", "networks 151.101.0.0/16",
		"popular google.com", "dynamic-dns *.duckdns.org", "free-hosting *.github.io", "url-shortener bit.ly",
		"file-sharing pastebin.com", "ip-echo ifconfig.me", "sinkhole sinkhole.cert.pl", "tunnel *.trycloudflare.com",
	} {
		if !have[want] {
			t.Errorf("there is no %s", want)
		}
	}
}

// knownGood is what no threat may be.
type knownGood struct {
	names    map[string]string // with "*." for all below; why
	prefixes map[netip.Prefix]string
}

// TestContentFlagsNothingGood: no threat is, holds or is held by what is
// popular, what warning lists have, or a network of a CDN, where one address
// stands for many sites. Public resolvers are no threats and may be known well.
func TestContentFlagsNothingGood(t *testing.T) {
	files := readContent(t)
	good := knownGood{map[string]string{}, map[netip.Prefix]string{}}
	for _, f := range files {
		for _, line := range f.lines {
			good.add(f, line)
		}
	}
	if len(good.names) < 1000 || len(good.prefixes) < 1000 {
		t.Fatalf("only %d names and %d prefixes are known as good", len(good.names), len(good.prefixes))
	}
	checked := 0
	for _, f := range files {
		if f.head["kind"] != "threats" {
			continue
		}
		for _, line := range f.lines {
			if slices.Contains([]string{"dns-resolver", "doh", "dot"}, line[0]) {
				continue
			}
			checked++
			if why := good.meets(line[1]); why != "" {
				t.Errorf("%s: %s meets %s", f.name, line[1], why)
			}
		}
	}
	if checked < 500 {
		t.Errorf("only %d threats were checked", checked)
	}
}

func (g *knownGood) add(f *contentFile, line []string) {
	entry := f.entry(line)
	switch {
	case f.head["kind"] == "networks" && !slices.Contains([]string{"CDN", "CLOUDFRONT"}, line[len(line)-1]):
		return // a cloud's customers are not all good
	case !slices.Contains([]string{"warning", "popular", "networks"}, f.head["kind"]):
		return
	}
	why := entry + " of " + f.name
	if p, ok := contentPrefix(entry); ok {
		g.prefixes[p] = why
		return
	}
	g.names[entry] = why
}

// meets says what good thing an entry overlaps.
func (g *knownGood) meets(entry string) string {
	if p, ok := contentPrefix(entry); ok {
		for q, why := range g.prefixes {
			if q.Overlaps(p) {
				return why
			}
		}
		return ""
	}
	if why := g.names[entry]; why != "" {
		return why
	}
	name, below := strings.CutPrefix(entry, "*.")
	for above := name; above != ""; {
		_, above, _ = strings.Cut(above, ".")
		if why := g.names["*."+above]; why != "" {
			return why
		}
	}
	for good, why := range g.names {
		if below && strings.HasSuffix(good, "."+name) {
			return why
		}
	}
	return ""
}
