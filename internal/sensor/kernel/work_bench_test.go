//go:build linux && (amd64 || arm64)

package kernel

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/testbed"
)

// work is what machines are for. Each is run in a process of its own.
var work = map[string]func(dir string) error{
	"compile": compile,
	"serve":   func(dir string) error { return serveFiles(dir, true) },
	"connect": func(dir string) error { return serveFiles(dir, false) },
}

// compile builds a package of the standard library and what it needs, anew.
func compile(dir string) error {
	cmd := exec.Command("go", "build", "-a", "strconv")
	cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(dir, "cache"), "GOFLAGS=-p=2")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// serveFiles has nginx answer requests: on connections that are kept, or each with
// a connection of its own, as services that call others by name often do.
func serveFiles(dir string, kept bool) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	l.Close()
	conf := "daemon off; worker_processes 1; pid nginx.pid; error_log stderr crit; events {}\n" +
		"http { access_log access.log; server { listen " + addr + "; root " + dir + "; } }\n"
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "page"), make([]byte, 4<<10), 0o644); err != nil {
		return err
	}
	nginx := exec.Command("nginx", "-p", dir, "-c", "nginx.conf")
	nginx.Stderr = os.Stderr
	if err := nginx.Start(); err != nil {
		return err
	}
	defer nginx.Wait()
	defer nginx.Process.Signal(syscall.SIGTERM)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: !kept}}
	for n := range 8000 {
		res, err := client.Get("http://" + addr + "/page")
		for deadline := time.Now().Add(5 * time.Second); err != nil && n == 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			res, err = client.Get("http://" + addr + "/page") // it begins to listen
		}
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %w", res.Status, err)
		}
		res.Body.Close()
	}
	return nil
}

// labour is a worker that does one piece of work and says what CPU time it took
// with all that it started: others on the machine do not change that much.
func labour(args []string) error {
	dir, err := os.MkdirTemp("", "vedette")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // nginx's worker is another user
		return err
	}
	if err := work[args[0]](dir); err != nil {
		return err
	}
	var self, children syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self)
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children)
	fmt.Println(self.Utime.Nano() + self.Stime.Nano() + children.Utime.Nano() + children.Stime.Nano())
	return nil
}

// BenchmarkWork compares the CPU time of work without and with the sensor, the
// network's programs too, in turn: medians.
func BenchmarkWork(b *testing.B) {
	needKernel(b)
	for _, what := range []string{"compile", "serve", "connect"} {
		b.Run(what, func(b *testing.B) {
			if _, err := exec.LookPath("nginx"); err != nil && what != "compile" {
				testbed.Lack(b, "nginx", "install it with: apt-get install nginx-light")
			}
			for b.Loop() {
				compareWork(b, what)
			}
		})
	}
}

func compareWork(b *testing.B, what string) {
	const rounds = 9
	run := func() time.Duration {
		cmd := worker(b, nil, "labour", what)
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
	var off, on []time.Duration
	var cpu time.Duration
	var read, lost uint64
	for range rounds {
		off = append(off, run())
		m := withOptions(b, Options{}, func() { on = append(on, run()) })
		cpu += m.cpu
		read += m.stats.Read
		lost += dropped(m.stats)
	}
	base := median(off)
	b.ReportMetric(base.Seconds(), "cpu-s-without")
	b.ReportMetric(100*(float64(median(on))/float64(base)-1), "%-more")
	b.ReportMetric(100*float64(cpu/rounds)/float64(base), "%-sensor")
	b.ReportMetric(float64(read)/rounds, "records")
	b.ReportMetric(float64(lost), "lost")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkShort lets shells make 100,000 processes. What is lost must be said:
// of each process there are three records, read or counted as lost.
func BenchmarkShort(b *testing.B) {
	needKernel(b)
	const shells, each = 4, 25_000
	for b.Loop() {
		start := time.Now()
		m := withOptions(b, Options{}, func() {
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
