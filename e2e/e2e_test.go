//go:build e2e

package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vedette-project/vedette/e2e/build"
	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/need"
	"github.com/vedette-project/vedette/e2e/sandbox"
	"github.com/vedette-project/vedette/e2e/scenario"
)

// What the test's two halves tell each other through the environment.
const (
	dirVar     = "VEDETTE_E2E_DIR"
	binVar     = "VEDETTE_E2E_BIN"
	versionVar = "VEDETTE_E2E_K8S"
)

// TestCluster runs itself again inside a sandbox and plays everything there.
func TestCluster(t *testing.T) {
	ctx := deadline(t)
	if sandbox.Inside() {
		inside(ctx, t)
		return
	}
	need.OrSkip(t, append(need.Cluster(), need.AWSCLI())...)
	runInside(ctx, t)
}

// runInside runs a test again inside a sandbox, with what it needs built.
func runInside(ctx context.Context, t *testing.T, env ...string) {
	t.Helper()
	module, err := build.ModuleDir(ctx)
	if err != nil {
		t.Fatal(err)
	}
	bin, err := build.Kubernetes(ctx, module, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	dir := workDir(t)
	if err := build.Go(ctx, filepath.Dir(module), "./cmd/vedette", filepath.Join(dir, "vedette")); err != nil {
		t.Fatal(err)
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v=true"}
	if d, ok := t.Deadline(); ok {
		args = append(args, "-test.timeout="+time.Until(d).String())
	}
	env = append(env, dirVar+"="+dir, binVar+"="+bin.Dir, versionVar+"="+bin.Version)
	if err := sandbox.Run(ctx, args, env); err != nil {
		t.Fatal(err)
	}
}

// inside is the test proper.
func inside(ctx context.Context, t *testing.T) {
	if err := sandbox.Setup(); err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv(dirVar)
	outer, err := sandbox.OuterPID()
	if err != nil {
		t.Fatal(err)
	}
	v := startVedette(ctx, t, dir)
	v.wantFindings(ctx, t, nil)

	c, err := cluster.Start(ctx, cluster.Options{
		Dir: filepath.Join(dir, "c"), AuditWebhook: v.webhook, Log: t.Output(),
		Bin: build.Binaries{Dir: os.Getenv(binVar), Version: os.Getenv(versionVar)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	env, err := scenario.NewEnv(ctx, c)
	if err != nil {
		t.Fatal(err)
	}

	var want []scenario.Want
	for _, step := range scenario.All() {
		if !t.Run(step.Name, func(t *testing.T) {
			if err := step.Do(ctx, env); err != nil {
				t.Error(err)
			}
		}) {
			continue
		}
		want = append(want, step.Want...)
	}
	t.Run("findings", func(t *testing.T) { v.wantFindings(ctx, t, want) })
	t.Run("counts", func(t *testing.T) { v.wantCounts(ctx, t) })
	t.Run("latency", func(t *testing.T) { want = append(want, v.measureLatency(ctx, t, env)...) })
	t.Run("findings at the end", func(t *testing.T) { v.wantFindings(ctx, t, want) })
	t.Run("rule pack", func(t *testing.T) { v.wantPack(ctx, t) })
	t.Run("sequence", func(t *testing.T) { v.wantSequence(ctx, t) })
	t.Run("AWS command line", func(t *testing.T) { v.readWithCLI(ctx, t) })
	t.Run("scan agrees", func(t *testing.T) { v.scanAgrees(ctx, t, c.AuditLog()) })
	t.Run("runtime", func(t *testing.T) { v.playRuntime(ctx, t, env, dir, outer) })
}

// deadline is the test's time as a context, with a minute left to clean up.
func deadline(t *testing.T) context.Context {
	d, ok := t.Deadline()
	if !ok {
		d = time.Now().Add(time.Hour)
	}
	ctx, cancel := context.WithDeadlineCause(context.Background(), d.Add(-time.Minute), errors.New("the test's time is up"))
	t.Cleanup(cancel)
	return ctx
}

// workDir is a folder with a short path, since sockets in it must fit the
// kernel's limit. VEDETTE_E2E_KEEP names one that outlives the test.
func workDir(t *testing.T) string {
	dir := os.Getenv("VEDETTE_E2E_KEEP")
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "ve2e"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
