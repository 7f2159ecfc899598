package detect

import (
	"fmt"
	"path"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

const runcType = "PrivilegeEscalation:Runtime/RuncContainerEscape"

// escapeByDirectory looks for a container whose first program stands in a folder
// of the node: runc was led through a descriptor that it had left open (CVE-2024-21626).
func escapeByDirectory(r *runtimeRecord) {
	cwd := r.Process.Cwd
	if r.Container == nil || r.Exec == nil || !(isDescriptorPath(cwd) || strings.HasPrefix(cwd, "(unreachable)") && comesFromRuntime(r.Ancestors)) {
		return
	}
	s := r.claim(runcType, "directory")
	s.Title = fmt.Sprintf("A process in %s works in a folder outside it.", r.where())
	s.Description = fmt.Sprintf("%s in %s has the working directory %s, which leads out of the container through a descriptor that runc left open (CVE-2024-21626).",
		upper(processName(r.Process)), r.where(), oneLine(cwd))
	s.Why = "the working directory is " + oneLine(cwd)
	r.raise(s)
}

// isDescriptorPath reports whether a path begins at an open file of a process.
func isDescriptorPath(p string) bool {
	rest, ok := strings.CutPrefix(p, "/proc/")
	if !ok {
		return false
	}
	who, rest, _ := strings.Cut(rest, "/")
	if who != "self" && who != "thread-self" && strings.Trim(who, "0123456789") != "" {
		return false
	}
	return strings.HasPrefix(rest, "fd/")
}

// runcOverwritten looks for a container that writes to the node's container
// runtime (CVE-2019-5736): to its file, or through the process that runs it.
func runcOverwritten(r *runtimeRecord) {
	f := r.File
	if f == nil || r.Container == nil {
		return
	}
	file := f.Path
	if r.Kind == event.KindRename {
		file = f.NewPath
	}
	if !r.isOfRuntime(fileName(file), f) || r.isRuntimeProcess() || r.isOwnWork() || r.inImageBuild() {
		return
	}
	s := r.claim(runcType, "binary")
	s.Runtime.Context.RuncBinaryPath = strings.Clone(file)
	s.Title = fmt.Sprintf("A process in %s writes to the container runtime of its node.", r.where())
	s.Description = fmt.Sprintf("%s in %s %s for writing, the container runtime of node %s (CVE-2019-5736).", upper(processName(r.Process)), r.where(), r.did("opened", "open", file), r.Node.Name)
	s.Why = fmt.Sprintf("%s is a program of the node, and not of the container", oneLine(file))
	r.raise(s)
}

// isOfRuntime reports whether a file that a container writes to is a program of
// the node's container runtime. It may look like one of the container's own, which
// has none, or be reached through the process that runs it.
func (r *runtimeRecord) isOfRuntime(file string, f *event.FileChange) bool {
	name := path.Base(file)
	known := name == "runc" || name == "crun" || name == "runsc" || name == "conmon" || strings.HasPrefix(name, "containerd-shim")
	process := isDescriptorPath(file) || strings.HasPrefix(file, "/proc/") && name == "exe"
	switch {
	case known && f.Host, strings.HasPrefix(file, "memfd:runc_cloned"):
		return true
	case process:
		return f.Host || r.Error == "ETXTBSY" // it runs at this moment
	}
	return known && isSystemPath(file) && r.Kind == event.KindOpen && !f.Created && !runsContainers(imageName(r.Container.Image)) && !r.comesFrom(isPackageManager)
}

// did says that something was done to a thing, or tried in vain.
func (r *runtimeRecord) did(done, do, what string) string {
	if r.Error != "" {
		return fmt.Sprintf("tried to %s %s (%s)", do, oneLine(what), oneLine(r.Error))
	}
	return done + " " + oneLine(what)
}

// releaseAgent looks for a container that writes to a release_agent file: the
// node's kernel runs what it names, outside of any container.
func releaseAgent(r *runtimeRecord) {
	f := r.File
	if f == nil || r.Container == nil || f.Created || !strings.HasSuffix(f.Path, "/release_agent") || r.isRuntimeProcess() || r.isOwnWork() {
		return
	}
	if baseOf(r.Process) == "systemd" && r.Process.NamespacePID == 1 && strings.HasPrefix(f.Path, "/sys/fs/cgroup/systemd/") {
		return // systemd as a container's init sets its own
	}
	s := r.claim("PrivilegeEscalation:Runtime/CGroupsReleaseAgentModified", f.Path)
	s.Runtime.Context.ReleaseAgentPath = strings.Clone(f.Path)
	s.Title = fmt.Sprintf("A process in %s writes to a cgroup's release_agent.", r.where())
	s.Description = fmt.Sprintf("%s in %s %s for writing; the node's kernel runs what this file names, outside of the container.", upper(processName(r.Process)), r.where(), r.did("opened", "open", f.Path))
	s.Why = fmt.Sprintf("%s was opened for writing from within a container", oneLine(f.Path))
	r.raise(s)
}

// hostMount looks for a container that mounts files of its node. The attempt is
// enough: who may not mount tries something else next.
func hostMount(r *runtimeRecord) {
	m := r.Mount
	if m == nil || r.Container == nil {
		return
	}
	why := r.hostSource(m)
	if why == "" || r.isRuntimeProcess() || r.isOwnWork() || r.inImageBuild() || r.makesContainers() {
		return
	}
	s := r.claim("PrivilegeEscalation:Runtime/ContainerMountsHostDirectory", m.Source)
	c := s.Runtime.Context
	c.MountSource, c.MountTarget, c.FileSystemType = strings.Clone(m.Source), strings.Clone(m.Target), strings.Clone(m.FileSystem)
	for _, f := range m.Flags {
		c.Flags = append(c.Flags, strings.Clone(f))
	}
	s.Title = fmt.Sprintf("A process in %s mounts files of its node.", r.where())
	s.Description = fmt.Sprintf("%s in %s %s at %s: %s.", upper(processName(r.Process)), r.where(), r.did("mounted", "mount", m.Source), oneLine(m.Target), why)
	s.Why = why
	r.raise(s)
}

// hostSource says why what is mounted is the node's, "" if it is not.
func (r *runtimeRecord) hostSource(m *event.Mount) string {
	binds, changes := false, false
	for _, f := range m.Flags {
		switch f {
		case "MS_BIND":
			binds = true
		case "MS_REMOUNT", "MS_MOVE", "MS_PRIVATE", "MS_SLAVE", "MS_SHARED", "MS_UNBINDABLE":
			changes = true
		}
	}
	source := path.Clean(m.Source)
	switch {
	case changes || !strings.HasPrefix(m.Source, "/"):
		return ""
	case isDiskDevice(source):
		return oneLine(source) + " is a disk of the node"
	case strings.HasPrefix(source, "/proc/") && strings.HasSuffix(source, "/root"):
		return oneLine(source) + " is the root of another process"
	case !binds && m.FileSystem != "" && m.FileSystem != "none":
		return "" // overlay, tmpfs, proc and the like
	}
	for _, h := range r.Container.Mounts {
		if target := path.Clean(h.Target); isSensitivePath(path.Clean(h.Source)) && (source == target || strings.HasPrefix(source, target+"/")) {
			return fmt.Sprintf("%s is %s of the node", oneLine(source), oneLine(path.Clean(h.Source)))
		}
	}
	if isSensitivePath(source) {
		return oneLine(source) + " is a folder of nodes that containers have no business in"
	}
	return ""
}

func isDiskDevice(p string) bool {
	dev, ok := strings.CutPrefix(p, "/dev/")
	if !ok {
		return false
	}
	for _, prefix := range []string{"sd", "nvme", "vd", "xvd", "hd", "dm-", "mapper/", "disk/", "root", "mmcblk", "md", "sda"} {
		if strings.HasPrefix(dev, prefix) {
			return true
		}
	}
	return false
}

// makesContainers reports whether the record is of a runtime that itself runs in
// a container, as for builds and for clusters in containers, or of a sandbox,
// which mounts what it lets its program see.
func (r *runtimeRecord) makesContainers() bool {
	if runsContainers(imageName(r.Container.Image)) {
		return true
	}
	return r.comesFrom(func(p *event.Process) bool {
		return !isOnNode(p) && isSystemPath(p.Executable) && (sandboxProgram.is(baseOf(p)) || isRuntimeName(baseOf(p)))
	})
}

// runsContainers knows images that run containers inside theirs.
func runsContainers(image string) bool { return nestedImage.is(image) }

// dockerSocket looks for a container that speaks with the container runtime of
// its node, which can do there what it likes.
func dockerSocket(r *runtimeRecord) {
	if r.Net == nil || r.Container == nil || r.Net.Socket.Path == "" || !isRuntimeSocket(r.Net.Socket.Path) || r.isRuntimeProcess() {
		return
	}
	file := path.Clean(r.Net.Socket.Path)
	switch {
	case r.Error == "ENOENT" || r.Error == "ENOTDIR":
		return // tools look whether there is one
	case !r.isOfNode(file), r.isOwnWork(), r.isSocketClient():
		return
	}
	s := r.claim("PrivilegeEscalation:Runtime/DockerSocketAccessed", file)
	s.Runtime.Context.SocketPath = strings.Clone(file)
	s.Title = fmt.Sprintf("A process in %s connects to the container runtime of its node.", r.where())
	s.Description = fmt.Sprintf("%s in %s %s, through which it can start containers with all rights on node %s.", upper(processName(r.Process)), r.where(), r.did("connected to", "connect to", file), r.Node.Name)
	s.Why = fmt.Sprintf("%s is the socket of a container runtime", oneLine(file))
	r.raise(s)
}

// isRuntimeSocket knows the sockets of container runtimes, wherever they are mounted.
func isRuntimeSocket(p string) bool { return runtimeSocket.is(path.Base(p)) }

// isOfNode reports whether a socket comes from the node, and is not one that a
// runtime inside the container made. Where no mount is known it may be.
func (r *runtimeRecord) isOfNode(file string) bool {
	for _, m := range r.Container.Mounts {
		// A socket is told by the name that its server gave it: where the container
		// has it somewhere else, that is the mount's source.
		if source := path.Clean(m.Source); source != "/" && (file == source || strings.HasPrefix(file, source+"/")) {
			return true
		}
		target := path.Clean(m.Target)
		if file == target || strings.HasPrefix(file, strings.TrimSuffix(target, "/")+"/") {
			return true
		}
		// /var/run leads to /run.
		if rest, ok := strings.CutPrefix(file, "/var/run/"); ok && ("/run/"+rest == target || strings.HasPrefix("/run/"+rest, target+"/")) {
			return true
		}
		if rest, ok := strings.CutPrefix(file, "/run/"); ok && ("/var/run/"+rest == target || strings.HasPrefix("/var/run/"+rest, target+"/")) {
			return true
		}
	}
	return len(r.Container.Mounts) == 0 && !runsContainers(imageName(r.Container.Image))
}

// isSocketClient knows images that work with the runtime's socket: what looks
// after containers, routes to them or reads their logs. A shell in them is no such work.
func (r *runtimeRecord) isSocketClient() bool {
	return socketClientImage.is(imageName(r.Container.Image)) && !r.comesFrom(func(p *event.Process) bool { return !isOnNode(p) && isStdinShell(p) })
}
