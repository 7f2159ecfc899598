package detect

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestIsPublic compares the short way for IPv4 with the rules.
func TestIsPublic(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	check := func(v uint32) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], v)
		ip := netip.AddrFrom4(b)
		if want := ip.IsGlobalUnicast() && !ip.IsPrivate() && !cgnat.Contains(ip); isPublic(ip) != want {
			t.Fatalf("%s: public is %v", ip, !want)
		}
	}
	for i := range uint32(1 << 16) {
		check(i << 16)
		check(i<<16 | 0xffff)
		check(rnd.Uint32())
	}
}
