package sensor

import (
	"math"
	"path"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/proc"
)

// call tells of a system call.
func (s *Sensor) call(rec *kernel.Record) error {
	c := rec.Call
	old := s.table.Get(keyOf(rec.Actor.Process))
	var before event.Process
	if old != nil {
		before = *old.Info
	}
	p := s.actor(&rec.Actor)
	if c.Failed() {
		s.out.Error = errnoName(-c.Ret)
	}
	switch rec.Kind {
	case kernel.KindCredentials:
		if old == nil {
			before = *p.Info
		}
		return s.tell(rec, p, s.credentials(p, c, &before))
	case kernel.KindNamespace:
		return s.tell(rec, p, s.namespace(p, c))
	case kernel.KindMount:
		return s.tell(rec, p, s.mount(p, c))
	case kernel.KindModule:
		s.out.Module = &event.Module{Name: text(c.Text[0]), Path: text(c.Path.Name)}
		if !c.Failed() && c.Path.Name != "" {
			s.out.Module.SHA256 = s.hash(&c.File, p, c.Path.Name)
		}
		return s.tell(rec, p, event.KindModule)
	case kernel.KindBPF:
		s.out.Module = &event.Module{Name: text(c.Text[0]), Type: bpfType(c.Args[0])}
		return s.tell(rec, p, event.KindBPF)
	case kernel.KindPtrace, kernel.KindVMAccess:
		return s.tell(rec, p, s.reach(rec, p, c))
	case kernel.KindUserfault:
		return s.tell(rec, p, event.KindUserfaultfd)
	case kernel.KindIOUring:
		return s.tell(rec, p, event.KindIOURing)
	case kernel.KindMemfd:
		s.out.Memory = &event.Memory{Name: text(c.Text[0]), Flags: memfdFlags(c.Args[0])}
		return s.tell(rec, p, event.KindMemfd)
	case kernel.KindDup:
		return s.tell(rec, p, s.dup(rec, p, c))
	case kernel.KindUnixConnect:
		name := c.NewPath.Name
		if name == "" {
			name = c.Path.Name
		}
		s.out.Net = &event.Connection{Socket: event.Socket{Family: "AF_UNIX", Path: text(name)}, Established: !c.Failed()}
		return s.tell(rec, p, event.KindConnect)
	case kernel.KindMap:
		s.out.Library = &event.Mapped{File: s.image(c.Path, &c.File, &c.Writer)}
		return s.tell(rec, p, event.KindLibrary)
	}
	return s.file(rec, p, c)
}

// credentials tells of other users or capabilities.
func (s *Sensor) credentials(p *proc.Process, c *kernel.Call, before *event.Process) event.RuntimeKind {
	s.out.Creds = &event.Creds{OldUID: before.UID, OldEUID: before.EUID}
	if c.Op != kernel.OpCapset {
		p.CapsKnown = false // the kernel takes or gives them along with the user
		return event.KindSetuid
	}
	if p.CapsKnown {
		s.out.Creds.Added = capabilities(c.Args[0] &^ p.Caps)
	}
	p.Caps, p.CapsKnown = c.Args[0], true
	return event.KindCapset
}

// namespace tells of one that was entered or made.
func (s *Sensor) namespace(p *proc.Process, c *kernel.Call) event.RuntimeKind {
	s.out.Namespace = &event.Namespace{Types: namespaceTypes(c.Args[0])}
	if c.Op == kernel.OpUnshare {
		return event.KindUnshare
	}
	if kind, ok := s.host.namespaces[c.Args[1]]; ok && c.Args[1] != 0 {
		s.out.Namespace.Host = true
		if len(s.out.Namespace.Types) == 0 {
			s.out.Namespace.Types = []string{kind}
		}
	}
	if c.Target.PID != 0 { // all at once, those of a process
		if target := s.table.Get(keyOf(c.Target)); c.Target.PID == 1 || target != nil && target.Place == "" && p.Place != "" {
			s.out.Namespace.Host = true
		}
	}
	return event.KindSetns
}

// mount tells of a mount, or of a step of one in the newer calls.
func (s *Sensor) mount(p *proc.Process, c *kernel.Call) event.RuntimeKind {
	m := &event.Mount{Source: text(c.Text[0]), Target: text(absolute(c.Text[1], p.Info.Cwd)), FileSystem: text(c.Text[2])}
	s.out.Mount = m
	switch c.Op {
	case kernel.OpUmount2:
		m.Flags = unmountFlags(c.Args[0])
		return event.KindUnmount
	case kernel.OpMount:
		m.Flags = mountFlags(c.Args[0])
	case kernel.OpOpenTree:
		m.Flags = []string{"OPEN_TREE_CLONE"}
	}
	return event.KindMount
}

// reach tells of a process that reads, changes or controls another.
func (s *Sensor) reach(rec *kernel.Record, p *proc.Process, c *kernel.Call) event.RuntimeKind {
	t := &event.Target{}
	s.out.Target = t
	kind := event.KindPtrace
	switch c.Op {
	case kernel.OpProcessVMReadv:
		kind = event.KindVMRead
	case kernel.OpProcessVMWritev:
		kind = event.KindVMWrite
	default:
		t.Request = ptraceRequest(c.Args[0])
	}
	if kind != event.KindPtrace && c.Ret > 0 {
		t.Bytes = int64(c.Ret)
	}
	t.Process = s.target(&rec.Actor, c)
	return kind
}

// target is the process that a call reaches into.
func (s *Sensor) target(a *kernel.Actor, c *kernel.Call) event.Process {
	var p *proc.Process
	switch {
	case c.Target.PID != 0 && c.Target.Start != 0:
		return *s.known(c.Target, "")
	case c.Target.PID != 0:
		p = s.table.Newest(int(c.Target.PID))
	case a.NSPID == a.PID: // it counts as the kernel does
		p = s.table.Newest(int(c.TargetNSPID))
	default:
		p = s.table.Inside(a.PIDNS, int(c.TargetNSPID))
	}
	if p != nil {
		return *p.Info
	}
	return event.Process{PID: int(c.Target.PID), NamespacePID: int(min(c.TargetNSPID, math.MaxInt32))}
}

// dup tells of a socket or pipe that became a standard stream.
func (s *Sensor) dup(rec *kernel.Record, p *proc.Process, c *kernel.Call) event.RuntimeKind {
	fd := int(c.Args[1])
	now := s.stdio(fd, &c.Stream, rec.Actor.NetNS)
	if c.Path.Name != "" {
		now.Path = text(c.Path.Name)
	}
	if 0 <= fd && fd < len(p.Streams) && !c.Failed() {
		p.Streams[fd] = now
	}
	s.out.Dup = &event.Dup{Old: int(c.Args[0]), Stdio: now, All: streams(p)}
	return event.KindDup
}

// file tells of a file that was opened for writing, or changed by its name.
func (s *Sensor) file(rec *kernel.Record, p *proc.Process, c *kernel.Call) error {
	kind := event.KindOpen
	f := &event.FileChange{Path: text(c.Path.Name), NewPath: text(c.NewPath.Name), Created: c.File.Created}
	switch rec.Kind {
	case kernel.KindOpen:
		f.Flags = openFlags(c.Args[0])
		if c.Target.PID != 0 && path.Base(c.Path.Name) == "mem" {
			s.out.Target = &event.Target{Process: s.target(&rec.Actor, c)}
			return s.tell(rec, p, event.KindProcMem)
		}
	case kernel.KindTruncate:
		f.Flags = []string{"O_WRONLY", "O_TRUNC"}
	case kernel.KindRename:
		kind = event.KindRename
	case kernel.KindUnlink:
		kind = event.KindUnlink
	case kernel.KindLink:
		kind = event.KindLink
	case kernel.KindSymlink:
		kind, f.Path = event.KindSymlink, text(c.Text[0])
	case kernel.KindChmod:
		kind, f.Mode = event.KindChmod, uint32(c.Args[0]&0o7777)
	case kernel.KindRoot:
		kind = event.KindChroot
		f.Path = text(absolute(c.Text[0], p.Info.Cwd))
		if c.Text[1] != "" {
			f.NewPath = text(absolute(c.Text[1], p.Info.Cwd))
		}
	case kernel.KindHandle:
		kind, f.Flags = event.KindHandle, openFlags(c.Args[0])
	default: // of a newer kernel part
		s.reset()
		return nil
	}
	f.Host = s.ofHost(p, f.Path) || f.NewPath != "" && s.ofHost(p, f.NewPath) ||
		rec.Kind == kernel.KindOpen && c.Path.Outside && s.containerOf(p) != nil
	s.out.File = f
	return s.tell(rec, p, kind)
}

// ofHost reports whether a path leads a container to a file of the node by what
// is mounted into it. A file that lies outside all that the container has, and was
// opened through another process or a descriptor, is told by the kernel part.
func (s *Sensor) ofHost(p *proc.Process, name string) bool {
	c := s.containerOf(p)
	if c == nil {
		return false
	}
	for _, m := range c.Mounts {
		if name == m.Target || strings.HasPrefix(name, strings.TrimSuffix(m.Target, "/")+"/") {
			return true
		}
	}
	return false
}
