package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	repository = "https://github.com/vedette-project/vedette"
	module     = "github.com/vedette-project/vedette"
)

// source is the checkout that a release is made of.
type source struct {
	dir    string
	commit string
	date   time.Time // of the commit; the time of everything that is made
	tags   []string  // of the commit
	dirty  []string  // files that differ from the commit
}

// openSource looks at a checkout; dir is its root.
func openSource(ctx context.Context, dir string) (*source, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if b, err := os.ReadFile(filepath.Join(dir, "go.mod")); err != nil || !strings.HasPrefix(string(b), "module "+module+"\n") {
		return nil, fmt.Errorf("-source %s is not the root of a checkout of %s", dir, module)
	}
	s := &source{dir: dir}
	commit, err := s.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return nil, fmt.Errorf("%s has no commit; a release is made of a git checkout: %w", dir, err)
	}
	date, err := s.git(ctx, "show", "-s", "--format=%ct", "HEAD")
	if err != nil {
		return nil, err
	}
	var seconds int64
	if _, err := fmt.Sscan(date, &seconds); err != nil {
		return nil, fmt.Errorf("the date of %s: %w", commit, err)
	}
	tags, err := s.git(ctx, "tag", "--points-at", "HEAD")
	if err != nil {
		return nil, err
	}
	// As the Go command asks, so that both agree on what a clean tree is.
	changes, err := s.git(ctx, "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	s.commit, s.date, s.tags = strings.TrimSpace(commit), time.Unix(seconds, 0).UTC(), strings.Fields(tags)
	for line := range strings.Lines(changes) {
		s.dirty = append(s.dirty, strings.TrimSpace(line[2:]))
	}
	return s, nil
}

// file is a file of the checkout.
func (s *source) file(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name)))
}

func (s *source) tagged(version string) bool { return slices.Contains(s.tags, version) }

func (s *source) git(ctx context.Context, args ...string) (string, error) {
	return s.output(ctx, nil, "git", args...)
}

// output runs a program in the checkout.
func (s *source) output(ctx context.Context, env []string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), env...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.String(), nil
}
