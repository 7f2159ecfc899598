//go:build linux && (amd64 || arm64)

package kernel

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// BenchmarkNetwork does the same work without and with the network's programs,
// in turns, and tells how much more CPU it takes with them, of the best turn of
// each. Every process of the machine is watched, and the records are read all
// the while.
func BenchmarkNetwork(b *testing.B) {
	needKernel(b)
	for _, load := range []struct {
		what, peer, count string
		kind              Kind
	}{
		{"storm", "peer", "5000", KindConnect},      // connections, alike but for their ports
		{"questions", "serve", "10000", KindDNS},    // DNS over UDP, with their answers
		{"bulk", "peer", "1000000000", KindConnect}, // bytes over one TCP connection
		{"echoes", "peer", "20000", KindConnect},    // a byte there and back, over TCP
	} {
		b.Run(load.what, func(b *testing.B) {
			address := "127.77.9.53:5301" // no DNS port: what is sent there is looked at as DNS
			if load.kind == KindDNS {
				address = "127.77.9.53:53"
			}
			peer := startHelper(b, nil, load.peer, address)
			peer.ready(b)
			var without, with []float64
			var seen, sent, dropped uint64
			for b.Loop() {
				without = append(without, runLoad(b, load.what, address, load.count))
				bed := newNetBed(b, 0, NetworkOptions{})
				stop := bed.drain(b)
				with = append(with, runLoad(b, load.what, address, load.count))
				stop()
				c := bed.count(b, load.kind)
				seen, sent = seen+c.Seen, sent+c.Sent
				for _, n := range c.Dropped {
					dropped += n
				}
				bed.close(b)
			}
			b.ReportMetric(100*(slices.Min(with)/slices.Min(without)-1), "%more")
			b.ReportMetric(slices.Min(without)/1e6, "cpu-ms-without")
			b.ReportMetric(slices.Min(with)/1e6, "cpu-ms-with")
			b.ReportMetric(float64(seen)/float64(b.N), "seen/op")
			b.ReportMetric(float64(sent)/float64(b.N), "sent/op")
			b.ReportMetric(float64(dropped)/float64(b.N), "dropped/op")
		})
	}
}

// runLoad has a helper do the work and returns the CPU time it took, in ns.
func runLoad(b *testing.B, what, address, count string) float64 {
	b.Helper()
	h := startHelper(b, nil, what, address, count)
	h.tell(b)
	ns, err := strconv.ParseFloat(h.line(b), 64)
	if err != nil {
		b.Fatal(err)
	}
	return ns
}

// drain reads the ring until stop is called.
func (b *netBed) drain(t testing.TB) (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			default:
			}
			for {
				if _, ok := b.next(t); !ok {
					break
				}
			}
			_ = b.ring.wait(50 * time.Millisecond)
		}
	}()
	stop = sync.OnceFunc(func() { close(end); <-done })
	t.Cleanup(stop) // before the ring goes
	return stop
}

// helpLoad does one of the loads of BenchmarkNetwork and says how much CPU it
// took: on loopback all of the packets' work is done by who sends them, and
// what else runs on the machine does not count.
func helpLoad(what, address, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	load := map[string]func(string, int) error{
		"storm": loadStorm, "questions": loadQuestions, "bulk": loadBulk, "echoes": loadEchoes,
	}[what]
	before := selfCPU()
	if err := load(address, n); err != nil {
		return err
	}
	say("%d", (selfCPU() - before).Nanoseconds())
	return nil
}

func loadStorm(address string, n int) error {
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		// Reset rather than wait: a storm must not run out of ports.
		if err := c.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

func loadQuestions(address string, n int) error {
	c, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	buf := make([]byte, 1500)
	for i := range n {
		if _, err := c.Write(question(dnsA, fmt.Sprintf("q%d", i), "load", "example")); err != nil {
			return err
		}
		if _, err := c.Read(buf); err != nil {
			return err
		}
	}
	return c.Close()
}

func loadBulk(address string, n int) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	block := make([]byte, 128<<10)
	block[0] = 'd' // discard
	for n > 0 {
		w, err := c.Write(block)
		if err != nil {
			return err
		}
		n -= w
	}
	return c.Close()
}

func loadEchoes(address string, n int) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	buf := []byte{'e'}
	for range n {
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
	}
	return c.Close()
}

// helpPeer takes connections and does what the first byte says.
func helpPeer(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	say("ready")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			first := make([]byte, 1)
			if _, err := io.ReadFull(c, first); err != nil {
				return
			}
			if first[0] == 'd' {
				_, _ = io.CopyBuffer(io.Discard, struct{ io.Reader }{c}, make([]byte, 128<<10))
				return
			}
			for {
				if _, err := c.Write(first); err != nil {
					return
				}
				if _, err := io.ReadFull(c, first); err != nil {
					return
				}
			}
		}()
	}
}
