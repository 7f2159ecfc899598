// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// Files: what an inode is, who wrote it last, what a descriptor points to.
#ifndef VEDETTE_FILE_H
#define VEDETTE_FILE_H

#include "path.bpf.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000

#define OVERLAY_MAGIC 0x794c7630
#define PROC_MAGIC 0x9fa0

// Bits of file_info.flags.
enum {
	FILE_UPPER = 1 << 0,  // of an overlay, in its upper layer: not of the image
	FILE_WRITER = 1 << 1, // writer is known
	FILE_CREATED = 1 << 2, // this open made it
};

// file_info is what an inode is: 80 bytes.
struct file_info {
	u64 inode;
	s64 size;
	s64 mtime, ctime; // ns since 1970
	u64 magic;        // of the file system
	u64 rdev;         // of a device
	u32 dev;          // major << 20 | minor
	u32 mode, uid, gid, nlink;
	u32 flags;
	u64 reserved;
};

_Static_assert(sizeof(struct file_info) == 80, "decode.go: fileSize");

// file_key names a file for as long as it lives.
struct file_key {
	u64 inode;
	u32 dev;
	u32 generation;
};

// writer is the last process that opened a file for writing: 40 bytes.
struct writer {
	u64 start; // of the process, ns since boot
	u64 time;  // of the open, ns since boot
	u32 tgid;
	u32 flags; // actor flags
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct file_key);
	__type(value, struct writer);
} writers SEC(".maps");

#define SECOND 1000000000LL

static __always_inline void file_times(struct inode *inode, s64 *mtime, s64 *ctime, const bool typed)
{
	struct inode___split *split = (void *)inode;
	struct inode___hidden *hidden = (void *)inode;

	if (bpf_core_field_exists(split->i_ctime_sec)) {
		// Its highest bit says that somebody asked for the time.
		*ctime = GET(typed, split, i_ctime_sec) * SECOND + (GET(typed, split, i_ctime_nsec) & 0x7fffffff);
		*mtime = GET(typed, split, i_mtime_sec) * SECOND + GET(typed, split, i_mtime_nsec);
		return;
	}
	if (bpf_core_field_exists(hidden->__i_ctime))
		*ctime = GET(typed, hidden, __i_ctime.tv_sec) * SECOND + GET(typed, hidden, __i_ctime.tv_nsec);
	else
		*ctime = GET(typed, inode, i_ctime.tv_sec) * SECOND + GET(typed, inode, i_ctime.tv_nsec);
	if (bpf_core_field_exists(hidden->__i_mtime))
		*mtime = GET(typed, hidden, __i_mtime.tv_sec) * SECOND + GET(typed, hidden, __i_mtime.tv_nsec);
	else
		*mtime = GET(typed, inode, i_mtime.tv_sec) * SECOND + GET(typed, inode, i_mtime.tv_nsec);
}

// in_upper says whether a file of an overlay lies in its upper layer. Overlay's
// own inode holds the upper dentry right behind the inode that the rest of the
// kernel sees, on every kernel so far; its type is often in a module's BTF.
static __always_inline bool in_upper(struct inode *inode)
{
	void *upper = NULL;
	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper != NULL;
}

static __always_inline void file_key_of(struct file_key *k, struct inode *inode)
{
	k->inode = BPF_CORE_READ(inode, i_ino);
	k->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	k->generation = BPF_CORE_READ(inode, i_generation);
}

static __always_inline void fill_file(struct file_info *f, struct inode *inode, const bool typed)
{
	f->inode = GET(typed, inode, i_ino);
	f->size = GET(typed, inode, i_size);
	file_times(inode, &f->mtime, &f->ctime, typed);
	f->magic = GET(typed, inode, i_sb, s_magic);
	f->rdev = GET(typed, inode, i_rdev);
	f->dev = GET(typed, inode, i_sb, s_dev);
	f->mode = GET(typed, inode, i_mode);
	f->uid = GET(typed, inode, i_uid.val);
	f->gid = GET(typed, inode, i_gid.val);
	f->nlink = GET(typed, inode, i_nlink);
	f->flags = 0;
	f->reserved = 0;
	if (f->magic == OVERLAY_MAGIC && in_upper(inode))
		f->flags |= FILE_UPPER;
}

// fill_writer adds the last writer, when one is remembered.
static __always_inline void fill_writer(struct writer *w, struct file_info *f, struct inode *inode)
{
	struct file_key key;
	file_key_of(&key, inode);
	struct writer *last = bpf_map_lookup_elem(&writers, &key);
	if (last) {
		*w = *last;
		f->flags |= FILE_WRITER;
	} else {
		__builtin_memset(w, 0, sizeof(*w));
	}
}

// file_at is the open file behind a descriptor, or NULL.
static __always_inline struct file *file_at(struct task_struct *task, u32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **all = BPF_CORE_READ(fdt, fd);
	struct file *f = NULL;
	if (fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	bpf_probe_read_kernel(&f, sizeof(f), &all[fd]);
	return f;
}

// descriptor is what a file descriptor points to: 64 bytes. The kind of the
// file is in mode; ends are of sockets only.
struct descriptor {
	u64 inode;
	u32 mode; // 0: closed
	u32 dev;
	u32 rdev;
	u16 family, protocol;
	u16 type;
	u8 state; // of TCP
	u8 reserved;
	u16 local_port, remote_port;
	u8 local[16], remote[16];
};

_Static_assert(sizeof(struct descriptor) == 64, "decode.go: descriptorSize");

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

static __always_inline struct sock *sock_of(struct inode *inode)
{
	struct socket *sock = (void *)inode - bpf_core_field_offset(struct socket_alloc, vfs_inode) +
			      bpf_core_field_offset(struct socket_alloc, socket);
	return BPF_CORE_READ(sock, sk);
}

static __always_inline void fill_socket(struct descriptor *d, struct sock *sk)
{
	d->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	d->protocol = BPF_CORE_READ(sk, sk_protocol);
	d->type = BPF_CORE_READ(sk, sk_type);
	d->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (d->family != AF_INET && d->family != AF_INET6)
		return;
	d->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	d->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (d->family == AF_INET) {
		bpf_core_read(d->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(d->remote, 4, &sk->__sk_common.skc_daddr);
	} else {
		bpf_core_read(d->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(d->remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

static __always_inline void fill_descriptor(struct descriptor *d, struct file *f)
{
	__builtin_memset(d, 0, sizeof(*d));
	if (!f)
		return;
	struct inode *inode = BPF_CORE_READ(f, f_inode);
	d->inode = BPF_CORE_READ(inode, i_ino);
	d->mode = BPF_CORE_READ(inode, i_mode);
	d->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	d->rdev = BPF_CORE_READ(inode, i_rdev);
	if ((d->mode & S_IFMT) == S_IFSOCK)
		fill_socket(d, sock_of(inode));
}

#endif
