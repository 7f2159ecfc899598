package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Tool is a program that a small module of ours pins.
type Tool struct {
	Name string
	Dir  string // of the module
	Pkg  string // the main package, as seen from there
}

// CoreDNS is the cluster's resolver.
func CoreDNS(moduleDir string) Tool {
	return Tool{Name: "coredns", Dir: filepath.Join(moduleDir, "dns"), Pkg: "."}
}

// Helm returns where the Helm is with which the chart is tested. hack/chart
// pins and builds it.
func Helm(ctx context.Context, moduleDir string, log io.Writer) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "run", ".", "helm")
	cmd.Dir, cmd.Stderr = filepath.Join(filepath.Dir(moduleDir), "hack", "chart"), log
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("build Helm in %s: %w", cmd.Dir, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Build returns where the program lies in the cache, and first builds it if it
// is not there. What is in the cache was made from the same files.
func (t Tool) Build(ctx context.Context, log io.Writer) (string, error) {
	version, err := t.version()
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, t.Name+"-"+version)
	path := filepath.Join(dir, t.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the cache of built programs: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	start := time.Now()
	fmt.Fprintf(log, "building %s, which takes minutes the first time\n", t.Name)
	tmp := filepath.Join(dir, fmt.Sprintf(".%d", os.Getpid()))
	defer os.Remove(tmp)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", tmp, t.Pkg)
	cmd.Dir = t.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", t.Name, err, out)
	}
	if err := os.Rename(tmp, path); err != nil {
		return "", fmt.Errorf("put %s into the cache: %w", t.Name, err)
	}
	fmt.Fprintf(log, "built %s in %s\n", t.Name, time.Since(start).Round(time.Second))
	return path, nil
}

// version is made of everything that the module consists of.
func (t Tool) version() (string, error) {
	files, err := filepath.Glob(filepath.Join(t.Dir, "*"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("find the module of %s: nothing in %s", t.Name, t.Dir)
	}
	h := sha256.New()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return "", fmt.Errorf("read the module of %s: %w", t.Name, err)
		}
		fmt.Fprintf(h, "%s %d\n%s", filepath.Base(f), len(b), b)
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}
