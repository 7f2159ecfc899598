package testbed

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// KubeAPI is a real kube-apiserver over a real etcd, with RBAC. Nothing runs
// beside it: what controllers and kubelets would write is written by the test.
type KubeAPI struct {
	URL string
	// CAFile and CA are the authority of its certificate.
	CAFile string
	CA     []byte
	// Token is the administrator's.
	Token string

	t      testing.TB
	client *http.Client
	key    *rsa.PrivateKey // signs tokens of service accounts
}

// kubeAdmissionOff are admission plugins that StartKubeAPI switches off: the
// controller that makes a namespace's default account does not run.
const kubeAdmissionOff = "ServiceAccount"

// StartKubeAPI starts the programs that the end-to-end tests build; they end
// with the test.
func StartKubeAPI(t testing.TB) *KubeAPI {
	t.Helper()
	server, etcd := kubePrograms(t)
	dir := t.TempDir()
	s := &KubeAPI{Token: "token-of-the-admin", t: t}
	store, peer, addr := FreeAddr(t), FreeAddr(t), FreeAddr(t)
	startListening(t, store, filepath.Join(dir, "etcd.log"), exec.Command(etcd, "--data-dir", filepath.Join(dir, "etcd"), "--unsafe-no-fsync", "--log-level", "error",
		"--listen-client-urls", "http://"+store, "--advertise-client-urls", "http://"+store,
		"--listen-peer-urls", "http://"+peer, "--initial-advertise-peer-urls", "http://"+peer, "--initial-cluster", "default=http://"+peer))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.key = key
	keyFile := s.file(dir, "sa.key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	tokens := s.file(dir, "tokens.csv", []byte(s.Token+`,admin,1,"system:masters"`+"\n"))
	_, port, _ := net.SplitHostPort(addr)
	startListening(t, addr, filepath.Join(dir, "apiserver.log"), exec.Command(server, "--etcd-servers=http://"+store, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--secure-port="+port, "--cert-dir="+filepath.Join(dir, "certs"), "--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+keyFile,
		"--service-account-signing-key-file="+keyFile, "--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC", "--token-auth-file="+tokens,
		"--disable-admission-plugins="+kubeAdmissionOff, "--profiling=false", "-v=0"))
	s.URL, s.CAFile = "https://"+addr, filepath.Join(dir, "certs", "apiserver.crt")
	if s.CA, err = os.ReadFile(s.CAFile); err != nil {
		t.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = s.TLS()
	s.client = &http.Client{Transport: transport, Timeout: time.Minute}
	t.Cleanup(s.client.CloseIdleConnections)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if status, _ := s.Ask(http.MethodGet, "/readyz", nil); status == http.StatusOK {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatal("the API server is not ready")
		}
	}
}

// In is the same server for a part of the test.
func (s *KubeAPI) In(t testing.TB) *KubeAPI {
	part := *s
	part.t = t
	return &part
}

// kubePrograms finds what is started.
func kubePrograms(t testing.TB) (server, etcd string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	found, _ := filepath.Glob(filepath.Join(cache, "vedette-e2e", "v*", "bin", "kube-apiserver"))
	if len(found) == 0 {
		Lack(t, "kube-apiserver", "build it: cd e2e && go run ./cmd/prebuild")
	}
	if etcd, err = exec.LookPath("etcd"); err != nil {
		Lack(t, "etcd", "install Debian's package etcd-server")
	}
	return found[len(found)-1], etcd
}

// Kubectl is the command of the server's version, as its administrator.
func (s *KubeAPI) Kubectl(args ...string) *exec.Cmd {
	s.t.Helper()
	server, _ := kubePrograms(s.t)
	bin := filepath.Join(filepath.Dir(server), "kubectl")
	if _, err := os.Stat(bin); err != nil {
		Lack(s.t, "kubectl", "build it: cd e2e && go run ./cmd/prebuild")
	}
	cmd := exec.CommandContext(s.t.Context(), bin, append([]string{"--server=" + s.URL, "--certificate-authority=" + s.CAFile, "--token=" + s.Token}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG=/dev/null", "HOME="+filepath.Dir(s.CAFile))
	return cmd
}

func (s *KubeAPI) file(dir, name string, data []byte) string {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// TLS trusts the server.
func (s *KubeAPI) TLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// Ask calls the server as its administrator.
func (s *KubeAPI) Ask(method, path string, v any) (int, map[string]any) {
	s.t.Helper()
	return s.ask(method, path, "application/json", v)
}

func (s *KubeAPI) ask(method, path, kind string, v any) (int, map[string]any) {
	s.t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token)
	req.Header.Set("Content-Type", kind)
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

// Must calls the server as its administrator, who gets what he wants.
func (s *KubeAPI) Must(method, path string, v any) map[string]any {
	s.t.Helper()
	status, out := s.Ask(method, path, v)
	if status >= 300 {
		s.t.Fatalf("%s %s: %d %v", method, path, status, out)
	}
	return out
}

// Merge changes an object, or its status with the path of that, as its
// administrator: a JSON merge patch.
func (s *KubeAPI) Merge(path string, v any) map[string]any {
	s.t.Helper()
	status, out := s.ask(http.MethodPatch, path, "application/merge-patch+json", v)
	if status >= 300 {
		s.t.Fatalf("PATCH %s: %d %v", path, status, out)
	}
	return out
}

// Namespace makes one.
func (s *KubeAPI) Namespace(name string) {
	s.t.Helper()
	s.Must(http.MethodPost, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"name": name}})
}

// ServiceAccountToken is a token of a service account; without audiences it is
// for the API server.
func (s *KubeAPI) ServiceAccountToken(namespace, name string, audiences ...string) string {
	s.t.Helper()
	out := s.Must(http.MethodPost, "/api/v1/namespaces/"+namespace+"/serviceaccounts/"+name+"/token",
		map[string]any{"spec": map[string]any{"audiences": audiences}})
	token, _ := out["status"].(map[string]any)["token"].(string)
	return token
}

// Sign makes a token of these claims with the server's own key, such as one that
// ended long ago.
func (s *KubeAPI) Sign(claims map[string]any) string {
	s.t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// Kubeconfig writes a file that leads to the server with a token, and returns
// its path.
func (s *KubeAPI) Kubeconfig(token string) string {
	s.t.Helper()
	named := func(kind string, v map[string]any) []any { return []any{map[string]any{"name": "test", kind: v}} }
	text, err := json.Marshal(map[string]any{ // which is YAML, too
		"apiVersion": "v1", "kind": "Config", "current-context": "test",
		"clusters": named("cluster", map[string]any{"server": s.URL, "certificate-authority-data": base64.StdEncoding.EncodeToString(s.CA)}),
		"users":    named("user", map[string]any{"token": token}),
		"contexts": named("context", map[string]any{"cluster": "test", "user": "test"}),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.file(s.t.TempDir(), "kubeconfig", text)
}

// startListening runs a program whose output goes to a file, until the test ends, and
// waits until it listens.
func startListening(t testing.TB, addr, logFile string, cmd *exec.Cmd) {
	t.Helper()
	log, err := os.Create(logFile)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	t.Cleanup(func() {
		if text, err := os.ReadFile(logFile); err == nil && t.Failed() {
			t.Logf("the end of %s:\n%s", filepath.Base(logFile), text[max(0, len(text)-4000):])
		}
	})
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
	}
	text, _ := os.ReadFile(logFile)
	t.Fatalf("%s does not listen:\n%s", cmd.Path, text)
}
