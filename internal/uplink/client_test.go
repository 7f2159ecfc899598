package uplink

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/testbed"
)

// world is a server with TLS, and the files by which it is reached.
type world struct {
	*httptest.Server
	dir     string
	handler http.HandlerFunc
}

func newWorld(t *testing.T) *world {
	w := &world{dir: t.TempDir(), handler: func(http.ResponseWriter, *http.Request) {}}
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.handler(rw, r) }))
	conf, ca := testbed.Certificate(t, t.TempDir())
	w.TLS = conf
	w.StartTLS()
	t.Cleanup(w.Close)
	w.write(t, "ca.pem", read1(t, ca))
	w.write(t, "token", "first\n")
	return w
}

func read1(t *testing.T, path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *world) server() Server {
	return Server{TokenFile: w.path("token"), CAFile: w.path("ca.pem"), Agent: "vedette-test/1"}
}

func (w *world) post(t *testing.T, c *Client) (Answer, error) {
	return c.Post(t.Context(), w.URL+"/ingest/x", MediaLines, []byte("body"))
}

// TestPost: what is sent, and what is made of the answer.
func TestPost(t *testing.T) {
	w := newWorld(t)
	c := New(w.server(), 10*time.Second)
	defer c.Close()
	w.handler = func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		h := r.Header
		if r.Method != "POST" || r.URL.Path != "/ingest/x" || string(b) != "body" || h.Get("Content-Encoding") != "zstd" ||
			h.Get("Content-Type") != MediaLines || h.Get("User-Agent") != "vedette-test/1" || h.Get("Authorization") != "Bearer first" {
			t.Errorf("%s %s %q %v", r.Method, r.URL.Path, b, h)
		}
		rw.Header().Set("Retry-After", "7")
		http.Error(rw, " come again ", http.StatusServiceUnavailable)
	}
	if a, err := w.post(t, c); err != nil || a != (Answer{Status: 503, Text: "come again", After: 7 * time.Second}) {
		t.Errorf("%+v, %v", a, err)
	}
	for _, tt := range []struct {
		status   int
		header   string
		noRecord bool
	}{{400, RefusedRecords, true}, {400, "", false}, {400, "else", false}, {403, RefusedRecords, false}} {
		w.handler = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set(HeaderRefused, tt.header)
			rw.Header().Set("Retry-After", "100000")
			rw.WriteHeader(tt.status)
		}
		if a, err := w.post(t, c); err != nil || a.Status != tt.status || a.NoRecord != tt.noRecord || a.After != time.Minute {
			t.Errorf("%+v: %+v, %v", tt, a, err)
		}
	}
	// A redirect would carry the token to another place.
	w.handler = func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/else" {
			t.Error("the token was carried on")
		}
		http.Redirect(rw, r, "/else", http.StatusTemporaryRedirect)
	}
	if a, err := w.post(t, c); err != nil || a.Status != http.StatusTemporaryRedirect {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestFilesChange: tokens and authorities that are renewed are taken up; with a
// bad file nothing is sent; connections are kept while nothing changes, and
// not over a change.
func TestFilesChange(t *testing.T) {
	w := newWorld(t)
	_, strange := testbed.Certificate(t, t.TempDir())
	good, stranger := read1(t, w.path("ca.pem")), read1(t, strange)
	c := New(w.server(), 10*time.Second)
	defer c.Close()
	asked, token, from := 0, "", map[string]bool{}
	w.handler = func(_ http.ResponseWriter, r *http.Request) {
		asked++
		token = r.Header.Get("Authorization")
		from[r.RemoteAddr] = true
	}
	for range 3 {
		if _, err := w.post(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 3 || len(from) != 1 {
		t.Errorf("%d requests over %d connections", asked, len(from))
	}
	w.write(t, "ca.pem", stranger)
	if _, err := w.post(t, c); err == nil || !IsTrust(err) || asked != 3 {
		t.Fatalf("a server that is trusted no more: %v, asked %d times", err, asked)
	}
	w.write(t, "ca.pem", good)
	w.write(t, "token", "second")
	if _, err := w.post(t, c); err != nil || token != "Bearer second" || len(from) != 2 {
		t.Fatalf("%v, %q, %d connections", err, token, len(from))
	}
	for _, tt := range []struct{ name, text, want string }{
		{"token", "two words", "--token-file: " + w.path("token") + " must hold one token"}, {"token", " \n", "must hold one token"},
		{"ca.pem", "no certificate", "--ca-file: " + w.path("ca.pem") + " must hold certificates"},
	} {
		was := read1(t, w.path(tt.name))
		w.write(t, tt.name, tt.text)
		var local *LocalError
		if _, err := w.post(t, c); !errors.As(err, &local) || !strings.Contains(err.Error(), tt.want) || IsTrust(err) {
			t.Errorf("%s %q: %v", tt.name, tt.text, err)
		}
		s := w.server()
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("checked: %s %q: %v", tt.name, tt.text, err)
		}
		w.write(t, tt.name, was)
		if _, err := w.post(t, c); err != nil {
			t.Errorf("a good file is not taken after a bad one: %v", err)
		}
	}
	s := w.server()
	s.Name = "another.example"
	other := New(s, 10*time.Second)
	defer other.Close()
	if _, err := w.post(t, other); err == nil || !strings.Contains(err.Error(), "another.example") || !IsTrust(err) {
		t.Errorf("a certificate of another name: %v", err)
	}
}

// TestCheck: what is wrong with the files is told before anything is sent.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	gone := filepath.Join(dir, "gone")
	for want, s := range map[string]Server{
		"":                           {Token: "t"},
		"belong together":            {CertFile: "only.pem"},
		"--token-file: open " + gone: {TokenFile: gone},
		"--ca-file: open " + gone:    {CAFile: gone},
		"--cert-file: open " + gone:  {CertFile: gone, KeyFile: gone},
	} {
		if err := s.Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
