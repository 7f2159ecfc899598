package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// durable is a sink whose effects and cursors survive the follower.
type durable struct {
	mu      sync.Mutex
	text    strings.Builder
	cursors map[string][]byte
	fail    int // this many appends fail first
}

func (d *durable) Append(_ context.Context, p *Push) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail > 0 {
		d.fail--
		return errors.Join(ErrFull, errors.New("later"))
	}
	d.text.Write(p.Chunk.Data)
	d.cursors[p.Cursor.Name] = p.Cursor.Data
	return nil
}

func (d *durable) cursor(_ context.Context, name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cursors[name], nil
}

func (d *durable) got() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// run follows path until the returned function is called.
func (d *durable) run(t *testing.T, path string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Follow(ctx, FollowOptions{
			Path: path, Scope: event.Scope{Cluster: "c"}, Sink: d, Cursor: d.cursor, Now: time.Now,
			Log: slog.New(slog.DiscardHandler), Poll: 5 * time.Millisecond,
		})
	}()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func (d *durable) wait(t *testing.T, want string) {
	t.Helper()
	for range 1000 {
		if d.got() == want {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("got %q, want %q", d.got(), want)
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	d := &durable{cursors: map[string][]byte{}}
	stop := d.run(t, path) // the file comes later
	appendTo(t, path, "one\ntwo\nhal")
	d.wait(t, "one\ntwo\n") // an incomplete line waits
	appendTo(t, path, "f\n")
	d.wait(t, "one\ntwo\nhalf\n")

	rotate := func(n int) {
		if err := os.Rename(path, fmt.Sprintf("%s.%d", path, n)); err != nil {
			t.Fatal(err)
		}
	}
	appendTo(t, path, "last of one, no line end")
	rotate(1)
	appendTo(t, path, "first of two\n")
	want := "one\ntwo\nhalf\nlast of one, no line endfirst of two\n"
	d.wait(t, want)
	stop()

	// What was written while nobody followed is read: to the file that was
	// rotated away meanwhile, and to the new one.
	appendTo(t, path, "while away\n")
	rotate(2)
	appendTo(t, path, "after\n")
	stop = d.run(t, path)
	want += "while away\nafter\n"
	d.wait(t, want)
	stop()
	stop = d.run(t, path) // nothing twice
	time.Sleep(30 * time.Millisecond)
	d.wait(t, want)

	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Millisecond)
	appendTo(t, path, "anew\n")
	d.wait(t, want+"anew\n")
	stop()
}

// TestFollowKeepsTrying: records that were not taken are offered again.
func TestFollowKeepsTrying(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	d := &durable{cursors: map[string][]byte{}, fail: 2}
	appendTo(t, path, "a\nb\n")
	stop := d.run(t, path)
	defer stop()
	d.wait(t, "a\nb\n")
}

// TestFollowAnotherFile: a file that only has the name, or the inode, of the
// one followed before is read from its start.
func TestFollowAnotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	d := &durable{cursors: map[string][]byte{}}
	appendTo(t, path, "old one\n")
	stop := d.run(t, path)
	d.wait(t, "old one\n")
	stop()
	if err := os.WriteFile(path, []byte("new ONE, longer than before\n"), 0o600); err != nil { // same inode
		t.Fatal(err)
	}
	stop = d.run(t, path)
	defer stop()
	d.wait(t, "old one\nnew ONE, longer than before\n")
}

// TestFollowManyRotations: a log that was rotated several times while nobody
// followed it is read whole, in order, whatever the rotation calls its files.
func TestFollowManyRotations(t *testing.T) {
	for name, rotated := range map[string]func(path string, n int) string{
		"logrotate": func(path string, n int) string { return fmt.Sprintf("%s.%d", path, 9-n) },
		"API server": func(path string, n int) string {
			return fmt.Sprintf("%s-2026-01-02T03-04-0%d.000.log", strings.TrimSuffix(path, ".log"), n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.log")
			d := &durable{cursors: map[string][]byte{}}
			appendTo(t, filepath.Join(filepath.Dir(path), "audit-other.log"), "not ours\n")
			appendTo(t, path, "0\n")
			stop := d.run(t, path)
			d.wait(t, "0\n")
			stop()
			want := "0\n"
			for n := range 4 {
				if err := os.Rename(path, rotated(path, n)); err != nil {
					t.Fatal(err)
				}
				at := time.Now().Add(time.Duration(n-10) * time.Second) // apart even where the clock is coarse
				if err := os.Chtimes(rotated(path, n), at, at); err != nil {
					t.Fatal(err)
				}
				if n == 2 { // the file that was being read is gone by now
					if err := os.Remove(rotated(path, 0)); err != nil {
						t.Fatal(err)
					}
				}
				line := fmt.Sprintf("%d\n", n+1)
				appendTo(t, path, line)
				want += line
			}
			// The position was stored while the first file was new.
			var pos position
			if err := json.Unmarshal(d.cursors["follow:"+path], &pos); err != nil {
				t.Fatal(err)
			}
			pos.Modified = time.Now().Add(-10 * time.Second).UnixNano()
			d.cursors["follow:"+path], _ = json.Marshal(pos)
			stop = d.run(t, path)
			defer stop()
			d.wait(t, want)
		})
	}
}

// TestFollowFormat: lines of a flow log keep the names of their fields, however
// long ago those were read.
func TestFollowFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flow.log")
	if err := os.WriteFile(path, []byte("version account-id srcaddr\n2 111122223333 10.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sink := newJournalSink()
	follow := func(n int) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- Follow(ctx, FollowOptions{Path: path, Source: event.VPCFlow, Sink: sink, Cursor: sink.stored, Now: time.Now, Log: slog.New(slog.DiscardHandler), Poll: 5 * time.Millisecond})
		}()
		eventually(t, "the log is read", func() bool { return len(sink.counts()) == n })
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	follow(2)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("2 111122223333 10.0.0.2\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	follow(3)
	for _, c := range sink.chunks {
		if c.Format != "version account-id srcaddr" || c.Source != event.VPCFlow {
			t.Errorf("%+v", c)
		}
	}
}

// TestFollowFormatOnce: the head of a file is read once, and again when the
// file is another one or begins anew.
func TestFollowFormatOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flow.log")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("srcaddr dstaddr start\n10.0.0.1 10.0.0.2 1\n10.0.0.1 10.0.0.2 2\n")
	sink := newJournalSink()
	f := &follower{name: "f", FollowOptions: FollowOptions{Path: path, Source: event.VPCFlow, Sink: sink, Now: time.Now, Log: testLog(t)}}
	defer f.close()
	last := func(want string) {
		t.Helper()
		if err := f.round(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := sink.chunks[len(sink.chunks)-1].Format; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	last("srcaddr dstaddr start")
	w, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteAt([]byte("dstaddr srcaddr"), 0); err != nil { // nobody does so; it shows who reads it again
		t.Fatal(err)
	}
	if _, err := w.WriteAt([]byte("10.0.0.1 10.0.0.2 3\n"), f.pos.Offset); err != nil {
		t.Fatal(err)
	}
	last("srcaddr dstaddr start")
	if err := w.Truncate(0); err != nil {
		t.Fatal(err)
	}
	write("dstaddr srcaddr end\n10.0.0.1 10.0.0.2 4\n")
	last("dstaddr srcaddr end")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write("srcaddr dstaddr end\n10.0.0.1 10.0.0.2 5\n")
	if err := f.round(t.Context()); err != nil { // the old one is at its end
		t.Fatal(err)
	}
	last("srcaddr dstaddr end")
	if n := len(sink.counts()); n != 8 {
		t.Errorf("%d lines", n)
	}
}
