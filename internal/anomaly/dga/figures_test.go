package dga

import (
	"bufio"
	"compress/gzip"
	"hash/fnv"
	"os"
	"slices"
	"testing"

	"github.com/vedette-project/vedette/internal/anomaly/dga/families"
)

// ordinary are the labels in two or more public lists that were kept from
// training, or those in one.
func ordinary(t *testing.T, group byte) []string {
	t.Helper()
	f, err := os.Open("../../../hack/dgatrain/benign.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for lines := bufio.NewScanner(z); lines.Scan(); {
		text := lines.Text()
		if text[0] != group {
			continue
		}
		h := fnv.New32a()
		h.Write([]byte(text[1:]))
		if h.Sum32()>>8%4 == 0 { // as the trainer keeps them
			out = append(out, text[1:])
		}
	}
	return out
}

// figures are how well a model tells families from ordinary names: mean over the
// families of the part found at a rate of false ones, and of the area under the
// curve.
type figures struct{ at100, at1000, auc float64 }

func measure(m *Model, benign []string, only func(families.Family) bool, each func(families.Family, figures)) figures {
	var scores []int32
	for _, n := range benign {
		scores = append(scores, m.Score(n))
	}
	slices.Sort(scores)
	over := func(rate float64) int32 { return scores[len(scores)-1-int(rate*float64(len(scores)))] }
	at100, at1000 := over(1e-2), over(1e-3)
	var mean figures
	n := 0.0
	for _, f := range families.All() {
		if !only(f) {
			continue
		}
		var one figures
		names := f.Draw(1000)
		for _, name := range names {
			s := m.Score(name)
			if s > at100 {
				one.at100++
			}
			if s > at1000 {
				one.at1000++
			}
			below, _ := slices.BinarySearch(scores, s)
			one.auc += float64(below) / float64(len(scores))
		}
		k := float64(len(names))
		one = figures{one.at100 / k, one.at1000 / k, one.auc / k}
		each(f, one)
		mean = figures{mean.at100 + one.at100, mean.at1000 + one.at1000, mean.auc + one.auc}
		n++
	}
	return figures{mean.at100 / n, mean.at1000 / n, mean.auc / n}
}

// TestFigures: the model is no worse than docs/dga-model.md says.
func TestFigures(t *testing.T) {
	m := Default()
	sure, all := ordinary(t, '2'), append(ordinary(t, '2'), ordinary(t, '1')...)
	if len(sure) < 1500 || len(all) < 20_000 {
		t.Fatalf("%d and %d ordinary names", len(sure), len(all))
	}
	any, plain := func(families.Family) bool { return true }, func(f families.Family) bool { return !f.Words }
	for _, c := range []struct {
		what   string
		benign []string
		only   func(families.Family) bool
		want   figures
	}{
		{"all families", sure, any, figures{0.81, 0.71, 0.925}},
		{"families that draw letters", sure, plain, figures{0.955, 0.855, 0.997}},
		{"families that draw letters, against names in one list, too", all, plain, figures{0.91, 0.59, 0.994}},
	} {
		got := measure(m, c.benign, c.only, func(f families.Family, one figures) {
			t.Logf("%s: %.2f %.2f %.3f", f.Name, one.at100, one.at1000, one.auc)
		})
		t.Logf("%s: %.3f at 1e-2, %.3f at 1e-3, AUC %.3f", c.what, got.at100, got.at1000, got.auc)
		if got.at100 < c.want.at100 || got.at1000 < c.want.at1000 || got.auc < c.want.auc {
			t.Errorf("%s: %+v, want at least %+v", c.what, got, c.want)
		}
	}
}
