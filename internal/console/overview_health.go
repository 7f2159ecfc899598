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
	c, err := s.heard(v)
	if err != nil {
		return h, err
	}
	h = health{
		Sources: len(c.Sources), Healthy: c.Healthy, Taken: c.Total.In, Lost: c.Total.Malformed + c.Total.Dropped,
		Expected: c.Nodes.Expected, Covered: c.Nodes.Covered, Gaps: len(c.Gaps),
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
