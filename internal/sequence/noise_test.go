package sequence

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// noiseDays is how many days of one entity the test draws; the design allows
// two false sequences in a million of them.
const noiseDays = 200_000

// TestNoise draws days of entities that show each kind of step by chance, with
// rates that differ widely from entity to entity, and independently of each
// other: half of them in AWS, half in a cluster. Hardly any of them may look like an attack.
func TestNoise(t *testing.T) {
	const days, batch = 10, 2000
	rnd := rand.New(rand.NewPCG(7, 11))
	r := Builtin()
	types := map[string]float64{entry: 0, persists: 0, exfiltrate: 0, low: 0, "Discovery:Runtime/SuspiciousCommand": 0, "Execution:Runtime/NewBinaryExecuted": 0,
		"Impact:Runtime/CryptoMinerExecuted": 0, "Backdoor:EC2/C&CActivity.B!DNS": 0, "DefenseEvasion:Runtime/FilelessExecution": 0}
	for typ := range types {
		s, _ := r.step(&Note{Name: typ, Finding: "x"})
		types[typ] = s.chance
	}
	found := 0
	for first := 0; first < noiseDays/days; first += batch {
		b := NewBook(r)
		for e := first; e < first+batch; e++ {
			loud := math.Exp(rnd.NormFloat64() - 0.5) // of mean 1, one in a hundred above 6
			who := fmt.Sprintf("principal:%d", e)
			for d := range days {
				at := func() time.Duration { return time.Duration(d*24*60+rnd.IntN(24*60)) * time.Minute }
				for _, typ := range sortedKeys(types) {
					if strings.Contains(typ, ":Runtime/") != (e%2 == 0) {
						continue
					}
					if rnd.Float64() < types[typ]*loud {
						b.AddNote(strong(typ, who, at()))
					}
				}
				for _, name := range sortedKeys(r.weak) {
					if k := r.weak[name]; strings.HasSuffix(k.kind, "audit") == (e%2 == 0) && rnd.Float64() < k.chance*loud {
						names := make([]string, k.distinct)
						for i := range names {
							names[i] = fmt.Sprint(i)
						}
						b.AddNote(weak(name, who, at(), names...))
					}
				}
			}
		}
		for _, s := range complete(Find(b, Options{})) {
			found++
			t.Logf("score %.2f: %v", s.Score, s.stageNames())
		}
	}
	t.Logf("%d sequences in %d days", found, noiseDays)
	if limit := 2 * noiseDays / 1_000_000; found > limit+1 {
		t.Errorf("%d sequences in %d days of entities, want about %d at most", found, noiseDays, limit)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
