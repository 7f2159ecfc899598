package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSensorAuthorityChanges: the file with the authority is read again, and
// only a change of it makes another configuration.
func TestSensorAuthorityChanges(t *testing.T) {
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "ca.crt")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	real := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
	put(real)
	s := &sensorServer{url: srv.URL, ca: file}
	o, err := s.options()
	if err != nil {
		t.Fatal(err)
	}
	get := func() *tls.Config {
		t.Helper()
		c, err := o.TLS()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := get()
	if get() != first {
		t.Error("nothing changed, and connections would be made anew")
	}
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	if !first.RootCAs.Equal(roots) {
		t.Error("another authority is trusted")
	}
	put(real + real + "\n")
	if get() == first {
		t.Error("the file changed, and the one from before is trusted")
	}
	put("no certificate")
	if _, err := o.TLS(); err == nil || !strings.Contains(err.Error(), "--ca-file") {
		t.Error(err)
	}
	put(real)
	if c := get(); !c.RootCAs.Equal(roots) {
		t.Error("a good file is not taken after a bad one")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := s.options(); err == nil {
		t.Error("a sensor starts without the file")
	}
}
