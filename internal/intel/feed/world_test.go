package feed

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/intel/format"
)

// clock is a clock that stands until somebody moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a publisher on a real socket, and an updater that asks it.
type world struct {
	t      *testing.T
	clock  *clock
	server *httptest.Server
	dir    string
	check  func(format.Entry) error
	told   []string // feeds that Changed was called with

	mu      sync.Mutex
	answer  map[string]http.HandlerFunc // by path
	asked   []*http.Request
	sources []Source
	u       *Updater
}

func newWorld(t *testing.T, sources ...Source) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}, dir: t.TempDir(), answer: map[string]http.HandlerFunc{}}
	w.server = httptest.NewTLSServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.server.Close)
	w.sources = sources
	w.restart()
	return w
}

// restart makes a new updater on the same folder.
func (w *world) restart() {
	w.t.Helper()
	sources := slices.Clone(w.sources)
	for i := range sources {
		s := &sources[i]
		s.Name, s.Category = cmp.Or(s.Name, "list"), cmp.Or(s.Category, "malicious")
		s.URL = strings.Replace(cmp.Or(s.URL, "SERVER/list.txt"), "SERVER", w.server.URL, 1)
		s.Checksum = strings.Replace(s.Checksum, "SERVER", w.server.URL, 1)
		s.AllowPrivate = true
	}
	u, err := New(w.options(w.server.Client()), sources)
	if err != nil {
		w.t.Fatal(err)
	}
	w.u = u
}

func (w *world) options(c *http.Client) Options {
	return Options{
		Dir: w.dir, Client: c, Now: w.clock.Now, Rand: rand.New(rand.NewPCG(1, 2)), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Check: w.check,
		Changed: func(names []string) { w.told = append(w.told, names...) },
	}
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.asked = append(w.asked, r)
	h := w.answer[r.URL.Path]
	w.mu.Unlock()
	if h == nil {
		http.NotFound(rw, r)
		return
	}
	h(rw, r)
}

func (w *world) on(path string, h http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer[path] = h
}

// list publishes a text, as servers do: with an ETag that conditions may name.
func (w *world) list(text string) {
	w.on("/list.txt", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("ETag", `"`+etag(text)+`"`)
		http.ServeContent(rw, r, "list.txt", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), strings.NewReader(text))
	})
}

func etag(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

func (w *world) requests() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

func (w *world) update() error { return w.u.Update(context.Background()) }

func (w *world) mustUpdate() {
	w.t.Helper()
	if err := w.update(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) status() Status {
	w.t.Helper()
	all := w.u.Status()
	if len(all) == 0 {
		w.t.Fatal("there is no feed")
	}
	return all[0]
}

// values are those of the list in use.
func (w *world) values() string {
	w.t.Helper()
	var out []string
	for _, e := range w.entries() {
		out = append(out, e.Value)
	}
	return strings.Join(out, " ")
}

func (w *world) entries() []Entry {
	w.t.Helper()
	var out []Entry
	if err := w.u.Load(w.u.sources[0].Name, func(e Entry) error { out = append(out, e); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) secret(text string) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// many is a list of n addresses.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("203." + itoa(i>>16&255) + "." + itoa(i>>8&255) + "." + itoa(i&255) + "\n")
	}
	return b.String()
}

func itoa(n int) string { return string(appendInt(nil, n)) }

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, byte('0'+n%10))
}
