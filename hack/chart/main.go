package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "helm":
		helm, err := Helm(ctx, root, os.Stderr)
		if err == nil {
			fmt.Println(helm)
		}
		return err
	case len(args) > 0:
		return fmt.Errorf("%q is not known; write nothing, or helm", args[0])
	}
	made, err := generate(ctx, root)
	if err != nil {
		return err
	}
	for _, f := range made {
		if err := os.WriteFile(filepath.Join(root, f.path), f.text, 0o644); err != nil {
			return err
		}
	}
	// The manifests are rendered from what was just written.
	text, err := manifests(ctx, root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, manifestsPath), text, 0o644)
}

// findRoot is the root of the repository, from the folder of this module.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	root := filepath.Dir(filepath.Dir(dir))
	if _, err := os.Stat(filepath.Join(root, chartPath, "Chart.yaml")); err != nil {
		return "", fmt.Errorf("run it in hack/chart: %w", err)
	}
	return root, nil
}
