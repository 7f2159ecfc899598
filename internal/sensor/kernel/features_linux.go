//go:build linux && (amd64 || arm64)

package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"

	"github.com/vedette-project/vedette/internal/sensor/caps"
)

// Features says what this kernel allows. It loads small programs to find out,
// and attaches none.
func Features() []Feature {
	return []Feature{
		{"type information", "programs that fit this kernel", true, supported()},
		{"lockdown", "reading the kernel's structures", true, lockdown()},
		{"typed tracepoints", "processes and system calls", true, have(loadTracepoint(), "BPF_TRACE_RAW_TP", "5.5")},
		{"ring buffer", "records in order and without loss", true, have(features.HaveMapType(ebpf.RingBuf), "BPF_MAP_TYPE_RINGBUF", "5.8")},
		{"sys_exit", "system calls", true, tracepoint("sys_exit", "CONFIG_HAVE_SYSCALL_TRACEPOINTS and CONFIG_TRACEPOINTS")},
		{"sched_process_exec", "processes", true, tracepoint("sched_process_exec", "CONFIG_TRACEPOINTS")},
		{"module_load", "the names of kernel modules", false, tracepoint("module_load", "CONFIG_MODULES: this kernel loads none")},
		{"host pid namespace", "telling containers by their mount namespace", false, hostPIDs()},
	}
}

// supported says why this kernel cannot run the sensor at all.
func supported() error {
	_, err := os.Stat("/sys/kernel/btf/vmlinux")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: the kernel has no type information (/sys/kernel/btf/vmlinux; CONFIG_DEBUG_INFO_BTF)", ErrNotSupported)
	}
	return err
}

// lockdown refuses what would fail with a riddle: in this mode the kernel hides
// bpf_probe_read_kernel, as it does kprobes and the tracing files.
func lockdown() error {
	text, err := os.ReadFile("/sys/kernel/security/lockdown")
	if err != nil || !strings.Contains(string(text), "[confidentiality]") {
		return nil // also where there is no such file: no lockdown, or not mounted
	}
	return fmt.Errorf("%w: the kernel is locked down for confidentiality, so no program may read its memory; integrity would do (lockdown=integrity)", ErrNotSupported)
}

// loadTracepoint loads a program that does nothing for a tracepoint with types.
func loadTracepoint() error {
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.Tracing,
		AttachType:   ebpf.AttachTraceRawTp,
		AttachTo:     "sys_exit",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		License:      "Dual MIT/GPL",
	})
	if err != nil {
		return err
	}
	return prog.Close()
}

// have turns the library's answer into ours.
func have(err error, what, since string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("%w: the kernel has no %s (needs Linux %s)", ErrNotSupported, what, since)
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w: %s needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN", ErrPermission, what)
	}
	return fmt.Errorf("kernel: look for %s: %w", what, err)
}

// permitted says which capabilities are missing to load the programs.
func permitted() error {
	own, err := caps.Own()
	if err != nil {
		return fmt.Errorf("kernel: find out what this process may: %w", err)
	}
	if lacks := own.Lacks(caps.Load); lacks != 0 {
		return fmt.Errorf("%w: this process has not %v: run the sensor as root, or with %v", ErrPermission, lacks, caps.Run|caps.Load|caps.NetAdmin)
	}
	return nil
}

func tracepoint(name, config string) error {
	ok, err := hasTracepoint(name)
	if err == nil && !ok {
		err = fmt.Errorf("%w: the kernel has no tracepoint %s (%s)", ErrNotSupported, name, config)
	}
	return err
}

func hostPIDs() error {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err == nil && link != firstPIDNS {
		err = fmt.Errorf("%w: the sensor has a pid namespace of its own (set hostPID: true)", ErrNotSupported)
	}
	return err
}
