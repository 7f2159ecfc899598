package sensor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/testbed"
)

// recorder runs a sensor and keeps its records, as read back from their lines.
type recorder struct {
	t      testing.TB
	sensor *Sensor
	stop   context.CancelFunc
	done   chan error

	mu      sync.Mutex
	records []event.Runtime
}

// record watches this process and what it starts.
func record(t testing.TB, o Options) *recorder {
	t.Helper()
	testbed.Root(t)
	o.CPU, o.NoMetadata = 8, true
	if o.Kernel.Only == nil {
		o.Kernel.Only = []uint32{uint32(syscall.Getpid())}
	}
	s, err := New(o)
	if errors.Is(err, ErrNotSupported) {
		testbed.Lack(t, err.Error(), "run the tests on Linux 5.8 or newer with BTF")
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &recorder{t: t, sensor: s, stop: stop, done: make(chan error, 1)}
	go func() { r.done <- s.Run(ctx, r.take) }()
	t.Cleanup(r.end)
	return r
}

func (r *recorder) take(line []byte, _ *event.Runtime) error {
	var rec event.Runtime
	if err := json.Unmarshal(line, &rec); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, rec)
	return nil
}

// end stops the sensor.
func (r *recorder) end() {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		if err != nil {
			r.t.Error(err)
		}
		r.done <- nil
	case <-time.After(20 * time.Second):
		r.t.Fatal("the sensor does not end")
	}
}

func (r *recorder) all() []event.Runtime {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.records)
}

// want waits for a record for which f holds.
func (r *recorder) want(what string, f func(*event.Runtime) bool) *event.Runtime {
	r.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		for _, rec := range r.all() {
			if f(&rec) {
				return &rec
			}
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("no record of %s:\n%s", what, r.summary())
		}
	}
}

func (r *recorder) summary() string {
	var b bytes.Buffer
	for _, rec := range r.all() {
		rec.Ancestors, rec.Node = nil, event.Node{}
		line, _ := json.Marshal(&rec)
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// execOf is an exec of a program by its name and its last argument.
func execOf(program, last string) func(*event.Runtime) bool {
	return func(r *event.Runtime) bool {
		if r.Kind != event.KindExec || len(r.Process.Args) == 0 {
			return false
		}
		return path.Base(r.Process.Args[0]) == program && r.Process.Args[len(r.Process.Args)-1] == last
	}
}

// sh runs a script.
func sh(t testing.TB, script string, args ...string) {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", script}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/bin"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}
