// Package build makes the programs that the end-to-end tests run, once, and
// keeps them in a cache folder.
//
// The Kubernetes components are compiled from the Go module that the k8s
// folder beside this package pins. A cold build takes several minutes, so
// what is found in the cache is used as it is.
package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Components lists the Kubernetes programs a whole cluster needs.
func Components() []string {
	return []string{"kube-apiserver", "kubectl", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"}
}

// Cache is the folder in which built things are kept.
func Cache() (string, error) { return cacheDir() }

// Binaries is a folder of built programs.
type Binaries struct {
	Dir     string
	Version string // of Kubernetes, such as v1.34.4
}

// Path is where the named program lies.
func (b Binaries) Path(name string) string { return filepath.Join(b.Dir, name) }

// ModuleDir is the root of the end-to-end module that holds the caller's
// working folder.
func ModuleDir(ctx context.Context) (string, error) {
	out, err := output(ctx, ".", "go", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	if out == "" || out == os.DevNull {
		return "", errors.New("find the module: the working folder lies in none")
	}
	return filepath.Dir(out), nil
}

// Kubernetes returns the components, and first builds those that the cache
// lacks. Progress goes to log.
func Kubernetes(ctx context.Context, moduleDir string, log io.Writer) (Binaries, error) {
	wrapper := filepath.Join(moduleDir, "k8s")
	version, err := output(ctx, wrapper, "go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
	if err != nil {
		return Binaries{}, fmt.Errorf("read the pinned Kubernetes version: %w", err)
	}
	cache, err := cacheDir()
	if err != nil {
		return Binaries{}, err
	}
	b := Binaries{Dir: filepath.Join(cache, version, "bin"), Version: version}
	if len(b.missing()) == 0 {
		return b, nil
	}
	if err := os.MkdirAll(b.Dir, 0o755); err != nil {
		return Binaries{}, fmt.Errorf("make the cache of built programs: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(cache, version, "lock"))
	if err != nil {
		return Binaries{}, err
	}
	defer unlock()
	// Another run may have built them while this one waited for the lock.
	for _, name := range b.missing() {
		start := time.Now()
		fmt.Fprintf(log, "building %s %s, which takes minutes the first time\n", name, version)
		if err := b.compile(ctx, wrapper, name); err != nil {
			return Binaries{}, err
		}
		fmt.Fprintf(log, "built %s in %s\n", name, time.Since(start).Round(time.Second))
	}
	return b, nil
}

func (b Binaries) missing() []string {
	var names []string
	for _, name := range Components() {
		if _, err := os.Stat(b.Path(name)); err != nil {
			names = append(names, name)
		}
	}
	return names
}

// compile builds one component beside its place and renames it into it, so
// that a killed build never leaves half a program behind.
func (b Binaries) compile(ctx context.Context, wrapper, name string) error {
	tmp := b.Path(fmt.Sprintf(".%s.%d", name, os.Getpid()))
	defer os.Remove(tmp)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", ldflags(b.Version), "-o", tmp, "k8s.io/kubernetes/cmd/"+name)
	cmd.Dir = wrapper
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	if err := os.Rename(tmp, b.Path(name)); err != nil {
		return fmt.Errorf("put %s into the cache: %w", name, err)
	}
	return nil
}

// ldflags makes the programs report the version they were built from. The
// server's version is part of what clients negotiate with, and that of
// client-go is in every user agent of the audit log.
func ldflags(version string) string {
	major, minor, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	flags := []string{"-s", "-w"}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, set := range []string{
			"gitVersion=" + version, "gitMajor=" + major, "gitMinor=" + minor,
			// A module does not know its commit.
			"gitCommit=0000000000000000000000000000000000000000", "gitTreeState=clean",
		} {
			flags = append(flags, "-X "+pkg+"."+set)
		}
	}
	return strings.Join(flags, " ")
}

// Go builds one main package of the module in dir.
func Go(ctx context.Context, dir, pkg, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // it runs in images without a C library, too
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, b)
	}
	return nil
}

func cacheDir() (string, error) {
	if d := os.Getenv("VEDETTE_E2E_CACHE"); d != "" {
		return filepath.Abs(d)
	}
	d, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache folder: %w", err)
	}
	return filepath.Join(d, "vedette-e2e"), nil
}

// lock takes an exclusive lock on a file and waits for it as long as ctx
// allows. The kernel gives it back when the process dies.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the build lock: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another build: %w", context.Cause(ctx))
		case <-time.After(time.Second):
		}
	}
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
