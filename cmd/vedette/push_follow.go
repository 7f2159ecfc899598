package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/push"
)

// followLogs sends logs as they grow, until the context ends.
func (f *pushFlags) followLogs(ctx context.Context, s streams, kind event.Source, paths []string) (err error) {
	if f.cluster == "" && kind == "" {
		return errors.New("--follow: name the cluster of audit records with --cluster, or what else the files are with --source")
	}
	for i, p := range paths {
		if st, err := os.Stat(p); p == "-" || err == nil && !st.Mode().IsRegular() {
			return fmt.Errorf("--follow %s: name a log file; what is no file does not grow", p)
		}
		if paths[i], err = filepath.Abs(p); err != nil {
			return err
		}
	}
	log := logger(s.err, f.level)
	unlock, err := awaitFolder(ctx, f.dataDir, "serve.lock", "`vedette push --follow` or server", log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	log.Info("following", "server", f.url, "files", paths, "cluster", f.cluster, "positions", f.dataDir, "version", version())
	watch := &push.Watch{}
	if f.metrics != "" {
		end, fault := servePushMetrics(ctx, f.metrics, watch, log)
		if fault != nil {
			return fault
		}
		defer func() { err = errors.Join(err, end()) }()
	}
	start := time.Now()
	sum, err := push.Follow(ctx, push.FollowOptions{
		Options: push.Options{URL: f.to, Server: f.server, Cluster: f.cluster, Log: log},
		Paths:   paths, Source: kind, Format: f.format, Dir: f.dataDir, Watch: watch,
	})
	sum.Seconds = float64(time.Since(start).Milliseconds()) / 1000
	log.Info("stopped")
	if err != nil {
		return err
	}
	return jsonTo(s.err, sum, "")
}
