package detect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// reverseShellExec looks for a program whose input and output are a connection
// to somewhere else: what is typed there runs here.
func reverseShellExec(r *runtimeRecord) {
	if r.Exec == nil {
		return
	}
	shell := isStdinShell(r.Process)
	s, joined := streams(r.Exec.FDs)
	if !joined && !shell && !isRelay(r.Process) || r.isRuntimeProcess() {
		return
	}
	switch {
	case joined && s.Accepted && (shell || isRelay(r.parent()) && (isShellProcess(r.Process) || isInterpreterProcess(r.Process))):
		r.raiseShell(s, "its standard input and output are a connection that came in")
	case joined && !s.Accepted:
		r.raiseShell(s, "its standard input and output are a connection that this side opened")
	case shell && r.throughRelay():
	case shell && r.fromConnected():
	default:
		r.plumb()
	}
}

// reverseShellDup looks for a shell, or an interpreter, that makes a connection
// its own standard input and output.
func reverseShellDup(r *runtimeRecord) {
	if r.Dup == nil {
		return
	}
	s, joined := streams(append(slices.Clone(r.Dup.All), r.Dup.Stdio))
	if !joined || s.Accepted && !isStdinShell(r.Process) || r.isRuntimeProcess() {
		return
	}
	if isShellProcess(r.Process) || isInterpreterProcess(r.Process) {
		r.raiseShell(s, "it made a connection its standard input and output")
	}
}

// streams returns the connection that is both the input and the output of a
// process. One descriptor alone is a client's, such as a probe that writes to
// bash's /dev/tcp.
func streams(fds []event.Stdio) (s *event.Socket, joined bool) {
	var in, out *event.Socket
	for i := range fds {
		f := &fds[i]
		if f.Socket == nil || !f.Socket.Remote.IsValid() {
			continue
		}
		if f.FD == 0 {
			in = f.Socket
		} else if f.FD <= 2 {
			out = f.Socket
		}
	}
	if in == nil || out == nil || in.Remote != out.Remote {
		return nil, false
	}
	return in, true
}

func (r *runtimeRecord) parent() *event.Process {
	if len(r.Ancestors) == 0 {
		return nil
	}
	return &r.Ancestors[0]
}

// raiseShell raises a shell at the end of a connection. What a shell does to get
// there, and all that it does then, is one occurrence.
func (r *runtimeRecord) raiseShell(s *event.Socket, why string) {
	remote := s.Remote
	c := r.claim("Execution:Runtime/ReverseShell", remote.Addr().String())
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00%d", r.here(), r.Node.BootID, s.Local, remote, s.Inode))
	c.Occurrence = hex.EncodeToString(sum[:12])
	c.Action = socketAction(s)
	c.Runtime.Context.AddressFamily = strings.Clone(s.Family)
	c.Runtime.Context.IanaProtocolNumber = int64(s.Protocol)
	way, does := "called", "takes its commands from there"
	if s.Accepted {
		way = "was called by"
	}
	if isRelay(r.Process) {
		does = "carries there what a shell says, and back what it shall do"
	}
	end := "somebody"
	if remote.IsValid() {
		end = remote.String()
	}
	c.Title = fmt.Sprintf("A process in %s gives a shell to %s.", r.where(), end)
	c.Description = fmt.Sprintf("%s in %s %s %s and %s.", upper(processName(r.Process)), r.where(), way, end, does)
	c.Why = why
	r.raise(c)
}

// socketAction is the connection of a finding.
func socketAction(s *event.Socket) finding.Action {
	a := &finding.NetworkConnectionAction{
		ConnectionDirection: "OUTBOUND", Protocol: protocolName(s.Protocol),
		RemoteIPDetails:   cmp.Or(remoteIP([]string{s.Remote.Addr().Unmap().String()}), &finding.RemoteIPDetails{}),
		RemotePortDetails: &finding.RemotePortDetails{Port: int64(s.Remote.Port()), PortName: portName(s.Remote.Port())},
	}
	if s.Accepted {
		a.ConnectionDirection = "INBOUND"
	}
	if local := s.Local.Addr().Unmap(); local.IsValid() {
		a.LocalIPDetails = &finding.LocalIPDetails{IPAddressV4: local.String()}
		if !local.Is4() {
			a.LocalIPDetails = &finding.LocalIPDetails{IPAddressV6: local.String()}
		}
		a.LocalPortDetails = &finding.LocalPortDetails{Port: int64(s.Local.Port()), PortName: portName(s.Local.Port())}
	}
	return finding.Action{ActionType: "NETWORK_CONNECTION", NetworkConnectionAction: a}
}

// throughRelay looks for a shell behind a program that was told to run it at one
// end of a connection, such as socat and ncat do by pipes or a terminal.
func (r *runtimeRecord) throughRelay() bool {
	for i := range min(len(r.Ancestors), 2) {
		a := &r.Ancestors[i]
		s, ok := relayOrder(a)
		if !ok {
			continue
		}
		if c := r.state.plumbing.calls.get(a.UUID); c != nil { // it was told a name
			s.Remote, s.Local = c.Remote, c.Local
		}
		r.raiseShell(&s, fmt.Sprintf("%s was told to run it at one end of a connection", oneLine(baseOf(a))))
		return true
	}
	return false
}

// relayOrder reads from a command line that a program shall run another at the
// end of a connection, and of which.
func relayOrder(p *event.Process) (s event.Socket, ok bool) {
	name, args := applet(p.Args)
	s = event.Socket{Family: "AF_INET", Type: "SOCK_STREAM", Protocol: event.ProtoTCP}
	switch programName(name) {
	case "socat":
		runs, calls := false, false
		for _, a := range args {
			kind, rest, _ := strings.Cut(a, ":")
			switch kind = strings.ToUpper(kind); {
			case kind == "EXEC" || kind == "SYSTEM" || kind == "SHELL":
				runs = true
			case strings.Contains(kind, "LISTEN") || strings.HasSuffix(kind, "-L"):
				s.Accepted, calls = true, true
			case strings.HasPrefix(kind, "TCP") || strings.HasPrefix(kind, "OPENSSL") || strings.HasPrefix(kind, "SSL") || strings.HasPrefix(kind, "UDP") ||
				strings.HasPrefix(kind, "SOCKS") || strings.HasPrefix(kind, "PROXY") || strings.HasPrefix(kind, "SCTP"):
				calls = true
				address, _, _ := strings.Cut(rest, ",")
				s.Remote = parseEnd(address)
			}
		}
		return s, runs && calls
	case "nc", "ncat", "netcat", "nc.traditional", "nc.openbsd":
		var words []string
		for i := 0; i < len(args); i++ {
			switch a := args[i]; {
			case a == "--exec" || a == "--sh-exec" || a == "--lua-exec" || len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.ContainsAny(a, "ec"):
				ok = true
				i++
			case a == "--listen" || len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.Contains(a, "l"):
				s.Accepted = true
			case strings.HasPrefix(a, "-"):
			default:
				words = append(words, a)
			}
		}
		if len(words) >= 2 && !s.Accepted {
			s.Remote = parseEnd(words[0] + ":" + words[1])
		}
	}
	return s, ok
}

// parseEnd reads an address and a port; not valid for names.
func parseEnd(text string) netip.AddrPort {
	end, err := netip.ParseAddrPort(text)
	if err == nil {
		return end
	}
	i := strings.LastIndexByte(text, ':')
	port, err := strconv.ParseUint(text[i+1:], 10, 16)
	if addr := parseAddr(text[:max(i, 0)]); err == nil && addr.IsValid() {
		return netip.AddrPortFrom(addr, uint16(port))
	}
	return netip.AddrPort{}
}

// isRelay knows programs that join a connection with pipes.
func isRelay(p *event.Process) bool {
	if p == nil {
		return false
	}
	name, args := applet(p.Args)
	switch {
	case relayProgram.is(baseOf(p)), relayProgram.is(name):
		return true
	case name == "openssl" || baseOf(p) == "openssl":
		return len(args) > 0 && (args[0] == "s_client" || args[0] == "s_server")
	case name == "curl" || baseOf(p) == "curl":
		return slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "telnet://") })
	}
	return false
}

// isInterpreterProcess knows programs that run programs of a language.
func isInterpreterProcess(p *event.Process) bool {
	if p == nil {
		return false
	}
	name, _ := applet(p.Args)
	return interpreter.is(baseOf(p)) || interpreter.is(name)
}

// servesShells knows services whose work it is to give people shells.
func servesShells(p *event.Process) bool {
	if isScratch(p.Executable) {
		return false
	}
	if shellGiver.is(baseOf(p)) {
		return true
	}
	for _, a := range p.Args { // python -m jupyter, node …/vscode-server
		n := path.Base(a)
		if n == "notebook" || strings.HasPrefix(n, "jupyter") || strings.HasPrefix(n, "ipykernel") || strings.Contains(a, "vscode-server") || strings.Contains(a, "code-server") {
			return true
		}
	}
	return false
}

// shellOfService looks for an interactive shell that comes from a network service.
// What services run to get work done they give as a command or a script.
func shellOfService(r *runtimeRecord) {
	if r.Exec == nil || !isStdinShell(r.Process) || r.startedByRuntime() || r.isRuntimeProcess() || r.inImageBuild() {
		return
	}
	for _, s := range r.out {
		if s.Type == "Execution:Runtime/ReverseShell" {
			return // says more of the same
		}
	}
	if !r.Process.TTY && !takesInput(r.Exec.FDs) {
		return
	}
	var service *event.Process
	for i := range r.Ancestors {
		a := &r.Ancestors[i]
		if r.Container != nil && isRuntimeProgram(a) || servesShells(a) && service == nil {
			break
		}
		if a.Listens && !isShellProcess(a) {
			service = a // the last one is that which listens itself
		}
	}
	if service == nil || servesShells(service) {
		return
	}
	c := r.claim("Execution:Runtime/SuspiciousShellCreated", baseOf(service))
	c.Runtime.Context.ServiceName = strings.Clone(baseOf(service))
	c.Title = fmt.Sprintf("The service %s in %s started an interactive shell.", oneLine(baseOf(service)), r.where())
	c.Description = fmt.Sprintf("%s, which comes from the network service %s, is a shell that waits for commands in %s.", upper(processName(r.Process)), processName(service), r.where())
	c.Why = fmt.Sprintf("the shell %s was given neither a script nor a command, and %s has a listening socket", processName(r.Process), processName(service))
	r.raise(c)
}

// takesInput reports whether the standard input is something that somebody can
// write commands to.
func takesInput(fds []event.Stdio) bool {
	for i := range fds {
		if f := &fds[i]; f.FD == 0 {
			return f.Kind == "pipe" || f.Kind == "socket" || f.Kind == "tty"
		}
	}
	return false
}
