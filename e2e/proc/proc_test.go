package proc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestWaitForTellsHowItDied(t *testing.T) {
	p, err := Start(Spec{Name: "sick", Path: "/bin/sh", Args: []string{"-c", "echo the reason; exit 3"}, LogDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	err = p.WaitFor(t.Context(), "health", func(context.Context) error { return errors.New("not yet") })
	if err == nil || !strings.Contains(err.Error(), "the reason") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error is %v; want the exit status and the log's tail", err)
	}
}

func TestStopEndsTheGroup(t *testing.T) {
	var g Group
	// The shell ignores the polite signal, so it has to be killed.
	p, err := g.Start(Spec{Name: "deaf", Path: "/bin/sh", Args: []string{"-c", "trap '' TERM; while :; do sleep 60; done"}, LogDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	g.Stop(200 * time.Millisecond)
	select {
	case <-p.Done():
	default:
		t.Error("it still runs")
	}
	p.Stop(time.Second) // once more is no harm
}
