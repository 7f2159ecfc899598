package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestBackupUnderLoad makes backups with `vedette backup` beside a server that
// judges what a followed log brings, loses the server and its disk, restores the
// last backup and sends all of the log again: the findings are those of a scan, and
// each line counts once.
func TestBackupUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it runs a server for some seconds")
	}
	t.Parallel()
	s := newKilled(t)
	configure := func(dir string) {
		s.dir = dir
		settings := fmt.Sprintf("account: \"111122223333\"\nregion: eu-central-1\nserver: {listen: %q, metricsListen: %q}\nstore: {dataDir: %q}\n"+
			"intelligence: {feeds: {enabled: false}}\n", s.addr, s.metrics, dir)
		if err := os.WriteFile(s.settings, []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure(s.dir)
	p := &pusher{t: t, killed: s, token: filepath.Join(t.TempDir(), "token"), dir: filepath.Join(t.TempDir(), "push")}
	p.newToken()
	log := newRotated(t, s.log)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { log.run(done) })
	quiet := sync.OnceFunc(func() { close(done); wg.Wait() })
	defer quiet()
	s.start()
	p.start()
	var last string
	judged, beyond := 0, 0 // before the last backup began, and when it was made
	for i := range 4 {
		from := s.newest()
		until(t, "more lines are judged", func() bool { return s.newest() > from+300 && log.isRead(s) })
		log.rotate()
		last = filepath.Join(t.TempDir(), fmt.Sprintf("%d.tar.zst", i))
		judged = s.newest()
		p.run("backup", "--config", s.settings, "--to", last)
		beyond = s.newest()
		p.run("backup", "verify", last)
	}
	until(t, "lines are judged that the backup lacks", func() bool { return s.newest() > beyond+500 })
	quiet()
	until(t, "the log is read to its end", func() bool { return s.newest() >= log.newest() })
	p.stop()
	s.kill()
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}

	restored := filepath.Join(t.TempDir(), "new", "data")
	p.run("restore", last, "--data-dir", restored)
	configure(restored)
	if out := p.run("doctor", "--config", s.settings); !strings.Contains(out, "intact") {
		t.Errorf("doctor says:\n%s", out)
	}
	s.start()
	p.run("push", "--server", "http://"+s.addr, "--token-file", p.token, "--cluster", "followed", filepath.Dir(s.log))
	until(t, "all is judged", func() bool { return s.newest() >= log.newest() })
	s.stop()
	if again := p.compare(filepath.Dir(s.log), int64(log.lines)); again < int64(judged) || again >= int64(log.lines)-300 {
		t.Errorf("of %d lines %d were in the backup; the test says little (%d were judged before it)", log.lines, again, judged)
	}
	if left, err := filepath.Glob(filepath.Join(restored, ".*")); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}
