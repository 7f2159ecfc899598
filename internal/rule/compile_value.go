package rule

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// value compiles one value. needs is nil where nothing must be there.
func (c *compiler) value(name string, mods *modifiers, v *yaml.Node) ([]test, []need, error) {
	if isNil(v) {
		return nil, nil, faultAt(v, "null cannot be one of several values; write a selection of its own and join the two with `or`")
	}
	if mods.time != "" || isBound(mods.as) {
		t, err := bound(mods, v.Value)
		return []test{t}, nil, err
	}
	var forms []string
	if forms = []string{v.Value}; mods.expand {
		var err error
		if forms, err = expand(v.Value, c.placeholders); err != nil {
			return nil, nil, err
		}
		if c.values += len(forms); c.values > maxValues {
			return nil, nil, faultAt(v, "the placeholders make more than %d values", maxValues)
		}
	}
	var tests []test
	var needs []need
	sure := true
	for _, s := range forms {
		t, ns, err := one(name, mods, s)
		if err != nil {
			return nil, nil, err
		}
		if c.values += max(len(t)-1, 0); c.values > maxValues {
			return nil, nil, faultAt(v, "the modifiers make more than %d values of those of the rule; write fewer", maxValues)
		}
		tests = append(tests, t...)
		needs = append(needs, ns...)
		sure = sure && ns != nil
	}
	if !sure {
		needs = nil
	}
	return tests, needs, nil
}

func bound(mods *modifiers, s string) (test, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != f {
		return nil, fmt.Errorf("%q is not a number, which %s takes", s, strings.Join(mods.names, "|"))
	}
	if mods.time == "" {
		return &compare{mods.as, f}, nil
	}
	op := mods.as
	if op == "" {
		op = "eq"
	}
	return &clock{mods.time, op, f}, nil
}

func one(name string, mods *modifiers, s string) ([]test, []need, error) {
	switch mods.as {
	case "cidr":
		p, err := netip.ParsePrefix(s)
		if err != nil {
			if a, aerr := netip.ParseAddr(s); aerr == nil {
				p, err = a.Prefix(a.BitLen())
			}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%q is no network; write one as 192.0.2.0/24 or 2001:db8::/32", s)
		}
		if p.Addr().Is4In6() {
			return nil, nil, fmt.Errorf("%q maps IPv4 into IPv6; write the IPv4 network", s)
		}
		return []test{network{p.Masked()}}, nil, nil
	case "re":
		return regular(mods, s)
	}
	t := parseText(s)
	forms, err := mods.changed(t)
	if err != nil {
		return nil, nil, err
	}
	var tests []test
	var needs []need
	sure := true
	for _, f := range forms {
		switch {
		case mods.how == "contains" || name == keywords && mods.how == "":
			f = f.withStars(true, true)
		case mods.how == "startswith":
			f = f.withStars(false, true)
		case mods.how == "endswith":
			f = f.withStars(true, false)
		}
		if marks := f.marks(); marks > maxMarks {
			return nil, nil, fmt.Errorf("the value has %d question marks, more than %d; write * for any text", marks, maxMarks)
		}
		plain, whole := f.plain()
		n := need{text: fold(plain), whole: true}
		if whole {
			if !mods.cased {
				plain = fold(plain)
			}
			tests = append(tests, &oneOf{map[string]struct{}{plain: {}}, mods.cased})
		} else {
			tests = append(tests, newPattern(f, mods.cased))
			n = need{text: fold(f.longest())}
		}
		sure = sure && (n.whole || len(n.text) >= gramSize)
		needs = append(needs, n)
	}
	if !sure {
		needs = nil
	}
	return tests, needs, nil
}

// maxRegular bounds a regular expression. They take time in proportion to the
// text, whatever they are.
const maxRegular = 4 << 10

func regular(mods *modifiers, s string) ([]test, []need, error) {
	if len(s) > maxRegular {
		return nil, nil, fmt.Errorf("the regular expression is longer than %d bytes", maxRegular)
	}
	pattern := s
	if mods.flags != "" {
		pattern = "(?" + mods.flags + ")" + s
	}
	steps, err := regularSteps(pattern)
	if err == nil && steps > maxSteps {
		return nil, nil, fmt.Errorf("the regular expression takes %d steps for each character, more than %d; write repetitions shorter, such as a+ for a{1000}", steps, maxSteps)
	}
	var re *regexp.Regexp
	if err == nil {
		re, err = regexp.Compile(pattern)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the regular expression cannot be used: %w; look-around, back references and possessive quantifiers are not part of Sigma's", err)
	}
	return []test{expression{re, steps}}, regularNeeds(pattern), nil
}

// expand puts the values of placeholders in their place.
func expand(s string, values map[string][]string) ([]string, error) {
	out := []string{""}
	add := func(forms ...string) error {
		if len(out)*len(forms) > maxValues {
			return fmt.Errorf("the placeholders make more than %d values", maxValues)
		}
		var next []string
		bytes := 0
		for _, o := range out {
			for _, f := range forms {
				next = append(next, o+f)
				if bytes += len(o) + len(f); bytes > maxFile {
					return fmt.Errorf("the values that the placeholders make are larger than %d bytes in all", maxFile)
				}
			}
		}
		out = next
		return nil
	}
	for s != "" {
		i := strings.IndexByte(s, '%')
		if i > 0 && s[i-1] == '\\' { // a plain percent sign
			if err := add(s[:i-1] + "%"); err != nil {
				return nil, err
			}
			s = s[i+1:]
			continue
		}
		end := -1
		if i >= 0 {
			end = strings.IndexByte(s[i+1:], '%')
		}
		if i < 0 || end < 0 {
			return out, add(s)
		}
		name := s[i+1 : i+1+end]
		forms, ok := values[name]
		if !ok {
			return nil, fmt.Errorf("the placeholder %%%s%% has no value; give it some in a document `placeholders: {%s: [...]}` beside the rules", name, name)
		}
		if err := add(s[:i]); err != nil {
			return nil, err
		}
		if err := add(forms...); err != nil {
			return nil, err
		}
		s = s[i+end+2:]
	}
	return out, nil
}
