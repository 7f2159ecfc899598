package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// tool is a program that is built from a Go module when a test first needs it,
// and kept in the user's cache.
type tool struct {
	name, module, version string
	pkg                   string // of the program
	// source, if set, is a program that only puts parts of modules together, in
	// the place of pkg; also are those it needs beside module, in that version.
	source string
	also   []string
}

// buildFor bounds a build; what it needs may have to be fetched.
const buildFor = 10 * time.Minute

// path is where the program is. It is built if it is not there; where that
// cannot be done the test is skipped.
func (p tool) path(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "vedette-testbed", p.name+"-"+p.version)
	bin := filepath.Join(dir, p.name)
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	t.Logf("building %s %s for this test and those to come", p.name, p.version)
	if err := p.build(dir, bin); err != nil {
		(&Missing{p.name, fmt.Sprintf("it could not be built from %s@%s: %v", p.module, p.version, err)}).skip(t)
	}
	return bin
}

// build builds in a module of its own, so that ours needs nothing of it.
func (p tool) build(dir, bin string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	ctx, cancel := context.WithTimeout(context.Background(), buildFor)
	defer cancel()
	built := filepath.Join(scratch, p.name+".bin")
	steps := [][]string{{"mod", "init", "scratch"}, {"get", p.module + "@" + p.version}}
	if p.source == "" {
		steps = append(steps, []string{"build", "-o", built, p.pkg})
	} else {
		if err := os.WriteFile(filepath.Join(scratch, "main.go"), []byte(p.source), 0o600); err != nil {
			return err
		}
		for _, module := range p.also {
			steps[1] = append(steps[1], module+"@"+p.version)
		}
		steps = append(steps, []string{"mod", "tidy"}, []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", built, "."})
	}
	for _, args := range steps {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = scratch
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", args[0], err, out)
		}
	}
	if err := os.Rename(built, bin); err != nil && !errors.Is(err, os.ErrExist) { // another test may have been faster
		return err
	}
	return nil
}
