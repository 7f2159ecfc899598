package ingest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// TestFolder reads every file that appears, when it is complete, once.
func TestFolder(t *testing.T) {
	dir, sink := t.TempDir(), newJournalSink()
	now := time.Unix(1000, 0)
	reader := func() *folderReader {
		return &folderReader{files: map[string]*folderFile{}, FolderOptions: FolderOptions{
			Path: dir, Scope: event.Scope{Account: "1", Region: "r"}, Source: event.VPCFlow, Format: "version", Sink: sink,
			Marks: NewMarks(sink.stored, sink.settle, false), Pool: NewPool(2), MaxBytes: 1 << 20, Now: func() time.Time { return now }, Sleep: shortly, Log: testLog(t),
		}}
	}
	write := func(name string, data []byte) {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := reader()
	round := func() {
		t.Helper()
		now = now.Add(600 * time.Millisecond)
		if err := r.round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := logLines("a", 10), logLines("b", 10), logLines("c", 10)
	write("a.log", a[:100])
	write("deep/er/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/01/31/b.gz", zip(b))
	write(".hidden.gz.part", c)
	write("broken.gz", zip(c)[:30])
	round()
	write("a.log", a) // it still grows
	round()
	if n := len(sink.counts()); n != 0 {
		t.Errorf("%d records of files that are not complete", n)
	}
	for range 4 {
		round()
	}
	want := append(bytes.Clone(a), b...)
	counts := sink.counts()
	for _, wrong := range once(counts, want) {
		t.Log(wrong)
	}
	if n := len(once(counts, want)); n > 1 { // the torn record of the broken file
		t.Errorf("%d records are wrong", n)
	}
	if s := sink.chunks[0]; s.Scope != (event.Scope{Account: "111122223333", Region: "eu-west-1"}) && sink.chunks[1].Scope.Account != "111122223333" || s.Source != event.VPCFlow || s.Format != "version" {
		t.Errorf("%+v", s)
	}
	sink.count = map[string]int{}
	write("broken.gz", zip(c))
	r = reader() // another process
	for range 4 {
		round()
	}
	if wrong := once(sink.counts(), c); len(wrong) > 0 {
		t.Errorf("%v", wrong)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := ReadFolder(ctx, r.FolderOptions); err != nil {
		t.Error(err)
	}
	if wrong := once(sink.counts(), c); len(wrong) > 0 {
		t.Errorf("%v", wrong)
	}
}
