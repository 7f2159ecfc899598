package decode

import (
	"errors"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// runtime decodes b as a record of a sensor of ours if it is one.
func (d *Decoder) runtime(b []byte, cut bool, at time.Time) (n int, is bool, err error) {
	s := &d.sensor // not on the stack: its readers are passed as values
	*s = jsonscan.Scanner{Data: b}
	r := d.out.runtime.records.next()
	err = d.runtimeRecord(s, r)
	if r.Version == "" {
		return 0, false, err
	}
	switch {
	case err != nil && (!cut || !errors.Is(err, jsonscan.ErrCut)):
		return 0, true, from(event.RuntimeEvents, err)
	case r.Kind == "" && err != nil: // cut before it said what it is
		return 0, true, err
	case r.Kind == "":
		return 0, true, from(event.RuntimeEvents, malformed(event.ReasonBadField, "a record of a sensor without kind"))
	case err == nil && r.Time.IsZero() && at.IsZero():
		d.timeless(event.RuntimeEvents, "a record of a sensor without time", b[:s.Pos])
		return s.Pos, true, nil
	}
	d.addRuntime(r, b[:s.Pos], err != nil, at)
	return s.Pos, true, nil
}

// addRuntime appends a record of a sensor.
func (d *Decoder) addRuntime(r *event.Runtime, raw []byte, truncated bool, at time.Time) {
	d.complete(r)
	e := d.add(event.RuntimeEvents, raw, truncated)
	e.Runtime, e.Time, e.Scope = r, either(r.Time, at), d.runtimeScope(&r.Node)
}

// runtimeScope is the scope of a record of a node: what the node says it
// belongs to, and else what the chunk says. OneAccount leaves it its cluster only.
func (d *Decoder) runtimeScope(n *event.Node) event.Scope {
	s := d.scope
	if n.Cluster != "" && n.Cluster != s.Cluster && isCluster(n.Cluster) {
		s.Cluster = d.name(n.Cluster)
	}
	if n.Account != "" && !d.chunk.OneAccount && (n.Account == d.lastAccount || event.IsAccount(n.Account)) {
		s.Account = d.account(n.Account)
	}
	if n.Region != "" && !d.chunk.OneAccount && (n.Region == d.lastRegion || isRegion(n.Region)) {
		s.Region = d.region(n.Region)
	}
	return s
}

// isCluster reports whether s can be the name of a cluster.
func isCluster(s string) bool {
	if s == "" || len(s) > 100 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '-' || c == '_' || c == '.'):
		default:
			return false
		}
	}
	return true
}

// complete gives a record the body of its kind where it has none, because it
// was cut or had nothing to say, so that nobody need ask whether it is there.
func (d *Decoder) complete(r *event.Runtime) {
	m := &d.out.runtime
	switch r.Kind {
	case event.KindExec:
		orNext(&r.Exec, &m.execs)
	case event.KindExit:
		orNext(&r.Exit, &m.exits)
	case event.KindOpen, event.KindRename, event.KindUnlink, event.KindLink, event.KindSymlink, event.KindChmod, event.KindChroot, event.KindHandle:
		orNext(&r.File, &m.files)
	case event.KindLibrary:
		orNext(&r.Library, &m.libraries)
	case event.KindConnect, event.KindAccept, event.KindListen, event.KindBind, event.KindSocket:
		orNext(&r.Net, &m.connections)
	case event.KindDup:
		orNext(&r.Dup, &m.dups)
	case event.KindDNS:
		orNext(&r.DNS, &m.lookups)
	case event.KindMount, event.KindUnmount:
		orNext(&r.Mount, &m.mounts)
	case event.KindModule, event.KindBPF:
		orNext(&r.Module, &m.modules)
	case event.KindPtrace, event.KindVMRead, event.KindVMWrite, event.KindProcMem:
		orNext(&r.Target, &m.targets)
	case event.KindMemfd, event.KindProtect:
		orNext(&r.Memory, &m.memories)
	case event.KindSetuid, event.KindCapset:
		orNext(&r.Creds, &m.creds)
	case event.KindSetns, event.KindUnshare:
		orNext(&r.Namespace, &m.namespaces)
	case event.KindStratum:
		orNext(&r.Stratum, &m.strata)
	case event.KindStatus:
		orNext(&r.Status, &m.statuses)
	case event.KindAlert:
		orNext(&r.Alert, &m.alerts)
	}
}

func orNext[T any](at **T, from *slabs[T]) {
	if *at == nil {
		*at = from.next()
	}
}

// runtimeRecord reads the members of one record in a single pass. On ErrCut
// those before the cut are there.
func (d *Decoder) runtimeRecord(s *jsonscan.Scanner, r *event.Runtime) error {
	if err := s.Enter('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if err != nil || !ok {
			return err
		}
		if err := d.runtimeMember(s, key, r); err != nil {
			return err
		}
	}
}

func (d *Decoder) runtimeMember(s *jsonscan.Scanner, key []byte, r *event.Runtime) (err error) {
	m := &d.out.runtime
	switch string(key) {
	case "runtimeVersion":
		if err = text(s, key, &r.Version); err == nil && r.Version != event.RuntimeVersion {
			return from(event.RuntimeEvents, malformed(event.ReasonVersion, "records of sensors of version %q are not read, %s is: use a server as new as its sensors", r.Version, event.RuntimeVersion))
		}
	case "kind":
		return text(s, key, (*string)(&r.Kind))
	case "time":
		r.Time, err = d.times.read(s, key)
	case "sensor":
		return readSensor(s, key, &r.Sensor)
	case "node":
		return readNode(s, key, &r.Node)
	case "process":
		return optional(s, key, &r.Process, &m.processes, d.readProcess)
	case "ancestors":
		r.Ancestors, err = list(s, key, &m.ancestors, d.readProcess)
	case "container":
		return optional(s, key, &r.Container, &m.containers, d.readContainer)
	case "pod":
		return optional(s, key, &r.Pod, &m.pods, d.readPod)
	case "error":
		return text(s, key, &r.Error)
	case "exec":
		return optional(s, key, &r.Exec, &m.execs, d.readExec)
	case "exit":
		return optional(s, key, &r.Exit, &m.exits, d.readExit)
	case "file":
		return optional(s, key, &r.File, &m.files, d.readFile)
	case "library":
		return optional(s, key, &r.Library, &m.libraries, d.readLibrary)
	case "network":
		return optional(s, key, &r.Net, &m.connections, d.readConnection)
	case "dup":
		return optional(s, key, &r.Dup, &m.dups, d.readDup)
	case "dns":
		return optional(s, key, &r.DNS, &m.lookups, d.readLookup)
	case "mount":
		return optional(s, key, &r.Mount, &m.mounts, d.readMount)
	case "module":
		return optional(s, key, &r.Module, &m.modules, d.readModule)
	case "target":
		return optional(s, key, &r.Target, &m.targets, d.readTarget)
	case "memory":
		return optional(s, key, &r.Memory, &m.memories, d.readMemory)
	case "credentials":
		return optional(s, key, &r.Creds, &m.creds, d.readCreds)
	case "namespace":
		return optional(s, key, &r.Namespace, &m.namespaces, d.readNamespace)
	case "stratum":
		return optional(s, key, &r.Stratum, &m.strata, d.readStratum)
	case "status":
		return optional(s, key, &r.Status, &m.statuses, d.readStatus)
	case "alert":
		return optional(s, key, &r.Alert, &m.alerts, d.readAlert)
	default:
		_, err = s.Skip()
	}
	return err
}
