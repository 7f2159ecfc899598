package push

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// TestTrust: a server that is not trusted gets neither the records nor the
// token; an authority and a token that are renewed are taken up.
func TestTrust(t *testing.T) {
	asked, token := 0, ""
	s := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked++
		token = r.Header.Get("Authorization")
	}))
	defer s.Close()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	r := newReceiver(t)
	o := r.options(t)
	o.RetryFor = time.Minute
	o.Server = Server{URL: u, Name: "example.com", TokenFile: write("token", []byte("first\n")), CAFile: write("ca.pem", stranger(t))}
	sender, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	push := func() error {
		data := []byte(auditLine(1))
		if err := sender.Take(t.Context(), &event.Chunk{Data: data}); err != nil {
			return err
		}
		return sender.Flush(t.Context())
	}
	if err := push(); err == nil || !strings.Contains(err.Error(), "certificate") || asked > 0 {
		t.Fatalf("a server that is not trusted: %v, asked %d times", err, asked)
	}
	write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	if err := push(); err != nil || token != "Bearer first" {
		t.Fatalf("%v, %q", err, token)
	}
	write("token", []byte("second"))
	if err := push(); err != nil || token != "Bearer second" {
		t.Fatalf("%v, %q", err, token)
	}
	for name, text := range map[string]string{"token": "two words", "ca.pem": "no certificate"} {
		was, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		write(name, []byte(text))
		if err := push(); err == nil || !strings.Contains(err.Error(), "must hold") {
			t.Errorf("%s: %v", name, err)
		}
		write(name, was)
	}
	o.Server.Name = "another.example"
	if sender, err = New(o); err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	if err := push(); err == nil || !strings.Contains(err.Error(), "another.example") {
		t.Errorf("a certificate of another name: %v", err)
	}
	o.Server.CertFile = "only.pem"
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "belong together") {
		t.Error(err)
	}
}

// stranger is an authority that signed nothing.
func stranger(t *testing.T) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
