package detect

import (
	"encoding/binary"
	"slices"
	"sort"
	"time"
)

// burst remembers when distinct things happened last, the newest few of them,
// in the order of their times. It is small, and its cost does not grow with
// what an attacker does.
type burst []occasion

type occasion struct {
	at int64 // Unix seconds
	id uint64
}

// add notes that id happened, and reports whether that was new. The oldest
// make room.
func (b *burst) add(id uint64, at time.Time, limit int) bool {
	for _, o := range *b {
		if o.id == id {
			return false
		}
	}
	return insertByTime((*[]occasion)(b), occasion{at.Unix(), id}, limit, func(o *occasion) int64 { return o.at })
}

// insertByTime puts an element in its place by time in a list of so many at
// most; the oldest make room. It reports false for what is older than all that
// a full list has.
func insertByTime[T any](list *[]T, x T, limit int, at func(*T) int64) bool {
	l, t := *list, at(&x)
	i := sort.Search(len(l), func(i int) bool { return at(&l[i]) > t })
	if len(l) < limit {
		*list = slices.Insert(l, i, x)
		return true
	}
	if i == 0 {
		return false
	}
	copy(l[:i-1], l[1:i])
	l[i-1] = x
	return true
}

// within is how many of them happened within a window that holds at: the most
// crowded one.
func (b burst) within(window time.Duration, at time.Time) int {
	w, t, most := int64(window/time.Second), at.Unix(), 0
	for i := range b {
		if b[i].at < t-w || b[i].at > t {
			continue
		}
		n := sort.Search(len(b), func(k int) bool { return b[k].at > b[i].at+w }) - i
		most = max(most, n)
	}
	return most
}

func (b burst) append(to []byte) []byte {
	to = binary.AppendUvarint(to, uint64(len(b)))
	last := int64(0)
	for _, o := range b {
		to = binary.AppendVarint(to, o.at-last)
		to = binary.LittleEndian.AppendUint64(to, o.id)
		last = o.at
	}
	return to
}

func (s *saved) burst(limit int) burst {
	n := s.count(limit)
	if n == 0 {
		return nil
	}
	b, last := make(burst, 0, n), int64(0)
	for range n {
		last += s.int()
		b = append(b, occasion{last, s.uint64()})
	}
	return b
}
