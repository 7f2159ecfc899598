package kernel

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// objects are the committed ones, of both architectures.
func objects(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("*_bpfel.o")
	if err != nil || len(paths) < 4 {
		t.Fatalf("found %q: %v", paths, err)
	}
	return paths
}

// TestObjectsAreFresh makes the objects again from their sources.
func TestObjectsAreFresh(t *testing.T) {
	for _, tool := range []string{"clang-19", "llvm-strip-19"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("not supported: %v (apt-get install clang-19 llvm-19 libbpf-dev)", err)
			}
			t.Skipf("not supported: %v (apt-get install clang-19 llvm-19 libbpf-dev)", err)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, line := range generateLines(t) {
		cmd := exec.Command("go", append([]string{"tool", "bpf2go", "-output-dir", dir}, line...)...)
		cmd.Env = append(os.Environ(), "GOPACKAGE=kernel")
		cmd.Dir = here
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	for _, path := range objects(t) {
		for _, name := range []string{path, strings.TrimSuffix(path, ".o") + ".go"} {
			have, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(have, want) {
				t.Errorf("%s is not made of what is in bpf/: run go generate ./internal/sensor/kernel", name)
			}
		}
	}
}

// generateLines are the arguments of bpf2go in this package's go:generate lines.
func generateLines(t *testing.T) [][]string {
	t.Helper()
	paths, err := filepath.Glob("*generate.go")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if args, ok := strings.CutPrefix(line, "//go:generate go tool bpf2go "); ok {
				out = append(out, strings.Fields(args))
			}
		}
	}
	if len(out) < 2 {
		t.Fatalf("found %q", out)
	}
	return out
}

// TestHelpersAreOfLinux58: no program calls a helper that Linux 5.8 lacks, but
// behind a look whether it is there.
func TestHelpersAreOfLinux58(t *testing.T) {
	const last = asm.FnCsumLevel // of 5.8
	guarded := map[asm.BuiltinFunc]bool{asm.FnGetCurrentTaskBtf: true}
	for _, path := range objects(t) {
		spec, err := ebpf.LoadCollectionSpec(path)
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		for name, prog := range spec.Programs {
			for _, ins := range prog.Instructions {
				if !ins.IsBuiltinCall() {
					continue
				}
				calls++
				if fn := asm.BuiltinFunc(ins.Constant); fn > last && !guarded[fn] {
					t.Errorf("%s: %s calls %v, which is newer than Linux 5.8", path, name, fn)
				}
			}
		}
		if calls < 100 {
			t.Errorf("%s has %d calls of helpers; does the test see them?", path, calls)
		}
	}
}

// TestNoForbiddenHooks: every program is of a type that locked-down kernels
// allow.
func TestNoForbiddenHooks(t *testing.T) {
	for _, path := range objects(t) {
		spec, err := ebpf.LoadCollectionSpec(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, prog := range spec.Programs {
			switch prog.Type {
			case ebpf.Tracing:
				if prog.AttachType != ebpf.AttachTraceRawTp {
					t.Errorf("%s: %s is attached as %v", path, name, prog.AttachType)
				}
			case ebpf.CGroupSKB, ebpf.CGroupSock, ebpf.CGroupSockAddr:
			default:
				t.Errorf("%s: %s is of type %v", path, name, prog.Type)
			}
		}
	}
}

// TestSizes: Go's idea of the C structs in maps is theirs. Those in records say
// their sizes to the compiler.
func TestSizes(t *testing.T) {
	for _, path := range objects(t) {
		spec, err := ebpf.LoadCollectionSpec(path)
		if err != nil {
			t.Fatal(err)
		}
		if have, want := spec.Maps["counters"].ValueSize, uint32(binary.Size(counters{})); have != want {
			t.Errorf("%s: struct counters has %d bytes, Go's has %d", path, have, want)
		}
		if w := spec.Maps["writers"]; w != nil && w.ValueSize != writerSize {
			t.Errorf("%s: struct writer has %d bytes, the decoder reads %d", path, w.ValueSize, writerSize)
		}
	}
}
