package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assets are what pages load, under names that change with their content, so
// that browsers may keep them for ever. All style sheets are one file, in the order
// of their names, and so are all scripts.
type assets struct {
	hashed map[string]string // console.css → console.1a2b3c4d5e6f.css
	body   map[string][]byte // by hashed name
}

func loadAssets() (*assets, error) {
	list, err := assetFiles.ReadDir("assets") // sorted
	if err != nil {
		return nil, fmt.Errorf("read the console's assets: %w", err)
	}
	whole := map[string][]byte{}
	for _, e := range list {
		b, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read the console's assets: %w", err)
		}
		name := e.Name()
		if ext := path.Ext(name); ext == ".css" || ext == ".js" {
			name = "console" + ext
		}
		whole[name] = append(whole[name], b...)
	}
	a := &assets{hashed: map[string]string{}, body: map[string][]byte{}}
	for n, b := range whole {
		sum := sha256.Sum256(b)
		ext := path.Ext(n)
		name := strings.TrimSuffix(n, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.hashed[n], a.body[name] = name, b
	}
	return a, nil
}

// url is where an asset is; templates call it with names that are there.
func (a *assets) url(name string) (string, error) {
	h, ok := a.hashed[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %s", name)
	}
	return Root + "assets/" + h, nil
}

func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	b, ok := a.body[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	w.Header().Set("Content-Type", types[path.Ext(name)])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(b)
}
