package journal_test

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/vedette-project/vedette/internal/journal"
)

// rss is what the process has in memory, in KiB; 0 where that is not known.
func rss() int {
	b, _ := os.ReadFile("/proc/self/status") // only on Linux
	for line := range bytes.Lines(b) {
		if f := bytes.Fields(line); len(f) > 1 && string(f[0]) == "VmRSS:" {
			n, _ := strconv.Atoi(string(f[1]))
			return n
		}
	}
	return 0
}

// TestCost says what an embedded journal costs. It asserts only what would be a
// leak.
func TestCost(t *testing.T) {
	measure := func(what string) (goroutines int) {
		runtime.GC()
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		t.Logf("%-30s rss %6d KiB, heap %6d KiB, %3d goroutines", what, rss(), m.HeapAlloc>>10, runtime.NumGoroutine())
		return runtime.NumGoroutine()
	}
	before := measure("before")
	j := embedded(t, t.TempDir(), func(o *journal.Options) { o.Shards, o.MaxBytes = 8, 8<<30 })
	measure("open, 8 shards")
	data := noise(128 << 10)
	var readers []*journal.Reader
	for shard := range 8 {
		r := j.Read(shard, 0)
		readers = append(readers, r)
		for range 100 {
			if _, err := j.Append(t.Context(), shard, "", data); err != nil {
				t.Fatal(err)
			}
		}
	}
	measure("800 messages of 128 KiB wait")
	for shard, r := range readers {
		for range 100 {
			next(t, r)
		}
		j.Trim(shard, 100)
	}
	measure("they are read")
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := measure("closed"); after > before+10 {
		buf := make([]byte, 1<<20)
		t.Errorf("goroutines stay:\n%s", buf[:runtime.Stack(buf, true)])
	}
}
