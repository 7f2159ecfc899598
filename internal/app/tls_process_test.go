package app

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/testbed"
)

// TestFirstStartsAtOnce: two processes of the real binary, each with its own
// data directory, meet an empty database at the same moment. Both serve, and
// who trusts the authority that a third prints trusts both.
func TestFirstStartsAtOnce(t *testing.T) {
	t.Parallel()
	database, dir, binary := testbed.Postgres(t).URL("vedette"), t.TempDir(), vedetteBinary(t)
	if err := os.Mkdir(filepath.Join(dir, "first"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := access.OpenSealer(filepath.Join(dir, "first")); err != nil {
		t.Fatal(err)
	}
	settings := func(name string) string {
		path := filepath.Join(dir, name+".yaml")
		text := fmt.Sprintf("server: {listen: \"127.0.0.1:0\", metricsListen: \"\", name: %s, sealingKeyFile: %s, tls: {auto: true}}\n"+
			"store: {dataDir: %s, postgres: {url: %q}}\nintelligence: {feeds: {enabled: false}}\n",
			name, filepath.Join(dir, "first", access.KeyFileName), filepath.Join(dir, name), database)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	addresses := make(chan string, 2)
	for _, name := range []string{"one", "two"} {
		serveBinary(t, binary, settings(name), addresses)
	}
	var addrs []string
	for range 2 {
		select {
		case addr := <-addresses:
			addrs = append(addrs, addr)
		case <-time.After(2 * time.Minute):
			t.Fatal("the servers do not start")
		}
	}
	pem, err := exec.CommandContext(t.Context(), binary, "kube", "ca", "--config", settings("three")).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		if _, err := handshake(t, addr, pem, "localhost", time.Now); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

var servingAt = regexp.MustCompile(`msg=serving addr=(\S+)`)

// serveBinary starts a server, which says where it serves, and ends with the test.
func serveBinary(t *testing.T, binary, settings string, addresses chan<- string) {
	t.Helper()
	cmd := exec.Command(binary, "serve", "--config", settings)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if m := servingAt.FindStringSubmatch(lines.Text()); m != nil {
				addresses <- m[1]
			} else if strings.Contains(lines.Text(), "level=ERROR") || strings.HasPrefix(lines.Text(), "vedette: ") {
				fmt.Fprintln(t.Output(), lines.Text())
			}
		}
		_ = cmd.Wait() // it is killed
	}()
}
