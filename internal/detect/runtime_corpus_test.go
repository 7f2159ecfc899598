package detect

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// corpus reads lines that begin with a word of their own.
func corpus(t testing.TB, file string) (out [][2]string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if word, rest, ok := strings.Cut(strings.TrimRight(line, "\n"), " "); ok && word != "#" {
			out = append(out, [2]string{word, rest})
		}
	}
	return out
}

// shellRecord is the exec of a shell with a line: in the making of an image, in a
// container that starts, in one that runs, or on the node.
func shellRecord(n int, where, box, line string) *event.Runtime {
	at := t0.Add(time.Duration(n) * 10 * time.Second)
	shim := event.Process{UUID: "shim", PID: 900, NamespacePID: 900, Name: "containerd-shim", Executable: "/usr/bin/containerd-shim-runc-v2"}
	r := &event.Runtime{
		Version: event.RuntimeVersion, Kind: event.KindExec, Time: at, Node: event.Node{Name: "node-1"},
		Sensor:    event.Sensor{Name: "vedette", Session: box, Sequence: uint64(n + 1)},
		Process:   &event.Process{UUID: fmt.Sprint("p", n), PID: 5000 + n, NamespacePID: 20 + n, Name: "bash", Executable: "/usr/bin/bash", Args: []string{"bash", "-c", line}, Start: at},
		Ancestors: []event.Process{shim},
		Container: &event.Container{ID: box, Name: "app", Image: "docker.io/library/debian:12", Start: t0.Add(-time.Hour), Build: where == "build"},
		Pod:       &event.Pod{Name: "app", Namespace: "shop"},
		Exec:      &event.Exec{Path: "/usr/bin/bash", File: event.Image{Path: "/usr/bin/bash"}},
	}
	switch where {
	case "start":
		r.Container.Start = at.Add(-5 * time.Second)
		r.Process.NamespacePID = 1
	case "node":
		r.Container, r.Pod, r.Process.NamespacePID = nil, nil, r.Process.PID
		r.Ancestors = []event.Process{{UUID: "sshd", PID: 700, NamespacePID: 700, Name: "sshd", Executable: "/usr/sbin/sshd"}}
	}
	return r
}

// judged is what an engine makes of a record.
func judged(t testing.TB, e *Engine, r *event.Runtime) []*finding.Signal {
	t.Helper()
	raw := []byte(r.Sensor.Session + fmt.Sprint(r.Sensor.Sequence))
	got := e.Process(&event.Batch{Stream: "sensor", Events: []event.Event{{Source: event.RuntimeEvents, Scope: runtimeScope, Time: r.Time, Raw: raw, Runtime: r}}})
	for _, err := range got.Faults {
		t.Error(err)
	}
	return got.Signals
}

// TestOrdinaryCommands: what is run all day is no finding, each line in a
// container of its own, and all of them in one.
func TestOrdinaryCommands(t *testing.T) {
	lines := corpus(t, "runtime_ordinary.txt")
	if len(lines) < 300 {
		t.Errorf("%d lines", len(lines))
	}
	for _, together := range []bool{false, true} {
		e := New(Options{})
		for i, l := range lines {
			box := l[0]
			if !together {
				box = fmt.Sprint("box-", i)
			}
			for _, s := range judged(t, e, shellRecord(i, l[0], box, l[1])) {
				t.Errorf("together %v: %s %s\n%s, since %s", together, l[0], l[1], s.Type, s.Why)
			}
		}
	}
}

// TestAttackCommands: nine in ten lines of attacks are found, by their tactic.
func TestAttackCommands(t *testing.T) {
	lines := corpus(t, "runtime_attacks.txt")
	e, found := New(Options{}), 0
	for i, l := range lines {
		hit := false
		var types []string
		for _, s := range judged(t, e, shellRecord(i, "run", fmt.Sprint("box-", i), l[1])) {
			types = append(types, s.Type)
			hit = hit || strings.HasPrefix(s.Type, l[0]+":")
		}
		switch {
		case hit:
			found++
		case l[0] != "-":
			t.Errorf("%s is not found as %s: %v", l[1], l[0], types)
		}
	}
	if len(lines) < 150 || found*10 < len(lines)*9 {
		t.Errorf("%d of %d found", found, len(lines))
	}
	t.Logf("%d of %d found", found, len(lines))
}

// BenchmarkCommandLine is what the start of a program costs.
func BenchmarkCommandLine(b *testing.B) {
	lines := corpus(b, "runtime_ordinary.txt")
	e := New(Options{})
	var batch event.Batch
	for i, l := range lines {
		r := shellRecord(i, "run", "box", l[1])
		if i%3 != 0 { // most programs are started by no shell
			r.Process.Args = strings.Fields(l[1])
		}
		batch.Events = append(batch.Events, event.Event{Source: event.RuntimeEvents, Scope: runtimeScope, Time: r.Time, Runtime: r})
	}
	sc := e.scope(runtimeScope)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		r := runtimeRecord{Runtime: batch.Events[n%len(lines)].Runtime, ev: &batch.Events[n%len(lines)], state: e.runtimeIn(sc), opts: &e.opts}
		commandLine(&r)
		n++
	}
}
