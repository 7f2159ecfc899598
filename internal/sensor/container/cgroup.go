package container

import "strings"

// Ref is a container as the name of a control group tells it.
type Ref struct {
	ID      string
	Runtime Runtime
	PodUID  string
	// Namespace is containerd's, where the group is called by it: /NAMESPACE/ID.
	Namespace string
	// Build says that the group is one that only image builders make.
	Build bool
}

// Runtime is what runs a container; "" where the group's name does not tell.
type Runtime string

// The runtimes.
const (
	Containerd Runtime = "containerd"
	CRIO       Runtime = "cri-o"
	Docker     Runtime = "docker"
	Podman     Runtime = "podman"
)

const (
	maxPath  = 4096
	maxDepth = 64
)

// prefixes are what runtimes put before the id in a group's name. The groups of
// monitors, which watch a container from outside, come first: they are none.
var prefixes = []struct {
	text    string
	runtime Runtime
	monitor bool
}{
	{"crio-conmon-", CRIO, true},
	{"libpod-conmon-", Podman, true},
	{"cri-containerd-", Containerd, false},
	{"nerdctl-", Containerd, false},
	{"crio-", CRIO, false},
	{"docker-", Docker, false},
	{"libpod-payload-", Podman, false},
	{"libpod-", Podman, false},
	{"buildah-", Podman, false},
}

// Parse finds the containers that the path of a control group names, the
// outermost first: the part of the path that a container cannot choose. What
// comes after it a privileged container may have made up.
//
// These forms are known, below any parents:
//
//	kubepods/…/podUID/ID, kubepods-…-podUID.slice/RUNTIME-ID.scope (and the
//	form with colons, when one driver gets the other's name)
//	docker/ID, system.slice/docker-ID.scope, machine.slice/libpod-ID.scope,
//	libpod_parent/libpod-ID, ecs/TASK/ID
//	…/buildkit/ID, system.slice/docker-ID.scope with the shorter id of a build
//	NAMESPACE/ID, as containerd's own clients have it
func Parse(path string) []Ref {
	if len(path) > maxPath {
		return nil
	}
	var out []Ref
	parts := splitPath(path)
	podUID := ""
	for i, part := range parts {
		if uid, ok := podOf(part); ok {
			podUID = uid
			continue
		}
		above := ""
		if i > 0 {
			above = parts[i-1]
		}
		if r, ok := named(part, above); ok {
			r.PodUID = podUID
			out = append(out, r)
			podUID = ""
		}
	}
	if len(out) == 0 && len(parts) == 2 && containerdNamespace(parts[0]) {
		out = append(out, Ref{ID: parts[1], Runtime: Containerd, Namespace: parts[0]})
	}
	return out
}

// splitPath cuts a path into names, also at the colons of SLICE:PREFIX:ID,
// which is how a name for systemd looks when it is used as a plain one.
func splitPath(path string) []string {
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		if len(parts) >= maxDepth {
			break
		}
		slice, rest, ok := strings.Cut(part, ":")
		prefix, id, ok2 := strings.Cut(rest, ":")
		switch {
		case part == "" || part == "." || part == "..":
		case ok && ok2 && strings.HasSuffix(slice, ".slice"):
			parts = append(parts, slice, prefix+"-"+id)
		default:
			parts = append(parts, part)
		}
	}
	return parts
}

// podOf reads the pod's UID from podUID or kubepods-besteffort-podUID.slice,
// where systemd's form has underscores for dashes.
func podOf(part string) (string, bool) {
	if name, ok := strings.CutSuffix(part, ".slice"); ok {
		at := strings.LastIndex(name, "-pod")
		if at < 0 || !strings.Contains(name, "kubepods") {
			return "", false
		}
		uid := strings.ReplaceAll(name[at+len("-pod"):], "_", "-")
		return uid, isUID(uid)
	}
	uid, ok := strings.CutPrefix(part, "pod")
	return uid, ok && isUID(uid)
}

// isUID reports whether s is the UID of a pod: with dashes, or without for one
// from a file on the node.
func isUID(s string) bool {
	if len(s) != 36 && len(s) != 32 {
		return false
	}
	for i := range len(s) {
		if !isHex(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

// named reads one name of a group; above is the one before it.
func named(part, above string) (Ref, bool) {
	name, scope := strings.CutSuffix(part, ".scope")
	for _, p := range prefixes {
		id, ok := strings.CutPrefix(name, p.text)
		if !ok {
			continue
		}
		switch {
		case p.monitor:
			return Ref{}, false
		case isID(id):
			return Ref{ID: id, Runtime: p.runtime}, true
		case scope && p.runtime == Docker && above == "system.slice" && isBuildID(id):
			return Ref{ID: id, Runtime: Docker, Build: true}, true
		case scope && p.text == "buildah-" && above == "machine.slice" && id != "":
			return Ref{ID: name, Runtime: Podman, Build: true}, true
		}
	}
	if above == "buildkit" && isBuildID(name) {
		return Ref{ID: name, Build: true}, true
	}
	if isID(name) {
		return Ref{ID: name, Runtime: byParent(above)}, true
	}
	return Ref{}, false
}

func byParent(above string) Runtime {
	if above == "docker" {
		return Docker
	}
	return ""
}

// isID reports whether s is an id as runtimes make them: 64 hexadecimal digits.
func isID(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

// isBuildID reports whether s is the id of a step of BuildKit: 25 digits and
// lower-case letters.
func isBuildID(s string) bool {
	if len(s) != 25 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; ('0' > c || c > '9') && ('a' > c || c > 'z') {
			return false
		}
	}
	return true
}

// containerdNamespace reports whether a group at the top may be one of
// containerd's namespaces, which no other program names so. Whether it is one
// its files say.
func containerdNamespace(name string) bool {
	return !strings.HasSuffix(name, ".slice") && !strings.HasSuffix(name, ".scope") && name != "docker" && !strings.HasPrefix(name, "kubepods")
}
