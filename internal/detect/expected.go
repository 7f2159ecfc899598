package detect

import (
	_ "embed"
	"path"
	"strings"
	"sync"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

//go:embed expected_images.txt
var expectedImagesTXT string

//go:embed sensitive_paths.txt
var sensitivePathsTXT string

var expectedImages = sync.OnceValue(func() []string { return dataLines(expectedImagesTXT) })

var sensitivePaths = sync.OnceValue(func() []string { return dataLines(sensitivePathsTXT) })

// dataLines are the lines of an embedded list without comments.
func dataLines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// isExpected reports whether a container is a node agent that cannot work
// without its rights: a known image, run by a workload and not as a bare pod,
// and started as its maker starts it and not through a shell.
func isExpected(k *jsonscan.Node, resource string) bool {
	switch resource {
	case "daemonsets", "deployments", "statefulsets":
	default:
		return false
	}
	if cmd := k.Strings("command"); len(cmd) > 0 && isShell(cmd[0]) {
		return false
	}
	image, _, _ := strings.Cut(k.Text("image"), "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	image = fullImage(image)
	for _, p := range expectedImages() {
		if ok, _ := path.Match(p, image); ok {
			return true
		}
		if folder, ok := strings.CutSuffix(p, "/**"); ok && matchFolder(folder, image) {
			return true
		}
	}
	return false
}

// matchFolder matches a pattern against the leading folders of an image name.
func matchFolder(pattern, image string) bool {
	parts := strings.Split(image, "/")
	n := strings.Count(pattern, "/") + 1
	if len(parts) <= n {
		return false
	}
	ok, _ := path.Match(pattern, strings.Join(parts[:n], "/"))
	return ok
}

// fullImage writes out what a short image name stands for.
func fullImage(image string) string {
	first, _, nested := strings.Cut(image, "/")
	switch {
	case !nested:
		return "docker.io/library/" + image
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		return "docker.io/" + image
	}
	return image
}

func isShell(cmd string) bool {
	switch path.Base(cmd) {
	case "sh", "bash", "ash", "dash", "zsh", "busybox", "nsenter", "chroot", "python", "python3", "perl", "nc", "ncat", "socat":
		return true
	}
	return false
}

// isSensitivePath reports whether a cleaned host path is one of the listed
// ones. A line that ends in /** covers what lies below, too; one that starts
// with ! takes paths out again.
func isSensitivePath(p string) bool {
	hit := false
	for _, line := range sensitivePaths() {
		pattern, not := strings.CutPrefix(line, "!")
		if folder, ok := strings.CutSuffix(pattern, "/**"); ok {
			if p == folder || strings.HasPrefix(p, folder+"/") {
				hit = !not
			}
		} else if p == pattern {
			hit = !not
		}
	}
	return hit
}
