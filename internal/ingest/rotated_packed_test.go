package ingest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gzipped(t *testing.T, text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, text string) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(text), nil)
}

// TestFollowCompressed: logs that are compressed as they are rotated, while
// nobody follows, while the sink takes nothing, or under the follower's eyes, are
// read from where it was, in order; what it has read it does not read again.
func TestFollowCompressed(t *testing.T) {
	for ext, pack := range map[string]func(*testing.T, string) []byte{".gz": gzipped, ".zst": zstded} {
		t.Run(ext, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.log")
			name := func(n int) string {
				return fmt.Sprintf("%s-2026-01-02T03-04-0%d.000.log", strings.TrimSuffix(path, ".log"), n)
			}
			d := &durable{cursors: map[string][]byte{}}
			want := ""
			write := func(lines ...string) {
				for _, l := range lines {
					appendTo(t, path, l+"\n")
					want += l + "\n"
				}
				time.Sleep(3 * time.Millisecond) // so that the files are apart in time
			}
			rotate := func(n int) {
				if err := os.Rename(path, name(n)); err != nil {
					t.Fatal(err)
				}
			}
			compress := func(n int) {
				text, err := os.ReadFile(name(n))
				if err != nil {
					t.Fatal(err)
				}
				packed := pack(t, string(text))
				for _, part := range [][]byte{nil, packed[:3], packed[:len(packed)/2], packed} { // it takes its time
					if err := os.WriteFile(name(n)+ext, part, 0o600); err != nil {
						t.Fatal(err)
					}
					time.Sleep(12 * time.Millisecond)
				}
				if err := os.Remove(name(n)); err != nil {
					t.Fatal(err)
				}
			}
			write("0", "1")
			stop := d.run(t, path)
			d.wait(t, want)
			stop()
			// Nobody follows: the file that was being read is compressed, and others.
			write("2", "3")
			rotate(0)
			compress(0)
			write("4")
			rotate(1)
			compress(1)
			write("5")
			stop = d.run(t, path)
			d.wait(t, want)
			// Under its eyes: it holds the file, or has gone on to the next one.
			rotate(2)
			write("6")
			d.wait(t, want)
			compress(2)
			write("7")
			d.wait(t, want)
			// Behind a sink that takes nothing, and over a restart.
			d.mu.Lock()
			d.fail = 1 << 30
			d.mu.Unlock()
			write("8")
			rotate(3)
			write("9")
			rotate(4)
			compress(3)
			compress(4)
			write("10")
			stop()
			d.mu.Lock()
			d.fail = 0
			d.mu.Unlock()
			stop = d.run(t, path)
			d.wait(t, want)
			stop()
			stop = d.run(t, path)
			time.Sleep(50 * time.Millisecond)
			d.wait(t, want)
			stop()
		})
	}
}

// TestFollowDamaged: what was compressed long ago and has no end is read as far
// as it goes, and those behind it are, too.
func TestFollowDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	d := &durable{cursors: map[string][]byte{}}
	appendTo(t, path, "0\n")
	stop := d.run(t, path)
	d.wait(t, "0\n")
	stop()
	long := strings.Repeat("a line of a log\n", 100_000)
	packed := gzipped(t, "0\n"+long)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".1.gz", packed[:len(packed)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path + ".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, "the next\n")
	stop = d.run(t, path)
	defer func() { stop() }()
	time.Sleep(50 * time.Millisecond)
	d.wait(t, "0\n") // it may be at work still
	stop()           // before the file looks older than what was read
	at := time.Now().Add(-2 * unfinishedFor)
	if err := os.Chtimes(path+".1.gz", at, at); err != nil {
		t.Fatal(err)
	}
	if cursor := string(d.cursors["follow:"+path]); !strings.Contains(cursor, `"modified":`) {
		t.Fatal(cursor)
	} else { // the log was read some time ago
		i := strings.Index(cursor, `"modified":`)
		d.cursors["follow:"+path] = fmt.Appendf(nil, `%s"modified":%d}`, cursor[:i], at.Add(-time.Second).UnixNano())
	}
	stop = d.run(t, path)
	for range 1000 {
		if got := d.got(); strings.HasPrefix(got, "0\na line of a log\n") && strings.HasSuffix(got, "the next\n") && !strings.HasPrefix(got, "0\n0\n") {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%d bytes: %.40q", len(d.got()), d.got())
}
