package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// cluster is a real kube-apiserver over a real etcd, with RBAC and Pod Security
// Admission, and its kubectl.
type cluster struct {
	url, ca string
	kubectl string
	flags   []string
}

const adminToken = "token-of-the-admin"

// startCluster starts the programs that the end-to-end tests build.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	found, _ := filepath.Glob(filepath.Join(cache, "v*", "bin", "kube-apiserver"))
	if len(found) == 0 {
		lack(t, "kube-apiserver", "build it: cd e2e && go run ./cmd/prebuild")
	}
	server := found[len(found)-1]
	etcd, err := exec.LookPath("etcd")
	if err != nil {
		lack(t, "etcd", "install Debian's package etcd-server")
	}
	dir := t.TempDir()
	store, peer, addr := freeAddr(t), freeAddr(t), freeAddr(t)
	start(t, filepath.Join(dir, "etcd.log"), store, exec.Command(etcd, "--data-dir", filepath.Join(dir, "etcd"), "--unsafe-no-fsync", "--log-level", "error",
		"--listen-client-urls", "http://"+store, "--advertise-client-urls", "http://"+store,
		"--listen-peer-urls", "http://"+peer, "--initial-advertise-peer-urls", "http://"+peer, "--initial-cluster", "default=http://"+peer))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keyFile := write(t, dir, "sa.key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	tokens := write(t, dir, "tokens.csv", []byte(adminToken+`,admin,1,"system:masters"`+"\n"))
	_, port, _ := net.SplitHostPort(addr)
	start(t, filepath.Join(dir, "apiserver.log"), addr, exec.Command(server, "--etcd-servers=http://"+store, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none", "--secure-port="+port, "--cert-dir="+filepath.Join(dir, "certs"), "--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+keyFile, "--service-account-signing-key-file="+keyFile, "--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC", "--token-auth-file="+tokens, "--disable-admission-plugins=ServiceAccount", "--profiling=false", "-v=0"))
	c := &cluster{url: "https://" + addr, ca: filepath.Join(dir, "certs", "apiserver.crt"), kubectl: filepath.Join(filepath.Dir(server), "kubectl")}
	c.flags = []string{"--server=" + c.url, "--certificate-authority=" + c.ca, "--token=" + adminToken, "--cache-dir=" + filepath.Join(dir, "cache")}
	if _, err := os.Stat(c.kubectl); err != nil {
		lack(t, "kubectl", "build it: cd e2e && go run ./cmd/prebuild")
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if _, err := c.run(t.Context(), nil, "get", "--raw", "/readyz"); err == nil {
			return c
		} else if time.Now().After(deadline) {
			t.Fatalf("the API server is not ready: %v", err)
		}
	}
}

// run runs kubectl as the administrator.
func (c *cluster) run(ctx context.Context, stdin []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.kubectl, append(append([]string{}, c.flags...), args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG=/dev/null")
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}

func (c *cluster) must(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	out, err := c.run(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// start runs a program until the test ends, and waits until it listens.
func start(t *testing.T, log, addr string, cmd *exec.Cmd) {
	t.Helper()
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // PostgreSQL leaves shared memory behind if it is killed
		select {
		case <-ended:
		case <-time.After(3 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if text, err := os.ReadFile(log); err == nil && t.Failed() {
			t.Logf("the end of the log of %s:\n%s", filepath.Base(cmd.Path), text[max(0, len(text)-2000):])
		}
	})
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
	}
	t.Fatalf("%s does not listen", cmd.Path)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func write(t *testing.T, dir, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
