package deliver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/uplink"
)

// receiver is a server that answers as it is told.
type receiver struct {
	*httptest.Server
	status atomic.Int64
	limit  atomic.Int64 // of a body's lines; more is 413

	noRecord atomic.Bool // with a status: the server says that there is no record in the body

	mu    sync.Mutex
	lines []string
	auth  []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.status.Store(http.StatusOK)
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	b, _ := io.ReadAll(req.Body)
	plain, err := unzip(b)
	if err != nil {
		http.Error(w, "not zstd", http.StatusBadRequest)
		return
	}
	lines := strings.Split(strings.TrimSuffix(string(plain), "\n"), "\n")
	if s := r.status.Load(); s != http.StatusOK {
		if r.noRecord.Load() {
			w.Header().Set(uplink.HeaderRefused, uplink.RefusedRecords)
		}
		w.WriteHeader(int(s))
		return
	}
	if l := r.limit.Load(); l > 0 && int64(len(lines)) > l {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, lines...)
	r.auth = append(r.auth, req.Header.Get("Authorization"))
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

func (r *receiver) options(t *testing.T, dir string) Options {
	u, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		URL: u, Dir: dir, MaxSpool: 1 << 20, MaxWait: time.Millisecond, Now: time.Now,
		Server: uplink.Server{Token: "secret"},
		Log:    slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// start runs a queue; the function ends it in order.
func start(t *testing.T, o Options) (*Queue, func()) {
	t.Helper()
	q, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx, 10*time.Second) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return q, stop
}

func add(q *Queue, from, to int) (lines []string) {
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprintf(`{"n":%d}`, i))
		q.Add([]byte(lines[len(lines)-1]))
	}
	return lines
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

func TestDelivers(t *testing.T) {
	r := newReceiver(t)
	q, stop := start(t, r.options(t, t.TempDir()))
	want := add(q, 0, 1000)
	stop()
	if got := r.got(); !slices.Equal(got, want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	if s := q.Stats(); s.Sent != 1000 || s.Discarded != 0 || s.Waiting != 0 {
		t.Fatalf("%+v", s)
	}
	if r.auth[0] != "Bearer secret" {
		t.Fatalf("Authorization: %q", r.auth[0])
	}
}

// TestServerAway: records wait in the folder over a restart of the sensor, and
// arrive in order, each once.
func TestServerAway(t *testing.T) {
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusUnauthorized, http.StatusNotFound, http.StatusFound, http.StatusBadRequest} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			dir := t.TempDir()
			q, stop := start(t, r.options(t, dir))
			want := add(q, 0, 10)
			eventually(t, "the first records", func() bool { return len(r.got()) == 10 })
			r.status.Store(int64(status))
			want = append(want, add(q, 10, 20)...)
			eventually(t, "records that wait", func() bool { return q.spoolHas(10) })
			want = append(want, add(q, 20, 30)...)
			stop() // a sensor that ends while the server is away
			if s := q.Stats(); s.Waiting != 20 || s.Discarded != 0 {
				t.Fatalf("%+v", s)
			}
			if err := os.WriteFile(filepath.Join(dir, "x.zst.part"), []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
			r.status.Store(http.StatusOK)
			q, stop = start(t, r.options(t, dir))
			want = append(want, add(q, 30, 40)...)
			eventually(t, "all of them", func() bool { return len(r.got()) == 40 })
			stop()
			if got := r.got(); !slices.Equal(got, want) {
				t.Fatalf("got %v", got)
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != 0 {
				t.Fatal("the folder is not empty:", left, err)
			}
		})
	}
}

func (q *Queue) spoolHas(n int64) bool {
	have, _ := q.spool.waiting()
	return have >= n
}

// TestFullFolder: what is given up is the oldest, and counted to the record.
func TestFullFolder(t *testing.T) {
	r := newReceiver(t)
	r.status.Store(http.StatusServiceUnavailable)
	dir := t.TempDir()
	o := r.options(t, dir)
	o.MaxSpool = 1000
	q, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 100 {
		want = append(want, add(q, 10*i, 10*i+10)...)
		if err := q.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := q.Stats(); s.SpoolSize > o.MaxSpool {
			t.Fatalf("%d bytes wait", s.SpoolSize)
		}
	}
	s := q.Stats()
	if s.Discarded == 0 || s.Discarded+s.Waiting != 1000 {
		t.Fatalf("%+v", s)
	}
	r.status.Store(http.StatusOK)
	q, stop := start(t, o)
	eventually(t, "what was left", func() bool { return q.Stats().Waiting == 0 })
	stop()
	if got := r.got(); !slices.Equal(got, want[s.Discarded:]) {
		t.Fatalf("%d lines from %s, want %d", len(got), got[0], s.Waiting)
	}
}

// TestTooLarge: a batch that the server finds too large comes in parts.
func TestTooLarge(t *testing.T) {
	r := newReceiver(t)
	r.limit.Store(7)
	q, err := Open(r.options(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	want := add(q, 0, 100)
	if err := q.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.got(); !slices.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
	if s := q.Stats(); s.Sent != 100 || s.Discarded != 0 {
		t.Fatalf("%+v", s)
	}
}

// TestNoRecord: what the server has read and counted does not come again, and
// keeps nothing behind it from arriving.
func TestNoRecord(t *testing.T) {
	r := newReceiver(t)
	r.noRecord.Store(true)
	r.status.Store(http.StatusBadRequest)
	q, stop := start(t, r.options(t, t.TempDir()))
	add(q, 0, 10)
	eventually(t, "what is given up", func() bool { return q.Stats().Discarded == 10 })
	r.status.Store(http.StatusOK)
	want := add(q, 10, 20)
	eventually(t, "the rest", func() bool { return len(r.got()) == 10 })
	stop()
	if got := r.got(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// TestTornFile: a file of which the end of the machine left half is given up,
// and those behind it arrive.
func TestTornFile(t *testing.T) {
	r := newReceiver(t)
	r.status.Store(http.StatusServiceUnavailable)
	dir := t.TempDir()
	q, stop := start(t, r.options(t, dir))
	add(q, 0, 10)
	eventually(t, "the first file", func() bool { return q.spoolHas(10) })
	want := add(q, 10, 20)
	stop()
	files, _ := filepath.Glob(filepath.Join(dir, "*.zst"))
	if len(files) < 2 {
		t.Fatal("files:", files)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], bytes.Repeat([]byte{0}, len(b)/2), 0o600); err != nil {
		t.Fatal(err)
	}
	r.status.Store(http.StatusOK)
	q, stop = start(t, r.options(t, dir))
	eventually(t, "the rest", func() bool { return q.Stats().Waiting == 0 })
	stop()
	if got := r.got(); !slices.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
	if s := q.Stats(); s.Sent != 10 || s.Discarded != 10 {
		t.Fatalf("%+v", s)
	}
}

// TestHeldIsBounded: when nothing is taken off, memory stays bounded and
// everything is counted.
func TestHeldIsBounded(t *testing.T) {
	r := newReceiver(t)
	q, err := Open(r.options(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.Repeat([]byte("x"), 1<<20)
	for range 20 {
		q.Add(line)
	}
	if s := q.Stats(); s.Waiting+s.Discarded != 20 || s.Waiting != maxHeld>>20-1 || len(q.held.data) > maxHeld {
		t.Fatalf("%+v, %d bytes", s, len(q.held.data))
	}
}

func TestCut(t *testing.T) {
	for _, size := range []int{1, 2, 3, 10} {
		b := batch{}
		for i := range size {
			b.data = append(b.data, fmt.Sprintf("%0*d\n", i+1, i)...)
			b.n++
		}
		for at := range len(b.data) + 2 {
			head, rest := b.cut(at)
			if !bytes.Equal(slices.Concat(head.data, rest.data), b.data) || head.n+rest.n != b.n || head.n != bytes.Count(head.data, []byte("\n")) {
				t.Fatalf("%d lines at %d: %q %q", size, at, head.data, rest.data)
			}
			if size > 1 && (head.n == 0 || rest.n == 0) {
				t.Fatalf("%d lines at %d: a part is empty", size, at)
			}
		}
	}
}

func TestSession(t *testing.T) {
	dir := t.TempDir()
	s, before, err := OpenSession(dir, "one")
	if err != nil || before != nil {
		t.Fatal(before, err)
	}
	at := time.Date(2026, 11, 1, 12, 0, 0, 5, time.UTC)
	s.Mark(41, at)
	s.Mark(42, at)
	// The process ends without Close.
	_, before, err = OpenSession(dir, "two")
	if err != nil || before == nil || *before != (Ended{"one", 42, at}) {
		t.Fatal(before, err)
	}
	if err := os.WriteFile(filepath.Join(dir, sessionFile), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, before, err = OpenSession(dir, "three"); err != nil || before != nil {
		t.Fatal(before, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, before, _ = OpenSession(dir, "four"); before == nil || before.ID != "three" || before.Sequence != 0 || !before.Last.IsZero() {
		t.Fatal(before)
	}
}
