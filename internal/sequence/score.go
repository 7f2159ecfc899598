package sequence

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// The rule: a component is an attack where, in one window, stages add up to
// minScore, of minStages at least and with a finding among them.
const (
	minScore     = 6
	minStages    = 3
	inOrderBonus = 0.5
	inOrderMax   = 1.0
	inOrderGap   = 6 * time.Hour
)

// item is a note with what it is worth.
type item struct {
	note     *Note
	stage    int
	surprise float64
	times    []time.Time
}

// habitDays is how far back a habit is looked for, and habitPrior what the
// prior is worth in days.
const (
	habitDays  = 14
	habitPrior = 4
)

// weigh is how little a note is to be expected: of anybody, or of the entity
// itself, whichever is more.
func (f *finder) weigh(n *Note) (item, bool) {
	s, ok := f.rules.step(n)
	if !ok {
		return item{}, false
	}
	days := 0
	for d := n.Day - habitDays; d < n.Day; d++ {
		if f.habits[habitOf(n, s.stage, d)] {
			days++
		}
	}
	chance := max(s.chance, float64(days)/(habitDays+habitPrior))
	return item{n, s.stage, surpriseOf(chance), n.times()}, true
}

// habit is something of an entity on a day: a finding, or a stage of which
// something harmless was seen.
type habit struct {
	finding string
	who     Entity
	stage   int
	day     int64
}

func habitOf(n *Note, stage int, day int64) habit { return habit{n.Finding, n.Who, stage, day} }

// maxWeak is how many stages may count of which there is no finding, and
// weakCost what the second of them costs: whoever is busy shows several on one
// day, so they are not the independent chances as which they are added up.
const (
	maxWeak  = 2
	weakCost = 0.8
)

// Stage is one step of a sequence, and the note that shows it best.
type Stage struct {
	Name     string
	Surprise float64
	Note     *Note
}

// verdict is how much a component says.
type verdict struct {
	score, sum, choice, weak, order float64
	stages                          []Stage // in the order of an attack
	enough                          bool    // stages, with a finding among them
}

// complete reports whether it is an attack.
func (v *verdict) complete() bool { return v.enough && v.score >= minScore }

// above reports whether it says more than another.
func (v *verdict) above(o *verdict) bool {
	return v.enough && !o.enough || v.enough == o.enough && v.score > o.score
}

// judge finds the window in which a component says most.
func (f *finder) judge(items []item) (best verdict) {
	items = strongest(items, maxSignals)
	var starts []time.Time
	for _, i := range items {
		starts = append(starts, i.times...)
	}
	slices.SortFunc(starts, time.Time.Compare)
	starts = slices.CompactFunc(starts, time.Time.Equal)
	for _, start := range starts {
		if v := f.judgeWindow(items, span{start, start.Add(f.window)}); best.stages == nil || v.above(&best) {
			best = v
		}
	}
	return best
}

// strongest are at most n items of each stage.
func strongest(items []item, n int) []item {
	slices.SortFunc(items, byWorth)
	count := map[int]int{}
	return slices.DeleteFunc(slices.Clone(items), func(i item) bool { count[i.stage]++; return count[i.stage] > n })
}

func byWorth(a, b item) int {
	return cmp.Or(cmp.Compare(b.surprise, a.surprise), a.note.First.Compare(b.note.First), cmp.Compare(a.note.Key(), b.note.Key()))
}

// judgeWindow takes from each stage the note that is least to be expected, and
// of the stages as many as make the score highest. What one record shows is one
// stage, whatever it is called.
func (f *finder) judgeWindow(items []item, w span) verdict {
	var picks []item
	taken, records := map[int]bool{}, map[string]bool{}
	for _, i := range items { // the strongest first
		if taken[i.stage] || !i.within(w) || i.saysNothingBeside(records) {
			continue
		}
		taken[i.stage] = true
		for _, r := range i.note.Records {
			records[r] = true
		}
		picks = append(picks, i)
	}
	best := verdictOf(picks)
	var chosen []item
	findings := 0
	for _, i := range picks {
		if i.note.Strong() {
			findings++
		} else if len(chosen)-findings == maxWeak {
			continue
		}
		chosen = append(chosen, i)
		if len(chosen) < minStages || findings == 0 {
			continue
		}
		v := verdictOf(chosen)
		if v.enough = true; v.above(&best) {
			best = v
		}
	}
	return best
}

// verdictOf adds up what stages say.
func verdictOf(chosen []item) verdict {
	chosen = slices.Clone(chosen)
	slices.SortFunc(chosen, func(a, b item) int { return cmp.Compare(a.stage, b.stage) })
	v := verdict{choice: choices(len(chosen)), order: inOrder6h(chosen)}
	weak := 0
	for _, i := range chosen {
		v.sum += i.surprise
		if !i.note.Strong() {
			weak++
		}
		v.stages = append(v.stages, Stage{Stages()[i.stage], i.surprise, i.note})
	}
	v.weak = weakCost * float64(max(0, weak-1))
	v.score = v.sum - v.choice - v.weak + v.order
	return v
}

func (i *item) within(w span) bool {
	return slices.ContainsFunc(i.times, func(t time.Time) bool { return !t.Before(w.first) && t.Before(w.last) })
}

func (i *item) saysNothingBeside(records map[string]bool) bool {
	return !slices.ContainsFunc(i.note.Records, func(r string) bool { return !records[r] })
}

// choices is the logarithm of in how many ways k of the stages can be chosen.
func choices(k int) float64 {
	n := 1.0
	for i := range k {
		n = n * float64(len(Stages())-i) / float64(i+1)
	}
	return math.Log10(n)
}

// inOrder6h rewards stages that follow each other as they do in attacks. It is
// never asked for: attackers go back, and logs come late.
func inOrder6h(items []item) (bonus float64) {
	for n := 1; n < len(items); n++ {
		if follows(items[n-1].times, items[n].times) {
			bonus += inOrderBonus
		}
	}
	return min(bonus, inOrderMax)
}

func follows(a, b []time.Time) bool {
	for _, t := range a {
		if slices.ContainsFunc(b, func(u time.Time) bool { return !u.Before(t) && u.Sub(t) <= inOrderGap }) {
			return true
		}
	}
	return false
}
