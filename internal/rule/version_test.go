package rule

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const versioned = `
title: Counted
name: counted
level: low
logsource: {product: aws, service: cloudtrail}
detection: {selection: {eventName|expand: '%calls%'}, condition: selection}
x-vedette: {tests: [{fires: {eventName: A}}]}
---
title: Many
id: 00000000-0000-4000-8000-000000000001
correlation: {type: event_count, rules: [counted], group-by: [eventSource], timespan: 10m, condition: {gte: 3}}
---
placeholders: {calls: [A, B], other: [C]}
---
title: Left out
logsource: {product: aws, service: cloudtrail}
filter: {rules: [counted], selection: {eventName: Z}, condition: not selection}
`

// TestVersions: a change of what a rule says changes its version; only one of
// what it asks for changes what its correlations remember by.
func TestVersions(t *testing.T) {
	rule := func(set *Set, title string) *Rule {
		i := slices.IndexFunc(set.Rules(), func(r *Rule) bool { return r.Title == title })
		return set.Rules()[i]
	}
	before := load(t, versioned)
	for name, tt := range map[string]struct {
		old, new              string
		counted, many, memory bool // what is different
	}{
		"nothing":              {"", "", false, false, false},
		"a comment":            {"level: low\n", "level: low # as ever\n", false, false, false},
		"its tests":            {"eventName: A}", "eventName: B}", false, false, false},
		"its level":            {"level: low", "level: high", true, false, false},
		"what it selects":      {"eventName|expand", "eventName|contains|expand", true, true, true},
		"a placeholder":        {"[A, B]", "[A, B, D]", true, true, true},
		"another placeholder":  {"[C]", "[D]", false, false, false},
		"its filter":           {"eventName: Z", "eventName: Y", true, true, true},
		"the correlation":      {"timespan: 10m", "timespan: 11m", false, true, true},
		"the correlation says": {"title: Many", "title: Many\ndescription: x", false, true, false},
	} {
		now := load(t, strings.Replace(versioned, tt.old, tt.new, 1))
		if tt.old == "" {
			now = load(t, versioned)
		}
		for title, want := range map[string]bool{"Counted": tt.counted, "Many": tt.many} {
			if a, b := rule(before, title).Version(), rule(now, title).Version(); (a != b) != want || len(a) != 16 {
				t.Errorf("%s: the version of %s is %s, then %s", name, title, a, b)
			}
		}
		if a, b := rule(before, "Many").meaning, rule(now, "Many").meaning; (a != b) != tt.memory || a == 0 {
			t.Errorf("%s: what the correlation means is %x, then %x", name, a, b)
		}
		if (before.Version() != now.Version()) != (tt.counted || tt.many) {
			t.Errorf("%s: the version of the set is %s, then %s", name, before.Version(), now.Version())
		}
	}
	if v := (*Set)(nil).Version(); v != "" {
		t.Errorf("no rules are of the version %q", v)
	}
}

// TestWindowsOfChangedRules: what a correlation counted goes on where it means
// the same, and begins anew where it does not; what was kept before there were
// meanings is taken up.
func TestWindowsOfChangedRules(t *testing.T) {
	events := eventsOf(t, strings.Join([]string{act(0, "A", "u", ""), act(1, "A", "u", ""), act(2, "A", "u", "")}, "\n"))
	kept := map[string][]byte{}
	fires := func(rules string, from, to int) (n int) {
		m := NewMatcher(load(t, rules))
		mem := &windows{t, kept, map[string]*Window{}}
		for i := range events[from:to] {
			ev := &events[from+i]
			for _, x := range m.Observe(ev, m.Match(ev), mem) {
				if x.Rule.Correlation != nil {
					n++
				}
			}
		}
		mem.Window("", nil) // writes what is out
		delete(kept, "")
		return n
	}
	if fires(versioned, 0, 2) != 0 || fires(strings.Replace(versioned, "level: low", "level: high", 1), 2, 3) != 1 {
		t.Error("the count does not go on under another level")
	}
	clear(kept)
	if fires(versioned, 0, 2) != 0 || fires(strings.Replace(versioned, "[A, B]", "[A]", 1), 2, 3) != 0 {
		t.Error("the count goes on although something else is counted")
	}
	clear(kept)
	fires(versioned, 0, 2)
	for key, b := range kept {
		kept[key] = append([]byte{oldForm}, b[9:]...)
	}
	if fires(versioned, 2, 3) != 1 {
		t.Error("what was kept by an older version is lost")
	}
	var w Window
	if err := w.UnmarshalBinary([]byte{windowForm, 1, 2}); err == nil {
		t.Error("a window that is cut is read: " + hex.EncodeToString([]byte{windowForm}))
	}
}

// TestReadFiles: hidden files and folders are left out, such as the second copy
// of every file that a volume of Kubernetes has; and a change shows in the stamp.
func TestReadFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("..2026/a.yml", "title: a")
	for link, to := range map[string]string{"..data": "..2026", "a.yml": "..data/a.yml"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	write("deep/b.yaml", "title: b")
	write("deep/.b.yaml.swp", "x")
	write(".hidden.yml", "x")
	write("readme.md", "x")
	read := func() (names []string) {
		t.Helper()
		files, err := ReadFiles(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, strings.TrimPrefix(f.Name, dir+"/")+"="+string(f.Data))
		}
		return names
	}
	if got := read(); !slices.Equal(got, []string{"a.yml=title: a", "deep/b.yaml=title: b"}) {
		t.Errorf("read %q", got)
	}
	first, err := Stamp(dir)
	if err != nil {
		t.Fatal(err)
	}
	write("deep/b.yaml", "title: bb")
	if second, err := Stamp(dir); err != nil || first == second {
		t.Errorf("the stamp of another file is the same (%v)", err)
	}
	write("large.yml", strings.Repeat("#", 3*maxFile))
	files, err := ReadFiles(filepath.Join(dir, "large.yml"))
	if err != nil || len(files[0].Data) > maxFile+1 {
		t.Fatalf("%d bytes of a file that is too large are read (%v)", len(files[0].Data), err)
	}
	if _, problems := Load(files); len(problems) != 1 || !strings.Contains(problems[0].Text, "larger than") {
		t.Errorf("a file that is too large: %v", problems)
	}
}

// TestMeasure: of one event in so many the time is taken, and rules match all
// the same.
func TestMeasure(t *testing.T) {
	m := NewMatcher(load(t, versioned))
	now := time.Duration(0)
	m.Measure(4, func() time.Duration { now += time.Microsecond; return now })
	events := eventsOf(t, act(0, "A", "u", ""))
	for range 12 {
		if len(m.Match(&events[0])) != 1 {
			t.Fatal("the rule does not match")
		}
	}
	costs := m.Costs()
	if len(costs) != 1 || costs[0].Asked != 3 || costs[0].Took != 3*time.Microsecond || costs[0].Rule.Title != "Counted" {
		t.Errorf("measured %+v", costs)
	}
	if again := m.Costs(); len(again) != 0 {
		t.Errorf("measured again %+v", again)
	}
}
