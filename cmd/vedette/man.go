package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func manCommand(streams) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man --dir DIR",
		Short: "Write the manual pages",
		Long: `Writes a manual page for each command into a folder, which is made: vedette.1,
vedette-keys-create.1 and so on. Packages have them in /usr/share/man/man1.`,
		Example: `  vedette man --dir ~/.local/share/man/man1`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return errors.New("--dir is missing: name the folder for the pages, such as ~/.local/share/man/man1")
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			return writePages(dir, cmd.Root(), thisBuild())
		},
	}
	cmd.DisableFlagsInUseLine = true
	cmd.Flags().StringVar(&dir, "dir", "", "folder for the pages")
	return cmd
}

// writePages writes the page of a command and those of what it holds.
func writePages(dir string, cmd *cobra.Command, b build) error {
	path := filepath.Join(dir, pageName(cmd)+".1")
	if err := os.WriteFile(path, []byte(manual(cmd, b)), fs.FileMode(0o644)); err != nil {
		return err
	}
	for _, sub := range shownCommands(cmd) {
		if err := writePages(dir, sub, b); err != nil {
			return err
		}
	}
	return nil
}

// shownCommands are those of a command that its help lists.
func shownCommands(cmd *cobra.Command) (out []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			out = append(out, sub)
		}
	}
	return out
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// roff is a manual page as man reads it: lines that begin with a dot are
// requests, a backslash begins an escape.
type roff struct{ strings.Builder }

// manual writes the manual page of a command. Its date is that of the commit, so
// that the same source gives the same page.
func manual(cmd *cobra.Command, b build) string {
	var r roff
	date, _, _ := strings.Cut(b.Date, "T")
	fmt.Fprintf(&r, ".TH %q 1 %q %q %q\n", strings.ToUpper(pageName(cmd)), date, "vedette "+b.Version, "Vedette")
	r.section("NAME")
	fmt.Fprintf(&r, "%s \\- %s\n", escapeRoff(pageName(cmd)), escapeRoff(cmd.Short))
	r.section("SYNOPSIS")
	if subs := shownCommands(cmd); len(subs) > 0 {
		r.bold(cmd.CommandPath() + " COMMAND")
	} else {
		r.bold(cmd.UseLine())
	}
	r.section("DESCRIPTION")
	r.prose(cmp.Or(cmd.Long, cmd.Short+"."))
	r.commands(cmd)
	r.flags("OPTIONS", cmd.NonInheritedFlags())
	r.flags("OPTIONS OF ALL ITS SIBLINGS", cmd.InheritedFlags())
	if cmd.Example != "" {
		r.section("EXAMPLES")
		r.literal(cmd.Example)
	}
	r.seeAlso(cmd)
	return r.String()
}

func (r *roff) section(name string) { fmt.Fprintf(r, ".SH %s\n", name) }

func (r *roff) bold(s string) { fmt.Fprintf(r, ".B %s\n", escapeRoff(s)) }

// prose writes paragraphs; what is indented keeps its lines.
func (r *roff) prose(text string) {
	for i, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			r.WriteString(".PP\n")
		}
		if strings.HasPrefix(p, " ") || strings.Contains(p, "\n  ") {
			r.literal(p)
			continue
		}
		r.WriteString(escapeRoff(p) + "\n")
	}
}

func (r *roff) literal(text string) {
	r.WriteString(".nf\n" + escapeRoff(strings.TrimRight(text, "\n")) + "\n.fi\n")
}

func (r *roff) commands(cmd *cobra.Command) {
	subs := shownCommands(cmd)
	if len(subs) == 0 {
		return
	}
	r.section("COMMANDS")
	for _, sub := range subs {
		fmt.Fprintf(r, ".TP\n.B %s\n%s\n", escapeRoff(sub.Name()), escapeRoff(sub.Short))
	}
}

func (r *roff) flags(title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	r.section(title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		names := "--" + f.Name
		if f.Shorthand != "" {
			names = "-" + f.Shorthand + ", " + names
		}
		kind, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(r, ".TP\n\\fB%s\\fR \\fI%s\\fR\n%s", escapeRoff(names), escapeRoff(kind), escapeRoff(usage))
		if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "[]" && !strings.Contains(usage, "default") {
			fmt.Fprintf(r, " (default %s)", escapeRoff(d))
		}
		r.WriteString("\n")
	})
}

// seeAlso names the pages above and below.
func (r *roff) seeAlso(cmd *cobra.Command) {
	var names []string
	if cmd.HasParent() {
		names = append(names, pageName(cmd.Parent()))
	}
	for _, sub := range shownCommands(cmd) {
		names = append(names, pageName(sub))
	}
	for i, n := range names {
		if i == 0 {
			r.section("SEE ALSO")
		}
		comma := ","
		if i == len(names)-1 {
			comma = ""
		}
		fmt.Fprintf(r, ".BR %s (1)%s\n", escapeRoff(n), comma)
	}
}

// escapeRoff makes text that a line can hold: no escapes, and no requests at
// the begin of one. A hyphen stays one that can be copied.
func escapeRoff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "…", "...").Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
