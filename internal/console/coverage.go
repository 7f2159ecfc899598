package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// coverageView is what comes, from whom, what became of it, and what does not come.
type coverageView struct {
	Sources []sourceRow
	Pages   pager
	Healthy int
	Ailing  int
	Total   ledger // of all sources
	Lost    []reasonCount
	Nodes   nodesView
	Targets []targetRow
	Gaps    []gap
	Whole   bool
}

// coverageSize is how many sources a page has.
const coverageSize = 100

// sourceRow is a source of records: a kind, of a cluster or account.
type sourceRow struct {
	store.SourceKey
	Known  bool // it was heard of, and not only counted
	Asked  bool // it is a queue or bucket: its records are counted where they are from
	Status string
	Issue  string
	Last   time.Time // something came
	Event  time.Time // of the newest record
	Delay  string
	ledger
}

// ledger is how the records of a source ended.
type ledger struct {
	In        int64
	Evaluated int64
	Duplicate int64
	Malformed int64
	Dropped   int64
	Why       []reasonCount // of those that were not evaluated
	Marks     []reasonCount // of those that were
}

type reasonCount struct {
	Reason string // in words
	Count  int64
}

// Out is how many records ended.
func (l *ledger) Out() int64 { return l.Evaluated + l.Duplicate + l.Malformed + l.Dropped }

// Balance says whether every record is accounted for.
func (l *ledger) Balance() string {
	switch d := l.In - l.Out(); {
	case d > 0:
		return number(d) + " missing"
	case d < 0:
		return number(-d) + " too many"
	}
	return "even"
}

func (l *ledger) add(r *store.LedgerRow) {
	switch event.Outcome(r.Outcome) {
	case event.Received:
		l.In += r.Count
		return
	case event.Evaluated:
		l.Evaluated += r.Count
		return
	case event.Duplicate:
		l.Duplicate += r.Count
		return // for one reason only, which its name says
	case event.Malformed:
		l.Malformed += r.Count
	case event.Dropped:
		l.Dropped += r.Count
	default:
		l.Marks = addReason(l.Marks, outcomeWords(r.Outcome), r.Count)
		return
	}
	l.Why = addReason(l.Why, outcomeWords(r.Outcome)+": "+reasonWords(r.Reason), r.Count)
}

func addReason(list []reasonCount, reason string, n int64) []reasonCount {
	if i := slices.IndexFunc(list, func(c reasonCount) bool { return c.Reason == reason }); i >= 0 {
		list[i].Count += n
		return list
	}
	return append(list, reasonCount{reason, n})
}

func (s *server) coverage(w http.ResponseWriter, r *http.Request, v *visit) error {
	c, err := s.heard(v)
	if err != nil {
		return err
	}
	c.Sources, c.Pages = cut(c.Sources, coverageSize, r)
	if !v.Whole() {
		for i := range c.Gaps {
			c.Gaps[i].Do, c.Gaps[i].Command = "Ask those who run this installation.", ""
		}
	}
	if v.Whole() {
		if c.Targets, err = s.targets(r.Context(), v); err != nil {
			return err
		}
	}
	return s.show(w, r, v, "coverage", "coverage", "Coverage", &c)
}

// heard is what came of all that the visitor may see, and what did not.
func (s *server) heard(v *visit) (c coverageView, err error) {
	ctx, now := v.r.Context(), s.Now().UTC()
	sources, err := s.Store.Sources(ctx)
	if err != nil {
		return c, err
	}
	rows, err := s.Store.Ledger(ctx)
	if err != nil {
		return c, err
	}
	nodes, err := s.Store.Nodes(ctx, now.Add(-store.NodeKept))
	if err != nil {
		return c, err
	}
	others := func(account string) bool { return !v.Whole() && account != v.key.Account }
	sources = slices.DeleteFunc(sources, func(s store.Source) bool { return others(s.Account) })
	rows = slices.DeleteFunc(rows, func(r store.LedgerRow) bool { return others(r.Account) })
	nodes = slices.DeleteFunc(nodes, func(n store.Node) bool { return others(n.Account) })
	c = coverageView{Nodes: newNodesView(nodes, now), Whole: v.Whole()}
	c.add(sources, rows)
	c.Gaps = gapsOf(c.Sources, &c.Nodes)
	return c, nil
}

// add joins what is known of sources with how their records ended: those that
// are not well first.
func (c *coverageView) add(sources []store.Source, rows []store.LedgerRow) {
	at := map[store.SourceKey]int{}
	row := func(k store.SourceKey) *sourceRow {
		i, known := at[k]
		if !known {
			i = len(c.Sources)
			at[k] = i
			c.Sources = append(c.Sources, sourceRow{SourceKey: k})
		}
		return &c.Sources[i]
	}
	for i := range sources {
		src := &sources[i]
		r := row(src.SourceKey)
		r.Known, r.Status, r.Last, r.Event = true, src.Status, src.LastReceived, src.LastEvent
		if kind, detail, ok := strings.Cut(src.Issue, ":"); ok { // as the API spells it, without a space
			r.Issue = kind + ": " + strings.TrimSpace(detail)
		} else {
			r.Issue = src.Issue
		}
		r.Asked = isAsked(src.SourceKey.Source)
		r.Delay = delayOf(src)
	}
	for i := range rows {
		l := &rows[i]
		if l.Source == string(event.Journal) { // messages of which nobody knows whose they are
			c.Lost = addReason(c.Lost, reasonWords(l.Reason), l.Count)
			continue
		}
		row(store.SourceKey{Source: l.Source, Account: l.Account, Region: l.Region, Cluster: l.Cluster}).add(l)
		c.Total.add(l)
	}
	for i := range c.Sources {
		switch r := &c.Sources[i]; {
		case r.Status == store.Healthy:
			c.Healthy++
		case r.Known:
			c.Ailing++
		}
	}
	rank := func(r *sourceRow) int {
		if r.Known && r.Status != store.Healthy {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(c.Sources, func(a, b sourceRow) int {
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Cluster, b.Cluster))
	})
}

// isAsked tells queues and buckets, which are asked, from those who send.
func isAsked(source string) bool { return source == "sqs-queue" || source == "s3-bucket" }

// delayOf is how far the newest record was behind when the last one came.
func delayOf(s *store.Source) string {
	if s.LastEvent.IsZero() || s.LastReceived.IsZero() {
		return ""
	}
	switch d := s.LastReceived.Sub(s.LastEvent); {
	case d < -time.Minute:
		return "ahead of this server's clock by " + span(-d)
	case d < time.Second:
		return "below 1 s"
	default:
		return span(d)
	}
}

// span is a length of time in one or two units.
func span(d time.Duration) string {
	text := d.Round(time.Second).String()
	switch {
	case d >= 48*time.Hour:
		return plural(int64(d/(24*time.Hour)), "day", "days")
	case d >= time.Hour:
		text, _, _ = strings.Cut(d.Round(time.Minute).String(), "m")
		return strings.Replace(text, "h", " h ", 1) + " min"
	case d >= time.Minute:
		return strings.TrimSuffix(strings.Replace(text, "m", " min ", 1), "s") + " s"
	}
	return strings.TrimSuffix(text, "s") + " s"
}

// Name says whose records they are.
func (r *sourceRow) Name() string { return sourceName(r.Source) }

// Quiet says that nothing was counted of it.
func (r *sourceRow) Quiet() bool { return r.In == 0 && r.Out() == 0 }
