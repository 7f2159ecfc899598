package rule

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// modifiers is what stands after a field's name, sorted by what it does.
type modifiers struct {
	names  []string
	change []string // of the values, in their order
	how    string   // "", contains, startswith, endswith
	as     string   // "", re, cidr, exists, fieldref, lt, lte, gt, gte
	flags  string   // of re
	time   string   // part of a time
	every  bool     // all
	cased  bool
	neq    bool
	expand bool
}

// modifierNames are those of Sigma 2.1.
const modifierNames = "all base64 base64offset cased cidr contains day endswith exists expand fieldref gt gte hour i lt lte m minute month neq re s startswith utf16 utf16be utf16le week wide windash year"

func parseModifiers(names []string) (m modifiers, err error) {
	m.names = names
	for _, n := range names {
		switch n {
		case "all":
			m.every = true
		case "cased":
			m.cased = true
		case "neq":
			m.neq = true
		case "expand":
			m.expand = true
		case "contains", "startswith", "endswith":
			if m.how != "" {
				return m, fmt.Errorf("the modifiers %s and %s cannot be used together", m.how, n)
			}
			m.how = n
		case "re", "cidr", "exists", "fieldref", "lt", "lte", "gt", "gte":
			if m.as != "" {
				return m, fmt.Errorf("the modifiers %s and %s cannot be used together", m.as, n)
			}
			m.as = n
		case "i", "m", "s":
			if m.as != "re" {
				return m, fmt.Errorf("the modifier %s comes after re", n)
			}
			m.flags += n
		case "minute", "hour", "day", "week", "month", "year":
			if m.time != "" {
				return m, fmt.Errorf("the modifiers %s and %s cannot be used together", m.time, n)
			}
			m.time = n
		case "base64", "base64offset", "utf16", "utf16le", "utf16be", "wide", "windash":
			m.change = append(m.change, n)
		default:
			return m, unknownModifier(n)
		}
	}
	return m, m.check()
}

func unknownModifier(n string) error {
	known := strings.Fields(modifierNames)
	if near := closest(n, known); near != "" {
		return fmt.Errorf("there is no modifier %q; did you mean %s?", n, near)
	}
	return fmt.Errorf("there is no modifier %q; there are %s", n, strings.Join(known, ", "))
}

func (m *modifiers) check() error {
	whole := m.as != "" && m.as != "fieldref"
	switch {
	case whole && m.how != "" && m.as != "re":
		return fmt.Errorf("the modifiers %s and %s cannot be used together", m.as, m.how)
	case m.as == "re" && m.how != "":
		return fmt.Errorf("the modifiers re and %s cannot be used together; a regular expression matches anywhere unless it has ^ or $", m.how)
	case whole && len(m.change) > 0:
		return fmt.Errorf("the modifiers %s and %s cannot be used together", m.change[0], m.as)
	case m.time != "" && (m.how != "" || len(m.change) > 0 || whole && !isBound(m.as) || m.as == "fieldref"):
		return fmt.Errorf("the modifier %s takes numbers, with lt, lte, gt, gte or neq if need be", m.time)
	case m.as == "exists" && len(m.names) > 1:
		return errors.New("the modifier exists stands alone")
	}
	return nil
}

func isBound(as string) bool { return slices.Contains([]string{"lt", "lte", "gt", "gte"}, as) }

// maxVariants bounds what one value may become.
const maxVariants = 700

// changed gives the texts that a value stands for after the changing modifiers.
func (m *modifiers) changed(t text) ([]text, error) {
	all := []text{t}
	for _, name := range m.change {
		var next []text
		for _, v := range all {
			made, err := change(name, v)
			if err != nil {
				return nil, err
			}
			if next = append(next, made...); len(next) > maxVariants {
				return nil, fmt.Errorf("the modifier %s makes more than %d values of one; write the ones that matter", name, maxVariants)
			}
		}
		all = next
	}
	return all, nil
}

func change(name string, t text) ([]text, error) {
	switch name {
	case "windash":
		return dashes(t)
	case "wide", "utf16le":
		return []text{t.each(func(s string) string { return inUTF16(s, false) })}, nil
	case "utf16be":
		return []text{t.each(func(s string) string { return inUTF16(s, true) })}, nil
	case "utf16":
		return []text{append(plainText("\xff\xfe"), t.each(func(s string) string { return inUTF16(s, false) })...)}, nil
	}
	s, ok := joined(t).plain()
	if !ok {
		return nil, fmt.Errorf("the modifier %s takes no wildcards", name)
	}
	if name == "base64" {
		return []text{plainText(base64.StdEncoding.EncodeToString([]byte(s)))}, nil
	}
	return offsets(s)
}

// joined makes one part of plain parts that follow each other.
func joined(t text) text {
	var out text
	for _, p := range t {
		if n := len(out); n > 0 && out[n-1].wild == 0 && p.wild == 0 {
			out[n-1].text += p.text
			continue
		}
		out = append(out, p)
	}
	return out
}

// offsets are what a text looks like in Base64 at each of the three offsets,
// without what depends on its neighbours.
func offsets(s string) ([]text, error) {
	skip, cut := [3]int{0, 2, 3}, [3]int{0, 3, 2}
	var out []text
	for i := range 3 {
		e := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", i) + s))
		e = e[skip[i] : len(e)-cut[(len(s)+i)%3]]
		if e == "" {
			return nil, errors.New("the value is too short for base64offset: nothing of it would stay the same at every offset")
		}
		out = append(out, plainText(e))
	}
	return out, nil
}

func inUTF16(s string, bigEndian bool) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if bigEndian {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

// flagSigns are the characters by which a command line's flags may begin.
const flagSigns = "-/–—―"

// dashes gives every way to write the flags of a command line: a sign after
// which a word begins, and before which none ends.
func dashes(t text) ([]text, error) {
	all := []text{nil}
	extend := func(variants ...part) error {
		if len(all)*len(variants) > maxVariants {
			return fmt.Errorf("the modifier windash makes more than %d values of one; write fewer flags in one value", maxVariants)
		}
		var next []text
		for _, v := range variants {
			for _, a := range all {
				next = append(next, append(slices.Clip(a), v))
			}
		}
		all = next
		return nil
	}
	var signs []part
	for _, r := range flagSigns {
		signs = append(signs, part{text: string(r)})
	}
	for _, p := range t {
		if p.wild != 0 {
			if err := extend(p); err != nil {
				return nil, err
			}
			continue
		}
		rest := p.text
		for rest != "" {
			at := flagAt(rest)
			if at < 0 {
				at = len(rest)
			}
			if at > 0 {
				if err := extend(part{text: rest[:at]}); err != nil {
					return nil, err
				}
			}
			if rest = rest[at:]; rest == "" {
				break
			}
			if err := extend(signs...); err != nil {
				return nil, err
			}
			_, n := utf8.DecodeRuneInString(rest)
			rest = rest[n:]
		}
	}
	for i := range all {
		all[i] = joined(all[i])
	}
	return all, nil
}

// flagAt is where the first flag of a text begins, or -1.
func flagAt(s string) int {
	before := ' '
	for i, r := range s {
		_, n := utf8.DecodeRuneInString(s[i:])
		after, _ := utf8.DecodeRuneInString(s[i+n:])
		if strings.ContainsRune(flagSigns, r) && !isWord(before) && i+n < len(s) && isWord(after) {
			return i
		}
		before = r
	}
	return -1
}

func isWord(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || r >= utf8.RuneSelf && !strings.ContainsRune(flagSigns, r)
}

// compareText compares as the modifiers for places say.
func compareText(how, s, with string) bool {
	switch how {
	case "contains":
		return strings.Contains(s, with)
	case "startswith":
		return strings.HasPrefix(s, with)
	case "endswith":
		return strings.HasSuffix(s, with)
	}
	return s == with
}
