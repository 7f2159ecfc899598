package kube

import (
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answering is a client of a server that answers everything with one text.
func answering(t *testing.T, status int, text *string) *Client {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://elsewhere.invalid/")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, *text)
	}))
	t.Cleanup(server.Close)
	ca := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	file := filepath.Join(t.TempDir(), "kubeconfig")
	config := `{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}], users: [{name: u, user: {token: t}}], clusters: [{name: c, cluster: {server: "` + server.URL + `", certificate-authority-data: ` + ca + `}}]}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return New(file, "")
}

// TestAudience: an authenticator that knows nothing of audiences, as a webhook
// may be, proves nothing about ours.
func TestAudience(t *testing.T) {
	var text string
	c := answering(t, http.StatusCreated, &text)
	for answer, want := range map[string]bool{
		`{"status":{"authenticated":true,"audiences":["x","vedette/prod"],"user":{"username":"u"}}}`: true,
		`{"status":{"authenticated":true,"user":{"username":"u"}}}`:                                  false,
		`{"status":{"authenticated":true,"audiences":["vedette/dev"],"user":{"username":"u"}}}`:      false,
		`{"status":{"authenticated":false,"audiences":["vedette/prod"],"user":{"username":"u"}}}`:    false,
		`{"status":{"authenticated":true,"audiences":["vedette/prod"]}}`:                             false,
		`{}`: false,
	} {
		text = answer
		if r, err := c.ReviewToken(t.Context(), "t", "vedette/prod"); err != nil || r.Authenticated != want {
			t.Errorf("%s: %+v %v", answer, r, err)
		}
	}
	text = "<html>"
	if r, err := c.ReviewToken(t.Context(), "t", "vedette/prod"); err == nil || r.Authenticated {
		t.Errorf("a page is an answer: %+v", r)
	}
}

// TestOddAnswers: nobody is followed elsewhere with the token, and what is no
// Status is told by its number.
func TestOddAnswers(t *testing.T) {
	text := "<html>down for\nmaintenance"
	for _, status := range []int{http.StatusFound, http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		err := answering(t, status, &text).Get(t.Context(), ConfigMap("a", "b"), nil)
		if !hasCode(err, status) || !strings.Contains(err.Error(), http.StatusText(status)) || strings.Contains(err.Error(), "html") {
			t.Errorf("%d: %v", status, err)
		}
	}
}
