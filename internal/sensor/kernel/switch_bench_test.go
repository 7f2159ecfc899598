//go:build linux && (amd64 || arm64)

package kernel

import (
	"io"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// toggle is what is measured, on and off.
type toggle interface {
	on()
	off()
}

// emptyHooks are programs that do nothing: at the end of all system calls, and for
// all packets.
type emptyHooks struct {
	b       *testing.B
	root    string
	packets *ebpf.Program
	links   []io.Closer
}

func withNothing(b *testing.B, f func(toggle)) {
	root, err := cgroupRoot("")
	if err != nil {
		b.Fatal(err)
	}
	packets, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.CGroupSKB, License: "Dual MIT/GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}})
	if err != nil {
		b.Fatal(err)
	}
	defer packets.Close()
	n := &emptyHooks{b: b, root: root, packets: packets}
	defer n.off()
	f(n)
}

func (n *emptyHooks) off() {
	for _, l := range n.links {
		if err := l.Close(); err != nil {
			n.b.Fatal(err)
		}
	}
	n.links = nil
}

func (n *emptyHooks) on() {
	n.links = append(n.links, typed(n.b, "sys_exit"))
	for _, as := range []ebpf.AttachType{ebpf.AttachCGroupInetEgress, ebpf.AttachCGroupInetIngress} {
		l, err := link.AttachCgroup(link.CgroupOptions{Path: n.root, Attach: as, Program: n.packets})
		if err != nil {
			n.b.Fatal(err)
		}
		n.links = append(n.links, l)
	}
}

// switched attaches the programs of a probe and detaches them, which takes
// milliseconds, unlike to load them anew.
type switched struct {
	b        *testing.B
	root     string
	programs []*ebpf.Program
	names    []string
	as       []*ebpf.AttachType // nil for those that are in no cgroup
	links    []link.Link
}

// switchOf takes over the links of a probe.
func switchOf(b *testing.B, p *Probe) *switched {
	b.Helper()
	root, err := cgroupRoot("")
	if err != nil {
		b.Fatal(err)
	}
	s := &switched{b: b, root: root}
	for _, closers := range []*[]io.Closer{&p.links, &p.network.links} {
		*closers = slices.DeleteFunc(*closers, func(c io.Closer) bool {
			l, ok := c.(link.Link)
			if ok {
				s.links = append(s.links, l)
			}
			return ok
		})
	}
	for _, l := range s.links {
		info, err := l.Info()
		if err != nil {
			b.Fatal(err)
		}
		program, err := ebpf.NewProgramFromID(info.Program)
		if err != nil {
			b.Fatal(err)
		}
		about, err := program.Info()
		if err != nil {
			b.Fatal(err)
		}
		s.names = append(s.names, about.Name)
		var as *ebpf.AttachType
		if c := info.Cgroup(); c != nil {
			as = new(ebpf.AttachType(c.AttachType))
		}
		s.programs, s.as = append(s.programs, program), append(s.as, as)
	}
	b.Cleanup(func() {
		s.off()
		for _, p := range s.programs {
			p.Close()
		}
	})
	return s
}

func (s *switched) off() {
	for _, l := range s.links {
		if err := l.Close(); err != nil {
			s.b.Fatal(err)
		}
	}
	s.links = nil
}

func (s *switched) on() {
	for i, p := range s.programs {
		var l link.Link
		var err error
		if s.as[i] == nil {
			l, err = link.AttachTracing(link.TracingOptions{Program: p})
		} else {
			l, err = link.AttachCgroup(link.CgroupOptions{Path: s.root, Attach: *s.as[i], Program: p})
		}
		if err != nil {
			s.b.Fatal(err)
		}
		s.links = append(s.links, l)
	}
}
