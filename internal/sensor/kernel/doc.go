// Package kernel is the sensor's half that talks to the kernel: it loads the
// eBPF programs, reads their records from one ring buffer, decodes them and
// counts what was lost.
//
// The programs are tracepoints with type information (tp_btf) and cgroup and
// socket programs; no kprobes, no fentry, no LSM. What each hook costs and what
// it cannot see is written in docs/decisions/0020-sensor-hooks.md.
//
// Strings in a Record come from processes that may be hostile: they hold any
// byte but NUL, and whoever prints them must encode them.
package kernel
