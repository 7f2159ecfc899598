//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell is one bash in which lines are typed one after the other, so that what
// a line exports or starts in the background is there for the next. What was
// typed and what came of it is kept in transcript.txt.
type shell struct {
	in   io.Writer
	out  chan string
	file *os.File
	n    int
}

// startShell starts bash in the folder dir, with env added.
func startShell(t *testing.T, dir string, env ...string) *shell {
	t.Helper()
	cmd := exec.Command("bash", "--norc", "--noprofile")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	file, err := os.Create(filepath.Join(dir, "transcript.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	s := &shell{in: in, out: make(chan string, 10000), file: file}
	go func() {
		defer close(s.out)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			s.out <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // with what it left in the background
		_ = cmd.Wait()
		file.Close()
	})
	return s
}

// run types a line and wants it to succeed.
func (s *shell) run(ctx context.Context, t *testing.T, line string) string {
	t.Helper()
	out, code := s.try(ctx, t, line)
	if code != "0" {
		t.Fatalf("$ %s\n%s\nexit status %s", line, out, code)
	}
	return out
}

// try types a line and waits until it is over.
func (s *shell) try(ctx context.Context, t *testing.T, line string) (out, code string) {
	t.Helper()
	s.n++
	mark := fmt.Sprintf("--- end of line %d: ", s.n)
	fmt.Fprintf(s.file, "$ %s\n", line)
	// The last line of what is printed may lack its end.
	if _, err := fmt.Fprintf(s.in, "%s\n{ s=$?; echo; echo \"%s$s\"; }\n", line, mark); err != nil {
		t.Fatalf("$ %s: %v", line, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	var b strings.Builder
	for {
		select {
		case text, ok := <-s.out:
			if !ok {
				t.Fatalf("$ %s: the shell is gone:\n%s", line, b.String())
			}
			if status, found := strings.CutPrefix(text, mark); found {
				out := strings.TrimSuffix(b.String(), "\n")
				fmt.Fprintf(s.file, "%s\n", out)
				return out, status
			}
			// What a forwarded port tells of each connection may come at any time.
			if !strings.HasPrefix(text, "Handling connection for") && !strings.HasPrefix(text, "Forwarding from") {
				b.WriteString(text + "\n")
			}
		case <-ctx.Done():
			t.Fatalf("$ %s: not over in time:\n%s", line, b.String())
		}
	}
}
