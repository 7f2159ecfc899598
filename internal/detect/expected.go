package detect

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"path"
	"strings"
	"sync"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

//go:embed expected_images.txt
var expectedImagesTXT string

//go:embed expected_actors.txt
var expectedActorsTXT string

//go:embed expected_commands.txt
var expectedCommandsTXT string

//go:embed sensitive_paths.txt
var sensitivePathsTXT string

var expectedImages = sync.OnceValue(func() []string { return dataLines(expectedImagesTXT) })

var expectedActors = sync.OnceValue(func() [][]string { return dataRows(expectedActorsTXT) })

var expectedCommands = sync.OnceValue(func() [][]string { return dataRows(expectedCommandsTXT) })

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

// dataRows are the lines of an embedded list, split into columns.
func dataRows(text string) [][]string {
	var out [][]string
	for _, line := range dataLines(text) {
		out = append(out, strings.Fields(line))
	}
	return out
}

// expects reports whether a container that the call launches is one that its
// cluster cannot do without: a node agent, or a helper of a known operator.
func (c *call) expects(k *jsonscan.Node) bool {
	resource := c.a.Object.Resource
	switch {
	case c.a.Impersonated.Username != "":
	case isExpectedCommand(k, c.a.User.Username):
		return true
	case isExpectedActor(k, c.a.User.Username):
		return true
	case serviceAccountNamespace(c.a.User.Username) == c.namespace() && c.namespace() != "":
		resource = "deployments" // an operator in its own namespace may make pods and jobs of its agents, too
	}
	return isExpected(k, resource)
}

// serviceAccountNamespace is the namespace of a service account's username, ""
// of another user's.
func serviceAccountNamespace(user string) string {
	rest, ok := strings.CutPrefix(user, "system:serviceaccount:")
	if !ok {
		return ""
	}
	ns, _, _ := strings.Cut(rest, ":")
	return ns
}

// isExpected reports whether a container is a node agent that cannot work
// without its rights: a known image, run by a workload and not as a bare pod,
// and started as its maker starts it and not through a shell.
func isExpected(k *jsonscan.Node, resource string) bool {
	switch resource {
	case "daemonsets", "deployments", "statefulsets":
		return isExpectedImage(k) && !runsShell(k)
	}
	return false
}

// isExpectedImage looks an image up in the list, without its tag and digest.
func isExpectedImage(k *jsonscan.Node) bool {
	image := imageName(k.Text("image"))
	for _, p := range expectedImages() {
		if matchesImage(p, image) {
			return true
		}
	}
	return false
}

// imageName is the full name of an image without its tag and digest.
func imageName(image string) string {
	if image == "" {
		return ""
	}
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	return fullImage(image)
}

// isExpectedCommand looks up the few agents that are started through a shell
// by their makers' own manifests, by who starts them and by the whole script.
func isExpectedCommand(k *jsonscan.Node, user string) bool {
	if len(k.Strings("command")) == 0 {
		return false
	}
	image, whole, command := imageName(k.Text("image")), "", ""
	for _, f := range expectedCommands() {
		if !matches(f[0], user) || !matches(f[1], image) {
			continue
		}
		if whole == "" {
			command = digestOf(k.Strings("command"))
			whole = digestOf(append(k.Strings("command"), k.Strings("args")...))
		}
		if f[2] == whole || f[2] == command {
			return true
		}
	}
	return false
}

// digestOf is a hash of what a container runs. Quotes, braces and line ends,
// in which versions of the same script differ, do not matter.
func digestOf(words []string) string {
	text := strings.NewReplacer("\"", "", "{", "", "}", "", "/bin/", "", "bash ", "sh ").Replace(strings.Join(words, " "))
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(text), " ")))
	return hex.EncodeToString(sum[:12])
}

// isExpectedActor looks up who starts a container, and which one. These start
// agents in every form, so neither form nor command is looked at.
func isExpectedActor(k *jsonscan.Node, user string) bool {
	image := imageName(k.Text("image"))
	for _, f := range expectedActors() {
		if matches(f[0], user) && matchesImage(f[1], image) {
			return true
		}
	}
	return false
}

// matchesImage matches a pattern against an image name: * stays inside one
// folder, /** at the end covers all below.
func matchesImage(pattern, image string) bool {
	if folder, ok := strings.CutSuffix(pattern, "/**"); ok {
		return matchFolder(folder, image)
	}
	return matches(pattern, image)
}

// matches matches a pattern in which * stays inside one folder; alone it is
// anything.
func matches(pattern, s string) bool {
	ok, _ := path.Match(pattern, s)
	return ok || pattern == "*"
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

// runsShell reports whether a container is started through a shell or another
// program that runs whatever it is told, behind a wrapper such as env, too.
func runsShell(k *jsonscan.Node) bool {
	command := k.Strings("command")
	if len(command) > 0 && isInterpreter(command[0]) {
		return true
	}
	for _, word := range append(command, k.Strings("args")...) {
		if f := strings.Fields(word); len(f) > 0 && f[0][0] != '-' && isShell(f[0]) {
			return true
		}
	}
	return false
}

func isShell(cmd string) bool {
	switch programName(cmd) {
	case "sh", "bash", "rbash", "ash", "dash", "ksh", "mksh", "zsh", "csh", "tcsh", "pwsh", "busybox", "toybox",
		"nsenter", "unshare", "chroot", "python", "perl", "ruby", "nc", "ncat", "netcat", "socat":
		return true
	}
	return false
}

// isInterpreter knows programs whose names are also plain words that agents
// take as arguments.
func isInterpreter(cmd string) bool {
	switch programName(cmd) {
	case "env", "node", "php", "lua", "awk", "gawk", "xargs", "script", "fish", "powershell":
		return true
	}
	return false
}

// programName is the last part of a path without a version.
func programName(cmd string) string { return strings.TrimRight(path.Base(cmd), "0123456789.") }

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
