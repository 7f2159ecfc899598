//go:build linux && (amd64 || arm64)

package kernel

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vedette-project/vedette/internal/testbed"
)

// work is what machines are for, each in a process of its own that is given a
// folder. It makes ready what it needs and returns what does a short turn of it;
// what that starts and leaves running is in server.
var work = map[string]func(dir string) (turn func() error, server *exec.Cmd, err error){
	"compile": compile,
	"serve":   func(dir string) (func() error, *exec.Cmd, error) { return serveFiles(dir, true) },
	"connect": func(dir string) (func() error, *exec.Cmd, error) { return serveFiles(dir, false) },
}

// compile builds a package of the standard library anew, but what it needs.
func compile(dir string) (func() error, *exec.Cmd, error) {
	needed := filepath.Join(dir, "needed")
	if err := goBuild(needed, "sort", "strings", "unicode", "strconv", "maps", "slices"); err != nil {
		return nil, nil, err
	}
	return func() error {
		cache := filepath.Join(dir, "cache")
		if err := os.CopyFS(cache, os.DirFS(needed)); err != nil {
			return err
		}
		defer os.RemoveAll(cache)
		return goBuild(cache, "regexp/syntax")
	}, nil, nil
}

func goBuild(cache string, packages ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-p=2"}, packages...)...)
	cmd.Env = append(os.Environ(), "GOCACHE="+cache, "GOFLAGS=")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// serveFiles has nginx answer requests, sixteen at a time: on connections that are
// kept, or each with one of its own, as services that call others often do. The
// client is as plain as can be, so that it is nginx that is measured.
func serveFiles(dir string, kept bool) (func() error, *exec.Cmd, error) {
	if err := os.Chmod(dir, 0o755); err != nil { // nginx may be another user
		return nil, nil, err
	}
	conf := "daemon off; master_process off; pid nginx.pid; error_log stderr crit; events {}\n" +
		"http { access_log access.log; server { listen 127.99.3.1:8099; keepalive_requests 1000000000; root " + dir + "; } }\n"
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "page"), make([]byte, 4<<10), 0o644); err != nil {
		return nil, nil, err
	}
	nginx := exec.Command("nginx", "-p", dir, "-c", "nginx.conf")
	nginx.Stderr = os.Stderr
	nginx.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := nginx.Start(); err != nil {
		return nil, nil, err
	}
	fds := make([]int, 16)
	open := func() (err error) {
		for i := range fds {
			if fds[i], err = call(); err != nil {
				return err
			}
		}
		return nil
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if err := open(); err == nil {
			break
		} else if time.Now().After(deadline) {
			return nil, nil, err
		}
	}
	rounds := 400
	if !kept {
		rounds = 100
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}
	return func() error {
		for round := range rounds {
			if !kept {
				if err := open(); err != nil {
					return err
				}
			}
			for _, fd := range fds {
				if _, err := syscall.Write(fd, []byte("GET /page HTTP/1.1\r\nHost: nginx\r\n\r\n")); err != nil {
					return err
				}
			}
			for i, fd := range fds {
				if err := readPage(fd); err != nil {
					return fmt.Errorf("round %d, connection %d: %w", round, i, err)
				}
				if !kept {
					syscall.Close(fd)
				}
			}
		}
		return nil
	}, nginx, nil
}

// call makes a connection that blocks, which costs less than Go's own.
func call() (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	return fd, syscall.Connect(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 99, 3, 1}, Port: 8099})
}

// readPage reads one answer: its header, and as many bytes as the page has.
func readPage(fd int) error {
	var b [8 << 10]byte
	have := 0
	for {
		n, err := syscall.Read(fd, b[have:])
		if err != nil || n == 0 {
			return fmt.Errorf("the answer ends after %d bytes: %w", have, cmp.Or(err, io.ErrUnexpectedEOF))
		}
		have += n
		if head := bytes.Index(b[:have], []byte("\r\n\r\n")); head >= 0 && have >= head+4+4<<10 {
			if !bytes.HasPrefix(b[:have], []byte("HTTP/1.1 200 ")) {
				return fmt.Errorf("nginx says %q", b[:head])
			}
			return nil
		}
	}
}

// labour is a worker that does a turn of some work for each line it is given, and
// says what CPU time it took in all, and how much of that the server. All runs on
// one CPU and before others, so that neither the place nor the company changes
// from turn to turn.
func labour(args []string) error {
	runtime.LockOSThread() // what it starts inherits all this
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return err
	}
	for cpu, found := 0, false; cpu < 1024; cpu++ {
		if set.IsSet(cpu) && found {
			set.Clear(cpu)
		}
		found = found || set.IsSet(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return err
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -20) // where it may
	turn, server, err := work[args[0]](args[1])
	if err != nil {
		return err
	}
	if server != nil {
		defer server.Wait()
		defer server.Process.Signal(syscall.SIGTERM)
	}
	used := func() (all, ofServer int64, err error) {
		var children syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children)
		if server != nil {
			if ofServer, err = ranFor(server.Process.Pid); err != nil {
				return 0, 0, err
			}
		}
		own, err := ranFor(unix.Gettid())
		return own + ofServer + children.Utime.Nano() + children.Stime.Nano(), ofServer, err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		allBefore, serverBefore, err := used()
		if err != nil {
			return err
		}
		if err := turn(); err != nil {
			return err
		}
		all, ofServer, err := used()
		if err != nil {
			return err
		}
		fmt.Println(all-allBefore, ofServer-serverBefore)
	}
	return nil
}

// ranFor is for how long a thread has run, in ns.
func ranFor(thread int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", thread))
	if err != nil {
		return 0, err
	}
	var ns int64
	_, err = fmt.Sscan(string(b), &ns)
	return ns, err
}

// BenchmarkWork compares the CPU time of work without and with the sensor, the
// network's programs too, in many short turns; see versus for the figures.
// Those of nginx alone leave its client out. "nothing" is the same with programs
// that do nothing, at the places where the sensor's run most: the least that one
// there can cost.
func BenchmarkWork(b *testing.B) {
	needKernel(b)
	for _, c := range []struct {
		name, what string
		pairs      int
		with       func(*testing.B, func(toggle))
	}{
		{"compile", "compile", 60, withSensor}, {"serve", "serve", 200, withSensor}, {"connect", "connect", 200, withSensor},
		{"serve-nothing", "serve", 120, withNothing}, {"connect-nothing", "connect", 120, withNothing},
	} {
		b.Run(c.name, func(b *testing.B) {
			if _, err := exec.LookPath("nginx"); err != nil && c.what != "compile" {
				testbed.Lack(b, "nginx", "install it with: apt-get install nginx-light")
			}
			for b.Loop() {
				c.with(b, func(t toggle) { compareWork(b, t, c.what, c.pairs) })
			}
		})
	}
}

func withSensor(b *testing.B, f func(toggle)) {
	m := withOptions(b, Options{}, func(p *Probe) { f(switchOf(b, p)) })
	b.ReportMetric(float64(dropped(m.stats)), "lost")
}

func compareWork(b *testing.B, s toggle, what string, pairs int) {
	turn := startLabour(b, what)
	var all, server versus
	var off, on [2]sample
	var reader time.Duration
	for range 3 { // what the first turns find cold is not counted
		turn()
	}
	for range pairs / 2 { // without, with, with, without: what changes with time hits both alike
		s.off()
		off[0] = turn()
		s.on()
		before := selfCPU()
		on[0], on[1] = turn(), turn()
		reader += selfCPU() - before
		s.off()
		off[1] = turn()
		for i := range off {
			all.add(off[i].all, on[i].all)
			server.add(off[i].server, on[i].server)
		}
	}
	base := median(slices.Clone(all.off))
	b.ReportMetric(base/1e6, "cpu-ms-without")
	all.report(b, "")
	if what != "compile" {
		server.report(b, "nginx-")
	}
	b.ReportMetric(100*float64(reader)/float64(pairs)/base, "%-sensor")
	b.ReportMetric(0, "ns/op")
}

// sample is the CPU time of a turn, in ns, and that of its server.
type sample struct{ all, server float64 }

// startLabour starts some work, and returns what lets it do a turn.
func startLabour(b *testing.B, what string) func() sample {
	dir, err := os.MkdirTemp("", "vedette") // not b.TempDir: nginx may have to get there as another user
	if err != nil {
		b.Fatal(err)
	}
	cmd := worker(b, nil, "labour", what, dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
		os.RemoveAll(dir)
	})
	return func() (s sample) {
		if _, err := io.WriteString(in, "go\n"); err != nil {
			b.Fatal(err)
		}
		if _, err := fmt.Fscanln(out, &s.all, &s.server); err != nil {
			b.Fatalf("a turn of %s: %v", what, err)
		}
		return s
	}
}

// BenchmarkShort lets shells make 100,000 processes. What is lost must be said:
// of each process there are three records, read or counted as lost.
func BenchmarkShort(b *testing.B) {
	needKernel(b)
	const shells, each = 4, 25_000
	for b.Loop() {
		start := time.Now()
		m := withOptions(b, Options{}, func(*Probe) {
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
		exits := m.stats.Kinds[KindExit]
		if exits.Seen < shells*each {
			b.Errorf("%d of %d processes were seen to end", exits.Seen, shells*each)
		}
		total := m.stats.Total()
		told := total.Sent
		for _, n := range total.Dropped {
			told += n
		}
		if told < total.Seen {
			b.Errorf("%d were worth a record, %d are accounted for", total.Seen, told)
		}
		b.ReportMetric(float64(exits.Seen)/time.Since(start).Seconds(), "processes/s")
		b.ReportMetric(float64(m.cpu.Microseconds())/float64(exits.Seen), "sensor-µs/process")
		b.ReportMetric(float64(dropped(m.stats)), "lost")
		b.ReportMetric(0, "ns/op")
	}
}
