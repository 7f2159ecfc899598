package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// TestPushKilled follows a log with `vedette push --follow` and kills it, the
// server, or both, again and again, while the log is written, rotated and compressed, the
// server is away through several rotations and the token is revoked. In the
// end the findings are those of a scan of the files, and each line counts once.
func TestPushKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it kills processes for about ten seconds")
	}
	t.Parallel()
	s := newKilled(t)
	settings := fmt.Sprintf("account: \"111122223333\"\nregion: eu-central-1\nserver: {listen: %q, metricsListen: %q}\nstore: {dataDir: %q}\n"+
		"intelligence: {feeds: {enabled: false}}\ningest: {requireToken: always}\n", s.addr, s.metrics, s.dir)
	if err := os.WriteFile(s.settings, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &pusher{t: t, killed: s, token: filepath.Join(t.TempDir(), "token"), dir: filepath.Join(t.TempDir(), "push")}
	id := p.newToken()
	log := newRotated(t, s.log)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { log.run(done) })
	quiet := sync.OnceFunc(func() { close(done); wg.Wait() })
	defer quiet()
	some := func() { time.Sleep(time.Duration(100+rand.IntN(400)) * time.Millisecond) } // the random moment is the test
	p.start()                                                                           // before the server
	some()
	s.start()
	for i := range kills {
		until(t, "the log is read", func() bool { return log.isRead(s) })
		some()
		switch i % 4 {
		case 0:
			p.kill()
			log.rotate() // it was read
			some()
			p.start()
		case 1:
			s.kill()
			for range 3 { // away for long: the pusher holds the first of these files, and finds the others
				some()
				log.rotate()
			}
			log.compress(log.rotations - 1)
			log.compress(log.rotations)
			s.start()
		case 2:
			s.kill()
			p.kill()
			some()
			p.start()
			some()
			s.start()
		case 3:
			p.run("keys", "revoke", id, "--config", s.settings)
			some()
			log.rotate()
			some()
			id = p.newToken()
		}
	}
	some()
	quiet()
	until(t, "the log is read to its end", func() bool { return s.newest() >= log.newest() })
	until(t, "the position is that of the end", func() bool { return p.atEnd(s.log) })
	p.stop()
	s.stop()
	p.compare(filepath.Dir(s.log), int64(log.lines))
	t.Logf("%d kills, %d rotations, %d lines", kills, log.rotations, log.lines)
}

// compress compresses the n-th rotated file, as log rotation does.
func (r *rotated) compress(n int) {
	r.t.Helper()
	name := fmt.Sprintf("%s.%d", r.path, n)
	text, err := os.ReadFile(name)
	if err != nil {
		r.t.Fatal(err)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err = w.Write(text)
	err = errors.Join(err, w.Close(), os.WriteFile(name+".gz", b.Bytes()[:b.Len()/2], 0o600))
	time.Sleep(20 * time.Millisecond) // it takes its time
	if err := errors.Join(err, os.WriteFile(name+".gz", b.Bytes(), 0o600), os.Remove(name)); err != nil {
		r.t.Fatal(err)
	}
}

// pusher is a `vedette push --follow` that is killed and started again.
type pusher struct {
	*killed
	t          *testing.T
	token, dir string
	cmd        *exec.Cmd
	said       bytes.Buffer
}

// run runs a command of the binary.
func (p *pusher) run(args ...string) string {
	p.t.Helper()
	out, err := exec.CommandContext(p.t.Context(), p.binary, args...).Output()
	if err != nil {
		p.t.Fatalf("%q: %v", args, err)
	}
	return string(out)
}

// newToken makes a key and puts its token where the pusher reads it.
func (p *pusher) newToken() (id string) {
	p.t.Helper()
	for line := range strings.Lines(p.run("keys", "create", "--role", "ingest", "--config", p.settings, "-o", "env")) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "export AWS_ACCESS_KEY_ID="); ok {
			id = v
		}
		if v, ok := strings.CutPrefix(line, "export VEDETTE_INGEST_TOKEN="); ok {
			if err := os.WriteFile(p.token+".new", []byte(v+"\n"), 0o600); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	if err := os.Rename(p.token+".new", p.token); err != nil || id == "" {
		p.t.Fatal(id, err)
	}
	return id
}

func (p *pusher) start() {
	p.t.Helper()
	p.said.Reset()
	p.cmd = exec.Command(p.binary, "push", "--server", "http://"+p.addr, "--token-file", p.token, "--cluster", "followed", "--follow", "--data-dir", p.dir, p.log)
	p.cmd.Stderr = &p.said
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	process := p.cmd.Process
	p.t.Cleanup(func() { _ = process.Kill() }) // an error says that it ended before
}

func (p *pusher) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatalf("it ended before it was killed: %v\n%s", err, &p.said)
	}
	_ = p.cmd.Wait() // it was killed
}

func (p *pusher) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("it did not end well: %v\n%s", err, &p.said)
	}
	lines := strings.Split(strings.TrimSpace(p.said.String()), "\n")
	var sum struct{ Records, Sent, Refused, Unsent, Bodies int64 }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sum); err != nil || sum.Sent != sum.Records || sum.Sent == 0 || sum.Refused+sum.Unsent != 0 {
		p.t.Errorf("%+v, %v\n%s", sum, err, &p.said)
	}
}

// atEnd reports whether the position is the end of the log.
func (p *pusher) atEnd(path string) bool {
	b, err := os.ReadFile(filepath.Join(p.dir, "positions.json"))
	if err != nil {
		return false
	}
	var all map[string]struct{ Offset int64 }
	st, statErr := os.Stat(path)
	return json.Unmarshal(b, &all) == nil && statErr == nil && all["follow:"+path].Offset == st.Size()
}

// compare looks into the store that the killed servers left, and returns how
// many lines came twice.
func (p *pusher) compare(logs string, lines int64) (again int64) {
	p.t.Helper()
	c := configOf(p.t, p.settings)
	st, err := store.Open(context.Background(), StoreFile(p.killed.dir), store.Options{Now: time.Now})
	if err != nil {
		p.t.Fatal(err)
	}
	defer st.Close()
	detect, err := DetectOptions(c)
	if err != nil {
		p.t.Fatal(err)
	}
	scanned, err := Scan(p.t.Context(), ScanOptions{
		Paths: []string{logs}, Scope: event.Scope{Account: c.Account, Region: c.Region, Cluster: "followed"},
		Detect: detect, Sequences: SequenceOptions(c), Noise: NoiseLimits(c), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if d := cmp.Diff(jsonl(p.t, scanned.Findings), jsonl(p.t, stored(p.t, &App{Options: Options{Config: c}, keys: &Keys{store: st}}))); d != "" {
		p.t.Errorf("scanned, and stored:\n%.4000s", d)
	}
	got := ledger(p.t, st)
	again = got["duplicate/seen_before"]
	delete(got, "duplicate/seen_before")
	if d := cmp.Diff(map[string]int64{"received": lines + again, "evaluated": lines}, got); d != "" {
		p.t.Errorf("%d lines, %d records came twice:\n%s", lines, again, d)
	}
	if n := scanned.Ledger.Outcomes[event.Evaluated]; n != lines {
		p.t.Errorf("%d lines, of which a scan has %d", lines, n)
	}
	p.t.Logf("%d findings; %d records came twice", len(scanned.Findings), again)
	return again
}
