package lru

import (
	"slices"
	"testing"
)

func keys(m *Map[string, int]) (out []string) {
	for k := range m.All {
		out = append(out, k)
	}
	return out
}

func TestLeastRecentlyUsedGoes(t *testing.T) {
	m := New[string, int](3)
	m.Put("a", 1)
	m.Put("b", 2)
	m.Put("c", 3)
	if v, ok := m.Get("a"); v != 1 || !ok {
		t.Fatalf("a is %d, %v", v, ok)
	}
	if old, dropped := m.Put("d", 4); old != 2 || !dropped {
		t.Errorf("dropped %d, %v, want b's 2", old, dropped)
	}
	m.Put("c", 5)
	if got := keys(m); !slices.Equal(got, []string{"c", "d", "a"}) {
		t.Errorf("order %v", got)
	}
	m.Delete("d")
	m.Delete("gone")
	if _, ok := m.Get("d"); ok || m.Len() != 2 {
		t.Errorf("d is still there, or %d entries", m.Len())
	}
	for k := range m.All {
		m.Delete(k)
	}
	if m.Len() != 0 || len(keys(m)) != 0 {
		t.Error("deleting while walking left entries")
	}
}
