package ranges

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var day = time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)

func build(t testing.TB, lines ...string) []byte {
	t.Helper()
	var b Builder
	for _, l := range lines {
		p, label, _ := strings.Cut(l, " ")
		if err := b.Add(netip.MustParsePrefix(p), label); err != nil {
			t.Fatal(err)
		}
	}
	file, err := b.Encode(day)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFind(t *testing.T) {
	file := build(t,
		"0.0.0.0/8 A", "10.0.0.0/9 A", "10.128.0.0/9 B", "255.255.255.255/32 D",
		"::/64 E", "2001:db8::/32 A", "2001:db9::/32 A", "fe80::/10 F", "ff00::/8 A")
	table, err := Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	if !table.Built().Equal(day) {
		t.Errorf("built %v", table.Built())
	}
	for a, want := range map[string]string{
		"0.0.0.0": "A", "0.255.255.255": "A", "1.0.0.0": "", "9.255.255.255": "", "10.0.0.0": "A", "10.127.255.255": "A", "10.128.0.0": "B",
		"10.255.255.255": "B", "11.0.0.0": "", "255.255.255.254": "", "255.255.255.255": "D", "::ffff:10.0.0.1": "A",
		"::": "E", "::ffff:ffff:ffff:ffff": "E", "0:0:0:1::": "", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff": "", "2001:db8::": "A", "2001:db9:ffff:ffff:ffff:ffff:ffff:ffff": "A",
		"2001:dba::": "", "fe7f::": "", "fe80::1%eth0": "F", "febf:ffff::": "F", "fec0::": "", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": "A",
	} {
		if got := table.Labels()[table.Find(netip.MustParseAddr(a))]; got != want {
			t.Errorf("%s: %q, want %q", a, got, want)
		}
	}
	if table.Find(netip.Addr{}) != 0 {
		t.Error("an address that is none has a label")
	}
}

func TestBuilderRefuses(t *testing.T) {
	for _, tt := range []struct{ first, second, label string }{
		{"10.0.0.0/8", "10.1.0.0/16", "A"},
		{"10.0.0.0/8", "9.0.0.0/8", "A"},
		{"0.0.0.0/0", "10.0.0.0/8", "A"},
		{"::/0", "2001:db8::/32", "A"},
		{"10.0.0.0/8", "11.0.0.1/8", "A"},
		{"10.0.0.0/8", "11.0.0.0/8", ""},
		{"10.0.0.0/8", "2001:db8::/65", "A"},
	} {
		var b Builder
		if err := b.Add(netip.MustParsePrefix(tt.first), "A"); err != nil {
			t.Fatal(err)
		}
		if err := b.Add(netip.MustParsePrefix(tt.second), tt.label); err == nil {
			t.Errorf("%s was taken after %s", tt.second, tt.first)
		}
	}
	var b Builder
	for i := range maxLabel {
		if err := b.Add(netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(i)}), 8), fmt.Sprint("L", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add(netip.MustParsePrefix("255.0.0.0/8"), "one more"); err == nil {
		t.Error("too many labels were taken")
	}
}

func TestEmpty(t *testing.T) {
	table, err := Decode(build(t))
	if err != nil {
		t.Fatal(err)
	}
	if table.Find(netip.MustParseAddr("8.8.8.8")) != 0 || len(table.Labels()) != 1 {
		t.Errorf("%v", table.Labels())
	}
}

// TestRandom compares look-ups with the prefixes themselves, and the bytes of
// two builds with each other.
func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var lines []string
	want := map[netip.Addr]string{}
	for i := range uint32(40_000) {
		if r.IntN(3) == 0 {
			continue
		}
		a4 := netip.AddrFrom4([4]byte{byte(i >> 11), byte(i >> 3), byte(i << 5)})
		a6 := netip.AddrFrom16([16]byte{0x2a, byte(i >> 15), byte(i >> 7), byte(i << 1)})
		label := string(rune('A' + r.IntN(20)))
		p := netip.PrefixFrom(a4, 19+r.IntN(14))
		lines = append(lines, p.String()+" "+label)
		want[a4] = label
		if p.Bits() < 32 {
			want[a4.Next()] = label
		} else if _, ok := want[a4.Next()]; !ok {
			want[a4.Next()] = ""
		}
		lines = append(lines, netip.PrefixFrom(a6, 31).String()+" "+label)
		want[a6] = label
	}
	file := build(t, lines...)
	if !bytes.Equal(file, build(t, lines...)) {
		t.Error("the same prefixes gave other bytes")
	}
	table, err := Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	for a, label := range want {
		if got := table.Labels()[table.Find(a)]; got != label {
			t.Fatalf("%v: %q, want %q", a, got, label)
		}
	}
}

func TestDecodeFaults(t *testing.T) {
	file := build(t, "10.0.0.0/8 A", "2001:db8::/32 B")
	for name, bad := range map[string][]byte{
		"empty": nil, "another magic": append([]byte("XXXX"), file[4:]...), "cut": file[:len(file)-1], "no body": file[:4],
	} {
		if _, err := Decode(bad); err == nil || !strings.Contains(err.Error(), "table of ranges") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
