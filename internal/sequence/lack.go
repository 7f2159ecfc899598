package sequence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Lacks says what would complete a sequence; "" for one that is complete.
func (s *Sequence) Lacks() string {
	if s.Complete {
		return ""
	}
	var have []float64
	stages := slices.SortedStableFunc(slices.Values(s.Stages), func(a, b Stage) int { return cmp.Compare(b.Surprise, a.Surprise) })
	weak := false
	for _, st := range stages {
		worth := st.Surprise
		if !st.Note.Strong() && weak {
			worth -= weakCost
		}
		weak = weak || !st.Note.Strong()
		have = append(have, worth)
	}
	slices.Sort(have)
	slices.Reverse(have)
	for more := 1; more <= len(Stages())-len(have); more++ {
		if need := needed(have, more); need <= maxSurprise {
			return fmt.Sprintf("%s beside %s, each with a surprise of %.1f or more%s", stagesText(more), s.stageNames(), need, example(need))
		}
	}
	return "more than the stages there are: what was seen is usual here"
}

// needed is how much each of some more stages must add. Their order may make
// it less.
func needed(have []float64, more int) float64 {
	best := math.Inf(1)
	sum := 0.0
	for k := 0; k <= len(have); k++ {
		if k > 0 {
			sum += have[k-1]
		}
		if k+more >= minStages {
			best = min(best, (minScore+choices(k+more)-sum)/float64(more))
		}
	}
	return max(best, 0.1)
}

func stagesText(n int) string {
	if n == 1 {
		return "one more stage"
	}
	return fmt.Sprintf("%d more stages", n)
}

// example says what has such a surprise, with the chances of the rules.
func example(need float64) string {
	switch {
	case need <= surpriseOf(0.05):
		return ", such as secrets that are read"
	case need <= surpriseOf(0.005):
		return ", such as a Medium finding"
	case need <= surpriseOf(0.0005):
		return ", such as a High finding"
	}
	return ""
}
