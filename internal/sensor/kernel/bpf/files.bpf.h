// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// Files: who writes them, and changes of those that have a watched name.
#ifndef VEDETTE_FILES_H
#define VEDETTE_FILES_H

#include "names.bpf.h"

#define FMODE_WRITE 2
#define FMODE_CREATED 0x100000
#define AT_FDCWD -100
#define O_ACCMODE 3
#define O_WRONLY 1
#define O_CREAT 0100
#define O_TRUNC 01000

// contained says whether the running process is in a container, as actor.flags
// do.
static __always_inline bool contained(struct config *cfg)
{
	u32 mntns, level;
	if (has_task()) {
		struct task_struct *task = bpf_get_current_task_btf();
		mntns = task->nsproxy->mnt_ns->ns.inum;
		level = task->thread_pid->level;
	} else {
		struct task_struct *task = (void *)bpf_get_current_task();
		mntns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
		level = BPF_CORE_READ(task, thread_pid, level);
	}
	return level > cfg->level || (cfg->host_mntns && mntns && mntns != cfg->host_mntns);
}

// remember_writer notes that the running process may write a file from now on.
static __always_inline void remember_writer(struct work *w, struct inode *inode, bool inside)
{
	struct file_key key;
	struct writer new = {};
	u64 start = own_start(), now = bpf_ktime_get_boot_ns();
	file_key_of(&key, inode);
	struct writer *old = bpf_map_lookup_elem(&writers, &key);
	if (old && old->tgid == w->tgid && old->start == start) {
		old->time = now;
		return;
	}
	new.start = start;
	new.time = now;
	new.tgid = w->tgid;
	new.flags = inside ? ACTOR_CONTAINED : 0;
	bpf_get_current_comm(&new.comm, sizeof(new.comm));
	bpf_map_update_elem(&writers, &key, &new, BPF_ANY);
}

// proc_target names the process whose file in /proc this is.
static __always_inline void proc_target(struct work *w, struct inode *inode)
{
	if (BPF_CORE_READ(inode, i_sb, s_magic) != PROC_MAGIC)
		return;
	struct proc_inode *p = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	target_part(w, BPF_CORE_READ(p, pid));
}

// open_flags are what the process asked for; the file's own forget that it was
// to be created or cut off.
static __always_inline u64 open_flags(struct work *w, struct file *f)
{
	u64 flags = 0;
	switch (w->op) {
	case OP_OPEN:
		return arg(w, 1);
	case OP_OPENAT:
		return arg(w, 2);
	case OP_CREAT:
		return O_WRONLY | O_CREAT | O_TRUNC;
	case OP_OPENAT2: // begins its third argument
		if (!bpf_probe_read_user(&flags, sizeof(flags), user(w, 2)))
			return flags;
	}
	return BPF_CORE_READ(f, f_flags);
}

static __always_inline void send_open(struct work *w, u32 kind, struct file *f, struct inode *inode)
{
	if (!begin_call(w, kind))
		return;
	struct file_extra *x = file_part(w, inode);
	if (BPF_CORE_READ(f, f_mode) & FMODE_CREATED)
		x->file.flags |= FILE_CREATED;
	w->call->arg[0] = open_flags(w, f);
	proc_target(w, inode);
	file_text(w, 0, f);
	end_call(w);
}

// handle_open sees a file that was opened for writing; the first look at the
// flags was taken before.
SEC("tp_btf/sys_exit")
int handle_open(u64 *ctx)
{
	struct work w = {};
	if (!begin_work(&w, ctx))
		return 0;
	struct file *f = own_file(w.ret);
	if (w.op != OP_OPEN_BY_HANDLE_AT && !(BPF_CORE_READ(f, f_mode) & FMODE_WRITE))
		return 0;
	struct inode *inode = BPF_CORE_READ(f, f_inode);
	if (w.op == OP_OPEN_BY_HANDLE_AT) {
		send_open(&w, KIND_HANDLE, f, inode);
		return 0;
	}
	u32 type = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	if (type != S_IFREG && type != S_IFBLK)
		return 0;
	bool inside = contained(w.cfg);
	struct dentry *dentry = BPF_CORE_READ(f, f_path.dentry);
	u32 found = type == S_IFREG ? dentry_scan(dentry, 0, NULL) : inside ? SCAN_YES : SCAN_NO;
	if (found == SCAN_YES || (found == SCAN_PLACE && once(&w, KIND_OPEN, (u64)BPF_CORE_READ(dentry, d_parent))))
		send_open(&w, KIND_OPEN, f, inode);
	else if (found == SCAN_NO)
		w.c->folded[KIND_OPEN]++; // of no packet's kind, so nothing can come between
	if (type == S_IFREG && (inside || (w.cfg->flags & CONFIG_FOLD_HOST)))
		remember_writer(&w, inode, inside);
	return 0;
}

// find_paths finds the paths of a call among its arguments.
static __always_inline void find_paths(struct work *w, volatile struct paths *p)
{
	p->a = user(w, 0);
	p->b = NULL;
	p->adir = p->bdir = AT_FDCWD;
	p->mode = 0;
	switch (w->op) {
	case OP_RENAME:
		p->kind = KIND_RENAME;
		p->b = user(w, 1);
		break;
	case OP_LINK:
		p->kind = KIND_LINK;
		p->b = user(w, 1);
		break;
	case OP_RENAMEAT:
	case OP_RENAMEAT2:
	case OP_LINKAT:
		p->kind = w->op == OP_LINKAT ? KIND_LINK : KIND_RENAME;
		p->adir = arg(w, 0);
		p->a = user(w, 1);
		p->bdir = arg(w, 2);
		p->b = user(w, 3);
		break;
	case OP_UNLINK:
		p->kind = KIND_UNLINK;
		break;
	case OP_UNLINKAT:
		p->kind = KIND_UNLINK;
		p->adir = arg(w, 0);
		p->a = user(w, 1);
		break;
	case OP_SYMLINK:
		p->kind = KIND_SYMLINK;
		p->b = user(w, 1);
		break;
	case OP_SYMLINKAT:
		p->kind = KIND_SYMLINK;
		p->bdir = arg(w, 1);
		p->b = user(w, 2);
		break;
	case OP_CHMOD:
		p->kind = KIND_CHMOD;
		p->mode = arg(w, 1);
		break;
	case OP_FCHMOD:
		p->kind = KIND_CHMOD;
		p->a = NULL;
		p->adir = arg(w, 0);
		p->mode = arg(w, 1);
		break;
	case OP_FCHMODAT:
	case OP_FCHMODAT2:
		p->kind = KIND_CHMOD;
		p->adir = arg(w, 0);
		p->a = user(w, 1);
		p->mode = arg(w, 2);
		break;
	default:
		p->kind = KIND_TRUNCATE;
	}
}

// base is where a relative path begins.
static __always_inline void base(struct work *w, s32 dir, struct dentry **dentry, struct vfsmount **mnt)
{
	if (dir < 0) {
		struct fs_struct *fs = fs_of(w->task);
		*dentry = BPF_CORE_READ(fs, pwd.dentry);
		*mnt = BPF_CORE_READ(fs, pwd.mnt);
		return;
	}
	struct file *f = own_file(dir);
	*dentry = BPF_CORE_READ(f, f_path.dentry);
	*mnt = BPF_CORE_READ(f, f_path.mnt);
}

// path_matches says whether the i-th text, a path, has watched names, those of
// the directory it begins at included.
static __always_inline bool path_matches(struct work *w, int i, u32 start, s32 dir)
{
	w->s->found = text_matches(w->s, start, w->call->text[i]);
	if (w->s->found == SCAN_MORE && w->s->data[start & (TEXT_END - 1)] != '/') {
		struct dentry *dentry;
		struct vfsmount *mnt;
		base(w, dir, &dentry, &mnt);
		w->s->found = dentry_scan(dentry, w->s->level, w->s->level ? w->s : NULL);
	}
	// Who installs has thousands of files in such places; handle_path counts them.
	return w->s->found == SCAN_YES || (w->s->found == SCAN_PLACE && is_news(w, 0));
}

// base_text puts the directory that the text at start begins at, if it is
// relative, as the i-th text.
static __always_inline void base_text(struct work *w, int i, u32 start, s32 dir)
{
	struct dentry *dentry;
	struct vfsmount *mnt;
	if (w->s->data[start & (TEXT_END - 1)] == '/')
		return;
	base(w, dir, &dentry, &mnt);
	path_text(w, i, dentry, mnt);
}

// put_text is text, but leaves an empty string where there is none.
static __always_inline u32 put_text(struct work *w, int i, const void *str)
{
	u32 start = w->s->off;
	w->s->data[start & (TEXT_END - 1)] = 0;
	if (str)
		text(w, i, str);
	if (w->s->off == start) {
		w->s->off = start + 1;
		w->call->text[i] = 1;
	}
	return start;
}

// any_matches says whether one of the paths of a call has watched names, or
// its new mode gives a file's rights to whoever runs it.
static __always_inline bool any_matches(struct work *w, volatile struct paths *p, u32 a, u32 b)
{
	if (p->mode & 06000)
		return true;
	if (path_matches(w, 0, a, p->adir))
		return true;
	return p->b && path_matches(w, 1, b, p->bdir);
}

// handle_path sees a call that changed names: rename, unlink, link, symlink,
// chmod, truncate. Texts: the paths, then where each begins.
SEC("tp_btf/sys_exit")
int handle_path(u64 *ctx)
{
	struct work w = {};
	if (!begin_work(&w, ctx) || !start_call(&w, KIND_RENAME))
		return 0;
	volatile struct paths *p = &w.s->paths;
	find_paths(&w, p);
	u32 a = put_text(&w, 0, p->a), b = 0;
	if (p->b)
		b = put_text(&w, 1, p->b);
	if (!any_matches(&w, p, a, b)) {
		count_folded(w.c, p->kind);
		give(w.s);
		return 0;
	}
	if (!admit(&w, p->kind)) {
		give(w.s);
		return 0;
	}
	w.call->h.kind = p->kind;
	w.call->arg[0] = p->mode;
	if (p->kind != KIND_SYMLINK) // whose first text is no path yet
		base_text(&w, 2, a, p->adir);
	if (p->b)
		base_text(&w, 3, b, p->bdir);
	end_call(&w);
	return 0;
}

#define PROT_EXEC 4
#define MAP_ANONYMOUS 0x20

// handle_map sees a file that was mapped as code; the first look at the flags
// was taken before. It tells of files that were written since the sensor runs,
// and in containers of those that are not of the image.
SEC("tp_btf/sys_exit")
int handle_map(u64 *ctx)
{
	struct work w = {};
	struct file_key key;
	if (!begin_work(&w, ctx))
		return 0;
	bool inside = contained(w.cfg);
	if (!inside && !(w.cfg->flags & CONFIG_FOLD_HOST))
		return 0;
	struct file *f = own_file(arg(&w, 4));
	struct inode *inode = BPF_CORE_READ(f, f_inode);
	file_key_of(&key, inode);
	if (!bpf_map_lookup_elem(&writers, &key) &&
	    (!inside || BPF_CORE_READ(inode, i_sb, s_magic) != OVERLAY_MAGIC || !in_upper(inode)))
		return 0;
	if (!once(&w, KIND_MAP, key.inode ^ (u64)key.dev << 32) || !begin_call(&w, KIND_MAP))
		return 0;
	file_part(&w, inode);
	w.call->arg[0] = arg(&w, 2);
	file_text(&w, 0, f);
	end_call(&w);
	return 0;
}

#endif
