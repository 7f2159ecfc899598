// Metricsdoc writes docs/metrics.md: it starts a server with everything on, asks
// it for its metrics, and adds what the alert rules and the table of labels say.
// It is run in the root of the repository.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
)

// page is the file that is written, from the root.
const page = "docs/metrics.md"

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "metricsdoc:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	text, err := generate(root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, page), text, 0o644)
}

// generate makes the page.
func generate(root string) ([]byte, error) {
	families, err := families()
	if err != nil {
		return nil, err
	}
	alerts, err := alerts(filepath.Join(root, "deploy/alerts/vedette.rules.yaml"))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := write(&out, families, alerts); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// families asks a server that has everything on.
func families() (_ []app.MetricFamily, err error) {
	dir, err := os.MkdirTemp("", "metricsdoc-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := config.Default()
	c.Server.Listen, c.Server.MetricsListen = "127.0.0.1:0", "127.0.0.1:0"
	c.Server.TLS.Auto = true
	c.Store.DataDir = filepath.Join(dir, "data")
	c.Intelligence.Feeds.Enabled = false // it asks nobody outside
	c.Ingest.CanaryEvery = time.Hour
	c.Ingest.Folders = []config.Folder{{Path: dir, Source: "cloudtrail"}}
	c.AWS.Lookup.Accounts = []config.LookupAccount{{Account: c.Account}}
	c.Publish.File = filepath.Join(dir, "events.jsonl")
	c.Traces.Endpoint = "http://127.0.0.1:1"
	a, err := app.Start(context.Background(), app.Options{
		Config: c, Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "doc", Role: "all",
	})
	if err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	defer func() { err = errors.Join(err, a.Stop(context.Background())) }()
	return a.MetricFamilies(), nil
}
