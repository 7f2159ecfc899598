package history

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// An account of 200 instances and 5,000 distinct peers an hour: 3,000 addresses
// that one or two of them call, the same ones mostly from hour to hour, some
// that all of them call, 800 names, and strangers that call a load balancer.
type bed struct {
	rnd   *rand.Rand
	peers []netip.Addr
	names []string
}

func newBed() *bed {
	b := &bed{rnd: rand.New(rand.NewPCG(1, 2))}
	for range 20_000 {
		b.peers = append(b.peers, b.stranger())
	}
	for i := range 4000 {
		b.names = append(b.names, fmt.Sprintf("%s%d.%s", []string{"api", "d111111abcdef", "node", "cdn-edge-"}[i%4], i*7919%100_003, []string{"example.com", "cloudfront.net", "s3.eu-central-1.amazonaws.com", "vendor.example"}[i%4]))
	}
	return b
}

func (b *bed) stranger() netip.Addr {
	return netip.AddrFrom4([4]byte{byte(1 + b.rnd.IntN(222)), byte(b.rnd.IntN(256)), byte(b.rnd.IntN(256)), byte(b.rnd.IntN(256))})
}

func who(i int) string {
	return fmt.Sprintf(`{"eni":"eni-%017x","vpc":"vpc-0a1b2c3d4e5f60718","subnet":"subnet-0123456789abcdef%d","instance":"i-%017x","ip":"10.0.%d.%d"}`, uint64(i)*0x9E3779B97F4A7C15>>4, i%6, uint64(i)*0xC2B2AE3D27D4EB4F>>4, i%8, i%250)
}

// hour fills a set as flow logs and query logs of an hour would.
func (b *bed) hour() *Set {
	s := NewSet(1 << 16)
	add := func(thing string, i int, how string) {
		at := b.rnd.IntN(Seconds)
		n := 1 + b.rnd.IntN(60)
		last := min(Seconds-1, at+b.rnd.IntN(Seconds))
		s.Add([]byte(fmt.Sprint(thing, i, how)), fmt.Sprint(i), Contact{thing, who(i), how, Second(at), Second(last), int64(n), int64(n) * int64(b.rnd.IntN(60_000))})
	}
	flow := func(a netip.Addr, i, port int, in bool) {
		add(string(AppendAddr(nil, a)), i, fmt.Sprintf(`{"kind":"flow","port":%d,"proto":6,"in":%v}`, port, in))
	}
	for range 3000 {
		a := b.peers[b.rnd.IntN(len(b.peers))]
		for range 1 + b.rnd.IntN(2) {
			flow(a, b.rnd.IntN(200), []int{443, 443, 443, 80, 8443, 22}[b.rnd.IntN(6)], false)
		}
	}
	for k := range 20 {
		for i := range 200 {
			if b.rnd.IntN(2) == 0 {
				flow(b.peers[k], i, 443, false)
			}
		}
	}
	for range 2000 {
		flow(b.stranger(), b.rnd.IntN(4), 443, true)
	}
	for range 3000 {
		add(NameThing(b.names[int(b.rnd.ExpFloat64()*300)%len(b.names)]), b.rnd.IntN(200), `{"kind":"dns"}`)
	}
	return s
}

func (b *bed) block(t testing.TB) (block, run []byte, contacts int) {
	s := b.hour()
	run = s.Take()
	h := &Hour{}
	if err := h.Run(run); err != nil {
		t.Fatal(err)
	}
	return h.Encode(1 << 16), run, s.Len()
}

// BenchmarkBlock tells what a contact takes and how long a block takes to make.
func BenchmarkBlock(b *testing.B) {
	bed := newBed()
	_, run, n := bed.block(b)
	size := 0
	for b.Loop() {
		h := &Hour{}
		if err := h.Run(run); err != nil {
			b.Fatal(err)
		}
		size = len(h.Encode(1 << 16))
	}
	b.ReportMetric(float64(n), "contacts")
	b.ReportMetric(float64(size)/float64(n), "bytes/contact")
	b.ReportMetric(float64(len(run))/float64(n), "run-bytes/contact")
	b.ReportMetric(float64(size)*24*90/(1<<20), "MiB/90d")
}

// BenchmarkSearch looks for a thing that nobody met in an hour.
func BenchmarkSearch(b *testing.B) {
	bed := newBed()
	block, _, _ := bed.block(b)
	var w Walker
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if err := w.Walk(block, func([]byte) bool { return false }, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTouch counts a record of a contact that is known.
func BenchmarkTouch(b *testing.B) {
	s := NewSet(1 << 16)
	var keys [][]byte
	for i := range 10_000 {
		key := fmt.Appendf(nil, "f\xcb\x00\x71%04d\x01\xbb\x06eni-%017x", i, i%200)
		keys = append(keys, key)
		s.Add(key, "o", Contact{Thing: fmt.Sprint(i), Count: 1})
		s.owners["o"] = 0
	}
	i := 0
	for b.Loop() {
		s.Touch(keys[i%len(keys)], 5, 100)
		i += 7
	}
}
