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
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor"
	"github.com/vedette-project/vedette/internal/sensor/container"
	"github.com/vedette-project/vedette/internal/sensor/deliver"
)

// sensorFlags are what the sensor of a node is told.
type sensorFlags struct {
	to      sensorServer
	dataDir string
	spool   string
	stdout  bool
	only    int
	kinds   []string
	memory  string
	cpu     string
	hashes  string
	level   string
	format  string
	opts    sensor.Options
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
	f.register(cmd)
	return cmd
}

func (f *sensorFlags) register(cmd *cobra.Command) {
	p := cmd.Flags()
	p.StringVar(&f.to.url, "server", "", "URL of the Vedette server")
	p.StringVar(&f.to.token, "token-file", "", "file with the token of an access key of role ingest; it is read again when it changes")
	p.StringVar(&f.to.ca, "ca-file", "", "file with the authority of the server's certificate, PEM; it is read again when it changes")
	p.StringVar(&f.to.cert, "cert-file", "", "file with a client certificate, in place of a token, PEM")
	p.StringVar(&f.to.key, "key-file", "", "file with its key, PEM")
	p.BoolVar(&f.stdout, "stdout", false, "print the records as JSON lines")
	p.StringVar(&f.opts.Cluster, "cluster", "", "name of the cluster that the node is in")
	p.StringVar(&f.opts.Node, "node", os.Getenv("NODE_NAME"), "name of the node (default: $NODE_NAME, or the host's name)")
	p.StringVar(&f.dataDir, "data-dir", "vedette-sensor", "folder in which records wait while the server is away")
	p.StringVar(&f.spool, "max-spool", "256Mi", "how much may wait there, compressed; the oldest makes room")
	p.StringVar(&f.opts.HostRoot, "host-root", "/", "where the node's root folder is mounted")
	p.StringSliceVar(&f.opts.Containers.StateDirs, "runtime-state", nil, "more folders of the node in which a containerd keeps its state, as its config.toml says, beside the usual ones")
	p.StringSliceVar(&f.opts.Containers.BuildImages, "build-image", nil, "more repositories of images that build images, such as your own copy of Kaniko: what their builds do is no finding")
	p.BoolVar(&f.opts.NoMetadata, "no-metadata", false, "do not ask EC2's metadata service which instance this is")
	p.StringVar(&f.cpu, "cpu-limit", "200m", "how much of a CPU the sensor may use; above it the least important kinds are left out, and counted")
	p.StringVar(&f.memory, "memory-limit", "200Mi", "how much memory it may use")
	p.StringVar(&f.hashes, "hash-limit", "16Mi", "how many bytes of programs are read in a second for their SHA-256")
	p.StringSliceVar(&f.kinds, "kind", nil, "kinds of records, such as exec,connect (default: all that detection uses)")
	p.StringSliceVar(&f.opts.InContainers, "container", nil, "ids of the containers whose records are wanted (default: all, and the node's own)")
	p.IntVar(&f.only, "pid", 0, "look at this process and what it starts alone")
	p.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	p.StringVar(&f.format, "log-format", "text", "text, or json")
}

func (f *sensorFlags) run(ctx context.Context, s streams) error {
	if f.format != "text" && f.format != "json" {
		return fmt.Errorf("--log-format %q is not known; use text or json", f.format)
	}
	log := logOf(s.err, config.Log{Level: f.level, Format: f.format})
	if err := f.finish(log); err != nil {
		return err
	}
	if err := sensor.DropBefore(); err != nil {
		log.Warn("more rights than are needed are kept", "err", err)
	}
	if f.stdout {
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

// finish checks the flags and completes what the sensor is told.
func (f *sensorFlags) finish(log *slog.Logger) (err error) {
	o := &f.opts
	o.Version, o.Log, o.Session = version(), log, strings.ToLower(rand.Text())
	if f.stdout == (f.to.url != "") {
		return errors.New("name the server with --server, or print the records with --stdout")
	}
	if o.Cluster != "" && !config.ValidCluster(o.Cluster) {
		return fmt.Errorf("--cluster %q is not a cluster name: letters, digits, dots, dashes and underscores", o.Cluster)
	}
	if o.CPU, err = cores(f.cpu); err != nil {
		return fmt.Errorf("--cpu-limit %w", err)
	}
	if o.Memory, err = byteSize(f.memory); err != nil {
		return fmt.Errorf("--memory-limit %w", err)
	}
	if o.HashRate, err = byteSize(f.hashes); err != nil {
		return fmt.Errorf("--hash-limit %w", err)
	}
	if f.only < 0 {
		return fmt.Errorf("--pid %d is no process", f.only)
	}
	if f.only > 0 {
		o.Kernel.Only = []uint32{uint32(f.only)}
	}
	for _, dir := range o.Containers.StateDirs {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("--runtime-state %q is no folder of the node; write the state folder of containerd, such as /run/containerd", dir)
		}
	}
	for _, k := range f.kinds {
		o.Kinds = append(o.Kinds, event.RuntimeKind(k))
	}
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
func (f *sensorFlags) deliver(ctx context.Context, log *slog.Logger) error {
	limit, err := byteSize(f.spool)
	if err != nil {
		return fmt.Errorf("--max-spool %w", err)
	}
	o, err := f.to.options()
	if err != nil {
		return err
	}
	o.Dir, o.MaxSpool, o.Version, o.Now, o.Log = filepath.Join(f.dataDir, "spool"), limit, f.opts.Version, time.Now, log
	session, before, err := deliver.OpenSession(f.dataDir, f.opts.Session)
	if err != nil {
		return err
	}
	defer session.Close()
	if before != nil {
		f.opts.Before = &event.Session{ID: before.ID, Sequence: before.Sequence, Last: before.Last}
	}
	queue, err := deliver.Open(o)
	if err != nil {
		return err
	}
	f.opts.Discarded = func() int64 { return queue.Stats().Discarded }
	sn, err := f.watch()
	if err != nil {
		return err
	}
	log.Info("watching", "server", f.to.url, "cluster", f.opts.Cluster, "version", f.opts.Version)
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

// cores reads a number of CPUs as Kubernetes writes it: 0.2 or 200m.
func cores(s string) (float64, error) {
	milli := 1.0
	digits, ok := strings.CutSuffix(s, "m")
	if ok {
		milli = 1000
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(n > 0) || n > 1e6 {
		return 0, fmt.Errorf("%q is not a number of CPUs, such as 200m or 0.2", s)
	}
	return n / milli, nil
}

// byteSize reads a number of bytes as Kubernetes writes it: 200Mi.
func byteSize(s string) (int64, error) {
	digits, shift := s, 0
	for i, unit := range []string{"Ki", "Mi", "Gi", "Ti"} {
		if d, ok := strings.CutSuffix(s, unit); ok {
			digits, shift = d, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > 1<<62>>shift {
		return 0, fmt.Errorf("%q is not a size, such as 256Mi", s)
	}
	return n << shift, nil
}
