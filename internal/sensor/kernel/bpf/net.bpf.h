// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// What records of the network share: the two ends of a socket, the fold of
// connections that are alike, and accept, which sensor.bpf.c calls where the
// system call returns.
#ifndef VEDETTE_NET_H
#define VEDETTE_NET_H

#include "common.bpf.h"

enum net_kind {
	KIND_CONNECT = 40,
	KIND_ACCEPT = 41,
	KIND_LISTEN = 42,
	KIND_BIND = 43,
	KIND_SOCKET = 44, // a socket that sees or makes raw packets
	KIND_DNS = 45,
	KIND_STRATUM = 46,
};

// LANE_NONE is for records without a number: programs of cgroups and packets may
// interrupt each other while they count. Whether such records were lost is told
// by the counters of their kinds.
#define LANE_NONE 2

#define NET_INET 2
#define NET_INET6 10
#define NET_PACKET 17
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

// ends is a socket: 64 bytes. Addresses of AF_INET are in the first 4 bytes;
// ports are in host order.
struct ends {
	u64 cookie; // 0 where the kernel gave the socket none
	u64 inode;  // likewise
	u8 local[16], remote[16];
	u16 local_port, remote_port;
	u16 family, protocol;
	u16 type;
	u16 reserved;
	u32 netns; // inode number
};

// connection is the body of all records but DNS and STRATUM.
struct connection {
	struct header h;
	struct ends ends;
	u32 result; // errno; EINPROGRESS: no answer yet
	u32 flags;
	u32 folded; // how many like it were not told since the last one
	u32 reserved;
	u64 took; // ns from the first packet to the answer; 0 unless TCP
};

enum {
	CONNECTION_SENT = 1 << 0, // UDP: a datagram was sent, not only an address set
};

// Fields that only the network looks at; the loader finds them by the name in
// front of the suffix.
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
typedef struct {
	s64 counter;
} atomic64_t;
struct sock_common___net {
	atomic64_t skc_cookie;
};
struct socket___net {
	int state;
};
struct sock___net {
	struct sock_common___net __sk_common;
	struct socket___net *sk_socket;
	int sk_err;
};
struct inet_sock___net {
	__be16 inet_sport;
};
struct task_struct___net {
	u64 self_exec_id;
};
#pragma clang attribute pop

// net_begin is begin without a number.
static __always_inline void net_begin(struct header *h, u32 kind, u32 size)
{
	h->size = size;
	h->kind = kind;
	h->lane = LANE_NONE;
	h->cpu = bpf_get_smp_processor_id();
	h->reserved = 0;
	h->time = bpf_ktime_get_boot_ns();
	h->seq = 0;
}

// flow is what makes connections alike. run changes when the process starts
// another program, so that what a shell execs is told anew.
struct flow {
	u64 run;
	u32 tgid;
	u16 port;
	u8 kind;
	u8 result;
	u8 addr[16];
};

struct flow_state {
	u64 until; // end of the window
	u32 told, folded;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow);
	__type(value, struct flow_state);
} flows SEC(".maps");

// fold_flow says whether this one is to be told, and in *folded how many before
// it were not.
static __always_inline bool fold_flow(struct flow *key, u64 window, u32 burst, u64 now, u32 *folded)
{
	*folded = 0;
	struct flow_state *s = bpf_map_lookup_elem(&flows, key);
	if (!s) {
		struct flow_state fresh = {.until = now + window, .told = 1};
		bpf_map_update_elem(&flows, key, &fresh, BPF_ANY);
		return true;
	}
	if (now >= s->until) {
		*folded = s->folded;
		s->until = now + window;
		s->told = 1;
		s->folded = 0;
		return true;
	}
	if (s->told < burst) {
		s->told++;
		return true;
	}
	add(s->folded, 1);
	return false;
}

// folds_flow says whether this one would not be told, and then counts it.
static __always_inline bool folds_flow(struct flow *key, u64 window, u32 burst, u64 now)
{
	struct flow_state *s = bpf_map_lookup_elem(&flows, key);
	if (!s || now >= s->until || s->told < burst)
		return false;
	add(s->folded, 1);
	return true;
}

static __always_inline u64 run_of(struct task_struct *task)
{
	struct task_struct___net *t = (void *)task;
	return BPF_CORE_READ(task, group_leader, start_boottime) + BPF_CORE_READ(t, self_exec_id);
}

// own_run is run_of the running task, by plain loads where a program of a
// tracepoint may have the task's type.
static __always_inline u64 own_run(void)
{
	if (!has_task())
		return run_of((void *)bpf_get_current_task());
	struct task_struct *task = bpf_get_current_task_btf();
	return task->group_leader->start_boottime + ((struct task_struct___net *)task)->self_exec_id;
}

static __always_inline u64 socket_inode(struct sock *sk)
{
	struct sock___net *s = (void *)sk;
	void *socket = BPF_CORE_READ(s, sk_socket);
	if (!socket)
		return 0;
	struct socket_alloc *alloc = socket - bpf_core_field_offset(struct socket_alloc, socket);
	return BPF_CORE_READ(alloc, vfs_inode.i_ino);
}

// fill_ends reads both ends from the kernel's own socket.
static __always_inline void fill_ends(struct ends *e, struct sock *sk)
{
	struct sock___net *s = (void *)sk;
	e->cookie = BPF_CORE_READ(s, __sk_common.skc_cookie.counter);
	e->inode = socket_inode(sk);
	e->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	e->protocol = BPF_CORE_READ(sk, sk_protocol);
	e->type = BPF_CORE_READ(sk, sk_type);
	e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	e->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	e->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (e->family == NET_INET6) {
		bpf_core_read(e->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(e->remote, 16, &sk->__sk_common.skc_v6_daddr);
	} else {
		bpf_core_read(e->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(e->remote, 4, &sk->__sk_common.skc_daddr);
	}
	if (!e->local_port) { // a failed connection has given its port back
		struct inet_sock___net *inet = (void *)sk;
		e->local_port = __builtin_bswap16(BPF_CORE_READ(inet, inet_sport));
	}
}

#define ACCEPT_WINDOW 60000000000ULL

// net_accepted tells that the running task took a connection. sk is the new
// socket; one that is not of IP is passed over. A server takes many that are
// alike, so no more is read than says whether this one is.
static __always_inline void net_accepted(struct sock *sk, struct config *cfg, struct counters *c)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != NET_INET && family != NET_INET6)
		return;
	count_seen(c, KIND_ACCEPT);
	struct connection r = {};
	struct flow key = {
		.run = own_run(),
		.tgid = bpf_get_current_pid_tgid() >> 32,
		.port = BPF_CORE_READ(sk, __sk_common.skc_num),
		.kind = KIND_ACCEPT,
	};
	if (family == NET_INET6)
		bpf_core_read(key.addr, 16, &sk->__sk_common.skc_v6_daddr);
	else
		bpf_core_read(key.addr, 4, &sk->__sk_common.skc_daddr);
	if (!fold_flow(&key, ACCEPT_WINDOW, 1, bpf_ktime_get_boot_ns(), &r.folded)) {
		count_folded(c, KIND_ACCEPT);
		return;
	}
	fill_ends(&r.ends, sk);
	begin(&r.h, c, KIND_ACCEPT, LANE_TASK, sizeof(r));
	fill_current(&r.h.actor, cfg);
	send(&r.h, c, cfg, sizeof(r));
}

// net_packet_socket tells that the running task made a packet socket: it can
// see what others send. Raw sockets of IP are told by network.bpf.c.
static __always_inline void net_packet_socket(u32 type, u32 protocol, struct config *cfg, struct counters *c)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct connection r = {};

	count_seen(c, KIND_SOCKET);
	begin(&r.h, c, KIND_SOCKET, LANE_TASK, sizeof(r));
	fill_actor(&r.h.actor, task, cfg);
	r.ends.family = NET_PACKET;
	r.ends.type = type & 0xf; // without SOCK_CLOEXEC and SOCK_NONBLOCK
	r.ends.protocol = protocol;
	r.ends.netns = r.h.actor.netns;
	send(&r.h, c, cfg, sizeof(r));
}

#endif
