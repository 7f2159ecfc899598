//go:build linux && (amd64 || arm64)

package kernel

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const workerEnv = "VEDETTE_TEST_WORKER"

// TestMain is also what the workers of tests run: the test binary as another
// process, which does one thing.
func TestMain(m *testing.M) {
	if what := os.Getenv(workerEnv); what != "" {
		args := strings.Split(what, "\n")
		if err := workers[args[0]](args[1:]); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", args[0], err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// bed is a sensor that looks only at what this test starts.
type bed struct {
	*Probe
}

func newBed(t testing.TB, o Options) *bed {
	t.Helper()
	needKernel(t)
	o.Only = []uint32{uint32(os.Getpid())}
	o.NoNetwork = true
	o.Poll = 5 * time.Millisecond
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bed{p}
}

// inContainer are the attributes of a process with a mount and a pid namespace
// of its own.
func inContainer() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
}

// worker is a command that does what workers holds under the first argument.
func worker(t testing.TB, attr *syscall.SysProcAttr, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), workerEnv+"="+strings.Join(args, "\n"))
	cmd.SysProcAttr = attr
	return cmd
}

// run runs a command to its end and returns all that the sensor says of it and
// of what it started before it ended.
func (b *bed) run(t testing.TB, cmd *exec.Cmd) records {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Start()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %v: %s", cmd.Args, err, stderr.Bytes())
	}
	return b.until(t, uint32(cmd.Process.Pid))
}

// until reads until a process has ended.
func (b *bed) until(t testing.TB, pid uint32) records {
	t.Helper()
	var all records
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		r := new(Record)
		ok, err := b.TryRead(r)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			continue
		}
		all = append(all, r)
		if r.Exit != nil && r.Actor.PID == pid {
			return all
		}
	}
	t.Fatalf("process %d did not end: %v", pid, all)
	return nil
}

type records []*Record

// String lists them, for messages of tests.
func (rs records) String() string {
	var b strings.Builder
	for _, r := range rs {
		fmt.Fprintf(&b, "%v by %d %q", r.Kind, r.Actor.PID, r.Actor.Comm)
		switch {
		case r.Exec != nil:
			fmt.Fprintf(&b, " %q %q", r.Exec.Path.Name, r.Exec.Args)
		case r.Exit != nil:
			fmt.Fprintf(&b, " %+v", *r.Exit)
		case r.Call != nil:
			fmt.Fprintf(&b, " %v %d %q %q %q %v", r.Call.Op, r.Call.Ret, r.Call.Path.Name, r.Call.NewPath.Name, r.Call.Text, r.Call.Args)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// of picks those of a kind.
func (rs records) of(k Kind) records {
	var out records
	for _, r := range rs {
		if r.Kind == k {
			out = append(out, r)
		}
	}
	return out
}

// exec picks the execution of a program by its file's last name.
func (rs records) exec(t testing.TB, name string) *Record {
	t.Helper()
	for _, r := range rs.of(KindExec) {
		if strings.HasSuffix(r.Exec.Filename, "/"+name) {
			return r
		}
	}
	t.Fatalf("nothing executed %s:\n%v", name, rs)
	return nil
}

// call picks the calls of one kind and system call; there must be one.
func (rs records) call(t testing.TB, k Kind, op Op) *Record {
	t.Helper()
	for _, r := range rs.of(k) {
		if r.Call.Op == op {
			return r
		}
	}
	t.Fatalf("no %v by %v:\n%v", k, op, rs)
	return nil
}
