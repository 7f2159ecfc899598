//go:build linux && (amd64 || arm64)

package kernel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
)

// netBed are the network's programs, watching only the helpers of one test.
type netBed struct {
	*network
	shared  map[string]*ebpf.Map
	closers []io.Closer
	ring    *ring
}

// needKernel skips a test where the kernel's hooks cannot be had, and fails it
// where they must be.
func needKernel(t testing.TB) {
	t.Helper()
	reason := ""
	if os.Geteuid() != 0 {
		reason = "it needs root"
	} else if err := supported(); err != nil {
		reason = err.Error()
	}
	switch {
	case reason == "":
	case os.Getenv("CI") == "true":
		t.Fatalf("not supported: %s", reason)
	default:
		t.Skipf("not supported: %s", reason)
	}
}

// newNetBed makes the maps that Open would share, and opens the network.
func newNetBed(t testing.TB, flags uint32, o NetworkOptions) *netBed {
	t.Helper()
	needKernel(t)
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	spec, err := loadNetwork()
	if err != nil {
		t.Fatal(err)
	}
	b := &netBed{shared: map[string]*ebpf.Map{}}
	for _, name := range []string{networkMapEvents, networkMapCounters, networkMapConfig, networkMapWatch, networkMapBuckets} {
		m, err := ebpf.NewMap(spec.Maps[name])
		if err != nil {
			t.Fatal(err)
		}
		b.closers = append(b.closers, m)
		b.shared[name] = m
	}
	subsys, err := cgroupSubsys()
	if err != nil {
		t.Fatal(err)
	}
	s := settings{Subsys: subsys, Flags: flags, Interval: 1e9 / 200, Burst: 1000, Wake: 1 << 20}
	if err := b.shared[networkMapConfig].Put(uint32(0), s); err != nil {
		t.Fatal(err)
	}
	if b.network, err = openNetwork(b.shared, o); err != nil {
		t.Fatal(err)
	}
	if b.ring, err = newRing(b.shared[networkMapEvents].FD(), int(spec.Maps[networkMapEvents].MaxEntries)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.close(t) })
	return b
}

// close takes the programs off; it may be called again.
func (b *netBed) close(t testing.TB) {
	t.Helper()
	if b.ring == nil {
		return
	}
	errs := []error{b.network.Close(), b.ring.close()}
	b.ring = nil
	for _, c := range b.closers {
		errs = append(errs, c.Close())
	}
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// netRecord is a record of the network as the tests look at it.
type netRecord struct {
	Kind  Kind
	Actor Actor
	Network
}

// wait reads until a record is as wanted. Records on the way are dropped.
func (b *netBed) wait(t testing.TB, what string, want func(*netRecord) bool) netRecord {
	t.Helper()
	var seen []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if r, ok := b.next(t); ok {
			if want(r) {
				return *r
			}
			seen = append(seen, fmt.Sprintf("%d %d %+v", r.Kind, r.Actor.PID, r.connection))
			continue
		}
		if err := b.ring.wait(10 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("no %s came; others:\n%s", what, strings.Join(seen, "\n"))
	return netRecord{}
}

// next reads one record that tells something.
func (b *netBed) next(t testing.TB) (*netRecord, bool) {
	t.Helper()
	for {
		raw := b.ring.next()
		if raw == nil {
			return nil, false
		}
		var r netRecord
		c := cursor{b: raw, off: 4}
		r.Kind = Kind(c.u16())
		c.off = 32
		r.Actor.decode(&c)
		if err := r.Network.decode(r.Kind, raw); err != nil {
			t.Fatal(err)
		}
		told := b.reader.read(&r.Network)
		b.ring.done()
		if told {
			return &r, true
		}
	}
}

// kinds sums a kind's counters.
func (b *netBed) count(t testing.TB, k Kind) Count {
	t.Helper()
	var all []counters
	if err := b.shared[networkMapCounters].Lookup(uint32(0), &all); err != nil {
		t.Fatal(err)
	}
	var s Stats
	for i := range all {
		s.add(&all[i])
	}
	return s.Kinds[k]
}

// helper is the test binary as another process; see TestNetworkHelper.
type helper struct {
	pid   uint32
	stdin io.WriteCloser
	out   *bufio.Reader
}

// start starts a helper, has it watched and lets it go.
func (b *netBed) start(t testing.TB, attr *syscall.SysProcAttr, args ...string) *helper {
	t.Helper()
	h := startHelper(t, attr, args...)
	if err := b.shared[networkMapWatch].Put(h.pid, uint8(1)); err != nil {
		t.Fatal(err)
	}
	h.tell(t)
	return h
}

func startHelper(t testing.TB, attr *syscall.SysProcAttr, args ...string) *helper {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestNetworkHelper$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), helperArgs+"="+strings.Join(args, "\n"))
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // a helper ends when its input does
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait()
	})
	return &helper{uint32(cmd.Process.Pid), stdin, bufio.NewReader(stdout)}
}

// tell lets the helper do its next step.
func (h *helper) tell(t testing.TB) {
	t.Helper()
	if _, err := io.WriteString(h.stdin, "go\n"); err != nil {
		t.Fatal(err)
	}
}

// line reads a line that the helper says.
func (h *helper) line(t testing.TB) string {
	t.Helper()
	for {
		s, err := h.out.ReadString('\n')
		if err != nil {
			t.Fatalf("the helper ended: %v", err)
		}
		if said, ok := strings.CutPrefix(s, "say "); ok {
			return strings.TrimSpace(said)
		}
	}
}

// ready lets a server that nobody watches begin, and waits until it listens.
func (h *helper) ready(t testing.TB) {
	t.Helper()
	h.tell(t)
	if said := h.line(t); said != "ready" {
		t.Fatalf("the server says %s", said)
	}
}
