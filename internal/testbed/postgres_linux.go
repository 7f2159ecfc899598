package testbed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresServer is a real PostgreSQL of its own, on the loopback interface.
type PostgresServer struct {
	t       testing.TB
	bin     string
	dir     string
	port    int
	options PostgresOptions
	user    *syscall.Credential // nil: our own

	mu     sync.Mutex
	server *exec.Cmd     // nil while stopped
	ended  chan struct{} // closed when the server has
}

// Postgres starts a server that ends with the test. Without PostgreSQL on the
// machine the test is skipped.
func Postgres(t testing.TB) *PostgresServer { return PostgresWith(t, PostgresOptions{}) }

// PostgresWith is Postgres with options.
func PostgresWith(t testing.TB, o PostgresOptions) *PostgresServer {
	t.Helper()
	bin, err := postgresBin()
	if m := (*Missing)(nil); errors.As(err, &m) {
		m.skip(t)
	}
	p := &PostgresServer{t: t, bin: bin, dir: t.TempDir(), port: FreePort(t), options: o}
	if os.Geteuid() == 0 {
		p.becomePostgres()
	}
	init := p.command("initdb", "-D", p.data(), "-U", "vedette", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	t.Cleanup(p.Stop)
	p.Start()
	return p
}

func (p *PostgresServer) data() string { return filepath.Join(p.dir, "data") }

// becomePostgres: the server refuses to run as root. The user of Debian's
// package must be able to reach the folder.
func (p *PostgresServer) becomePostgres() {
	p.t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		(&Missing{"the user postgres", "install it with: apt-get install postgresql"}).skip(p.t)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	// The test's own temporary folder is for its user only.
	err = errors.Join(err1, err2, os.Chown(p.dir, uid, gid), os.Chmod(filepath.Dir(p.dir), 0o711))
	if err != nil {
		p.t.Fatal(err)
	}
	p.user = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for dir := filepath.Dir(p.dir); dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&1 == 0 {
			p.t.Fatalf("the user postgres cannot reach %s: %s must be searchable by all (%v); set TMPDIR", p.dir, dir, err)
		}
	}
}

// command is one of PostgreSQL's programs, which dies with this process.
func (p *PostgresServer) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir, cmd.Env = p.dir, []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.user, Pdeathsig: syscall.SIGINT}
	return cmd
}

// Start starts the server again after Stop or Kill, and waits until it answers.
func (p *PostgresServer) Start() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		p.t.Fatal("PostgreSQL is running")
	}
	settings := append([]string{"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(p.port), "unix_socket_directories=",
		"fsync=" + strconv.FormatBool(p.options.Durable)}, p.options.Settings...)
	args := []string{"-D", p.data()}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	cmd := p.command("postgres", args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	p.server, p.ended = cmd, ended
	p.waitReady()
}

func (p *PostgresServer) waitReady() {
	p.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := p.run("postgres", "SELECT 1")
		if err == nil {
			return
		}
		select {
		case <-p.ended:
			p.t.Fatalf("PostgreSQL ended:\n%s", p.log())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("PostgreSQL does not answer (%v):\n%s", err, p.log())
		}
	}
}

func (p *PostgresServer) log() string {
	b, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return string(b[max(0, len(b)-4000):])
}

func (p *PostgresServer) run(database, text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.url(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, text)
	return err
}

func (p *PostgresServer) url(database string) string {
	return fmt.Sprintf("postgres://vedette@%s/%s?sslmode=disable", address(p.port), url.PathEscape(database))
}

// URL is the address of a database, which is made when it is not there.
func (p *PostgresServer) URL(database string) string {
	p.t.Helper()
	err := p.run("postgres", `CREATE DATABASE `+pgx.Identifier{database}.Sanitize())
	if err != nil && !strings.Contains(err.Error(), "42P04") { // it exists
		p.t.Fatal(err)
	}
	return p.url(database)
}

// SQL runs statements in a database behind its users' backs.
func (p *PostgresServer) SQL(database, text string) {
	p.t.Helper()
	if err := p.run(database, text); err != nil {
		p.t.Fatal(err)
	}
}

// Stop ends the server in order: its clients are thrown out, nothing is lost.
// A server that is down already stays so.
func (p *PostgresServer) Stop() { p.end(syscall.SIGINT) }

// Restart is Stop and Start.
func (p *PostgresServer) Restart() {
	p.t.Helper()
	p.Stop()
	p.Start()
}

// Kill ends the server and all of its processes at once, as a crash would.
func (p *PostgresServer) Kill() { p.end(syscall.SIGKILL) }

// Running reports whether the server was started and not ended since.
func (p *PostgresServer) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server != nil
}

func (p *PostgresServer) end(signal syscall.Signal) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return
	}
	pid := p.server.Process.Pid
	children := childrenOf(pid)
	if err := p.server.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
	if signal == syscall.SIGKILL {
		for _, c := range children {
			syscall.Kill(c, syscall.SIGKILL)
		}
	}
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		p.t.Errorf("PostgreSQL does not end:\n%s", p.log())
		p.server.Process.Kill()
		<-p.ended
	}
	for _, c := range children { // they hold the shared memory, without which no new server starts
		for range 500 {
			if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(c), "exe")); errors.Is(err, fs.ErrNotExist) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	p.server = nil
}

// childrenOf are the processes that a process has started.
func childrenOf(pid int) (out []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		// PID (NAME) STATE PARENT …; the name may hold anything
		rest := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(rest) > 1 && rest[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				out = append(out, child)
			}
		}
	}
	return out
}
