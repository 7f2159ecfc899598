package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// list is a public list of names that is read to make benign.txt.gz.
type list struct {
	file, sha256 string // in the folder of -lists; a folder counts as its files in order
	source       string // where it comes from
	licence      string
	// confirms says that a name is ordinary if another list has it too, but that a
	// name which only this list has is left out.
	confirms bool
	// local lists are long and of one country: their names weigh less.
	local bool
}

// lists are what benign.txt.gz was made of. Lists of popular names hold malware,
// too, whose bots make it popular: names in two of them weigh more.
func lists() []list {
	return []list{
		{file: "opendns-top-domains.txt", sha256: "aba7a11689d0d46c927f012952af795c85d735b39831dea32236eb22b2fb4044", source: "github.com/opendns/public-domain-lists 59bc34f (2014-11-06)", licence: "public domain"},
		{file: "opendns-random-domains.txt", sha256: "aa99becc109cb5a0381546d15b2e7af5f7b60719de1fac14cd459570b0173c15", source: "github.com/opendns/public-domain-lists 59bc34f (2014-11-06)", licence: "public domain"},
		{file: "transport_security_state_static.json", sha256: "061a449d57e94c34016c0804f615ed9e61e67062d280446e2e3812778793ceea", source: "HSTS preload list of Chromium in github.com/hanpfei/chromium-net 9df8ce9, net/http", licence: "BSD-3-Clause"},
		{file: "majestic_million.csv", sha256: "1c7c2fd92934324a882e822031d50a4a3b73b0156b1a9c46204246871ba75502", source: "first 15,000 of the Majestic Million in github.com/drakelover911/Phishing-analyzer 78a8240 (2026-03-12)", licence: "CC BY 3.0, Majestic-12 Ltd"},
		{file: "top-sites.json", sha256: "cf5f40ce7b4b3ffc34397034ca75242d57d2f5e83758cad2b47cb2ddb1147079", source: "npm top-sites 1.1.222", licence: "MIT"},
		{file: "universities.json", sha256: "7cd554775f3a8a9e7fba876618f7c1ba816da81db00ae32652aa2a30e6ba28cd", source: "github.com/Hipo/university-domains-list bb07faf (2026-06-20)", licence: "MIT"},
		{file: "dotgov.csv", sha256: "2cf70e99bc8155438099a8d9258a2c1d5eb2e544c1241b9e932d5bbd4005cb0e", source: "github.com/cisagov/dotgov-data 4ee6419 (2026-08-22), current-full.csv", licence: "CC0-1.0"},
		{file: "data", sha256: "d25e367ffac91678bb0e113eac7cfa4f69ccf68eb39f9e8638d33bcb1865c2fe", source: "github.com/v2fly/domain-list-community c975cce (2026-08-19), data", licence: "MIT"},
		{file: "bounty-domains.txt", sha256: "bb82be522952be5115dbc74055eda36f2367503c9fcf31eee866de5c00f6c864", source: "github.com/arkadiyt/bounty-targets-data 4052095 (2026-08-22), data/domains.txt", licence: "MIT"},
		{file: "bounty-wildcards.txt", sha256: "7c90ed3a8a3e44d31c3f50770370b260409610fa6ef777a065855562e4ba0908", source: "github.com/arkadiyt/bounty-targets-data 4052095 (2026-08-22), data/wildcards.txt", licence: "MIT"},
		{file: "simple-icons.json", sha256: "031297247af6d062241858c7a8ce4f64a322d911916203474709983f8e7876bc", source: "github.com/simple-icons/simple-icons 34c2250 (2026-08-02), data", licence: "CC0-1.0"},
		{file: "china.conf", sha256: "bd5dac5a2d8dc213be0a33d1ec6d314daa55269f46f494475ef263a2a8ce756c", source: "github.com/felixonmars/dnsmasq-china-list 29de573 (2026-08-02), accelerated-domains.china.conf", licence: "WTFPL", local: true},
		{file: "free-email-domains.json", sha256: "a2f19e1ccfc3422564f3bab33cb54898783240a743d8cbe758a9c750791b34e0", source: "npm free-email-domains 1.12.6", licence: "MIT", confirms: true},
	}
}

// name is a benign label: the part of a registered domain before its suffix.
type name struct {
	label string
	group byte // how sure it is that it is ordinary
}

// Groups of names, and what a name of each weighs in training.
const (
	stable = '2' // in two or more lists
	single = '1'
	local  = '0'
)

func weightOf(group byte) float64 {
	switch group {
	case stable:
		return 1
	case single:
		return 0.5
	}
	return 0.1
}

// collect reads the lists of a folder.
func collect(folder string) ([]name, error) {
	in := map[string]int{}
	sure, ours := map[string]bool{}, map[string]bool{}
	for _, l := range lists() {
		text, err := read(filepath.Join(folder, l.file))
		if err != nil {
			return nil, fmt.Errorf("read the list of %s: %w", l.source, err)
		}
		sum := sha256.Sum256(text)
		if got := hex.EncodeToString(sum[:]); got != l.sha256 {
			return nil, fmt.Errorf("%s has SHA-256 %s, want %s: get it from %s", l.file, got, l.sha256, l.source)
		}
		for domain := range domainsOf(text) {
			if !l.local { // which others are made of, too
				in[domain]++
			}
			if !l.confirms {
				ours[domain] = true
			}
			if !l.confirms && !l.local {
				sure[domain] = true
			}
		}
	}
	groups := map[string]byte{}
	for domain := range ours {
		group := byte(local)
		switch {
		case in[domain] > 1:
			group = stable
		case sure[domain]:
			group = single
		}
		label, _, _ := strings.Cut(domain, ".")
		groups[label] = max(groups[label], group)
	}
	var out []name
	for label, group := range groups {
		if len(label) >= 3 && !strings.HasPrefix(label, "xn--") {
			out = append(out, name{label, group})
		}
	}
	slices.SortFunc(out, func(a, b name) int { return strings.Compare(a.label, b.label) })
	return out, nil
}

// read reads a file, or the files of a folder one after the other.
func read(path string) ([]byte, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return os.ReadFile(path)
	}
	var all []byte
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, text...)
	}
	return all, nil
}

var dotted = regexp.MustCompile(`[a-z0-9_-]+(?:\.[a-z0-9_-]+)+`)

// domainsOf returns the registered domains that a text names.
func domainsOf(text []byte) map[string]bool {
	out := map[string]bool{}
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("regexp:")) {
			continue
		}
		for _, n := range dotted.FindAll(bytes.ToLower(line), -1) {
			if d := registered(string(n)); d != "" && !strings.ContainsAny(d, "_") {
				out[d] = true
			}
		}
	}
	return out
}

// registered is the domain that a name is in by the ICANN part of the public
// suffix list.
func registered(name string) string {
	for rest := name; ; {
		suffix, icann := publicsuffix.PublicSuffix(rest)
		if icann {
			left := strings.TrimSuffix(strings.TrimSuffix(name, suffix), ".")
			label := left[strings.LastIndexByte(left, '.')+1:]
			if label == "" || label[0] == '-' {
				return ""
			}
			return label + "." + suffix
		}
		_, after, ok := strings.Cut(suffix, ".")
		if !ok {
			return ""
		}
		rest = after
	}
}

// writeNames writes a list of names as readNames reads it.
func writeNames(path string, names []name) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	fmt.Fprintln(z, "# What:    labels of ordinary registered domains, each after the group it is in (2: in two or more lists, 1: in one, 0: in a long list of one country).")
	for _, l := range lists() {
		fmt.Fprintf(z, "# Source:  %s. Licence: %s\n", l.source, l.licence)
	}
	for _, n := range names {
		fmt.Fprintf(z, "%c%s\n", n.group, n.label)
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

func readNames(packed []byte) ([]name, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	var out []name
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		if t := lines.Text(); len(t) > 1 && t[0] != '#' {
			out = append(out, name{t[1:], t[0]})
		}
	}
	return out, lines.Err()
}
