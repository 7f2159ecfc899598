package sensor

import "github.com/vedette-project/vedette/internal/event"

// body appends the body that a record has. One of another sensor's verdict
// comes from nowhere here.
func (w *writer) body(r *event.Runtime) {
	switch {
	case r.Exec != nil:
		w.exec(r.Exec)
	case r.Exit != nil:
		w.open("exit")
		w.int("code", int64(r.Exit.Code))
		w.text("signal", r.Exit.Signal)
		w.close()
	case r.File != nil:
		w.file(r.File)
	case r.Library != nil:
		w.open("library")
		w.image("file", &r.Library.File)
		w.close()
	case r.Net != nil:
		w.open("network")
		w.socket("socket", &r.Net.Socket)
		w.flag("established", r.Net.Established)
		w.someInt("count", int64(r.Net.Count))
		w.close()
	case r.Dup != nil:
		w.dup(r.Dup)
	case r.DNS != nil:
		w.dns(r.DNS)
	default:
		w.rare(r)
	}
}

// rare appends the bodies that come seldom.
func (w *writer) rare(r *event.Runtime) {
	switch {
	case r.Mount != nil:
		w.open("mount")
		w.text("source", r.Mount.Source)
		w.always("target", r.Mount.Target)
		w.text("fileSystem", r.Mount.FileSystem)
		w.texts("flags", r.Mount.Flags)
		w.close()
	case r.Module != nil:
		w.open("module")
		w.text("name", r.Module.Name)
		w.text("path", r.Module.Path)
		w.text("sha256", r.Module.SHA256)
		w.text("type", r.Module.Type)
		w.close()
	case r.Target != nil:
		w.open("target")
		w.open("process")
		w.process(&r.Target.Process)
		w.close()
		w.text("request", r.Target.Request)
		w.someInt("bytes", r.Target.Bytes)
		w.close()
	case r.Memory != nil:
		w.open("memory")
		w.text("name", r.Memory.Name)
		w.texts("flags", r.Memory.Flags)
		w.someUint("start", r.Memory.Start)
		w.someUint("size", r.Memory.Size)
		w.close()
	case r.Creds != nil:
		w.open("credentials")
		w.uint("oldUid", uint64(r.Creds.OldUID))
		w.uint("oldEuid", uint64(r.Creds.OldEUID))
		w.texts("addedCapabilities", r.Creds.Added)
		w.close()
	case r.Namespace != nil:
		w.open("namespace")
		w.array("types", r.Namespace.Types)
		w.flag("host", r.Namespace.Host)
		w.close()
	case r.Stratum != nil:
		w.open("stratum")
		w.always("method", r.Stratum.Method)
		w.text("user", r.Stratum.User)
		w.text("agent", r.Stratum.Agent)
		w.socket("socket", &r.Stratum.Socket)
		w.close()
	case r.Status != nil:
		w.status(r.Status)
	}
}

func (w *writer) exec(e *event.Exec) {
	w.open("exec")
	w.text("path", e.Path)
	w.image("file", &e.File)
	w.stdio(e.FDs)
	w.uint("oldUid", uint64(e.OldUID))
	w.uint("oldEuid", uint64(e.OldEUID))
	w.flag("setuid", e.Setuid)
	w.close()
}

func (w *writer) image(name string, i *event.Image) {
	w.open(name)
	w.text("path", i.Path)
	w.someUint("device", i.Device)
	w.someUint("inode", i.Inode)
	w.someUint("mode", uint64(i.Mode))
	w.time("ctime", i.CTime)
	w.time("mtime", i.MTime)
	w.text("fileSystem", i.FileSystem)
	w.flag("memfd", i.Memfd)
	w.flag("deleted", i.Deleted)
	w.flag("upper", i.Upper)
	if i.Writer != nil {
		w.open("writer")
		w.process(i.Writer)
		w.close()
	}
	w.time("writtenAt", i.WrittenAt)
	w.close()
}

func (w *writer) stdio(all []event.Stdio) { list(w, "stdio", all, w.descriptor) }

func (w *writer) descriptor(s *event.Stdio) {
	w.int("fd", int64(s.FD))
	w.always("kind", s.Kind)
	w.text("path", s.Path)
	w.someUint("inode", s.Inode)
	if s.Socket != nil {
		w.socket("socket", s.Socket)
	}
}

func (w *writer) socket(name string, s *event.Socket) {
	w.open(name)
	w.always("family", s.Family)
	w.text("type", s.Type)
	w.someUint("protocol", uint64(s.Protocol))
	w.end("local", s.Local)
	w.end("remote", s.Remote)
	w.text("path", s.Path)
	w.someUint("inode", s.Inode)
	w.flag("accepted", s.Accepted)
	w.close()
}

func (w *writer) file(f *event.FileChange) {
	w.open("file")
	w.always("path", f.Path)
	w.text("newPath", f.NewPath)
	w.texts("flags", f.Flags)
	w.someUint("mode", uint64(f.Mode))
	w.flag("created", f.Created)
	w.flag("host", f.Host)
	w.close()
}

func (w *writer) dup(d *event.Dup) {
	w.open("dup")
	w.int("old", int64(d.Old))
	w.descriptor(&d.Stdio)
	w.stdio(d.All)
	w.close()
}

func (w *writer) dns(l *event.Lookup) {
	w.open("dns")
	w.always("transport", l.Transport)
	w.end("server", l.Server)
	w.end("local", l.Local)
	w.uint("id", uint64(l.ID))
	w.flag("response", l.Response)
	w.always("name", l.Name)
	w.always("type", l.Type)
	w.text("rcode", l.Rcode)
	list(w, "answers", l.Answers, func(a *event.DNSRecord) {
		w.text("name", a.Name)
		w.always("type", a.Type)
		w.always("data", a.Data)
	})
	w.close()
}

func (w *writer) status(s *event.Status) {
	w.open("status")
	w.float("upSeconds", s.Up)
	w.float("cpuSeconds", s.CPU)
	w.int("rssBytes", s.RSS)
	w.int("seen", s.Seen)
	w.int("sent", s.Sent)
	w.counts("lost", s.Lost)
	w.counts("filtered", s.Filtered)
	w.someInt("discarded", s.Discarded)
	if b := s.Before; b != nil {
		w.open("before")
		w.always("session", b.ID)
		w.uint("sequence", b.Sequence)
		w.time("last", b.Last)
		w.close()
	}
	w.texts("missing", s.Missing)
	w.flag("ending", s.Ending)
	w.close()
}
