package app

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
)

// secretVolume is a folder as Kubernetes mounts a secret: a change swaps a link
// to a folder with all files.
type secretVolume struct {
	t    *testing.T
	dir  string
	next int
}

func (v *secretVolume) set(files map[string][]byte) {
	v.t.Helper()
	v.next++
	folder := filepath.Join(v.dir, "..version"+string(rune('0'+v.next)))
	if err := os.Mkdir(folder, 0o700); err != nil {
		v.t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			v.t.Fatal(err)
		}
		_ = os.Symlink(filepath.Join("..data", name), filepath.Join(v.dir, name)) // is there from the second time on
	}
	if err := os.Symlink(folder, filepath.Join(v.dir, "..next")); err != nil {
		v.t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(v.dir, "..next"), filepath.Join(v.dir, "..data")); err != nil {
		v.t.Fatal(err)
	}
}

// listenTLS serves handshakes with what certificates show.
func listenTLS(t *testing.T, c *certificates) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				s := tls.Server(conn, c.serverConfig())
				if s.Handshake() == nil {
					_, _ = s.Read(make([]byte, 1)) // until the client ends
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestCertificateFiles: files that are renewed are shown without a restart, a
// pair that is no good is not, and is told of once.
func TestCertificateFiles(t *testing.T) {
	old, fresh := newAuthority(t, "old"), newAuthority(t, "fresh")
	v := &secretVolume{t: t, dir: t.TempDir()}
	files := func(a *authority) map[string][]byte {
		cert, key := a.issue(t, x509.ExtKeyUsageServerAuth)
		return map[string][]byte{"tls.crt": cert, "tls.key": key, "ca.crt": a.pem}
	}
	at := func(name string) string { return filepath.Join(v.dir, name) }
	v.set(files(old))
	var log logLines
	c := &certificates{
		tls: config.TLS{CertFile: at("tls.crt"), KeyFile: at("tls.key"), CAFile: at("ca.crt")}, now: time.Now, log: linesOf(&log),
	}
	if err := c.open(); err != nil {
		t.Fatal(err)
	}
	addr := listenTLS(t, c)
	shows := func(a *authority) {
		t.Helper()
		if _, err := handshake(t, addr, a.pem, "127.0.0.1", time.Now); err != nil {
			t.Errorf("%v\n%s", err, log.String())
		}
		if string(c.current.Load().authority) != string(a.pem) {
			t.Error("others are told of another authority")
		}
	}
	shows(old)
	c.refresh()
	if log.String() != "" {
		t.Errorf("nothing changed: %s", log.String())
	}

	v.set(files(fresh))
	c.refresh()
	shows(fresh)
	if !strings.Contains(log.String(), "certificate changed") {
		t.Errorf("it is not told: %s", log.String())
	}
	log = logLines{}

	// A pair that is no pair is one that is just being replaced, unless it stays.
	mixed := files(old)
	mixed["tls.key"] = files(old)["tls.key"]
	v.set(mixed)
	c.refresh()
	shows(fresh)
	if log.String() != "" {
		t.Errorf("told at once: %s", log.String())
	}
	for range 3 {
		c.refresh()
	}
	shows(fresh)
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 || !strings.Contains(log.String(), "server.tls.certFile") || !strings.Contains(log.String(), "stays in use") {
		t.Errorf("told %d times: %s", n, log.String())
	}
	log = logLines{}
	if err := os.Remove(at("..data")); err != nil { // the volume is gone
		t.Fatal(err)
	}
	for range 3 {
		c.refresh()
	}
	shows(fresh)
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("told %d times: %s", n, log.String())
	}
	log = logLines{}

	v.set(files(old))
	c.refresh()
	shows(old)
	expired := newAuthority(t, "expired")
	expired.cert.NotBefore, expired.cert.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	v.set(files(expired))
	c.refresh()
	c.refresh()
	shows(old)
	if !strings.Contains(log.String(), "has expired at") {
		t.Errorf("an expired certificate: %s", log.String())
	}
}

// TestClientAuthorityChanges: who may push with a certificate changes without a
// restart, too, whatever certificate the server itself shows.
func TestClientAuthorityChanges(t *testing.T) {
	old, fresh := newAuthority(t, "old"), newAuthority(t, "fresh")
	file := filepath.Join(t.TempDir(), "clients.crt")
	put := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(old.pem)
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		autoTLS()(c)
		c.Server.TLS.ClientCAFile = file
	})
	server := &authority{pem: a.authorityPEM()}
	pushes := func(of *authority) error {
		cert, key := of.issue(t, x509.ExtKeyUsageClientAuth)
		status, text, _, err := try(tlsClient(t, server, cert, key), pushURL(t, a), "", eventList(nil))
		if err == nil && status != 200 {
			t.Errorf("status %d: %s", status, text)
		}
		return err
	}
	if err := pushes(old); err != nil {
		t.Error(err)
	}
	if pushes(fresh) == nil {
		t.Error("a client of a stranger was let in")
	}
	leaf := a.certificates.current.Load().leaf
	put(fresh.pem)
	a.certificates.refresh()
	if err := pushes(fresh); err != nil {
		t.Error(err)
	}
	if pushes(old) == nil {
		t.Error("a client of the authority from before was let in")
	}
	if !a.certificates.current.Load().leaf.Equal(leaf) {
		t.Error("the server's own certificate was made anew")
	}
	put([]byte("no certificate"))
	a.certificates.refresh()
	a.certificates.refresh()
	if err := pushes(fresh); err != nil {
		t.Error("a broken file ended what was good:", err)
	}
}

// TestCertificateFaults are those of a start and of `vedette config check`.
func TestCertificateFaults(t *testing.T) {
	server := newAuthority(t, "server")
	cert, key := server.issue(t, x509.ExtKeyUsageServerAuth)
	dir := t.TempDir()
	for name, data := range map[string][]byte{"tls.crt": cert, "tls.key": key, "ca.crt": server.pem, "both.pem": append(server.pem[:len(server.pem):len(server.pem)], key...), "none.crt": []byte("x")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	good := config.TLS{CertFile: at("tls.crt"), KeyFile: at("tls.key"), CAFile: at("ca.crt"), ClientCAFile: at("ca.crt")}
	if err := checkTLS(good, time.Now); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*config.TLS){
		"server.tls.certFile: open":                           func(c *config.TLS) { c.CertFile = at("nosuch") },
		"server.tls.keyFile: open":                            func(c *config.TLS) { c.KeyFile = at("nosuch") },
		"server.tls.certFile: load":                           func(c *config.TLS) { c.KeyFile = at("ca.crt") },
		"server.tls.caFile: there is no certificate in":       func(c *config.TLS) { c.CAFile = at("none.crt") },
		"server.tls.caFile: there is a private key in":        func(c *config.TLS) { c.CAFile = at("both.pem") },
		"server.tls.clientCAFile: there is no certificate in": func(c *config.TLS) { c.ClientCAFile = at("none.crt") },
		"server.tls.clientCAFile: open " + at("nosuch"):       func(c *config.TLS) { *c = config.TLS{Auto: true, ClientCAFile: at("nosuch")} },
	} {
		bad := good
		spoil(&bad)
		if err := checkTLS(bad, time.Now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
