package sensor

import (
	"path"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/container"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/proc"
)

// handle takes in one record of the kernel: what it changes in the table
// always, what it tells only if that is wanted.
func (s *Sensor) handle(rec *kernel.Record) error {
	if rec.Actor.Kernel || s.elsewhere(&rec.Actor) { // a thread of the kernel does nothing for anybody
		s.tally.filtered[kindName(rec.Kind)]++
		return nil
	}
	switch {
	case rec.Exec != nil:
		return s.exec(rec)
	case rec.Fork != nil:
		return s.fork(rec)
	case rec.Exit != nil:
		return s.exit(rec)
	case rec.Call != nil:
		return s.call(rec)
	case rec.Network != nil:
		return s.network(rec)
	}
	return nil
}

// elsewhere reports whether a process is of another node on the same machine,
// whose own sensor tells of it.
func (s *Sensor) elsewhere(a *kernel.Actor) bool { return s.shares && a.Local == 0 }

func keyOf(p kernel.Process) proc.Key { return proc.KeyOf(int(p.PID), uint64(p.Start)) }

// actor is the process of a record, as it is after what the record tells.
func (s *Sensor) actor(a *kernel.Actor) *proc.Process {
	k := keyOf(a.Process)
	p := s.table.Get(k)
	if p == nil {
		p = s.learn(k, a)
	}
	s.refresh(p, a)
	return p
}

// learn adds a process whose beginning was missed: from /proc, if it is still
// there, else from what the record says of it.
func (s *Sensor) learn(k proc.Key, a *kernel.Actor) *proc.Process {
	found := s.find(k, int(a.Local))
	up := keyOf(a.Parent)
	parent := s.table.Get(up)
	if parent == nil && found != nil && found.Parent > 0 {
		if f, err := proc.Read(s.opts.Proc, found.Parent); err == nil && f.Key.Start == up.Start {
			parent = s.addFound(up, f, nil)
		}
	}
	if found == nil {
		return s.table.Add(k, event.Process{Start: s.clock.Time(uint64(a.Start))}, parent)
	}
	if s.groupOf(a.Cgroup) == "" {
		s.groups.Tell(a.Cgroup, found.Cgroup)
	}
	return s.addFound(k, found, parent)
}

// find looks a process up in /proc by its number there; nil when it is gone.
func (s *Sensor) find(k proc.Key, pid int) *proc.Found {
	if pid == 0 {
		return nil
	}
	if f, err := proc.Read(s.opts.Proc, pid); err == nil && f.Key.Start == k.Start {
		return f
	}
	return nil
}

// addFound adds a process as /proc tells it.
func (s *Sensor) addFound(k proc.Key, f *proc.Found, parent *proc.Process) *proc.Process {
	info := f.Info
	plainProcess(&info)
	info.Start = s.clock.KeyTime(k)
	p := s.table.Add(k, info, parent)
	p.Local, p.Caps, p.CapsKnown, p.PIDNS, p.Inside = f.Info.PID, f.Caps, true, f.PIDNS, true
	return p
}

// plainProcess makes UTF-8 of what /proc told.
func plainProcess(p *event.Process) {
	p.Name, p.Executable, p.Cwd = text(p.Name), text(p.Executable), text(p.Cwd)
	p.Preload, p.LibraryPath = text(p.Preload), text(p.LibraryPath)
	texts(p.Args)
}

// refresh takes in what each record says of its process.
func (s *Sensor) refresh(p *proc.Process, a *kernel.Actor) {
	p.PIDNS, p.Local = a.PIDNS, int(a.Local)
	if p.Cgroup != a.Cgroup {
		// A group that is gone may be named by a later record.
		if path := s.groupOf(a.Cgroup); path != "" {
			p.Cgroup = a.Cgroup
			s.table.Enter(p, s.placeOf(path))
		}
	}
	i := p.Info
	name, pid := text(a.Comm), p.Key.PID
	if p.Local != 0 {
		pid = p.Local
	}
	if i.Name != name || i.PID != pid || i.UID != a.UID || i.GID != a.GID || i.EUID != a.EUID || i.EGID != a.EGID || i.NamespacePID != int(a.NSPID) {
		s.table.Change(p, func(i *event.Process) {
			i.Name, i.PID, i.NamespacePID = name, pid, int(a.NSPID)
			i.UID, i.GID, i.EUID, i.EGID = a.UID, a.GID, a.EUID, a.EGID
		})
	}
}

// nameUser finds the name of a process's user.
func (s *Sensor) nameUser(p *proc.Process) {
	if p.Place != "" && !p.Inside {
		return
	}
	if user := text(s.users.Name(p.Place, p.Info.UID, func() []proc.Root { return s.placeRoots(p) })); user != p.Info.User {
		s.table.Change(p, func(i *event.Process) { i.User = user })
	}
}

// rootsOf is where a process has its root folder.
func (s *Sensor) rootsOf(p *proc.Process) []proc.Root {
	switch {
	case p.Place == "":
		return []proc.Root{proc.Folder(s.opts.HostRoot)}
	case !p.Inside:
		return nil
	}
	if p.Local == 0 {
		return nil
	}
	return []proc.Root{proc.RootOf(s.opts.Proc, p.Local, p.Key, s.host.root)}
}

// placeRoots is where the users of a process's place may be found: its first
// process comes first, as others may have changed their root.
func (s *Sensor) placeRoots(p *proc.Process) []proc.Root {
	own, others := s.rootsOf(p), s.othersOf(p)
	if p.Info.NamespacePID == 1 {
		return append(own, others...)
	}
	return append(others, own...)
}

// othersOf are the roots of others in its place, which may outlive it.
func (s *Sensor) othersOf(p *proc.Process) (out []proc.Root) {
	if p.Place != "" {
		for _, other := range s.table.Others(p) {
			out = append(out, s.rootsOf(other)...)
		}
	}
	return out
}

func (s *Sensor) groupOf(id uint64) string {
	path, _ := s.groups.Path(id)
	return path
}

// containerOf is the container that a process is in; nil for the node's own.
func (s *Sensor) containerOf(p *proc.Process) *container.Container {
	if p.Place == "" {
		return nil
	}
	return s.store.Find(s.groupOf(p.Cgroup))
}

// fork adds a process. Most become another program at once, so that little is
// done here.
func (s *Sensor) fork(rec *kernel.Record) error {
	k := keyOf(rec.Actor.Process)
	p := s.table.Get(k)
	if p == nil {
		parent := s.table.Get(keyOf(rec.Fork.By))
		if parent == nil {
			parent = s.table.Get(keyOf(rec.Actor.Parent))
		}
		if parent == nil {
			p = s.learn(k, &rec.Actor)
		} else {
			p = s.table.Fork(k, parent, s.clock.Time(uint64(rec.Actor.Start)))
		}
	}
	s.refresh(p, &rec.Actor)
	return s.tell(rec, p, event.KindFork)
}

func (s *Sensor) exit(rec *kernel.Record) error {
	p := s.actor(&rec.Actor)
	s.table.Exit(p.Key)
	s.out.Exit = &event.Exit{Code: rec.Exit.Code, Signal: signalName(rec.Exit.Signal)}
	return s.tell(rec, p, event.KindExit)
}

// exec makes a process another program.
func (s *Sensor) exec(rec *kernel.Record) error {
	e := rec.Exec
	s.groups.Tell(rec.Actor.Cgroup, e.CgroupParent, e.Cgroup)
	k := keyOf(rec.Actor.Process)
	var before *event.Process
	if old := s.table.Get(k); old != nil {
		before = old.Info
	}
	p := s.actor(&rec.Actor)
	if before == nil {
		before = p.Info
	}
	starts := !p.Inside
	p.Inside = true
	args := texts(append([]string(nil), e.Args...))
	image := s.image(e.Path, &e.File, &e.Writer)
	if starts && p.Place != "" && e.File.FileSystem == kernel.MagicOverlay && !e.File.Upper {
		s.noteRoot(p, &e.File)
	}
	sum := s.hash(&e.File, p, image.Path)
	s.table.Change(p, func(i *event.Process) {
		i.Executable, i.SHA256, i.Cwd = image.Path, sum, text(cwdOf(e))
		i.Args, i.ArgsCut = args, e.ArgsCut || e.ArgsLost
		i.Script, i.TTY = "", e.TTY != 0
		if e.Interpreter != "" {
			i.Script = text(absolute(e.Filename, e.Cwd.Name))
		}
		i.Preload, i.LibraryPath = loader(e.Env)
	})
	p.Caps, p.CapsKnown = e.Capabilities, true
	for fd := range e.Streams {
		p.Streams[fd] = s.stdio(fd, &e.Streams[fd], rec.Actor.NetNS)
	}
	c := s.containerOf(p)
	switch {
	case c == nil && rec.Actor.UID == 0:
		s.store.Starting(e.Args)
	case c != nil && !image.Upper && !image.Memfd && s.store.Builder(c, image.Path):
		p.Builds = true
	}
	s.out.Exec = &event.Exec{
		Path: text(e.Filename), File: image, FDs: streams(p), OldUID: before.UID, OldEUID: before.EUID,
		Setuid: e.Secure && raised(before, &rec.Actor),
	}
	if len(args) != len(p.Info.Args) || p.Info.ArgsCut != (e.ArgsCut || e.ArgsLost) { // this record has them all
		whole := *p.Info
		whole.Args, whole.ArgsCut = args, e.ArgsCut || e.ArgsLost
		s.out.Process = &whole
	}
	return s.tell(rec, p, event.KindExec)
}

// cwdOf is the working directory as getcwd names it, which marks one that cannot
// be reached from the process's root: the node's, in a container that runtimes were led out of.
func cwdOf(e *kernel.Exec) string {
	if e.Cwd.Outside {
		return "(unreachable)" + e.Cwd.Name
	}
	return e.Cwd.Name
}

// raised reports whether it was the file that gave rights: the kernel calls a
// program secure, too, when its process had others than its user's before.
func raised(before *event.Process, now *kernel.Actor) bool {
	had := before.UID != before.EUID || before.GID != before.EGID
	return !had || before.EUID != now.EUID || before.EGID != now.EGID
}

// absolute makes a path whole that begins where the process was.
func absolute(name, cwd string) string {
	if path.IsAbs(name) || name == "" {
		return name
	}
	return path.Join(cwd, name)
}

// loader finds the two variables among those that the kernel picks out.
func loader(env []string) (preload, library string) {
	for _, v := range env {
		if rest, ok := strings.CutPrefix(v, "LD_PRELOAD="); ok && preload == "" {
			preload = text(rest)
		}
		if rest, ok := strings.CutPrefix(v, "LD_LIBRARY_PATH="); ok && library == "" {
			library = text(rest)
		}
	}
	return preload, library
}

// hash is the SHA-256 of what a process runs, if it is to be had.
func (s *Sensor) hash(f *kernel.File, p *proc.Process, name string) string {
	if s.opts.HashRate < 0 || f.Inode == 0 || s.budget.sheds(s.weight[event.KindExec]) {
		return ""
	}
	id := s.fileID(f, p)
	sum, skipped := s.hasher.Sum(id, name, func() (int, []proc.Root) {
		return p.Local, append(s.rootsOf(p), s.othersOf(p)...)
	})
	if skipped != "" {
		s.tally.skipped[skipped]++
	}
	return sum
}

// image describes a file that is run or mapped as code.
func (s *Sensor) image(at kernel.Path, f *kernel.File, w *kernel.Writer) event.Image {
	i := event.Image{
		Path: text(at.Name), Device: deviceNumber(f.Device), Inode: f.Inode, Mode: f.Mode & 0o7777,
		CTime: f.Changed.UTC(), MTime: f.Modified.UTC(), FileSystem: fileSystem(f.FileSystem),
		Memfd: at.Detached && strings.HasPrefix(at.Name, "memfd:"), Upper: f.Upper,
	}
	i.Deleted = f.Links == 0 && !i.Memfd
	if w.PID != 0 {
		i.WrittenAt = s.clock.Time(uint64(w.Time))
		i.Writer = s.known(w.Process, w.Comm)
	}
	return i
}

// known is what is known of a process that a record names.
func (s *Sensor) known(p kernel.Process, comm string) *event.Process {
	k := keyOf(p)
	if known := s.table.Get(k); known != nil {
		return known.Info
	}
	return &event.Process{UUID: k.UUID(s.host.node.BootID), PID: k.PID, Name: text(comm), Start: s.clock.Time(uint64(p.Start))}
}

// tell completes the record whose body is made, and sends it if it is wanted.
func (s *Sensor) tell(rec *kernel.Record, p *proc.Process, kind event.RuntimeKind) error {
	s.out.Kind = kind
	if !s.passes(rec.Time, p) {
		s.reset()
		return nil
	}
	s.out.Time = s.clock.Time(uint64(rec.Time))
	s.nameUser(p)
	if s.out.Process == nil {
		s.out.Process = p.Info
	} else {
		s.out.Process.User = p.Info.User
	}
	s.line.parents = p.Ancestors()
	s.ancestors = s.ancestors[:0]
	for _, a := range s.line.parents {
		s.ancestors = append(s.ancestors, *a)
	}
	s.out.Ancestors = s.ancestors
	if c := s.containerOf(p); c != nil {
		s.out.Container, s.out.Pod = s.store.Describe(c, p.Builds)
	}
	return s.send()
}

// passes reports whether a record is wanted, and counts it if not.
func (s *Sensor) passes(at time.Duration, p *proc.Process) bool {
	kind := s.out.Kind
	switch {
	case !s.wanted[kind] || !s.wantedPlace(p.Place):
		s.tally.filtered[string(kind)]++
		return false
	case s.budget.sheds(s.weight[kind]):
		s.tally.lost[lostCPU]++
		return false
	case s.fold.again(at, p, &s.out):
		s.tally.filtered[string(kind)]++
		return false
	}
	return true
}

func (s *Sensor) wantedPlace(id string) bool {
	if len(s.opts.InContainers) == 0 {
		return true
	}
	for _, prefix := range s.opts.InContainers {
		if strings.HasPrefix(id, prefix) {
			return true
		}
	}
	return false
}
