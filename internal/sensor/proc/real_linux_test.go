package proc

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// started is a shell of ours that waits until the test ends.
func started(t *testing.T, script string, env ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); err != nil {
		t.Fatalf("the shell says %q, %v", line, err)
	}
	return cmd, r
}

func TestReadAProcess(t *testing.T) {
	cmd, _ := started(t, "cd /; echo; read x", "LD_PRELOAD=", "LD_LIBRARY_PATH=/nowhere", "PATH=/bin")
	f, err := Read("/proc", cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	i := f.Info
	if f.Parent != os.Getpid() || i.Name != "sh" || i.Executable != shell || i.Cwd != "/" || i.LibraryPath != "/nowhere" ||
		len(i.Args) != 3 || i.Args[1] != "-c" || i.UID != uint32(os.Getuid()) || i.EGID != uint32(os.Getegid()) || i.NamespacePID == 0 || f.Cgroup == "" {
		t.Errorf("%+v", f)
	}
	// The start, as ticks of the kernel, is within a second of ours.
	clock := NewClock(Now)
	if d := time.Since(clock.KeyTime(f.Key)); d < -time.Second || d > time.Minute {
		t.Errorf("started %v ago", d)
	}
	if _, err := Read("/proc", 1<<30); err == nil {
		t.Error("read a process that is not there")
	}
}

func TestScanFindsParentsAndServices(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd, _ := started(t, "echo; read x; true")
	table := NewTable(boot)
	if n, err := table.Scan("/proc", NewClock(Now), func(*Found) string { return "" }); n < 2 || err != nil {
		t.Fatalf("%d processes, %v", n, err)
	}
	we, child := table.Newest(os.Getpid()), table.Newest(cmd.Process.Pid)
	if we == nil || child == nil {
		t.Fatal("this process or its child is not in the table")
	}
	if child.Info.ParentUUID != we.Info.UUID || child.Ancestors()[0].PID != os.Getpid() {
		t.Errorf("the child's parent is %+v", child.Ancestors())
	}
	if !we.Info.Listens || !child.Info.Listens {
		t.Errorf("listens: this process %v, its child %v", we.Info.Listens, child.Info.Listens)
	}
	for p := range table.Live {
		if p.Info.PID == 2 || p.Info.Name == "kthreadd" {
			t.Errorf("a thread of the kernel is a process: %+v", p.Info)
		}
	}
}

// TestInsideARoot: what lies in the root of a container leads nowhere else.
func TestInsideARoot(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "passwd")
	if err := os.WriteFile(secret, []byte("stolen:x:0:0:"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, plant := range map[string]func(root string) error{
		"absolute link": func(root string) error { return os.Symlink(secret, root+"/etc/passwd") },
		"relative link": func(root string) error {
			return os.Symlink("../../../../../../../../../../../../"+secret, root+"/etc/passwd")
		},
		"linked folder": func(root string) error {
			return os.Rename(root+"/etc", root+"/x") // and in its place a way out
		},
		"magic link": func(root string) error {
			return os.Symlink("/proc/self/root/etc/passwd", root+"/etc/passwd")
		},
		"pipe":   func(root string) error { return syscall.Mkfifo(root+"/etc/passwd", 0o644) },
		"folder": func(root string) error { return os.Mkdir(root+"/etc/passwd", 0o755) },
		"none":   func(root string) error { return nil },
	} {
		root := t.TempDir()
		if err := os.Mkdir(root+"/etc", 0o755); err != nil {
			t.Fatal(err)
		}
		err := plant(root)
		if name == "linked folder" && err == nil {
			err = os.Symlink(outside, root+"/etc")
		}
		if err != nil {
			t.Fatal(err)
		}
		if f, err := openInside(Folder(root), "etc/passwd", false); err == nil {
			f.Close()
			t.Errorf("%s: opened", name)
		}
		u := NewUsers(NewPatience(5*time.Second), time.Now)
		if got := u.Name("c", 0, at(root)); got != "" {
			t.Errorf("%s: user 0 is %q", name, got)
		}
	}
	root := t.TempDir()
	os.Mkdir(root+"/etc", 0o755)
	os.WriteFile(root+"/data", []byte("guest:x:405:100:"), 0o644)
	os.Symlink("/data", root+"/etc/passwd")
	u := NewUsers(NewPatience(5*time.Second), time.Now)
	if got := u.Name("c", 405, at(root)); got != "guest" {
		t.Errorf("a link inside the root gives %q", got)
	}
}

// at is the one place to look.
func at(root string) func() []Root { return func() []Root { return []Root{Folder(root)} } }

func TestUsersAreAskedAgain(t *testing.T) {
	now := time.Unix(1e9, 0)
	root := t.TempDir()
	u := NewUsers(NewPatience(5*time.Second), func() time.Time { return now })
	for range many {
		if u.Name("c", 5, at(root)) != "" {
			t.Fatal("a name without a file")
		}
	}
	if u.Name("d", 5, at(root)) != "" {
		t.Fatal("a name without a file")
	}
	os.Mkdir(root+"/etc", 0o755)
	os.WriteFile(root+"/etc/passwd", []byte("new:x:5:5:"), 0o644)
	if u.Name("c", 5, at(root)) != "" {
		t.Error("asked for each record")
	}
	if got := u.Name("d", 5, at(root)); got != "new" {
		t.Errorf("asked once in vain, then the name is %q", got)
	}
	now = now.Add(usersFor + time.Second)
	if got := u.Name("c", 5, at(root)); got != "new" {
		t.Errorf("a minute later: %q", got)
	}
	os.Remove(root + "/etc/passwd")
	now = now.Add(usersFor + time.Second)
	if got := u.Name("c", 5, at(root)); got != "new" {
		t.Errorf("a root that is gone takes its names along: %q", got)
	}
}

func idOf(t *testing.T, path string) FileID {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	id, err := fileID(f)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// with is the process, and the root of this machine.
func with(pid int) func() (int, []Root) {
	return func() (int, []Root) { return pid, []Root{Folder("/")} }
}

func TestHashOfAProgram(t *testing.T) {
	cmd, _ := started(t, "echo; read x")
	shell, _ := filepath.EvalSymlinks("/bin/sh")
	text, err := os.ReadFile(shell)
	if err != nil {
		t.Fatal(err)
	}
	sha := sha256.Sum256(text)
	want := hex.EncodeToString(sha[:])
	now := time.Unix(1e9, 0)
	h := NewHasher("/proc", int64(len(text)), NewPatience(10*time.Second), func() time.Time { return now })
	id := idOf(t, shell)
	if got, why := h.Sum(id, shell, with(cmd.Process.Pid)); got != want {
		t.Fatalf("%s (%s), want %s", got, why, want)
	}
	left := h.left
	if got, _ := h.Sum(id, "/gone", with(1<<30)); got != want || h.left != left {
		t.Error("a file that did not change was read twice")
	}
	// The process is gone, but the files are still there.
	other := id
	other.Size++
	if got, why := h.Sum(other, shell, with(1<<30)); got != want {
		t.Errorf("below a root: %s (%s)", got, why)
	}
	// The name leads to another file by now.
	other.Inode++
	if got, why := h.Sum(other, shell, with(1<<30)); got != "" || why != HashGone {
		t.Errorf("another file: %s (%s)", got, why)
	}
	// The budget is used up, and comes back with time.
	h.left = 10
	other = id
	other.Size += 2
	if got, why := h.Sum(other, shell, with(cmd.Process.Pid)); got != "" || why != HashBudget {
		t.Errorf("over the budget: %s (%s)", got, why)
	}
	now = now.Add(2 * time.Second)
	if got, why := h.Sum(other, shell, with(cmd.Process.Pid)); got != want {
		t.Errorf("two seconds later: %s (%s)", got, why)
	}
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	h := NewHasher("/proc", 1<<30, NewPatience(10*time.Second), time.Now)
	var last string
	for i := range 3 {
		if err := os.WriteFile(path, []byte(fmt.Sprint("version ", i)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Utimes(path, []unix.Timeval{{Sec: 1}, {Sec: 1}}); err != nil { // as an attacker would
			t.Fatal(err)
		}
		sum, why := h.Sum(idOf(t, path), path, with(1<<30))
		if sum == last || sum == "" {
			t.Errorf("version %d: %s (%s), before %s", i, sum, why, last)
		}
		last = sum
	}
}

// TestPatience: a file that never answers costs a bounded time and number of
// goroutines.
func TestPatience(t *testing.T) {
	p := NewPatience(10 * time.Millisecond)
	release := make(chan struct{})
	for range maxHung {
		if p.Do(func() { <-release }) {
			t.Fatal("done before it was")
		}
	}
	if p.Do(func() {}) {
		t.Error("asked again while all hang")
	}
	close(release)
	for deadline := time.Now().Add(10 * time.Second); !p.Do(func() {}); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody is asked any more")
		}
	}
}

func TestReadSomeIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, most := range []int{0, 1, 4096, 5000, 99_999, 200_000} {
		if b, err := readSome(path, most); err != nil || len(b) != min(most, 100_000) {
			t.Errorf("%d bytes of at most %d, %v", len(b), most, err)
		}
	}
}

// TestNumberUsedAgain: a root that is reached through a process is another's
// once the process's number is another's, and its users are not read.
func TestNumberUsedAgain(t *testing.T) {
	self, err := Read("/proc", os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	roots := func(k Key) func() []Root {
		return func() []Root { return []Root{RootOf("/proc", os.Getpid(), k, Dir{})} }
	}
	u := NewUsers(NewPatience(10*time.Second), time.Now)
	if got := u.Name("here", 0, roots(self.Key)); got != "root" {
		t.Errorf("user 0 is %q", got)
	}
	gone := self.Key
	gone.Start--
	if got := u.Name("there", 0, roots(gone)); got != "" {
		t.Errorf("user 0 of a process that ended is %q", got)
	}
}

// TestNodesRoot: a process in a container's control group that has the node's
// root, as a runtime has for a moment, does not tell the container's users.
func TestNodesRoot(t *testing.T) {
	self, err := Read("/proc", os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	node, err := DirOf("/")
	if err != nil {
		t.Fatal(err)
	}
	other, err := DirOf(t.TempDir())
	if err != nil || other == node {
		t.Fatalf("%+v, %v", other, err)
	}
	for name, node := range map[string]Dir{"": node, "root": other} {
		u := NewUsers(NewPatience(10*time.Second), time.Now)
		got := u.Name("there", 0, func() []Root { return []Root{RootOf("/proc", os.Getpid(), self.Key, node)} })
		if got != name {
			t.Errorf("user 0 is %q, want %q", got, name)
		}
	}
}
