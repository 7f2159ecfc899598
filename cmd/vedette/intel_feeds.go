package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel/feed"
)

// openFeeds makes the updater of a configuration, for feeds that must be among
// its own; none is all.
func openFeeds(data *dataFlags, names ...string) (*feed.Updater, *config.Config, error) {
	cfg, err := data.load()
	if err != nil {
		return nil, nil, err
	}
	u, err := app.NewFeeds(cfg, feed.Options{
		Now: time.Now, Log: slog.New(slog.DiscardHandler), Agent: "vedette/" + version(), // the table says it all
		Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	})
	if err != nil {
		return nil, nil, err
	}
	return u, cfg, asked(u, names)
}

// asked reports feeds that are not asked for.
func asked(u *feed.Updater, names []string) error {
	catalog, err := feed.Catalog()
	if err != nil {
		return err
	}
	is := func(name string) func(feed.Source) bool { return func(s feed.Source) bool { return s.Name == name } }
	for _, name := range names {
		switch {
		case slices.ContainsFunc(u.Sources(), is(name)):
		case slices.ContainsFunc(catalog, is(name)):
			return fmt.Errorf("the feed %s is in the catalogue, but not switched on: name it in intelligence.feeds.use, with all others that you want", name)
		default:
			return fmt.Errorf("there is no feed %q; `vedette intel feeds` shows those in use, with --all also the others", name)
		}
	}
	return nil
}

func intelUpdate(s streams) *cobra.Command {
	var data dataFlags
	cmd := &cobra.Command{
		Use: "update [FEED…]", Short: "Fetch public lists now: those named, or all that are switched on",
		Long: `Fetches feeds into the data directory. A running server takes them up within
seconds; scans with the same data directory take them, too. Run it as the user
of the server, who must be able to read what is written.

A list that looks wrong as a whole is held aside; see "vedette intel accept".
Exit status: 0 all came, 1 at least one did not; what was there stays in use.`,
		Example: `  vedette intel update --data-dir /var/lib/vedette
  vedette intel update --config vedette.yaml tor-relays`,
		RunE: func(cmd *cobra.Command, names []string) error {
			u, _, err := openFeeds(&data, names...)
			if err != nil {
				return err
			}
			failed := u.Update(cmd.Context(), names...)
			if errors.Is(failed, context.Canceled) {
				return failed
			}
			if err := printFeeds(s.out, u, names); err != nil {
				return err
			}
			return failed
		},
	}
	data.register(cmd)
	return cmd
}

func intelFeeds(s streams) *cobra.Command {
	var data dataFlags
	var all bool
	var output string
	cmd := &cobra.Command{
		Use: "feeds", Short: "Show the public lists that are fetched, and how they are", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			if all {
				return p.catalog()
			}
			u, cfg, err := openFeeds(&data)
			if err != nil {
				return err
			}
			if output != "table" {
				return each(p, u.Status())
			}
			if !cfg.Intelligence.Feeds.Enabled {
				fmt.Fprintln(s.err, "intelligence.feeds.enabled is false: no server fetches, only `vedette intel update`")
			}
			return printFeeds(s.out, u, nil)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "show the whole catalogue instead: also what is not switched on, with its terms")
	data.register(cmd)
	outputFlag(cmd, &output)
	return cmd
}

func printFeeds(w io.Writer, u *feed.Updater, only []string) error {
	named := map[string]bool{}
	for _, n := range only {
		named[n] = true
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "FEED\tSTATE\tENTRIES\tFETCHED\tNEXT\tREASON")
	for _, st := range u.Status() {
		if len(only) > 0 && !named[st.Name] {
			continue
		}
		reason := orNone(st.Reason)
		if st.State == feed.Held {
			reason += fmt.Sprintf("; look at it, then `vedette intel accept %s`", st.Name)
		}
		fmt.Fprintf(tw, "%s\t%s\t%d\t%s\t%s\t%s\n", st.Name, st.State, st.Entries, minute(st.Fetched), minute(st.Next), printable(reason))
	}
	return tw.Flush()
}

// minute is a time as tables of feeds have it.
func minute(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04Z")
}

// catalog shows what there is, switched on or not.
func (p *printer) catalog() error {
	all, err := feed.Catalog()
	if err != nil {
		return err
	}
	type row struct {
		Name       string `json:"name"`
		Title      string `json:"title"`
		Category   string `json:"category"`
		On         bool   `json:"on"`
		Commercial string `json:"commercialUse"`
		Licence    string `json:"licence"`
		Terms      string `json:"terms"`
		URL        string `json:"url"`
		Home       string `json:"home"`
		Note       string `json:"note,omitempty"`
	}
	rows := make([]row, 0, len(all))
	for _, s := range all {
		rows = append(rows, row{s.Name, s.Title, s.Category, s.On, s.Commercial, s.Licence, s.Terms, s.URL, s.Home, s.Note})
	}
	if p.format != "table" {
		return each(p, rows)
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "FEED\tON\tCATEGORY\tUSE BY COMPANIES\tLICENCE OR TERMS\tHOME")
	for _, r := range rows {
		on := "-"
		if r.On {
			on = "on"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, on, r.Category, orNone(r.Commercial), short(orNone(r.Licence)), r.Home)
	}
	return tw.Flush()
}

func intelAccept(s streams) *cobra.Command {
	var data dataFlags
	cmd := &cobra.Command{
		Use: "accept FEED…", Short: "Put a list into use that was held aside because it looked wrong", Args: atLeastOne("a feed"),
		Long: `Puts a list into use that was held aside: because it has ten times the entries
of the one before or a tenth of them, or names that cannot be meant. Look at
it first: it is FEED.held.jsonl in the folder "feeds" of the data directory, and
"vedette intel feeds" says what looked wrong.`,
		RunE: func(_ *cobra.Command, names []string) error {
			u, _, err := openFeeds(&data, names...)
			if err != nil {
				return err
			}
			for _, name := range names {
				if err := u.Accept(name); err != nil {
					return err
				}
			}
			return printFeeds(s.out, u, names)
		},
	}
	data.register(cmd)
	return cmd
}

func intelImport(s streams) *cobra.Command {
	var data dataFlags
	cmd := &cobra.Command{
		Use: "import FEED FILE", Short: "Take the list of a feed from a file, on machines that cannot fetch it",
		Long: `Reads a file that was fetched elsewhere from the address of the feed, which
"vedette intel feeds --all -o json" shows, as if it had been fetched here. Run
it as the user of the server, who must be able to read what is written.`,
		Example: `  vedette intel import --data-dir /var/lib/vedette spamhaus-drop-v4 drop_v4.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name a feed and a file; `vedette intel feeds` shows the feeds")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			u, _, err := openFeeds(&data, args[0])
			if err != nil {
				return err
			}
			f, err := os.Open(args[1])
			if err != nil {
				return err
			}
			defer f.Close()
			if err := u.Import(args[0], f); err != nil {
				return fmt.Errorf("%s: %w; what was in use stays so", args[1], err)
			}
			return printFeeds(s.out, u, args[:1])
		},
	}
	data.register(cmd)
	return cmd
}
