// Package lru is a map that keeps what was used last, up to a bound.
package lru

// Map is a bounded map. It is not safe for concurrent use.
type Map[K comparable, V any] struct {
	max   int
	items map[K]*item[K, V]
	// ends is the ring's anchor: ends.next was used last, ends.prev longest ago.
	ends item[K, V]
}

type item[K comparable, V any] struct {
	key        K
	value      V
	prev, next *item[K, V]
}

// New returns a map of at most max entries.
func New[K comparable, V any](max int) *Map[K, V] {
	m := &Map[K, V]{max: max, items: map[K]*item[K, V]{}}
	m.ends.prev, m.ends.next = &m.ends, &m.ends
	return m
}

// Len is how many entries there are.
func (m *Map[K, V]) Len() int { return len(m.items) }

// Get returns an entry and counts that as a use.
func (m *Map[K, V]) Get(k K) (V, bool) {
	it, ok := m.items[k]
	if !ok {
		var none V
		return none, false
	}
	it.unlink()
	m.first(it)
	return it.value, true
}

// Put sets an entry. When that is one too many, the one that was not used for
// longest goes, and is returned.
func (m *Map[K, V]) Put(k K, v V) (old V, dropped bool) {
	if it, ok := m.items[k]; ok {
		it.value = v
		it.unlink()
		m.first(it)
		return old, false
	}
	if len(m.items) >= m.max {
		last := m.ends.prev
		old, dropped = last.value, true
		m.remove(last)
	}
	it := &item[K, V]{key: k, value: v}
	m.items[k] = it
	m.first(it)
	return old, dropped
}

// Delete takes an entry away.
func (m *Map[K, V]) Delete(k K) {
	if it, ok := m.items[k]; ok {
		m.remove(it)
	}
}

// All yields the entries, the one used last first.
func (m *Map[K, V]) All(yield func(K, V) bool) {
	for it := m.ends.next; it != &m.ends; {
		next := it.next // it may be deleted meanwhile
		if !yield(it.key, it.value) {
			return
		}
		it = next
	}
}

func (m *Map[K, V]) remove(it *item[K, V]) {
	it.unlink()
	delete(m.items, it.key)
}

func (m *Map[K, V]) first(it *item[K, V]) {
	it.prev, it.next = &m.ends, m.ends.next
	it.prev.next, it.next.prev = it, it
}

func (it *item[K, V]) unlink() { it.prev.next, it.next.prev = it.next, it.prev }
