package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor"
	"github.com/vedette-project/vedette/internal/sensor/container"
	"github.com/vedette-project/vedette/internal/sensor/deliver"
	"github.com/vedette-project/vedette/internal/sensor/setting"
)

// sensorFlags are what the sensor of a node is told, and what it is made of that.
type sensorFlags struct {
	setting.Flags
	opts  sensor.Options
	spool int64
}

func sensorCommand(s streams) *cobra.Command {
	var f sensorFlags
	cmd := &cobra.Command{
		Use:   "sensor",
		Short: "Tell what processes on this node do, by eBPF",
		Long: `Runs the runtime sensor of one node: eBPF programs that see what processes and
containers do, without kprobes, so that it works on kernels in lockdown. The
records go to a Vedette server; with --stdout they are printed as JSON lines,
which ` + "`vedette scan --source runtime -`" + ` reads.

Needs Linux 5.8 or newer with BTF, and root or the capabilities BPF, PERFMON,
NET_ADMIN, SYS_PTRACE and DAC_READ_SEARCH. It gives up the rest of root's, and
the first three once it watches. ` + "`vedette kube sensor`" + ` prints what
runs it on every node of a cluster. While the server is away records wait in
--data-dir.`,
		Example: `  vedette sensor --stdout --pid $$
  vedette sensor --server https://vedette.internal:8700 --cluster prod --token-file token --ca-file ca.pem`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s) },
	}
	f.Register(cmd)
	return cmd
}

func (f *sensorFlags) run(ctx context.Context, s streams) error {
	log := logOf(s.err, config.Log{Level: f.LogLevel, Format: f.LogFormat})
	if err := f.finish(log); err != nil {
		return err
	}
	if err := sensor.DropBefore(); err != nil {
		log.Warn("more rights than are needed are kept", "err", err)
	}
	if f.Stdout {
		return f.print(ctx, s)
	}
	return f.deliver(ctx, log)
}

// watch makes the sensor, and gives up what it took to make it.
func (f *sensorFlags) watch() (*sensor.Sensor, error) {
	sn, err := sensor.New(f.opts)
	if err != nil {
		return nil, err
	}
	if err := sn.DropAfter(); err != nil {
		f.opts.Log.Warn("more rights than are needed are kept", "err", err)
	}
	return sn, nil
}

// finish checks the flags and makes of them what the sensor is told.
func (f *sensorFlags) finish(log *slog.Logger) error {
	v, err := f.Read()
	switch {
	case err != nil:
		return err
	case f.Stdout == (f.Server != ""):
		return errors.New("name the server with --server, or print the records with --stdout")
	case f.Cluster != "" && !config.ValidCluster(f.Cluster):
		return fmt.Errorf("--cluster %q is not a cluster name: letters, digits, dots, dashes and underscores", f.Cluster)
	}
	f.spool = v.Spool
	o := &f.opts
	o.Version, o.Log, o.Session = version(), log, strings.ToLower(rand.Text())
	o.Cluster, o.Node, o.HostRoot, o.NoMetadata = f.Cluster, f.Node, f.HostRoot, f.NoMetadata
	o.CPU, o.Memory, o.HashRate, o.Kinds, o.InContainers = v.CPU, v.Memory, v.HashRate, v.Kinds, f.Containers
	o.Containers.StateDirs, o.Containers.BuildImages = f.StateDirs, f.Builders
	o.Kernel.Only = v.Only
	if api, ok := container.InCluster(o.Node, os.Getenv); ok && o.Node != "" {
		o.API = &api
	}
	return nil
}

// print writes the records to standard output.
func (f *sensorFlags) print(ctx context.Context, s streams) error {
	sn, err := f.watch()
	if err != nil {
		return err
	}
	w := bufio.NewWriter(s.out)
	err = sn.Run(ctx, func(line []byte, _ *event.Runtime) error {
		_, _ = w.Write(line)
		_ = w.WriteByte('\n')
		return w.Flush() // somebody may be watching
	})
	return errors.Join(err, w.Flush())
}

// grace is how long the end of a sensor waits for the server.
const grace = 10 * time.Second

// deliver sends the records to the server.
func (f *sensorFlags) deliver(ctx context.Context, log *slog.Logger) (err error) {
	u, err := pushURL(f.Server)
	if err != nil {
		return err
	}
	if err := f.Uplink.Check(); err != nil {
		return err
	}
	f.Uplink.Agent = "vedette-sensor/" + f.opts.Version
	unlock, err := awaitFolder(ctx, f.DataDir, "sensor.lock", "sensor", log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	session, before, err := deliver.OpenSession(f.DataDir, f.opts.Session)
	if err != nil {
		return err
	}
	defer session.Close()
	if before != nil {
		f.opts.Before = &event.Session{ID: before.ID, Sequence: before.Sequence, Last: before.Last}
	}
	queue, err := deliver.Open(deliver.Options{
		URL: u.JoinPath("ingest", "runtime"), Server: f.Uplink, Dir: filepath.Join(f.DataDir, "spool"), MaxSpool: f.spool, Now: time.Now, Log: log,
	})
	if err != nil {
		return err
	}
	f.opts.Discarded = func() int64 { return queue.Stats().Discarded }
	sn, err := f.watch()
	if err != nil {
		return err
	}
	log.Info("watching", "server", f.Server, "cluster", f.opts.Cluster, "version", f.opts.Version)
	// The queue ends after the sensor: its last record says that it ends.
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	sent := make(chan error, 1)
	go func() {
		err := queue.Run(sending, grace)
		stop()
		sent <- err
	}()
	watching, end := context.WithCancel(ctx)
	defer end()
	context.AfterFunc(sending, end)
	err = sn.Run(watching, func(line []byte, r *event.Runtime) error {
		session.Mark(r.Sensor.Sequence, r.Time)
		queue.Add(line)
		return nil
	})
	stop()
	err = errors.Join(err, <-sent)
	st := queue.Stats()
	log.Info("stopped", "sent", st.Sent, "waiting", st.Waiting, "discarded", st.Discarded)
	return err
}
