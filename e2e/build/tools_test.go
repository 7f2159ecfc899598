package build

import (
	"os"
	"path/filepath"
	"testing"
)

// A tool is built again when its module changes, and only then.
func TestToolVersion(t *testing.T) {
	dir := t.TempDir()
	version := func(text string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		v, err := Tool{Name: "x", Dir: dir, Pkg: "."}.version()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	first := version("module x\n")
	if again := version("module x\n"); again != first {
		t.Errorf("the same module has versions %s and %s", first, again)
	}
	if changed := version("module y\n"); changed == first {
		t.Errorf("another module has the same version %s", first)
	}
	if _, err := (Tool{Name: "x", Dir: filepath.Join(dir, "none")}).version(); err == nil {
		t.Error("a module that is not there has a version")
	}
}
