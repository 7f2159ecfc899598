// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// Processes: they begin, become another program, and end.
#ifndef VEDETTE_PROCESS_H
#define VEDETTE_PROCESS_H

#include "file.bpf.h"

// Bits of exec.flags.
enum {
	EXEC_SECURE = 1 << 0,   // set-user-id or file capabilities gave rights
	EXEC_SCRIPT = 1 << 1,   // an interpreter runs it
	EXEC_ARGS_CUT = 1 << 2, // more arguments than are read
	EXEC_ENV_CUT = 1 << 3,  // more environment than was searched
	EXEC_ARGS_LOST = 1 << 4, // the arguments' pages were not in memory
};

struct exec {
	struct header h;
	struct file_info file;
	struct writer writer;
	struct descriptor fds[3];
	u64 cap_effective;
	u32 args_size; // in truth, however much was read
	u32 argc;
	u32 tty; // device number
	u32 flags;
	// Lengths of the texts that follow, in this order.
	u16 filename, interpreter, path, cwd, cgroup, cgroup_parent;
	u16 env, args;
	u8 path_flags, cwd_flags;
	u8 reserved[6];
};

_Static_assert(sizeof(struct exec) == sizeof(struct header) + 360, "decode.go: execSize");

#define ARGS_MAX (PIECE - 1)
#define ENV_STRINGS 256
#define ENV_VALUE 512

struct fork {
	struct header h;
	u64 by_start; // who made it, if not its parent
	u32 by;
	u32 namespaces; // which of the maker's it did not get
};

enum {
	NEW_MNT = 1 << 0,
	NEW_PID = 1 << 1,
	NEW_NET = 1 << 2,
	NEW_USER = 1 << 3,
};

struct exit {
	struct header h;
	u32 code; // as wait(2) gives it
	u32 reserved;
};

// A name of eight bytes as the number it is in memory.
#define NAME8(a, b, c, d, e, f, g) \
	((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 | (u64)(f) << 40 | (u64)(g) << 48)

// loader_variable says whether a string begins as one of those variables that
// change what the dynamic loader loads.
static __always_inline bool loader_variable(const u8 *str)
{
	u64 head = *(const u64 *)str & 0x00ffffffffffffffULL;
	return head == NAME8('L', 'D', '_', 'P', 'R', 'E', 'L') || head == NAME8('L', 'D', '_', 'L', 'I', 'B', 'R') ||
	       head == NAME8('L', 'D', '_', 'A', 'U', 'D', 'I');
}

// put_env writes the loader's variables. Nothing else of the environment
// leaves the kernel.
static __always_inline u32 put_env(struct scratch *s, unsigned long at, unsigned long end)
{
	s->limit = s->off + 4 * ENV_VALUE;
	s->inside = false;
	for (int i = 0; i < ENV_STRINGS; i++) {
		if (at >= end)
			return 0;
		u8 *str = &s->data[s->off & (TEXT_END - 1)];
		int n = bpf_probe_read_user_str(str, ENV_VALUE, (void *)at);
		if (n <= 0 || s->off > s->limit)
			return EXEC_ENV_CUT;
		if (!s->inside && loader_variable(str))
			s->off += n;
		// A string that fills the buffer goes on; its NUL is not its own.
		s->inside = n == ENV_VALUE;
		at += n - s->inside;
	}
	return at < end ? EXEC_ENV_CUT : 0;
}

static __always_inline const char *kernfs_parent_name(struct kernfs_node *kn)
{
	struct kernfs_node___rcu *rcu = (void *)kn;
	if (bpf_core_field_exists(rcu->__parent))
		return BPF_CORE_READ(rcu, __parent, name);
	return BPF_CORE_READ(kn, parent, name);
}

static __always_inline u32 put_args(struct scratch *s, unsigned long at, u32 size)
{
	u32 flags = 0;
	if (size > ARGS_MAX) {
		flags = EXEC_ARGS_CUT;
		size = ARGS_MAX;
	}
	if (bpf_probe_read_user(&s->data[s->off & (TEXT_END - 1)], bound(size, ARGS_MAX), (void *)at))
		return flags | EXEC_ARGS_LOST;
	s->off += size;
	return flags;
}

static __always_inline u32 tty_of(struct task_struct *task)
{
	struct tty_struct *tty = task->signal->tty;
	if (!tty)
		return 0;
	return tty->driver->major << 20 | (tty->driver->minor_start + tty->index);
}

// put_files says what a new program is made of and what it was given.
static __always_inline void put_files(struct exec *e, struct task_struct *task, struct inode *inode)
{
	fill_file(&e->file, inode, true);
	fill_writer(&e->writer, &e->file, inode);
	for (u32 i = 0; i < 3; i++)
		fill_descriptor(&e->fds[i], file_at(task, i));
}

// put_texts writes the texts of a new program in the order of their lengths.
static __always_inline void put_texts(struct scratch *s, struct exec *e, struct task_struct *task,
				      struct linux_binprm *bprm, struct config *cfg)
{
	struct mm_struct *mm = task->mm;
	struct cgroup *cgroup = cgroup_of(task, cfg->subsys);
	struct kernfs_node *kn = BPF_CORE_READ(cgroup, kn);
	const char *filename = bprm->filename, *interp = bprm->interp;
	u32 start;

	e->filename = put_kernel_str(s, filename, PATH);
	e->interpreter = 0;
	if (interp != filename) {
		e->flags |= EXEC_SCRIPT;
		e->interpreter = put_kernel_str(s, interp, NAME);
	}
	start = s->off;
	e->path_flags = put_path(s, bprm->file->f_path.dentry, bprm->file->f_path.mnt, task);
	e->path = s->off - start;
	start = s->off;
	e->cwd_flags = put_path(s, task->fs->pwd.dentry, task->fs->pwd.mnt, task);
	e->cwd = s->off - start;
	e->cgroup = put_kernel_str(s, BPF_CORE_READ(kn, name), NAME);
	e->cgroup_parent = put_kernel_str(s, kernfs_parent_name(kn), NAME);
	start = s->off;
	e->flags |= put_env(s, mm->env_start, mm->env_end);
	e->env = s->off - start;
	start = s->off;
	e->flags |= put_args(s, mm->arg_start, e->args_size);
	e->args = s->off - start;
}

static __always_inline void put_exec(struct scratch *s, struct exec *e, struct task_struct *task,
				     struct linux_binprm *bprm, struct config *cfg)
{
	const struct cred *cred = task->cred;

	put_files(e, task, bprm->file->f_inode);
	bpf_core_read(&e->cap_effective, sizeof(e->cap_effective), &cred->cap_effective);
	e->args_size = task->mm->arg_end - task->mm->arg_start;
	e->argc = bprm->argc;
	e->tty = tty_of(task);
	e->flags = BPF_CORE_READ_BITFIELD(bprm, secureexec) ? EXEC_SECURE : 0;
	s->off = sizeof(*e);
	put_texts(s, e, task, bprm, cfg);
}

SEC("tp_btf/sched_process_exec")
int process_exec(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct linux_binprm *bprm = (void *)ctx[2];
	struct config *cfg = get_config();
	struct counters *c = get_counters();

	if (!cfg || !c || !wanted(cfg, task->tgid))
		return 0;
	count_seen(c, KIND_EXEC);
	struct scratch *s = take(c, KIND_EXEC);
	if (!s)
		return 0;
	struct exec *e = (struct exec *)s->data;
	begin(&e->h, c, KIND_EXEC, LANE_TASK, 0);
	fill_typed(&e->h.actor, task, cfg);
	put_exec(s, e, task, bprm, cfg);
	finish(s, c, cfg);
	give(s);
	return 0;
}

_Static_assert(sizeof(struct fork) == sizeof(struct header) + 16, "decode.go: forkSize");
_Static_assert(sizeof(struct exit) == sizeof(struct header) + 8, "decode.go: exitSize");

static __always_inline u32 new_namespaces(struct task_struct *child, struct task_struct *maker)
{
	struct nsproxy *a = child->nsproxy, *b = maker->nsproxy;
	u32 out = 0;
	if (child->cred->user_ns->ns.inum != maker->cred->user_ns->ns.inum)
		out |= NEW_USER;
	if (a->mnt_ns->ns.inum != b->mnt_ns->ns.inum)
		out |= NEW_MNT;
	if (a->pid_ns_for_children->ns.inum != b->pid_ns_for_children->ns.inum)
		out |= NEW_PID;
	if (a->net_ns->ns.inum != b->net_ns->ns.inum)
		out |= NEW_NET;
	return out;
}

// watched_line says whether a process or one it comes from is looked at: those
// that a watched one started before the sensor are in no map.
static __always_inline bool watched_line(struct config *cfg, struct task_struct *task)
{
	if (watched(cfg, task->tgid))
		return true;
#pragma unroll
	for (int i = 0; i < 6; i++) {
		task = BPF_CORE_READ(task, real_parent);
		u32 tgid = BPF_CORE_READ(task, tgid);
		if (bpf_map_lookup_elem(&watch, &tgid))
			return true;
	}
	return false;
}

SEC("tp_btf/sched_process_fork")
int process_fork(u64 *ctx)
{
	struct task_struct *maker = (void *)ctx[0], *child = (void *)ctx[1];
	u32 tgid = child->tgid;
	if ((u32)child->pid != tgid) // a thread
		return 0;
	struct config *cfg = get_config();
	struct counters *c = get_counters();
	if (!cfg || !c || !watched_line(cfg, maker)) // also what the sensor starts
		return 0;
	if (cfg->flags & CONFIG_WATCH) {
		u8 yes = 1;
		bpf_map_update_elem(&watch, &tgid, &yes, BPF_ANY);
	}
	count_seen(c, KIND_FORK);
	struct fork f = {};
	begin(&f.h, c, KIND_FORK, LANE_TASK, sizeof(f));
	fill_typed(&f.h.actor, child, cfg);
	f.by = maker->tgid;
	f.by_start = maker->group_leader->start_boottime;
	f.namespaces = new_namespaces(child, maker);
	send(&f.h, c, cfg, sizeof(f));
	return 0;
}

SEC("tp_btf/sched_process_exit")
int process_exit(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	u32 tgid = task->tgid;
	// Only the last thread ends a process. Two that end at once may both say so.
	if (task->signal->live.counter > 0)
		return 0;
	struct config *cfg = get_config();
	struct counters *c = get_counters();
	if (!cfg || !c || !wanted(cfg, tgid))
		return 0;
	count_seen(c, KIND_EXIT);
	struct exit e = {};
	begin(&e.h, c, KIND_EXIT, LANE_TASK, sizeof(e));
	fill_typed(&e.h.actor, task, cfg);
	e.code = task->signal->group_exit_code;
	if (!e.code)
		e.code = task->group_leader->exit_code;
	send(&e.h, c, cfg, sizeof(e));
	if (cfg->flags & CONFIG_WATCH)
		bpf_map_delete_elem(&watch, &tgid);
	return 0;
}

#endif
