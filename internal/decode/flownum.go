package decode

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"unsafe"
)

// Numbers and addresses are most of a flow record. They are read eight and
// four bytes at a time: how many digits a number has differs from record to
// record, and a branch for each digit would be guessed wrong again and again.

const (
	zeros8 = 0x3030303030303030
	zeros4 = 0x30303030
	// Added to a digit's value these stay below 0x80, to any other byte's they
	// do not, or it had its high bit set anyway.
	above8 = 0x7676767676767676
	above4 = 0x76767676
	high8  = 0x8080808080808080
	high4  = 0x80808080
)

// maxDigits keeps numbers inside an int64.
const maxDigits = 18

// number reads the digits at i and returns their value and the position
// behind them, which is i if there are none or too many.
func number(b []byte, i int) (uint64, int) {
	if i+8 > len(b) {
		return numberSlow(b, i, i, 0)
	}
	w := binary.LittleEndian.Uint64(b[i:]) ^ zeros8
	m := (w + above8 | w) & high8
	if m == 0 {
		return numberSlow(b, i, i+8, eight(w))
	}
	n := bits.TrailingZeros64(m) & 0x38 // bits of the digits
	if n == 0 {
		return 0, i
	}
	return eight(w << (64 - n)), i + n>>3
}

// eight is the number whose decimal digits are the bytes of w, the first one lowest.
func eight(w uint64) uint64 {
	const mask = 0x000000FF000000FF
	w = w*10 + w>>8
	return ((w&mask)*(100+(1000000<<32)) + (w>>16&mask)*(1+(10000<<32))) >> 32
}

// numberSlow goes on with a number that began at start.
func numberSlow(b []byte, start, i int, v uint64) (uint64, int) {
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c > 9 {
			break
		}
		v = v*10 + uint64(c)
	}
	if i-start > maxDigits {
		return 0, start
	}
	return v, i
}

// address reads the IPv4 or IPv6 address at i and returns it and the position
// behind it, which is i if there is none.
func address(b []byte, i int) (netip.Addr, int) {
	start := i
	var ip uint32
	for octet := range 4 {
		if i+4 > len(b) {
			return addressSlow(b, start)
		}
		w := binary.LittleEndian.Uint32(b[i:]) ^ zeros4
		m := (w + above4 | w) & high4
		n := bits.TrailingZeros32(m) & 0x38
		if m == 0 || n == 0 || n > 8 && w&0xFF == 0 { // four digits, none, or a zero before others
			return addressSlow(b, start)
		}
		end := w >> n & 0xFF // the byte behind the digits
		w <<= 32 - n
		v := (w>>8&0xFF)*100 + (w>>16&0xFF)*10 + w>>24
		if v > 255 || octet < 3 && end != '.'^'0' {
			return addressSlow(b, start)
		}
		ip = ip<<8 | v
		i += n >> 3
		if octet < 3 {
			i++
		}
	}
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}), i
}

// addressSlow reads IPv6, and what stands at the very end of a line.
func addressSlow(b []byte, i int) (netip.Addr, int) {
	end := fieldEnd(b, i)
	if end-i > maxAddress {
		return netip.Addr{}, i
	}
	a, err := netip.ParseAddr(alias(b[i:end]))
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, i
	}
	return a, end
}

// maxAddress is the longest that an address can be written.
const maxAddress = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")

// fieldEnd returns the position of the space that ends the field at i, or of
// the line's end.
func fieldEnd(b []byte, i int) int {
	for i < len(b) && b[i] != ' ' {
		i++
	}
	return i
}

// alias is a string that shares the bytes of the batch.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
