//go:build linux && (amd64 || arm64)

package kernel

import (
	"cmp"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// nothing is a program that returns at once.
func nothing(b *testing.B, spec ebpf.ProgramSpec) *ebpf.Program {
	b.Helper()
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
	spec.License = "Dual MIT/GPL"
	prog, err := ebpf.NewProgram(&spec)
	if err != nil {
		b.Fatal(err)
	}
	return prog
}

// typed attaches a program that does nothing to a typed tracepoint.
func typed(b *testing.B, name string) io.Closer {
	prog := nothing(b, ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: name})
	defer prog.Close()
	l, err := link.AttachTracing(link.TracingOptions{Program: prog})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// single attaches one to the tracepoint of one system call; nil where the
// kernel's tracing files are not mounted.
func single(b *testing.B, name string) io.Closer {
	prog := nothing(b, ebpf.ProgramSpec{Type: ebpf.TracePoint})
	defer prog.Close()
	l, err := link.Tracepoint("syscalls", name, prog, nil)
	if err != nil {
		b.Logf("left out: %v", err)
		return nil
	}
	return l
}

// marked has the kernel tell by fanotify of what is written on the file system
// of temporary files; nil where it cannot.
func marked(b *testing.B, mask uint64) io.Closer {
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC, unix.O_RDONLY)
	if err != nil {
		b.Logf("left out: %v", err)
		return nil
	}
	f := os.NewFile(uintptr(fd), "fanotify")
	if err := unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_FILESYSTEM, mask, unix.AT_FDCWD, os.TempDir()); err != nil {
		f.Close()
		b.Logf("left out: %v", err)
		return nil
	}
	return f
}

// BenchmarkHooks compares what hooks cost that do nothing: the least that a
// sensor on them can cost. In each round all are measured one after the other;
// what is reported is the median.
func BenchmarkHooks(b *testing.B) {
	needKernel(b)
	hooks := []struct {
		name string
		open func() io.Closer
	}{
		{"without", func() io.Closer { return io.NopCloser(nil) }},
		{"sys_exit", func() io.Closer { return typed(b, "sys_exit") }},
		{"sys_enter", func() io.Closer { return typed(b, "sys_enter") }},
		{"sys_exit_openat", func() io.Closer { return single(b, "sys_exit_openat") }},
		{"sys_enter_openat", func() io.Closer { return single(b, "sys_enter_openat") }},
		{"fanotify-close-write", func() io.Closer { return marked(b, unix.FAN_CLOSE_WRITE) }},
		{"sensor", func() io.Closer {
			p, err := Open(Options{NoNetwork: true})
			if err != nil {
				b.Fatal(err)
			}
			return p
		}},
	}
	const rounds, turns = 11, 100_000
	for _, loop := range []string{"getppid", "open+close to read", "open+close to write"} {
		b.Run(loop, func(b *testing.B) {
			for b.Loop() {
				times := make([][]time.Duration, len(hooks))
				for range rounds {
					for i, h := range hooks {
						c := h.open()
						if c == nil {
							continue
						}
						times[i] = append(times[i], runLoop(b, loop, turns, nil))
						if err := c.Close(); err != nil {
							b.Fatal(err)
						}
					}
				}
				base := median(times[0])
				b.ReportMetric(float64(base)/turns, "ns-without/turn")
				for i, h := range hooks[1:] {
					if len(times[i+1]) == 0 {
						continue
					}
					b.ReportMetric(100*(float64(median(times[i+1]))/float64(base)-1), "%-"+h.name)
				}
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

func median[T cmp.Ordered](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}
