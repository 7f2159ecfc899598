package detect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/simulate"
)

// TestRuntimeStateSurvives: an engine that is brought back from its logs behind
// every record finds what one finds that lives through.
func TestRuntimeStateSurvives(t *testing.T) {
	var lines []string
	for _, l := range [][]string{fifoShell(t), questions(t), simulatedRuntime(t, "Execution:Runtime/ReverseShell"), simulatedRuntime(t, "Execution:Runtime/NewBinaryExecuted")} {
		lines = append(lines, l...)
	}
	opts := Options{Durable: true, Intel: intel.Builtin()}
	whole := merged(New(opts).Process(runtimeEvents(t, lines...)).Signals)
	if len(whole) < 4 {
		t.Fatalf("%d findings", len(whole))
	}
	var logs []Run
	var signals []*finding.Signal
	for _, line := range lines {
		e := New(opts)
		for _, run := range logs {
			if err := e.RestoreRun(runtimeScope, run); err != nil {
				t.Fatal(err)
			}
		}
		signals = append(signals, e.Process(runtimeEvents(t, line)).Signals...)
		runs, err := e.Delta(runtimeScope)
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, runs...)
	}
	if d := cmp.Diff(written(t, whole), written(t, merged(signals))); d != "" {
		t.Error(d)
	}
}

// written are findings as they go out, sorted.
func written(t *testing.T, findings []*finding.Finding) (out []string) {
	for _, f := range findings {
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	slices.Sort(out)
	return out
}

// TestRuntimeLogsAreApart: what a table saves comes back to no other.
func TestRuntimeLogsAreApart(t *testing.T) {
	names := New(Options{}).Logs(event.Scope{Account: "111122223333", Region: "eu-central-1"})
	slices.Sort(names)
	if n := len(names); n < 10 || len(slices.Compact(names)) != n {
		t.Errorf("logs are %q", names)
	}
}

// fifoShell is a shell whose input and output go through a FIFO and a pipe to a
// relay that connects last.
func fifoShell(t *testing.T) []string {
	shell := process("/bin/sh", 41, "sh", "-i")
	relay := process("/usr/bin/nc", 42, "nc", "203.0.113.9", "4444")
	a, b := event.Stdio{Kind: "pipe", Inode: 7}, event.Stdio{Kind: "pipe", Inode: 8}
	return []string{
		runtimeLine(t, 1, event.KindExec, &shell, func(r *event.Runtime) { r.Exec = &event.Exec{FDs: []event.Stdio{at(a, 0), at(b, 1)}} }),
		runtimeLine(t, 2, event.KindExec, &relay, func(r *event.Runtime) { r.Exec = &event.Exec{FDs: []event.Stdio{at(b, 0), at(a, 1)}} }),
		runtimeLine(t, 3, event.KindConnect, &relay, func(r *event.Runtime) { r.Net = &event.Connection{Socket: toSocket("203.0.113.9:4444")} }),
	}
}

// questions are those of a DNS server for a listed name that nobody else asked for.
func questions(t *testing.T) []string {
	server := process("/coredns", 43, "coredns")
	later := process("/bin/true", 44, "true")
	return []string{
		runtimeLine(t, 4, event.KindDNS, &server, func(r *event.Runtime) {
			r.Pod = &event.Pod{Name: "coredns-1", Namespace: "kube-system"}
			r.DNS = &event.Lookup{Name: "guarddutyc2activityb.com", Type: "A", ID: 9}
		}),
		runtimeLine(t, 40, event.KindExec, &later, func(r *event.Runtime) { r.Exec = &event.Exec{} }),
	}
}

// TestPlumbingIsJoinedInAnyOrder: whichever of the processes at the ends of the
// pipes comes first.
func TestPlumbingIsJoinedInAnyOrder(t *testing.T) {
	l := fifoShell(t)
	for _, order := range [][]string{{l[0], l[1], l[2]}, {l[1], l[0], l[2]}, {l[1], l[2], l[0]}} {
		if n := reverseShells(t, order...); n != 1 {
			t.Errorf("found %d", n)
		}
	}
	for _, part := range [][]string{{l[0], l[1]}, {l[1], l[2]}, {l[0], l[2]}} {
		if n := reverseShells(t, part...); n != 0 {
			t.Errorf("of two alone found %d", n)
		}
	}
}

func reverseShells(t *testing.T, lines ...string) (n int) {
	for _, s := range New(Options{}).Process(runtimeEvents(t, lines...)).Signals {
		if s.Type == "Execution:Runtime/ReverseShell" {
			n++
		}
	}
	return n
}

// TestQuestionsOfServersAreBounded: a DNS server that asks for nothing but listed
// names fills no memory.
func TestQuestionsOfServersAreBounded(t *testing.T) {
	e := New(Options{Intel: intel.Builtin()})
	server := process("/coredns", 43, "coredns")
	for i := range 3 * maxHeld {
		e.Process(runtimeEvents(t, runtimeLine(t, 4, event.KindDNS, &server, func(r *event.Runtime) {
			r.Pod = &event.Pod{Name: "coredns-1", Namespace: "kube-system"}
			r.DNS = &event.Lookup{Name: "guarddutyc2activityb.com", Type: fmt.Sprint("TYPE", i)}
		})))
	}
	if n := e.runtimeIn(e.scope(runtimeScope)).names.held.len(); n != maxHeld {
		t.Errorf("%d questions are held back, want %d", n, maxHeld)
	}
}

func TestWorkloadOf(t *testing.T) {
	for _, tc := range []struct{ kind, name, want string }{
		{"ReplicaSet", "web-7d9f8c6b54", "Deployment/web"}, {"ReplicaSet", "web", "ReplicaSet/web"}, {"Job", "sync-28391820", "CronJob/sync"},
		{"Job", "migrate-2", "Job/migrate-2"}, {"DaemonSet", "node-exporter", "DaemonSet/node-exporter"}, {"", "", "Pod/p-1"},
	} {
		kind, name := workloadOf(&event.Pod{Name: "p-1", OwnerKind: tc.kind, OwnerName: tc.name})
		if got := kind + "/" + name; got != tc.want {
			t.Errorf("%s %s is of %s, want %s", tc.kind, tc.name, got, tc.want)
		}
	}
}

func TestIsStdinShell(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want bool
	}{
		{[]string{"bash"}, true}, {[]string{"-bash"}, true}, {[]string{"/bin/sh", "-i"}, true}, {[]string{"bash", "--norc", "-i"}, true}, {[]string{"sh", "-s"}, true},
		{[]string{"sh", "-s", "arg"}, true}, {[]string{"bash", "--rcfile", "/x", "-i"}, true}, {[]string{"bash", "-o", "pipefail"}, true}, {[]string{"busybox", "sh"}, true},
		{[]string{"sh", "-c", "id"}, false}, {[]string{"bash", "-ic", "id"}, false}, {[]string{"bash", "-xe", "/tmp/x.sh"}, false}, {[]string{"bash", "script"}, false},
		{[]string{"bash", "-o", "pipefail", "script"}, false}, {[]string{"bash", "--version"}, false}, {[]string{"sh", "--", "script"}, false}, {[]string{"python3"}, false}, {[]string{"busybox", "wget"}, false},
	} {
		if got := isStdinShell(&event.Process{Name: tc.args[0], Args: tc.args}); got != tc.want {
			t.Errorf("%q: %v", tc.args, got)
		}
	}
}

func TestMinerArgs(t *testing.T) {
	const wallet = "0x71C7656EC7ab88b098defB751B7401B5f6d8976F"
	for _, tc := range []struct {
		args []string
		want bool
	}{
		{[]string{"x", "-o", "stratum+tcp://pool:3333"}, true}, {[]string{"x", "--url=stratum+ssl://u@pool:1"}, true}, {[]string{"x", "-a", "kawpow", "-u", wallet + ".rig"}, true},
		{[]string{"x", "--donate-level=1", "--coin", "monero"}, true}, {[]string{"x", "-u", wallet}, false}, {[]string{"x", "--algo", "rx/0"}, false},
		{[]string{"x", "--nicehash", "--nicehash"}, false}, {[]string{"x", "-o", "https://pool.example.com"}, false}, {nil, false},
	} {
		if got := minerArgs(tc.args) != ""; got != tc.want {
			t.Errorf("%q: %v", tc.args, got)
		}
	}
}

// FuzzRuntime gives detectors what no sensor would write: nothing panics, and
// every signal can become a finding.
func FuzzRuntime(f *testing.F) {
	for _, typ := range simulate.Types() {
		lines, err := simulate.Records(typ, t0)
		if err != nil {
			f.Fatal(err)
		}
		var r event.Runtime
		if last := []byte(lines[len(lines)-1]); json.Unmarshal(last, &r) == nil && r.Kind != "" {
			f.Add(last)
		}
	}
	set := intel.Builtin()
	f.Fuzz(func(t *testing.T, line []byte) {
		var r event.Runtime
		if json.Unmarshal(line, &r) != nil {
			t.Skip()
		}
		e := New(Options{Intel: set})
		for range 2 {
			res := e.Process(&event.Batch{Events: []event.Event{{Source: event.RuntimeEvents, Scope: runtimeScope, Time: r.Time, Raw: line, Runtime: &r}}})
			for _, fault := range res.Faults {
				t.Error(fault)
			}
			for _, s := range res.Signals {
				if s.Type == "" || s.Key == "" || s.Severity == 0 || s.Title == "" || s.Description == "" || s.Why == "" || s.Occurrence == "" || s.Feature == "" {
					t.Errorf("an incomplete signal: %+v", s)
				}
			}
			line = append(line, ' ') // another record of the same
		}
	})
}

// BenchmarkRuntime judges what nodes do all day.
func BenchmarkRuntime(b *testing.B) {
	p := process("/usr/bin/convert", 41, "convert", "a.png", "b.png")
	ordinary := func(r *event.Runtime) {
		r.Pod = &event.Pod{Name: "web-7d9f8c6b54-x7k2p", Namespace: "shop", OwnerKind: "Deployment", OwnerName: "web"}
		for i := range 4 {
			r.Ancestors = append(r.Ancestors, process("/usr/bin/containerd-shim-runc-v2", 10+i))
		}
	}
	for _, bc := range []struct {
		name string
		kind event.RuntimeKind
		body func(*event.Runtime)
	}{
		{"exec", event.KindExec, func(r *event.Runtime) { r.Exec = &event.Exec{File: event.Image{Path: "/usr/bin/convert"}} }},
		{"connect", event.KindConnect, func(r *event.Runtime) { r.Net = &event.Connection{Socket: toSocket("10.20.0.9:5432")} }},
		{"dns", event.KindDNS, func(r *event.Runtime) { r.DNS = &event.Lookup{Name: "orders.shop.svc.cluster.local", Type: "A"} }},
		{"open", event.KindOpen, func(r *event.Runtime) { r.File = &event.FileChange{Path: "/var/lib/app/data"} }},
	} {
		b.Run(bc.name, func(b *testing.B) {
			batch := runtimeEvents(b, runtimeLine(b, 1, bc.kind, &p, func(r *event.Runtime) { ordinary(r); bc.body(r) }))
			e := New(Options{Intel: intel.Builtin()})
			sc := e.scope(runtimeScope)
			b.ReportAllocs()
			for b.Loop() {
				if s := e.judgeRuntime(sc, &batch.Events[0]); len(s) > 0 {
					b.Fatal(s[0].Type)
				}
			}
		})
	}
}

// TestRuntimeNames: every kind that code asks for has names, and every line is
// of a kind that code asks for.
func TestRuntimeNames(t *testing.T) {
	kinds := []nameKind{
		containerRuntime, packageManager, buildTool, debugger, tracer, commandShell, relayProgram, interpreter, shellGiver, minerProgram, minerOption, miningAlgorithm,
		textTool, sandboxProgram, nestedImage, builderImage, runtimeSocket, socketClientImage, moduleLoader, faultCatcher, setuidProgram, meshProxy, dnsServer, developmentWord,
	}
	for _, k := range kinds {
		if n := runtimeNames()[k]; n == nil || len(n.whole)+len(n.prefixes) == 0 {
			t.Errorf("there are no names of %s", k)
		}
	}
	for k := range runtimeNames() {
		if !slices.Contains(kinds, k) {
			t.Errorf("nothing asks for %s", k)
		}
	}
	for _, tc := range []struct {
		kind nameKind
		name string
		want bool
	}{
		{interpreter, "python3.12", true}, {containerRuntime, "containerd-shim-runc-v2", true}, {minerProgram, "xmrig-6", true}, {setuidProgram, "busybox", false},
		{commandShell, "sshd", false}, {minerProgram, "", false},
	} {
		if got := tc.kind.is(tc.name); got != tc.want {
			t.Errorf("%q is of %s: %v", tc.name, tc.kind, got)
		}
	}
}

// TestSentencesHaveOneLine: processes choose their names, and may choose escape
// codes and line ends.
func TestSentencesHaveOneLine(t *testing.T) {
	p := process("/tmp/a\x1b[2J\nb", 41, "a")
	line := runtimeLine(t, 1, event.KindExec, &p, func(r *event.Runtime) {
		r.Exec = &event.Exec{File: event.Image{Path: p.Executable, Upper: true, CTime: t0, Memfd: true}, FDs: []event.Stdio{
			{FD: 0, Kind: "socket", Socket: ptr(toSocket("203.0.113.9:1"))}, {FD: 1, Kind: "socket", Socket: ptr(toSocket("203.0.113.9:1"))},
		}}
	})
	signals := New(Options{}).Process(runtimeEvents(t, line)).Signals
	if len(signals) < 3 {
		t.Fatalf("%d signals", len(signals))
	}
	for _, s := range signals {
		for _, text := range []string{s.Title, s.Description, s.Why} {
			if strings.ContainsAny(text, "\x1b\n") {
				t.Errorf("%s: %q", s.Type, text)
			}
		}
	}
}

func ptr[V any](v V) *V { return &v }

// TestRuncIsOverwritten: in the ways in which sensors tell of it.
func TestRuncIsOverwritten(t *testing.T) {
	for _, tc := range []struct {
		file  event.FileChange
		errno string
		want  bool
	}{
		{event.FileChange{Path: "/usr/bin/runc"}, "", true}, {event.FileChange{Path: "/host/usr/bin/runc", Host: true}, "", true},
		{event.FileChange{Path: "/proc/self/fd/3"}, "ETXTBSY", true}, {event.FileChange{Path: "/proc/77/exe"}, "ETXTBSY", true},
		{event.FileChange{Path: "/memfd:runc_cloned:/proc/self/exe (deleted)"}, "", true},
		{event.FileChange{Path: "/proc/self/fd/1"}, "", false}, {event.FileChange{Path: "/usr/bin/runc", Created: true}, "", false},
		{event.FileChange{Path: "/srv/runc"}, "", false}, {event.FileChange{Path: "/usr/bin/run"}, "", false},
	} {
		p := process("/tmp/poc", 41, "poc")
		line := runtimeLine(t, 1, event.KindOpen, &p, func(r *event.Runtime) { r.File, r.Error = &tc.file, tc.errno })
		found := false
		for _, s := range New(Options{}).Process(runtimeEvents(t, line)).Signals {
			found = found || s.Type == runcType
		}
		if found != tc.want {
			t.Errorf("%+v %s: %v", tc.file, tc.errno, found)
		}
	}
}
