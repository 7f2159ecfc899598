package detect

import "net/netip"

// mix is a hash that is the same in every process (FNV-1a, and a stir so that
// all its bits are good).
type mix uint64

const mixSeed mix = 14695981039346656037

func (h mix) byte(c byte) mix { return (h ^ mix(c)) * 1099511628211 }

func (h mix) string(s string) mix {
	for i := range len(s) {
		h = h.byte(s[i])
	}
	return h
}

func (h mix) addr(a netip.Addr) mix {
	if a.Is4() {
		for _, c := range a.As4() {
			h = h.byte(c)
		}
		return h
	}
	for _, c := range a.As16() {
		h = h.byte(c)
	}
	return h
}

func (h mix) sum() uint64 {
	v := uint64(h)
	v ^= v >> 33
	v *= 0xff51afd7ed558ccd
	return v ^ v>>33
}
