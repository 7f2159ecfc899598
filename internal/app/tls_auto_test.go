package app

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/testbed"
)

// clockAt is a clock that a test can move.
type clockAt struct{ nanos atomic.Int64 }

func newClock(at time.Time) *clockAt {
	c := &clockAt{}
	c.set(at)
	return c
}

func (c *clockAt) set(at time.Time) { c.nanos.Store(at.UnixNano()) }
func (c *clockAt) now() time.Time   { return time.Unix(0, c.nanos.Load()) }

func autoTLS(names ...string) func(*config.Config) {
	return func(c *config.Config) {
		c.Server.Listen = "0.0.0.0:0"
		c.Server.TLS = config.TLS{Auto: true, Names: names}
	}
}

// handshake connects as a client that trusts an authority, expects a name and
// has a clock, and returns the certificate it was shown.
func handshake(t *testing.T, addr string, authority []byte, name string, now func() time.Time) (*x509.Certificate, error) {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		t.Fatalf("no authority in %q", authority)
	}
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: name, Time: now})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// local is where this machine reaches a server that listens on all addresses.
func local(t *testing.T, a *App) string {
	t.Helper()
	_, port, err := net.SplitHostPort(a.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + port
}

// TestAutoTLS: a server with no certificate of anybody is trusted by who knows
// its authority, under each of its names and no other, also after a restart.
func TestAutoTLS(t *testing.T) {
	dir := t.TempDir()
	a := startApp(t, dir, autoTLS("vedette.vedette.svc", "192.0.2.7", "*.vedette.example"))
	authority := a.authorityPEM()
	for _, name := range []string{"vedette.vedette.svc", "192.0.2.7", "x.vedette.example", "localhost", "127.0.0.1", "::1"} {
		if _, err := handshake(t, local(t, a), authority, name, time.Now); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
	for _, name := range []string{"vedette.other.svc", "192.0.2.8", "a.b.vedette.example"} {
		if _, err := handshake(t, local(t, a), authority, name, time.Now); err == nil {
			t.Errorf("it is taken for %s", name)
		}
	}
	handed, err := os.ReadFile(filepath.Join(dir, "tls", "ca.crt"))
	if err != nil || string(handed) != string(authority) || strings.Contains(string(handed), "PRIVATE") {
		t.Errorf("ca.crt: %v\n%s", err, handed)
	}
	if info, err := os.Stat(AuthorityFile(dir)); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the authority's key: %v, %v", info.Mode(), err)
	}
	if told, err := Authority(t.Context(), a.Config, time.Now); err != nil || string(told) != string(authority) {
		t.Errorf("a command is told of another authority: %v", err)
	}
	first, err := handshake(t, local(t, a), authority, "localhost", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := startApp(t, dir, autoTLS("vedette.vedette.svc"))
	second, err := handshake(t, local(t, b), authority, "localhost", time.Now)
	if err != nil {
		t.Fatal("after a restart:", err)
	}
	if first.SerialNumber.Cmp(second.SerialNumber) == 0 {
		t.Error("two certificates have one number")
	}
	if _, err := handshake(t, local(t, b), authority, "192.0.2.7", time.Now); err == nil {
		t.Error("a name that is configured no more is still in the certificate")
	}
}

// TestAutoTLSPushes: on an address that others reach, with a certificate of the
// server's own making, pushes need a token all the same.
func TestAutoTLSPushes(t *testing.T) {
	a := startApp(t, t.TempDir(), autoTLS())
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.authorityPEM())
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	if got, _ := mustTry(t, c, pushURL(t, a), ""); got != http.StatusUnauthorized {
		t.Errorf("status %d without a token", got)
	}
	status, text, proto, err := try(c, pushURL(t, a), newKey(t, a, access.RoleIngest).Token(), eventList([]string{attack("auto", 1)}))
	if err != nil || status != http.StatusOK || proto != "HTTP/2.0" {
		t.Errorf("status %d %s by %s: %v", status, text, proto, err)
	}
	if !strings.HasPrefix(a.ConsoleURL(), "https://") {
		t.Error("the console is at", a.ConsoleURL())
	}
}

// TestAutoTLSRenewal: long before a certificate expires there is another one,
// without a restart, and a clock that is put back does no harm.
func TestAutoTLSRenewal(t *testing.T) {
	start := time.Now()
	clock := newClock(start)
	a := startWith(t, t.TempDir(), "all", clock.now, autoTLS())
	authority := a.authorityPEM()
	look := func() *x509.Certificate {
		t.Helper()
		cert, err := handshake(t, local(t, a), authority, "localhost", clock.now)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	first := look()
	if life := first.NotAfter.Sub(first.NotBefore).Round(time.Hour); life != ownLife+clockSlack {
		t.Errorf("good for %s", life)
	}
	clock.set(start.Add(59 * 24 * time.Hour))
	a.certificates.refresh()
	if !look().Equal(first) {
		t.Error("renewed after 59 days")
	}
	clock.set(start.Add(61 * 24 * time.Hour))
	a.certificates.refresh()
	second := look()
	if second.Equal(first) || !second.NotAfter.After(first.NotAfter.Add(60*24*time.Hour)) {
		t.Errorf("not renewed after 61 days: until %s", second.NotAfter)
	}
	// A machine that slept: for a moment it has nothing good to show, and says so.
	clock.set(second.NotAfter.Add(time.Minute))
	if code, text := probe(t, a, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "certificate has expired at") {
		t.Errorf("%d %s", code, text)
	}
	a.certificates.refresh()
	if code, text := probe(t, a, "/readyz"); code != http.StatusOK {
		t.Errorf("%d %s", code, text)
	}
	clock.set(start.Add(-48 * time.Hour))
	a.certificates.refresh()
	if got := a.certificates.current.Load().leaf.NotBefore; got.After(clock.now()) {
		t.Errorf("good from %s only", got)
	}
	// The last one ends with the authority.
	clock.set(start.Add(authorityLife - 24*time.Hour))
	a.certificates.refresh()
	if last := look(); last.NotAfter.After(start.Add(authorityLife).Add(time.Second)) {
		t.Errorf("good until %s, longer than its authority", last.NotAfter)
	}
	if text := metricsPage(t, a); !strings.Contains(text, "vedette_server_certificate_expiry_timestamp_seconds 2.") {
		t.Error("the metrics do not say until when")
	}
}

func probe(t *testing.T, a *App, path string) (int, string) {
	t.Helper()
	res, err := http.Get("http://" + a.MetricsAddr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func metricsPage(t *testing.T, a *App) string {
	t.Helper()
	_, text := probe(t, a, "/metrics")
	return text
}

// TestAuthorityFiles: what is damaged, or open to others, is refused with what
// to do; a group that a volume was given to is not.
func TestAuthorityFiles(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	own, err := keptInFolder(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	path := AuthorityFile(dir)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(path, 0o660); err != nil { // as Kubernetes does with fsGroup
			t.Fatal(err)
		}
		if _, err := keptInFolder(dir, now); err != nil {
			t.Error("after a volume was given to a group:", err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if err := os.Chmod(path, 0o604); err != nil {
			t.Fatal(err)
		}
		if _, err := keptInFolder(dir, now); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Error("open to others:", err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other, err := drawAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	mixed := append(own.pem(), good[len(own.pem()):]...)
	otherText, err := other.secret()
	if err != nil {
		t.Fatal(err)
	}
	if string(mixed) != string(good) {
		t.Fatal("the file is not what it is taken for")
	}
	for name, text := range map[string]string{
		"empty": "", "text": "no PEM", "no key": string(own.pem()), "key of another": string(own.pem()) + string(otherText[len(other.pem()):]),
		"cut": string(good[:len(good)-20]), "more behind it": string(good) + "more",
		"a key in DER that is none": string(own.pem()) + string(pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: []byte{1, 2}})),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keptInFolder(dir, now); err == nil || !strings.Contains(err.Error(), "restore it from a backup, or delete it") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseAuthority(f *testing.F) {
	own, err := drawAuthority(time.Now())
	if err != nil {
		f.Fatal(err)
	}
	text, err := own.secret()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(own.pem())
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := parseAuthority(text)
		if err != nil {
			return
		}
		if _, err := a.issue([]string{"x"}, time.Now()); err != nil {
			t.Fatal("it was taken for an authority, and signs nothing:", err)
		}
	})
}

// TestOneAuthorityInFolder: processes that begin at once make one authority.
func TestOneAuthorityInFolder(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	got := make([]string, 16)
	for i := range got {
		wg.Go(func() {
			a, err := keptInFolder(dir, time.Now())
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = string(a.pem())
		})
	}
	wg.Wait()
	for i := range got {
		if got[i] == "" || got[i] != got[0] {
			t.Fatalf("process %d has another authority", i)
		}
	}
	left, err := os.ReadDir(filepath.Join(dir, "tls"))
	if err != nil || len(left) != 2 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestOneAuthorityInDatabase: so do servers that share a database, each with
// its own data directory, and a server with another sealing key is refused.
func TestOneAuthorityInDatabase(t *testing.T) {
	t.Parallel()
	database := testbed.Postgres(t).URL("vedette")
	first := t.TempDir()
	if _, err := access.OpenSealer(first); err != nil {
		t.Fatal(err)
	}
	seal, err := os.ReadFile(filepath.Join(first, access.KeyFileName))
	if err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(t.TempDir(), "shared.key")
	if err := os.WriteFile(shared, seal, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := func(dir string) *config.Config {
		c := config.Default()
		c.Store.DataDir, c.Store.Postgres.URL, c.Server.SealingKeyFile = dir, database, shared
		c.Server.TLS.Auto = true
		return c
	}
	var wg sync.WaitGroup
	got := make([]string, 6)
	for i := range got {
		wg.Go(func() {
			pem, err := Authority(t.Context(), cfg(t.TempDir()), time.Now)
			if err != nil {
				t.Error(err)
			}
			got[i] = string(pem)
		})
	}
	wg.Wait()
	for i := range got {
		if got[i] == "" || got[i] != got[0] {
			t.Fatalf("server %d has another authority", i)
		}
	}
	keys, err := OpenKeys(t.Context(), cfg(t.TempDir()), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	sealed, err := keys.store.State(t.Context(), serverScope, authorityName)
	if err != nil || strings.Contains(string(sealed), "PRIVATE") {
		t.Errorf("it is in the clear: %v", err)
	}
	stranger := cfg(t.TempDir())
	stranger.Server.SealingKeyFile = ""
	if _, err := Authority(t.Context(), stranger, time.Now); err == nil || !strings.Contains(err.Error(), "share one sealing key") {
		t.Error("with another sealing key:", err)
	}
}

// TestAuthorityMovesToDatabase: who moves from a data directory to a database
// need not tell anybody of another authority.
func TestAuthorityMovesToDatabase(t *testing.T) {
	t.Parallel()
	pg := testbed.Postgres(t)
	c := config.Default()
	c.Store.DataDir, c.Server.TLS.Auto = t.TempDir(), true
	before, err := Authority(t.Context(), c, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	c.Store.Postgres.URL = pg.URL("vedette")
	after, err := Authority(t.Context(), c, time.Now)
	if err != nil || string(after) != string(before) {
		t.Errorf("another authority, %v", err)
	}
}

// TestAuthorityUnknown: a command says why it cannot tell whom to trust.
func TestAuthorityUnknown(t *testing.T) {
	c := config.Default()
	c.Store.DataDir = filepath.Join(t.TempDir(), "none")
	if _, err := Authority(t.Context(), c, time.Now); err == nil || !strings.Contains(err.Error(), "set server.tls.auto") {
		t.Error(err)
	}
	if _, err := os.Stat(c.Store.DataDir); err == nil {
		t.Error("a data directory was made")
	}
	c.Server.TLS = config.TLS{CertFile: "a", KeyFile: "b"}
	if _, err := Authority(t.Context(), c, time.Now); err == nil || !strings.Contains(err.Error(), "server.tls.caFile") {
		t.Error(err)
	}
}

// linesOf is a log that a test reads.
func linesOf(b *logLines) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// logLines keeps what was logged.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
