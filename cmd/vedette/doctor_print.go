package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// groups are what checks belong to, in the order in which they are shown.
func groups() []string {
	return []string{"configuration", "server", "machine", "store", "detection", "intelligence", "sources", "publishing", "sensor", "reach"}
}

func isGroup(name string) bool { return slices.Contains(groups(), name) }

func (d *doctor) wants(group string) bool { return len(d.only) == 0 || slices.Contains(d.only, group) }

// wantsAny reports whether one of several groups is asked for.
func (d *doctor) wantsAny(names ...string) bool { return slices.ContainsFunc(names, d.wants) }

// table prints what was found for people: how bad it is, then group by group,
// the worst of each first.
func (d *doctor) table(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintln(&b, d.summary())
	width := 0
	for _, c := range d.checks {
		width = max(width, utf8.RuneCountInString(printable(c.Name)))
	}
	for _, g := range groups() {
		checks := slices.DeleteFunc(slices.Clone(d.checks), func(c check) bool { return c.Group != g })
		if len(checks) == 0 {
			continue
		}
		slices.SortStableFunc(checks, func(x, y check) int { return weight(x.Status) - weight(y.Status) })
		fmt.Fprintf(&b, "\n%s\n", strings.ToUpper(g))
		for _, c := range checks {
			name := printable(c.Name)
			fmt.Fprintf(&b, "%-5s  %s%s  %s\n", c.Status, name, strings.Repeat(" ", width-utf8.RuneCountInString(name)), printable(c.Detail))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// summary counts what was found, the worst first.
func (d *doctor) summary() string {
	n := map[string]int{}
	for _, c := range d.checks {
		n[c.Status]++
	}
	var parts []string
	for _, one := range []struct{ status, word string }{{statusFault, "fault"}, {statusNote, "note"}} {
		switch n[one.status] {
		case 0:
		case 1:
			parts = append(parts, "1 "+one.word)
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n[one.status], one.word))
		}
	}
	if n[statusFault] == 0 {
		parts = append([]string{"no faults"}, parts...)
	}
	return strings.Join(append(parts, fmt.Sprintf("%d ok", n[statusOK])), ", ")
}

func weight(status string) int {
	return slices.Index([]string{statusFault, statusNote, statusOK}, status)
}
