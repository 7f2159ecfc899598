//go:build unix

package main

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/dirlock"
)

// TestAwaitFolder: a sensor lets the one before it end, and says what is in the
// way when that does not.
func TestAwaitFolder(t *testing.T) {
	dir := t.TempDir()
	held, err := dirlock.Take(dir, "sensor.lock")
	if err != nil {
		t.Fatal(err)
	}
	hurried, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	_, err = awaitFolder(hurried, dir, "sensor.lock", "sensor", logger)
	if err == nil {
		t.Fatal("two work in one folder")
	}
	wantText(t, "the error", err.Error(), "another sensor is at work in "+dir)
	wantText(t, "the log", log.String(), "waiting for it to end\" dir="+dir+" for=20s")
	time.AfterFunc(300*time.Millisecond, func() {
		if err := held(); err != nil {
			t.Error(err)
		}
	})
	unlock, err := awaitFolder(t.Context(), dir, "sensor.lock", "sensor", logger)
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
