//go:build linux && (amd64 || arm64)

package kernel

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// by is a record of a kind that a helper did.
func by(h *helper, k Kind) func(*netRecord) bool {
	return func(r *netRecord) bool { return r.Kind == k && r.Actor.PID == h.pid }
}

// localServer listens on loopback and hands out what it takes.
func localServer(t testing.TB) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

func TestNothingOfTheNetworkIsMissing(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	if len(b.missing) > 0 {
		t.Errorf("missing: %q", b.missing)
	}
}

// TestConnect: who connected, from where to where, and with what result.
func TestConnect(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	open := localServer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := netip.MustParseAddrPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	netns := inode(t, "/proc/self/ns/net")
	for _, c := range []struct {
		address string
		to      netip.AddrPort
		result  uint32
	}{
		{open.String(), open, ResultOK},
		{closed.String(), closed, ResultRefused},
		{fmt.Sprintf("[::ffff:127.0.0.1]:%d", open.Port()), open, ResultOK},
	} {
		h := b.start(t, nil, "dial", "tcp", c.address)
		said := h.line(t)
		r := b.wait(t, "connection", by(h, KindConnect))
		n := r.Connection
		if n.Result != c.result || n.Socket.Remote != c.to || n.Socket.Cookie == 0 || n.Socket.NetNS != netns ||
			n.Took <= 0 || n.Socket.Protocol != ProtocolTCP || n.Socket.Type != SocketStream {
			t.Errorf("%s: %+v", c.address, n)
		}
		if c.result == ResultOK && (said != n.Socket.Local.String() || n.Socket.Inode == 0) {
			t.Errorf("%s: it says it is at %s: %+v", c.address, said, n.Socket)
		}
		if r.Actor.Start == 0 || r.Actor.Parent.PID != uint32(os.Getpid()) || r.Actor.NetNS != netns {
			t.Errorf("%s: by %+v", c.address, r.Actor)
		}
	}
}

// TestConnectUnanswered: a peer that drops what it gets is told after a second,
// not after the time that it takes to give up.
func TestConnectUnanswered(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	full := silentPeer(t)
	h := b.start(t, nil, "dial", "tcp", full.String())
	r := b.wait(t, "unanswered connection", by(h, KindConnect))
	if r.Connection.Result != ResultNoAnswer || r.Connection.Socket.Remote != full {
		t.Errorf("first: %+v", r.Connection)
	}
	r = b.wait(t, "end of the connection", by(h, KindConnect))
	if r.Connection.Result != ResultCanceled || r.Connection.Took < time.Second {
		t.Errorf("then: %+v", r.Connection)
	}
}

// silentPeer is a listener whose queue is full, so that the kernel drops what
// else comes.
func silentPeer(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*syscall.SockaddrInet4).Port))
	for range 4 {
		c, err := net.DialTimeout("tcp", addr.String(), 200*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("the listener's queue does not fill")
	return addr
}

func TestConnectByRing(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	to := localServer(t)
	h := b.start(t, nil, "uring", to.String())
	if said := h.line(t); said != "done" {
		t.Fatalf("the helper cannot use io_uring: %s", said)
	}
	if r := b.wait(t, "connection", by(h, KindConnect)); r.Connection.Socket.Remote != to || r.Connection.Result != ResultOK {
		t.Errorf("%+v", r.Connection)
	}
}

// TestDatagrams: many datagrams to one place are one record.
func TestDatagrams(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	to := netip.MustParseAddrPort(peer.LocalAddr().String())
	h := b.start(t, nil, "sendto", to.String())
	h.line(t)
	r := b.wait(t, "datagram", by(h, KindConnect))
	if n := r.Connection; n.Socket.Remote != to || !n.Sent || n.Socket.Protocol != ProtocolUDP || n.Socket.NetNS == 0 {
		t.Errorf("%+v", n)
	}
	if c := b.count(t, KindConnect); c.Seen != 5 || c.Sent != 1 || c.Folded != 4 {
		t.Errorf("of 5 datagrams: %+v", c)
	}
	h = b.start(t, nil, "dial", "udp", to.String())
	h.line(t)
	if n := b.wait(t, "connect", by(h, KindConnect)).Connection; n.Socket.Remote != to || n.Sent {
		t.Errorf("%+v", n)
	}
}

func TestListenAndBind(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	h := b.start(t, nil, "listen", "127.0.0.1:0")
	said := h.line(t)
	listen := b.wait(t, "listener", by(h, KindListen)).Connection
	bind := b.wait(t, "UDP listener", by(h, KindBind)).Connection
	if got := fmt.Sprint(listen.Socket.Local, " ", bind.Socket.Local); got != said {
		t.Errorf("%s; it says %s", got, said)
	}
	h = b.start(t, nil, "listen", "[::1]:0")
	said = h.line(t)
	if listen = b.wait(t, "listener", by(h, KindListen)).Connection; !strings.HasPrefix(said, listen.Socket.Local.String()) {
		t.Errorf("%+v; it says %s", listen, said)
	}
}

func TestRawSocket(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	h := b.start(t, nil, "raw")
	if said := h.line(t); said != "done" {
		t.Fatal(said)
	}
	if n := b.wait(t, "socket", by(h, KindSocket)).Connection; n.Socket.Type != SocketRaw || n.Socket.Protocol != syscall.IPPROTO_ICMP {
		t.Errorf("%+v", n)
	}
}

// TestFold: of many connections that are alike only the first of a window are
// told, and all are counted.
func TestFold(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	h := b.start(t, nil, "storm", localServer(t).String(), "100")
	h.line(t)
	// Of a socket that was reset the last state may come a little later.
	for deadline := time.Now().Add(5 * time.Second); b.count(t, KindConnect).Seen < 100 && time.Now().Before(deadline); {
		_ = b.ring.wait(10 * time.Millisecond)
	}
	if c := b.count(t, KindConnect); c.Seen != 100 || c.Sent != 16 || c.Folded != 84 {
		t.Errorf("of 100 connections: %+v", c)
	}
}

// answered is the answer that a server of the tests gives.
func answered(r *netRecord) bool {
	return !r.DNS.Outbound && len(r.DNS.Messages[0].Answers) > 0 &&
		r.DNS.Messages[0].Answers[0].Addr == netip.MustParseAddr("192.0.2.53")
}

// TestDNS: the process that asks, over UDP and TCP, at an address like that of
// a local stub; the question, and the answer that comes while others run.
func TestDNS(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	startHelper(t, nil, "serve", "127.77.0.53:53").ready(t)
	for _, network := range []string{"udp", "tcp"} {
		name := network + "-Mixed.Pool.example"
		h := b.start(t, nil, "ask", network, "127.77.0.53:53", name)
		if said := h.line(t); !strings.HasPrefix(said, "answer") {
			t.Fatal(said)
		}
		q := b.wait(t, "question", by(h, KindDNS))
		a := b.wait(t, "answer", by(h, KindDNS))
		for _, r := range []netRecord{q, a} {
			if len(r.DNS.Messages) != 1 || r.DNS.Messages[0].Questions[0].Name != strings.ToLower(name) ||
				r.DNS.Socket.Remote.String() != "127.77.0.53:53" || r.DNS.Messages[0].ID != 99 || r.DNS.Socket.NetNS == 0 {
				t.Errorf("%s: %+v", network, r.DNS)
			}
		}
		if !q.DNS.Outbound || !answered(&a) || q.DNS.Socket.Local != a.DNS.Socket.Local {
			t.Errorf("%s: question %+v, answer %+v", network, q.DNS, a.DNS)
		}
	}
}

// TestDNSForwarded: what a pod asks its DNS server, the server asks on. Both
// questions are told, each with its own process.
func TestDNSForwarded(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	startHelper(t, nil, "serve", "127.77.1.53:53").ready(t)
	server := b.start(t, nil, "serve", "127.77.2.53:53", "127.77.1.53:53")
	server.ready(t)
	pod := b.start(t, nil, "ask", "udp", "127.77.2.53:53", "pool.example")
	if said := pod.line(t); !strings.HasPrefix(said, "answer") {
		t.Fatal(said)
	}
	var got []string
	for range 4 {
		r := b.wait(t, "message", func(r *netRecord) bool { return r.Kind == KindDNS })
		who := map[uint32]string{server.pid: "server", pod.pid: "pod"}[r.Actor.PID]
		got = append(got, fmt.Sprint(who, " ", r.DNS.Outbound, " ", r.DNS.Messages[0].Questions[0].Name))
	}
	want := []string{"pod true pool.example", "server true pool.example", "server false pool.example", "pod false pool.example"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestDNSInAContainer: the hooks sit at the root, and see what runs in a group
// and a network of its own.
func TestDNSInAContainer(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	root, err := cgroupRoot("")
	if err != nil {
		t.Fatal(err)
	}
	group := filepath.Join(root, fmt.Sprintf("vedette-test-%d", os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	})
	dir, err := os.Open(group)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, server := range []string{"127.0.0.53:53", "[::1]:53"} {
		t.Run(server, func(t *testing.T) {
			h := b.start(t, &syscall.SysProcAttr{
				Cloneflags: syscall.CLONE_NEWNET, UseCgroupFD: true, CgroupFD: int(dir.Fd()),
			}, "pod", server, "in.a.container.example")
			netns := inode(t, fmt.Sprintf("/proc/%d/ns/net", h.pid))
			if netns == inode(t, "/proc/self/ns/net") {
				t.Fatal("the helper is in our own network")
			}
			q := b.wait(t, "question", by(h, KindDNS))
			s := q.DNS.Socket
			if !q.DNS.Outbound || q.DNS.Messages[0].Questions[0].Name != "in.a.container.example" || s.NetNS != netns || s.Remote.String() != server {
				t.Errorf("%+v", q.DNS)
			}
			if a := b.wait(t, "answer", by(h, KindDNS)); !answered(&a) || a.DNS.Socket.NetNS != netns {
				t.Errorf("%+v", a.DNS)
			}
		})
	}
}

// TestNotDNS: what is sent to a DNS port and is no DNS stays in the kernel.
func TestNotDNS(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	startHelper(t, nil, "serve", "127.77.3.53:53").ready(t)
	h := b.start(t, nil, "dial", "udp", "127.77.3.53:53", "SSH-2.0-OpenSSH_9.2p1 Debian")
	h.line(t)
	if s, err := b.details(); err != nil || s.NotDNS == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if c := b.count(t, KindDNS); c.Seen != 0 {
		t.Errorf("%+v", c)
	}
}

// TestDNSPort: the ports are the operator's.
func TestDNSPort(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{DNSPorts: []uint16{53, 5399}})
	startHelper(t, nil, "serve", "127.77.4.53:5399").ready(t)
	h := b.start(t, nil, "ask", "udp", "127.77.4.53:5399", "other.port.example")
	if q := b.wait(t, "question", by(h, KindDNS)); q.DNS.Socket.Remote.Port() != 5399 {
		t.Errorf("%+v", q.DNS)
	}
	for _, ports := range [][]uint16{{0}, {1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		if _, err := openNetwork(b.shared, NetworkOptions{DNSPorts: ports}); err == nil {
			t.Errorf("the ports %v are taken", ports)
		}
	}
}

func TestStratum(t *testing.T) {
	b := newNetBed(t, settingWatch, NetworkOptions{})
	to := localServer(t)
	h := b.start(t, nil, "dial", "tcp", to.String(),
		`{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"44wallet","pass":"x","agent":"XMRig/6.21.0","algo":["rx/0"]}}`+"\n")
	r := b.wait(t, "miner", by(h, KindStratum))
	if s := r.Stratum; s.Method != "login" || s.User != "44wallet" || s.Agent != "XMRig/6.21.0" || s.Socket.Remote != to {
		t.Errorf("%+v", s)
	}
	// JSON that is no miner's, and one that looks like it to the kernel only.
	for _, words := range []string{`{"hello":"world"}`, `{"method":"login","params":["alice"]}`} {
		h := b.start(t, nil, "dial", "tcp", to.String(), words)
		h.line(t)
	}
	if s, err := b.details(); err != nil || s.OtherJSON != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if r, ok := b.next(t); ok && r.Kind == KindStratum {
		t.Errorf("%+v", r.Stratum)
	}
	if got := b.count(t, KindStratum).Sent; got != 2 {
		t.Errorf("%d records were sent, want 2", got)
	}
}

// TestCgroupRoot: attached to a group, the hooks would see only that group.
func TestCgroupRoot(t *testing.T) {
	needKernel(t)
	root, err := cgroupRoot("")
	if err != nil {
		t.Fatal(err)
	}
	group := filepath.Join(root, fmt.Sprintf("vedette-root-%d", os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(group)
	for path, want := range map[string]string{
		group:       "is not the root of the cgroup v2 hierarchy",
		t.TempDir(): "is no cgroup v2 hierarchy",
	} {
		b := newNetBed(t, settingWatch, NetworkOptions{Cgroup: path})
		var missing []string
		for feature, reason := range b.missing {
			missing = append(missing, feature)
			if !strings.Contains(reason, want) {
				t.Errorf("%s: %s; want %s", feature, reason, want)
			}
		}
		if len(missing) != 4 {
			t.Errorf("%s: missing %q", path, missing)
		}
		// TCP needs no cgroup.
		h := b.start(t, nil, "dial", "tcp", localServer(t).String())
		b.wait(t, "connection", by(h, KindConnect))
	}
}

func inode(t testing.TB, path string) uint32 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return uint32(st.Ino)
}

func TestCgroup2Mounts(t *testing.T) {
	const mountinfo = `24 1 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - tmpfs tmpfs rw
25 24 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:5 - cgroup2 cgroup2 rw,nsdelegate
26 24 0:24 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
27 1 0:23 /kubepods /host\040root/\134cg rw - cgroup2 none rw
28
`
	got := cgroup2Mounts(mountinfo)
	if want := []string{"/sys/fs/cgroup/unified", `/host root/\cg`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAccept goes through Open: the system call's hook is among the other programs.
func TestAccept(t *testing.T) {
	needKernel(t)
	h := startHelper(t, nil, "accept", "127.0.0.1:0")
	p, err := Open(Options{Only: []uint32{h.pid}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if m := p.network.Missing(); len(m) > 0 {
		t.Errorf("missing: %+v", m)
	}
	h.tell(t)
	to := netip.MustParseAddrPort(h.line(t))
	var from []string
	for range 3 {
		c, err := net.Dial("tcp", to.String())
		if err != nil {
			t.Fatal(err)
		}
		from = append(from, c.LocalAddr().String())
		h.line(t) // it has taken it
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var r Record
	for deadline := time.Now().Add(10 * time.Second); r.Kind != KindAccept; {
		if _, err := p.TryRead(&r); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("no accept came")
		}
	}
	s := r.Network.Connection.Socket
	if r.Actor.PID != h.pid || s.Local != to || s.Remote.String() != from[0] || s.NetNS == 0 {
		t.Errorf("by %d: %+v; want %s from %s", r.Actor.PID, s, to, from[0])
	}
	stats, err := p.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if c := stats.Kinds[KindAccept]; c.Seen != 3 || c.Sent != 1 || c.Folded != 2 {
		t.Errorf("of 3 alike: %+v", c)
	}
	if _, err := p.NetworkStats(); err != nil {
		t.Error(err)
	}
}

// TestOpenSeesDNS: the same records come out of Open, with those of the other programs.
func TestOpenSeesDNS(t *testing.T) {
	needKernel(t)
	startHelper(t, nil, "serve", "127.77.5.53:53").ready(t)
	h := startHelper(t, nil, "ask", "udp", "127.77.5.53:53", "open.example")
	p, err := Open(Options{Only: []uint32{h.pid}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	h.tell(t)
	var got []string
	for deadline := time.Now().Add(10 * time.Second); len(got) < 3 && time.Now().Before(deadline); {
		var r Record
		ok, err := p.TryRead(&r)
		switch {
		case err != nil:
			t.Fatal(err)
		case !ok:
		case r.Kind == KindConnect:
			got = append(got, fmt.Sprint("connect ", r.Network.Connection.Socket.Remote))
		case r.Kind == KindDNS:
			d := r.Network.DNS
			got = append(got, fmt.Sprint(d.Outbound, " ", d.Messages[0].Questions[0].Name, " ", len(d.Messages[0].Answers)))
		}
	}
	want := []string{"connect 127.77.5.53:53", "true open.example 0", "false open.example 1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
