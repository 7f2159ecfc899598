package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/scenario"
)

// played is one line of attacks-steps.jsonl: which step ran when, and what
// must come of it.
type played struct {
	Step  string          `json:"step"`
	Start time.Time       `json:"start"`
	End   time.Time       `json:"end"`
	Want  []scenario.Want `json:"want"`
	Error string          `json:"error,omitempty"`
}

// attacks plays every step. A step that fails is reported and does not end
// the recording.
func attacks(ctx context.Context, c *cluster.Cluster, o options) error {
	env, err := scenario.NewEnv(ctx, c)
	if err != nil {
		return err
	}
	steps, err := os.Create(filepath.Join(o.out, "attacks-steps.jsonl"))
	if err != nil {
		return fmt.Errorf("write the list of steps: %w", err)
	}
	defer steps.Close()
	enc := json.NewEncoder(steps)
	failed := 0
	for _, s := range append(scenario.All(), scenario.Undecided()...) {
		p := played{Step: s.Name, Start: time.Now().UTC(), Want: s.Want}
		if err := s.Do(ctx, env); err != nil {
			failed++
			p.Error = err.Error()
		}
		p.End = time.Now().UTC()
		if err := enc.Encode(p); err != nil {
			return fmt.Errorf("write the list of steps: %w", err)
		}
		fmt.Fprintf(os.Stderr, "%6.1f s  %s %s\n", p.End.Sub(p.Start).Seconds(), s.Name, p.Error)
	}
	if failed > 0 {
		fmt.Fprintf(os.Stderr, "%d steps failed\n", failed)
	}
	time.Sleep(2 * time.Second)
	return copyFile(c.AuditLog(), filepath.Join(o.out, "attacks.log"), 0)
}
