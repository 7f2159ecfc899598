package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/geo"
)

func intelCommand(s streams) *cobra.Command {
	return group(&cobra.Command{
		Use: "intel", Short: "Show the lists of threats and of what is trusted, and look into them",
	}, intelList(s), intelLookup(s), intelFeeds(s), intelUpdate(s), intelAccept(s), intelImport(s))
}

// loadIntel reads the lists that a scan with the configuration would have.
// With a store, those of the API are among them. What is wrong with files is told:
// who looks something up shall not wait until a list is mended.
func loadIntel(ctx context.Context, data *dataFlags, warn io.Writer) (detect.Options, error) {
	cfg, err := data.load()
	if err != nil {
		return detect.Options{}, err
	}
	known, files, err := app.LenientOptions(cfg)
	if err != nil {
		return known, err
	}
	for i := range files {
		if f := &files[i]; f.Fault != nil {
			fmt.Fprintf(warn, "%s; %s\n", printable(f.Fault.Error()), f.Remedy())
		}
	}
	if cfg, err = data.existing(); err != nil { // no server has been here
		return known, nil
	}
	st, err := app.OpenStore(ctx, cfg, time.Now)
	if err != nil {
		return known, err
	}
	defer st.Close()
	lists, _, err := (&app.ActiveLists{Store: st}).Load(ctx)
	if err != nil {
		return known, err
	}
	part, err := app.ListsPart(lists)
	known.Intel = known.Intel.With(part)
	return known, err
}

func intelList(s streams) *cobra.Command {
	var data dataFlags
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "Show every list: what it holds, how much, and where it is from", Args: noArgs,
		Long: `Shows the lists that are built in, those of the configuration, feeds that were
fetched, and those of the API.

Entries of the operator's own lists that a warning list knows better, such as a
public resolver, are in force all the same; they are named on standard error.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			known, err := loadIntel(cmd.Context(), &data, s.err)
			if err != nil {
				return err
			}
			if err := p.lists(append(known.Intel.Lists(), geoLists(known.Geo)...)); err != nil {
				return err
			}
			return conflicts(s.err, known.Intel.Conflicts())
		},
	}
	data.register(cmd)
	outputFlag(cmd, &output)
	return cmd
}

// geoLists are the databases that say where addresses are, as lists.
func geoLists(db *geo.DB) (out []intel.List) {
	for _, s := range db.Sources() {
		l := intel.List{Name: s.Name, Kind: intel.KindOperator, Holds: intel.Holds("geo: " + s.Kind), Source: cmp.Or(s.Path, s.Name), Licence: s.Licence, State: "active"}
		if s.Path == "" {
			l.Kind = intel.KindBuiltin
		}
		if !s.Built.IsZero() {
			l.Date = s.Built.UTC().Format(time.DateOnly)
		}
		out = append(out, l)
	}
	return out
}

func (p *printer) lists(lists []intel.List) error {
	if p.format != "table" {
		return each(p, lists)
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "LIST\tKIND\tHOLDS\tCATEGORY\tENTRIES\tDATE\tSTATE\tLICENCE\tSOURCE")
	for i := range lists {
		l := &lists[i]
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", printable(l.Name), l.Kind, printable(string(l.Holds)), categoryOf(l), l.Entries,
			orNone(l.Date), l.State, short(orNone(l.Licence)), short(orNone(l.Source)))
	}
	return tw.Flush()
}

// categoryOf is what the entries of a list are, in a word.
func categoryOf(l *intel.List) string {
	switch {
	case l.Holds != intel.HoldsThreats:
		return "-"
	case len(l.Seen) > 1:
		return fmt.Sprintf("%d categories", len(l.Seen))
	case len(l.Seen) == 1:
		return string(l.Seen[0])
	}
	return orNone(string(l.Category))
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// short cuts what is told in full elsewhere, so that a row stays one.
func short(s string) string {
	const most = 48
	r := []rune(printable(s))
	if len(r) <= most {
		return string(r)
	}
	return strings.TrimRight(string(r[:most-1]), " ,;:") + "…"
}

// maxConflicts is how many conflicts are told one by one.
const maxConflicts = 20

// conflicts tells of entries that are likely mistakes.
func conflicts(w io.Writer, all []intel.Conflict) error {
	for i, c := range all {
		if i == maxConflicts {
			_, err := fmt.Fprintf(w, "and %d entries more\n", len(all)-i)
			return err
		}
		what := "not taken"
		if c.Taken {
			what = "taken all the same"
		}
		if _, err := fmt.Fprintf(w, "list %q: %s: %s; %s\n", c.List, printable(c.Entry), printable(c.Why), what); err != nil {
			return err
		}
	}
	return nil
}
