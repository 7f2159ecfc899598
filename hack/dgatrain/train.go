package main

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/vedette-project/vedette/internal/anomaly/dga"
)

// settings are what training depends on beside the names.
type settings struct {
	seed           uint64
	families, size int // styles, and names of each
	passes         int
	drawnWeight    float64 // of all drawn names together, as a part of that of the ordinary
	decay          float64 // of weights, a step
	rate           float64 // of learning, at first
}

func standard() settings {
	return settings{seed: 1, families: 4000, size: 80, passes: 8, drawnWeight: 0.6, decay: 5e-7, rate: 6}
}

// heldOut reports whether an ordinary name is kept from training, to measure with.
func heldOut(label string) bool {
	h := fnv.New32a()
	h.Write([]byte(label))
	return h.Sum32()>>8%4 == 0
}

// sample is a name in training.
type sample struct {
	slots  []uint32
	weight float64
	drawn  bool
}

func newSample(label string, weight float64, drawn bool) sample {
	return sample{slots: dga.Grams(label), weight: weight, drawn: drawn}
}

// draw returns names of new styles, style by style.
func draw(r *rand.Rand, benign *chain, families, size int) [][]string {
	all := make([][]string, families)
	for i := range all {
		draws := newStyle(r, benign)
		seen := map[string]bool{}
		for range size {
			if n := draws(r); len(n) <= 50 && !seen[n] {
				seen[n] = true
				all[i] = append(all[i], n)
			}
		}
	}
	return all
}

// samples are the ordinary names that are not held out, and drawn ones.
func samples(s settings, names []name) []sample {
	var out []sample
	ordinary := 0.0
	for _, n := range names {
		if !heldOut(n.label) {
			out = append(out, newSample(n.label, weightOf(n.group), false))
			ordinary += weightOf(n.group)
		}
	}
	drawn := draw(rand.New(rand.NewPCG(s.seed, 1)), newChain(names), s.families, s.size)
	all := 0.0 // each style weighs with the root of its size
	for _, f := range drawn {
		all += math.Sqrt(float64(len(f)))
	}
	for _, f := range drawn {
		root := math.Sqrt(float64(len(f)))
		weight := float64(s.drawnWeight*ordinary) * root / all / float64(len(f))
		for _, n := range f {
			out = append(out, newSample(n, weight, true))
		}
	}
	mean := 0.0
	for i := range out {
		mean += out[i].weight
	}
	mean /= float64(len(out))
	for i := range out {
		out[i].weight /= mean
	}
	return out
}

// learned is a model in numbers with a point.
type learned struct {
	weights []float64
	bias    float64
}

// train fits a logistic regression by stochastic gradient descent; the result is
// the mean over the second half of the way. Products are rounded before they are
// added to, so that processors which could do both at once learn the same.
func train(s settings, all []sample) *learned {
	r := rand.New(rand.NewPCG(s.seed, 2))
	now, mean := &learned{weights: make([]float64, dga.Weights)}, &learned{weights: make([]float64, dga.Weights)}
	order := r.Perm(len(all))
	steps, took, scale := 0, 0, 1.0
	every := max(1, len(all)/16)
	for range s.passes {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			x := &all[i]
			root := math.Sqrt(float64(len(x.slots)))
			sum := 0.0
			for _, slot := range x.slots {
				sum += now.weights[slot]
			}
			want := 0.0
			if x.drawn {
				want = 1
			}
			rate := s.rate / (1 + float64(float64(s.rate*s.decay)*float64(steps)))
			off := float64(rate*x.weight) * (want - sigmoid(now.bias+float64(sum*scale)/root))
			scale *= 1 - float64(rate*s.decay)
			now.bias += float64(off * 0.01)
			change := off / root / scale
			for _, slot := range x.slots {
				now.weights[slot] += change
			}
			if steps++; steps%every == 0 && 2*steps > s.passes*len(all) {
				took++
				for i, w := range now.weights {
					mean.weights[i] += float64(w * scale)
				}
				mean.bias += now.bias
			}
		}
	}
	for i := range mean.weights {
		mean.weights[i] /= float64(took)
	}
	mean.bias /= float64(took)
	return mean
}

// sigmoid is 1/(1+e^-x), from products and sums alone: math.Exp is not the same
// on every processor.
func sigmoid(x float64) float64 {
	x = min(max(x, -30), 30) / 1024
	e := 1.0 // of -x/1024, by its series
	for k := 6.0; k >= 1; k-- {
		e = 1 - float64(x*e)/k
	}
	for range 10 {
		e = float64(e * e)
	}
	return 1 / (1 + e)
}

// params makes a model of what was learned: of whole numbers, with bins that say
// what a score means. They are fitted on styles and names that training has not seen.
func params(s settings, l *learned, names []name) (*dga.Params, error) {
	largest := 0.0
	for _, w := range l.weights {
		largest = max(largest, math.Abs(w))
	}
	unit := largest / math.MaxInt16
	p := &dga.Params{Weights: make([]int16, dga.Weights), Scale: int32(math.Round(unit * dga.Unit * 65536)), Bias: int32(math.Round(l.bias * dga.Unit)),
		First: -8 * dga.Unit, Step: dga.Unit / 2}
	for i, w := range l.weights {
		p.Weights[i] = int16(math.Round(w / unit))
	}
	m, err := dga.New(p)
	if err != nil {
		return nil, err
	}
	var drawn, ordinary [dga.Bins]float64
	bin := func(label string) int {
		return min(max(int(m.Score(label)-p.First+p.Step-1)/int(p.Step), 0), dga.Bins-1)
	}
	for _, f := range draw(rand.New(rand.NewPCG(s.seed, 3)), newChain(names), 300, 60) {
		for _, n := range f {
			if dga.Judges(n) {
				drawn[bin(n)] += 1 / float64(len(f))
			}
		}
	}
	for _, n := range names {
		if heldOut(n.label) && dga.Judges(n.label) {
			ordinary[bin(n.label)] += weightOf(n.group)
		}
	}
	evidence := rising(ratios(drawn[:], ordinary[:]), drawn[:], ordinary[:])
	for i, v := range evidence {
		p.Evidence[i] = int16(math.Round(min(max(v, lowest), highest) * dga.Unit))
	}
	return p, nil
}

// No name says more than this. That the lowest is not lower lets answers that do
// not exist convict one who asks for drawn words.
const lowest, highest = -0.7, 3.5

// ratios are the logarithms of how much likelier a bin is for drawn names, with
// half a name more in each.
func ratios(drawn, ordinary []float64) []float64 {
	const half = 0.5
	sumD, sumO := 0.0, 0.0
	for i := range drawn {
		sumD, sumO = sumD+drawn[i]+half, sumO+ordinary[i]+half
	}
	out := make([]float64, len(drawn))
	for i := range out {
		out[i] = math.Log((drawn[i] + half) / sumD * sumO / (ordinary[i] + half))
	}
	return out
}

// rising makes a row rise by putting neighbours that do not together.
func rising(v, drawn, ordinary []float64) []float64 {
	type run struct {
		value, weight float64
		length        int
	}
	var runs []run
	for i := range v {
		runs = append(runs, run{v[i], drawn[i] + ordinary[i] + 1, 1})
		for n := len(runs); n > 1 && runs[n-2].value > runs[n-1].value; n-- {
			a, b := runs[n-2], runs[n-1]
			w := a.weight + b.weight
			runs = append(runs[:n-2], run{(float64(a.value*a.weight) + float64(b.value*b.weight)) / w, w, a.length + b.length})
		}
	}
	var out []float64
	for _, r := range runs {
		out = append(out, slices.Repeat([]float64{r.value}, r.length)...)
	}
	return out
}
