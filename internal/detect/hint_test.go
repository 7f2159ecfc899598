package detect

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	malware "github.com/vedette-project/vedette/internal/anomaly/dga/families"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// runs is a record of a container of an image that runs a program.
func runs(t *testing.T, at time.Duration, image, program string) string {
	p := process(program, 9, program)
	return runtimeLine(t, int(at/time.Second), event.KindExec, &p, func(r *event.Runtime) {
		r.Container.Image = image
		r.Exec = &event.Exec{File: event.Image{Path: program}}
	})
}

// TestProgramNew: what an image never ran in the day it was watched is a hint,
// once, also after a restart behind any record; what it runs, and what an image
// runs that has ever new programs, is none.
func TestProgramNew(t *testing.T) {
	const h = time.Hour
	lines := []string{
		runs(t, 0, "shop:1", "/app/shop"), runs(t, h, "shop:1", "/bin/sh"), runs(t, 30*h, "shop:2", "/app/shop"),
		runs(t, 30*h, "shop:2", "/usr/bin/curl"), runs(t, 31*h, "shop:2", "/usr/bin/curl"), runs(t, 32*h, "other", "/usr/bin/wget"),
	}
	for i := range imagePrograms + 20 {
		lines = append(lines, runs(t, 33*h, "tools", fmt.Sprintf("/usr/bin/tool%d", i)))
	}
	lines = append(lines, runs(t, 70*h, "tools", "/usr/bin/nc"), runs(t, 71*h, "shop:2", "/usr/bin/id"))
	const want = "[ProgramNew /usr/bin/curl ProgramNew /usr/bin/id]"
	opts := Options{Durable: true, Intel: intel.Builtin()}
	var logs []Run
	var got []string
	for _, line := range lines {
		e := New(opts)
		for _, run := range logs {
			if err := e.RestoreRun(runtimeScope, run); err != nil {
				t.Fatal(err)
			}
		}
		for _, x := range e.Process(runtimeEvents(t, line)).Hints {
			got = append(got, x.Name, x.What)
		}
		runs, err := e.Delta(runtimeScope)
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, runs...)
	}
	if fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if got := New(opts).Process(runtimeEvents(t, lines...)).Hints; len(got) != 2 || got[0].Record == "" || got[0].Record == got[1].Record {
		t.Errorf("without restarts: %+v", got)
	}
}

// TestDrawnNamesHint: a program that draws names shows itself after fewer of
// them than a finding takes; machines that ask for ordinary names hardly ever do.
func TestDrawnNamesHint(t *testing.T) {
	for _, f := range malware.All() {
		if f.Words {
			continue
		}
		a, labels := newAsking(), f.Draw(50)
		first, found := 0, 0
		for i, label := range labels {
			if v := a.ask(t0.Add(time.Duration(i)*time.Second), "i-1", label+".info", true); v != nil && found == 0 {
				found = i + 1
			}
			if a.draws.hinted != "" && first == 0 {
				first = i + 1
			}
		}
		if first == 0 || found == 0 || first > found {
			t.Errorf("%s: a hint at name %d, a finding at %d", f.Name, first, found)
		}
	}
	benign, r := ordinaryNames(t), rand.New(rand.NewPCG(5, 6))
	hinted := 0
	const machines = 1000
	for range machines {
		a := newAsking() // to which all names are new
		for i := range 60 {
			a.draws.hinted = ""
			a.ask(t0.Add(time.Duration(i)*day/60), "i-1", benign[r.IntN(len(benign))], r.Float64() < 0.05)
			if a.draws.hinted != "" {
				hinted++
				break
			}
		}
	}
	t.Logf("%d of %d ordinary machine days", hinted, machines)
	if hinted > machines/50 {
		t.Errorf("%d of %d ordinary machine days hint at drawn names", hinted, machines)
	}
}

// TestVolumeHint: what is more than usual and not enough for a finding is a
// hint; ordinary weeks hold next to none.
func TestVolumeHint(t *testing.T) {
	o, e := newOffice(31), New(Options{Intel: intel.Builtin()})
	var steady, hosts []string
	for hour := range 16 * 24 {
		o.hour, o.events = hour, o.events[:0]
		o.steady()
		if hour == 15*24+3 {
			for i := range 6 {
				o.calls(box{workBoxes, i}, fmt.Sprintf("45.31.%d.1", i), 443, 6, int64(110+40*i)<<20)
			}
		}
		for _, x := range e.Process(o.batch()).Hints {
			if x.Name != HintVolume {
				continue
			}
			if strings.HasPrefix(x.What, "45.31.") {
				hosts = append(hosts, x.What)
			} else {
				steady = append(steady, x.What)
			}
		}
	}
	if len(hosts) == 0 || len(steady) > 2 {
		t.Errorf("hints of what was sent on the last day: %v; of ordinary days: %v", hosts, steady)
	}
}
