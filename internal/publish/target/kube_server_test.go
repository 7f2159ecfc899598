package target_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/testbed"
)

// apiServer is a real kube-apiserver over a real etcd.
type apiServer struct {
	t   *testing.T
	api *testbed.KubeAPI
	url string
}

// startAPIServer starts the programs that the end-to-end tests build.
func startAPIServer(t *testing.T) *apiServer {
	t.Helper()
	api := testbed.StartKubeAPI(t)
	return &apiServer{t: t, api: api, url: api.URL}
}

func (s *apiServer) tls() *tls.Config { return s.api.TLS() }

// ask calls the server as its admin, and must has him get what he wants.
func (s *apiServer) ask(method, path string, v any) (int, map[string]any) {
	s.t.Helper()
	return s.api.In(s.t).Ask(method, path, v)
}

func (s *apiServer) must(method, path string, v any) map[string]any {
	s.t.Helper()
	return s.api.In(s.t).Must(method, path, v)
}

func (s *apiServer) namespace(name string) {
	s.t.Helper()
	s.api.In(s.t).Namespace(name)
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
