// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// System calls as records: what every handler of one needs.
#ifndef VEDETTE_CALL_H
#define VEDETTE_CALL_H

#include "file.bpf.h"
#include "numbers.bpf.h"

// What follows a call's fixed part, before its texts.
enum extra {
	EXTRA_NONE,
	EXTRA_FILE,       // struct file_info, struct writer
	EXTRA_DESCRIPTOR, // struct descriptor
};

#define CALL_TEXTS 4

// call is the record of a system call: 192 bytes, an extra and texts.
struct call {
	struct header h;
	u32 op;
	s32 ret;
	u64 arg[4];       // what they are depends on op
	u64 target_start; // another process it is about
	u32 target;
	u32 target_ns;    // as the caller's pid namespace counts
	u16 text[CALL_TEXTS];
	u8 path_flags[CALL_TEXTS]; // of those texts that are paths
	u16 extra;
	u16 compat; // not for user space: the actor's flags say it
};

_Static_assert(sizeof(struct call) == sizeof(struct header) + 72, "decode.go: callSize");

// work is what a handler works with.
struct work {
	struct config *cfg;
	struct counters *c;
	struct task_struct *task;
	struct scratch *s;
	struct call *call;
	struct pt_regs *regs;
	long ret;
	u32 tgid, op;
	bool compat;
};

// A macro that reads kernel memory must not be given a field of a struct of
// ours, which it would look for in the kernel's types; hence these.
static __always_inline u64 start_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, group_leader, start_boottime);
}

// own_start is start_of the running task.
static __always_inline u64 own_start(void)
{
	if (!has_task())
		return start_of((void *)bpf_get_current_task());
	struct task_struct *task = bpf_get_current_task_btf();
	return task->group_leader->start_boottime;
}

static __always_inline const struct cred *cred_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, cred);
}

static __always_inline struct fs_struct *fs_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, fs);
}

// own_file is the running process's open file behind a descriptor, or NULL.
static __always_inline struct file *own_file(u32 fd)
{
	if (!has_task())
		return file_at((void *)bpf_get_current_task(), fd);
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *fdt = task->files->fdt;
	struct file **all = fdt->fd, *f = NULL;
	if (fd >= fdt->max_fds)
		return NULL;
	bpf_probe_read_kernel(&f, sizeof(f), &all[fd]);
	return f;
}

// in_compat says whether a system call came in by the 32-bit table. On x86 a
// 64-bit program can do that, too, with int 0x80.
static __always_inline bool in_compat(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	struct task_struct *task;
	if (has_task()) {
		task = bpf_get_current_task_btf();
		return task->thread_info.status & 2; // TS_COMPAT
	}
	task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, thread_info.status) & 2;
#else
	return regs->pstate & 0x10; // PSR_MODE32_BIT
#endif
}

static __always_inline u32 number_of(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax & ~0x40000000; // without the mark of x32
#else
	return regs->syscallno;
#endif
}

// op_of is the call that just ended, or OP_NONE.
static __always_inline u32 op_of(struct pt_regs *regs, bool *compat)
{
	u32 nr = number_of(regs);
	if (nr >= NUMBERS)
		return OP_NONE;
	u32 native = native_ops[nr], other = compat_ops[nr];
	if (!native && !other)
		return OP_NONE;
	*compat = in_compat(regs);
	return *compat ? other : native;
}

// arg is an argument of the call; they are all still there when it returns.
static __always_inline u64 arg(struct work *w, int i)
{
	struct pt_regs *regs = w->regs;
	u64 v = 0;
#if defined(__TARGET_ARCH_x86)
	if (w->compat) {
		switch (i) {
		case 0: v = regs->bx; break;
		case 1: v = regs->cx; break;
		case 2: v = regs->dx; break;
		case 3: v = regs->si; break;
		case 4: v = regs->di; break;
		}
		return (u32)v;
	}
	switch (i) {
	case 0: v = regs->di; break;
	case 1: v = regs->si; break;
	case 2: v = regs->dx; break;
	case 3: v = regs->r10; break;
	case 4: v = regs->r8; break;
	}
	return v;
#else
	v = i == 0 ? regs->orig_x0 : regs->regs[i];
	return w->compat ? (u32)v : v;
#endif
}

#define user(w, i) ((const void *)arg(w, i))

// begin_work finds out what the call was and whether anybody wants to know.
static __always_inline bool begin_work(struct work *w, u64 *ctx)
{
	w->regs = (void *)ctx[0];
	w->ret = ctx[1];
	w->op = op_of(w->regs, &w->compat);
	w->cfg = get_config();
	w->c = get_counters();
	w->tgid = bpf_get_current_pid_tgid() >> 32;
	w->task = (void *)bpf_get_current_task();
	return w->cfg && w->c && wanted(w->cfg, w->tgid);
}

// admit counts an event that is worth a record and takes a token for it.
static __always_inline bool admit(struct work *w, u32 kind)
{
	count_seen(w->c, kind);
	if (allow(w->cfg, w->tgid, kind, bpf_ktime_get_boot_ns()))
		return true;
	count_drop(w->c, kind, DROP_RATE);
	return false;
}

// start_call lends the buffer and starts a record in it. Give it back, or end
// the call.
static __always_inline bool start_call(struct work *w, u32 kind)
{
	w->s = take(w->c, kind);
	if (!w->s)
		return false;
	w->call = (struct call *)w->s->data;
	__builtin_memset(&w->call->op, 0, sizeof(struct call) - sizeof(struct header));
	w->call->h.kind = kind;
	w->call->op = w->op;
	w->call->ret = w->ret;
	w->call->compat = w->compat; // and is not asked again, so that the verifier forgets it
	w->s->off = sizeof(struct call);
	return true;
}

static __always_inline bool begin_call(struct work *w, u32 kind)
{
	return admit(w, kind) && start_call(w, kind);
}

static __always_inline void end_call(struct work *w)
{
	struct header *h = &w->call->h;
	begin(h, w->c, h->kind, LANE_TASK, 0);
	fill_current(&h->actor, w->cfg);
	if (w->call->compat)
		h->actor.flags |= ACTOR_COMPAT;
	finish(w->s, w->c, w->cfg);
	give(w->s);
}

// text puts a string of the process as the i-th text.
static __always_inline void text(struct work *w, int i, const void *str)
{
	w->call->text[i] = put_user_str(w->s, str, PATH);
}

// path_text puts the path of a dentry as the i-th text.
static __always_inline void path_text(struct work *w, int i, struct dentry *dentry, struct vfsmount *mnt)
{
	u32 start = w->s->off;
	w->call->path_flags[i] = put_path(w->s, dentry, mnt, w->task);
	w->call->text[i] = w->s->off - start;
}

static __always_inline void file_text(struct work *w, int i, struct file *f)
{
	path_text(w, i, BPF_CORE_READ(f, f_path.dentry), BPF_CORE_READ(f, f_path.mnt));
}

struct file_extra {
	struct file_info file;
	struct writer writer;
};

// file_part adds what an inode is. It must come before the texts.
static __always_inline struct file_extra *file_part(struct work *w, struct inode *inode)
{
	struct file_extra *x = (struct file_extra *)(w->call + 1);
	fill_file(&x->file, inode, false);
	fill_writer(&x->writer, &x->file, inode);
	w->call->extra = EXTRA_FILE;
	w->s->off = sizeof(struct call) + sizeof(*x);
	return x;
}

// descriptor_part adds what a descriptor is. It must come before the texts.
static __always_inline void descriptor_part(struct work *w, struct file *f)
{
	struct descriptor *d = (struct descriptor *)(w->call + 1);
	fill_descriptor(d, f);
	w->call->extra = EXTRA_DESCRIPTOR;
	w->s->off = sizeof(struct call) + sizeof(*d);
}

// target_part names the process behind a kernel pid.
static __always_inline void target_part(struct work *w, struct pid *pid)
{
	w->call->target = BPF_CORE_READ(pid, numbers[0].nr);
}

static __always_inline void target_task(struct work *w, struct task_struct *task)
{
	w->call->target = BPF_CORE_READ(task, tgid);
	w->call->target_start = start_of(task);
}

// told remembers what was told of a process and need not be told again soon.
struct told_key {
	u32 tgid, op;
	u64 detail;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct told_key);
	__type(value, u64);
} told SEC(".maps");

#define TOLD_FOR 10000000000ULL

// is_news says whether this was not told in the last seconds.
static __always_inline bool is_news(struct work *w, u64 detail)
{
	struct told_key key = {.tgid = w->tgid, .op = w->op, .detail = detail};
	u64 now = bpf_ktime_get_boot_ns();
	u64 *last = bpf_map_lookup_elem(&told, &key);
	if (last && now - *last < TOLD_FOR)
		return false;
	bpf_map_update_elem(&told, &key, &now, BPF_ANY);
	return true;
}

// once is is_news, and counts what is not.
static __always_inline bool once(struct work *w, u32 kind, u64 detail)
{
	if (is_news(w, detail))
		return true;
	count_folded(w->c, kind);
	return false;
}

#endif
