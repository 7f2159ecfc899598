package decode

import (
	"cmp"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// tetragon reads an event as Tetragon exports it: one member says what it is
// and holds the process, its parent and what was done.
func (d *Decoder) tetragon(n *jsonscan.Node, r *event.Runtime) {
	r.Sensor.Name, r.Node.Name, r.Time = "tetragon", n.Text("node_name"), instant(n.Get("time"))
	r.Node.Cluster = n.Text("cluster_name")
	for _, key := range n.Keys() {
		v := n.Get(key)
		switch {
		case key == "rate_limit_info", key == "process_throttle":
			r.Kind, r.Status = event.KindStatus, d.out.runtime.statuses.next()
			if lost, ok := whole(v.Get("number_of_dropped_process_events")); ok && lost > 0 {
				r.Status.Lost = map[string]int64{"rate_limit": lost}
			}
			return
		case isTetragonKey([]byte(key)) && v.Kind() == jsonscan.Object:
			d.tetragonWho(v, r)
			d.tetragonWhat(key, v, r)
			return
		}
	}
}

func (d *Decoder) tetragonWhat(key string, v *jsonscan.Node, r *event.Runtime) {
	m := &d.out.runtime
	switch key {
	case "process_exec":
		if strings.Contains(v.Text("process", "flags"), "procFS") { // it ran before Tetragon did
			r.Kind = event.KindFork
			return
		}
		r.Kind, r.Exec = event.KindExec, m.execs.next()
		if p := r.Process; p != nil {
			r.Exec.Path, r.Exec.File.Path, r.Exec.OldUID, r.Exec.OldEUID = p.Executable, p.Executable, p.UID, p.EUID
		}
		properties := v.Get("process", "binary_properties")
		if properties.Has("setuid") || len(properties.Get("privileges_changed").Items()) > 0 {
			r.Exec.Setuid = true
			if ids := v.Get("process", "process_credentials"); ids.Has("uid") {
				r.Exec.OldUID, r.Exec.OldEUID = id[uint32](ids.Get("uid")), id[uint32](ids.Get("uid"))
			}
		}
		if file := properties.Get("file"); file != nil { // is there for files that have no name
			r.Exec.File.Inode = uint64(id[int](file.Get("inode", "number")))
			links, ok := whole(file.Get("inode", "links"))
			r.Exec.File.Deleted = ok && links == 0 || file.Has("inode") && !ok
			r.Exec.File.Memfd = strings.HasPrefix(file.Text("path"), "/memfd:") || strings.HasPrefix(file.Text("path"), "memfd:")
		}
	case "process_exit":
		r.Kind, r.Exit = event.KindExit, m.exits.next()
		r.Exit.Code, r.Exit.Signal = id[int](v.Get("status")), v.Text("signal")
	case "process_loader":
		r.Kind, r.Library = event.KindLibrary, m.libraries.next()
		r.Library.File.Path = v.Text("path")
	default:
		call := cmp.Or(v.Text("function_name"), v.Text("event"), v.Text("symbol"), v.Text("name"))
		if key == "process_tracepoint" {
			call = strings.TrimPrefix(strings.TrimPrefix(call, "sys_enter_"), "sys_exit_")
		}
		r.Kind, r.Alert = event.KindAlert, m.alerts.next()
		*r.Alert = event.Alert{Rule: cmp.Or(v.Text("policy_name"), call), Text: cmp.Or(v.Text("message"), call), Tags: v.Strings("tags")}
		switch v.Text("action") { // a policy watches, but for those that step in
		case "KPROBE_ACTION_SIGKILL", "KPROBE_ACTION_SIGNAL", "KPROBE_ACTION_OVERRIDE", "KPROBE_ACTION_NOTIFYENFORCER":
			r.Alert.Priority = "enforced"
		}
		c := d.tetragonCall(call, v, r)
		c.do(call)
	}
}

// tetragonCall gives the arguments of a hook their names. Tetragon numbers
// them; a policy chooses which, mostly all in the order of the function.
func (d *Decoder) tetragonCall(call string, v *jsonscan.Node, r *event.Runtime) *sensorCall {
	var names []string
	switch kindOfCall(call) {
	case event.KindMount:
		names = []string{"source", "target", "type", "flags"}
	case event.KindUnmount, event.KindChroot:
		names = []string{"path"}
	case event.KindRename, event.KindLink:
		names = []string{"oldpath", "newpath"}
	case event.KindSymlink:
		names = []string{"target", "linkpath"}
	case event.KindOpen:
		names = []string{"path", "flags"}
		if strings.HasPrefix(call, "security_file_permission") {
			names = []string{"path", "mask"}
		}
	case event.KindUnlink, event.KindLibrary, event.KindChmod:
		names = []string{"path", "mode"}
	case event.KindPtrace:
		names = []string{"request", "pid"}
	case event.KindVMRead, event.KindVMWrite:
		names = []string{"pid"}
	case event.KindMemfd:
		names = []string{"name", "flags"}
	case event.KindSetuid:
		names = []string{"uid"}
	case event.KindSetns:
		names = []string{"fd", "nstype"}
	case event.KindUnshare:
		names = []string{"flags"}
	case event.KindSocket:
		names = []string{"family", "type"}
	case event.KindDup:
		names = []string{"oldfd", "newfd"}
	}
	if strings.HasSuffix(call, "at") && len(names) > 0 && names[0] == "path" {
		names = append([]string{"dirfd"}, names...)
	}
	c := &sensorCall{d: d, r: r}
	args := map[string]*jsonscan.Node{}
	for i, a := range v.Get("args").Items() {
		for _, key := range a.Keys() {
			x := a.Get(key)
			switch key {
			case "label":
				continue
			case "sock_arg", "sockaddr_arg", "sockaddrun_arg":
				c.socket = d.tetragonSocket(x)
			case "file_arg", "path_arg", "linux_binprm_arg":
				c.path = x.Text("path")
				args["path"] = x.Get("path")
				continue
			case "module_arg":
				args["name"] = x.Get("name")
			case "bpf_attr_arg", "bpf_prog_arg":
				args["name"], args["type"] = x.Get("ProgName"), x.Get("ProgType")
			case "bpf_cmd_arg":
				args["cmd"] = x
			}
			if i < len(names) {
				args[names[i]] = x
			}
		}
	}
	c.arg = func(name string) *jsonscan.Node { return args[name] }
	return c
}

func (d *Decoder) tetragonSocket(n *jsonscan.Node) *event.Socket {
	s := d.out.runtime.sockets.next()
	s.Family, s.Type, s.Path = n.Text("family"), n.Text("type"), n.Text("path")
	switch n.Text("protocol") {
	case "IPPROTO_TCP":
		s.Protocol = 6
	case "IPPROTO_UDP":
		s.Protocol = 17
	}
	s.Local = endOf(n.Text("saddr"), id[uint16](n.Get("sport")))
	s.Remote = endOf(cmp.Or(n.Text("daddr"), n.Text("addr")), id[uint16](cmp.Or(n.Get("dport"), n.Get("port"))))
	return s
}

// tetragonWho reads the process, those it comes from, its container and pod.
func (d *Decoder) tetragonWho(v *jsonscan.Node, r *event.Runtime) {
	m := &d.out.runtime
	n := v.Get("process")
	if n.Kind() != jsonscan.Object {
		return
	}
	r.Process = m.processes.next()
	tetragonProcess(n, r.Process)
	start := len(m.ancestors.all)
	if parent := v.Get("parent"); parent.Kind() == jsonscan.Object {
		tetragonProcess(parent, m.ancestors.add())
	}
	for _, a := range v.Get("ancestors").Items() {
		if len(m.ancestors.all)-start < event.MaxAncestors {
			tetragonProcess(a, m.ancestors.add())
		}
	}
	if len(m.ancestors.all) > start {
		r.Ancestors = m.ancestors.since(start)
	}
	pod := n.Get("pod")
	if name := pod.Text("name"); name != "" {
		p := m.pods.next()
		p.Name, p.Namespace, p.UID, p.OwnerKind, p.OwnerName = name, pod.Text("namespace"), pod.Text("uid"), pod.Text("workload_kind"), pod.Text("workload")
		r.Pod = p
	}
	full := pod.Text("container", "id")
	if short := n.Text("docker"); full != "" || short != "" {
		c := m.containers.next()
		runtime, cid, found := strings.Cut(full, "://")
		if !found {
			runtime, cid = "", cmp.Or(full, short)
		}
		box := pod.Get("container")
		c.ID, c.Runtime, c.Name = cid, runtime, box.Text("name")
		c.Image, c.ImageID, c.Start = box.Text("image", "name"), box.Text("image", "id"), instant(box.Get("start_time"))
		c.Privileged = box.True("security_context", "privileged")
		r.Container = c
	}
}

func tetragonProcess(n *jsonscan.Node, p *event.Process) {
	p.UUID, p.ParentUUID, p.PID = n.Text("exec_id"), n.Text("parent_exec_id"), id[int](n.Get("pid"))
	p.NamespacePID = id[int](n.Get("pod", "container", "pid"))
	p.Executable, p.Cwd, p.Start = n.Text("binary"), n.Text("cwd"), instant(n.Get("start_time"))
	p.Name = shortName(p.Executable)
	if p.Executable != "" {
		p.Args = split(`"` + p.Executable + `" ` + n.Text("arguments"))
	}
	p.ArgsCut = strings.Contains(n.Text("flags"), "truncArgs")
	p.UID, p.User = id[uint32](n.Get("uid")), n.Text("user", "name")
	p.EUID = p.UID
	if c := n.Get("process_credentials"); c != nil {
		p.UID, p.GID, p.EUID, p.EGID = id[uint32](c.Get("uid")), id[uint32](c.Get("gid")), id[uint32](c.Get("euid")), id[uint32](c.Get("egid"))
	}
	for _, e := range n.Get("environment_variables").Items() {
		switch e.Text("key") {
		case "LD_PRELOAD":
			p.Preload = e.Text("value")
		case "LD_LIBRARY_PATH":
			p.LibraryPath = e.Text("value")
		}
	}
}
