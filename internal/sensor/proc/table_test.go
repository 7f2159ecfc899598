package proc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

const boot = "6d1f7e3a-2f0e-4b36-8b2e-0d5f3f3f9c11"

func TestUUIDIsTheSameForWhoeverAsks(t *testing.T) {
	byKernel := KeyOf(4242, 9_876_543_219_999) // nanoseconds
	byProc := Key{4242, 987654}                // ticks
	if byKernel != byProc || byKernel.UUID(boot) != byProc.UUID(boot) {
		t.Errorf("%v and %v", byKernel, byProc)
	}
	seen := map[string]Key{}
	for _, k := range []Key{byProc, {4243, 987654}, {4242, 987655}} {
		u := k.UUID(boot)
		if other, ok := seen[u]; ok || len(u) != 36 || strings.Count(u, "-") != 4 {
			t.Errorf("%v is %s, like %v", k, u, other)
		}
		seen[u] = k
	}
	if byProc.UUID("another boot") == byProc.UUID(boot) {
		t.Error("the boot makes no difference")
	}
}

func names(ps []*event.Process) (out []string) {
	for _, p := range ps {
		out = append(out, p.Name)
	}
	return out
}

func TestAncestorsOutliveTheirProcesses(t *testing.T) {
	table := NewTable(boot)
	p := table.Add(Key{1, 0}, event.Process{Name: "p0"}, nil)
	for i := 1; i <= 12; i++ {
		child := table.Fork(Key{100 + i, uint64(i)}, p, time.Time{})
		table.Change(child, func(e *event.Process) { e.Name = fmt.Sprint("p", i) })
		table.Exit(p.Key)
		p = child
	}
	// Many others end, so that none of them is in the table any more.
	for i := range 2 * MaxEnded {
		k := Key{1000 + i, 50}
		table.Add(k, event.Process{}, nil)
		table.Exit(k)
	}
	want := []string{"p11", "p10", "p9", "p8", "p7", "p6", "p5", "p4"}
	if got := names(p.Ancestors()); !slices.Equal(got, want) {
		t.Errorf("ancestors %v, want %v", got, want)
	}
	if p.Info.ParentUUID != p.Ancestors()[0].UUID {
		t.Error("the parent's UUID is not the nearest ancestor's")
	}
	if table.Get(Key{111, 11}) != nil {
		t.Error("an old process is still in the table: the test shows nothing")
	}
}

func TestAParentIsShownAsItWasWhenItStartedTheChild(t *testing.T) {
	table := NewTable(boot)
	shell := table.Add(Key{10, 1}, event.Process{Name: "sh", Args: []string{"sh"}}, nil)
	child := table.Fork(Key{11, 2}, shell, time.Unix(5, 0))
	table.Change(shell, func(e *event.Process) { e.Name = "innocent" })
	if got := names(child.Ancestors()); !slices.Equal(got, []string{"sh"}) {
		t.Errorf("ancestors %v", got)
	}
	if child.Info.Name != "sh" || !child.Info.Start.Equal(time.Unix(5, 0)) || child.Info.PID != 11 {
		t.Errorf("child %+v", child.Info)
	}
}

func TestNumbersAreUsedAgain(t *testing.T) {
	table := NewTable(boot)
	first := table.Add(Key{7, 100}, event.Process{Name: "first"}, nil)
	second := table.Add(Key{7, 900}, event.Process{Name: "second"}, nil)
	if !first.Ended || table.Get(first.Key) != first || table.Newest(7) != second {
		t.Errorf("first %+v, newest %+v", first, table.Newest(7))
	}
	// A late word of the first does not end the second.
	table.Exit(first.Key)
	if second.Ended || table.Newest(7) != second {
		t.Error("the second ended with the first")
	}
	if first.Info.UUID == second.Info.UUID {
		t.Error("both have one UUID")
	}
	live, ended := table.Len()
	if live != 1 || ended != 1 {
		t.Errorf("%d live, %d ended", live, ended)
	}
}

func TestTheTableIsBounded(t *testing.T) {
	table := NewTable(boot)
	for i := range MaxLive + 1000 {
		table.Add(Key{i + 1, 1}, event.Process{}, nil)
	}
	for i := range MaxLive {
		table.Exit(Key{i + 1, 1})
	}
	live, ended := table.Len()
	if live > MaxLive || ended > MaxEnded || len(table.newest) > MaxLive+MaxEnded {
		t.Errorf("%d live, %d ended, %d numbers", live, ended, len(table.newest))
	}
	args := []string{"sh", "-c", strings.Repeat("x", 5*maxArgs), "more"}
	p := table.Add(Key{1, 2}, event.Process{Args: args}, nil)
	size := 0
	for _, a := range p.Info.Args {
		size += len(a)
	}
	if size > maxArgs || !p.Info.ArgsCut || p.Info.Args[1] != "-c" {
		t.Errorf("%d bytes of arguments, cut %v", size, p.Info.ArgsCut)
	}
}

func TestListensIsInheritedWithinAPlace(t *testing.T) {
	table := NewTable(boot)
	kubelet := table.Add(Key{50, 1}, event.Process{Name: "kubelet", Listens: true}, nil)
	runc := table.Fork(Key{51, 2}, kubelet, time.Time{})
	if !runc.Info.Listens {
		t.Error("a child of a service is none")
	}
	table.Enter(runc, "container")
	inside := table.Fork(Key{52, 3}, runc, time.Time{})
	if runc.Info.Listens || inside.Info.Listens || inside.Place != "container" {
		t.Errorf("the container's process listens like kubelet: %+v", inside)
	}
	table.Change(inside, func(e *event.Process) { e.Listens = true })
	if shell := table.Fork(Key{53, 4}, inside, time.Time{}); !shell.Info.Listens {
		t.Error("a shell of the container's service is none")
	}
	systemd := table.Add(Key{1, 0}, event.Process{Name: "systemd", Listens: true}, nil)
	if login := table.Fork(Key{54, 5}, systemd, time.Time{}); login.Info.Listens {
		t.Error("everything on the node is a service because systemd holds sockets")
	}
}

func TestClockSteps(t *testing.T) {
	boot, wall := int64(1000*time.Second), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano()
	c := NewClock(func() (int64, int64) { return boot, wall })
	at := func() time.Time { return c.Time(uint64(900 * time.Second)) }
	if want := time.Date(2026, 3, 1, 11, 58, 20, 0, time.UTC); !at().Equal(want) {
		t.Fatalf("%v, want %v", at(), want)
	}
	boot, wall = boot+int64(time.Second), wall+int64(time.Second+20*time.Millisecond)
	if before := at(); c.Adjust() || !at().Equal(before) {
		t.Error("what two readings of a busy machine differ by moved the clock")
	}
	wall -= int64(time.Hour)
	before := at()
	if !c.Adjust() || c.Steps() != 1 || before.Sub(at()) < 59*time.Minute {
		t.Errorf("a step of an hour moved it by %v", before.Sub(at()))
	}
	if c.Adjust() {
		t.Error("the same step twice")
	}
}
