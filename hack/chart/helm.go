package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const chartPath = "deploy/helm/vedette"

// Helm returns where the Helm is that hack/chart/helm pins, and first builds it
// if the cache has none. Progress goes to log.
func Helm(ctx context.Context, root string, log io.Writer) (string, error) {
	module := filepath.Join(root, "hack", "chart", "helm")
	version, err := output(ctx, module, "go", "list", "-m", "-f", "{{.Version}}", "helm.sh/helm/v4")
	if err != nil {
		return "", err
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "helm-"+strings.TrimSpace(version), "helm")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintf(log, "building Helm %s, which takes minutes the first time\n", strings.TrimSpace(version))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	// Built beside its place: a build that is killed leaves no half a program.
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	defer os.Remove(tmp)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", tmp, "helm.sh/helm/v4/cmd/helm")
	cmd.Dir, cmd.Env = module, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build Helm: %w\n%s", err, out)
	}
	return path, os.Rename(tmp, path)
}

// template renders the chart with real Helm. The folders of its settings are
// new ones: what is on this machine must not matter.
func template(ctx context.Context, root string, args ...string) ([]byte, error) {
	return runHelm(ctx, root, append([]string{"template", "vedette", chartPath, "--namespace", "vedette"}, args...)...)
}

func runHelm(ctx context.Context, root string, args ...string) ([]byte, error) {
	helm, err := Helm(ctx, root, os.Stderr)
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "helm")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)
	cmd := exec.CommandContext(ctx, helm, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home, "KUBECONFIG=/dev/null")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("helm %s: %w: %s", args[0], err, bytes.TrimSpace(append(stderr.Bytes(), out...)))
	}
	return out, nil
}

// cacheDir is the folder in which the end-to-end tests keep built programs, too.
func cacheDir() (string, error) {
	if d := os.Getenv("VEDETTE_E2E_CACHE"); d != "" {
		return filepath.Abs(d)
	}
	d, err := os.UserCacheDir()
	return filepath.Join(d, "vedette-e2e"), err
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}
