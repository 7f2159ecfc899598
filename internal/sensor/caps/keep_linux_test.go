package caps

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/testbed"
)

// TestKeep: what is given up is given up in every thread, and for good.
func TestKeep(t *testing.T) {
	testbed.Root(t)
	program := filepath.Join(t.TempDir(), "keep")
	build := exec.Command("go", "build", "-o", program, "./testdata/keep")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	threads := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(threads) < 4 {
		t.Errorf("%d threads, of which three wait", len(threads))
	}
	for _, text := range threads {
		st, err := ParseStatus([]byte(text))
		if want := (Status{Effective: Run, Permitted: Run, Bounding: Run, NoNewPrivs: true}); err != nil || st != want {
			t.Errorf("a thread has %+v, %v", st, err)
		}
	}
}
