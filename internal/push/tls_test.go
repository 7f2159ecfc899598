package push

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/testbed"
	"github.com/vedette-project/vedette/internal/uplink"
)

// TestTrust: a server that is not trusted gets neither the records nor the
// token, and ends a push at once; with the right authority the same sender goes on.
func TestTrust(t *testing.T) {
	asked := 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	conf, trusted := testbed.Certificate(t, t.TempDir())
	s.TLS = conf
	s.StartTLS()
	defer s.Close()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, stranger := testbed.Certificate(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "ca.pem")
	o := newReceiver(t).options(t)
	o.RetryFor = time.Minute
	o.URL, o.Server = u, uplink.Server{CAFile: file, Token: "secret"}
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "--ca-file") {
		t.Fatalf("without the file: %v", err)
	}
	if err := os.Symlink(stranger, file); err != nil {
		t.Fatal(err)
	}
	sender, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	push := func() error {
		if err := sender.Take(t.Context(), &event.Chunk{Data: []byte(auditLine(1))}); err != nil {
			return err
		}
		return sender.Flush(t.Context())
	}
	start := time.Now()
	if err := push(); err == nil || !strings.Contains(err.Error(), "certificate") || asked > 0 || time.Since(start) > o.RetryFor/2 {
		t.Fatalf("a server that is not trusted: %v after %s, asked %d times", err, time.Since(start), asked)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(trusted, file); err != nil {
		t.Fatal(err)
	}
	if err := push(); err != nil || asked != 1 {
		t.Fatalf("%v, asked %d times", err, asked)
	}
}
