package main

import (
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
)

// shared runs what mode distributed installs: a process of each role with the
// configuration and the rights of the chart, on a real NATS server and a real
// PostgreSQL, beside a real API server. Only the kubelet is missing.
func shared(t *testing.T, c *cluster) {
	vedette, dir := program(), t.TempDir()
	if _, err := runHelm(t.Context(), root(t), "install", "vedette", chartPath, "--namespace", "shared", "--create-namespace",
		"--kube-apiserver="+c.url, "--kube-ca-file="+c.ca, "--kube-token="+adminToken, "--set", "mode=distributed,sealingKey.existingSecret=seal,tls.names={localhost},"+
			"distributed.shards=2,distributed.nats.replicas=1,distributed.nats.url=nats://"+startNATS(t)+",distributed.postgres.url="+startPostgres(t)); err != nil {
		t.Fatal(err)
	}
	token := func(file string, args ...string) string {
		t.Helper()
		return write(t, dir, file, []byte(c.must(t, nil, append([]string{"create", "token", "-n", "shared"}, args...)...)))
	}
	config := podConfig(t, c, dir, token("server-token", "vedette"))
	addr, ops := map[string]string{}, map[string]string{}
	for _, role := range []string{"api", "ingest", "detect"} {
		addr[role], ops[role] = freeAddr(t), freeAddr(t)
		start(t, filepath.Join(dir, role+".log"), ops[role], exec.Command(vedette, "serve", "--config", config, "--role", role,
			"--listen", addr[role], "--metrics-listen", ops[role], "--data-dir", filepath.Join(dir, role)))
	}
	_, port, _ := net.SplitHostPort(addr["ingest"])
	url := "https://localhost:" + port
	var ca string
	eventually(t, "the server writes its authority", func() bool {
		ca = c.must(t, nil, "get", "configmap", "vedette-authority", "-n", "shared", "-o", `jsonpath={.data.ca\.crt}`)
		return strings.HasPrefix(ca, "-----BEGIN CERTIFICATE-----")
	})
	caFile, testToken := write(t, dir, "ca.crt", []byte(ca)), token("token", "vedette-test", "--audience=vedette/kubernetes")

	// What the pod of `helm test` runs.
	test := write(t, dir, "test.yaml", []byte("cluster: kubernetes\n"))
	reach := []string{"doctor", "--config=" + test, "--only=reach", "--reach=" + url, "--ca-file=" + caFile}
	if out, err := exec.CommandContext(t.Context(), vedette, append(reach, "--token-file="+testToken)...).CombinedOutput(); err != nil {
		t.Errorf("the test of the chart fails: %v\n%s", err, out)
	}
	wrong := token("wrong", "vedette-test", "--audience=vedette/other")
	if out, err := exec.CommandContext(t.Context(), vedette, append(reach, "--token-file="+wrong)...).CombinedOutput(); err == nil {
		t.Errorf("a token for something else passes the test of the chart:\n%s", out)
	}

	// A record goes the whole way.
	records, err := exec.CommandContext(t.Context(), vedette, "simulate", "Policy:Kubernetes/ExposedDashboard").Output()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), vedette, "push", "--server="+url, "--ca-file="+caFile, "--token-file="+testToken, "--cluster=kubernetes",
		"--source=k8s-audit", write(t, dir, "records.json", records)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, "a worker judges it", func() bool {
		return strings.Contains(get(ops["detect"], "/metrics"), `vedette_detect_records_total{cluster="kubernetes",outcome="evaluated"`)
	})
	if out, err := exec.CommandContext(t.Context(), vedette, "keys", "create", "--config", config, "--role", "read-only", "-o", "env").CombinedOutput(); err != nil {
		t.Errorf("no key can be made as the notes say: %v\n%s", err, out)
	}
}

// podConfig is the configuration of the release, with the paths of a pod
// replaced by those of this machine.
func podConfig(t *testing.T, c *cluster, dir, token string) string {
	t.Helper()
	var conf map[string]any
	if err := yaml.Unmarshal([]byte(c.must(t, nil, "get", "configmap", "vedette-config", "-n", "shared", "-o", `jsonpath={.data.vedette\.yaml}`)), &conf); err != nil {
		t.Fatal(err)
	}
	key := write(t, dir, "seal.key", []byte(strings.Repeat("ab", 32)))
	if err := os.Chmod(key, 0o440); err != nil { // as a secret is mounted
		t.Fatal(err)
	}
	at(conf, "server").(map[string]any)["sealingKeyFile"] = key
	at(conf, "kubernetes", "clusters", 0).(map[string]any)["kubeconfig"] = write(t, dir, "kubeconfig", fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: u, user: {tokenFile: %q}}]
`, c.url, c.ca, token))
	text, err := yaml.Marshal(conf)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, dir, "vedette.yaml", text)
}

// startNATS runs the server of the version that Vedette embeds.
func startNATS(t *testing.T) string {
	t.Helper()
	bin, addr := filepath.Join(t.TempDir(), "nats-server"), freeAddr(t)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "github.com/nats-io/nats-server/v2")
	cmd.Dir, cmd.Env = root(t), append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build NATS: %v\n%s", err, out)
	}
	host, port, _ := net.SplitHostPort(addr)
	start(t, filepath.Join(t.TempDir(), "nats.log"), addr, exec.Command(bin, "-js", "-sd", t.TempDir(), "-a", host, "-p", port))
	return addr
}

// startPostgres runs Debian's PostgreSQL, which refuses to run as root.
func startPostgres(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		lack(t, "PostgreSQL", "install Debian's package postgresql")
	}
	bin, dir, addr := filepath.Dir(found[len(found)-1]), t.TempDir(), freeAddr(t)
	as := func(name string, args ...string) *exec.Cmd {
		if os.Geteuid() != 0 {
			return exec.Command(filepath.Join(bin, name), args...)
		}
		return exec.Command("setpriv", append([]string{"--reuid=postgres", "--regid=postgres", "--clear-groups", filepath.Join(bin, name)}, args...)...)
	}
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	if out, err := as("initdb", "-D", data, "-U", "vedette", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	host, port, _ := net.SplitHostPort(addr)
	start(t, filepath.Join(t.TempDir(), "postgres.log"), addr, as("postgres", "-D", data, "-c", "listen_addresses="+host, "-p", port, "-k", dir, "-c", "fsync=off"))
	eventually(t, "the database takes a connection", func() bool {
		return exec.Command(filepath.Join(bin, "createdb"), "-h", host, "-p", port, "-U", "vedette", "vedette").Run() == nil
	})
	return "postgres://vedette@" + addr + "/vedette?sslmode=disable"
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("a minute passed until this: %s", what)
		}
	}
}

func get(addr, path string) string {
	res, err := http.Get("http://" + addr + path)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return string(text)
}
