package history

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// naive remembers contacts the plain way.
type naive map[contactKey]*Contact

func (n naive) touch(c Contact) {
	k := contactKey{c.Thing, c.Who, c.How}
	old := n[k]
	if old == nil {
		n[k] = &c
		return
	}
	old.First, old.Last = min(old.First, c.First), max(old.Last, c.Last)
	old.Count += c.Count
	old.Bytes += c.Bytes
}

func (n naive) list() (out []Contact) {
	for _, c := range n {
		out = append(out, *c)
	}
	return inOrder(out)
}

func inOrder(list []Contact) []Contact {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Contact) int { return compare(&a, &b) })
	return list
}

func randomContact(rnd *rand.Rand) Contact {
	c := Contact{Who: fmt.Sprintf("who %d", rnd.IntN(9)), How: fmt.Sprintf("how %d", rnd.IntN(4)), Count: 1, Bytes: rnd.Int64N(1 << uint(rnd.IntN(40)))}
	c.First = Second(rnd.IntN(Seconds))
	c.Last = c.First
	switch rnd.IntN(3) {
	case 0:
		c.Thing = string(AppendAddr(nil, netip.AddrFrom4([4]byte{203, 0, byte(rnd.IntN(2)), byte(rnd.IntN(30))})))
	case 1:
		c.Thing = string(AppendAddr(nil, netip.AddrFrom16([16]byte{0x20, 1, 15: byte(rnd.IntN(9))})))
	default:
		c.Thing = NameThing(strings.Repeat("a.", rnd.IntN(4)) + fmt.Sprintf("%d.example.com", rnd.IntN(20)))
	}
	return c
}

// touch does with a set what its users do.
func touch(s *Set, c Contact) {
	key := []byte(c.Thing + "\x00" + c.Who + "\x00" + c.How)
	if !s.Touch(key, c.First, c.Bytes) && s.Room(c.Thing, c.Who) {
		s.Add(key, c.Who, c)
	}
}

// TestLikeANaiveOne: sets that are thrown away and begun anew, runs in order,
// and blocks that are made now and then, tell in the end what a map would.
func TestLikeANaiveOne(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		want := naive{}
		set := NewSet(100_000)
		var block []byte
		var runs [][]byte
		for range rnd.IntN(2000) {
			switch n := rnd.IntN(100); {
			case n == 0: // a restart, after a commit
				if run := set.Take(); run != nil {
					runs = append(runs, run)
				}
				set = NewSet(100_000)
			case n < 4:
				if run := set.Take(); run != nil {
					runs = append(runs, run)
				}
			case n == 4: // a block is made; what came since the last run is in the runs to come
				block, runs = compacted(t, block, runs).Encode(100_000), nil
				set.Take()
				want = naive{}
				for _, c := range contactsOf(t, block) {
					want.touch(c)
				}
				set = NewSet(100_000)
			default:
				c := randomContact(rnd)
				want.touch(c)
				touch(set, c)
			}
		}
		if run := set.Take(); run != nil {
			runs = append(runs, run)
		}
		h := compacted(t, block, runs)
		if d := gocmp.Diff(want.list(), inOrder(h.Contacts())); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
		encoded := h.Encode(100_000)
		if d := gocmp.Diff(want.list(), contactsOf(t, encoded)); d != "" {
			t.Fatalf("seed %d, from the block: %s", seed, d)
		}
		searchAll(t, encoded, want.list())
	}
}

func compacted(t *testing.T, block []byte, runs [][]byte) *Hour {
	t.Helper()
	h := &Hour{}
	if block != nil {
		if err := h.Block(block); err != nil {
			t.Fatal(err)
		}
	}
	for _, run := range runs {
		if err := h.Run(run); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func contactsOf(t *testing.T, block []byte) (out []Contact) {
	t.Helper()
	if err := new(Walker).Walk(block, func([]byte) bool { return true }, func(c *Contact) { out = append(out, *c) }); err != nil {
		t.Fatal(err)
	}
	return out
}

// searchAll looks for each thing alone.
func searchAll(t *testing.T, block []byte, all []Contact) {
	t.Helper()
	var w Walker
	for i := 0; i < len(all); i += 1 + len(all)/10 {
		var got, want []Contact
		for _, c := range all {
			if c.Thing == all[i].Thing {
				want = append(want, c)
			}
		}
		err := w.Walk(block, func(thing []byte) bool { return string(thing) == all[i].Thing }, func(c *Contact) { got = append(got, *c) })
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%q: %v\n%v\n%v", all[i].Thing, err, got, want)
		}
	}
}

// TestThings: addresses and names come back as they were, and in the order in
// which neighbours are beside each other.
func TestThings(t *testing.T) {
	var last string
	for _, text := range []string{"1.2.3.4", "203.0.113.7", "203.0.113.8", "2001:db8::1"} {
		a := netip.MustParseAddr(text)
		thing := string(AppendAddr(nil, a))
		if back, ok := Addr([]byte(thing)); !ok || back != a || thing < last {
			t.Errorf("%s: %v %v", text, back, ok)
		}
		last = thing
	}
	if got := AppendAddr(nil, netip.MustParseAddr("::ffff:203.0.113.7")); string(got) != string(AppendAddr(nil, netip.MustParseAddr("203.0.113.7"))) {
		t.Errorf("%q", got)
	}
	if n, ok := Name([]byte(NameThing("a.example.com"))); !ok || n != "a.example.com" {
		t.Error(n, ok)
	}
	if _, ok := Addr([]byte(NameThing("abcd"))); ok {
		t.Error("a name is no address")
	}
	for unix, want := range map[int64][2]int64{0: {0, 0}, 3599: {0, 3599}, 3600: {1, 0}, -1: {-1, 3599}, -3600: {-1, 0}} {
		if h, s := HourOf(unix); h != want[0] || int64(s) != want[1] {
			t.Errorf("%d: %d %d", unix, h, s)
		}
	}
}

// TestBounds: whatever comes, a set and a block hold no more than they may,
// each knows what it forgot, and those who many meet are forgotten first.
func TestBounds(t *testing.T) {
	const limit = 400
	s := NewSet(limit)
	records := int64(0)
	one := func(thing string, who int) {
		records++
		touch(s, Contact{Thing: NameThing(thing), Who: fmt.Sprintf("who %d", who), Count: 1})
	}
	for who := range 500 { // everybody uses the mirror, and somebody has a secret
		for _, popular := range []string{"mirror", "updates"} {
			one(popular+".example.com", who)
		}
		one(fmt.Sprintf("only%d.example.com", who), who)
	}
	if s.Len() != limit {
		t.Errorf("%d contacts of at most %d", s.Len(), limit)
	}
	run := s.Take()
	h := &Hour{}
	if err := h.Run(run); err != nil {
		t.Fatal(err)
	}
	rare, kept := 0, int64(0)
	for _, c := range h.Contacts() {
		kept += c.Count
		if strings.HasPrefix(c.Thing, "nonly") {
			rare++
		}
	}
	if kept+h.Forgotten != records {
		t.Errorf("%d records are kept and %d forgotten, of %d", kept, h.Forgotten, records)
	}
	if rare < 180 { // a hundred while there is room for all, and most of the last quarter
		t.Errorf("only %d of the contacts that others do not have are there", rare)
	}
	h = &Hour{}
	if err := h.Run(run); err != nil {
		t.Fatal(err)
	}
	block := h.Encode(limit / 2)
	small := contactsOf(t, block)
	if len(small) != limit/2 || Forgotten(block) != records-limit/2 {
		t.Errorf("%d contacts in the block, %d records forgotten", len(small), Forgotten(block))
	}
	again := &Hour{}
	if err := again.Block(block); err != nil || again.Forgotten != records-limit/2 {
		t.Errorf("%d records forgotten (%v)", again.Forgotten, err)
	}
	left := map[string]int{}
	for _, c := range small {
		left[c.Thing]++
	}
	if left["nmirror.example.com"] > 8 || left["nupdates.example.com"] > 8 || len(left) != rare+2 {
		t.Errorf("things %d, mirror %d", len(left), left["nmirror.example.com"])
	}
}

// TestOneDoesNotTakeAllRoom: who meets everything leaves room for others.
func TestOneDoesNotTakeAllRoom(t *testing.T) {
	const limit = 400
	s := NewSet(limit)
	for n := range 5000 {
		touch(s, Contact{Thing: NameThing(fmt.Sprint(n)), Who: "noisy", Count: 1})
	}
	if s.Len() > limit/4 || !s.Tight("noisy") || s.Tight("quiet") {
		t.Errorf("%d contacts", s.Len())
	}
	before := s.Len()
	touch(s, Contact{Thing: NameThing("c2.example.com"), Who: "quiet", Count: 1})
	if s.Len() != before+1 {
		t.Error("there was no room for another one")
	}
}

// TestDamage: bytes that are no block, or one that was cut, are a fault and
// nothing worse.
func TestDamage(t *testing.T) {
	h := &Hour{}
	rnd := rand.New(rand.NewPCG(1, 2))
	s := NewSet(1000)
	for range 300 {
		touch(s, randomContact(rnd))
	}
	run := s.Take()
	if err := h.Run(run); err != nil {
		t.Fatal(err)
	}
	block := h.Encode(1000)
	for n := range block {
		if err := new(Walker).Walk(block[:n], func([]byte) bool { return true }, func(*Contact) {}); err == nil {
			t.Fatalf("a block of %d bytes of %d is whole", n, len(block))
		}
	}
	if new(Hour).Run(nil) == nil || new(Hour).Run([]byte{9}) == nil || new(Hour).Run([]byte{runMore, 0, 0, 5, 0, 0, 1, 0}) == nil {
		t.Error("a run without a beginning was taken")
	}
}

// FuzzBlock reads any bytes as a block and as a run.
func FuzzBlock(f *testing.F) {
	h := &Hour{}
	s := NewSet(100)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		touch(s, randomContact(rnd))
	}
	run := s.Take()
	if err := h.Run(run); err != nil {
		f.Fatal(err)
	}
	f.Add(h.Encode(100))
	f.Add(run)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		check := func(c *Contact) {
			if n++; c.Count <= 0 || c.Bytes < 0 || c.First > c.Last || c.Last >= Seconds {
				t.Errorf("%+v", c)
			}
		}
		whole := new(Walker).Walk(data, func([]byte) bool { return true }, check) == nil
		b, ok := open(data)
		if whole && (!ok || n != b.contacts) {
			t.Errorf("%d contacts of %d", n, b.contacts)
		}
		var again Hour
		if again.Run(data) == nil {
			before := inOrder(slices.DeleteFunc(slices.Clone(again.Contacts()), func(c Contact) bool { return c.Count == 0 }))
			after := contactsOf(t, again.Encode(len(before)+1))
			if gocmp.Diff(before, after) != "" && cmp.Compare(len(before), len(after)) != 0 {
				t.Errorf("%v\n%v", before, after)
			}
		}
	})
}
