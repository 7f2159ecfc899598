package sequence

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestNoise draws days of entities that show each kind of step by chance, with
// rates that differ widely from entity to entity, and independently of each
// other: a third of them in a cluster, a third principals of AWS, a third
// machines with their roles. Hardly any of them may look like an attack: two in a
// million. SEQUENCE_NOISE is how many days are drawn.
func TestNoise(t *testing.T) {
	noiseDays := 200_000
	if v := os.Getenv("SEQUENCE_NOISE"); v != "" {
		var err error
		if noiseDays, err = strconv.Atoi(v); err != nil {
			t.Fatalf("SEQUENCE_NOISE: %v", err)
		}
	}
	const days, batch = 10, 2000
	rnd := rand.New(rand.NewPCG(7, 11))
	r := Builtin()
	const cluster, principal, machine = 0, 1, 2
	ofFindings := map[string][]int{
		"Discovery:Runtime/SuspiciousCommand": {cluster}, "Execution:Runtime/NewBinaryExecuted": {cluster}, "Impact:Runtime/CryptoMinerExecuted": {cluster},
		"DefenseEvasion:Runtime/FilelessExecution": {cluster},
		persists: {principal}, exfiltrate: {principal, machine}, low: {principal}, entry: {principal, machine},
		"Backdoor:EC2/C&CActivity.B!DNS": {machine}, "Trojan:EC2/DGADomainRequest.B": {machine}, "CryptoCurrency:EC2/BitcoinTool.B": {machine},
	}
	types := map[string]float64{}
	for typ := range ofFindings {
		s, _ := r.step(&Note{Name: typ, Finding: "x"})
		types[typ] = s.chance
	}
	shows := func(kind int, k *rule) bool {
		switch k.kind {
		case "audit", "denied-audit":
			return kind == cluster
		case "hint":
			return kind == machine && k.name != "ProgramNew" || kind == cluster && (k.name == "ProgramNew" || k.name == "NamesDrawn")
		}
		return kind != cluster
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
					if slices.Contains(ofFindings[typ], e%3) && rnd.Float64() < types[typ]*loud {
						b.AddNote(strong(typ, who, at()))
					}
				}
				for _, name := range sortedKeys(r.weak) {
					if k := r.weak[name]; shows(e%3, k) && rnd.Float64() < k.chance*loud {
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
