package sensor

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/proc"
)

// BenchmarkExec is a process that begins, becomes a program and ends: what a
// shell's command costs.
func BenchmarkExec(b *testing.B) {
	var bytes int
	s := quiet(b, b.TempDir(), func(line []byte, _ *event.Runtime) error { bytes += len(line); return nil })
	for pid := uint32(2); pid < 8; pid++ { // ancestors
		s.table.Fork(keyOf(kernel.Process{PID: pid, Start: time.Duration(pid) * time.Second}), s.table.Add(proc.KeyOf(int(pid-1), uint64(pid-1)*1e9),
			event.Process{Name: "bash", Executable: "/usr/bin/bash", Args: []string{"bash", "-c", "some command"}}, s.table.Newest(int(pid-2))), time.Now())
	}
	exec := kernel.Exec{
		Filename: "/bin/true", Path: kernel.Path{Name: "/usr/bin/true"}, Cwd: kernel.Path{Name: "/root"}, Cgroup: "session-1.scope", CgroupParent: "user-0.slice",
		Args: []string{"/bin/true", "with", "arguments"}, File: kernel.File{Inode: 7, Links: 1, Mode: 0o100755, FileSystem: 0xef53, Changed: time.Now(), Modified: time.Now()},
	}
	b.ReportAllocs()
	pid := uint32(100)
	for b.Loop() {
		pid++
		a := actorOf(pid, 7)
		for _, rec := range []kernel.Record{
			{Kind: kernel.KindFork, Actor: a, Fork: &kernel.Fork{By: a.Parent}},
			{Kind: kernel.KindExec, Actor: a, Exec: &exec},
			{Kind: kernel.KindExit, Actor: a, Exit: &kernel.Exit{}},
		} {
			if err := s.handle(&rec); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "B/exec")
}

// BenchmarkConnect is a connection that is told.
func BenchmarkConnect(b *testing.B) {
	s := quiet(b, b.TempDir(), func([]byte, *event.Runtime) error { return nil })
	c := &kernel.Connection{Socket: kernel.NetSocket{Family: 2, Type: 1, Protocol: 6, Local: netip.MustParseAddrPort("10.0.0.1:40000"), Remote: netip.MustParseAddrPort("10.0.0.2:80")}}
	b.ReportAllocs()
	n := uint16(0)
	for b.Loop() {
		n++
		c.Socket.Remote = netip.AddrPortFrom(c.Socket.Remote.Addr(), n)
		rec := kernel.Record{Kind: kernel.KindConnect, Actor: actorOf(50, 1), Network: &kernel.Network{Connection: c}}
		if err := s.handle(&rec); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFolded is one that was told a moment ago.
func BenchmarkFolded(b *testing.B) {
	s := quiet(b, b.TempDir(), func([]byte, *event.Runtime) error { return nil })
	c := &kernel.Connection{Socket: kernel.NetSocket{Family: 2, Type: 1, Protocol: 6, Local: netip.MustParseAddrPort("10.0.0.1:40000"), Remote: netip.MustParseAddrPort("10.0.0.2:80")}}
	b.ReportAllocs()
	for b.Loop() {
		rec := kernel.Record{Kind: kernel.KindConnect, Actor: actorOf(50, 1), Network: &kernel.Network{Connection: c}}
		if err := s.handle(&rec); err != nil {
			b.Fatal(err)
		}
	}
}
