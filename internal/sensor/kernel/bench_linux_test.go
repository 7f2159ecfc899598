//go:build linux && (amd64 || arm64)

package kernel

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// loops are what a workload does over and over; each is run in a process of its
// own, which is not the sensor's.
var loops = map[string]func(n int) error{
	"getppid": func(n int) error {
		for range n {
			syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0)
		}
		return nil
	},
	"open+close to read":  func(n int) error { return openLoop(n, syscall.O_RDONLY) },
	"open+close to write": func(n int) error { return openLoop(n, syscall.O_WRONLY) },
	"exec": func(n int) error {
		script := "i=0; while [ $i -lt " + strconv.Itoa(n) + " ]; do /bin/true; i=$((i+1)); done"
		return exec.Command("/bin/sh", "-c", script).Run()
	},
	"create+unlink": func(n int) error {
		dir, err := os.MkdirTemp("", "vedette")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		name := []byte(dir + "/some-file\x00")
		for range n {
			fd, _, e := syscall.RawSyscall6(syscall.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(&name[0])), syscall.O_CREAT|syscall.O_WRONLY, 0o600, 0, 0)
			if e != 0 {
				return e
			}
			syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
			syscall.RawSyscall(syscall.SYS_UNLINKAT, ^uintptr(99), uintptr(unsafe.Pointer(&name[0])), 0)
		}
		return nil
	},
}

func openLoop(n, flags int) error {
	f, err := os.CreateTemp("", "vedette")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	name := append([]byte(f.Name()), 0)
	for range n {
		fd, _, e := syscall.RawSyscall6(syscall.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(&name[0])), uintptr(flags), 0, 0, 0)
		if e != 0 {
			return e
		}
		syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
	}
	return nil
}

// The loops run as workers: see TestMain.
func loop(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	ahead()
	start := time.Now()
	if err := loops[args[0]](n); err != nil {
		return err
	}
	fmt.Println(time.Since(start).Nanoseconds())
	return nil
}

// ahead lets this process, and what it starts, run before all that others do on
// the machine, where it may: else their work is measured, too.
func ahead() {
	param := [1]int32{1}
	const fifo = 1
	syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, fifo, uintptr(unsafe.Pointer(&param)))
}

// runLoop says how long n turns took.
func runLoop(b *testing.B, what string, n int, attr *syscall.SysProcAttr) time.Duration {
	cmd := worker(b, attr, "loop", what, strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	ns, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(ns)
}

// BenchmarkOverhead runs each loop without and with the sensor in turn, takes
// the best time of each, and reports one turn without it, by how many percent
// it grows, the sensor's own CPU time in user space, and what was lost.
func BenchmarkOverhead(b *testing.B) {
	needKernel(b)
	for _, c := range []struct {
		name, loop string
		turns      int
		attr       *syscall.SysProcAttr
	}{
		{"getppid", "getppid", 1_000_000, nil},
		{"open+close", "open+close to read", 200_000, nil},
		{"open+close-to-write", "open+close to write", 200_000, nil},
		{"open+close-to-write-in-container", "open+close to write", 200_000, inContainer()},
		{"create+unlink", "create+unlink", 50_000, nil},
		{"exec", "exec", 1_000, nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				overhead(b, c.loop, c.turns, c.attr)
			}
		})
	}
}

func overhead(b *testing.B, loop string, turns int, attr *syscall.SysProcAttr) {
	const rounds = 10
	off, on := time.Duration(1<<62), time.Duration(1<<62)
	var cpu time.Duration
	var read, lost uint64
	for range rounds {
		off = min(off, runLoop(b, loop, turns, attr))
		m := withProbe(b, func() { on = min(on, runLoop(b, loop, turns, attr)) })
		cpu += m.cpu
		read += m.stats.Read
		lost += dropped(m.stats)
	}
	n := float64(turns)
	b.ReportMetric(float64(off)/n, "ns-without/turn")
	b.ReportMetric(100*(float64(on)/float64(off)-1), "%-slower")
	b.ReportMetric(float64(cpu)/n/rounds, "sensor-ns/turn")
	b.ReportMetric(float64(read)/n/rounds, "records/turn")
	b.ReportMetric(float64(lost), "lost")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStorm lets four shells make processes as fast as they can.
func BenchmarkStorm(b *testing.B) {
	needKernel(b)
	const shells, each = 4, 10_000
	for b.Loop() {
		start := time.Now()
		m := withProbe(b, func() {
			var all sync.WaitGroup
			for range shells {
				all.Go(func() {
					if err := forks(each).Run(); err != nil {
						b.Error(err)
					}
				})
			}
			all.Wait()
		})
		took := time.Since(start)
		b.ReportMetric(float64(m.stats.Read)/took.Seconds(), "records/s")
		b.ReportMetric(float64(m.cpu)/float64(m.stats.Read), "sensor-ns/record")
		b.ReportMetric(float64(dropped(m.stats)), "lost")
		b.ReportMetric(0, "ns/op")
	}
}

func dropped(s Stats) uint64 {
	n := s.Lost + s.Bad
	for _, d := range s.Total().Dropped {
		n += d
	}
	return n
}

// measure is what the sensor did while something ran.
type measure struct {
	stats Stats
	cpu   time.Duration // in user space and its own system calls
}

// withProbe runs f with the sensor reading all the while.
func withProbe(b *testing.B, f func()) measure {
	return withOptions(b, Options{NoNetwork: true}, func(*Probe) { f() })
}

func withOptions(b *testing.B, o Options, f func(*Probe)) measure {
	p, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		var r Record
		for p.Read(&r) == nil {
		}
	})
	before := selfCPU()
	f(p)
	m := measure{cpu: selfCPU() - before}
	if m.stats, err = p.Stats(); err != nil {
		b.Fatal(err)
	}
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
	done.Wait()
	return m
}

// selfCPU is the CPU time of this process, its children not included.
func selfCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
