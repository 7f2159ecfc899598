package ranges

import (
	"net/netip"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// FuzzDecode: a table or an error, never both, and look-ups in whatever was
// read stay within its labels. The input is the body before compression, which
// a fuzzer could not find its way through.
func FuzzDecode(f *testing.F) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		f.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, lines := range [][]string{nil, {"10.0.0.0/8 A"}, {"0.0.0.0/0 A", "::/0 B"}, {"10.0.0.0/8 A", "2001:db8::/32 B", "2a00::/16 A"}} {
		body, err := z.DecodeAll(build(f, lines...)[len(magic):], nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	probes := []string{"0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "2001:db8::1", "2a00::", "ffff:ffff::"}
	f.Fuzz(func(t *testing.T, body []byte) {
		table, err := Decode(w.EncodeAll(body, []byte(magic)))
		if (table == nil) == (err == nil) {
			t.Fatalf("%v and %v", table, err)
		}
		if err != nil {
			return
		}
		for _, a := range probes {
			_ = table.Labels()[table.Find(netip.MustParseAddr(a))]
		}
		last := netip.Addr{}
		for a, label := range table.All() {
			if last.IsValid() && a.Compare(last) <= 0 {
				t.Fatalf("%v after %v", a, last)
			}
			if got := table.Labels()[table.Find(a)]; got != label && !a.Is4In6() {
				t.Fatalf("%v: %q, want %q", a, got, label)
			}
			last = a
		}
	})
}
