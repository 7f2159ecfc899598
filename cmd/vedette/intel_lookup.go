package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/geo"
)

func intelLookup(s streams) *cobra.Command {
	var data dataFlags
	var output string
	cmd := &cobra.Command{
		Use: "lookup X…", Short: "Say why an address, prefix, domain, URL or SHA-256 is or is not bad",
		Long: `Says what all lists say of each X, an address, a prefix, a domain, a URL (of
which the host is looked up) or the SHA-256 of a file: which lists name it and
by which entry, what trusts it, whether a warning list keeps feeds from flagging
it, whose network it is, and how popular.

The verdict is listed, trusted (whatever else is said), service (known, and not
bad by itself, such as a public resolver) or not-listed.
Exit status: 0 it ran, 1 an error.`,
		Example: `  vedette intel lookup 198.51.100.243 c2.vedette.test
  vedette intel lookup -o json https://example.com/x | jq '.[].verdict'`,
		Args: atLeastOne("an address, a prefix, a domain, a URL or a SHA-256"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			known, err := loadIntel(cmd.Context(), &data)
			if err != nil {
				return err
			}
			all := make([]*explained, 0, len(args))
			for _, x := range args {
				e, err := known.Intel.Explain(x)
				if err != nil {
					return err
				}
				all = append(all, &explained{e, placeOf(known.Geo, e)})
			}
			return p.explanations(all)
		},
	}
	data.register(cmd)
	outputFlag(cmd, &output)
	return cmd
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
