package detect

import (
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// maliciousFile looks a program up in the lists of bad files.
func maliciousFile(r *runtimeRecord) {
	if r.Exec == nil || len(r.Process.SHA256) != 64 {
		return
	}
	var sum [32]byte
	if _, err := hex.Decode(sum[:], []byte(r.Process.SHA256)); err != nil {
		return
	}
	done := map[string]bool{}
	for _, h := range r.opts.Intel.File(sum) {
		typ := "Execution:Runtime/MaliciousFileExecuted"
		switch h.Category {
		case intel.Custom:
			typ += ".Custom"
		case intel.Cryptocurrency:
			typ = "Impact:Runtime/CryptoMinerExecuted"
		}
		if done[typ] || h.Expired(r.ev.Time) {
			continue
		}
		done[typ] = true
		s := r.claim(typ, r.Process.SHA256)
		s.Runtime.Context.ThreatFilePath = strings.Clone(r.Exec.File.Path)
		s.Intel, s.Info = threats(h), listInfo(h)
		s.Intel[0].ThreatFileSHA256 = strings.Clone(r.Process.SHA256)
		s.Title = fmt.Sprintf("A malicious file was run in %s.", r.where())
		s.Description = fmt.Sprintf("%s was run in %s; the list %q names it by its SHA-256.", upper(processName(r.Process)), r.where(), h.List)
		s.Why = because("the SHA-256 of "+processName(r.Process), h)
		r.raise(s)
	}
}

// fileless looks for programs that lie on no disk.
func fileless(r *runtimeRecord) {
	if r.Exec == nil {
		return
	}
	f := &r.Exec.File
	var why string
	switch {
	case f.Memfd || strings.HasPrefix(fileName(f.Path), "memfd:"):
		why = fmt.Sprintf("its program lies in memory only, in %s, made by memfd_create", oneLine(f.Path))
	case inSharedMemory(f.Path):
		why = fmt.Sprintf("its program, %s, lies in shared memory, on no disk", oneLine(f.Path))
	case f.Deleted && !r.runsItselfAgain():
		why = fmt.Sprintf("its program, %s, was deleted before it was run", oneLine(f.Path))
	default:
		return
	}
	if r.isRuntimeProcess() || r.inImageBuild() {
		return
	}
	s := r.claim("DefenseEvasion:Runtime/FilelessExecution", baseOf(r.parent()))
	s.Title = fmt.Sprintf("A program that lies on no disk was run in %s.", r.where())
	s.Description = fmt.Sprintf("%s was run in %s: %s.", upper(processName(r.Process)), r.where(), why)
	s.Why = why
	r.raise(s)
}

func inSharedMemory(file string) bool {
	return strings.HasPrefix(file, "/dev/shm/") || strings.HasPrefix(file, "/run/shm/")
}

// runsItselfAgain reports whether a program that was deleted is that of its
// parent: one that was replaced by an upgrade while it ran, and starts another
// of itself.
func (r *runtimeRecord) runsItselfAgain() bool {
	parent := r.parent()
	file := fileName(r.Exec.File.Path)
	if parent == nil || !isSystemPath(file) || r.Exec.File.Upper && r.Exec.File.Writer != nil && !isPackageManager(r.Exec.File.Writer) {
		return false
	}
	return exeOf(parent) == file || baseOf(parent) == "systemd" && parent.PID == 1
}

// settling is how long after its start a container may still be made ready, by
// its entrypoint, an init script or a bootstrap, as images do.
const settling = time.Minute

// isNew reports whether a file was written in a container after it was ready.
func (r *runtimeRecord) isNew(f *event.Image) bool {
	if r.Container == nil || !f.Upper && (f.Writer == nil || !isScratch(f.Path)) {
		return false
	}
	changed, start := changedAt(f), r.Container.Start
	if changed.IsZero() {
		changed = r.ev.Time
	}
	if !start.IsZero() && changed.Sub(start) <= settling && !r.broughtIn(f.Writer) {
		return false
	}
	return !r.inImageBuild() && !r.isRuntimeProcess() && !r.isOwnWork()
}

// broughtIn reports whether who uses a file is of a session that was begun from
// outside the container, as by kubectl exec, and who wrote it is of the same or the
// first of another, as of kubectl cp. The program that the container was started
// with has no part in that.
func (r *runtimeRecord) broughtIn(writer *event.Process) bool {
	if writer == nil || r.Process.NamespacePID == 1 {
		return false
	}
	together := writer.UUID == r.Process.UUID || writer.ParentUUID == r.Process.UUID
	for i := range r.Ancestors {
		a := &r.Ancestors[i]
		switch {
		case isOnNode(a):
			return together || writer.NamespacePID > 1 && writer.ParentUUID == a.UUID
		case a.NamespacePID == 1:
			return false
		}
		together = together || a.UUID == writer.UUID || a.UUID == writer.ParentUUID
	}
	return false // its beginning is not known
}

// changedAt is when a file became what it is. Its change time moves with its
// name and mode, too, but nobody can set it back.
func changedAt(f *event.Image) time.Time {
	if !f.WrittenAt.IsZero() {
		return f.WrittenAt
	}
	return f.CTime
}

// isScratch reports whether a path is in a folder where anybody writes, which
// may be a volume of its own.
func isScratch(file string) bool {
	for _, folder := range []string{"/tmp/", "/var/tmp/", "/dev/shm/", "/run/", "/var/run/"} {
		if strings.HasPrefix(file, folder) {
			return true
		}
	}
	return false
}

// isBuild reports whether a file is what a build in the container made and runs:
// a compiler or an installer of a language wrote it, and the program that called
// that one is what it comes from. What a shell compiles and runs is none.
func (r *runtimeRecord) isBuild(writer *event.Process) bool {
	return writer != nil && isLanguageInstaller(writer) && r.comesFromParent(isLanguageInstaller)
}

func (r *runtimeRecord) comesFromParent(is func(*event.Process) bool) bool {
	for i := range r.Ancestors {
		if is(&r.Ancestors[i]) {
			return true
		}
	}
	return false
}

// newBinary looks for programs that came into a container after it was started.
func newBinary(r *runtimeRecord) {
	if r.Exec == nil || !r.isNew(&r.Exec.File) || r.isBuild(r.Exec.File.Writer) {
		return
	}
	f := &r.Exec.File
	// What one program brought is one finding: a package has many programs.
	s := r.claim("Execution:Runtime/NewBinaryExecuted", newBy(f))
	s.Runtime.Context.ModifyingProcess, s.Runtime.Context.ModifiedAt = processOf(f.Writer), epochOf(changedAt(f))
	s.Title = fmt.Sprintf("A program that came after its start was run in %s.", r.where())
	s.Description = fmt.Sprintf("%s was run in %s, and is none of its image: it was written there%s.", upper(oneLine(f.Path)), r.where(), byWhom(f))
	s.Why = fmt.Sprintf("%s lies in the layer that the container writes, changed %s after its start", oneLine(f.Path), r.age(f))
	if !f.Upper {
		s.Why = fmt.Sprintf("%s was written to a volume of the container %s after its start, and then run", oneLine(f.Path), r.age(f))
	}
	r.raise(s)
}

func newBy(f *event.Image) string {
	if f.Writer != nil {
		return processName(f.Writer)
	}
	return f.Path
}

func byWhom(f *event.Image) string {
	if f.Writer == nil {
		return ""
	}
	return " by " + processName(f.Writer)
}

// age is how long after the start of the container a file changed.
func (r *runtimeRecord) age(f *event.Image) string {
	changed := changedAt(f)
	if changed.IsZero() || r.Container.Start.IsZero() {
		return "at some time"
	}
	return changed.Sub(r.Container.Start).Round(time.Second).String()
}

// newLibrary looks for libraries that came into a container after it was started
// and that programs load for no good reason.
func newLibrary(r *runtimeRecord) {
	if r.Library == nil || !r.isNew(&r.Library.File) {
		return
	}
	f, p := &r.Library.File, r.Process
	preloaded := namesLibrary(p.Preload, f.Path)
	switch {
	case preloaded:
	case f.Writer != nil && (isPackageManager(f.Writer) || isLanguageInstaller(f.Writer)):
		return // the program that it came with is told of
	case f.Writer != nil && f.Writer.UUID == p.UUID:
		return // it unpacked its own library, as programs of Java and Python do
	case !isLinkerPath(f.Path) && !isScratch(f.Path) && !namesLibrary(p.LibraryPath, path.Dir(f.Path)) && !strings.Contains(f.Path, "/."):
		return
	}
	s := r.claim("Execution:Runtime/NewLibraryLoaded", newBy(f)+"|"+path.Base(f.Path))
	c := s.Runtime.Context
	c.ModifyingProcess, c.ModifiedAt, c.LibraryPath = processOf(f.Writer), epochOf(changedAt(f)), strings.Clone(f.Path)
	c.LdPreloadValue = strings.Clone(p.Preload)
	s.Title = fmt.Sprintf("A library that came after its start was loaded in %s.", r.where())
	s.Description = fmt.Sprintf("%s in %s loaded %s, which is none of its image: it was written there%s.", upper(processName(p)), r.where(), oneLine(f.Path), byWhom(f))
	s.Why = fmt.Sprintf("%s changed %s after the start of the container", oneLine(f.Path), r.age(f))
	if preloaded {
		s.Why += fmt.Sprintf("; LD_PRELOAD is %q", p.Preload)
	}
	r.raise(s)
}

// namesLibrary reports whether a list such as LD_PRELOAD has a file or folder.
func namesLibrary(list, file string) bool {
	for _, name := range strings.FieldsFunc(list, func(c rune) bool { return c == ':' || c == ' ' }) {
		if name == file || !strings.Contains(name, "/") && name == path.Base(file) {
			return true
		}
	}
	return false
}

// isLinkerPath reports whether the linker looks in a file's folder by itself.
func isLinkerPath(file string) bool {
	switch dir := path.Dir(file); {
	case dir == "/lib", dir == "/lib64", dir == "/usr/lib", dir == "/usr/lib64", dir == "/usr/local/lib", dir == "/usr/local/lib64":
		return true
	default:
		return strings.HasSuffix(dir, "-linux-gnu") || strings.HasSuffix(dir, "-linux-musl")
	}
}
