package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"path"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// runtimeScript does, in a container of a pod, what makes a type fire.
type runtimeScript func(l *runtimeLog)

// runtimeWriters write records as the sensor of a node does.
func runtimeWriters() map[string]writer {
	out := map[string]writer{}
	for _, scripts := range []map[string]runtimeScript{processScripts(), escapeScripts(), listedScripts(), commandScripts(), toolScripts(), fileScripts()} {
		for typ, script := range scripts {
			out[typ] = func(typ string, at time.Time) ([]string, error) {
				l := newRuntimeLog(typ, at)
				l.ordinary()
				script(l)
				return l.lines, l.err
			}
		}
	}
	return out
}

// runtimeLog writes what the sensor of one node saw of one pod, of its own for
// each type, so that several simulations at once stay apart.
type runtimeLog struct {
	at    time.Time
	seed  [32]byte
	pids  int
	shim  *simProcess
	main  *simProcess // the first process of the container: a service that listens
	node  event.Node
	box   *event.Container
	pod   *event.Pod
	lines []string
	err   error
}

// simProcess is a process with those it comes from.
type simProcess struct {
	event.Process
	parent *simProcess
	onNode bool
}

const simNode = "ip-10-20-3-17.eu-central-1.compute.internal"

func newRuntimeLog(typ string, at time.Time) *runtimeLog {
	l := &runtimeLog{at: at.UTC(), seed: sha256.Sum256([]byte(typ)), pids: 4000}
	tag := hex.EncodeToString(l.seed[:3])[:5]
	l.node = event.Node{
		Name: simNode, BootID: uuid(l.seed[:]), Kernel: "6.12.40-63.114.amzn2023.x86_64", InstanceID: "i-0f1e2d3c4b5a69788",
		Account: simAccount, Region: simRegion, Address: "10.20.3.17",
	}
	l.box = &event.Container{
		ID: hex.EncodeToString(l.seed[:]), Name: "checkout", Image: "ghcr.io/example/shop/checkout:2.4.1", Runtime: "containerd",
		ImageID: "sha256:" + hex.EncodeToString(l.seed[:]), Start: l.at.Add(-3 * time.Hour),
	}
	l.pod = &event.Pod{
		Name: "checkout-7d9f8c6b54-" + tag, Namespace: "shop", UID: uuid(l.seed[8:]), ServiceAccount: "checkout",
		OwnerKind: "Deployment", OwnerName: "checkout-" + tag, Address: fmt.Sprintf("10.20.%d.%d", 64+l.seed[0]%64, 4+l.seed[1]%250),
	}
	systemd := l.onNode(nil, "/usr/lib/systemd/systemd")
	l.shim = l.onNode(systemd, "/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", l.box.ID)
	l.main = l.child(l.shim, "/usr/local/bin/checkout", "--listen", ":8080")
	l.main.Listens, l.main.NamespacePID, l.main.UID, l.main.EUID, l.main.User = true, 1, 1000, 1000, "shop"
	l.main.Start = l.box.Start
	return l
}

// onNode makes a process of the node itself.
func (l *runtimeLog) onNode(parent *simProcess, exe string, args ...string) *simProcess {
	p := l.child(parent, exe, args...)
	p.onNode, p.NamespacePID, p.Listens, p.UID, p.EUID, p.User = true, p.PID, false, 0, 0, "root"
	return p
}

// child makes a process that comes from another, with its user.
func (l *runtimeLog) child(parent *simProcess, exe string, args ...string) *simProcess {
	l.pids += 3
	p := &simProcess{parent: parent}
	p.PID, p.NamespacePID, p.Executable, p.Name = l.pids, l.pids-3980, exe, path.Base(exe)
	p.Name = p.Name[:min(len(p.Name), 15)] // as much as the kernel keeps
	p.Args = append([]string{p.Name}, args...)
	p.SHA256, p.Cwd, p.User, p.Start = sumOf(exe), "/", "root", l.at
	p.UUID = uuid(l.bytes(fmt.Sprint("process", p.PID)))
	if parent != nil {
		p.ParentUUID = parent.UUID
		p.UID, p.GID, p.EUID, p.EGID, p.User, p.Listens = parent.UID, parent.GID, parent.EUID, parent.EGID, parent.User, parent.Listens
	}
	return p
}

func sumOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// bytes are drawn from a name, the same for the same type.
func (l *runtimeLog) bytes(what string) []byte {
	sum := sha256.Sum256(append(l.seed[:], what...))
	return sum[:]
}

// record begins what a process does, half a second after what was before.
func (l *runtimeLog) record(kind event.RuntimeKind, p *simProcess) *event.Runtime {
	r := &event.Runtime{Version: event.RuntimeVersion, Kind: kind, Time: l.at, Node: l.node, Process: &p.Process}
	r.Sensor = event.Sensor{Name: "vedette", Session: uuid(l.bytes("session")), Sequence: uint64(len(l.lines) + 1)}
	if !p.onNode {
		r.Container, r.Pod = l.box, l.pod
	}
	for a := p.parent; a != nil && len(r.Ancestors) < event.MaxAncestors; a = a.parent {
		r.Ancestors = append(r.Ancestors, a.Process)
	}
	l.at = l.at.Add(500 * time.Millisecond)
	return r
}

func (l *runtimeLog) write(r *event.Runtime) {
	b, err := json.Marshal(r)
	if err != nil && l.err == nil {
		l.err = fmt.Errorf("write a record of a sensor: %w", err)
	}
	l.lines = append(l.lines, string(b))
}

// exec writes that a process became its program, which lies in the image unless
// change says otherwise.
func (l *runtimeLog) exec(p *simProcess, change ...func(*event.Exec)) {
	r := l.record(event.KindExec, p)
	r.Exec = &event.Exec{Path: p.Executable, OldUID: p.UID, OldEUID: p.UID, File: event.Image{
		Path: p.Executable, Device: 52, Inode: uint64(len(p.Executable)) + 9000, Mode: 0o755, FileSystem: "overlay",
		CTime: l.box.Start.Add(-30 * 24 * time.Hour), MTime: l.box.Start.Add(-30 * 24 * time.Hour),
	}}
	if p.onNode {
		r.Exec.File.FileSystem = "ext4"
	}
	for fd := range 3 {
		r.Exec.FDs = append(r.Exec.FDs, event.Stdio{FD: fd, Kind: "pipe", Inode: uint64(50000 + 10*p.PID + fd)})
	}
	for _, f := range change {
		f(r.Exec)
	}
	l.write(r)
}

// written says that a program was written to the container by a process of it.
func (l *runtimeLog) written(by *simProcess) func(*event.Exec) {
	return func(x *event.Exec) {
		at := l.at.Add(-3 * time.Second)
		x.File.Upper, x.File.CTime, x.File.MTime, x.File.WrittenAt, x.File.Writer = true, at, at, at, &by.Process
	}
}

// stdio gives a program a socket for its standard descriptors.
func stdio(s event.Socket, fds ...int) func(*event.Exec) {
	return func(x *event.Exec) {
		for _, fd := range fds {
			x.FDs[fd] = event.Stdio{FD: fd, Kind: "socket", Inode: s.Inode, Socket: &s}
		}
	}
}

// socket is one of the pod that leads to an address.
func (l *runtimeLog) socket(remote string) event.Socket {
	return event.Socket{
		Family: "AF_INET", Type: "SOCK_STREAM", Protocol: tcp, Local: netip.AddrPortFrom(netip.MustParseAddr(l.pod.Address), 40116),
		Remote: netip.MustParseAddrPort(remote), Inode: 71234,
	}
}

// connect writes that a process called an address, which answered.
func (l *runtimeLog) connect(p *simProcess, remote string) {
	r := l.record(event.KindConnect, p)
	r.Net = &event.Connection{Socket: l.socket(remote), Established: true}
	l.write(r)
}

// asks writes a DNS question of a process and its answer; without addresses the
// name is not there.
func (l *runtimeLog) asks(p *simProcess, name string, addresses ...string) {
	d := event.Lookup{
		Transport: "UDP", Server: netip.MustParseAddrPort("172.20.0.10:53"), ID: uint16(l.pids), Name: name, Type: "A",
		Local: netip.AddrPortFrom(netip.MustParseAddr(l.pod.Address), 40053),
	}
	q := l.record(event.KindDNS, p)
	q.DNS = &d
	l.write(q)
	answer := d
	answer.Response, answer.Rcode = true, "NXDOMAIN"
	for _, a := range addresses {
		answer.Rcode = "NOERROR"
		answer.Answers = append(answer.Answers, event.DNSRecord{Name: name, Type: "A", Data: a})
	}
	r := l.record(event.KindDNS, p)
	r.DNS = &answer
	l.write(r)
}

// ordinary is what the service does all day.
func (l *runtimeLog) ordinary() {
	l.at = l.at.Add(-10 * time.Second)
	l.asks(l.main, "orders.shop.svc.cluster.local", "172.20.40.7")
	l.connect(l.main, "172.20.40.7:5432")
	l.exec(l.child(l.main, "/usr/bin/convert", "label.svg", "label.png"))
	l.at = l.at.Add(5 * time.Second)
}

// entered is a shell that somebody brought up in the container, as kubectl exec does.
func (l *runtimeLog) entered() *simProcess {
	p := l.child(l.shim, "/bin/bash")
	p.TTY = true
	return p
}
