package testbed

import (
	"os/exec"
	"testing"
)

// Chromium is the path of a browser that can be started without a window.
func Chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	(&Missing{"Chromium", "install it with: apt-get install chromium"}).skip(t)
	return ""
}
