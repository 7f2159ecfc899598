package app

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
)

// TestOrderOfBareFlowLogs: files of flow logs without a header tell when they
// begin only by the format that was given.
func TestOrderOfBareFlowLogs(t *testing.T) {
	dir := t.TempDir()
	late, early := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")
	for path, line := range map[string]string{
		late:  "1777636900 10.0.0.1 192.0.2.1 eni-0a1b2c3d4e5f60718 ACCEPT\n",
		early: "1777636800 10.0.0.1 192.0.2.1 eni-0a1b2c3d4e5f60718 ACCEPT\n",
	} {
		if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := &head{kind: event.Chunk{Source: event.VPCFlow, Format: "start srcaddr dstaddr interface-id action"}, pool: ingest.NewPool(2)}
	if got := h.inTimeOrder([]string{late, early}); !slices.Equal(got, []string{early, late}) {
		t.Error(got)
	}
}
