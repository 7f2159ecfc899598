// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// The one program that runs at the end of every system call. It costs every
// process of the machine something, so it looks at as little as it can: a
// table by number, then the arguments in registers, and only then it hands
// over to a handler.
#ifndef VEDETTE_ENTRY_H
#define VEDETTE_ENTRY_H

#include "files.bpf.h"
#include "sockets.bpf.h"
#include "system.bpf.h"

enum handler {
	HANDLE_OPEN,
	HANDLE_PATH,
	HANDLE_MAP,
	HANDLE_DUP,
	HANDLE_SOCKET,
	HANDLE_SYSTEM,
	HANDLE_PROCESS,
	HANDLERS,
	HANDLE_NONE,
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, HANDLERS);
	__type(key, u32);
	__type(value, u32);
} handlers SEC(".maps");

#define PROT_WRITE 2
#define F_DUPFD 0
#define F_DUPFD_CLOEXEC 1030

// may_write says whether flags of open ask for more than reading.
static __always_inline bool may_write(u64 flags)
{
	return flags & (O_ACCMODE | O_CREAT | O_TRUNC);
}

// is_self listens for the sensor saying who it is: user space sees its own
// number only in its own pid namespace, and not how deep that one lies.
static __always_inline void is_self(struct work *w)
{
	struct config *cfg = get_config();
	if (!cfg || !cfg->nonce || arg(w, 2) != cfg->nonce || (u32)arg(w, 1) != (u32)cfg->nonce)
		return;
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 nr, level = BPF_CORE_READ(task, thread_pid, level);
	pid_numbers(BPF_CORE_READ(task, thread_pid), level, &nr, &cfg->pidns);
	cfg->level = level;
	cfg->self = bpf_get_current_pid_tgid() >> 32;
}

static __always_inline u32 handler_of(struct work *w)
{
	bool done = w->ret >= 0;
	switch (w->op) {
	case OP_OPEN:
		return done && may_write(arg(w, 1)) ? HANDLE_OPEN : HANDLE_NONE;
	case OP_OPENAT:
		return done && may_write(arg(w, 2)) ? HANDLE_OPEN : HANDLE_NONE;
	case OP_CREAT:
	case OP_OPENAT2:
	case OP_OPEN_BY_HANDLE_AT:
		return done ? HANDLE_OPEN : HANDLE_NONE;
	case OP_RENAME:
	case OP_RENAMEAT:
	case OP_RENAMEAT2:
	case OP_UNLINK:
	case OP_UNLINKAT:
	case OP_LINK:
	case OP_LINKAT:
	case OP_SYMLINK:
	case OP_SYMLINKAT:
	case OP_CHMOD:
	case OP_FCHMOD:
	case OP_FCHMODAT:
	case OP_FCHMODAT2:
	case OP_TRUNCATE:
		return done ? HANDLE_PATH : HANDLE_NONE;
	case OP_FCNTL:
		if ((u32)arg(w, 1) != F_DUPFD && (u32)arg(w, 1) != F_DUPFD_CLOEXEC) {
			if (!done)
				is_self(w);
			return HANDLE_NONE;
		}
		return done && w->ret <= 2 ? HANDLE_DUP : HANDLE_NONE;
	case OP_DUP:
	case OP_DUP2:
	case OP_DUP3:
		return done && w->ret <= 2 ? HANDLE_DUP : HANDLE_NONE;
	case OP_MMAP:
		return (arg(w, 2) & PROT_EXEC) && !(arg(w, 3) & MAP_ANONYMOUS) && (u64)w->ret < (u64)-MAX_ERRNO ?
			       HANDLE_MAP :
			       HANDLE_NONE;
	case OP_MPROTECT:
	case OP_PKEY_MPROTECT:
		if (done && (arg(w, 2) & (PROT_EXEC | PROT_WRITE)) == (PROT_EXEC | PROT_WRITE))
			count_seen(get_counters(), KIND_PROTECT);
		return HANDLE_NONE;
	case OP_SOCKET:
		return done && arg(w, 0) == AF_PACKET ? HANDLE_SOCKET : HANDLE_NONE;
	case OP_CONNECT:
	case OP_SOCKETCALL:
		return HANDLE_SOCKET;
	case OP_ACCEPT:
	case OP_ACCEPT4:
		return done ? HANDLE_SOCKET : HANDLE_NONE;
	case OP_MOUNT:
	case OP_MOVE_MOUNT:
	case OP_INIT_MODULE:
	case OP_FINIT_MODULE:
		return HANDLE_SYSTEM; // the attempt counts
	case OP_SETUID:
	case OP_SETREUID:
	case OP_SETRESUID:
	case OP_SETGID:
	case OP_SETREGID:
	case OP_SETRESGID:
	case OP_CAPSET:
	case OP_PTRACE:
	case OP_PROCESS_VM_READV:
	case OP_PROCESS_VM_WRITEV:
		return done ? HANDLE_PROCESS : HANDLE_NONE;
	case OP_USERFAULTFD:
		return done || w->ret == -EPERM ? HANDLE_SYSTEM : HANDLE_NONE; // the attempt counts, too
	}
	return done ? HANDLE_SYSTEM : HANDLE_NONE;
}

SEC("tp_btf/sys_exit")
int sys_exit(u64 *ctx)
{
	struct work w = {.regs = (void *)ctx[0], .ret = ctx[1]};
	w.op = op_of(w.regs, &w.compat);
	if (w.op == OP_NONE)
		return 0;
	u32 handler = handler_of(&w);
	if (handler != HANDLE_NONE)
		bpf_tail_call(ctx, &handlers, handler);
	return 0;
}

#endif
