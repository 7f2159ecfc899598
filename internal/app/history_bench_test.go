package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/history"
	"github.com/vedette-project/vedette/internal/store"
)

// pastHour makes the block of an hour of an account with 200 instances and
// 5,000 distinct peers: addresses that one or two of them call, some that half
// of them call, strangers that call a load balancer, and names.
func pastHour(rnd *rand.Rand) (block []byte, contacts int) {
	s := history.NewSet(historyContacts)
	add := func(thing string, i int, how string) {
		first := history.Second(rnd.IntN(history.Seconds))
		n := int64(1 + rnd.IntN(60))
		who := fmt.Sprintf(`{"eni":"eni-%017x","vpc":"vpc-0a1b2c3d4e5f60718","subnet":"subnet-0123456789abcdef%d","instance":"i-%017x","ip":"10.0.%d.%d"}`, uint64(i)*0x9E3779B97F4A7C15>>4, i%6, uint64(i)*0xC2B2AE3D27D4EB4F>>4, i%8, i%250)
		key := []byte(fmt.Sprint(thing, i, how))
		if !s.Touch(key, first, n*1000) && s.Room(thing, who) {
			last := first + history.Second(rnd.IntN(int(history.Seconds-first)))
			s.Add(key, who, history.Contact{Thing: thing, Who: who, How: how, First: first, Last: last, Count: n, Bytes: n * int64(rnd.IntN(60_000))})
		}
	}
	flow := func(a netip.Addr, i, port int, how string) {
		add(string(history.AppendAddr(nil, a)), i, fmt.Sprintf(`{"kind":"flow","proto":6,"port":%d%s}`, port, how))
	}
	const out, in = `,"out":true,"opened":1`, `,"opened":2`
	for range 3000 {
		a := usualPeer(rnd.IntN(20_000))
		for range 1 + rnd.IntN(2) {
			flow(a, rnd.IntN(200), []int{443, 443, 443, 80, 8443, 22}[rnd.IntN(6)], out)
		}
	}
	for k := range 20 {
		for i := range 200 {
			if rnd.IntN(2) == 0 {
				flow(usualPeer(20_000+k), i, 443, out)
			}
		}
	}
	for range 2000 {
		flow(netip.AddrFrom4([4]byte{byte(1 + rnd.IntN(222)), byte(rnd.IntN(256)), byte(rnd.IntN(256)), byte(rnd.IntN(256))}), rnd.IntN(4), 443, in)
	}
	for range 3000 {
		n := int(rnd.ExpFloat64()*300) % 4000
		name := fmt.Sprintf("%s%d.%s", []string{"api", "d111111abcdef", "node", "cdn-edge-"}[n%4], n*7919%100_003, []string{"example.com", "cloudfront.net", "s3.eu-central-1.amazonaws.com", "vendor.example"}[n%4])
		add(history.NameThing(name), rnd.IntN(200), `{"kind":"query","transport":"UDP"}`)
	}
	h := &history.Hour{}
	if err := h.Run(s.Take()); err != nil {
		panic(err)
	}
	return h.Encode(historyContacts), s.Len()
}

// usualPeer is an address that the account calls again and again.
func usualPeer(n int) netip.Addr {
	x := uint32(n) * 2654435761
	return netip.AddrFrom4([4]byte{byte(x>>24)%222 + 1, byte(x >> 16), byte(x >> 8), byte(n)})
}

// BenchmarkPast searches 90 days for entries that lists have from now on.
func BenchmarkPast(b *testing.B) {
	bed := newPastBed(b, nil)
	rnd := rand.New(rand.NewPCG(1, 2))
	const hours = 90 * 24
	size, contacts := int64(0), 0
	err := bed.store.Commit(context.Background(), func(tx *store.Tx) error {
		first, _ := history.HourOf(begin.Unix())
		for h := range int64(hours) {
			block, n := pastHour(rnd)
			size, contacts = size+int64(len(block)), contacts+n
			if err := tx.AddSeen(logScope(bedScope, historyName), first+h, block); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d contacts, %.1f bytes each, %d MiB", contacts, float64(size)/float64(contacts), size>>20)
	unknown := func(n int) (out []event.Indicator) {
		for i := range n {
			if i%2 == 0 {
				out = append(out, event.Indicator{Category: "c2", Entry: fmt.Sprintf("192.0.%d.%d", 2+i/256%200, i%256), List: "feed"})
			} else {
				out = append(out, event.Indicator{Category: "c2", Entry: fmt.Sprintf("unheard-of-%d.example.org", i), List: "feed"})
			}
		}
		return out
	}
	for _, tc := range []struct {
		name string
		list []event.Indicator
	}{
		{"one-that-nobody-met", unknown(1)},
		{"10000-that-nobody-met", unknown(10_000)},
		{"one-that-was-met", []event.Indicator{{Category: "c2", Entry: usualPeer(77).String(), List: "feed"}}},
		{"one-that-half-of-all-met", []event.Indicator{{Category: "c2", Entry: usualPeer(20_003).String(), List: "feed"}}},
		{"10000-with-100-that-were-met", func() []event.Indicator {
			list := unknown(10_000)
			for i := range 100 {
				list[i*100].Entry = usualPeer(i).String()
			}
			return list
		}()},
	} {
		b.Run(tc.name, func(b *testing.B) {
			for b.Loop() {
				start := time.Now()
				bed.tell(bedScope, tc.list...)
				b.ReportMetric(time.Since(start).Seconds(), "s")
			}
			b.ReportMetric(float64(len(bed.findings())), "findings")
		})
	}
}
