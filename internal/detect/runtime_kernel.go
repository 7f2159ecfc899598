package detect

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// kernelModule looks for modules that are loaded into the kernel by others than
// the kernel itself, the boot of a machine and what makes its network and disks.
func kernelModule(r *runtimeRecord) {
	m := r.Module
	if m == nil || r.Process == nil || r.Error != "" || r.isRuntimeProcess() || r.isOwnWork() {
		return
	}
	ofSystem := isModuleOfSystem(m.Path)
	if r.Container == nil && ofSystem && r.loadsModules() {
		return
	}
	name := cmp.Or(m.Name, path.Base(m.Path))
	s := r.claim("DefenseEvasion:Runtime/KernelModuleLoaded", name)
	c := s.Runtime.Context
	c.ModuleName, c.ModuleFilePath, c.ModuleSHA256 = strings.Clone(name), strings.Clone(m.Path), strings.Clone(m.SHA256)
	s.Title = fmt.Sprintf("A kernel module was loaded on node %s.", r.Node.Name)
	s.Description = fmt.Sprintf("%s in %s loaded the kernel module %s from %s.", upper(processName(r.Process)), r.where(), oneLine(name), oneLine(cmp.Or(m.Path, "memory")))
	switch {
	case r.Container != nil:
		s.Why = "a container loaded a module into the kernel of its node"
	case ofSystem:
		s.Severity = lowSeverity
		s.Why = fmt.Sprintf("%s belongs to the kernel's own modules, but neither the system nor the network asked for it", oneLine(m.Path))
	default:
		s.Why = fmt.Sprintf("%s is not where the kernel's own modules are", oneLine(cmp.Or(m.Path, "the module, which came from memory,")))
	}
	r.raise(s)
}

// isModuleOfSystem reports whether a file is among those that came with the kernel.
func isModuleOfSystem(file string) bool {
	for _, root := range []string{"", "/usr", "/x86_64-bottlerocket-linux-gnu/sys-root/usr", "/aarch64-bottlerocket-linux-gnu/sys-root/usr", "/run/booted-system/kernel-modules", "/run/current-system/kernel-modules", "/nix/store"} {
		if strings.HasPrefix(file, root+"/lib/modules/") {
			return true
		}
	}
	return strings.HasPrefix(file, "/nix/store/") && strings.Contains(file, "/lib/modules/")
}

// loadsModules reports whether a process of the node is one that loads the
// system's own modules in its ordinary work: the kernel's helper, udev, what
// systemd starts, packet filters, file systems and package managers.
func (r *runtimeRecord) loadsModules() bool {
	if len(r.Ancestors) == 0 {
		return true // the kernel's own
	}
	return r.comesFrom(func(p *event.Process) bool {
		switch name := baseOf(p); {
		case p.PID == 1:
			return r.parent().PID == 1 // a unit of systemd, not somebody's session
		case isScratch(p.Executable):
			return false
		default:
			return moduleLoader.is(name) || isPackageManager(p)
		}
	})
}

// userfaultfd looks for programs that catch their own page faults, which few do
// but exploits of the kernel, to win races.
func userfaultfd(r *runtimeRecord) {
	if r.isRuntimeProcess() || r.isOwnWork() || catchesFaults(r.Process) {
		return
	}
	s := r.claim("PrivilegeEscalation:Runtime/UserfaultfdUsage", processName(r.Process))
	s.Title = fmt.Sprintf("A process in %s uses userfaultfd.", r.where())
	s.Description = fmt.Sprintf("%s in %s %s, by which exploits stop the kernel where it suits them.", upper(processName(r.Process)), r.where(), r.did("called", "call", "userfaultfd"))
	s.Why = "the system call userfaultfd by a program that is not known to need it"
	r.raise(s)
}

// catchesFaults knows programs that use userfaultfd to move machines, processes
// and heaps.
func catchesFaults(p *event.Process) bool {
	android := strings.HasPrefix(p.Executable, "/system/") || strings.HasPrefix(p.Executable, "/apex/")
	return (isSystemPath(p.Executable) || android) && faultCatcher.is(baseOf(p))
}

// elevation looks for processes that become root by a program that is not made
// for it, or by rights they should not have.
func elevation(r *runtimeRecord) {
	p := r.Process
	if p.EUID != 0 || r.Error != "" {
		return
	}
	var why string
	switch {
	case r.Exec != nil && r.Exec.Setuid && r.Exec.OldUID != 0 && r.Exec.OldEUID != 0:
		f := &r.Exec.File
		if isSetuidProgram(f.Path) && !r.isForeign(f) && len(p.Args) > 0 {
			return
		}
		why = fmt.Sprintf("user %d ran %s, whose file gives the rights of root", r.Exec.OldUID, oneLine(cmp.Or(f.Path, processName(p))))
		if len(p.Args) == 0 {
			why += ", without any argument, not even its name, as exploits of pkexec do"
		}
	case r.Creds != nil && r.Creds.OldUID != 0 && r.Creds.OldEUID != 0:
		if isSetuidProgram(p.Executable) || r.comesFromParent(func(a *event.Process) bool { return isSetuidProgram(a.Executable) }) {
			return
		}
		why = fmt.Sprintf("a process of user %d made itself root by setuid", r.Creds.OldUID)
	default:
		return
	}
	if r.isRuntimeProcess() || r.inImageBuild() {
		return
	}
	s := r.claim("PrivilegeEscalation:Runtime/ElevationToRoot", processName(p))
	s.Title = fmt.Sprintf("A process in %s became root in an unusual way.", r.where())
	s.Description = fmt.Sprintf("%s in %s became root: %s.", upper(processName(p)), r.where(), why)
	s.Why = why
	r.raise(s)
}

// isForeign reports whether a program came into the container after it was made,
// by other means than a package.
func (r *runtimeRecord) isForeign(f *event.Image) bool {
	return f.Upper && (f.Writer == nil || !isPackageManager(f.Writer)) || f.Memfd || f.Deleted
}

// isSetuidProgram knows the programs that distributions install with the rights of root.
func isSetuidProgram(file string) bool {
	return isSystemPath(file) && setuidProgram.is(path.Base(file))
}
