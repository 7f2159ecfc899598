package app

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// kills is how often TestKilled kills the server, at moments that differ from
// run to run.
const kills = 12

// TestKilled runs the real binary, pushes to it, lets it follow a log that is
// written and rotated, and kills it again and again. In the end every record
// that was acknowledged or written is counted, once.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it kills a server for about ten seconds")
	}
	t.Parallel()
	s := newKilled(t)
	s.start()
	done := make(chan struct{})
	var wg sync.WaitGroup
	senders := make([]*sender, 6)
	for i := range senders {
		senders[i] = &sender{t: t, user: fmt.Sprintf("mallory%d", i), url: "http://" + s.addr + "/ingest/k8s-audit/" + []string{"prod", "test"}[i%2]}
		wg.Go(func() { senders[i].run(done) })
	}
	log := newRotated(t, s.log)
	wg.Go(func() { log.run(done) })
	quiet := sync.OnceFunc(func() { close(done); wg.Wait() })
	defer quiet()
	rotatedWhileDown := 0
	for i := range kills {
		if i%4 == 1 { // so that some rotations are sure to happen
			until(t, "the followed log is read", func() bool { return log.isRead(s) })
		}
		time.Sleep(time.Duration(100+rand.IntN(600)) * time.Millisecond) // the random moment is the test
		if i%4 != 1 && rand.IntN(3) == 0 && log.isRead(s) {
			log.rotate()
		}
		read := log.isRead(s)
		s.kill()
		if read { // else it would be rotated twice before it is read
			log.rotate()
			rotatedWhileDown++
		}
		s.start()
	}
	quiet()
	until(t, "the followed log is read to its end", func() bool { return s.newest() >= log.newest() })
	s.stop()

	want := map[string]int64{"writer": int64(log.attacks)}
	for _, x := range senders {
		want[x.user] = x.attacks
		if x.attacks < 20 {
			t.Errorf("only %d attacks of %s; the test says little", x.attacks, x.user)
		}
	}
	if rotatedWhileDown == 0 || log.rotations < 3 {
		t.Errorf("%d rotations, %d while the server was down; the test says little", log.rotations, rotatedWhileDown)
	}
	s.compare(want, int64(log.lines))
	t.Logf("%d kills, %d rotations (%d while down), %d lines followed, attacks %v", kills, log.rotations, rotatedWhileDown, log.lines, want)
}

// TestSequencesOfKilled kills the server while the steps of attacks come, one
// after the other. In the end the sequences, and all that belongs to them, are
// those of a scan.
func TestSequencesOfKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it kills a server for about ten seconds")
	}
	t.Parallel()
	pieces, scanned := attacksInPieces(t)
	s := newKilled(t)
	s.start()
	var wg sync.WaitGroup
	sent := make(chan struct{})
	wg.Go(func() {
		defer close(sent)
		client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		for _, p := range pieces {
			for tries := 0; ; tries++ {
				res, err := client.Post("http://"+s.addr+p.path, "application/json", strings.NewReader(p.body+"\n"))
				if err == nil {
					res.Body.Close()
					if res.StatusCode == http.StatusOK {
						break
					}
				}
				if tries > 2000 {
					t.Errorf("gave up pushing to %s", p.path)
					return
				}
				time.Sleep(10 * time.Millisecond) // nobody is there, or it was told to come again
			}
			time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // so that kills fall between
		}
	})
	defer wg.Wait()
	n := 0
	for done := false; !done; n++ {
		time.Sleep(time.Duration(100+rand.IntN(400)) * time.Millisecond) // the random moment is the test
		select {
		case <-sent:
			done = true
		default:
		}
		s.kill()
		s.start()
	}
	st, err := store.Open(context.Background(), StoreFile(s.dir), store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	app := &App{Options: Options{Config: configOf(t, s.settings)}, keys: &Keys{store: st}}
	want := jsonl(t, scanned.Findings)
	until(t, "all steps were looked at, and the findings are those of a scan", func() bool {
		mark, told, err := app.sequenceMarks(t.Context())
		return err == nil && mark > 0 && mark == told && len(stored(t, app)) >= len(scanned.Findings)
	})
	s.stop()
	if d := cmp.Diff(want, jsonl(t, stored(t, app))); d != "" {
		t.Errorf("scanned, and stored after %d kills:\n%.4000s", n, d)
	}
	if n < 4 {
		t.Errorf("%d kills; the test says little", n)
	}
	t.Logf("%d kills while %d records came", n, len(pieces))
}

// killed is a server that is killed and started again.
type killed struct {
	t                       *testing.T
	binary, dir, log        string
	addr, metrics, settings string
	cmd                     *exec.Cmd
	ended                   chan error
}

func newKilled(t *testing.T) *killed {
	t.Helper()
	dir := t.TempDir()
	s := &killed{
		t: t, binary: vedetteBinary(t), dir: filepath.Join(dir, "data"), log: filepath.Join(dir, "audit", "audit.log"),
		addr: testbed.FreeAddr(t), metrics: testbed.FreeAddr(t), settings: filepath.Join(dir, "vedette.yaml"),
	}
	settings := fmt.Sprintf("account: \"111122223333\"\nregion: eu-central-1\nserver: {listen: %q, metricsListen: %q}\nstore: {dataDir: %q}\n"+
		"intelligence: {feeds: {enabled: false}}\ningest: {follow: [{path: %q, cluster: followed}]}\n", s.addr, s.metrics, s.dir, s.log)
	if err := os.WriteFile(s.settings, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Dir(s.log), 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *killed) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.binary, "serve", "--config", s.settings)
	s.cmd.Stderr = s.t.Output()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, ended := s.cmd, make(chan error, 1)
	s.ended = ended
	go func() { ended <- cmd.Wait() }()
	s.t.Cleanup(func() { _ = cmd.Process.Kill() }) // an error says that it ended before
	until(s.t, "the server is ready", func() bool {
		res, err := http.Get("http://" + s.metrics + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

func (s *killed) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatalf("it ended before it was killed: %v", err)
	}
	<-s.ended
}

func (s *killed) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	if err := <-s.ended; err != nil {
		s.t.Errorf("the server did not end well: %v", err)
	}
}

// newest is the number of the newest line of the followed log that was judged
// since the start, -1 if none was.
func (s *killed) newest() int {
	res, err := http.Get("http://" + s.metrics + "/metrics")
	if err != nil {
		return -1
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		return -1
	}
	last, ok := samples(s.t, string(page))[`vedette_detect_last_event_timestamp_seconds{cluster="followed",source="k8s-audit"}`]
	if !ok {
		return -1
	}
	return int(last) - int(begin.Unix())
}

// compare looks into the store that the killed servers left.
func (s *killed) compare(want map[string]int64, lines int64) {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), s.binary, "doctor", "--config", s.settings).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "intact") {
		s.t.Errorf("doctor: %v\n%s", err, out)
	}
	st, err := store.Open(context.Background(), StoreFile(s.dir), store.Options{Now: time.Now})
	if err != nil {
		s.t.Fatal(err)
	}
	defer st.Close()
	app := &App{Options: Options{Config: configOf(s.t, s.settings)}, keys: &Keys{store: st}}
	if d := cmp.Diff(want, counts(stored(s.t, app))); d != "" {
		s.t.Errorf("attacks that were made, and those counted:\n%s", d)
	}
	rows, err := st.Ledger(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	balance := map[string]int64{}
	for _, r := range rows {
		switch event.Outcome(r.Outcome) {
		case event.Received:
			balance[r.Cluster] += r.Count
		case event.Evaluated, event.Duplicate, event.Malformed, event.Dropped:
			balance[r.Cluster] -= r.Count
		}
		switch {
		case r.Cluster != "followed" && r.Outcome != string(event.Malformed) && r.Outcome != string(event.Dropped):
		case r.Cluster == "followed" && (r.Outcome == string(event.Evaluated) || r.Outcome == string(event.Received)):
			if r.Count != lines {
				s.t.Errorf("%d lines were judged, %d were written", r.Count, lines)
			}
		default:
			s.t.Errorf("%d records of %s are %s (%s)", r.Count, r.Cluster, r.Outcome, r.Reason)
		}
	}
	for cluster, rest := range balance {
		if rest != 0 {
			s.t.Errorf("of cluster %s %d records were received and not accounted for", cluster, rest)
		}
	}
}
