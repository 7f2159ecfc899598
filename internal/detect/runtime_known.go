package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// What ordinary processes are known by. A name alone proves nothing, since
// whoever runs a program names it: programs of the node are known by where they
// come from, those of containers by an image that is expected, or by a path that
// the container did not write itself.

// isOnNode reports whether a process is one of the node itself, whichever
// container its descendant is in: it sees its pid as the node does.
func isOnNode(p *event.Process) bool { return p.NamespacePID == 0 || p.NamespacePID == p.PID }

// isSystemPath reports whether programs of the distribution, or of the makers of
// clusters, lie in a folder.
func isSystemPath(file string) bool {
	for _, folder := range []string{
		"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/libexec/", "/usr/lib/", "/usr/lib64/", "/lib/", "/usr/local/bin/", "/usr/local/sbin/",
		"/usr/local/libexec/", "/opt/", "/snap/", "/var/lib/rancher/", "/var/lib/k0s/", "/nix/store/", "/home/kubernetes/bin/",
		"/x86_64-bottlerocket-linux-gnu/", "/aarch64-bottlerocket-linux-gnu/",
	} {
		if strings.HasPrefix(file, folder) {
			return true
		}
	}
	return false
}

// isRuntimeName knows the programs that make containers and look after them.
func isRuntimeName(name string) bool { return containerRuntime.is(name) }

// isRuntimeProgram reports whether a process of the node is a container runtime
// or the kubelet: by its executable, which lies where only root writes.
func isRuntimeProgram(p *event.Process) bool {
	return isOnNode(p) && isRuntimeName(path.Base(exeOf(p))) && isSystemPath(exeOf(p))
}

// exeOf is the path of the program, without what the kernel appends.
func exeOf(p *event.Process) string {
	if p == nil {
		return ""
	}
	return fileName(p.Executable)
}

// fileName is a path without what the kernel puts around it.
func fileName(p string) string {
	if strings.HasPrefix(p, "/memfd:") {
		p = p[1:]
	}
	return strings.TrimSuffix(p, " (deleted)")
}

// baseOf is the name of a process's program: that of its file, or else the
// kernel's short name.
func baseOf(p *event.Process) string {
	if e := exeOf(p); e != "" && !strings.HasPrefix(e, "memfd:") && !strings.HasPrefix(e, "/proc/") {
		return path.Base(e)
	}
	if p == nil {
		return ""
	}
	return p.Name
}

// isRuntimeProcess reports whether the record is of a container runtime, of the
// kubelet, or of what these start on the node: hooks, network plugins, mounts.
// Before runc becomes a container's program it is in the container already.
func (r *runtimeRecord) isRuntimeProcess() bool {
	if r.Process == nil {
		return false
	}
	if r.Container != nil {
		return r.isRuntimeInit()
	}
	if isRuntimeProgram(r.Process) {
		return true
	}
	for i := range r.Ancestors {
		if isRuntimeProgram(&r.Ancestors[i]) {
			return true
		}
	}
	return false
}

// isRuntimeInit reports whether the record is of a runtime that is about to
// become a container's program: its own copy of itself, made by a runtime of the node.
func (r *runtimeRecord) isRuntimeInit() bool {
	if !isRuntimeCopy(r.Process) && !isRuntimeName(path.Base(exeOf(r.Process))) {
		return false
	}
	return comesFromRuntime(r.Ancestors)
}

// isRuntimeCopy reports whether a program may be the copy that a runtime made of itself.
func isRuntimeCopy(p *event.Process) bool {
	exe := exeOf(p)
	return strings.HasPrefix(exe, "memfd:runc_cloned:") || strings.HasPrefix(exe, "memfd:crun") || strings.HasPrefix(exe, "/proc/") ||
		exe == "" || exe == "/" // the last is how a file is called that is mounted nowhere, as newer versions of runc have their copy
}

// comesFromRuntime reports whether ancestors begin with the stages of a runtime,
// which are children of each other, up to the runtime of the node.
func comesFromRuntime(ancestors []event.Process) bool {
	for i := range ancestors {
		a := &ancestors[i]
		if isRuntimeProgram(a) {
			return true
		}
		if i >= 2 || !strings.HasPrefix(a.Name, "runc") && !strings.HasPrefix(a.Name, "crun") && a.Name != "exe" && !strings.HasPrefix(a.Name, "6") {
			return false
		}
	}
	return false
}

// startedByRuntime reports whether the process is the first of a container, or
// the first of an exec into it: its parent is a runtime of the node.
func (r *runtimeRecord) startedByRuntime() bool {
	return r.Container != nil && len(r.Ancestors) > 0 && isRuntimeProgram(&r.Ancestors[0])
}

// comesFrom reports whether the process, or one it comes from, is such a one.
func (r *runtimeRecord) comesFrom(is func(*event.Process) bool) bool {
	if r.Process != nil && is(r.Process) {
		return true
	}
	for i := range r.Ancestors {
		if is(&r.Ancestors[i]) {
			return true
		}
	}
	return false
}

// isPackageManager knows package managers of distributions and what they run
// themselves. Those of languages are not among them.
func isPackageManager(p *event.Process) bool {
	return isSystemPath(p.Executable) && packageManager.is(path.Base(exeOf(p)))
}

// isLanguageInstaller knows package managers of languages and build tools, which
// write programs and run them.
func isLanguageInstaller(p *event.Process) bool {
	return !isScratch(p.Executable) && buildTool.is(path.Base(exeOf(p)))
}

// inImageBuild reports whether the record is of the making of an image.
func (r *runtimeRecord) inImageBuild() bool {
	if r.Container == nil {
		return false
	}
	if r.Container.Build {
		return true
	}
	for i := range r.Ancestors {
		switch a := &r.Ancestors[i]; baseOf(a) {
		case "buildkitd", "buildah", "docker-buildx":
			if isOnNode(a) || isSystemPath(a.Executable) {
				return true
			}
		}
	}
	return builderImage.is(imageName(r.Container.Image))
}

// isDebugger knows programs whose work it is to reach into others.
func isDebugger(p *event.Process) bool { return !isScratch(p.Executable) && debugger.is(baseOf(p)) }

// isAgent reports whether the record is of a container that its cluster has for
// its own sake: a node agent of a known image, run by a workload.
func (r *runtimeRecord) isAgent() bool {
	if r.Container == nil || r.Pod == nil {
		return false
	}
	switch kind, _ := workloadOf(r.Pod); kind {
	case "DaemonSet", "Deployment", "StatefulSet", "Node": // a static pod's owner is its node
	default:
		return false
	}
	return r.state.agents.has(r.Container.Image)
}

// agentImages remembers which images are those of agents, for records by the thousand.
type agentImages map[string]bool

const maxAgentImages = 4096

func (m agentImages) has(image string) bool {
	is, known := m[image]
	if known {
		return is
	}
	if len(m) >= maxAgentImages {
		clear(m)
	}
	name := imageName(image)
	is = slices.ContainsFunc(expectedImages(), func(p string) bool { return matchesImage(p, name) })
	m[strings.Clone(image)] = is
	return is
}

// isOwnWork reports whether an agent does this itself: neither a shell in its
// container, nor what it wrote there.
func (r *runtimeRecord) isOwnWork() bool {
	if !r.isAgent() || r.Process == nil || r.Process.TTY {
		return false
	}
	return !r.comesFrom(func(p *event.Process) bool { return !isOnNode(p) && isStdinShell(p) })
}

// isShellProgram knows command shells, whatever version.
func isShellProgram(name string) bool { return commandShell.is(name) }

// isShellProcess reports whether a process is a shell: by its file, by the name
// it was started under, as busybox is, or by that of a copy of a shell.
func isShellProcess(p *event.Process) bool {
	if isShellProgram(baseOf(p)) {
		return true
	}
	switch programName(baseOf(p)) {
	case "busybox", "toybox":
		applet, _ := applet(p.Args)
		return isShellProgram(applet)
	}
	return len(p.Args) > 0 && isShellProgram(strings.TrimPrefix(path.Base(p.Args[0]), "-")) || isShellProgram(p.Name)
}

// applet is which of its programs busybox was asked for, and the arguments of that.
func applet(args []string) (name string, rest []string) {
	if len(args) == 0 {
		return "", nil
	}
	name, rest = strings.TrimPrefix(path.Base(args[0]), "-"), args[1:]
	if (name == "busybox" || name == "toybox") && len(rest) > 0 {
		return path.Base(rest[0]), rest[1:]
	}
	return name, rest
}

// isStdinShell reports whether a process is a shell that takes commands from its
// standard input or terminal: it was given neither a script nor a command.
func isStdinShell(p *event.Process) bool {
	if !isShellProcess(p) || p.Script != "" {
		return false
	}
	_, args := applet(p.Args)
	fromStdin := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--rcfile" || a == "--init-file":
			i++
		case a == "--version" || a == "--help":
			return false
		case strings.HasPrefix(a, "--") && len(a) > 2:
		case a == "-" || a == "--":
			return fromStdin || i+1 == len(args)
		case a[:min(1, len(a))] == "-" || a[:min(1, len(a))] == "+":
			if strings.Contains(a, "c") {
				return false
			}
			fromStdin = fromStdin || strings.Contains(a, "s")
			if last := a[len(a)-1]; last == 'o' || last == 'O' {
				i++
			}
		default:
			return fromStdin // else it is a script
		}
	}
	return true
}
