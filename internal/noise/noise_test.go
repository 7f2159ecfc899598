package noise

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// told is what became of a claim: "own", "many", or the entity through which it
// is told with others.
func told(b *Book, budget int, c Claim) string {
	through, together := b.Place(budget, c)
	switch {
	case !together:
		return "own"
	case through < 0:
		return "many"
	}
	return c.Through[through]
}

func claim(severity float64, through ...string) Claim {
	return Claim{Type: "T", Day: 20000, Severity: severity, Through: through}
}

func TestPlace(t *testing.T) {
	with := func(c Claim, change func(*Claim)) Claim { change(&c); return c }
	type step struct {
		claim Claim
		want  string
	}
	scanner, bob := claim(5, "scanner"), claim(5, "bob")
	flood := []step{{scanner, "own"}, {scanner, "own"}, {scanner, "own"}, {scanner, "scanner"}}
	for name, more := range map[string][]step{
		"one entity goes on":              {{scanner, "scanner"}, {scanner, "scanner"}},
		"another entity":                  {{bob, "own"}, {scanner, "scanner"}, {bob, "bob"}},
		"a higher severity":               {{claim(8, "scanner"), "own"}, {claim(8, "scanner"), "scanner"}, {scanner, "scanner"}},
		"a lower severity":                {{claim(2, "scanner"), "own"}, {claim(2, "scanner"), "scanner"}},
		"critical":                        {{claim(9, "scanner"), "own"}, {claim(9, "scanner"), "own"}, {claim(9.5, "scanner"), "own"}},
		"another day":                     {{with(scanner, func(c *Claim) { c.Day++ }), "own"}, {scanner, "scanner"}},
		"another type":                    {{with(scanner, func(c *Claim) { c.Type = "U" }), "own"}},
		"what is hidden takes no room":    {{with(scanner, func(c *Claim) { c.Suppressed = true }), "own"}},
		"an outsider does it to the same": {{claim(5, "stranger", "scanner"), "scanner"}, {claim(5, "stranger"), "own"}},
		"an outsider with two victims":    {{claim(5, "stranger", "v1"), "own"}, {claim(5, "stranger", "v2"), "stranger"}, {claim(5, "other", "v2"), "own"}},
		"nobody is named":                 {{claim(5), "many"}, {claim(8), "own"}, {claim(8), "many"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBook()
			for i, s := range append(flood[:len(flood):len(flood)], more...) {
				if got := told(b, 3, s.claim); got != s.want {
					t.Errorf("claim %d, %+v: %s, want %s", i, s.claim, got, s.want)
				}
			}
		})
	}
}

// TestHardBound: entities that are ever new make ten budgets of findings, and
// then are told together, but not where the severity is new.
func TestHardBound(t *testing.T) {
	b := NewBook()
	own := 0
	for i := range 1000 {
		if told(b, 7, claim(5, fmt.Sprint("pod-", i))) == "own" {
			own++
		}
	}
	if own != 7*beyond {
		t.Errorf("%d findings of their own, want %d", own, 7*beyond)
	}
	for i, want := range []string{"own", "many"} {
		if got := told(b, 7, claim(float64(8-3*i), "another")); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
	if got := told(b, 7, claim(5, "pod-3")); got != "pod-3" {
		t.Errorf("who has a finding is told with others as %s", got)
	}
}

func TestOff(t *testing.T) {
	b := NewBook()
	for range 100 {
		if got := told(b, 0, claim(5, "a")); got != "own" {
			t.Fatal(got)
		}
	}
	if b.Changed() {
		t.Error("without a budget something is remembered")
	}
	for _, x := range []struct {
		l    Limits
		want int
	}{{Limits{}, 0}, {Limits{PerDay: 5}, 5}, {Limits{Types: map[string]int{"T": 3}}, 3}, {Limits{PerDay: 5, Types: map[string]int{"T": 0}}, 0}} {
		if got := x.l.Of("T"); got != x.want {
			t.Errorf("%+v: %d", x.l, got)
		}
	}
}

// drawn are claims of several types, days, severities and entities, some late.
func drawn(n int) []Claim {
	r := rand.New(rand.NewPCG(3, 5))
	out := make([]Claim, n)
	for i := range out {
		out[i] = Claim{
			Type: fmt.Sprint("T", r.IntN(4)), Day: int64(20000 + i/150 - r.IntN(3)), Severity: float64(2 + 3*r.IntN(3)), Suppressed: r.IntN(5) == 0,
			Through: []string{fmt.Sprint("e", int(r.ExpFloat64()*3)), fmt.Sprint("v", r.IntN(6))}[:r.IntN(3)],
		}
	}
	return out
}

// TestRestart: a book that is saved and read again after every claim decides
// as one that never was, and is the same bytes.
func TestRestart(t *testing.T) {
	whole, again := NewBook(), NewBook()
	counts := map[string]int{}
	for i, c := range drawn(3000) {
		want := told(whole, 4, c)
		if got := told(again, 4, c); got != want {
			t.Fatalf("claim %d: %s after restarts, %s without", i, got, want)
		}
		counts[want]++
		var err error
		if again, err = Load(again.Save()); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(whole.Save(), again.Save()) {
		t.Error("the saved books differ")
	}
	if counts["own"] < 200 || counts["many"] == 0 || counts["e0"] < 200 || counts["v1"] == 0 {
		t.Errorf("too little of some kind; the test says little: %v", counts)
	}
}

// TestBounds: days that are over are forgotten, and so are types beyond the bound.
func TestBounds(t *testing.T) {
	b := NewBook()
	for i := range 400 {
		told(b, 4, Claim{Type: "T", Day: int64(i), Through: []string{"a"}})
	}
	if len(b.days) > idleDays+2 {
		t.Errorf("%d days are remembered", len(b.days))
	}
	for i := range 3 * maxDays {
		told(b, 4, Claim{Type: fmt.Sprint(i), Day: 400, Through: []string{"a"}})
		told(b, 4, Claim{Type: "held", Day: 400, Through: []string{"a"}})
	}
	if len(b.days) != maxDays {
		t.Errorf("%d types are remembered, want %d", len(b.days), maxDays)
	}
	if d := b.days[dayKey{typ: "held", day: 400}]; d == nil || d.made != 4 {
		t.Errorf("what is in use was forgotten: %+v", d)
	}
}

// TestChanged: a book that says nothing new is not to be saved again.
func TestChanged(t *testing.T) {
	b := NewBook()
	for range 5 {
		told(b, 2, claim(5, "a"))
	}
	b.Save()
	if told(b, 2, claim(5, "a")); b.Changed() {
		t.Error("one more that is told together changes the book")
	}
	if told(b, 2, claim(5, "b")); !b.Changed() {
		t.Error("a new finding does not change the book")
	}
}

func TestDayOf(t *testing.T) {
	for unix, want := range map[int64]int64{0: 0, 86399: 0, 86400: 1, -1: -1, -86400: -1, -86401: -2} {
		if got := DayOf(unix); got != want {
			t.Errorf("%d: day %d, want %d", unix, got, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	b := NewBook()
	for _, c := range drawn(60) {
		told(b, 2, c)
	}
	f.Add(b.Save())
	f.Add(NewBook().Save())
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Load(data)
		if err != nil {
			return
		}
		saved := b.Save()
		again, err := Load(saved)
		if err != nil || !bytes.Equal(again.Save(), saved) {
			t.Errorf("a book that could be read cannot be read again: %v", err)
		}
		told(b, 1, claim(5, "a"))
	})
}
