package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/traffic"
)

// settle is how long the cluster gets between the stage being set and the
// first recorded event, so that everything that setting it made is running.
const settle = 45 * time.Second

// benign records an ordinary day. The setting of the stage is left out: there
// an administrator does make privileged workloads.
func benign(ctx context.Context, c *cluster.Cluster, o options) error {
	o.traffic.Log = os.Stderr
	w, err := traffic.New(ctx, c, o.traffic)
	if err != nil {
		return err
	}
	nodes, cancel := context.WithCancel(ctx)
	wg := w.StartNodes(nodes)
	defer wg.Wait()
	defer cancel()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(settle):
	}
	info, err := os.Stat(c.AuditLog())
	if err != nil {
		return fmt.Errorf("measure the audit log: %w", err)
	}
	w.Run(ctx)
	return copyFile(c.AuditLog(), filepath.Join(o.out, "benign.log"), info.Size())
}
