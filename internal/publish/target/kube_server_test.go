package target_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/publish/target"
	"github.com/vedette-project/vedette/internal/testbed"
)

// apiServer is a real kube-apiserver over a real etcd.
type apiServer struct {
	t      *testing.T
	url    string
	client *http.Client
	pool   *x509.CertPool
}

const adminToken = "token-of-the-admin"

// startAPIServer starts the programs that the end-to-end tests build.
func startAPIServer(t *testing.T) *apiServer {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	found, _ := filepath.Glob(filepath.Join(cache, "vedette-e2e", "v*", "bin", "kube-apiserver"))
	if len(found) == 0 {
		testbed.Lack(t, "kube-apiserver", "build it: cd e2e && go run ./cmd/prebuild")
	}
	etcd, err := exec.LookPath("etcd")
	if err != nil {
		testbed.Lack(t, "etcd", "install Debian's package etcd-server")
	}
	dir := t.TempDir()
	store, peer, addr := testbed.FreeAddr(t), testbed.FreeAddr(t), testbed.FreeAddr(t)
	startProgram(t, store, exec.Command(etcd, "--data-dir", filepath.Join(dir, "etcd"), "--unsafe-no-fsync", "--log-level", "error",
		"--listen-client-urls", "http://"+store, "--advertise-client-urls", "http://"+store,
		"--listen-peer-urls", "http://"+peer, "--initial-advertise-peer-urls", "http://"+peer, "--initial-cluster", "default=http://"+peer))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keyFile := file("sa.key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	tokens := file("tokens.csv", []byte(adminToken+`,admin,1,"system:masters"`+"\n"))
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(found[len(found)-1], "--etcd-servers=http://"+store, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--secure-port="+port, "--cert-dir="+filepath.Join(dir, "certs"), "--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+keyFile,
		"--service-account-signing-key-file="+keyFile, "--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC", "--token-auth-file="+tokens,
		"--disable-admission-plugins=ServiceAccount", "--profiling=false", "-v=0")
	log, err := os.Create(filepath.Join(dir, "apiserver.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	t.Cleanup(func() {
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("the end of its log:\n%s", text[max(0, len(text)-4000):])
		}
	})
	startQuietly(t, addr, cmd, log)
	text, err := os.ReadFile(filepath.Join(dir, "certs", "apiserver.crt"))
	if err != nil {
		t.Fatal(err)
	}
	s := &apiServer{t: t, url: "https://" + addr, pool: x509.NewCertPool()}
	s.pool.AppendCertsFromPEM(text)
	s.client = target.NewClient(s.tls())
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if status, _ := s.ask(http.MethodGet, "/readyz", nil); status == http.StatusOK {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatal("the API server is not ready")
		}
	}
}

// startQuietly runs a program whose output goes to a file.
func startQuietly(t *testing.T, addr string, cmd *exec.Cmd, log *os.File) {
	t.Helper()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
	}
	text, _ := os.ReadFile(log.Name())
	t.Fatalf("%s does not listen:\n%s", cmd.Path, text)
}

func (s *apiServer) tls() *tls.Config {
	return &tls.Config{RootCAs: s.pool, MinVersion: tls.VersionTLS12}
}

// ask calls the server as its admin.
func (s *apiServer) ask(method, path string, v any) (int, map[string]any) {
	s.t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var out map[string]any
	_ = json.Unmarshal(text, &out)
	return res.StatusCode, out
}

// must calls the server as its admin, who gets what he wants.
func (s *apiServer) must(method, path string, v any) map[string]any {
	s.t.Helper()
	status, out := s.ask(method, path, v)
	if status >= 300 {
		s.t.Fatalf("%s %s: %d %v", method, path, status, out)
	}
	return out
}

func (s *apiServer) namespace(name string) {
	s.t.Helper()
	s.must(http.MethodPost, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"name": name}})
}

// serviceAccount makes Vedette's, with the rights that the documentation gives
// it, and returns the path of a file with its token.
func (s *apiServer) serviceAccount() string {
	s.t.Helper()
	s.namespace("vedette")
	s.must(http.MethodPost, "/api/v1/namespaces/vedette/serviceaccounts", map[string]any{"metadata": map[string]any{"name": "vedette"}})
	page, err := os.ReadFile("../../../docs/publishing.md")
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\napiVersion: rbac.authorization.k8s.io/v1\n")
	block, _, ok := strings.Cut(rest, "```")
	if !ok {
		s.t.Fatal("docs/publishing.md does not say what Vedette must be allowed")
	}
	for i, v := range documents(s.t, "apiVersion: rbac.authorization.k8s.io/v1\n"+block) {
		s.must(http.MethodPost, "/apis/rbac.authorization.k8s.io/v1/"+[]string{"clusterroles", "clusterrolebindings"}[i], v)
	}
	answer := s.must(http.MethodPost, "/api/v1/namespaces/vedette/serviceaccounts/vedette/token", map[string]any{"spec": map[string]any{}})
	path := filepath.Join(s.t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(at(s.t, answer, "status", "token").(string)+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// documents reads the documents of a YAML file.
func documents(t *testing.T, text string) (out []map[string]any) {
	t.Helper()
	for dec := yaml.NewDecoder(strings.NewReader(text)); ; {
		var v map[string]any
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
}

// define installs a published definition of resources, and waits until it is served.
func (s *apiServer) define(module, version, path, served string) {
	s.t.Helper()
	text, err := moduleFile(s.t.Context(), s.t.TempDir(), module, version, path)
	if err != nil {
		testbed.Lack(s.t, module, fmt.Sprintf("it could not be had: %v", err))
	}
	s.must(http.MethodPost, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", documents(s.t, string(text))[0])
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if status, _ := s.ask(http.MethodGet, "/apis/"+served, nil); status == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s is not served", served)
		}
	}
}

// moduleFile is a file of a Go module.
func moduleFile(ctx context.Context, dir, module, version, path string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module+"@"+version)
	cmd.Dir = dir // no module's
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go mod download: %w\n%s", err, out)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(m.Dir, path))
}
