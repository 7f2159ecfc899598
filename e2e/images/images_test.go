package images

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/vedette-project/vedette/e2e/need"
)

// TestPull follows an image from its manifest to its blobs, as a puller does.
func TestPull(t *testing.T) {
	need.OrSkip(t, need.Busybox())
	h, err := Registry("/bin/busybox")
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
