package soak

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a vedette server that is killed and started again.
type process struct {
	t                    *testing.T
	name, binary, config string
	role                 string
	addr, metrics        string
	log                  *os.File

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // how it ended
}

func (p *process) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(p.binary, "serve", "--config", p.config, "--role", p.role)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.t.Errorf("start %s: %v", p.name, err)
		return
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() {
		err := cmd.Wait()
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		close(ended)
	}()
}

func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal %s: %v", p.name, err)
	}
}

// kill ends it with no warning and waits until it is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.exited()
}

// stop ends it in order. It may be told so at any moment, also while it starts.
func (p *process) stop() bool {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited():
	case <-time.After(40 * time.Second):
		p.t.Errorf("%s did not end within 40 s of SIGTERM", p.name)
		p.signal(syscall.SIGABRT) // its log then says where it stood
		<-p.exited()
		return false
	}
	return true
}

func (p *process) exited() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

func (p *process) running() bool {
	select {
	case <-p.exited():
		return false
	default:
		return true
	}
}

func (p *process) ready() bool {
	res, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://" + p.metrics + "/readyz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}
