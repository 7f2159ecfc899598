package detect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

type counted struct {
	N int    `json:"n"`
	S string `json:"s,omitempty"`
}

func content(t *table[counted]) (out []string) {
	for r := t.oldest; r != nil; r = r.newer {
		out = append(out, fmt.Sprint(r.key, r.touched, r.value))
	}
	return out
}

// TestTableRestored: however a table came to what it remembers, its log brings
// another to the same, in the same order.
func TestTableRestored(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		idle := time.Duration(rnd.IntN(3)) * 10 * time.Second
		a := newTable[counted]("x", 1+rnd.IntN(20), idle)
		a.keep()
		var log []Run
		at := time.Unix(1e9, 0)
		for range 300 {
			at = at.Add(time.Duration(rnd.IntN(3)) * time.Second)
			key := fmt.Sprint(rnd.IntN(40))
			switch rnd.IntN(10) {
			case 0:
				a.drop(key)
			case 1:
				run, ok, err := a.delta()
				if err != nil {
					t.Fatal(err)
				}
				if ok {
					log = append(log, run)
				}
			default:
				v := a.touch(key, at)
				v.N++
			}
			if rnd.IntN(50) == 0 {
				a.after = 1 << 30 // time to write it anew
			}
		}
		if run, ok, err := a.delta(); err != nil {
			t.Fatal(err)
		} else if ok {
			log = append(log, run)
		}
		b := newTable[counted]("x", a.limit, idle)
		b.keep()
		oldest := log[len(log)-1].Oldest
		for _, run := range log {
			if run.Generation < oldest && rnd.IntN(2) == 0 {
				continue // pruned
			}
			if err := b.restore(run); err != nil {
				t.Fatal(err)
			}
		}
		if x, y := content(a), content(b); !slices.Equal(x, y) {
			t.Fatalf("seed %d: it remembers\n%v, restored it is\n%v", seed, x, y)
		}
		if _, ok, _ := b.delta(); ok {
			t.Fatalf("seed %d: what was restored is written again", seed)
		}
	}
}

func TestTableForgets(t *testing.T) {
	a := newTable[counted]("x", 3, time.Minute)
	at := time.Unix(1e9, 0)
	for i, k := range []string{"a", "b", "a", "c", "d"} {
		a.touch(k, at.Add(time.Duration(i)*time.Second)).N++
	}
	if a.get("b") != nil || a.get("a").N != 2 || a.len() != 3 || a.forgotten != 1 {
		t.Errorf("full: %v, %d forgotten", content(a), a.forgotten)
	}
	a.touch("e", at.Add(10*time.Minute))
	if a.len() != 1 || a.forgotten != 1 {
		t.Errorf("idle: %v, %d forgotten", content(a), a.forgotten)
	}
}

// TestTableDamaged: a log that was damaged is an error, never a panic.
func TestTableDamaged(t *testing.T) {
	a := newTable[counted]("x", 10, 0)
	for _, k := range []string{"alpha", "beta"} {
		a.touch(k, time.Unix(5, 0)).S = k
	}
	run, _, err := a.delta()
	if err != nil {
		t.Fatal(err)
	}
	for n := range run.Data {
		b := newTable[counted]("x", 10, 0)
		if err := b.restore(Run{Log: "x", Generation: 1, Data: run.Data[:n]}); err == nil && n > 0 && b.len() == 2 {
			t.Errorf("cut at %d: nothing is missing", n)
		}
	}
}
