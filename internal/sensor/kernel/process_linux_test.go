//go:build linux && (amd64 || arm64)

package kernel

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestExec(t *testing.T) {
	b := newBed(t, Options{})
	dir := t.TempDir()
	cmd := exec.Command("/bin/sh", "-c", "/bin/true a 'b c' '' \"$1\"; true", "sh", "new\nline \x1b[2J \xff")
	cmd.Dir = dir
	cmd.Env = []string{"SECRET=x", "LD_LIBRARY_PATH=/nowhere", "PATH=/bin", "NOT=LD_PRELOAD=/x"}
	rs := b.run(t, cmd)

	r := rs.exec(t, "true")
	e := r.Exec
	if want := []string{"/bin/true", "a", "b c", "", "new\nline \x1b[2J \xff"}; !slices.Equal(e.Args, want) {
		t.Errorf("arguments %q, want %q", e.Args, want)
	}
	if want := []string{"LD_LIBRARY_PATH=/nowhere"}; !slices.Equal(e.Env, want) {
		t.Errorf("environment %q, want %q", e.Env, want)
	}
	var st syscall.Stat_t
	if err := syscall.Stat("/bin/true", &st); err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case e.Cwd != Path{Name: dir}:
		t.Errorf("working directory %+v, want %s", e.Cwd, dir)
	case e.Path != Path{Name: real}:
		t.Errorf("path %+v, want %s", e.Path, real)
	case e.File.Inode != st.Ino || e.File.Mode != st.Mode || e.File.Size != st.Size || uint64(e.File.Links) != uint64(st.Nlink):
		t.Errorf("file %+v, want %+v", e.File, st)
	case e.File.Changed.UnixNano() != syscall.TimespecToNsec(st.Ctim) || e.File.Modified.UnixNano() != syscall.TimespecToNsec(st.Mtim):
		t.Errorf("times %v %v, want %v %v", e.File.Changed, e.File.Modified, st.Ctim, st.Mtim)
	case e.Argc != 5 || e.ArgsSize == 0 || e.ArgsCut || e.ArgsLost || e.EnvCut || e.Secure || e.Interpreter != "":
		t.Errorf("%+v", e)
	case !e.Streams[0].IsNull():
		t.Errorf("standard input %+v", e.Streams[0])
	case r.Actor.Parent.PID != uint32(cmd.Process.Pid) || r.Actor.Comm != "true" || r.Actor.UID != 0:
		t.Errorf("actor %+v", r.Actor)
	}
}

// TestProcessIdentity: what forks, executes and ends says is one process, and
// its parent is the one that is known.
func TestProcessIdentity(t *testing.T) {
	b := newBed(t, Options{})
	cmd := exec.Command("/bin/sh", "-c", "/bin/true & wait; exit 3")
	err := cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 3 {
		t.Fatalf("%v", err)
	}
	rs := b.until(t, uint32(cmd.Process.Pid))
	shell := rs.exec(t, "sh").Actor
	child := rs.exec(t, "true").Actor
	if child.Parent != shell.Process || shell.Start == 0 || shell.Start >= child.Start {
		t.Errorf("the shell %+v is not the parent of %+v", shell, child)
	}
	var kinds []Kind
	for _, r := range rs {
		if r.Actor.Process == child.Process {
			kinds = append(kinds, r.Kind)
		}
	}
	if want := []Kind{KindFork, KindExec, KindExit}; !slices.Equal(kinds, want) {
		t.Errorf("the child's life: %v, want %v", kinds, want)
	}
	last := rs[len(rs)-1]
	if *last.Exit != (Exit{Code: 3}) || last.Actor.Process != shell.Process {
		t.Errorf("the shell's end: %+v", last.Exit)
	}
	var st syscall.Stat_t
	if err := syscall.Stat("/proc/self/ns/pid", &st); err != nil {
		t.Fatal(err)
	}
	if uint64(shell.PIDNS) != st.Ino || shell.NSPID != shell.PID {
		t.Errorf("pid namespace %d, number in it %d", shell.PIDNS, shell.NSPID)
	}
}

func TestExitBySignal(t *testing.T) {
	b := newBed(t, Options{})
	cmd := exec.Command("/bin/sh", "-c", "kill -KILL $$")
	_ = cmd.Run()
	rs := b.until(t, uint32(cmd.Process.Pid))
	if e := rs[len(rs)-1].Exit; e.Signal != int(syscall.SIGKILL) {
		t.Errorf("%+v", e)
	}
}

func TestScript(t *testing.T) {
	b := newBed(t, Options{})
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	e := b.run(t, exec.Command(script, "x")).exec(t, "script").Exec
	if e.Interpreter != "/bin/sh" || !slices.Equal(e.Args, []string{"/bin/sh", script, "x"}) {
		t.Errorf("interpreter %q, arguments %q", e.Interpreter, e.Args)
	}
}

func TestLongArguments(t *testing.T) {
	b := newBed(t, Options{})
	long := strings.Repeat("x", 100_000)
	e := b.run(t, exec.Command("/bin/true", long, long)).exec(t, "true").Exec
	size := len("/bin/true") + 2*len(long) + 3
	if e.ArgsSize != size || !e.ArgsCut || len(e.Args) != 2 || len(e.Args[1]) < 16_000 {
		t.Errorf("size %d, want %d; cut %v; %d arguments", e.ArgsSize, size, e.ArgsCut, len(e.Args))
	}
}

// TestManyVariables: the loader's variables are found behind others, long ones
// included, which must not be taken for one.
func TestManyVariables(t *testing.T) {
	b := newBed(t, Options{})
	cmd := exec.Command("/bin/true")
	cmd.Env = []string{"LONG=" + strings.Repeat("x", ENVValue-6) + "LD_PRELOAD=/false"}
	for i := range 150 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("V%d=%s", i, strings.Repeat("y", i)))
	}
	cmd.Env = append(cmd.Env, "LD_PRELOAD=/true.so", "LD_AUDIT=/audit.so")
	e := b.run(t, cmd).exec(t, "true").Exec
	if want := []string{"LD_PRELOAD=/true.so", "LD_AUDIT=/audit.so"}; !slices.Equal(e.Env, want) || e.EnvCut {
		t.Errorf("environment %q, cut %v", e.Env, e.EnvCut)
	}
}

// ENVValue is bpf/process.bpf.h's ENV_VALUE.
const ENVValue = 512

func TestStreams(t *testing.T) {
	b := newBed(t, Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	regular, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	cmd := exec.Command("/bin/sh", "-c", "exec /bin/true")
	cmd.Stdin, cmd.Stdout = f, regular
	s := b.run(t, cmd).exec(t, "true").Exec.Streams
	if s[0].Remote != netip.MustParseAddrPort(l.Addr().String()) || s[0].Local != netip.MustParseAddrPort(c.LocalAddr().String()) ||
		!s[0].IsSocket() || s[0].Protocol != syscall.IPPROTO_TCP || s[0].Family != syscall.AF_INET || s[0].State != 1 {
		t.Errorf("socket %+v", s[0])
	}
	if !s[1].IsFile() || s[1].Inode == 0 {
		t.Errorf("file %+v", s[1])
	}
	if !s[2].IsPipe() {
		t.Errorf("pipe %+v", s[2])
	}
}

// TestElevation: a set-user-id program of root's, run by somebody else.
func TestElevation(t *testing.T) {
	b := newBed(t, Options{})
	dir, err := os.MkdirTemp("/var/tmp", "vedette") // t.TempDir lets nobody else in
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "elevator")
	copyFile(t, "/bin/true", path)
	if err := os.Chmod(path, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	r := b.run(t, cmd).exec(t, "elevator")
	a := r.Actor
	if a.UID != 65534 || a.EUID != 0 || !r.Exec.Secure || r.Exec.File.Mode&syscall.S_ISUID == 0 || r.Exec.Capabilities == 0 {
		t.Errorf("%+v %+v", a, r.Exec)
	}
}

func TestMemoryFile(t *testing.T) {
	b := newBed(t, Options{})
	rs := b.run(t, worker(t, nil, "memfd"))
	m := rs.call(t, KindMemfd, OpMemfdCreate)
	if m.Call.Text[0] != "payload" || m.Call.Args[0] != 1 || m.Call.Ret < 0 {
		t.Errorf("%+v", m.Call)
	}
	var last *Record
	for _, r := range rs.of(KindExec) {
		last = r
	}
	if p := last.Exec.Path; p != (Path{Name: "memfd:payload", Detached: true}) || last.Exec.File.FileSystem != MagicTmpfs || last.Exec.File.Links != 0 {
		t.Errorf("path %+v, file %+v", p, last.Exec.File)
	}
}

func TestDeletedFile(t *testing.T) {
	b := newBed(t, Options{})
	path := filepath.Join(t.TempDir(), "gone")
	copyFile(t, "/bin/true", path)
	rs := b.run(t, worker(t, nil, "deleted", path))
	var last *Record
	for _, r := range rs.of(KindExec) {
		last = r
	}
	if last.Exec.File.Links != 0 || last.Exec.Path.Name != path {
		t.Errorf("%+v", last.Exec)
	}
}

// TestContainer: what a process in a container says of itself, and that only
// what was written there counts as new: by an upper layer and by its writer.
func TestContainer(t *testing.T) {
	b := newBed(t, Options{})
	dir := t.TempDir()
	rs := b.run(t, worker(t, inContainer(), "overlay", dir))
	old, new := rs.exec(t, "old"), rs.exec(t, "new")
	if old.Exec.File.FileSystem != MagicOverlay || old.Exec.File.Upper || old.Exec.Writer.PID != 0 {
		t.Errorf("of the image: %+v %+v", old.Exec.File, old.Exec.Writer)
	}
	if new.Exec.File.FileSystem != MagicOverlay || !new.Exec.File.Upper {
		t.Errorf("written: %+v", new.Exec.File)
	}
	parent := rs.exec(t, filepath.Base(os.Args[0])).Actor
	if new.Exec.Writer.Process != parent.Process || !new.Exec.Writer.Contained || new.Exec.Writer.Time == 0 {
		t.Errorf("writer %+v, want %+v", new.Exec.Writer, parent)
	}
	a := new.Actor
	if !a.Contained || a.NSPID == a.PID || a.NSPID == 0 || a.NSPID > 100 || a.PIDNS == parent.NetNS {
		t.Errorf("actor %+v", a)
	}
	if f := rs.of(KindFork)[0]; !f.Fork.NewMountNS || !f.Fork.NewPIDNS || f.Fork.NewNetNS || f.Fork.NewUserNS {
		t.Errorf("fork %+v", f.Fork)
	}
	m := rs.call(t, KindMap, OpMmap)
	if filepath.Base(m.Call.Path.Name) != "new" || m.Call.Writer.Process != parent.Process || !m.Call.File.Upper {
		t.Errorf("map %+v", m.Call)
	}
	if maps := rs.of(KindMap); len(maps) != 1 {
		t.Errorf("mapped %v", maps)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o755); err != nil {
		t.Fatal(err)
	}
}
