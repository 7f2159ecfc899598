package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/backtest"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// check reads the flags that need no file.
func (f *backtestFlags) check(s streams, paths []string) (err error) {
	if len(f.rules)+len(f.filters) == 0 && f.settings == "" {
		return errors.New("backtest: name what to try: --rules, --settings or --filter")
	}
	if len(paths) == 0 && (len(f.rules) > 0 || f.settings != "") {
		return errors.New("backtest: name a file, a folder, or - for standard input; only --filter alone can do without")
	}
	if f.printer, err = printerFor(f.output, s); err != nil {
		return err
	}
	if f.kind, err = sourceOf(f.source); err != nil {
		return err
	}
	if f.format != "" && !config.HasAddresses(f.format) {
		return fmt.Errorf("--flow-format %q names no srcaddr and dstaddr; write the fields as the flow log was made with them", f.format)
	}
	if f.fromAt, err = boundary("--from", f.from, false); err != nil {
		return err
	}
	if f.toAt, err = boundary("--to", f.to, true); err != nil {
		return err
	}
	if !f.toAt.IsZero() && !f.fromAt.Before(f.toAt) {
		return fmt.Errorf("--from %s is not before --to %s", f.from, f.to)
	}
	if f.maxPerDay < 0 || f.top < 0 {
		return errors.New("--max-per-day and --top cannot be negative")
	}
	if f.maxPerDay > 0 && len(f.rules) == 0 && f.settings == "" {
		return errors.New("--max-per-day is about rules; name them with --rules or --settings")
	}
	if slices.Contains(f.filters, "-") && slices.Contains(slices.Concat(paths, f.warmup), "-") {
		return errors.New("standard input can be read once: as a filter or as a log")
	}
	return f.expectations()
}

// boundary reads a day or a moment; end makes a day its end.
func boundary(flag, v string, end bool) (time.Time, error) {
	if v == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, v); err == nil {
		return at, nil
	}
	day, err := time.Parse(time.DateOnly, v)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s %q is neither a day such as 2026-10-31 nor a moment such as 2026-10-31T18:00:00Z", flag, v)
	}
	if end {
		day = day.AddDate(0, 0, 1)
	}
	return day, nil
}

// expectations reads --fail-on and --max-per-day.
func (f *backtestFlags) expectations() error {
	f.expect = backtest.Expectations{Below: math.Inf(1), MaxPerDay: f.maxPerDay}
	for _, v := range f.failOn {
		switch what := backtest.Verdict(strings.ToLower(v)); what {
		case backtest.Added, backtest.Gone, backtest.Suppressed:
			f.expect.None = append(f.expect.None, what)
			continue
		}
		n, err := parseSeverity(v)
		if err != nil || v == "" {
			return fmt.Errorf("--fail-on %q: use added, gone, suppressed, low, medium, high, critical or a number from 0 to 10", v)
		}
		f.expect.Below = min(f.expect.Below, n)
	}
	return nil
}

// load reads the settings of both sides, and the suppression rules.
func (f *backtestFlags) load(ctx context.Context, s streams, paths []string) (err error) {
	read := func(file string) (*config.Config, error) {
		return config.Load(file, func(c *config.Config) {
			set(&c.Account, f.scope.account)
			set(&c.Region, f.scope.region)
			set(&c.Cluster, f.scope.cluster)
			set(&c.Store.DataDir, f.dataDir)
		})
	}
	if f.today, err = read(f.scope.file); err != nil {
		return err
	}
	f.candidate = f.today
	if f.settings != "" {
		if f.candidate, err = read(f.settings); err != nil {
			return fmt.Errorf("--settings: %w", err)
		}
	}
	var st *store.Store
	if f.dataDir != "" || f.today.Store.Postgres.URL != "" || len(paths) == 0 || slices.ContainsFunc(f.filters, f.isName) {
		if st, err = f.openStore(ctx); err != nil {
			return err
		}
		defer st.Close()
	}
	// Findings of both sides are of the detector whose filters are asked.
	f.candidate.Account, f.candidate.Region, f.candidate.Cluster = f.today.Account, f.today.Region, f.today.Cluster
	return f.loadFilters(ctx, s, st)
}

// openStore opens the server's store, and makes its account that of the findings.
func (f *backtestFlags) openStore(ctx context.Context) (*store.Store, error) {
	if f.today.Store.Postgres.URL == "" {
		if _, err := os.Stat(app.StoreFile(f.today.Store.DataDir)); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no store in %s; name the server's folder with --data-dir, or a filter's file with --filter ./FILE", f.today.Store.DataDir)
		}
	}
	st, err := app.OpenStore(ctx, f.today, time.Now)
	if err != nil {
		return nil, err
	}
	account, region := app.Served(ctx, st, f.today.Account, f.today.Region)
	if f.scope.account == "" && f.scope.region == "" {
		f.today.Account, f.today.Region = account, region
	}
	return st, nil
}

var filterName = regexp.MustCompile(`^[A-Za-z0-9._-]{3,64}$`)

// isName reports whether --filter names a stored filter rather than a file.
func (f *backtestFlags) isName(v string) bool {
	if !filterName.MatchString(v) {
		return false
	}
	_, err := os.Stat(v)
	return errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(v, ".json")
}

// loadFilters makes the suppression rules of both sides ready.
func (f *backtestFlags) loadFilters(ctx context.Context, s streams, st *store.Store) error {
	f.detector = finding.DetectorID(f.today.Account, f.today.Region)
	var have []finding.Filter
	if st != nil {
		var err error
		if have, err = st.Filters(ctx, f.detector); err != nil {
			return err
		}
	}
	var tried []finding.Filter
	for _, v := range f.filters {
		flt, err := f.filter(s, v, have)
		if err != nil {
			return fmt.Errorf("--filter %s: %w", v, err)
		}
		flt.DetectorID = f.detector
		tried = append(tried, flt)
	}
	have = slices.DeleteFunc(have, func(h finding.Filter) bool {
		return h.Action != archive || slices.ContainsFunc(tried, func(t finding.Filter) bool { return t.Name == h.Name })
	})
	f.todayHides, f.candidateHide = app.NewSuppressions(have), app.NewSuppressions(slices.Concat(have, tried))
	for _, err := range f.todayHides.Faults {
		fmt.Fprintf(s.err, "vedette: a stored suppression rule hides nothing: %s\n", printable(err.Error()))
	}
	if extra := f.candidateHide.Faults[len(f.todayHides.Faults):]; len(extra) > 0 {
		return errors.Join(extra...)
	}
	return nil
}

// archive is the action of a suppression rule.
const archive = "ARCHIVE"

func (f *backtestFlags) filter(s streams, v string, have []finding.Filter) (finding.Filter, error) {
	if f.isName(v) {
		names := []string{}
		for _, h := range have {
			if h.Name == v {
				return h, nil
			}
			names = append(names, h.Name)
		}
		there := "there are none"
		if len(names) > 0 {
			there = "the filters are: " + strings.Join(names, ", ")
		}
		return finding.Filter{}, fmt.Errorf("there is no file and no stored filter of that name; %s", there)
	}
	return readFilter(s.in, v)
}

// readFilter reads a filter from a file or from standard input (-), or the JSON
// itself.
func readFilter(stdin io.Reader, path string) (finding.Filter, error) {
	var data []byte
	var err error
	switch {
	case path == "-":
		data, err = io.ReadAll(io.LimitReader(stdin, 1<<20))
	case strings.HasPrefix(strings.TrimSpace(path), "{"):
		data, path = []byte(path), "as given"
	default:
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return finding.Filter{}, err
	}
	flt, err := finding.DecodeFilter(data)
	if err != nil {
		return flt, withNearField(err)
	}
	if flt.Name == "" {
		flt.Name = path
	}
	return flt, nil
}

// withNearField adds, to an error about a field that there is not, fields that
// may be meant.
func withNearField(err error) error {
	var ce *finding.CriteriaError
	if !errors.As(err, &ce) || ce.Field == "" {
		return err
	}
	if _, known := finding.LookupField(ce.Field); known {
		return err
	}
	last := func(name string) string { return strings.ToLower(name[strings.LastIndexByte(name, '.')+1:]) }
	var near []string
	for _, field := range finding.FieldList() {
		if l := last(field.Name); l == last(ce.Field) || strings.EqualFold(field.Name, ce.Field) {
			near = append(near, field.Name)
		}
	}
	if len(near) == 0 {
		return fmt.Errorf("%w; fields are named as in a finding's JSON, such as resource.kubernetesDetails.kubernetesUserDetails.username", err)
	}
	return fmt.Errorf("%w; did you mean %s?", err, strings.Join(near[:min(3, len(near))], " or "))
}

// previewed is how far back stored findings are looked at.
const previewed = 90 * 24 * time.Hour

// stored holds the filters against the findings of the server's store.
func (f *backtestFlags) stored(ctx context.Context) (*app.BacktestResult, error) {
	st, err := app.OpenStore(ctx, f.today, time.Now)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	res := &app.BacktestResult{}
	res.Today, res.Candidate, err = app.Preview(ctx, st, f.detector, time.Now().Add(-previewed), f.candidateHide)
	return res, err
}
