//go:build linux && (amd64 || arm64)

package kernel

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// settings is bpf/common.bpf.h's struct config.
type settings struct {
	Self      uint32
	HostMount uint32
	Subsys    int32
	Flags     uint32
	Wake      uint64
	Interval  uint64
	Burst     uint64
	Nonce     uint64
	PIDNS     uint32
	Level     uint32
}

const (
	settingWatch    = 1 << 0
	settingFoldHost = 1 << 1
)

// configure writes what the programs need to know before they run.
func (p *Probe) configure() error {
	subsys, err := cgroupSubsys()
	if err != nil {
		return err
	}
	s := settings{
		Subsys:   subsys,
		Wake:     uint64(p.opts.RingBytes / 8),
		Interval: uint64(time.Second) / uint64(p.opts.Rate),
		Burst:    uint64(p.opts.Burst),
	}
	s.HostMount = hostMount()
	if p.opts.WritersOnHost {
		s.Flags |= settingFoldHost
	}
	if len(p.opts.Only) > 0 {
		s.Flags |= settingWatch
	}
	for _, pid := range p.opts.Only {
		if err := p.coll.Maps["watch"].Put(pid, uint8(1)); err != nil {
			return fmt.Errorf("kernel: watch process %d: %w", pid, err)
		}
	}
	var nonce [8]byte
	rand.Read(nonce[:])
	s.Nonce = binary.LittleEndian.Uint64(nonce[:]) | 1<<63 // no command of fcntl
	p.nonce = s.Nonce
	if err := p.coll.Maps["config"].Put(uint32(0), s); err != nil {
		return fmt.Errorf("kernel: configure the programs: %w", err)
	}
	return nil
}

// identify tells the programs which process is the sensor, so that they pass
// over it: by a call that nobody else makes. Its own number would be wrong in
// a pid namespace.
func (p *Probe) identify() error {
	syscall.Syscall(syscall.SYS_FCNTL, ^uintptr(0), uintptr(uint32(p.nonce)), uintptr(p.nonce))
	var s settings
	if err := p.coll.Maps["config"].Lookup(uint32(0), &s); err != nil {
		return fmt.Errorf("kernel: read the programs' configuration: %w", err)
	}
	if s.Self == 0 {
		return fmt.Errorf("%w: the program at the end of system calls does not run", ErrNotSupported)
	}
	s.Nonce = 0
	p.nested = s.Level > 0
	if err := p.coll.Maps["config"].Put(uint32(0), s); err != nil {
		return fmt.Errorf("kernel: configure the programs: %w", err)
	}
	return nil
}

// hostMount is the host's mount namespace: that of the first process or, where
// that must not be asked, of the kernel's first thread. 0: not known, then only
// the pid namespace says what is contained.
func hostMount() uint32 {
	if link, err := os.Readlink("/proc/self/ns/pid"); err != nil || link != firstPIDNS && os.Getpid() == 1 {
		return 0 // process 1 is the sensor itself, in a namespace of its own
	}
	for _, path := range []string{"/proc/1/ns/mnt", "/proc/2/ns/mnt"} {
		var st syscall.Stat_t
		if syscall.Stat(path, &st) == nil {
			return uint32(st.Ino)
		}
	}
	return 0
}

// firstPIDNS is what the kernel calls the pid namespace it starts with, always.
const firstPIDNS = "pid:[4026531836]"

// cgroupSubsys is the index of the v1 controller whose cgroup says in which
// container a process is; -1 where all controllers are of cgroup v2.
func cgroupSubsys() (int32, error) {
	text, err := os.ReadFile("/proc/cgroups")
	if err != nil {
		return 0, fmt.Errorf("kernel: find the cgroup controllers: %w", err)
	}
	name := v1Controller(string(text))
	if name == "" {
		return -1, nil
	}
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return 0, fmt.Errorf("kernel: read the kernel's types: %w", err)
	}
	var ids *btf.Enum
	if err := kernel.TypeByName("cgroup_subsys_id", &ids); err != nil {
		return 0, fmt.Errorf("kernel: find the number of cgroup controller %s: %w", name, err)
	}
	for _, v := range ids.Values {
		if v.Name == name+"_cgrp_id" {
			return int32(v.Value), nil
		}
	}
	return 0, fmt.Errorf("kernel: the kernel has no number for its cgroup controller %s", name)
}

// v1Controller picks from /proc/cgroups a controller that is mounted as v1 and
// in which every container has a cgroup of its own.
func v1Controller(text string) string {
	mounted := map[string]bool{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 4 && f[1] != "0" {
			mounted[f[0]] = true
		}
	}
	for _, name := range []string{"memory", "pids", "devices", "freezer", "cpu"} {
		if mounted[name] {
			return name
		}
	}
	return ""
}

// handlers are the programs that sys_exit hands over to, in the order of
// bpf/entry.bpf.h's enum handler.
var handlers = [...]string{
	sensorProgHandleOpen, sensorProgHandlePath, sensorProgHandleMap, sensorProgHandleDup, sensorProgHandleSocket,
	sensorProgHandleSystem, sensorProgHandleProcess,
}

// attach connects and attaches the programs, sys_exit first.
func (p *Probe) attach() error {
	for i, name := range handlers {
		if err := p.coll.Maps["handlers"].Put(uint32(i), p.coll.Programs[name]); err != nil {
			return fmt.Errorf("kernel: connect %s: %w", name, err)
		}
	}
	names := []string{sensorProgSysExit, sensorProgProcessFork, sensorProgProcessExec, sensorProgProcessExit, sensorProgModuleLoad}
	for _, name := range names {
		prog := p.coll.Programs[name]
		if prog == nil {
			continue // the kernel has no such tracepoint
		}
		l, err := link.AttachTracing(link.TracingOptions{Program: prog})
		if err != nil {
			return fmt.Errorf("kernel: attach %s: %w", name, err)
		}
		p.links = append(p.links, l)
		if name == sensorProgSysExit {
			if err := p.identify(); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropMissing takes out the programs whose tracepoint this kernel does not
// have and can do without: it loads no modules.
func (p *Probe) dropMissing(spec *ebpf.CollectionSpec) error {
	ok, err := hasTracepoint("module_load")
	if err != nil {
		return err
	}
	if !ok {
		delete(spec.Programs, sensorProgModuleLoad)
	}
	return nil
}

// hasTracepoint says whether the kernel has a tracepoint with type information.
func hasTracepoint(name string) (bool, error) {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return false, fmt.Errorf("kernel: read the kernel's types: %w", err)
	}
	var def *btf.Typedef
	err = kernel.TypeByName("btf_trace_"+name, &def)
	if errors.Is(err, btf.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// loadError says what to do when the kernel refuses the programs.
func loadError(err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.As(err, &verifier):
		return fmt.Errorf("%w: the kernel's verifier refuses the programs: %w", ErrNotSupported, err)
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w: the kernel does not let this process load the programs, though it has CAP_BPF and CAP_PERFMON; they count in the machine's first user namespace alone: %w", ErrPermission, err)
	}
	return fmt.Errorf("kernel: load the programs: %w", err)
}
