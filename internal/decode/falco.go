package decode

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// falcoDrop begins the rule by which Falco says that it lost system calls.
const falcoDrop = "Falco internal: syscall event drop"

// falco reads an alert of Falco, as it writes it with json_output or as
// Falcosidekick hands it on. What it knows of the process is in output_fields,
// in as far as the rule's output or append_output asks for it.
func (d *Decoder) falco(n *jsonscan.Node, r *event.Runtime) {
	m := &d.out.runtime
	f := n.Get("output_fields")
	r.Sensor.Name, r.Node.Name = "falco", n.Text("hostname")
	if r.Time = instant(n.Get("time")); r.Time.IsZero() {
		r.Time = instant(f.Get("evt.time"))
	}
	rule := n.Text("rule")
	if rule == "" {
		return
	}
	if strings.HasPrefix(rule, falcoDrop) {
		lost, _ := whole(f.Get("n_drops"))
		r.Kind, r.Status = event.KindStatus, m.statuses.next()
		r.Status.Lost = map[string]int64{"syscall": max(lost, 1)}
		return
	}
	r.Kind, r.Alert = event.KindAlert, m.alerts.next()
	*r.Alert = event.Alert{Rule: rule, Priority: n.Text("priority"), Text: n.Text("output"), Tags: n.Strings("tags")}
	if source := n.Text("source"); source != "" && source != "syscall" {
		return // of no process
	}
	d.falcoWho(f, r)
	d.falcoWhere(f, r)
	if res := told(f.Get("evt.res")); strings.HasPrefix(res, "E") {
		r.Error = res
	}
	c := sensorCall{d: d, r: r, path: told(cmp.Or(f.Get("fs.path.name"), f.Get("fd.name"))), socket: falcoSocket(d, f, told(f.Get("evt.type")))}
	c.arg = func(name string) *jsonscan.Node {
		switch name {
		case "fd":
			return f.Get("fd.num")
		case "args", "res", "rawres":
			return f.Get("evt." + name)
		}
		return f.Get("evt.arg." + name)
	}
	if !c.do(told(f.Get("evt.type"))) {
		return
	}
	if x := r.Exec; x != nil {
		flags := told(f.Get("evt.arg.flags"))
		x.Path = told(f.Get("proc.exe"))
		x.File.Upper = f.True("proc.is_exe_upper_layer") || strings.Contains(flags, "EXE_UPPER_LAYER")
		x.File.Memfd = f.True("proc.is_exe_from_memfd") || strings.Contains(flags, "EXE_FROM_MEMFD")
		x.File.CTime, x.File.MTime = instant(f.Get("proc.exe_ino.ctime")), instant(f.Get("proc.exe_ino.mtime"))
	}
}

// falcoWho reads the process and those it comes from.
func (d *Decoder) falcoWho(f *jsonscan.Node, r *event.Runtime) {
	name := told(f.Get("proc.name"))
	if name == "" && told(f.Get("proc.cmdline")) == "" && told(f.Get("proc.exepath")) == "" {
		return
	}
	m := &d.out.runtime
	p := m.processes.next()
	p.PID, p.NamespacePID = id[int](f.Get("proc.pid")), id[int](f.Get("proc.vpid"))
	p.Executable, p.Cwd = told(f.Get("proc.exepath")), strings.TrimSuffix(told(f.Get("proc.cwd")), "/")
	p.Args = split(told(f.Get("proc.cmdline")))
	p.UID, p.GID, p.User = id[uint32](f.Get("user.uid")), id[uint32](f.Get("group.gid")), told(f.Get("user.name"))
	p.EUID, p.EGID = p.UID, p.GID
	p.Start = instant(cmp.Or(f.Get("proc.start_ts"), f.Get("proc.pid.ts")))
	p.TTY = id[uint32](f.Get("proc.tty")) != 0
	p.Name = cmp.Or(name, shortName(p.Executable))
	p.UUID = foreignUUID(r, p)
	r.Process = p
	start := len(m.ancestors.all)
	for i := 1; i <= event.MaxAncestors; i++ {
		a := event.Process{PID: id[int](f.Get(fmt.Sprintf("proc.apid[%d]", i)))}
		if i == 1 {
			a.Name, a.Executable, a.Args = told(f.Get("proc.pname")), told(f.Get("proc.pexepath")), split(told(f.Get("proc.pcmdline")))
			a.PID = cmp.Or(a.PID, id[int](f.Get("proc.ppid")))
		}
		a.Name = cmp.Or(a.Name, told(f.Get(fmt.Sprintf("proc.aname[%d]", i))))
		a.Executable = cmp.Or(a.Executable, told(f.Get(fmt.Sprintf("proc.aexepath[%d]", i))))
		if a.Name == "" && a.Executable == "" {
			break
		}
		if a.Name = cmp.Or(a.Name, shortName(a.Executable)); a.PID != 0 {
			a.UUID = foreignUUID(r, &a)
		}
		*m.ancestors.add() = a
	}
	if len(m.ancestors.all) > start {
		r.Ancestors = m.ancestors.since(start)
		p.ParentUUID = r.Ancestors[0].UUID
	}
}

// foreignUUID stands for a process that has no id of its own.
func foreignUUID(r *event.Runtime, p *event.Process) string {
	if p.PID == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%s:%d:%d", r.Sensor.Name, r.Node.Name, p.PID, max(0, p.Start.Unix()))
}

// falcoWhere reads the container and its pod.
func (d *Decoder) falcoWhere(f *jsonscan.Node, r *event.Runtime) {
	m := &d.out.runtime
	if v := told(f.Get("container.id")); v != "" && v != "host" {
		c := m.containers.next()
		c.ID, c.Name, c.Runtime = v, told(f.Get("container.name")), told(f.Get("container.type"))
		c.Image, c.ImageID = told(f.Get("container.image")), told(f.Get("container.image.digest"))
		if repository, tag := told(f.Get("container.image.repository")), told(f.Get("container.image.tag")); c.Image == "" && repository != "" {
			c.Image = strings.TrimSuffix(repository+":"+tag, ":")
		}
		c.Privileged, c.Start = f.True("container.privileged"), instant(f.Get("container.start_ts"))
		r.Container = c
	}
	if name := told(f.Get("k8s.pod.name")); name != "" {
		p := m.pods.next()
		p.Name, p.Namespace, p.UID = name, told(f.Get("k8s.ns.name")), told(f.Get("k8s.pod.uid"))
		p.Address = told(f.Get("k8s.pod.ip"))
		r.Pod = p
	}
}

// falcoSocket reads the socket that an alert is about, nil if it is about none.
func falcoSocket(d *Decoder, f *jsonscan.Node, call string) *event.Socket {
	v := event.Socket{Type: "SOCK_STREAM"}
	switch f.Text("fd.l4proto") {
	case "tcp":
		v.Protocol = 6
	case "udp":
		v.Protocol, v.Type = 17, "SOCK_DGRAM"
	}
	name := told(f.Get("fd.name"))
	switch kind := f.Text("fd.type"); {
	case kind == "unix":
		v.Family, v.Path = "AF_UNIX", name[strings.LastIndexByte(name, ' ')+1:]
	case kind == "ipv4", kind == "ipv6", strings.Contains(name, "->"):
		client, server, _ := strings.Cut(name, "->")
		v.Local, v.Remote = falcoEnd(f, "l", client), falcoEnd(f, "r", server)
		if !v.Remote.IsValid() {
			v.Local, v.Remote = falcoEnd(f, "c", client), falcoEnd(f, "s", server)
		}
		if strings.HasPrefix(call, "accept") && told(f.Get("fd.rip")) == "" { // Falco names the client first
			v.Local, v.Remote = v.Remote, v.Local
		}
		if v.Family = "AF_INET"; v.Remote.Addr().Is6() || v.Local.Addr().Is6() {
			v.Family = "AF_INET6"
		}
	default:
		return nil
	}
	s := d.out.runtime.sockets.next()
	*s = v
	return s
}

// falcoEnd is one end of a connection: by its own fields, or as the name tells it.
func falcoEnd(f *jsonscan.Node, side, name string) netip.AddrPort {
	if a := endOf(told(f.Get("fd."+side+"ip")), id[uint16](f.Get("fd."+side+"port"))); a.IsValid() {
		return a
	}
	if i := strings.LastIndexByte(name, ':'); i > 0 && !strings.HasPrefix(name, "[") {
		name = "[" + name[:i] + "]" + name[i:]
		if !strings.Contains(name[1:i], ":") {
			name = strings.NewReplacer("[", "", "]", "").Replace(name)
		}
	}
	a, _ := netip.ParseAddrPort(name) // what is none stays unknown
	return a
}
