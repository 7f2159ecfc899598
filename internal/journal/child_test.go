package journal

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

const childEnv = "VEDETTE_JOURNAL_CHILD"

func childOptions(dir string) Options {
	return Options{Dir: dir, Shards: 2, MaxBytes: 8 << 30}
}

// childData is what the child appends as the nth message of a life.
func childData(life, n int) []byte {
	r := rand.New(rand.NewPCG(uint64(life), uint64(n)))
	return bytes.Repeat(fmt.Appendf(nil, "%d/%d;", life, n), 1+r.IntN(20000))
}

// child appends for ever and says what was acknowledged: shard, position, life
// and number. It trims too.
func child() {
	life, _ := strconv.Atoi(os.Getenv("VEDETTE_JOURNAL_LIFE"))
	j, err := Open(context.Background(), childOptions(os.Getenv(childEnv)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	done := make(chan error)
	for shard := range 2 {
		go func() {
			for n := 0; ; n++ {
				p, err := j.Append(context.Background(), shard, fmt.Sprintf("%d/%d/%d", shard, life, n), childData(life, n))
				if err != nil {
					done <- err
					return
				}
				fmt.Printf("%d %d %d %d\n", shard, p, life, n)
				switch {
				case shard == 0 && n%50 == 49:
					j.Trim(shard, p-30)
				case shard == 1 && n%100 == 99:
					j.Trim(shard, p) // everything
					time.Sleep(1200 * time.Millisecond)
				}
			}
		}()
	}
	fmt.Fprintln(os.Stderr, <-done)
	os.Exit(1)
}

type acknowledged struct{ life, n int }

// TestKill kills a process that appends, several times, and looks whether what
// it was told is there.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	lives := 6
	if testing.Short() {
		lives = 2
	}
	acked := [2]map[uint64]acknowledged{{}, {}}
	var ids [2]string
	for life := range lives {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+dir, "VEDETTE_JOURNAL_LIFE="+strconv.Itoa(life))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		count := 0
		for lines := bufio.NewScanner(out); lines.Scan(); count++ {
			if count == 0 {
				time.AfterFunc(time.Duration(300+rand.IntN(1500))*time.Millisecond, func() { _ = cmd.Process.Kill() })
			}
			var shard int
			var p uint64
			var a acknowledged
			if n, _ := fmt.Sscan(lines.Text(), &shard, &p, &a.life, &a.n); n == 4 && strings.Count(lines.Text(), " ") == 3 {
				acked[shard][p] = a
			}
		}
		_ = cmd.Wait() // it was killed
		if stderr.Len() > 0 || count == 0 {
			t.Fatalf("%d messages; %s", count, stderr.String())
		}
		check(t, dir, acked, &ids)
		t.Logf("life %d: %d messages", life, count)
	}
}

// check reads all that is there.
func check(t *testing.T, dir string, acked [2]map[uint64]acknowledged, ids *[2]string) {
	t.Helper()
	j, err := Open(t.Context(), childOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close(context.Background())
	for shard := range 2 {
		s, err := j.State(t.Context(), shard)
		if err != nil {
			t.Fatal(err)
		}
		if ids[shard] != "" && s.ID != ids[shard] {
			t.Fatalf("shard %d has a new identity", shard)
		}
		ids[shard] = s.ID
		var last uint64
		for p := range acked[shard] {
			last = max(last, p)
		}
		if s.Last < last || s.First > last || s.Messages != s.Last-s.First+1 {
			t.Fatalf("shard %d: %+v, acknowledged %d", shard, s, last)
		}
		r := j.Read(shard, s.First-1)
		for p := s.First; p <= s.Last; p++ {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			m, err := r.Next(ctx)
			cancel()
			if err != nil || m.Position != p || m.Missing != 0 {
				t.Fatalf("%d: %d %d %v", p, m.Position, m.Missing, err)
			}
			if a, ok := acked[shard][p]; ok && !bytes.Equal(m.Data, childData(a.life, a.n)) {
				t.Fatalf("shard %d position %d is not what was acknowledged", shard, p)
			}
		}
		r.Close()
	}
}
