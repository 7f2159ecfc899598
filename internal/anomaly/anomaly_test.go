package anomaly

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func TestLn(t *testing.T) {
	for _, x := range []uint64{0, 1, 2, 3, 7, 10, 255, 256, 257, 1000, 12345, 1 << 20, 1<<32 - 1, 1 << 62} {
		want := 0.0
		if x > 1 {
			want = math.Log(float64(x)) * Nat
		}
		if got := ln(x); math.Abs(float64(got)-want) > 1.6 {
			t.Errorf("ln(%d) = %d, want %.1f", x, got, want)
		}
	}
}

// drawn is a profile that met values at random.
func drawn(r *rand.Rand, events int) *Profile {
	p := new(Profile)
	day := int32(20_000)
	for range events {
		if r.IntN(20) == 0 {
			day += int32(r.IntN(3))
			p.Settle(day)
		}
		p.Settle(day)
		p.add(r.IntN(5), Hash(strconv.Itoa(r.IntN(1+r.IntN(40)))), day, r.Uint64(), 16)
		p.Meet(day)
	}
	return p
}

func saved(t testing.TB, p interface{ MarshalBinary() ([]byte, error) }) []byte {
	t.Helper()
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSettle: to settle for a day by way of others is to settle for it, so a
// profile may be settled whenever it is looked at.
func TestSettle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		p := drawn(r, 300)
		at := p.today
		var q Profile
		if err := q.UnmarshalBinary(saved(t, p)); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			p.Settle(at + int32(r.IntN(80)))
		}
		p.Settle(at + 80)
		q.Settle(at + 80)
		if !bytes.Equal(saved(t, p), saved(t, &q)) {
			t.Fatal("another day on the way makes another profile")
		}
	}
}

// TestFlood: millions of new values cannot push out what was met more than once.
func TestFlood(t *testing.T) {
	p := new(Profile)
	p.Settle(20_000)
	for range 50 {
		for v := range 20 {
			p.add(0, Hash("real"+strconv.Itoa(v)), 20_000, 0, ownSlots)
		}
	}
	for i := range 1_000_000 {
		p.add(0, uint32(i)*2654435761, 20_000, 0, ownSlots)
	}
	for v := range 20 {
		if c := p.count(0, Hash("real"+strconv.Itoa(v))); c.own < 40 {
			t.Errorf("value %d is counted %d times", v, c.own)
		}
	}
	if p.Values() != ownSlots || len(saved(t, p)) > 1024 {
		t.Errorf("%d values in %d bytes", p.Values(), len(saved(t, p)))
	}
}

func TestWalk(t *testing.T) {
	var nodes Nodes
	for i := range nodes {
		nodes[i] = new(Profile)
		nodes[i].Settle(20_000)
	}
	teach := func(value string, times int) {
		for i := range times {
			s := Walk(&nodes, 0, Hash(value))
			Learn(&nodes, 0, Hash(value), s, 20_000, uint64(i))
		}
	}
	teach("usual", 60)
	teach("other", 50)
	teach("once", 1)
	usual, once, never := Walk(&nodes, 0, Hash("usual")), Walk(&nodes, 0, Hash("once")), Walk(&nodes, 0, Hash("never"))
	if usual.Score != 0 || usual.Known != 0 {
		t.Errorf("the usual: %+v", usual)
	}
	if once.Score <= Decade || once.Known != 0 || never.Score <= once.Score || never.Known != Levels || never.Score > most {
		t.Errorf("once %+v, never %+v", once, never)
	}
	if n := nodes[1].Total(0); n != 3 {
		t.Errorf("the peers learned %d events; they learn what is new to the principal", n)
	}
	busy := nodes // somebody new among peers who know the value
	busy[0] = new(Profile)
	if s := Walk(&busy, 0, Hash("usual")); s.Known != 1 {
		t.Errorf("a peer's value: %+v", s)
	}
	nodes[0].Expect(0, Hash("never"), true)
	if s := Walk(&nodes, 0, Hash("never")); s.Score != 0 || !s.Trusted {
		t.Errorf("expected: %+v", s)
	}
	nodes[0].Expect(0, Hash("never"), false)
	if s := Walk(&nodes, 0, Hash("never")); s.Score != never.Score {
		t.Errorf("taken back: %+v, want %+v", s, never)
	}
}

func TestClass(t *testing.T) {
	for days, want := range map[uint32]string{0: "UNSEEN", 1: "RARE", 1 << 31: "UNSEEN", 3: "INFREQUENT", 15: "INFREQUENT", 31: "FREQUENT"} {
		if got := Class(days); got != want {
			t.Errorf("%b: %s, want %s", days, got, want)
		}
	}
}

// TestFit: of scores that thin out as they should, as many pass the threshold
// as the budget says.
func TestFit(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	score := func() int64 { return int64(r.ExpFloat64() * Decade) }
	var days []*Scores
	for range 14 {
		d := new(Scores)
		for range 20_000 {
			d.Events++
			d.Add(score(), false)
		}
		days = append(days, d)
	}
	tail, ok := Fit(days)
	if !ok {
		t.Fatal("too few events")
	}
	threshold, passed := tail.Threshold(10_000), 0
	const later = 2_000_000
	for range later {
		if score() >= threshold {
			passed++
		}
	}
	if passed < later/10_000/2 || passed > later/10_000*2 {
		t.Errorf("%d of %d pass a threshold for one in 10,000", passed, later)
	}
	if rate := tail.Rate(threshold); rate < Decade*39/10 || rate > Decade*41/10 {
		t.Errorf("the rate of that threshold is 10^-%.2f", float64(rate)/Decade)
	}
	before := threshold
	days[3].Add(30*Decade, true) // an attack
	if tail, _ = Fit(days); tail.Threshold(10_000) != before {
		t.Error("what was found moves the threshold")
	}
	for range 14*noisy + 1 {
		days[3].Add(30*Decade, true)
	}
	if tail, _ = Fit(days); tail.Threshold(10_000) <= before {
		t.Error("a cluster that is noisy keeps its threshold")
	}
	if _, ok := Fit(days[:0]); ok {
		t.Error("nothing is enough")
	}
}

func TestRecent(t *testing.T) {
	var r Recent
	steps := []struct {
		at     int64
		name   uint32
		score  int64
		total  int64
		counts bool
	}{
		{1000, 1, 100, 100, true}, {1010, 1, 80, 100, true}, {1020, 2, 200, 230, true}, {1030, 3, 50, 235, true}, {1040, 4, 10, 235, false},
		{1040 + hour, 5, 10, 10, true},
	}
	for i, s := range steps {
		total, counts, _ := r.Add(s.at, s.name, s.score)
		if total != s.total || counts != s.counts {
			t.Errorf("step %d: %d %v, want %d %v", i, total, counts, s.total, s.counts)
		}
	}
	if !r.Tell(5000, 5, 1) || r.Tell(5000+tellEvery-1, 5, 1) || !r.Tell(5000+tellEvery, 5, 1) || !r.Tell(5001+tellEvery, 5, 2) {
		t.Error("what goes on is told every ten minutes, what is something else at once")
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	for day := range int32(20) {
		h.Add(20_000+day, 60<<20)
		h.Add(20_000+day, int64(day)<<20)
	}
	if h.Days() != 19 || h.Largest() != 78<<20 || h.Today() != 79<<20 {
		t.Errorf("%d days, largest %d, today %d", h.Days(), h.Largest(), h.Today())
	}
	usual, twice, tenfold := h.Tail(70<<20), h.Tail(150<<20), h.Tail(1<<30)
	if usual > 1000 || twice < usual || tenfold < 6000 {
		t.Errorf("tails %d, %d, %d", usual, twice, tenfold)
	}
	h.Add(20_000, 1<<50)
	if h.Today() != 79<<20 || h.Largest() != 78<<20 {
		t.Error("an amount of a day that is over counts")
	}
	h.Add(20_400, 1)
	if h.Days() != 0 || h.Tail(1<<40) != 0 {
		t.Errorf("after a year %d days are left", h.Days())
	}
}

// TestOtherVersions: what another version kept is refused with a reason, and
// what was kept before stays.
func TestOtherVersions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	p := drawn(r, 100)
	before := saved(t, p)
	for _, m := range []interface {
		MarshalBinary() ([]byte, error)
		UnmarshalBinary([]byte) error
	}{p, &Scores{Events: 3, usual: []bin{{1, 2}}}, &Recent{acts: []act{{1, 2, 3, 4, 5}}}, &Histogram{largest: 4}} {
		b := saved(t, m)
		if err := m.UnmarshalBinary(b); err != nil {
			t.Errorf("%T: %v", m, err)
		}
		if !bytes.Equal(saved(t, m), b) {
			t.Errorf("%T does not come back", m)
		}
		b[0]++
		if err := m.UnmarshalBinary(b); err == nil || !strings.Contains(err.Error(), "version 2, this program reads 1") {
			t.Errorf("%T: %v", m, err)
		}
		if m.UnmarshalBinary(nil) == nil || m.UnmarshalBinary(saved(t, m)[:1]) == nil && len(saved(t, m)) > 1 {
			t.Errorf("%T: a part is read", m)
		}
	}
	if !bytes.Equal(saved(t, p), before) {
		t.Error("what was refused changed the profile")
	}
}

// FuzzModels: no bytes break a reader, and what is read is written as it was
// understood.
func FuzzModels(f *testing.F) {
	r := rand.New(rand.NewPCG(4, 4))
	f.Add(saved(f, drawn(r, 50)))
	f.Add(saved(f, &Scores{Events: 3, usual: []bin{{1, 2}}, found: []bin{{3, 1}}}))
	f.Add(saved(f, &Recent{acts: []act{{1, 2, 3, 4, 5}}}))
	f.Add([]byte{Version, 9, 9, 9, 3, 200, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Profile
		if p.UnmarshalBinary(b) == nil {
			p.Settle(30_000)
			nodes := Nodes{&p}
			for v := range MaxViews {
				s := Walk(&nodes, v, 7)
				if s.Score < 0 || s.Score > most {
					t.Errorf("score %d", s.Score)
				}
				Learn(&nodes, v, 7, s, 30_000, 1)
				p.Usual(v, 3)
				p.Expect(v, 9, true)
				p.Expect(v, 9, false)
			}
			var q Profile
			if err := q.UnmarshalBinary(saved(t, &p)); err != nil {
				t.Error(err)
			}
		}
		var s Scores
		if s.UnmarshalBinary(b) == nil {
			s.Add(Decade, false)
			tail, _ := Fit([]*Scores{&s})
			tail.Threshold(1 << 20)
		}
		var c Recent
		if c.UnmarshalBinary(b) == nil {
			c.Add(1000, 1, 5)
			c.Others(1)
		}
		var h Histogram
		if h.UnmarshalBinary(b) == nil {
			h.Add(40_000, 1)
			h.Tail(1 << 40)
		}
	})
}

func BenchmarkWalkAndLearn(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 5))
	nodes := Nodes{drawn(r, 5000), drawn(r, 3000), drawn(r, 3000), drawn(r, 3000)}
	day := nodes[0].today
	for _, p := range nodes {
		p.Settle(day)
	}
	hashes := make([]uint32, 40)
	for i := range hashes {
		hashes[i] = Hash(strconv.Itoa(i))
	}
	b.ReportAllocs()
	for i := range b.N {
		for v := range 5 {
			h := hashes[(i+v)%len(hashes)]
			s := Walk(&nodes, v, h)
			Learn(&nodes, v, h, s, day, uint64(i))
		}
	}
}
