package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// warmUp learns from old logs before the scan. A file that is scanned as well
// is left to the scan: what is new in it would not be new any more.
func (s *scanner) warmUp(ctx context.Context, scanned []string) error {
	if len(s.o.Warmup) == 0 {
		return nil
	}
	paths, err := expand(s.o.Warmup)
	if err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	taken := map[string]bool{}
	for _, p := range scanned {
		taken[place(p)] = true
	}
	if taken["-"] && slices.Contains(paths, "-") {
		return errors.New("standard input can be read once: to learn from, or to scan")
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return taken[place(p)] })
	s.result.Warmup = &WarmupResult{}
	return s.pass(ctx, paths, true)
}

// place is where a path leads, however it is written.
func place(path string) string {
	if path == "-" {
		return path
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}
