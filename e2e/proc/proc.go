// Package proc runs the long-lived programs of a test cluster.
//
// Every program gets a process group of its own and a log file, is ended by
// its own PID, and can say how it died: the tail of its log is part of the
// error, because a component that fails at start is otherwise silent.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Spec says what to run.
type Spec struct {
	Name   string   // short name, also that of the log file
	Path   string   // the program
	Args   []string // without the program's name
	Env    []string // added to the caller's environment
	Dir    string   // working folder; empty means the caller's
	LogDir string   // folder for NAME.log
}

// Process is one running program.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed after Wait returned
	err  error         // Wait's result; read only after done is closed
}

// Start runs the program in a process group of its own.
func Start(s Spec) (*Process, error) {
	path := filepath.Join(s.LogDir, s.Name+".log")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", s.Name, err)
	}
	defer f.Close()
	cmd := exec.Command(s.Path, s.Args...)
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.Dir = s.Dir
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	p := &Process{name: s.Name, log: path, cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Name is the name given in Spec.
func (p *Process) Name() string { return p.name }

// Log is the path of the program's log file.
func (p *Process) Log() string { return p.log }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the program's group without a chance to clean up, as a power cut
// would.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// Stop asks the program to end and kills its group when it has not within
// grace. Stopping an ended program is no error.
func (p *Process) Stop(grace time.Duration) {
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
		p.Kill()
	}
}

// Tail returns the last lines of the program's log.
func (p *Process) Tail() string {
	const lines, most = 25, 64 << 10
	b, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	b = b[max(0, len(b)-most):]
	all := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

// WaitFor polls ready until it says yes. It gives up when the context ends or
// the program dies, and then the error holds the tail of the program's log.
func (p *Process) WaitFor(ctx context.Context, what string, ready func(context.Context) error) error {
	var last error
	for {
		if last = ready(ctx); last == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before %s (%v); its log ends with:\n%s", p.name, what, p.err, p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("%s: no %s in time: %w; its log ends with:\n%s", p.name, what, errors.Join(context.Cause(ctx), last), p.Tail())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
