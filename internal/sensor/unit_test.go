package sensor

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/lru"
	"github.com/vedette-project/vedette/internal/sensor/proc"
	"github.com/vedette-project/vedette/internal/sensor/setting"
)

// TestBudget: the ceiling holds, whatever there is to do, and the kinds come
// back when there is less.
func TestBudget(t *testing.T) {
	now, used := time.Unix(1000, 0), time.Duration(0)
	b := newBudget(0.2, func() time.Time { return now }, func() time.Duration { return used })
	// A sensor that works all the time it may.
	start, startUsed := now, used
	var levels []int
	for now.Sub(start) < time.Minute {
		if pause := b.check(); pause > 0 {
			now = now.Add(pause)
			continue
		}
		if len(levels) == 0 || levels[len(levels)-1] != b.level {
			levels = append(levels, b.level)
		}
		now, used = now.Add(10*time.Millisecond), used+10*time.Millisecond
	}
	if share := (used - startUsed).Seconds() / now.Sub(start).Seconds(); share > 0.25 || share < 0.15 {
		t.Errorf("it used %.2f of a CPU", share)
	}
	if len(levels) < 4 || levels[1] != 1 || levels[2] != 2 || levels[3] != 3 {
		t.Errorf("levels %v", levels)
	}
	if !b.sheds(1) || !b.sheds(3) || b.sheds(4) {
		t.Error("at the last level other kinds are left out than those below weight 4")
	}
	// Little to do.
	for range 600 {
		b.check()
		now, used = now.Add(10*time.Millisecond), used+100*time.Microsecond
	}
	if b.level != 0 {
		t.Errorf("after quiet seconds it still sheds, level %d", b.level)
	}
}

// TestFold: what is told again in the same words is told once in a window, and
// counted.
func TestFold(t *testing.T) {
	table := proc.NewTable("boot")
	p := table.Add(proc.Key{PID: 7, Start: 1}, event.Process{Name: "curl", Executable: "/usr/bin/curl"}, nil)
	q := table.Add(proc.Key{PID: 8, Start: 1}, event.Process{Name: "curl", Executable: "/usr/bin/curl"}, nil)
	connect := func(local, remote string) *event.Runtime {
		return &event.Runtime{Kind: event.KindConnect, Net: &event.Connection{Established: true, Socket: event.Socket{
			Family: "AF_INET", Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote), Inode: 5,
		}}}
	}
	f := newFold()
	again := func(at time.Duration, p *proc.Process, r *event.Runtime) bool { return f.again(at, p, r) }
	if again(0, p, connect("10.0.0.1:1000", "1.2.3.4:443")) {
		t.Error("the first is no repetition")
	}
	for i := range 9 {
		r := connect("10.0.0.1:2000", "1.2.3.4:443")
		r.Net.Socket.Inode = uint64(i)
		if !again(time.Second, p, r) {
			t.Error("another local port and inode make it another")
		}
	}
	for name, r := range map[string]*event.Runtime{
		"another port":   connect("10.0.0.1:1000", "1.2.3.4:80"),
		"another answer": {Kind: event.KindConnect, Net: &event.Connection{Socket: connect("10.0.0.1:1", "1.2.3.4:443").Net.Socket}},
		"another kind":   {Kind: event.KindOpen, File: &event.FileChange{Path: "/etc/passwd"}},
	} {
		if again(time.Second, p, r) {
			t.Errorf("%s is no repetition", name)
		}
	}
	if again(time.Second, q, connect("10.0.0.1:1000", "1.2.3.4:443")) {
		t.Error("another process is no repetition")
	}
	table.Change(p, func(i *event.Process) { i.Executable = "/tmp/x" })
	if again(time.Second, p, connect("10.0.0.1:1000", "1.2.3.4:443")) {
		t.Error("another program is no repetition")
	}
	table.Change(p, func(i *event.Process) { i.Executable = "/usr/bin/curl" })
	r := connect("10.0.0.1:3000", "1.2.3.4:443")
	if again(foldWindow+time.Second, p, r) || r.Net.Count != 10 {
		t.Errorf("after the window: %+v", r.Net)
	}
	for range 2 {
		if again(0, p, &event.Runtime{Kind: event.KindExec, Exec: &event.Exec{}}) {
			t.Error("an exec is never a repetition")
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{strings.Join(capabilities(1<<21|1<<40|1<<50), " "), "CAP_SYS_ADMIN CAP_CHECKPOINT_RESTORE CAP_50"},
		{strings.Join(openFlags(0o102|0o2000), " "), "O_RDWR O_CREAT O_APPEND"},
		{strings.Join(openFlags(1), " "), "O_WRONLY"},
		{strings.Join(namespaceTypes(0x20020000), " "), "mnt pid"},
		{strings.Join(mountFlags(4096|16384), " "), "MS_BIND MS_REC"},
		{bpfType(2), "kprobe"},
		{bpfType(1000), "1000"},
		{ptraceRequest(16), "PTRACE_ATTACH"},
		{ptraceRequest(999), "PTRACE_999"},
		{familyName(17), "AF_PACKET"},
		{familyName(99), "AF_99"},
		{socketType(3), "SOCK_RAW"},
		{fileSystem(0xef53), "ext4"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	if got := deviceNumber(kernel.Device(254<<20 | 300)); got != 0x10fe2c {
		t.Errorf("device %#x", got)
	}
}

// TestEveryKindHasAWeight: a kind without one could neither be chosen nor shed.
func TestEveryKindHasAWeight(t *testing.T) {
	w := setting.Weights()
	for k := range 64 {
		name := kindName(kernel.Kind(k))
		if !strings.HasPrefix(name, "kind ") && w[event.RuntimeKind(name)] == 0 {
			t.Errorf("%s has no weight", name)
		}
	}
	if d := setting.DefaultKinds(); len(d) != len(w)-2 {
		t.Errorf("%d kinds by default of %d", len(d), len(w))
	}
}

func TestWatchedNames(t *testing.T) {
	names := WatchedNames()
	seen := map[kernel.Name]bool{}
	for _, n := range names {
		if seen[n] || n.Name == "" || len(n.Name) > kernel.MaxName || strings.Contains(n.Name, "/") {
			t.Errorf("%+v is there twice, or no name", n)
		}
		seen[n] = true
	}
	if !seen[kernel.Name{Name: "docker.sock", Role: kernel.Socket}] || !seen[kernel.Name{Name: "cron.d", Role: kernel.Folder}] || !seen[kernel.Name{Name: "release_agent", Role: kernel.Leaf}] {
		t.Errorf("%v", names)
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"too little CPU":    {CPU: 0.001},
		"too little memory": {Memory: 1 << 20},
		"no kind":           {Kinds: []event.RuntimeKind{"nonsense"}},
		"no kind to choose": {Kinds: []event.RuntimeKind{event.KindStatus}},
		"an empty id":       {InContainers: []string{""}},
	} {
		if _, err := o.withDefaults(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	o, err := Options{HostRoot: "/host"}.withDefaults()
	if err != nil || o.CPU != DefaultCPU || o.Session == "" || o.Containers.HostRoot != "/host" || !strings.HasPrefix(o.Kernel.Network.Cgroup, "/host/") {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestFamilyIsEncodedOnce: ancestors that were encoded before are the same.
func TestFamilyIsEncodedOnce(t *testing.T) {
	r := sample()
	var plain, cached writer
	plain.record(r)
	cached.written = lru.New[*event.Process, []byte](3) // fewer than there are
	for i := range r.Ancestors {
		cached.parents = append(cached.parents, &r.Ancestors[i])
	}
	for range 3 {
		cached.b = cached.b[:0]
		if cached.record(r); string(cached.b) != string(plain.b) {
			t.Fatalf("%s\nwant %s", cached.b, plain.b)
		}
	}
}
