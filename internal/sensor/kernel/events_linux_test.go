//go:build linux && (amd64 || arm64)

package kernel

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var testNames = []Name{
	{"authorized_keys", Leaf}, {"sudoers", Leaf}, {"cron.d", Folder}, {"mem", Leaf}, {"docker.sock", Socket},
}

func TestOpen(t *testing.T) {
	b := newBed(t, Options{Names: testNames})
	dir := t.TempDir()
	keys := filepath.Join(dir, "authorized_keys")
	r := b.run(t, worker(t, nil, "open", keys)).call(t, KindOpen, OpOpenat)
	c := r.Call
	if c.Path != (Path{Name: keys}) || !c.File.Created || c.Args[0]&FlagCreate == 0 || c.Args[0]&3 != syscall.O_WRONLY || c.Ret < 3 {
		t.Errorf("%+v", c)
	}
	c = b.run(t, worker(t, nil, "open", keys)).call(t, KindOpen, OpOpenat).Call
	if c.File.Created {
		t.Errorf("a file that was there was created: %+v", c)
	}
	deep := filepath.Join(dir, "cron.d", "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(deep, strings.Repeat("long", 30))
	if c := b.run(t, worker(t, nil, "open", file)).call(t, KindOpen, OpOpenat).Call; c.Path.Name != file {
		t.Errorf("%+v", c.Path)
	}
	before := b.kind(t, KindOpen)
	if rs := b.run(t, worker(t, nil, "open", filepath.Join(dir, "authorized_keys2"))); len(rs.of(KindOpen)) != 0 {
		t.Errorf("a name that nobody watches: %v", rs)
	}
	if after := b.kind(t, KindOpen); after.Folded <= before.Folded || after.Sent != before.Sent {
		t.Errorf("counted %+v, before %+v", after, before)
	}
}

// kind is what was counted of a kind.
func (b *bed) kind(t testing.TB, k Kind) Count {
	t.Helper()
	s, err := b.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return s.Kinds[k]
}

// TestNames: the table is changed while the sensor runs.
func TestNames(t *testing.T) {
	b := newBed(t, Options{Names: testNames})
	dir := t.TempDir()
	opened := func(name string) bool {
		return len(b.run(t, worker(t, nil, "open", filepath.Join(dir, name))).of(KindOpen)) > 0
	}
	if !opened("authorized_keys") || opened("shadow") {
		t.Error("the first table is not in force")
	}
	if err := b.SetNames([]Name{{"shadow", Leaf}, {"sudoers", Folder}}); err != nil {
		t.Fatal(err)
	}
	if opened("authorized_keys") || !opened("shadow") || opened("sudoers") {
		t.Error("the second table is not in force")
	}
	for _, bad := range []Name{{"", Leaf}, {"a/b", Leaf}, {"x", 0}, {"x", 32}, {"php", Ending}, {".c", Ending}, {".longer", Ending}, {strings.Repeat("x", 32), Leaf}, {"a\x00b", Leaf}} {
		if err := b.SetNames([]Name{bad}); err == nil {
			t.Errorf("%+v is watched", bad)
		}
	}
	if !opened("shadow") {
		t.Error("a table that was refused is in force")
	}
}

func TestWriteMemory(t *testing.T) {
	b := newBed(t, Options{Names: testNames})
	r := b.run(t, worker(t, nil, "mem")).call(t, KindOpen, OpOpenat)
	if r.Call.Target.PID != r.Actor.PID || r.Call.File.FileSystem != MagicProc {
		t.Errorf("%+v by %+v", r.Call, r.Actor)
	}
}

func TestRateLimit(t *testing.T) {
	b := newBed(t, Options{Names: testNames, Rate: 1, Burst: 50})
	file := filepath.Join(t.TempDir(), "sudoers")
	rs := b.run(t, worker(t, nil, "opens", file))
	n := len(rs.of(KindOpen))
	if n < 50 || n > 60 { // 50 at once and one each second
		t.Errorf("%d records, want about 50", n)
	}
	if c := b.kind(t, KindOpen); c.Seen != 3000 || int(c.Sent) != n || c.Dropped[DropRate] != c.Seen-c.Sent {
		t.Errorf("%+v", c)
	}
	if other := b.run(t, worker(t, nil, "open", file)); len(other.of(KindOpen)) != 1 {
		t.Errorf("another process is held back: %v", other)
	}
}

func TestFileNames(t *testing.T) {
	b := newBed(t, Options{Names: testNames})
	dir := t.TempDir()
	rs := b.run(t, worker(t, nil, "files", dir))
	p := func(name string) string { return filepath.Join(dir, name) }
	for _, want := range []struct {
		kind     Kind
		op       Op
		path, to string
		text     string
		mode     uint64
	}{
		{KindRename, renames("rename"), p("plain"), p("cron.d/job"), "", 0},
		{KindRename, OpRenameat2, p("other"), p("cron.d/job2"), "", 0},
		{KindLink, links(), p("cron.d/job"), p("hard"), "", 0},
		{KindLink, OpLinkat, p("hard"), p("sudoers"), "", 0},
		{KindSymlink, symlinks(), "", p("authorized_keys"), "/etc/passwd", 0},
		{KindSymlink, OpSymlinkat, "", p("cron.d/soft"), "x", 0},
		{KindChmod, OpFchmodat, p("cron.d/job"), "", "", 0o600},
		{KindChmod, OpFchmodat, p("hard"), "", "", 0o4755},
		{KindTruncate, OpTruncate, p("sudoers"), "", "", 0},
		{KindUnlink, unlinks(), p("authorized_keys"), "", "", 0},
		{KindUnlink, OpUnlinkat, p("cron.d/job2"), "", "", 0},
	} {
		found := slices.ContainsFunc(rs.of(want.kind), func(r *Record) bool {
			c := r.Call
			return c.Path.Name == want.path && c.NewPath.Name == want.to && c.Text[0] == want.text && c.Args[0] == want.mode
		})
		if !found {
			t.Errorf("no %v %q to %q (%q, mode %o)", want.kind, want.path, want.to, want.text, want.mode)
		}
	}
	if t.Failed() {
		t.Logf("%v", rs)
	}
	for kind, n := range map[Kind]int{KindRename: 2, KindLink: 2, KindSymlink: 2, KindChmod: 2, KindTruncate: 1, KindUnlink: 2} {
		if got := len(rs.of(kind)); got != n {
			t.Errorf("%d of %v, want %d:\n%v", got, kind, n, rs)
		}
	}
}

// TestEndings: a file is told of whose ending is watched, in a place for it; of
// many one for each folder that they are opened in.
func TestEndings(t *testing.T) {
	b := newBed(t, Options{Names: []Name{{"html", Place}, {".php", Ending}, {".phtml", Ending}, {".pth", Ending}}})
	dir := t.TempDir()
	rs := b.run(t, worker(t, nil, "endings", dir))
	var got []string
	for _, r := range rs {
		if c := r.Call; c != nil && (r.Kind == KindOpen || r.Kind == KindRename) {
			got = append(got, fmt.Sprint(c.Op, " ", strings.TrimPrefix(cmp.Or(c.NewPath.Name, c.Path.Name), dir)))
		}
	}
	want := []string{
		"openat /html/a.php", "openat /html/more/long-enough-a-name-for-all-of-the-table.phtml", "openat /html/more/up/x.pth",
		"renameat /html/moved.php", "renameat2 /html/up.php",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestOpenByHandle(t *testing.T) {
	b := newBed(t, Options{})
	file := filepath.Join(t.TempDir(), "file")
	if err := touch(file); err != nil {
		t.Fatal(err)
	}
	c := b.run(t, worker(t, nil, "handle", file)).call(t, KindHandle, OpOpenByHandleAt).Call
	if c.Path.Name != file || c.File.Inode == 0 {
		t.Errorf("%+v", c)
	}
}

func TestDup(t *testing.T) {
	b := newBed(t, Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	rs := b.run(t, worker(t, nil, "dup", l.Addr().String(), fifo)).of(KindDup)
	if len(rs) != 3 {
		t.Fatalf("want a socket, a FIFO and a socket:\n%v", rs)
	}
	for i, op := range []Op{OpDup3, OpDup3, OpFcntl} {
		c := rs[i].Call
		if c.Op != op || c.Args[1] != uint64(i) || c.Args[0] < 3 {
			t.Errorf("%+v", c)
		}
		if socket := i != 1; c.Stream.IsSocket() != socket || c.Stream.IsPipe() == socket {
			t.Errorf("%+v", c.Stream)
		} else if socket && c.Stream.Remote != netip.MustParseAddrPort(l.Addr().String()) {
			t.Errorf("remote end %v", c.Stream.Remote)
		} else if !socket && c.Path.Name != fifo {
			t.Errorf("path %v", c.Path)
		}
	}
}

func TestUnixConnect(t *testing.T) {
	b := newBed(t, Options{Names: testNames})
	dir, err := os.MkdirTemp("", "v") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket, alias, other := filepath.Join(dir, "docker.sock"), filepath.Join(dir, "alias"), filepath.Join(dir, "other.sock")
	for _, path := range []string{socket, other} {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	if err := os.Symlink(socket, alias); err != nil {
		t.Fatal(err)
	}
	rs := b.run(t, worker(t, nil, "connect", socket, alias, other, "/nowhere/docker.sock")).of(KindUnixConnect)
	want := []struct {
		path, bound string
		failed      bool
	}{{socket, socket, false}, {alias, socket, false}, {"/nowhere/docker.sock", "", true}}
	if len(rs) != len(want) {
		t.Fatalf("want %d:\n%v", len(want), rs)
	}
	for i, w := range want {
		if c := rs[i].Call; c.Path.Name != w.path || c.NewPath.Name != w.bound || c.Failed() != w.failed {
			t.Errorf("%+v, want %+v", c, w)
		}
	}
}

func TestCredentials(t *testing.T) {
	b := newBed(t, Options{})
	rs := b.run(t, worker(t, nil, "credentials"))
	c := rs.call(t, KindCredentials, OpCapset).Call
	if c.Args[0]&(1<<unix.CAP_NET_RAW) != 0 || c.Args[1]&(1<<unix.CAP_NET_RAW) == 0 {
		t.Errorf("capabilities %x", c.Args)
	}
	r := rs.call(t, KindCredentials, OpSetresuid)
	if r.Call.Args[0] != 65534 || r.Call.Args[1] != 65533 || r.Actor.UID != 65534 || r.Actor.EUID != 65533 {
		t.Errorf("%+v by %+v", r.Call.Args, r.Actor)
	}
}

func TestNamespaces(t *testing.T) {
	b := newBed(t, Options{})
	var st syscall.Stat_t
	if err := syscall.Stat("/proc/self/ns/ipc", &st); err != nil {
		t.Fatal(err)
	}
	rs := b.run(t, worker(t, nil, "namespaces")).of(KindNamespace)
	if len(rs) != 3 {
		t.Fatalf("%v", rs)
	}
	if c := rs[0].Call; c.Op != OpUnshare || c.Args[0] != unix.CLONE_NEWUTS {
		t.Errorf("%+v", c)
	}
	if c := rs[1].Call; c.Op != OpSetns || c.Args[0] != unix.CLONE_NEWIPC || c.Args[1] != st.Ino {
		t.Errorf("%+v", c)
	}
	if c := rs[2].Call; c.Args[0] != unix.CLONE_NEWUTS || c.Target.PID != rs[2].Actor.PID {
		t.Errorf("%+v", c)
	}
}

func TestMounts(t *testing.T) {
	b := newBed(t, Options{})
	dir := t.TempDir()
	rs := b.run(t, worker(t, inContainer(), "mounts", dir)).of(KindMount)
	var got []string
	for _, r := range rs {
		c := r.Call
		got = append(got, fmt.Sprintf("%v %q %x %v", c.Op, c.Text, c.Args[0], c.Failed()))
		if !r.Actor.Contained {
			t.Errorf("%+v", r.Actor)
		}
	}
	want := []string{
		fmt.Sprintf("mount %q %x false", [3]string{"", "/", ""}, unix.MS_REC|unix.MS_PRIVATE),
		fmt.Sprintf("mount %q %x true", [3]string{"/etc", dir + "/missing", ""}, unix.MS_BIND),
		fmt.Sprintf("mount %q %x false", [3]string{"none", dir, "tmpfs"}, unix.MS_NOSUID),
		fmt.Sprintf("umount2 %q %x false", [3]string{"", dir, ""}, unix.MNT_DETACH),
		fmt.Sprintf("open_tree %q %x false", [3]string{"/etc", "", ""}, 1),
		fmt.Sprintf("move_mount %q %x false", [3]string{"", dir, ""}, unix.MOVE_MOUNT_F_EMPTY_PATH),
		fmt.Sprintf("fsopen %q 0 false", [3]string{"", "", "tmpfs"}),
		fmt.Sprintf("fsconfig %q 0 false", [3]string{"from-here", "", ""}),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestChroot(t *testing.T) {
	b := newBed(t, Options{Names: testNames})
	dir := t.TempDir()
	rs := b.run(t, worker(t, nil, "roots", dir))
	if c := rs.call(t, KindRoot, OpChroot).Call; c.Text[0] != dir {
		t.Errorf("%+v", c)
	}
	if c := rs.call(t, KindOpen, OpOpenat).Call; c.Path != (Path{Name: "/authorized_keys"}) {
		t.Errorf("%+v", c.Path)
	}
}

func TestSystem(t *testing.T) {
	b := newBed(t, Options{})
	dir := t.TempDir()
	rs := b.run(t, worker(t, nil, "system", dir))
	if c := rs.call(t, KindModule, OpFinitModule).Call; c.Path.Name != dir+"/module.ko" || !c.Failed() || c.File.Size != 9 {
		t.Errorf("%+v", c)
	}
	rs.call(t, KindUserfault, OpUserfaultfd)
	if c := rs.call(t, KindIOUring, OpIOUringSetup).Call; c.Args[0] != 4 {
		t.Errorf("%+v", c)
	}
	named := slices.ContainsFunc(rs.of(KindBPF), func(r *Record) bool { return r.Call.Text[0] == "test_prog" && r.Call.Args[0] == 1 })
	if !named {
		t.Errorf("%v", rs.of(KindBPF))
	}
}

func TestPtrace(t *testing.T) {
	b := newBed(t, Options{})
	rs := b.run(t, worker(t, nil, "ptrace")).of(KindPtrace)
	if len(rs) < 2 {
		t.Fatalf("%v", rs)
	}
	me := rs[0]
	if me.Call.Args[0] != unix.PTRACE_TRACEME || me.Call.Target != me.Actor.Process {
		t.Errorf("%+v by %+v", me.Call, me.Actor)
	}
	requests := map[uint64]bool{}
	for _, r := range rs[1:] {
		requests[r.Call.Args[0]] = true
		if r.Call.Target != me.Actor.Process || r.Call.TargetNSPID != me.Actor.PID {
			t.Errorf("%+v, the traced is %+v", r.Call, me.Actor)
		}
	}
	const peekUser = 3
	if !requests[unix.PTRACE_POKEDATA] || requests[peekUser] != (runtime.GOARCH == "amd64") {
		t.Errorf("requests %v", requests)
	}
}

func TestVMAccess(t *testing.T) {
	b := newBed(t, Options{})
	rs := b.run(t, worker(t, nil, "vm"))
	cat := rs.exec(t, "cat")
	all := rs.of(KindVMAccess)
	if len(all) != 1 { // three times the same is told once
		t.Fatalf("%v", all)
	}
	if c := all[0].Call; c.Op != OpProcessVMWritev || c.TargetNSPID != cat.Actor.PID {
		t.Errorf("%+v", c)
	}
	if c := b.kind(t, KindVMAccess); c.Folded != 2 {
		t.Errorf("%+v", c)
	}
}

func TestProtectIsCounted(t *testing.T) {
	b := newBed(t, Options{})
	before := b.kind(t, KindProtect).Seen
	b.run(t, worker(t, nil, "protect"))
	if after := b.kind(t, KindProtect); after.Seen <= before || after.Sent != 0 {
		t.Errorf("%+v, before %d", after, before)
	}
}

// TestCompat: a 32-bit program opens a file by a number that is another call's
// for 64-bit programs.
func TestCompat(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("not supported: the program is for x86")
	}
	b := newBed(t, Options{Names: testNames})
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, opener32("sudoers\x00"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Dir = dir
	r := b.run(t, cmd).call(t, KindOpen, OpOpen)
	if !r.Actor.Compat || r.Call.Path.Name != filepath.Join(dir, "sudoers") {
		t.Errorf("%+v by %+v", r.Call, r.Actor)
	}
}

// opener32 is an executable for 32-bit x86 that makes a file.
func opener32(path string) []byte {
	const base, head = 0x8048000, 52 + 32
	code := []byte{
		0xb8, 5, 0, 0, 0, // eax = open
		0xbb, 0, 0, 0, 0, // ebx = path, set below
		0xb9, 0x41, 0, 0, 0, // ecx = O_WRONLY|O_CREAT
		0xba, 0xa4, 1, 0, 0, // edx = 0644
		0xcd, 0x80,
		0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80, // exit(0)
	}
	binary.LittleEndian.PutUint32(code[6:], base+head+uint32(len(code)))
	size := uint32(head + len(code) + len(path))
	le := binary.LittleEndian
	b := []byte("\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, v := range []uint16{2, 3} { // executable, 386
		b = le.AppendUint16(b, v)
	}
	for _, v := range []uint32{1, base + head, 52, 0, 0} {
		b = le.AppendUint32(b, v)
	}
	for _, v := range []uint16{52, 32, 1, 0, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	for _, v := range []uint32{1, 0, base, base, size, size, 5, 0x1000} { // one segment: all of it
		b = le.AppendUint32(b, v)
	}
	return append(append(b, code...), path...)
}

// The names of calls that an architecture may lack.
func renames(string) Op { return pick(OpRename, OpRenameat) }
func links() Op         { return pick(OpLink, OpLinkat) }
func symlinks() Op      { return pick(OpSymlink, OpSymlinkat) }
func unlinks() Op       { return pick(OpUnlink, OpUnlinkat) }

func pick(amd64, arm64 Op) Op {
	if runtime.GOARCH == "amd64" {
		return amd64
	}
	return arm64
}
