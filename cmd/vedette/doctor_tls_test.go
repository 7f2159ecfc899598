package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
)

// freePort is an address of this machine that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// served starts a server with a certificate of its own making.
func served(t *testing.T, change func(*config.Config)) *config.Config {
	t.Helper()
	c := config.Default()
	c.Server.Listen, c.Server.MetricsListen = freePort(t), freePort(t)
	c.Server.TLS = config.TLS{Auto: true, Names: []string{"vedette.vedette.svc"}}
	c.Store.DataDir, c.Intelligence.Feeds.Enabled = t.TempDir(), false
	c.Ingest.RequireToken = "always"
	if change != nil {
		change(c)
	}
	a, err := app.Start(t.Context(), app.Options{Config: c, Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Version: "test", Role: "all"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// certificateUntil is a file with a certificate and its key that is good between two times.
func certificateUntil(t *testing.T, from, to time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(from.Unix()), Subject: pkix.Name{CommonName: "x"}, NotBefore: from, NotAfter: to, DNSNames: []string{"vedette.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for path, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestDoctorCertificate(t *testing.T) {
	c := served(t, nil)
	now := time.Now()
	look := func(change func(*config.Config)) string {
		t.Helper()
		cfg := *c
		if change != nil {
			change(&cfg)
		}
		d := &doctor{cfg: &cfg, now: func() time.Time { return now }}
		d.certificates(t.Context())
		return d.report()
	}
	wantText(t, "healthy", look(nil), "ok authority: good until ")
	wantText(t, "healthy", look(nil), "ok certificate: good until ")
	if got := look(nil); strings.Contains(got, "fault") || strings.Contains(got, "note") {
		t.Error(got)
	}
	wantText(t, "another name", look(func(c *config.Config) { c.Server.TLS.Names = []string{"other.example"} }), "fault certificate for other.example: x509: certificate is valid for vedette.vedette.svc")
	wantText(t, "no authority", look(func(c *config.Config) { c.Store.DataDir = t.TempDir() }), "note authority: there is none yet")
	wantText(t, "nobody there", look(func(c *config.Config) { c.Server.Listen = freePort(t) }), "note certificate: nothing that speaks TLS answers")

	// A certificate that the server failed to renew.
	for after, want := range map[time.Duration]string{
		61 * 24 * time.Hour: "ok certificate: good until",
		72 * 24 * time.Hour: "note certificate: the certificate expires in 17 days",
		84 * 24 * time.Hour: "fault certificate: the certificate expires in 5 days",
		91 * 24 * time.Hour: "fault certificate: the certificate has expired at",
		-48 * time.Hour:     "fault certificate: the certificate is good from",
	} {
		now = time.Now().Add(after)
		wantText(t, after.String(), look(nil), want)
	}
	now = time.Now().Add(10*365*24*time.Hour - 20*24*time.Hour)
	wantText(t, "an old authority", look(nil), "note authority: the certificate expires in 19 days")

	// Files: broken, and others than those that are shown.
	now = time.Now()
	cert, key := certificateUntil(t, now.Add(-time.Hour), now.Add(90*24*time.Hour))
	files := func(cert, key string) func(*config.Config) {
		return func(c *config.Config) { c.Server.TLS = config.TLS{CertFile: cert, KeyFile: key} }
	}
	wantText(t, "another pair", look(files(cert, key)), "note certificate in "+cert+": the server still shows another one")
	wantText(t, "no pair", look(files(cert, cert)), "fault certificate files: server.tls.certFile: load the server's certificate")
	old, _ := certificateUntil(t, now.Add(-48*time.Hour), now.Add(-time.Hour))
	wantText(t, "others", look(func(c *config.Config) { c.Journal.NATS.CAFile = old }), "fault journal.nats.caFile: the certificate has expired at")
	wantText(t, "others", look(func(c *config.Config) { c.Journal.NATS.CertFile = key }), "fault journal.nats.certFile: there is no certificate in")
	wantText(t, "others", look(func(c *config.Config) { c.Server.TLS.ClientCAFile = cert }), "ok server.tls.clientCAFile: good until")
}

func TestDoctorReach(t *testing.T) {
	c := served(t, nil)
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	text := "store: {dataDir: " + c.Store.DataDir + "}\nserver: {tls: {auto: true}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := app.OpenKeys(t.Context(), c, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	token := func(role access.Role) string {
		k, err := keys.Create(t.Context(), role, "test")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, string(role))
		if err := os.WriteFile(path, []byte(k.Token()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	_, port, err := net.SplitHostPort(c.Server.Listen)
	if err != nil {
		t.Fatal(err)
	}
	at := "https://127.0.0.1:" + port
	reach := func(wantFault bool, args ...string) string {
		t.Helper()
		text, fault := doctorSays(t, append([]string{"--only", "reach", "--config", file}, args...)...)
		if fault != wantFault {
			t.Errorf("%q: fault %v\n%s", args, fault, text)
		}
		return text
	}
	good := reach(false, "--reach", at, "--token-file", token(access.RoleIngest))
	for _, want := range []string{"ok     reach: certificate", "good until", "ok     reach: push without a token", "refused with 401",
		"ok     reach: push with the token", "may push records of the cluster kubernetes", "ok     reach: API", "refuses who does not sign", "no faults, 4 ok"} {
		wantText(t, "healthy", good, want)
	}
	wantText(t, "as another name", reach(false, "--reach", at, "--tls-server-name", "vedette.vedette.svc"), "good until")
	wantText(t, "a name that it has not", reach(true, "--reach", at, "--tls-server-name", "other.example"), "add the name to server.tls.names")
	wantText(t, "a role that may not push", reach(true, "--reach", at, "--token-file", token(access.RoleReadOnly)), "refused with 403: a key of role read-only may not push")
	strange, _ := certificateUntil(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	wantText(t, "a strange authority", reach(true, "--reach", at, "--ca-file", strange), "clients need the authority that `vedette kube ca` prints")
	wantText(t, "nobody", reach(true, "--reach", "https://"+freePort(t)), "does not answer with TLS")
	wantText(t, "nobody, plain", reach(true, "--reach", "http://"+freePort(t)), "look at name, address, port")

	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	wantText(t, "something else", reach(true, "--reach", other.URL), "answered with 404, which is not how Vedette takes pushes")

	// The calls are no records, and no source.
	st, err := app.OpenStore(t.Context(), c, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if rows, err := st.Ledger(t.Context()); err != nil || len(rows) > 0 {
		t.Errorf("%v, %v", rows, err)
	}
	if list, err := st.Sources(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestDoctorMachine provokes what can be wrong with files.
func TestDoctorMachine(t *testing.T) {
	c := config.Default()
	c.Store.DataDir = filepath.Join(t.TempDir(), "data")
	look := func(what func(*doctor)) string {
		d := &doctor{cfg: c, now: time.Now}
		what(d)
		return d.report()
	}
	if got := look((*doctor).folder); got != "" {
		t.Errorf("no folder yet: %s", got)
	}
	if err := os.WriteFile(c.Store.DataDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantText(t, "a file", look((*doctor).folder), "fault data directory: "+c.Store.DataDir+" is not a folder")
	if err := os.Remove(c.Store.DataDir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(c.Store.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	wantText(t, "healthy", look((*doctor).folder), "ok data directory: ")
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Store.Postgres.PasswordFile = secret
	wantText(t, "healthy", look((*doctor).secrets), "ok secrets: 1 file, for their owner or group only")
	if hasModes {
		if err := os.Chmod(secret, 0o644); err != nil {
			t.Fatal(err)
		}
		wantText(t, "open", look((*doctor).secrets), "note store.postgres.passwordFile: "+secret+" has mode 0644")
		if os.Geteuid() == 0 {
			db := app.StoreFile(c.Store.DataDir)
			if err := os.WriteFile(db, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(c.Store.DataDir, 65532, 65532); err != nil {
				t.Fatal(err)
			}
			wantText(t, "a file of root's", look((*doctor).folder), "fault data directory: "+db+" belongs to uid 0, and the folder to uid 65532")
			if err := os.Chown(db, 65532, 65532); err != nil {
				t.Fatal(err)
			}
			wantText(t, "given back", look((*doctor).folder), "ok data directory: ")
		}
	}
	c.Store.Postgres.PasswordFile = secret + ".gone"
	wantText(t, "gone", look((*doctor).secrets), "fault store.postgres.passwordFile: ")
}

// TestDoctorServerMore: what the metrics of a server tell beside the room of its journal.
func TestDoctorServerMore(t *testing.T) {
	live, metrics := http.StatusOK, ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/livez":
			http.Error(w, "this process must be started anew", live)
		case "/metrics":
			_, _ = w.Write([]byte(metrics))
		}
	}))
	defer srv.Close()
	look := func() string {
		c := config.Default()
		_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.Server.MetricsListen = ":" + port // all addresses, as in a pod
		d := &doctor{cfg: c, now: time.Now}
		d.server(t.Context())
		return d.report()
	}
	wantText(t, "healthy", look(), "ok server: ready at 127.0.0.1:")
	live = http.StatusServiceUnavailable
	wantText(t, "stuck", look(), "fault server process: /livez answers 503: this process must be started anew")
	live = http.StatusOK
	metrics = "vedette_journal_bytes{shard=\"2\"} 10\nvedette_journal_max_bytes{shard=\"2\"} 100\nvedette_journal_waiting_messages{shard=\"2\"} 7\nvedette_journal_oldest_waiting_seconds{shard=\"2\"} 119\n"
	wantText(t, "a short queue", look(), "ok journal: 7 messages wait in 1 shards")
	metrics = strings.Replace(metrics, "119", "1.9e+03", 1)
	wantText(t, "a long queue", look(), "fault queue of shard 2: 7 messages wait to be judged, the oldest for 31 minutes")
	metrics = "vedette_ingest_pushes_total{code=\"200\"} 12\nvedette_ingest_pushes_total{code=\"429\"} 2\n"
	wantText(t, "pushes", look(), "ok pushes: 12 taken since the server started; refused 2 with 429 (the journal was full; the sender comes again)")
	metrics += "vedette_ingest_pushes_total{code=\"401\"} 3\n"
	wantText(t, "pushes", look(), "note pushes: 12 taken since the server started; refused 3 with 401 (no token, or a wrong one")
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 119 * time.Second: "119 s", 2 * time.Minute: "2 minutes", 119 * time.Minute: "119 minutes", 47 * time.Hour: "47 hours", 49 * time.Hour: "2 days",
	} {
		if got := span(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
