// Command record plays scenarios or benign traffic on a cluster of its own and
// keeps the audit log.
//
//	go run ./cmd/record -out DIR attacks
//	go run ./cmd/record -out DIR -duration 18m benign
//
// It needs root on Linux; see the README beside go.mod.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/vedette-project/vedette/e2e/build"
	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/need"
	"github.com/vedette-project/vedette/e2e/sandbox"
	"github.com/vedette-project/vedette/e2e/traffic"
)

func main() { os.Exit(run(os.Args[1:])) }

type options struct {
	out     string
	what    string
	traffic traffic.Options
}

func run(args []string) int {
	var o options
	fs := flag.NewFlagSet("record", flag.ContinueOnError)
	fs.StringVar(&o.out, "out", ".", "folder for the logs")
	fs.DurationVar(&o.traffic.Duration, "duration", 18*time.Minute, "how long benign traffic lasts")
	fs.IntVar(&o.traffic.Nodes, "nodes", 60, "simulated nodes")
	fs.Float64Var(&o.traffic.Pace, "pace", 1, "how much busier than normal everyone is")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	o.what = fs.Arg(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, o.traffic.Duration+time.Hour, errors.New("the recording took too long"))
	defer cancel()
	if err := record(ctx, o, args); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		return 1
	}
	return 0
}

func record(ctx context.Context, o options, args []string) error {
	if sandbox.Inside() {
		return inside(ctx, o)
	}
	if err := need.Check(need.Cluster()...); err != nil {
		return err
	}
	module, err := build.ModuleDir(ctx)
	if err != nil {
		return err
	}
	// Built out here, where there is a network.
	bin, err := build.Kubernetes(ctx, module, os.Stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ve2e")
	if err != nil {
		return fmt.Errorf("make a work folder: %w", err)
	}
	defer os.RemoveAll(dir)
	return sandbox.Run(ctx, args, []string{"VEDETTE_E2E_DIR=" + dir, "VEDETTE_E2E_BIN=" + bin.Dir, "VEDETTE_E2E_K8S=" + bin.Version})
}

func inside(ctx context.Context, o options) error {
	if err := sandbox.Setup(); err != nil {
		return err
	}
	dir := os.Getenv("VEDETTE_E2E_DIR")
	sink, err := startSink(filepath.Join(dir, "webhook.jsonl"))
	if err != nil {
		return err
	}
	defer sink.close()
	c, err := cluster.Start(ctx, cluster.Options{
		Dir: dir, Log: os.Stderr, AuditWebhook: sink.kubeconfig,
		Bin: build.Binaries{Dir: os.Getenv("VEDETTE_E2E_BIN"), Version: os.Getenv("VEDETTE_E2E_K8S")},
	})
	if err != nil {
		return err
	}
	defer c.Stop()
	switch o.what {
	case "attacks":
		err = attacks(ctx, c, o)
	case "benign":
		err = benign(ctx, c, o)
	default:
		return fmt.Errorf("record what? %q is neither attacks nor benign", o.what)
	}
	if err != nil {
		return err
	}
	// The file and the webhook are written behind the answers.
	time.Sleep(2 * time.Second)
	if o.what == "attacks" {
		return copyFile(sink.path, filepath.Join(o.out, "attacks-webhook.jsonl"), 0)
	}
	return nil
}

// copyFile copies what lies behind offset.
func copyFile(from, to string, offset int64) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("read a log: %w", err)
	}
	defer in.Close()
	if _, err := in.Seek(offset, io.SeekStart); err != nil {
		return fmt.Errorf("read a log: %w", err)
	}
	out, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("write a log: %w", err)
	}
	r := bufio.NewReader(in)
	if offset > 0 { // the first line may be cut
		_, err = r.ReadString('\n')
	}
	if err == nil {
		_, err = io.Copy(out, r)
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copy a log: %w", err)
	}
	return nil
}
