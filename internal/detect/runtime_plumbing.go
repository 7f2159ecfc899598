package detect

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// plumbing joins shells with connections that other processes hold: through
// pipes and FIFOs, or as a child of the one that called out.
type plumbing struct {
	pipes *table[pipe]   // by node, container and inode
	ends  *table[ends]   // of relays, by process
	calls *table[called] // of interpreters and relays, by process
}

// Bounds of what is remembered of pipes and calls.
const (
	maxPipes = 20_000
	pipeIdle = time.Hour
	// freshCall is how soon after a call a shell belongs to it.
	freshCall = 30 * time.Second
	// sameCalls is how often a process that calls all the time is noted.
	sameCalls = 5 * time.Second
)

// pipe is who writes to a pipe and who reads it, of shells and relays.
type pipe struct{ Writer, Reader plumbed }

// plumbed is a process at one end of a pipe.
type plumbed struct {
	UUID  string
	Shell bool
	Name  string
	// Other is the pipe at its other end, 0 if there is none.
	Other uint64
	// Remote is where a relay leads, once that is known.
	Remote   netip.AddrPort
	Accepted bool
}

type ends struct{ In, Out uint64 }

type called struct {
	Remote netip.AddrPort
	Local  netip.AddrPort
	At     int64 // Unix seconds
}

func newPlumbing() *plumbing {
	return &plumbing{
		pipes: newTable[pipe]("runtime-plumbing", maxPipes, pipeIdle),
		ends:  newTable[ends]("runtime-plumbing-ends", maxPipes, pipeIdle),
		calls: newTable[called]("runtime-plumbing-calls", maxPipes, pipeIdle),
	}
}

func (p *plumbing) memories() []memory { return []memory{p.pipes, p.ends, p.calls} }

func (r *runtimeRecord) pipeKey(inode uint64) string {
	return r.here() + "/" + strconv.FormatUint(inode, 10)
}

// plumb notes the pipes at both ends of a shell that takes commands, or of a
// relay, and looks whether a shell is joined with a connection now.
func (r *runtimeRecord) plumb() {
	shell := isStdinShell(r.Process)
	if !shell && !isRelay(r.Process) {
		return
	}
	e := ends{In: pipeAt(r.Exec.FDs, 0), Out: pipeAt(r.Exec.FDs, 1)}
	if e.In == 0 && e.Out == 0 || shell && (e.In == 0 || e.Out == 0) {
		return
	}
	p := r.state.plumbing
	me := plumbed{UUID: r.Process.UUID, Shell: shell, Name: baseOf(r.Process)}
	if e.In != 0 {
		me.Other = e.Out
		p.pipes.touch(r.pipeKey(e.In), r.ev.Time).Reader = me
	}
	if e.Out != 0 {
		me.Other = e.In
		p.pipes.touch(r.pipeKey(e.Out), r.ev.Time).Writer = me
	}
	if !shell {
		*p.ends.touch(r.Process.UUID, r.ev.Time) = e
		return // it has called nobody yet
	}
	r.joined(e)
}

func pipeAt(fds []event.Stdio, fd int) uint64 {
	for i := range fds {
		if f := &fds[i]; f.FD == fd && f.Kind == "pipe" {
			return f.Inode
		}
	}
	return 0
}

// joined raises a shell whose output a relay reads, if its input comes from a
// relay, too, or the relay's output goes into a pipe as well. Output alone is
// that of a script that reports somewhere.
func (r *runtimeRecord) joined(shell ends) {
	p := r.state.plumbing
	reader := p.pipes.value(r.pipeKey(shell.Out)).Reader
	writer := p.pipes.value(r.pipeKey(shell.In)).Writer
	if reader.UUID == "" || reader.Shell || !reader.Remote.IsValid() {
		return
	}
	if reader.Other == 0 && (writer.UUID == "" || writer.Shell) {
		return
	}
	s := event.Socket{Family: "AF_INET", Type: "SOCK_STREAM", Protocol: event.ProtoTCP, Remote: reader.Remote, Accepted: reader.Accepted}
	if reader.Remote.Addr().Unmap().Is6() {
		s.Family = "AF_INET6"
	}
	r.raiseShell(&s, fmt.Sprintf("the output of a shell goes through a pipe to %s, which leads there, and comes back through another pipe", oneLine(reader.Name)))
}

// relayConnects notes where relays, and interpreters, are connected.
func relayConnects(r *runtimeRecord) {
	if r.Net == nil || !r.Net.Socket.Remote.IsValid() {
		return
	}
	p, s := r.state.plumbing, &r.Net.Socket
	if r.Kind == event.KindConnect && r.Error == "" && (isInterpreterProcess(r.Process) || isRelay(r.Process)) {
		last := p.calls.get(r.Process.UUID)
		if last == nil || since(last.At, r.ev.Time).Abs() > sameCalls {
			*p.calls.touch(r.Process.UUID, r.ev.Time) = called{s.Remote, s.Local, r.ev.Time.Unix()}
		}
	}
	e := p.ends.get(r.Process.UUID)
	if e == nil {
		return
	}
	for _, inode := range []uint64{e.In, e.Out} {
		if inode == 0 || p.pipes.get(r.pipeKey(inode)) == nil {
			continue
		}
		end := p.pipes.touch(r.pipeKey(inode), r.ev.Time)
		for _, who := range []*plumbed{&end.Reader, &end.Writer} {
			if who.UUID == r.Process.UUID {
				who.Remote, who.Accepted = s.Remote, s.Accepted
			}
		}
	}
	if e.In == 0 {
		return
	}
	if w := p.pipes.value(r.pipeKey(e.In)).Writer; w.Shell && w.Other != 0 {
		r.joined(ends{In: w.Other, Out: e.In})
	}
}

// fromConnected looks for a shell with pipes for its terminal whose parent, an
// interpreter, has just called somewhere: it carries what comes from there by hand.
func (r *runtimeRecord) fromConnected() bool {
	in, out := kindAt(r.Exec.FDs, 0), kindAt(r.Exec.FDs, 1)
	if in != "pipe" && in != "socket" || out != in {
		return false
	}
	for i := range min(len(r.Ancestors), 2) {
		a := &r.Ancestors[i]
		c := r.state.plumbing.calls.get(a.UUID)
		if c == nil || !isInterpreterProcess(a) || servesShells(a) || since(c.At, r.ev.Time).Abs() > freshCall {
			continue
		}
		if !hasFlag(r.Process, 'i') && !hasFlag(a, 'c') && !hasFlag(a, 'e') && !hasFlag(a, 'r') {
			continue // programs also write scripts to shells that they start
		}
		s := event.Socket{Family: "AF_INET", Type: "SOCK_STREAM", Protocol: event.ProtoTCP, Remote: c.Remote, Local: c.Local}
		r.raiseShell(&s, fmt.Sprintf("it takes commands through a pipe from %s, which called there less than %s before", processName(a), freshCall))
		return true
	}
	return false
}

func kindAt(fds []event.Stdio, fd int) string {
	for i := range fds {
		if fds[i].FD == fd {
			return fds[i].Kind
		}
	}
	return ""
}

// hasFlag reports whether a command line has an option of one letter before
// anything else.
func hasFlag(p *event.Process, letter rune) bool {
	_, args := applet(p.Args)
	for _, a := range args {
		if len(a) < 2 || a[0] != '-' {
			return false
		}
		if a[1] != '-' && strings.ContainsRune(a, letter) {
			return true
		}
	}
	return false
}
