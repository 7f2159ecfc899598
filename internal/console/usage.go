package console

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// usageSize is how many scopes a page has.
const usageSize = 100

// usageView is what was analysed, and what it would cost by the price table.
type usageView struct {
	Days    int
	Spans   []int
	Total   int64
	USD     float64
	Priced  bool // there is a price for anything
	Sources []usageRow
	Scopes  []usageRow
	Pages   pager
	Chart   template.HTML
	Table   []usageDayRow
}

type usageRow struct {
	store.SourceKey
	Count int64
	USD   float64
	Class int // of its colour
}

// Name is what people call the source.
func (u *usageRow) Name() string { return sourceName(u.Source) }

// Cost is the cost in words.
func (u *usageRow) Cost() string { return dollars(u.USD) }

// Cost is the cost of all in words.
func (u *usageView) Cost() string { return dollars(u.USD) }

func dollars(v float64) string { return fmt.Sprintf("$%.2f", v) }

// usageDayRow is a day of the table beside the picture.
type usageDayRow struct {
	Day    time.Time
	Counts []int64 // in the order of the sources
	Total  int64
}

func (s *server) usage(w http.ResponseWriter, r *http.Request, v *visit) error {
	out := usageView{Days: 30, Spans: []int{7, 30, 90}, Priced: len(s.Prices) > 0}
	for _, n := range out.Spans {
		if r.URL.Query().Get("days") == fmt.Sprint(n) {
			out.Days = n
		}
	}
	now := s.Now().UTC()
	from := now.AddDate(0, 0, 1-out.Days)
	days, err := s.Store.UsageDays(r.Context(), from, now, v.key.Account)
	if err != nil {
		return err
	}
	scopes, err := s.Store.Usage(r.Context(), from, now)
	if err != nil {
		return err
	}
	for _, u := range scopes {
		if v.Whole() || u.Account == v.key.Account {
			out.Scopes = append(out.Scopes, usageRow{SourceKey: u.SourceKey, Count: u.Count, USD: s.costOf(u.Source, u.Count)})
		}
	}
	slices.SortStableFunc(out.Scopes, func(a, b usageRow) int { return cmp.Compare(b.Count, a.Count) })
	out.Scopes, out.Pages = cut(out.Scopes, usageSize, r)
	out.sum(days, from, s.costOf)
	out.Chart = drawUsage(fmt.Sprintf("Records analysed in %d days", out.Days), out.Sources, out.Table)
	return s.show(w, r, v, "usage", "usage", "Usage", &out)
}

// costOf is what records of a source cost, in USD.
func (s *server) costOf(source string, n int64) float64 { return float64(n) / 1e6 * s.Prices[source] }

// sum adds up days by source, the most used first.
func (u *usageView) sum(days []store.UsageDay, from time.Time, cost func(string, int64) float64) {
	for _, d := range days {
		i := slices.IndexFunc(u.Sources, func(s usageRow) bool { return s.Source == d.Source })
		if i < 0 {
			i = len(u.Sources)
			u.Sources = append(u.Sources, usageRow{SourceKey: store.SourceKey{Source: d.Source}})
		}
		u.Sources[i].Count += d.Count
		u.Total += d.Count
	}
	slices.SortStableFunc(u.Sources, func(a, b usageRow) int { return cmp.Compare(b.Count, a.Count) })
	for i := range u.Sources {
		s := &u.Sources[i]
		s.USD, s.Class = cost(s.Source, s.Count), i%usageColours
		u.USD += s.USD
	}
	first := from.Truncate(24 * time.Hour)
	for i := range u.Days {
		u.Table = append(u.Table, usageDayRow{Day: first.AddDate(0, 0, i), Counts: make([]int64, len(u.Sources))})
	}
	for _, d := range days {
		at := int(d.Day.Sub(first) / (24 * time.Hour))
		if at < 0 || at >= len(u.Table) {
			continue
		}
		i := slices.IndexFunc(u.Sources, func(s usageRow) bool { return s.Source == d.Source })
		u.Table[at].Counts[i] += d.Count
		u.Table[at].Total += d.Count
	}
}
