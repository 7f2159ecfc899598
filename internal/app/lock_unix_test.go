//go:build unix

package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/dirlock"
)

// TestSuccessorWaits: a server whose data directory is in use lets the other
// one end, and does not wait for ever.
func TestSuccessorWaits(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Account, c.Region = "111122223333", "eu-central-1"
	c.Server.Listen, c.Server.MetricsListen = "127.0.0.1:0", "127.0.0.1:0"
	c.Store.DataDir = t.TempDir()
	c.Intelligence.Feeds.Enabled = false
	serve := func(ctx context.Context) (*App, error) {
		return Start(ctx, Options{Config: c, Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Version: "test", Role: "all"})
	}
	first, err := serve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hurried, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if a, err := serve(hurried); !errors.Is(err, dirlock.ErrHeld) {
		t.Errorf("beside another server: %v, %v", a, err)
	}

	type result struct {
		app *App
		err error
	}
	done := make(chan result, 1)
	go func() {
		a, err := serve(t.Context())
		done <- result{a, err}
	}()
	select {
	case r := <-done:
		t.Errorf("it began beside the other: %v", r.err)
		done <- r
	case <-time.After(time.Second):
	}
	if err := first.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	second := <-done
	if second.err != nil {
		t.Fatal(second.err)
	}
	if err := second.app.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}
