package intel

import "math/bits"

// buckets lead to the few of many sorted keys among which a key is: an index by
// the upper bits of what a key is above the least one. Most searches then touch
// two places of the memory, and none needs more steps than halving takes.
type buckets struct {
	least uint64
	shift uint
	first []uint32 // keys first[b] to first[b+1] are in bucket b
}

func bucketsOf(n int, key func(i int) uint64) buckets {
	if n == 0 {
		return buckets{}
	}
	b := buckets{least: key(0)}
	span := key(n-1) - b.least
	b.shift = uint(max(bits.Len64(span)-bits.Len(uint(n)), 0)) // one to two buckets a key
	b.first = make([]uint32, 0, span>>b.shift+2)
	for i := range n {
		for at := (key(i) - b.least) >> b.shift; uint64(len(b.first)) <= at; {
			b.first = append(b.first, uint32(i))
		}
	}
	b.first = append(b.first, uint32(n))
	return b
}

// around returns which keys have to be compared with k: those before from are
// less, those from to on are greater.
func (b *buckets) around(k uint64) (from, to int) {
	if len(b.first) == 0 || k < b.least {
		return 0, 0
	}
	at := (k - b.least) >> b.shift
	if last := uint64(len(b.first) - 1); at >= last {
		return int(b.first[last]), int(b.first[last])
	}
	return int(b.first[at]), int(b.first[at+1])
}

// near is how many keys are looked at one after the other.
const near = 8

// sorted finds in sorted keys.
type sorted struct {
	keys []uint64
	buckets
}

func sortedOf(keys []uint64) sorted {
	return sorted{keys, bucketsOf(len(keys), func(i int) uint64 { return keys[i] })}
}

// last is the index of the last key that is not greater than k; -1 if all are.
func (s *sorted) last(k uint64) int {
	from, to := s.around(k)
	for to-from > near {
		if mid := from + (to-from)/2; s.keys[mid] <= k {
			from = mid
		} else {
			to = mid
		}
	}
	for from < to && s.keys[from] <= k {
		from++
	}
	return from - 1
}
