package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/geo"
)

func intelLookup(s streams) *cobra.Command {
	var data dataFlags
	var output string
	cmd := &cobra.Command{
		Use: "lookup X…", Short: "Say why an address, prefix, domain, URL or hash of a file is or is not bad",
		Long: `Says what all lists say of each X, an address, a prefix, a domain, a URL or
something with a port (of which the host is looked up), or the SHA-256, SHA-1 or
MD5 of a file: which lists name it and by which entry, what trusts it, whether a
warning list keeps feeds from flagging it, whose network it is, and how popular.
What is written so that nobody clicks on it, as hxxp://evil[.]example, is
understood. "-" reads more of them from standard input, one a line.

The verdict is listed, trusted (whatever else is said), service (known, and not
bad by itself, such as a public resolver) or not-listed.
Exit status: 0 it ran, 1 something could not be looked up; the rest was.`,
		Example: `  vedette intel lookup 198.51.100.243 c2.vedette.test
  cut -d' ' -f1 access.log | sort -u | vedette intel lookup -o jsonl - | jq 'select(.verdict=="listed")'
  vedette intel lookup -o json https://example.com/x | jq '.[].verdict'`,
		Args: atLeastOne("an address, a prefix, a domain, a URL or the hash of a file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			known, err := loadIntel(cmd.Context(), &data, s.err)
			if err != nil {
				return err
			}
			faults, all := 0, []*explained{}
			err = subjects(s.in, args, func(x string) {
				e, err := app.LookUp(known.Intel, x)
				if err != nil {
					fmt.Fprintln(s.err, "vedette:", printable(err.Error()))
					faults++
					return
				}
				all = append(all, &explained{e, placeOf(known.Geo, e)})
			})
			if err != nil {
				return err
			}
			if len(all) > 0 || faults == 0 {
				if err := p.explanations(all); err != nil {
					return err
				}
			}
			if faults > 0 {
				return exitCode(exitError)
			}
			return nil
		},
	}
	data.register(cmd)
	outputFlag(cmd, &output)
	return cmd
}

// subjects hands out what is to be looked up: the arguments, and in the place of
// "-" the lines of standard input that are neither blank nor comments.
func subjects(in io.Reader, args []string, yield func(string)) error {
	for _, x := range args {
		if x != "-" {
			yield(x)
			continue
		}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '#' {
				yield(line)
			}
		}
		if err := lines.Err(); err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
	}
	return nil
}

// explained is what lists say of something, and where it is.
type explained struct {
	*intel.Explanation
	Place string `json:"place,omitempty"`
}

// placeOf says where an address is and whose, as far as it is known.
func placeOf(db *geo.DB, e *intel.Explanation) string {
	a, err := netip.ParseAddr(e.Subject)
	if err != nil {
		return ""
	}
	var parts []string
	p := db.Lookup(a)
	for _, s := range []string{p.City, p.CountryName, cmp.Or(p.Org, p.ISP, p.ASOrg)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if p.ASN != 0 {
		parts = append(parts, fmt.Sprintf("AS%d", p.ASN))
	}
	return strings.Join(parts, ", ")
}

func (p *printer) explanations(all []*explained) error {
	if p.format != "table" {
		return each(p, all)
	}
	for i, e := range all {
		if i > 0 {
			fmt.Fprintln(p.w)
		}
		if err := p.explanation(e); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) explanation(e *explained) error {
	fmt.Fprintf(p.w, "%s %s: %s\n", e.Is, printable(e.Subject), e.Verdict)
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	row := func(what, detail string) { fmt.Fprintf(tw, "  %s\t%s\n", what, printable(detail)) }
	if e.Reserved != "" {
		row("reserved", e.Reserved)
	}
	for _, group := range []struct {
		what string
		list []intel.Listing
	}{{"trusted", e.Trusted}, {"listed", e.Listed}, {"warning", e.Warnings}, {"kind", e.Kinds}, {"network", e.Networks}} {
		for i := range group.list {
			row(group.what, listing(&group.list[i]))
		}
	}
	if told := countInside(e.Listed); e.Inside > told {
		row("listed", fmt.Sprintf("and %d entries more inside it", e.Inside-told))
	}
	if e.Place != "" {
		row("place", e.Place)
	}
	if e.Domain != "" && e.Domain != e.Subject {
		row("domain", "registered as "+e.Domain)
	}
	if e.Rank > 0 {
		row("popular", fmt.Sprintf("number %d", e.Rank))
	}
	return tw.Flush()
}

func countInside(l []intel.Listing) (n int) {
	for i := range l {
		if l[i].How == intel.HowInside {
			n++
		}
	}
	return n
}

// listing is what one list says, in a line.
func listing(l *intel.Listing) string {
	var b strings.Builder
	if l.Category != "" {
		b.WriteString(string(l.Category) + " ")
	}
	if len(l.Names) > 0 {
		fmt.Fprintf(&b, "(%s) ", strings.Join(l.Names, ", "))
	}
	fmt.Fprintf(&b, "by %q (%s), %s", l.List, l.Kind, howWords(l))
	if l.Confidence > 0 {
		fmt.Fprintf(&b, ", confidence %d %%", l.Confidence)
	}
	for _, at := range []struct{ what, day string }{{"first seen", l.FirstSeen}, {"last seen", l.LastSeen}, {"until", l.Expires}} {
		if at.day != "" {
			b.WriteString(", " + at.what + " " + at.day)
		}
	}
	return b.String()
}

func howWords(l *intel.Listing) string {
	switch l.How {
	case intel.HowBelow:
		return "as it is below " + l.Entry
	case intel.HowAround:
		return "as it is inside " + l.Entry
	case intel.HowInside:
		return "which has " + l.Entry + " inside it"
	}
	return "exactly"
}
