// Package traffic makes a cluster as busy as a normal one: nodes that come and
// go, controllers and operators at work, people with kubectl, pipelines, a
// GitOps controller, load balancers that ask for health, and logins that
// fail. Nothing in it is an attack.
//
// It is the source of the benign audit log, and of load.
package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/identity"
)

// Options says how much traffic.
type Options struct {
	Duration time.Duration
	Nodes    int       // simulated nodes, beside the real one
	Pace     float64   // 1 is normal; 2 makes everyone twice as busy
	Log      io.Writer // progress
}

// World is a cluster with its inhabitants.
type World struct {
	c       *cluster.Cluster
	opts    Options
	admin   kubernetes.Interface
	tokens  map[string]string // of service accounts, by NAMESPACE/NAME
	teams   []string          // namespaces of the product teams
	mu      sync.Mutex        // guards the two counters
	done    map[string]int    // actions by kind
	failed  map[string]int    // of them those that got an error
	lastErr map[string]string
}

// New sets the stage: namespaces, roles, system workloads, applications and
// nodes. What it does is part of the audit log, so the log of ordinary days
// starts where New ends.
func New(ctx context.Context, c *cluster.Cluster, opts Options) (*World, error) {
	admin, err := c.Client(identity.Admin(), "e2e-setup")
	if err != nil {
		return nil, err
	}
	w := &World{c: c, opts: opts, admin: admin, tokens: map[string]string{}, done: map[string]int{}, failed: map[string]int{}, lastErr: map[string]string{}}
	for i := range 12 {
		w.teams = append(w.teams, fmt.Sprintf("team-%02d", i))
	}
	if err := w.setup(ctx); err != nil {
		return nil, fmt.Errorf("set the stage for traffic: %w", err)
	}
	return w, nil
}

// StartNodes runs the simulated nodes until the context ends.
func (w *World) StartNodes(ctx context.Context) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i := range w.opts.Nodes {
		wg.Go(func() { w.runNode(ctx, i) })
	}
	wg.Go(func() { w.spotNodes(ctx) })
	return &wg
}

// Run lets everyone work for the configured time.
func (w *World) Run(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, w.opts.Duration, errors.New("the working day is over"))
	defer cancel()
	var wg sync.WaitGroup
	for _, group := range []func(context.Context, *sync.WaitGroup){w.people, w.operators, w.gitops, w.pipelines, w.edge} {
		group(ctx, &wg)
	}
	wg.Go(func() { w.report(ctx) })
	wg.Wait()
}

// every calls f with a random pause of the given mean between calls, counted
// under kind, until the context ends.
func (w *World) every(ctx context.Context, wg *sync.WaitGroup, mean time.Duration, seed uint64, kind string, f func(context.Context, *rand.Rand) error) {
	wg.Go(func() {
		rng := rand.New(rand.NewPCG(seed, uint64(len(kind))))
		for {
			// Between half and one and a half times the mean.
			pause := time.Duration(float64(mean) * (0.5 + rng.Float64()) / w.opts.Pace)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			w.count(ctx, kind, f(ctx, rng))
		}
	})
}

func (w *World) count(ctx context.Context, kind string, err error) {
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[kind]++
	if err != nil {
		w.failed[kind]++
		w.lastErr[kind] = err.Error()
	}
}

func (w *World) report(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			w.Summary(w.opts.Log)
			return
		case <-time.After(time.Minute):
			fmt.Fprintf(w.opts.Log, "%s %s\n", time.Now().Format(time.TimeOnly), w.line())
		}
	}
}

func (w *World) line() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	done, failed := 0, 0
	for k := range w.done {
		done, failed = done+w.done[k], failed+w.failed[k]
	}
	return fmt.Sprintf("%d actions, %d with an error", done, failed)
}

// Summary prints what was done, by kind.
func (w *World) Summary(out io.Writer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(w.done)) {
		fmt.Fprintf(out, "%-28s %6d, %d with an error %.150s\n", k, w.done[k], w.failed[k], w.lastErr[k])
	}
}

// pick chooses one.
func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
