package images

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/vedette-project/vedette/e2e/need"
)

// TestPull follows an image from its manifest to its blobs, as a puller does.
func TestPull(t *testing.T) {
	need.OrSkip(t, need.Busybox())
	h, err := Registry("/bin/busybox", nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	get := func(path string) []byte {
		t.Helper()
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: %s %v", path, resp.Status, err)
		}
		return b
	}
	get("/v2/")
	type part struct {
		Digest string
		Size   int
	}
	var manifest struct {
		Config part
		Layers []part
	}
	if err := json.Unmarshal(get("/v2/library/nginx/manifests/latest"), &manifest); err != nil {
		t.Fatal(err)
	}
	for _, p := range append(manifest.Layers, manifest.Config) {
		b := get("/v2/library/nginx/blobs/" + p.Digest)
		if digest(b) != p.Digest || len(b) != p.Size {
			t.Errorf("blob %s has %d bytes and digest %s, want %d bytes", p.Digest, len(b), digest(b), p.Size)
		}
	}
	resp, err := http.Get(server.URL + "/v2/library/nginx/blobs/sha256:00")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown blob gives %s", resp.Status)
	}
}

// TestNamed asks for an image by its name and for another.
func TestNamed(t *testing.T) {
	need.OrSkip(t, need.Busybox())
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("the bytes of a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	named, err := Program(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Registry("/bin/busybox", map[string]*Image{"library/ubuntu": named})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"library/ubuntu": true, "other/library/ubuntu": false, "nginx": false} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v2/"+name+"/manifests/latest", nil))
		if got := w.Header().Get("Docker-Content-Digest") == digest(named.manifest); got != want || w.Code != http.StatusOK {
			t.Errorf("%s: %d, the named image: %v, want %v", name, w.Code, got, want)
		}
	}
}
