package images

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Registry returns a read-only registry that has every image anyone asks for:
// those that are named (by repository, without host and tag), and otherwise one
// of busybox.
func Registry(busybox string, named map[string]*Image) (http.Handler, error) {
	other, err := Busybox(busybox)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// /v2/, /v2/NAME/manifests/REF and /v2/NAME/blobs/DIGEST, where NAME
		// may hold slashes.
		parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
		if len(parts) < 3 {
			w.WriteHeader(http.StatusOK)
			return
		}
		kind, ref := parts[len(parts)-2], parts[len(parts)-1]
		img := named[strings.Join(parts[:len(parts)-2], "/")]
		if img == nil {
			img = other
		}
		body, mediaType := img.blobs[ref], "application/octet-stream"
		if kind == "manifests" {
			body, mediaType = img.manifest, typeManifest
		}
		if body == nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Docker-Content-Digest", digest(body))
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}), nil
}
