package decode

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// tracee reads an event of Tracee, in the form of its versions up to 0.23
// (eventName, args) or of the later ones (name, workload, data), or a finding
// of one of its signatures.
func (d *Decoder) tracee(n *jsonscan.Node, r *event.Runtime) {
	r.Sensor.Name = "tracee"
	if meta := n.Get("SigMetadata"); meta != nil { // of tracee-rules
		d.traceeEvent(n.Get("Context"), r)
		d.traceeAlert(r, cmp.Or(meta.Text("Name"), meta.Text("ID")), meta.Text("Description"), meta.Get("Properties"))
		return
	}
	if n.Has("workload") || !n.Has("eventName") {
		d.traceeNew(n, r)
		return
	}
	d.traceeEvent(n, r)
	if meta := n.Get("metadata"); meta.Kind() == jsonscan.Object {
		properties := meta.Get("Properties")
		d.traceeAlert(r, cmp.Or(properties.Text("signatureName"), n.Text("eventName")), meta.Text("Description"), properties)
	}
}

// traceeAlert makes the verdict of a signature of a record. What is known of the
// signature says how bad it is and, in versions up to 0.23, which tactic it is of.
func (d *Decoder) traceeAlert(r *event.Runtime, rule, text string, properties *jsonscan.Node) {
	r.Kind, r.Alert = event.KindAlert, d.out.runtime.alerts.next()
	*r.Alert = event.Alert{Rule: rule, Text: text}
	if properties == nil { // an event, and no verdict
		return
	}
	r.Alert.Priority = severityOf(cmp.Or(properties.Get("Severity"), properties.Get("severity")))
	tactic := cmp.Or(properties.Text("Category"), properties.Text("mitre", "tactic", "name"))
	technique := cmp.Or(properties.Text("external_id"), properties.Text("mitre", "technique", "id"))
	if tactic != "" {
		r.Alert.Tags = append(r.Alert.Tags, "attack."+strings.ReplaceAll(strings.ToLower(tactic), " ", "-"))
	}
	if technique != "" {
		r.Alert.Tags = append(r.Alert.Tags, technique)
	}
}

func severityOf(n *jsonscan.Node) string {
	if s := n.Text(); s != "" {
		return s
	}
	switch v, _ := whole(n); v {
	case 1:
		return "LOW"
	case 2:
		return "MEDIUM"
	case 3:
		return "HIGH"
	case 4:
		return "CRITICAL"
	}
	return "INFO"
}

// traceeEvent reads the older form.
func (d *Decoder) traceeEvent(n *jsonscan.Node, r *event.Runtime) {
	m := &d.out.runtime
	name := n.Text("eventName")
	if name == "" {
		return
	}
	r.Node.Name, r.Time = n.Text("hostName"), instant(n.Get("timestamp"))
	p := m.processes.next()
	p.PID, p.NamespacePID = id[int](cmp.Or(n.Get("hostProcessId"), n.Get("processId"))), id[int](n.Get("processId"))
	p.Name, p.Executable = n.Text("processName"), n.Text("executable", "path")
	p.UID = id[uint32](n.Get("userId"))
	p.EUID, p.UUID = p.UID, told(n.Get("processEntityId"))
	p.ParentUUID = told(n.Get("parentEntityId"))
	r.Process = p
	if parent := id[int](n.Get("hostParentProcessId")); parent != 0 {
		start := len(m.ancestors.all)
		*m.ancestors.add() = event.Process{PID: parent, UUID: p.ParentUUID}
		r.Ancestors = m.ancestors.since(start)
	}
	box, pod := n.Get("container"), n.Get("kubernetes")
	d.traceeWhere(r, cmp.Or(box.Text("id"), n.Text("containerId")), cmp.Or(box.Text("name"), n.Text("containerName")), cmp.Or(box.Text("image"), n.Text("containerImage")),
		box.Text("imageDigest"), cmp.Or(pod.Text("podName"), n.Text("podName")), cmp.Or(pod.Text("podNamespace"), n.Text("podNamespace")), cmp.Or(pod.Text("podUID"), n.Text("podUID")))
	args := map[string]*jsonscan.Node{}
	for _, a := range n.Get("args").Items() {
		args[a.Text("name")] = a.Get("value")
	}
	d.traceeCall(name, args, r)
	if code, _ := whole(n.Get("returnValue")); code < 0 {
		r.Error = errno(code)
	}
}

// traceeNew reads the newer form.
func (d *Decoder) traceeNew(n *jsonscan.Node, r *event.Runtime) {
	m := &d.out.runtime
	name := n.Text("name")
	if name == "" {
		return
	}
	r.Time = instant(n.Get("timestamp"))
	w := n.Get("workload")
	if v := w.Get("process"); v.Kind() == jsonscan.Object {
		r.Process = m.processes.next()
		traceeProcess(v, r.Process)
		start := len(m.ancestors.all)
		for _, a := range v.Get("ancestors").Items() {
			if len(m.ancestors.all)-start < event.MaxAncestors {
				traceeProcess(a, m.ancestors.add())
			}
		}
		if len(m.ancestors.all) > start {
			r.Ancestors = m.ancestors.since(start)
			r.Process.ParentUUID = r.Ancestors[0].UUID
		}
	}
	box := w.Get("container")
	digest := ""
	if list := box.Strings("image", "repo_digests"); len(list) > 0 {
		digest = list[0]
	}
	d.traceeWhere(r, box.Text("id"), box.Text("name"), box.Text("image", "name"), cmp.Or(digest, box.Text("image", "id")),
		cmp.Or(w.Text("k8s", "pod", "name"), w.Text("pod", "name")), cmp.Or(w.Text("k8s", "namespace", "name"), w.Text("pod", "namespace")), w.Text("k8s", "pod", "uid"))
	args := map[string]*jsonscan.Node{}
	for _, a := range n.Get("data").Items() {
		for _, key := range a.Keys() {
			if key != "name" {
				args[a.Text("name")] = a.Get(key)
			}
		}
	}
	d.traceeCall(name, args, r)
	if t := n.Get("threat"); t.Kind() == jsonscan.Object {
		d.traceeAlert(r, cmp.Or(t.Text("name"), name), t.Text("description"), t)
	}
}

func traceeProcess(n *jsonscan.Node, p *event.Process) {
	p.PID, p.NamespacePID = id[int](cmp.Or(n.Get("host_pid"), n.Get("pid"))), id[int](n.Get("pid"))
	if unique, ok := whole(n.Get("unique_id")); ok && unique != 0 {
		p.UUID = told(cmp.Or(n.Get("unique_id", "value"), n.Get("unique_id")))
	}
	p.Executable, p.UID, p.Start = n.Text("executable", "path"), id[uint32](n.Get("real_user", "id")), instant(n.Get("thread", "start_time"))
	p.EUID, p.Name = p.UID, cmp.Or(n.Text("thread", "name"), shortName(p.Executable))
}

func (d *Decoder) traceeWhere(r *event.Runtime, container, name, image, digest, pod, namespace, uid string) {
	m := &d.out.runtime
	if container != "" {
		r.Container = m.containers.next()
		*r.Container = event.Container{ID: container, Name: name, Image: image, ImageID: digest}
	}
	if pod != "" {
		r.Pod = m.pods.next()
		*r.Pod = event.Pod{Name: pod, Namespace: namespace, UID: uid}
	}
}

// traceeCall gives the record the kind of an event. One that has none is an
// alert by its name: it was asked for.
func (d *Decoder) traceeCall(name string, args map[string]*jsonscan.Node, r *event.Runtime) {
	m := &d.out.runtime
	c := &sensorCall{d: d, r: r, arg: func(name string) *jsonscan.Node {
		v := args[name]
		if inside := v.Get("value"); inside != nil && v.Kind() == jsonscan.Object {
			return inside
		}
		return v
	}}
	if strings.HasPrefix(name, "net_packet_dns") {
		d.traceeDNS(args, r)
		return
	}
	for _, key := range []string{"remote_addr", "addr", "local_addr"} {
		if v := args[key]; v.Kind() == jsonscan.Object {
			c.socket = m.sockets.next()
			at := endOf(cmp.Or(v.Text("sin_addr"), v.Text("sin6_addr")), id[uint16](cmp.Or(v.Get("sin_port"), v.Get("sin6_port"))))
			c.socket.Family, c.socket.Path, c.socket.Type = v.Text("sa_family"), v.Text("sun_path"), told(args["type"])
			if key == "local_addr" {
				c.socket.Local = at
			} else {
				c.socket.Remote = at
			}
			break
		}
	}
	if p := r.Process; p != nil && kindOfCall(name) == event.KindExec {
		p.Executable = cmp.Or(told(args["pathname"]), p.Executable)
		if argv := c.arg("argv").Strings(); len(argv) > 0 {
			p.Args = argv
		}
		for _, env := range c.arg("env").Strings() {
			if v, ok := strings.CutPrefix(env, "LD_PRELOAD="); ok {
				p.Preload = v
			} else if v, ok := strings.CutPrefix(env, "LD_LIBRARY_PATH="); ok {
				p.LibraryPath = v
			}
		}
	}
	if c.do(name) {
		return
	}
	if name == "sched_process_fork" {
		r.Kind = event.KindFork
		return
	}
	d.traceeAlert(r, name, name, nil)
}

// traceeDNS reads the events of DNS packets. The older form has whole packets,
// the newer one questions and answers.
func (d *Decoder) traceeDNS(args map[string]*jsonscan.Node, r *event.Runtime) {
	m := &d.out.runtime
	r.Kind, r.DNS = event.KindDNS, m.lookups.next()
	v := r.DNS
	v.Transport = "UDP"
	packet := cmp.Or(args["proto_dns"], args["dns"])
	questions := cmp.Or(packet.Get("questions"), args["dns_questions"].Get("questions"), args["dns_questions"])
	answers := packet.Get("answers")
	v.ID = id[uint16](cmp.Or(packet.Get("ID"), packet.Get("id")))
	if responses := cmp.Or(args["dns_response"], args["dns_responses"].Get("responses"), args["dns_responses"]); responses != nil {
		first := responses
		if list := responses.Items(); len(list) > 0 {
			first = list[0]
		}
		questions, answers, v.Response = jsonscan.NewArray(cmp.Or(first.Get("query_data"), first.Get("dns_question"))), cmp.Or(first.Get("dns_answer"), first.Get("answers")), true
	}
	if qr, ok := whole(packet.Get("QR")); ok && qr == 1 || packet.True("qr") {
		v.Response = true
	}
	if list := questions.Items(); len(list) > 0 {
		v.Name, v.Type = domain(cmp.Or(list[0].Text("name"), list[0].Text("query"))), cmp.Or(list[0].Text("type"), list[0].Text("query_type"))
	}
	start := len(m.answers.all)
	for _, a := range answers.Items() {
		data := cmp.Or(a.Text("IP"), a.Text("ip"), a.Text("CNAME"), a.Text("cname"), a.Text("PTR"), a.Text("NS"), a.Text("TXT"), a.Text("answer"))
		*m.answers.add() = event.DNSRecord{Name: domain(a.Text("name")), Type: cmp.Or(a.Text("type"), a.Text("answer_type")), Data: data}
	}
	if len(m.answers.all) > start {
		v.Answers = m.answers.since(start)
	}
	here, there := endOf(told(args["src"]), id[uint16](args["src_port"])), endOf(told(args["dst"]), id[uint16](args["dst_port"]))
	if v.Response {
		here, there = there, here
	}
	v.Local, v.Server = here, there
	if v.Name == "" && v.Response { // Tracee tells the names of answers where it does not repeat the question
		if len(v.Answers) > 0 {
			v.Name, v.Type = v.Answers[0].Name, v.Answers[0].Type
		}
	}
}

// errno is the name of an error that a call returned.
func errno(code int64) string {
	switch -code {
	case 1:
		return "EPERM"
	case 2:
		return "ENOENT"
	case 13:
		return "EACCES"
	case 17:
		return "EEXIST"
	case 22:
		return "EINVAL"
	case 111:
		return "ECONNREFUSED"
	case 115:
		return "EINPROGRESS"
	}
	return fmt.Sprintf("errno %d", -code)
}
