package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/kube/incluster"
	"github.com/vedette-project/vedette/internal/testbed"
)

// TestAPIServer: what is asked of a real API server, with rights and without.
func TestAPIServer(t *testing.T) {
	s := testbed.StartKubeAPI(t)
	s.Namespace("vedette")
	for _, name := range []string{"server", "sensor"} {
		s.Must(http.MethodPost, "/api/v1/namespaces/vedette/serviceaccounts", map[string]any{"metadata": map[string]any{"name": name}})
	}
	admin := New(s.Kubeconfig(s.Token), "")
	t.Run("objects", func(t *testing.T) { testObjects(t, s.In(t), admin) })
	t.Run("rights", func(t *testing.T) { testRights(t, s.In(t)) })
	t.Run("tokens", func(t *testing.T) { testTokens(t, s.In(t), admin) })
	t.Run("files", func(t *testing.T) { testFiles(t, s.In(t)) })
}

type configMap struct {
	Metadata struct{ UID, Name string }
	Data     map[string]string
}

func testObjects(t *testing.T, s *testbed.KubeAPI, c *Client) {
	ctx := t.Context()
	body := func(name string, data map[string]string) map[string]any {
		return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name}, "data": data}
	}
	at := ConfigMap("vedette", "one")
	var is configMap
	if err := c.Get(ctx, at, &is); !IsNotFound(err) || !strings.Contains(err.Error(), "configmaps vedette/one: not found") {
		t.Errorf("what is not there: %v", err)
	}
	if err := c.Apply(ctx, at, body("one", map[string]string{"a": "1", "b": "2"}), false, &is); err != nil || is.Data["b"] != "2" {
		t.Fatalf("%v %+v", err, is)
	}
	is = configMap{}
	if err := c.Apply(ctx, at, body("one", map[string]string{"a": "1"}), false, &is); err != nil || len(is.Data) != 1 {
		t.Errorf("what is left out goes: %v %+v", err, is)
	}
	s.Merge("/api/v1/namespaces/vedette/configmaps/one", map[string]any{"data": map[string]any{"a": "theirs"}})
	if err := c.Apply(ctx, at, body("one", map[string]string{"a": "1"}), false, nil); !IsConflict(err) {
		t.Errorf("what somebody else set is taken: %v", err)
	}
	if err := c.Patch(ctx, at, []Operation{{"test", "/metadata/uid", "other"}, {"replace", "/data", map[string]string{}}}, nil); err == nil {
		t.Error("another object is patched")
	}
	if err := c.Delete(ctx, at, "other"); !IsConflict(err) {
		t.Errorf("another object is deleted: %v", err)
	}
	if err := c.Delete(ctx, at, is.Metadata.UID); err != nil {
		t.Error(err)
	}
	for i := range 5 {
		if err := c.Apply(ctx, ConfigMap("vedette", fmt.Sprintf("page-%d", i)), body(fmt.Sprintf("page-%d", i), nil), false, nil); err != nil {
			t.Fatal(err)
		}
	}
	small, n := New(s.Kubeconfig(s.Token), ""), 0
	small.page = 2
	err := small.List(ctx, ConfigMap("vedette", ""), nil, func(json.RawMessage) error { n++; return nil })
	if err != nil || n != 5 {
		t.Errorf("%d objects on pages of two: %v", n, err)
	}
}

// testRights: a refusal names the right that is missing.
func testRights(t *testing.T, s *testbed.KubeAPI) {
	c := New(s.Kubeconfig(s.ServiceAccountToken("vedette", "server")), "")
	err := c.List(t.Context(), Nodes(), nil, func(json.RawMessage) error { return nil })
	if !IsForbidden(err) || !strings.Contains(err.Error(), "the right to list nodes is missing") {
		t.Errorf("nodes: %v", err)
	}
	if _, err = c.ReviewToken(t.Context(), "x", "vedette/prod"); !IsForbidden(err) || !strings.Contains(err.Error(), "the right to create tokenreviews.authentication.k8s.io is missing") {
		t.Errorf("reviews: %v", err)
	}
	err = New(s.Kubeconfig("nonsense"), "").Get(t.Context(), ConfigMap("vedette", "one"), nil)
	var refused *StatusError
	if !errors.As(err, &refused) || refused.Code != http.StatusUnauthorized || !strings.Contains(err.Error(), "does not accept the credentials") {
		t.Errorf("an unknown token: %v", err)
	}
	file := s.Kubeconfig(s.Token)
	text, _ := os.ReadFile(file)
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), s.URL, "https://127.0.0.1:1", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	var away *UnreachableError
	if err := New(file, "").Get(t.Context(), ConfigMap("a", "b"), nil); !errors.As(err, &away) || !strings.Contains(err.Error(), "https://127.0.0.1:1 cannot be reached") {
		t.Errorf("nobody listens: %v", err)
	}
}

func testTokens(t *testing.T, s *testbed.KubeAPI, c *Client) {
	user := "system:serviceaccount:vedette:sensor"
	account := s.Must(http.MethodGet, "/api/v1/namespaces/vedette/serviceaccounts/sensor", nil)["metadata"].(map[string]any)
	claims := func(exp time.Time) map[string]any {
		return map[string]any{
			"iss": "https://kubernetes.default.svc", "sub": user, "aud": []string{"vedette/prod"}, "exp": exp.Unix(), "nbf": exp.Add(-time.Hour).Unix(), "iat": exp.Add(-time.Hour).Unix(),
			"kubernetes.io": map[string]any{"namespace": "vedette", "serviceaccount": map[string]any{"name": "sensor", "uid": account["uid"]}},
		}
	}
	for what, tc := range map[string]struct {
		token string
		good  bool
	}{
		"for the audience":     {s.ServiceAccountToken("vedette", "sensor", "vedette/prod"), true},
		"for several":          {s.ServiceAccountToken("vedette", "sensor", "other", "vedette/prod"), true},
		"for another":          {s.ServiceAccountToken("vedette", "sensor", "vedette/dev"), false},
		"for the API server":   {s.ServiceAccountToken("vedette", "sensor"), false},
		"signed by its key":    {s.Sign(claims(time.Now().Add(time.Minute))), true},
		"that ended":           {s.Sign(claims(time.Now().Add(-time.Minute))), false},
		"of no form":           {"nonsense", false},
		"of a person, a token": {s.Token, false},
	} {
		r, err := c.ReviewToken(t.Context(), tc.token, "vedette/prod")
		if err != nil || r.Authenticated != tc.good || tc.good && r.User != user || !tc.good && what != "of a person, a token" && r.Why == "" {
			t.Errorf("a token %s: %+v %v", what, r, err)
		}
	}
}

// testFiles: files that are changed are read again.
func testFiles(t *testing.T, s *testbed.KubeAPI) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("kubeconfig", `{current-context: a, clusters: [{name: c, cluster: {server: "`+s.URL+`", certificate-authority: ca.pem}}], users: [{name: u, user: {tokenFile: token}}], contexts: [{name: a, context: {cluster: c, user: u}}]}`)
	c := New(filepath.Join(dir, "kubeconfig"), "")
	ask := func() error { return c.Get(t.Context(), ServiceAccount("vedette", "server"), nil) }
	if err := ask(); err == nil || !strings.Contains(err.Error(), "the cluster's authority") {
		t.Errorf("without files: %v", err)
	}
	write("ca.pem", string(s.CA))
	write("token", "nonsense\n")
	if err := ask(); !hasCode(err, http.StatusUnauthorized) {
		t.Errorf("with a wrong token: %v", err)
	}
	write("token", s.Token+"\n")
	if err := ask(); err != nil {
		t.Errorf("with another token: %v", err)
	}
	write("ca.pem", "no certificate")
	if err := ask(); err == nil {
		t.Error("an authority that is gone is trusted")
	}
	pod, err := openPod(incluster.Find(func(string) string { return "" }))
	if err == nil || !strings.Contains(err.Error(), "runs in no pod") {
		t.Errorf("%v %v", pod, err)
	}
	write("ca.crt", string(s.CA))
	host, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "https://"), ":")
	in := &Client{load: func() (*entry, error) {
		api, ok := incluster.Find(func(k string) string {
			return map[string]string{"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}[k]
		})
		api.CAFile, api.TokenFile = filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
		return openPod(api, ok)
	}}
	if err := in.Get(t.Context(), ServiceAccount("vedette", "server"), nil); err != nil {
		t.Errorf("as a pod: %v", err)
	}
}
