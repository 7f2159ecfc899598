package console

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/vedette-project/vedette/internal/store"
)

// health is how protection itself is, at a glance: the coverage page says more.
type health struct {
	Sources, Healthy int
	Ailing           []sourceRow // the first of those that are not well
	Taken            int64       // records
	Lost             int64       // of them, that could not be judged
	Why              []reasonCount
	Expected         int // nodes that should have a sensor
	Covered          int
	Gaps             int // what nobody watches
}

// Bounds of what the overview tells of health.
const (
	ailingShown  = 3
	reasonsShown = 3
)

func (s *server) health(v *visit) (h health, err error) {
	ctx, now := v.r.Context(), s.Now().UTC()
	sources, err := s.Store.Sources(ctx)
	if err != nil {
		return h, err
	}
	rows, err := s.Store.Ledger(ctx)
	if err != nil {
		return h, err
	}
	nodes, err := s.Store.Nodes(ctx, now.Add(-store.NodeKept))
	if err != nil {
		return h, err
	}
	_, account := s.kept(v)
	others := func(a string) bool { return account != "" && a != account }
	c := coverageView{Nodes: newNodesView(slices.DeleteFunc(nodes, func(n store.Node) bool { return others(n.Account) }), now)}
	c.add(slices.DeleteFunc(sources, func(s store.Source) bool { return others(s.Account) }),
		slices.DeleteFunc(rows, func(r store.LedgerRow) bool { return others(r.Account) }))
	h = health{
		Sources: len(c.Sources), Healthy: c.Healthy, Taken: c.Total.In, Lost: c.Total.Malformed + c.Total.Dropped,
		Expected: c.Nodes.Expected, Covered: c.Nodes.Covered, Gaps: len(gapsOf(c.Sources, &c.Nodes)),
	}
	for i := range c.Sources {
		if r := &c.Sources[i]; r.Known && r.Status != store.Healthy && len(h.Ailing) < ailingShown {
			h.Ailing = append(h.Ailing, *r)
		}
	}
	h.Why = slices.Clone(c.Total.Why)
	slices.SortStableFunc(h.Why, func(a, b reasonCount) int { return cmp.Compare(b.Count, a.Count) })
	h.Why = h.Why[:min(len(h.Why), reasonsShown)]
	return h, nil
}

// Well says that there is nothing to do about it.
func (h *health) Well() bool {
	return h.Sources > 0 && h.Healthy == h.Sources && h.Lost == 0 && h.Covered == h.Expected
}

// firstSteps tell how records get here, while none did.
type firstSteps struct {
	Server string // this one's address, as the browser has it
	Whole  bool
}

func newFirstSteps(r *http.Request, v *visit) *firstSteps {
	return &firstSteps{origin(r), v.Whole()}
}
