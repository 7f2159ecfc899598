package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// suppression prints a rule whole.
func (p *printer) suppression(r *suppressionRow) error {
	if p.format != "table" {
		return p.value(r)
	}
	criteria, err := finding.EncodeCriteria(r.filter.Criteria)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "name\t%s\nstatus\t%s\nowner\t%s\nreason\t%s\nexpires\t%s\n",
		printable(r.Name), r.Status, orNone(printable(r.Owner)), orNone(printable(r.Reason)), r.until())
	if r.Description != "" {
		fmt.Fprintf(tw, "description\t%s\n", printable(r.Description))
	}
	fmt.Fprintf(tw, "rank\t%d\ncreated\t%s\nchanged\t%s\ncriteria\t%s\n",
		r.Rank, r.CreatedAt.Format(time.RFC3339), r.UpdatedAt.Format(time.RFC3339), printable(string(criteria)))
	if r.Hidden == 0 {
		fmt.Fprintf(tw, "hidden\tnothing yet\n")
	} else {
		fmt.Fprintf(tw, "hidden\t%d findings, from %s to %s\n", r.Hidden, r.FirstHidden.Format(time.RFC3339), r.LastHidden.Format(time.RFC3339))
	}
	for _, typ := range slices.Sorted(maps.Keys(r.Types)) {
		fmt.Fprintf(tw, "\t%6d  %s\n", r.Types[typ], printable(typ))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return r.Preview.print(p.w)
}

// print says what a filter matches of the stored findings.
func (r *previewRow) print(w io.Writer) error {
	if r == nil {
		return nil
	}
	fmt.Fprintf(w, "It matches %d of the %d findings stored of the last %d days.\n", r.Matching, r.Findings, r.Days)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range r.Types {
		fmt.Fprintf(tw, "  %d\t%s\n", row.Suppressed, printable(row.Name))
	}
	for _, row := range r.Entities {
		fmt.Fprintf(tw, "  %d\t%s\n", row.Suppressed, printable(row.Name))
	}
	return tw.Flush()
}

func suppressionsAdd(s streams, data *dataFlags) *cobra.Command {
	var criteria, owner, reason, expires, description string
	var rank int64
	cmd := &cobra.Command{
		Use: "add NAME --criteria FILE --owner WHO --reason WHY", Short: "Add a suppression rule", Args: oneArg("suppression rule"),
		Long: `Adds a suppression rule. New findings that match it are archived from now on,
also by a server that runs; those that are there stay as they are.

The criteria are the body of CreateFilter, or findingCriteria alone:

  {"criterion": {"type": {"equals": ["Recon:EC2/Portscan"]},
                 "resource.instanceDetails.instanceId": {"equals": ["i-0123456789abcdef0"]}}}

--expires is the last day (UTC) on which it works, or a moment (RFC 3339). It is
told by the time of the events.`,
		Example: `  vedette suppressions add known-scanner --criteria scanner.json --owner security@example.org \
    --reason "our own scanner, SEC-12" --expires 2026-12-31`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case !filterName.MatchString(args[0]):
				return fmt.Errorf("the name %q has other characters than letters, digits, '.', '-' and '_', or is not 3 to 64 characters long", args[0])
			case criteria == "":
				return errors.New("--criteria is missing: the file that says what to hide, or -")
			case owner == "" || reason == "":
				return errors.New("--owner and --reason are missing: who answers for the rule, and why it is there")
			case rank < 1 || rank > 100:
				return fmt.Errorf("--rank %d: use a number from 1 to 100", rank)
			}
			f, err := readFilter(s.in, criteria)
			if err != nil {
				return fmt.Errorf("--criteria %s: %w", criteria, err)
			}
			if f.Action != "" && f.Action != archive {
				return fmt.Errorf("--criteria %s: its action is %s, which hides nothing; a suppression rule has the action ARCHIVE, or none in the file", criteria, f.Action)
			}
			if f.Tags == nil {
				f.Tags = finding.Tags{}
			}
			f.Name, f.Action, f.Rank = args[0], archive, rank
			f.Tags[finding.TagOwner], f.Tags[finding.TagReason] = owner, reason
			if expires != "" {
				f.Tags[finding.TagExpires] = expires
			}
			if description != "" {
				f.Description = description
			}
			if err := checkAdded(&f, time.Now()); err != nil {
				return err
			}
			return withStore(cmd.Context(), data, func(st *store.Store, detector string) error {
				now := time.Now().UTC().Truncate(time.Millisecond)
				f.DetectorID, f.CreatedAt, f.UpdatedAt, f.Version = detector, now, now, 1
				seen, err := preview(cmd.Context(), st, f, now)
				if err != nil {
					return err
				}
				request, err := noteOf(&f)
				if err != nil {
					return err
				}
				err = notedWith(cmd.Context(), st, "CreateFilter", []string{f.Name}, request, func() error { return st.CreateFilter(cmd.Context(), f) })
				switch {
				case errors.Is(err, finding.ErrExists):
					return fmt.Errorf("there is a filter %q already; remove it first, or take another name", f.Name)
				case errors.Is(err, finding.ErrNotFound):
					return errors.New("there is no detector yet, whose filters could be added to; make it with CreateDetector (aws guardduty create-detector --enable)")
				case err != nil:
					return err
				}
				if _, err := fmt.Fprintf(s.out, "Suppression rule %s was added.\n", f.Name); err != nil {
					return err
				}
				return seen.print(s.out)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&criteria, "criteria", "", "file with the criteria as JSON, or -")
	fl.StringVar(&owner, "owner", "", "who answers for the rule")
	fl.StringVar(&reason, "reason", "", "why it is there")
	fl.StringVar(&expires, "expires", "", "last day (UTC) on which it works, such as 2026-12-31, or a moment (RFC 3339)")
	fl.StringVar(&description, "description", "", "description of the filter")
	fl.Int64Var(&rank, "rank", 1, "place among the filters, 1 to 100")
	return cmd
}

// maxNote bounds what the audit log keeps of a rule's text, in bytes, as the API
// does.
const maxNote = 2 << 10

// noteOf is a suppression rule as the audit log keeps it.
func noteOf(f *finding.Filter) (string, error) {
	criteria, err := finding.EncodeCriteria(f.Criteria)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"findingCriteria": json.RawMessage(criteria), "rank": f.Rank, "tags": f.Tags})
	if err != nil {
		return "", err
	}
	if len(text) > maxNote {
		return strings.ToValidUTF8(string(text[:maxNote]), "") + "…", nil
	}
	return string(text), nil
}

// The API's limits of a tag's value and of a description, in characters.
const (
	maxTagValue    = 256
	maxDescription = 512
)

// checkAdded refuses what the API would refuse, and what is over already.
func checkAdded(f *finding.Filter, now time.Time) error {
	says, err := f.Tags.Suppression()
	if err != nil {
		return fmt.Errorf("--expires: %w", err)
	}
	if says.ExpiredAt(now) {
		return fmt.Errorf("--expires %s is over: the rule would hide nothing", f.Tags[finding.TagExpires])
	}
	for _, v := range []struct {
		flag, text string
		most       int
	}{{"--owner", says.Owner, maxTagValue}, {"--reason", says.Reason, maxTagValue}, {"--description", f.Description, maxDescription}} {
		if len([]rune(v.text)) > v.most {
			return fmt.Errorf("%s is longer than %d characters", v.flag, v.most)
		}
	}
	return nil
}

func suppressionsRemove(data *dataFlags) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME…", Short: "Remove suppression rules; what they archived stays archived", Args: atLeastOne("the name of a " + wantsName),
		RunE: func(cmd *cobra.Command, names []string) error {
			return withStore(cmd.Context(), data, func(st *store.Store, detector string) error {
				var errs []error
				for _, name := range names {
					f, err := st.Filter(cmd.Context(), detector, name)
					if err == nil && f.Action != archive {
						err = fmt.Errorf("%q is a saved search (action %s), no suppression rule; it stays", name, f.Action)
					} else if err == nil {
						err = noted(cmd.Context(), st, "DeleteFilter", []string{name}, func() error { return st.DeleteFilter(cmd.Context(), detector, name) })
					}
					if errors.Is(err, finding.ErrNotFound) {
						err = fmt.Errorf("there is no suppression rule %q", name)
					}
					errs = append(errs, err)
				}
				return errors.Join(errs...)
			})
		},
	}
}
