//go:build linux && (amd64 || arm64)

package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// nameKey is bpf/names.bpf.h's struct name_key.
type nameKey [MaxName + 1]byte

// SetNames replaces the file names whose changes are told. Names that stay are
// watched all the while. A name that is given twice has both roles.
func (p *Probe) SetNames(names []Name) error {
	want := map[nameKey]uint32{}
	for _, n := range names {
		if err := n.check(); err != nil {
			return err
		}
		var key nameKey
		copy(key[:], n.Name)
		want[key] |= uint32(n.Role)
	}
	p.namesMu.Lock()
	defer p.namesMu.Unlock()
	m := p.coll.Maps["names"]
	if len(want) > int(m.MaxEntries()) {
		return fmt.Errorf("kernel: %d names to watch: at most %d", len(want), m.MaxEntries())
	}
	// First more bits and names, then fewer: what stays is found all the while.
	if err := p.setSieve(want, p.names); err != nil {
		return err
	}
	for key := range p.names {
		if _, stays := want[key]; stays {
			continue
		}
		if err := m.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("kernel: forget a name: %w", err)
		}
	}
	p.names = want
	for key, roles := range want {
		if err := m.Put(key, roles); err != nil {
			return fmt.Errorf("kernel: watch a name: %w", err)
		}
	}
	return p.setSieve(want)
}

// sieve is bpf/names.bpf.h's struct sieve.
type sieve [1 << sieveBits / 64]uint64

const sieveBits = 12

// setSieve lets the names of all sets through.
func (p *Probe) setSieve(sets ...map[nameKey]uint32) error {
	var s sieve
	for _, set := range sets {
		for key := range set {
			sum := key.sum()
			s[sum>>6] |= 1 << (sum & 63)
		}
	}
	if err := p.coll.Maps["sieves"].Put(uint32(0), s); err != nil {
		return fmt.Errorf("kernel: watch names: %w", err)
	}
	return nil
}

// sum is what bpf/names.bpf.h's passes computes.
func (k nameKey) sum() uint64 {
	length := uint64(bytes.IndexByte(k[:], 0))
	return ((binary.LittleEndian.Uint64(k[:]) ^ length) * 0x9e3779b97f4a7c15) >> (64 - sieveBits)
}
