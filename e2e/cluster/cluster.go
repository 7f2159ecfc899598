// Package cluster starts a Kubernetes cluster for a test: etcd, the control
// plane of the pinned version with an audit policy like that of EKS, and on
// request one node with a kubelet and containerd that runs pods.
//
// It must run inside a sandbox, which is why every port is fixed.
package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/vedette-project/vedette/e2e/build"
	"github.com/vedette-project/vedette/e2e/identity"
	"github.com/vedette-project/vedette/e2e/images"
	"github.com/vedette-project/vedette/e2e/pki"
	"github.com/vedette-project/vedette/e2e/proc"
	"github.com/vedette-project/vedette/e2e/sandbox"
)

//go:embed audit-policy.yaml
var auditPolicy []byte

// The fixed places inside the sandbox.
const (
	apiAddr      = sandbox.NodeIP + ":6443"
	etcdAddr     = "127.0.0.1:2379"
	etcdPeerAddr = "127.0.0.1:2380"
	hookAddr     = "127.0.0.1:9443"
	registryAddr = "127.0.0.1:5000"

	// NodeName is the name of the node that really runs pods.
	NodeName = "ip-10-77-0-1.ec2.internal"
)

// Options says what cluster to start.
type Options struct {
	Dir           string         // an empty folder for everything; keep its path short
	Bin           build.Binaries // the Kubernetes programs
	AuditWebhook  string         // kubeconfig of the audit webhook; empty for none
	WithoutNode   bool           // leave kubelet and containerd out
	AuditLogMaxMB int            // when the audit log rotates; 0 means never in practice
	Services      *Services      // nil for a cluster whose services have no addresses

	// WebhookBackoff is how long the API server waits before it sends a batch
	// again the first time; 0 is its own ten seconds.
	WebhookBackoff time.Duration
	Log            io.Writer // progress
}

// Cluster is a running cluster.
type Cluster struct {
	opts  Options
	ca    *pki.Authority
	group proc.Group

	apiserver *proc.Process
	servers   []*http.Server
	fwd       *forwarders
}

// Start starts a cluster and returns when it can run pods. The context bounds
// the start only. A cluster that fails to start is stopped again.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	if !sandbox.Inside() {
		return nil, errors.New("start a cluster: not inside a sandbox")
	}
	c := &Cluster{opts: opts, fwd: &forwarders{}}
	begin := time.Now()
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"files", c.prepare},
		{"etcd", c.startEtcd},
		{"kube-apiserver", c.startAPIServer},
		{"kube-controller-manager", c.startControllerManager},
		{"kube-scheduler", c.startScheduler},
		{"node", c.startNode},
		{"service accounts", c.waitServiceAccounts},
		{"services", c.startServices},
	}
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			c.Stop()
			return nil, fmt.Errorf("start the cluster: %s: %w", s.name, err)
		}
		fmt.Fprintf(opts.Log, "cluster: %s ready after %.1f s\n", s.name, time.Since(begin).Seconds())
	}
	return c, nil
}

// Stop ends everything that Start started.
func (c *Cluster) Stop() {
	c.fwd.close()
	c.group.Stop(10 * time.Second)
	for _, s := range c.servers {
		_ = s.Close()
	}
}

// AuditLog is the path of the audit log file.
func (c *Cluster) AuditLog() string { return filepath.Join(c.opts.Dir, "audit", "audit.log") }

// Dir is the cluster's folder.
func (c *Cluster) Dir() string { return c.opts.Dir }

// prepare makes the folders, the certificates and the small servers that the
// components call.
func (c *Cluster) prepare(context.Context) error {
	for _, d := range []string{"pki", "kubeconfig", "audit", "logs", "home"} {
		if err := os.MkdirAll(filepath.Join(c.opts.Dir, d), 0o700); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
	}
	if err := c.makeCertificates(); err != nil {
		return err
	}
	if err := os.WriteFile(c.path("audit-policy.yaml"), auditPolicy, 0o600); err != nil {
		return fmt.Errorf("write the audit policy: %w", err)
	}
	if err := c.serve(hookAddr, identity.Hook()); err != nil {
		return err
	}
	if c.opts.WithoutNode {
		return nil
	}
	var named map[string]*images.Image
	if c.opts.Services != nil {
		named = c.opts.Services.Images
	}
	registry, err := images.Registry("/bin/busybox", named)
	if err != nil {
		return err
	}
	return c.serve(registryAddr, registry)
}

func (c *Cluster) serve(addr string, h http.Handler) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for the cluster's components: %w", err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	c.servers = append(c.servers, s)
	go func() { _ = s.Serve(l) }()
	return nil
}

func (c *Cluster) path(elem ...string) string {
	return filepath.Join(append([]string{c.opts.Dir}, elem...)...)
}

// run starts one component as part of the cluster.
func (c *Cluster) run(name, path string, args ...string) (*proc.Process, error) {
	return c.group.Start(proc.Spec{
		Name: name, Path: path, Args: args, LogDir: c.path("logs"),
		Env: []string{"HOME=" + c.path("home")},
	})
}

// within bounds one step of the start, so that an error names the step.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("waited %s", d))
}
