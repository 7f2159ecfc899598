package detect

import (
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// TestFolderBeyondTheContainer: who is started by the runtime in a folder that
// no path of the container leads to was led there; a program of the container
// may well stand in one that it itself left behind.
func TestFolderBeyondTheContainer(t *testing.T) {
	shim := event.Process{UUID: "shim", PID: 900, NamespacePID: 900, Name: "containerd-shim", Executable: "/usr/bin/containerd-shim-runc-v2"}
	stage := event.Process{UUID: "stage", PID: 950, NamespacePID: 950, Name: "runc:[1:CHILD]", Executable: "/"}
	shell := event.Process{UUID: "sh", PID: 960, NamespacePID: 7, Name: "sh", Executable: "/bin/busybox"}
	for _, tt := range []struct {
		name, cwd string
		from      []event.Process
		want      int
	}{
		{"by runc's own stage", "(unreachable)/etc", []event.Process{stage, shim}, 1},
		{"by the shim", "(unreachable)/", []event.Process{shim}, 1},
		{"by a descriptor's name", "/proc/self/fd/8", []event.Process{shell, shim}, 1},
		{"below the container's root", "/etc", []event.Process{stage, shim}, 0},
		{"after a chroot of its own", "(unreachable)/etc", []event.Process{shell, stage, shim}, 0},
	} {
		r := shellRecord(1, "run", "box", "ls")
		r.Process.Cwd, r.Ancestors = tt.cwd, tt.from
		got := 0
		for _, s := range judged(t, New(Options{}), r) {
			if s.Type == runcType {
				got++
			}
		}
		if got != tt.want {
			t.Errorf("%s: %d findings, want %d", tt.name, got, tt.want)
		}
	}
}
