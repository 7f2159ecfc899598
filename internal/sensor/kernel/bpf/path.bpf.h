// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// Text in records: a per-CPU buffer that a record grows in, and the walk that
// turns a dentry into the names that lead to it.
#ifndef VEDETTE_PATH_H
#define VEDETTE_PATH_H

#include "common.bpf.h"

// A record's text begins below TEXT_END and one piece has at most PIECE bytes,
// so a piece never leaves the buffer wherever it begins.
#define TEXT_END (32 << 10)
#define PIECE (16 << 10)
#define DATA (64 << 10)
#define NAME 256
#define PATH 4096

// paths are the one or two paths of a call and the directories they begin at.
struct paths {
	const void *a, *b;
	s32 adir, bdir;
	u32 kind;
	u32 mode;
};

// The volatile fields are here so that the verifier forgets what they were:
// with an exact range in a register no two turns of a loop would look alike,
// and each would be walked again.
struct scratch {
	u32 busy;
	volatile u32 off;    // where the record ends so far
	volatile u32 limit;  // where a loop must end it
	volatile u32 inside; // a string goes on
	volatile u32 level, from, to, last, found; // of names.bpf.h
	volatile struct paths paths; // of files.bpf.h
	u8 data[DATA];
};

// One buffer for each CPU; user space sets the number. No per-CPU map, as its
// values have at most 32 KiB.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

// take lends the CPU's buffer. It is busy only when a program interrupted
// another on this CPU.
static __always_inline struct scratch *take(struct counters *c, u32 kind)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct scratch *s = bpf_map_lookup_elem(&scratches, &cpu);
	if (!s || s->busy) {
		count_drop(c, kind, DROP_BUSY);
		return NULL;
	}
	s->busy = 1;
	return s;
}

static __always_inline void give(struct scratch *s)
{
	s->busy = 0;
}

// What a path could not say.
enum {
	PATH_CUT = 1 << 0,      // deeper or longer than is read
	PATH_OUTSIDE = 1 << 1,  // does not lie under the process's root
	PATH_DETACHED = 1 << 2, // of no tree: a memory file, a pipe
};

#define DEPTH 40

// mount_of is the mount around a vfsmount.
static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

static __always_inline struct vfsmount *vfsmount_of(struct mount *m)
{
	return (void *)m + bpf_core_field_offset(struct mount, mnt);
}

// put_path writes the names from a dentry up to the process's root, the last
// name first and each with a NUL. It returns what it could not say.
static __always_inline u32 put_path(struct scratch *s, struct dentry *dentry, struct vfsmount *mnt,
				    struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct dentry *root_dentry = BPF_CORE_READ(fs, root.dentry);
	struct vfsmount *root_mnt = BPF_CORE_READ(fs, root.mnt);
	struct dentry *mount_root = BPF_CORE_READ(mnt, mnt_root);

	for (int i = 0; i < DEPTH; i++) {
		if (dentry == root_dentry && mnt == root_mnt)
			return 0;
		if (dentry == mount_root) {
			struct mount *m = mount_of(mnt);
			struct mount *up = BPF_CORE_READ(m, mnt_parent);
			if (up == m || !up)
				return PATH_OUTSIDE;
			dentry = BPF_CORE_READ(m, mnt_mountpoint);
			mnt = vfsmount_of(up);
			mount_root = BPF_CORE_READ(mnt, mnt_root);
			continue;
		}
		struct dentry *up = BPF_CORE_READ(dentry, d_parent);
		const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
		int n = bpf_probe_read_kernel_str(&s->data[s->off & (TEXT_END - 1)], NAME, name);
		if (n <= 0)
			return PATH_CUT;
		s->off += n;
		if (up == dentry || !up)
			return PATH_DETACHED;
		dentry = up;
	}
	return PATH_CUT;
}

// put_kernel_str writes a NUL-ended kernel string.
static __always_inline u32 put_kernel_str(struct scratch *s, const void *str, u32 max)
{
	int n = bpf_probe_read_kernel_str(&s->data[s->off & (TEXT_END - 1)], max, str);
	if (n <= 0)
		return 0;
	s->off += n;
	return n;
}

// put_user_str writes a NUL-ended string of the process; nothing when its page
// is not in memory.
static __always_inline u32 put_user_str(struct scratch *s, const void *str, u32 max)
{
	int n = bpf_probe_read_user_str(&s->data[s->off & (TEXT_END - 1)], max, str);
	if (n <= 0)
		return 0;
	s->off += n;
	return n;
}

// finish sends the record that grew in a scratch buffer.
static __always_inline void finish(struct scratch *s, struct counters *c, struct config *cfg)
{
	struct header *h = (struct header *)s->data;
	u64 end = bound(s->off, DATA - 1);
	h->size = end;
	send(h, c, cfg, end);
}

#endif
