package intel

import (
	"runtime"
	"testing"
)

// TestMemory: ten million entries, half of them prefixes and half domains, fit
// into a gibibyte. What an entry takes hardly depends on how many there are.
func TestMemory(t *testing.T) {
	const n, most = 200_000, 1 << 30 / 10_000_000
	w, list := newWorld(), make([]string, 0, n)
	for i := range n / 2 {
		list = append(list, w.prefix(i).String(), w.domain(i))
	}
	before := heap()
	b := NewBuilder()
	l := b.List(List{Name: "l", Kind: KindFeed, Category: Malicious})
	for _, e := range list {
		if err := l.Add(e, Fact{FirstSeen: 20000, LastSeen: 20001, Confidence: 90}); err != nil {
			t.Fatal(err)
		}
	}
	set := b.Set()
	b, l = nil, nil
	per := float64(heap()-before) / n
	if per > most {
		t.Errorf("an entry takes %.0f bytes, more than the %d that there are for each of ten million", per, most)
	}
	t.Logf("%.0f bytes an entry", per)
	runtime.KeepAlive(set)
	runtime.KeepAlive(list)
}
