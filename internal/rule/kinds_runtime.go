package rule

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// number adds a number.
func (s *sink) number(n int64) {
	start := len(s.m.scratch)
	s.m.scratch = strconv.AppendInt(s.m.scratch, n, 10)
	s.made(start)
}

// addr adds an address, if it is one.
func (s *sink) addr(a netip.Addr) {
	if a.IsValid() {
		start := len(s.m.scratch)
		s.m.scratch = a.Unmap().AppendTo(s.m.scratch)
		s.made(start)
	}
}

// line adds words as one line.
func (s *sink) line(words []string) {
	if len(words) == 0 {
		return
	}
	if len(words) == 1 {
		s.text(words[0])
		return
	}
	start := len(s.m.scratch)
	for i, w := range words {
		if i > 0 {
			s.m.scratch = append(s.m.scratch, ' ')
		}
		s.m.scratch = append(s.m.scratch, w...)
	}
	s.made(start)
}

// processFields are what every record of a process tells, under the names of
// Sigma's taxonomy.
func processFields() map[string]getter {
	of := func(get func(*event.Process, *sink)) getter {
		return func(ev *event.Event, s *sink) {
			if p := ev.Runtime.Process; p != nil {
				get(p, s)
			}
		}
	}
	parent := func(get func(*event.Process, *sink)) getter {
		return func(ev *event.Event, s *sink) {
			if a := ev.Runtime.Ancestors; len(a) > 0 {
				get(&a[0], s)
			}
		}
	}
	grand := func(get func(*event.Process, *sink)) getter {
		return func(ev *event.Event, s *sink) {
			if a := ev.Runtime.Ancestors; len(a) > 1 {
				get(&a[1], s)
			}
		}
	}
	ancestors := func(get func(*event.Process, *sink)) getter {
		return func(ev *event.Event, s *sink) {
			for i := range ev.Runtime.Ancestors {
				get(&ev.Runtime.Ancestors[i], s)
			}
		}
	}
	image := func(p *event.Process, s *sink) {
		if p.Executable != "" {
			s.text(p.Executable)
		} else {
			s.text(p.Name)
		}
	}
	command := func(p *event.Process, s *sink) { s.line(p.Args) }
	user := func(p *event.Process, s *sink) {
		switch {
		case p.User != "":
			s.text(p.User)
		case p.UID == 0:
			s.text("root")
		default:
			s.number(int64(p.UID))
		}
	}
	container := func(get func(*event.Container, *sink)) getter {
		return func(ev *event.Event, s *sink) {
			if c := ev.Runtime.Container; c != nil {
				get(c, s)
			}
		}
	}
	pod := func(get func(*event.Pod) string) getter {
		return func(ev *event.Event, s *sink) {
			if p := ev.Runtime.Pod; p != nil {
				s.text(get(p))
			}
		}
	}
	return map[string]getter{
		keywords:                 wholeRecord,
		"Image":                  of(image),
		"CommandLine":            of(command),
		"ProcessName":            of(func(p *event.Process, s *sink) { s.text(p.Name) }),
		"CurrentDirectory":       of(func(p *event.Process, s *sink) { s.text(p.Cwd) }),
		"User":                   of(user),
		"ProcessId":              of(func(p *event.Process, s *sink) { s.number(int64(p.PID)) }),
		"ProcessGuid":            of(func(p *event.Process, s *sink) { s.text(p.UUID) }),
		"sha256":                 of(func(p *event.Process, s *sink) { s.text(p.SHA256) }),
		"Script":                 of(func(p *event.Process, s *sink) { s.text(p.Script) }),
		"UserId":                 of(func(p *event.Process, s *sink) { s.number(int64(p.UID)) }),
		"EffectiveUserId":        of(func(p *event.Process, s *sink) { s.number(int64(p.EUID)) }),
		"ParentImage":            parent(image),
		"ParentCommandLine":      parent(command),
		"ParentUser":             parent(user),
		"ParentProcessId":        parent(func(p *event.Process, s *sink) { s.number(int64(p.PID)) }),
		"ParentProcessGuid":      parent(func(p *event.Process, s *sink) { s.text(p.UUID) }),
		"GrandparentImage":       grand(image),
		"GrandparentCommandLine": grand(command),
		"AncestorImage":          ancestors(image),
		"AncestorCommandLine":    ancestors(command),
		"ContainerId":            container(func(c *event.Container, s *sink) { s.text(c.ID) }),
		"ContainerName":          container(func(c *event.Container, s *sink) { s.text(c.Name) }),
		"ContainerImage":         container(func(c *event.Container, s *sink) { s.text(c.Image) }),
		"ContainerPrivileged":    container(func(c *event.Container, s *sink) { s.text(strconv.FormatBool(c.Privileged)) }),
		"PodName":                pod(func(p *event.Pod) string { return p.Name }),
		"PodNamespace":           pod(func(p *event.Pod) string { return p.Namespace }),
		"ServiceAccount":         pod(func(p *event.Pod) string { return p.ServiceAccount }),
		"OwnerName":              pod(func(p *event.Pod) string { return p.OwnerName }),
		"NodeName":               func(ev *event.Event, s *sink) { s.text(ev.Runtime.Node.Name) },
		"Computer":               func(ev *event.Event, s *sink) { s.text(ev.Runtime.Node.Name) },
		"EventType":              func(ev *event.Event, s *sink) { s.text(string(ev.Runtime.Kind)) },
	}
}

// ofRuntime is a kind of event of sensors: the fields of its process, and more.
func ofRuntime(name string, kinds string, more map[string]getter) *kind {
	k := &kind{
		name: "runtime " + name,
		applies: func(ev *event.Event) bool {
			return ev.Runtime != nil && hasWord(kinds, string(ev.Runtime.Kind))
		},
		native: processFields(),
		other:  map[string][]string{"ComputerName": {"Computer"}, "Hashes": {"sha256"}, "SHA256": {"sha256"}},
		parts:  []section{}, // other names are paths into the sensor's own record
		silent: strings.Fields(never),
	}
	for n, g := range more {
		k.native[n] = g
	}
	return k
}

// hasWord reports whether a word is in a list with spaces around each; an
// empty list has all.
func hasWord(list, word string) bool {
	if list == "" {
		return true
	}
	for rest := list; rest != ""; {
		var w string
		w, rest, _ = strings.Cut(rest, " ")
		if w == word {
			return true
		}
	}
	return false
}

// never names fields of Sigma's taxonomy that sensors do not tell. Other names
// are paths into the sensor's own record.
const never = "LogonId LogonGuid TerminalSessionId IntegrityLevel OriginalFileName Product Company Description FileVersion md5 sha1 imphash Hashes.MD5 " +
	"DestinationHostname SourceHostname DestinationPortName SourcePortName DestinationIsIpv6 SourceIsIpv6 CreationUtcTime Signed Signature SignatureStatus"

func processKind() *kind {
	k := ofRuntime("process", "exec", map[string]getter{
		"SetUid": func(ev *event.Event, s *sink) {
			if x := ev.Runtime.Exec; x != nil {
				s.text(strconv.FormatBool(x.Setuid))
			}
		},
		"ImageFileSystem": func(ev *event.Event, s *sink) {
			if x := ev.Runtime.Exec; x != nil {
				s.text(x.File.FileSystem)
			}
		},
	})
	return k
}

func networkKind() *kind {
	socket := func(get func(*event.Socket, *sink)) getter {
		return func(ev *event.Event, s *sink) {
			if n := ev.Runtime.Net; n != nil {
				get(&n.Socket, s)
			}
		}
	}
	// Of a connection that was accepted, the other end is the source.
	ends := func(get func(src, dst netip.AddrPort, s *sink)) getter {
		return func(ev *event.Event, s *sink) {
			if n := ev.Runtime.Net; n != nil && ev.Runtime.Kind == event.KindAccept {
				get(n.Socket.Remote, n.Socket.Local, s)
			} else if n != nil {
				get(n.Socket.Local, n.Socket.Remote, s)
			}
		}
	}
	port := func(a netip.AddrPort, s *sink) {
		if a.IsValid() {
			s.number(int64(a.Port()))
		}
	}
	k := ofRuntime("network", "connect accept", map[string]getter{
		"SourceIp":        ends(func(src, _ netip.AddrPort, s *sink) { s.addr(src.Addr()) }),
		"SourcePort":      ends(func(src, _ netip.AddrPort, s *sink) { port(src, s) }),
		"DestinationIp":   ends(func(_, dst netip.AddrPort, s *sink) { s.addr(dst.Addr()) }),
		"DestinationPort": ends(func(_, dst netip.AddrPort, s *sink) { port(dst, s) }),
		"Initiated": func(ev *event.Event, s *sink) {
			s.text(strconv.FormatBool(ev.Runtime.Kind == event.KindConnect))
		},
		"Protocol": socket(func(k *event.Socket, s *sink) {
			switch k.Protocol {
			case event.ProtoTCP:
				s.text("tcp")
			case event.ProtoUDP:
				s.text("udp")
			}
		}),
		"SocketPath": socket(func(k *event.Socket, s *sink) { s.text(k.Path) }),
	})
	k.other["dst_ip"], k.other["src_ip"] = []string{"DestinationIp"}, []string{"SourceIp"}
	k.other["dst_port"], k.other["src_port"] = []string{"DestinationPort"}, []string{"SourcePort"}
	return k
}

func fileKind() *kind {
	k := ofRuntime("file", "open rename link symlink", map[string]getter{
		"TargetFilename": func(ev *event.Event, s *sink) {
			switch f := ev.Runtime.File; {
			case f == nil:
			case f.NewPath != "":
				s.text(f.NewPath)
			default:
				s.text(f.Path)
			}
		},
		"SourceFilename": func(ev *event.Event, s *sink) {
			if f := ev.Runtime.File; f != nil && f.NewPath != "" {
				s.text(f.Path)
			}
		},
	})
	return k
}

func fileDeleteKind() *kind {
	return ofRuntime("file deletion", "unlink", map[string]getter{
		"TargetFilename": func(ev *event.Event, s *sink) {
			if f := ev.Runtime.File; f != nil {
				s.text(f.Path)
			}
		},
	})
}

func libraryKind() *kind {
	return ofRuntime("library", "library", map[string]getter{
		"ImageLoaded": func(ev *event.Event, s *sink) {
			if l := ev.Runtime.Library; l != nil {
				s.text(l.File.Path)
			}
		},
	})
}

func moduleKind() *kind {
	return ofRuntime("module", "module_load", map[string]getter{
		"ImageLoaded": func(ev *event.Event, s *sink) {
			if m := ev.Runtime.Module; m != nil && m.Path != "" {
				s.text(m.Path)
			} else if m != nil {
				s.text(m.Name)
			}
		},
	})
}

// runtimeKind is every record of a sensor, with all fields of the kinds above.
func runtimeKind() *kind {
	all := ofRuntime("record", "", nil)
	for _, k := range []*kind{moduleKind(), libraryKind(), fileKind(), networkKind(), processKind()} {
		for name, get := range k.native {
			if before := all.native[name]; before == nil {
				all.native[name] = get
			} else if name == "ImageLoaded" { // of two kinds, and a record is of one
				all.native[name] = func(ev *event.Event, s *sink) {
					before(ev, s)
					get(ev, s)
				}
			}
		}
	}
	return all
}
