package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/vedette-project/vedette/e2e/identity"
)

// Kubectl runs kubectl as one actor.
type Kubectl struct {
	path   string
	config string
	env    []string
}

// Result is what one kubectl call did. A non-zero exit is not an error of the
// harness: being refused is often the point.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Kubectl returns a kubectl that calls as the actor and from its address.
func (c *Cluster) Kubectl(a identity.Actor) (*Kubectl, error) {
	server := c.Server()
	if a.IP != "" {
		d, err := c.dialer(a.IP)
		if err != nil {
			return nil, err
		}
		local, err := c.fwd.open(a.IP, d)
		if err != nil {
			return nil, err
		}
		server = "https://" + local
	}
	name := strings.NewReplacer("/", "_", ":", "_").Replace("user-" + a.Role + "-" + a.Session + "-" + a.Username)
	if err := c.writeKubeconfig(name, server, "token: "+a.Token()); err != nil {
		return nil, err
	}
	// One discovery cache for each server address would be written anew for
	// each actor; a home of its own keeps them apart as on real machines.
	home := c.path("home", name)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("make a home for kubectl: %w", err)
	}
	return &Kubectl{path: c.opts.Bin.Path("kubectl"), config: c.kubeconfig(name), env: []string{"HOME=" + home}}, nil
}

// With returns the same kubectl with more environment.
func (k *Kubectl) With(env ...string) *Kubectl {
	return &Kubectl{path: k.path, config: k.config, env: append(append([]string{}, k.env...), env...)}
}

// Environ is what makes another kubectl the same actor.
func (k *Kubectl) Environ() []string { return append([]string{"KUBECONFIG=" + k.config}, k.env...) }

// Do runs kubectl with stdin and returns its outcome; the error is only for a
// kubectl that could not run or took too long.
func (k *Kubectl) Do(ctx context.Context, stdin string, args ...string) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, k.path, args...)
	cmd.Env = append(os.Environ(), k.Environ()...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && ctx.Err() == nil {
		err = nil
	}
	if err != nil {
		return r, fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, r.Stderr)
	}
	return r, nil
}

// Run runs kubectl and wants it to succeed.
func (k *Kubectl) Run(ctx context.Context, args ...string) error { return k.Apply(ctx, "", args...) }

// Apply runs kubectl with stdin and wants it to succeed.
func (k *Kubectl) Apply(ctx context.Context, stdin string, args ...string) error {
	r, err := k.Do(ctx, stdin, args...)
	if err != nil {
		return err
	}
	if r.Code != 0 {
		return fmt.Errorf("kubectl %s: exit %d: %s", strings.Join(args, " "), r.Code, strings.TrimSpace(r.Stderr))
	}
	return nil
}

// Briefly runs kubectl for a moment and then ends it, for calls that stay
// open, such as attach.
func (k *Kubectl) Briefly(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if _, err := k.Do(ctx, "", args...); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}
