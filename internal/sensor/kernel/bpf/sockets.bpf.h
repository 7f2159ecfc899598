// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// Descriptors: sockets and FIFOs that become standard streams, connections to
// named Unix sockets, and what network.bpf.c wants to know of system calls.
#ifndef VEDETTE_SOCKETS_H
#define VEDETTE_SOCKETS_H

#include "names.bpf.h"
#include "net.bpf.h"

#define PIPEFS_MAGIC 0x50495045

// handle_dup sees a descriptor that became 0, 1 or 2. Pipes without a name are
// in every shell pipeline; what is run with one says so when it is executed.
SEC("tp_btf/sys_exit")
int handle_dup(u64 *ctx)
{
	struct work w = {};
	if (!begin_work(&w, ctx))
		return 0;
	struct file *f = own_file(w.ret);
	struct inode *inode = BPF_CORE_READ(f, f_inode);
	u32 type = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	if (type != S_IFSOCK && (type != S_IFIFO || BPF_CORE_READ(inode, i_sb, s_magic) == PIPEFS_MAGIC))
		return 0;
	if (!begin_call(&w, KIND_DUP))
		return 0;
	w.call->arg[0] = arg(&w, 0);
	w.call->arg[1] = w.ret;
	descriptor_part(&w, f);
	if (type == S_IFIFO)
		file_text(&w, 0, f);
	end_call(&w);
	return 0;
}

// leaf_is_socket says whether the last name of the first text is a watched
// socket's.
static __always_inline bool leaf_is_socket(struct scratch *s, u32 start, u32 len)
{
	struct name_key key = {};
	s->from = start + len - 1;
	find_name(s, start);
	bpf_probe_read_kernel_str(key.s, sizeof(key.s), &s->data[s->from & (TEXT_END - 1)]);
	return has_role(&key, ROLE_SOCKET);
}

// bound_to is the dentry of the socket at the other end: what it is called
// where it was made, whatever path was used to reach it.
static __always_inline struct dentry *bound_to(struct file *f, struct vfsmount **mnt)
{
	struct inode *inode = BPF_CORE_READ(f, f_inode);
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	struct unix_sock *u = (void *)sock_of(inode);
	struct unix_sock *peer = (void *)BPF_CORE_READ(u, peer);
	if (!peer)
		return NULL;
	*mnt = BPF_CORE_READ(peer, path.mnt);
	return BPF_CORE_READ(peer, path.dentry);
}

static __always_inline bool dentry_is_socket(struct dentry *dentry)
{
	struct name_key key = {};
	if (!dentry)
		return false;
	bpf_probe_read_kernel_str(key.s, sizeof(key.s), BPF_CORE_READ(dentry, d_name.name));
	return has_role(&key, ROLE_SOCKET);
}

static __always_inline void unix_connect(struct work *w, u32 fd, const u8 *addr)
{
	u16 family = 0;
	struct vfsmount *mnt = NULL;
	bpf_probe_read_user(&family, sizeof(family), addr);
	if (family != AF_UNIX || !start_call(w, KIND_UNIXCONNECT))
		return;
	struct file *f = own_file(fd);
	struct dentry *bound = w->ret == 0 ? bound_to(f, &mnt) : NULL;
	w->call->text[0] = put_user_str(w->s, addr + 2, 109);
	bool told = dentry_is_socket(bound) || leaf_is_socket(w->s, sizeof(struct call), w->call->text[0]);
	if (!told || !admit(w, KIND_UNIXCONNECT)) {
		if (!told)
			count_folded(w->c, KIND_UNIXCONNECT);
		give(w->s);
		return;
	}
	w->call->arg[0] = fd;
	if (bound)
		path_text(w, 1, bound, mnt);
	end_call(w);
}

static __always_inline void accepted(struct work *w)
{
	struct file *f = own_file(w->ret);
	struct inode *inode = BPF_CORE_READ(f, f_inode);
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFSOCK)
		net_accepted(sock_of(inode), w->cfg, w->c);
}

#define SYS_SOCKET 1
#define SYS_CONNECT 3
#define SYS_ACCEPT 5
#define SYS_ACCEPT4 18
#define AF_PACKET 17

// handle_socket sees connect, accept and socket, also by 32-bit x86's one call
// for all of them.
SEC("tp_btf/sys_exit")
int handle_socket(u64 *ctx)
{
	struct work w = {};
	u32 a[3] = {};
	if (!begin_work(&w, ctx))
		return 0;
	u32 op = w.op;
	a[0] = arg(&w, 0);
	a[1] = arg(&w, 1);
	a[2] = arg(&w, 2);
	const u8 *addr = user(&w, 1);
	if (op == OP_SOCKETCALL) {
		op = a[0] == SYS_CONNECT				   ? OP_CONNECT
		     : a[0] == SYS_SOCKET				   ? OP_SOCKET
		     : a[0] == SYS_ACCEPT || a[0] == SYS_ACCEPT4 ? OP_ACCEPT
								   : OP_NONE;
		bpf_probe_read_user(a, sizeof(a), addr);
		addr = (const u8 *)(u64)a[1];
	}
	if (op == OP_CONNECT)
		unix_connect(&w, a[0], addr);
	else if (w.ret < 0)
		return 0;
	else if (op == OP_SOCKET && a[0] == AF_PACKET)
		net_packet_socket(a[1], a[2], w.cfg, w.c);
	else if (op == OP_ACCEPT || op == OP_ACCEPT4)
		accepted(&w);
	return 0;
}

#endif
