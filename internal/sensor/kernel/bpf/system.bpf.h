// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// Calls that change what a process may do or reach: credentials, namespaces,
// mounts, modules, other processes.
#ifndef VEDETTE_SYSTEM_H
#define VEDETTE_SYSTEM_H

#include "call.bpf.h"

#define NSFS_MAGIC 0x6e736673
#define PIDFS_MAGIC 0x50494446
#define ANON_MAGIC 0x09041934

struct inode___private {
	void *i_private;
} __attribute__((preserve_access_index));

// namespaces: setns and unshare.
static __always_inline void namespaces(struct work *w)
{
	if (!begin_call(w, KIND_NAMESPACE))
		return;
	w->call->arg[0] = arg(w, 0);
	if (w->op == OP_SETNS) {
		struct file *f = own_file(arg(w, 0));
		struct inode *inode = BPF_CORE_READ(f, f_inode);
		struct inode___private *private = (void *)inode;
		u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
		w->call->arg[0] = arg(w, 1);
		if (magic == NSFS_MAGIC)
			w->call->arg[1] = BPF_CORE_READ(inode, i_ino);
		else if (magic == PIDFS_MAGIC) // a pidfd since 6.9
			target_part(w, BPF_CORE_READ(private, i_private));
		else if (magic == ANON_MAGIC)
			target_part(w, BPF_CORE_READ(f, private_data));
	}
	end_call(w);
}

// credentials: the actor of the record has the new ones.
static __always_inline void credentials(struct work *w)
{
	const struct cred *cred = cred_of(w->task);
	if (!begin_call(w, KIND_CREDENTIALS))
		return;
	if (w->op == OP_CAPSET) {
		bpf_core_read(&w->call->arg[0], 8, &cred->cap_effective);
		bpf_core_read(&w->call->arg[1], 8, &cred->cap_permitted);
	} else {
		w->call->arg[0] = (u32)arg(w, 0);
		w->call->arg[1] = (u32)arg(w, 1);
		w->call->arg[2] = (u32)arg(w, 2);
	}
	end_call(w);
}

#define OPEN_TREE_CLONE 1
#define FSCONFIG_SET_STRING 1

// is_source says whether fsconfig sets what is mounted.
static __always_inline bool is_source(struct work *w)
{
	char key[8] = {};
	if ((u32)arg(w, 1) != FSCONFIG_SET_STRING)
		return false;
	bpf_probe_read_user_str(key, sizeof(key), user(w, 2));
	return *(u64 *)key == *(u64 *)"source\0";
}

// mounts: texts are source, target and file-system type.
static __always_inline void mounts(struct work *w)
{
	if (w->op == OP_OPEN_TREE && !(arg(w, 2) & OPEN_TREE_CLONE))
		return;
	if (w->op == OP_FSCONFIG && !is_source(w))
		return;
	if (!begin_call(w, KIND_MOUNT))
		return;
	switch (w->op) {
	case OP_MOUNT:
		w->call->arg[0] = arg(w, 3);
		text(w, 0, user(w, 0));
		text(w, 1, user(w, 1));
		text(w, 2, user(w, 2));
		break;
	case OP_UMOUNT2:
		w->call->arg[0] = arg(w, 1);
		text(w, 1, user(w, 0));
		break;
	case OP_MOVE_MOUNT:
		w->call->arg[0] = arg(w, 4);
		text(w, 0, user(w, 1));
		text(w, 1, user(w, 3));
		break;
	case OP_OPEN_TREE:
		w->call->arg[0] = arg(w, 2);
		text(w, 0, user(w, 1));
		break;
	case OP_FSOPEN:
		text(w, 2, user(w, 0));
		break;
	case OP_FSCONFIG:
		text(w, 0, user(w, 3));
		break;
	}
	end_call(w);
}

static __always_inline void roots(struct work *w)
{
	if (!begin_call(w, KIND_ROOT))
		return;
	text(w, 0, user(w, 0));
	if (w->op == OP_PIVOT_ROOT)
		text(w, 1, user(w, 1));
	end_call(w);
}

// bpf_attr is the beginning of what a program is loaded with.
struct bpf_load {
	u32 type, count;
	u64 instructions, license;
	u32 log_level, log_size;
	u64 log;
	u32 version, flags;
	char name[16];
};

#define BPF_PROG_LOAD 5

static __always_inline void bpf_programs(struct work *w)
{
	struct bpf_load load = {};
	if ((u32)arg(w, 0) != BPF_PROG_LOAD || !begin_call(w, KIND_BPF))
		return;
	if (bpf_probe_read_user(&load, sizeof(load), user(w, 1)))
		count_drop(w->c, KIND_BPF, DROP_FAULT);
	w->call->arg[0] = load.type;
	load.name[15] = 0;
	w->call->text[0] = put_kernel_str(w->s, load.name, sizeof(load.name));
	end_call(w);
}

enum {
	PTRACE_TRACEME = 0,
	PTRACE_PEEKUSR = 3,
	PTRACE_POKETEXT = 4,
	PTRACE_POKEUSR = 6,
	PTRACE_SETREGS = 13,
	PTRACE_SETFPREGS = 15,
	PTRACE_ATTACH = 16,
	PTRACE_SETREGSET = 0x4205,
	PTRACE_SEIZE = 0x4206,
};

// controls says whether a request takes hold of a process or changes it.
// PEEKUSR counts as programs that only look for a debugger use no other.
static __always_inline bool controls(u32 request)
{
	switch (request) {
	case PTRACE_TRACEME:
	case PTRACE_PEEKUSR:
	case PTRACE_POKETEXT:
	case PTRACE_POKETEXT + 1: // POKEDATA
	case PTRACE_POKEUSR:
	case PTRACE_SETREGS:
	case PTRACE_SETFPREGS:
	case PTRACE_ATTACH:
	case PTRACE_SETREGSET:
	case PTRACE_SEIZE:
		return true;
	}
	return false;
}

#define TRACED_MAX 32

// traced_one finds the traced process with a number, among those that the
// running one traces.
static __always_inline struct task_struct *traced_one(struct task_struct *tracer, u32 nr)
{
	struct list_head *head = (void *)tracer + bpf_core_field_offset(struct task_struct, ptraced);
	struct list_head *at = BPF_CORE_READ(head, next);
	for (int i = 0; i < TRACED_MAX; i++) {
		if (at == head || !at)
			return NULL;
		struct task_struct *t = (void *)at - bpf_core_field_offset(struct task_struct, ptrace_entry);
		u32 own, ns;
		pid_numbers(BPF_CORE_READ(t, thread_pid), BPF_CORE_READ(t, thread_pid, level), &own, &ns);
		if (own == nr || (u32)BPF_CORE_READ(t, pid) == nr)
			return t;
		at = BPF_CORE_READ(at, next);
	}
	return NULL;
}

static __always_inline void ptraces(struct work *w)
{
	u32 request = arg(w, 0), pid = arg(w, 1);
	if (!controls(request) || !once(w, KIND_PTRACE, (u64)request << 32 | pid) || !begin_call(w, KIND_PTRACE))
		return;
	w->call->arg[0] = request;
	if (request == PTRACE_TRACEME) {
		target_task(w, w->task);
	} else {
		w->call->target_ns = pid;
		struct task_struct *t = traced_one(w->task, pid);
		if (t)
			target_task(w, t);
	}
	end_call(w);
}

// vm_access names its target as the caller's pid namespace counts; user space
// finds the process.
static __always_inline void vm_access(struct work *w)
{
	u32 pid = arg(w, 0);
	if (!once(w, KIND_VMACCESS, pid) || !begin_call(w, KIND_VMACCESS))
		return;
	w->call->target_ns = pid;
	end_call(w);
}

static __always_inline void memfds(struct work *w)
{
	if (!begin_call(w, KIND_MEMFD))
		return;
	w->call->arg[0] = arg(w, 1);
	text(w, 0, user(w, 0));
	end_call(w);
}

static __always_inline void plain(struct work *w, u32 kind)
{
	if (!begin_call(w, kind))
		return;
	w->call->arg[0] = arg(w, 0);
	end_call(w);
}

// module_names holds the name of a module from when it is loaded to when the
// call that loads it returns.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, u64);
	__type(value, char[64]);
} module_names SEC(".maps");

struct module {
	char name[56];
} __attribute__((preserve_access_index));

// module_load exists only where the kernel has modules.
SEC("tp_btf/module_load")
int module_load(u64 *ctx)
{
	struct module *mod = (void *)ctx[0];
	u64 id = bpf_get_current_pid_tgid();
	char name[64] = {};
	bpf_core_read_str(name, sizeof(name) - 8, &mod->name);
	bpf_map_update_elem(&module_names, &id, name, BPF_ANY);
	return 0;
}

// modules: texts are the module's name and the path of its file.
static __always_inline void modules(struct work *w)
{
	u64 id = bpf_get_current_pid_tgid();
	if (!begin_call(w, KIND_MODULE))
		return;
	struct file *f = NULL;
	if (w->op == OP_FINIT_MODULE) {
		f = own_file(arg(w, 0));
		file_part(w, BPF_CORE_READ(f, f_inode));
	}
	char *name = bpf_map_lookup_elem(&module_names, &id);
	if (name) {
		w->call->text[0] = put_kernel_str(w->s, name, 64);
		bpf_map_delete_elem(&module_names, &id);
	}
	if (f)
		file_text(w, 1, f);
	end_call(w);
}

SEC("tp_btf/sys_exit")
int handle_system(u64 *ctx)
{
	struct work w = {};
	if (!begin_work(&w, ctx))
		return 0;
	switch (w.op) {
	case OP_UNSHARE:
	case OP_SETNS:
		namespaces(&w);
		break;
	case OP_MOUNT:
	case OP_UMOUNT2:
	case OP_MOVE_MOUNT:
	case OP_OPEN_TREE:
	case OP_FSOPEN:
	case OP_FSCONFIG:
		mounts(&w);
		break;
	case OP_PIVOT_ROOT:
	case OP_CHROOT:
		roots(&w);
		break;
	case OP_INIT_MODULE:
	case OP_FINIT_MODULE:
		modules(&w);
		break;
	case OP_BPF:
		bpf_programs(&w);
		break;
	case OP_MEMFD_CREATE:
		memfds(&w);
		break;
	case OP_USERFAULTFD:
		plain(&w, KIND_USERFAULT);
		break;
	case OP_IO_URING_SETUP:
		plain(&w, KIND_IOURING);
		break;
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int handle_process(u64 *ctx)
{
	struct work w = {};
	if (!begin_work(&w, ctx))
		return 0;
	switch (w.op) {
	case OP_PTRACE:
		ptraces(&w);
		break;
	case OP_PROCESS_VM_READV:
	case OP_PROCESS_VM_WRITEV:
		vm_access(&w);
		break;
	default:
		credentials(&w);
	}
	return 0;
}

#endif
