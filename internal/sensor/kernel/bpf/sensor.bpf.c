// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// The sensor's programs for processes, files and system calls. They use
// tracepoints with type information only: no kprobes, no fentry, no LSM.
#include "entry.bpf.h"
#include "process.bpf.h"

// bpf_probe_read_kernel and bpf_ringbuf_output are for GPL programs.
char LICENSE[] SEC("license") = "Dual MIT/GPL";
