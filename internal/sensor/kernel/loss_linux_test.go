//go:build linux && (amd64 || arm64)

package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// forks is a shell that makes n processes which do nothing, and ends.
func forks(n int) *exec.Cmd {
	return exec.Command("/bin/sh", "-c", "i=0; while [ $i -lt "+strconv.Itoa(n)+" ]; do (:); i=$((i+1)); done")
}

// TestNoLoss: of what fits into the ring nothing is lost, and each process is
// told of exactly twice.
func TestNoLoss(t *testing.T) {
	b := newBed(t, Options{})
	const n = 3000
	rs := b.run(t, forks(n))
	began, ended := map[Process]int{}, map[Process]int{}
	for _, r := range rs {
		switch r.Kind {
		case KindFork:
			began[r.Actor.Process]++
		case KindExit:
			ended[r.Actor.Process]++
		}
	}
	shell := rs[len(rs)-1].Actor.Process
	for p := range began {
		if began[p] != 1 || ended[p] != 1 {
			t.Fatalf("%+v began %d times and ended %d times", p, began[p], ended[p])
		}
	}
	s, err := b.Stats()
	if err != nil {
		t.Fatal(err)
	}
	total := s.Total()
	if len(began) < n+1 || began[shell] != 1 || s.Lost != 0 || s.Bad != 0 || total.Sent != s.Read || total.Dropped != [drops]uint64{} {
		t.Errorf("%d processes; %+v; lost %d, bad %d, read %d", len(began), total, s.Lost, s.Bad, s.Read)
	}
}

// TestLossIsCounted: with nobody reading a small ring runs full, and every
// record that is missing is counted, by the programs and by its number.
func TestLossIsCounted(t *testing.T) {
	b := newBed(t, Options{RingBytes: 64 << 10})
	if err := forks(2000).Run(); err != nil {
		t.Fatal(err)
	}
	var r Record
	read := func() bool {
		ok, err := b.TryRead(&r)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	for read() {
	}
	full := b.kind(t, KindFork).Dropped[DropRing] + b.kind(t, KindExit).Dropped[DropRing]
	if full == 0 {
		t.Fatal("nothing was lost; the test shows nothing")
	}
	// One more on each CPU, so that the gaps have an end.
	for cpu := range 64 {
		if err := exec.Command("taskset", "-c", strconv.Itoa(cpu), "/bin/true").Run(); err != nil {
			break
		}
	}
	for read() {
	}
	s, err := b.Stats()
	if err != nil {
		t.Fatal(err)
	}
	total := s.Total()
	if total.Seen != total.Sent+total.Dropped[DropRing] || total.Sent != s.Read || s.Lost != total.Dropped[DropRing] {
		t.Errorf("%+v, read %d, gaps of %d", total, s.Read, s.Lost)
	}
}

// TestSelf: the sensor does not tell of itself, but of what it starts.
func TestSelf(t *testing.T) {
	b := newBed(t, Options{Names: testNames})
	path := filepath.Join(t.TempDir(), "sudoers")
	if err := touch(path); err != nil {
		t.Fatal(err)
	}
	opens := b.run(t, worker(t, nil, "open", path)).of(KindOpen)
	if len(opens) != 1 || opens[0].Actor.PID == uint32(os.Getpid()) {
		t.Errorf("%v", opens)
	}
}

// TestClose: a Read that waits ends.
func TestClose(t *testing.T) {
	b := newBed(t, Options{})
	done := make(chan error)
	go func() {
		var r Record
		for {
			if err := b.Read(&r); err != nil {
				done <- err
				return
			}
		}
	}()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Read waits for ever")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := b.Stats(); !errors.Is(err, ErrClosed) {
		t.Errorf("Stats after Close: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{
		{RingBytes: 100}, {RingBytes: 3 << 20}, {RingBytes: 2 << 30}, {Poll: time.Hour}, {Rate: -1}, {Burst: 2e6},
	} {
		if p, err := Open(o); err == nil {
			t.Errorf("%+v is taken", o)
			_ = p.Close()
		}
	}
}

func TestFeatures(t *testing.T) {
	needKernel(t)
	for _, f := range Features() {
		if f.Needed && f.Err != nil {
			t.Errorf("%s: %v", f.Name, f.Err)
		}
		if f.Err != nil && !errors.Is(f.Err, ErrNotSupported) && !errors.Is(f.Err, ErrPermission) {
			t.Errorf("%s: an error of no kind: %v", f.Name, f.Err)
		}
	}
}

func TestV1Controller(t *testing.T) {
	head := "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
	for text, want := range map[string]string{
		head + "cpuset\t0\t1\t1\nmemory\t0\t1\t1\npids\t0\t1\t1\n": "",
		head + "memory\t4\t2\t1\npids\t8\t1\t1\n":                  "memory",
		head + "memory\t0\t2\t0\npids\t8\t1\t1\n":                  "pids",
		"": "",
	} {
		if got := v1Controller(text); got != want {
			t.Errorf("%q, want %q, of\n%s", got, want, text)
		}
	}
}

// TestMalformedIsNoGap: a record that cannot be read is counted as that, and
// not as one that never came as well.
func TestMalformedIsNoGap(t *testing.T) {
	fork := recordings(t)["fork"]
	const kindAt, seqAt = 4, 24
	record := func(kind Kind, seq uint64) []byte {
		b := bytes.Clone(fork)
		binary.LittleEndian.PutUint16(b[kindAt:], uint16(kind))
		binary.LittleEndian.PutUint64(b[seqAt:], seq)
		return b
	}
	p := &Probe{seqs: map[lane]uint64{}}
	var r Record
	for _, c := range []struct {
		b    []byte
		bad  bool
		lost uint64
	}{
		{record(KindFork, 1), false, 0}, {record(39, 2), true, 0}, {record(KindFork, 3), false, 0}, {fork[:10], true, 0}, {record(KindFork, 6), false, 2},
	} {
		if _, err := p.decode(&r, c.b); (err != nil) != c.bad {
			t.Errorf("%v", err)
		}
		if got := p.lost.Load(); got != c.lost {
			t.Errorf("%d are missing, want %d", got, c.lost)
		}
	}
	if got := p.read.Load(); got != 3 {
		t.Errorf("%d were read", got)
	}
}

// TestRefusedUserfaultfd: the attempt is told, too.
func TestRefusedUserfaultfd(t *testing.T) {
	b := newBed(t, Options{})
	c := b.run(t, worker(t, nil, "refused-userfaultfd")).call(t, KindUserfault, OpUserfaultfd).Call
	if c.Ret != -int(syscall.EPERM) {
		t.Errorf("%+v", c)
	}
}
