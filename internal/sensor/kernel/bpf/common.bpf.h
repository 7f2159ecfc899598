// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// What every program of the sensor shares: the head of a record, the maps, the
// way a record is counted and sent. A second object (network.bpf.c) includes it
// too; user space gives both the same maps.
//
// No helper newer than Linux 5.8 is called here or anywhere: a test reads the
// objects and says so.
#ifndef VEDETTE_COMMON_H
#define VEDETTE_COMMON_H

#include "kernel.bpf.h"

// KINDS bounds the kinds of records. 1 to 39 are processes, files and system
// calls (sensor.bpf.c); 40 to 63 belong to network.bpf.c.
#define KINDS 64

enum kind {
	KIND_EXEC = 1,
	KIND_FORK = 2,
	KIND_EXIT = 3,
	KIND_CREDENTIALS = 4,
	KIND_NAMESPACE = 5,
	KIND_MOUNT = 6,
	KIND_MODULE = 7,
	KIND_BPF = 8,
	KIND_PTRACE = 9,
	KIND_VMACCESS = 10,
	KIND_USERFAULT = 11,
	KIND_MEMFD = 12,
	KIND_IOURING = 13,
	KIND_DUP = 14,
	KIND_UNIXCONNECT = 15,
	KIND_HANDLE = 16,
	KIND_ROOT = 17,
	KIND_MAP = 18,
	KIND_OPEN = 19,
	KIND_RENAME = 20,
	KIND_UNLINK = 21,
	KIND_LINK = 22,
	KIND_SYMLINK = 23,
	KIND_CHMOD = 24,
	KIND_PROTECT = 25,
	KIND_TRUNCATE = 26,
};

// Why an event that was wanted did not reach user space.
enum drop {
	DROP_RING = 0,   // the ring buffer was full
	DROP_RATE = 1,   // the process's bucket was empty
	DROP_BUSY = 2,   // the CPU's scratch buffer was in use
	DROP_FAULT = 3,  // memory that had to be read was not there
	DROPS = 4,
};

// Lanes number records apart where one program may interrupt another.
enum lane {
	LANE_TASK = 0,    // a system call or a tracepoint of the running task
	LANE_SOFTIRQ = 1, // packets
	LANES = 2,
};

// Bits of actor.flags.
enum {
	ACTOR_CONTAINED = 1 << 0, // another mount or pid namespace than the host's
	ACTOR_USERNS = 1 << 1,    // not in the first user namespace
	ACTOR_COMPAT = 1 << 2,    // a 32-bit system call
	ACTOR_KERNEL = 1 << 3,    // a kernel thread
};

// actor is who did it: 88 bytes.
struct actor {
	u64 start;        // of the process, ns since boot; with tgid its stable id
	u64 parent_start; // likewise, of the parent
	u64 cgroup;       // id of the cgroup in the hierarchy user space chose
	u32 tgid;         // as the first pid namespace counts
	u32 local;        // as that of the sensor counts; 0: it is not in it
	u32 parent;       // tgid of the parent
	u32 uid, gid, euid, egid;
	u32 nspid;        // tgid as its own pid namespace counts
	u32 pidns, mntns, netns;
	u32 flags;
	char comm[16];
};

// header begins every record: 120 bytes.
struct header {
	u32 size; // of the whole record, this included
	u16 kind;
	u16 lane;
	u32 cpu;
	u32 reserved;
	u64 time; // ns since boot, suspended time included
	u64 seq;  // per CPU and lane, without gaps but where a record was lost
	struct actor actor;
};

_Static_assert(sizeof(struct header) == 120, "decode.go: headerSize");

// counters are per CPU: what happened to the events of each kind.
struct counters {
	u64 seq[LANES];
	u64 seen[KINDS];   // passed the programs' own look: worth a record
	u64 sent[KINDS];   // in the ring
	u64 folded[KINDS]; // told once already, or of no detection's interest
	u64 dropped[DROPS][KINDS];
};

// config is written by user space before the programs are attached.
struct config {
	u32 self;       // the sensor's own tgid
	u32 host_mntns; // inode number of the host's mount namespace; 0: not known
	s32 subsys;     // index of the v1 controller whose cgroup counts; -1: v2
	u32 flags;
	u64 wake;       // bytes in the ring that wake the reader
	u64 rate;       // ns for one token
	u64 burst;      // tokens
	u64 nonce;      // what the sensor says to be known as itself
	u32 pidns;      // the sensor's pid namespace, which the programs find out,
	u32 level;      // and how deep it lies: 0 is the first one
};

enum {
	CONFIG_WATCH = 1 << 0,    // only processes in the map watch
	CONFIG_FOLD_HOST = 1 << 1, // remember the writers of files outside containers, too
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct config);
} config SEC(".maps");

// watch holds the processes (tgid) that are looked at when CONFIG_WATCH is
// set; children inherit it.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, u8);
} watch SEC(".maps");

struct bucket_key {
	u32 tgid;
	u32 kind;
};

// bucket: full is the time at which the bucket will be full again.
struct bucket {
	u64 full;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct bucket_key);
	__type(value, struct bucket);
} buckets SEC(".maps");

static __always_inline struct config *get_config(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&config, &zero);
}

static __always_inline struct counters *get_counters(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&counters, &zero);
}

// bound cuts a length off by a mask where the verifier sees it: the compiler
// cannot move it, prove it needless or work on a copy, as old verifiers do not
// know the bounds of copies.
static __always_inline u64 bound(u64 n, const u64 mask)
{
	asm volatile("%[n] &= %[mask]" : [n] "+r"(n) : [mask] "i"(mask));
	return n;
}

// add is atomic because a packet's program may interrupt a task's on one CPU.
#define add(x, n) __sync_fetch_and_add(&(x), n)

static __always_inline void count_seen(struct counters *c, u32 kind)
{
	if (c && kind < KINDS)
		add(c->seen[kind], 1);
}

static __always_inline void count_folded(struct counters *c, u32 kind)
{
	if (c && kind < KINDS)
		add(c->folded[kind], 1);
}

static __always_inline void count_drop(struct counters *c, u32 kind, u32 why)
{
	if (c && kind < KINDS && why < DROPS)
		add(c->dropped[why][kind], 1);
}

// watched says whether a process is one of those that are looked at: all, but
// in tests.
static __always_inline bool watched(struct config *cfg, u32 tgid)
{
	if (!(cfg->flags & CONFIG_WATCH))
		return true;
	return bpf_map_lookup_elem(&watch, &tgid) != NULL;
}

// wanted is watched, without the sensor itself.
static __always_inline bool wanted(struct config *cfg, u32 tgid)
{
	return cfg && tgid != cfg->self && watched(cfg, tgid);
}

// allow takes one token of the process's bucket for this kind. The bucket is
// kept as the time at which it will be full: one number, no refill.
static __always_inline bool allow(struct config *cfg, u32 tgid, u32 kind, u64 now)
{
	struct bucket_key key = {.tgid = tgid, .kind = kind};
	struct bucket *b = bpf_map_lookup_elem(&buckets, &key);
	if (!b) {
		struct bucket fresh = {.full = now + cfg->rate};
		bpf_map_update_elem(&buckets, &key, &fresh, BPF_ANY);
		return true;
	}
	u64 full = b->full;
	if (full < now)
		full = now;
	if (full + cfg->rate > now + cfg->rate * cfg->burst)
		return false;
	b->full = full + cfg->rate; // a race gives a token away, no more
	return true;
}

// has_task says whether the running task can be had with its type (5.11): then
// its fields are read by plain loads, which cost a tenth of bpf_probe_read_kernel.
static __always_inline bool has_task(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf);
}

// GET reads a chain of fields from a kernel structure: by plain loads if the
// verifier knows the pointer's type (typed, a constant), else by helpers.
#define GET(typed, src, ...) ((typed) ? ___arrow(src, ##__VA_ARGS__) : BPF_CORE_READ(src, ##__VA_ARGS__))

// cgroup_of is the cgroup that says which container a task is in.
static __always_inline struct cgroup *cgroup_of(struct task_struct *task, s32 subsys)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	if (subsys < 0)
		return BPF_CORE_READ(set, dfl_cgrp);
	struct cgroup_subsys_state *css = NULL;
	void *all = (void *)set + bpf_core_field_offset(struct css_set, subsys);
	bpf_probe_read_kernel(&css, sizeof(css), all + (subsys & 15) * sizeof(css));
	return BPF_CORE_READ(css, cgroup);
}

static __always_inline u64 cgroup_id(struct task_struct *task, s32 subsys, const bool typed)
{
	if (typed && subsys < 0)
		return task->cgroups->dfl_cgrp->kn->id;
	struct cgroup *cgroup = cgroup_of(task, subsys);
	return BPF_CORE_READ(cgroup, kn, id);
}

// pid_numbers reads a pid as its own namespace counts, and that namespace. The
// verifier must not know pid's type: it allows no sums with such pointers.
static __always_inline void pid_numbers(struct pid *pid, u32 depth, u32 *nr, u32 *inum)
{
	struct upid up = {};
	u32 size = bpf_core_type_size(struct upid);
	void *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);
	depth &= 31; // the kernel allows 32 levels
	bpf_probe_read_kernel(&up, sizeof(up), numbers + depth * size);
	*nr = up.nr;
	*inum = BPF_CORE_READ(up.ns, ns.inum);
}

// local_number is a process's number in the sensor's pid namespace, which is the
// node's where the node is itself a container.
static __always_inline u32 local_number(struct pid *pid, u32 depth, u32 tgid, struct config *cfg)
{
	u32 nr, inum;
	if (!cfg->level)
		return tgid;
	if (depth < cfg->level)
		return 0;
	pid_numbers(pid, cfg->level, &nr, &inum);
	return inum == cfg->pidns ? nr : 0;
}

#define PF_KTHREAD 0x00200000

// fill_parts describes a task.
static __always_inline void fill_parts(struct actor *a, struct task_struct *task, struct config *cfg, const bool typed)
{
	u32 level = GET(typed, task, thread_pid, level);
	struct pid *pid = BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]); // without a type: see pid_numbers

	a->start = GET(typed, task, group_leader, start_boottime);
	a->parent_start = GET(typed, task, real_parent, group_leader, start_boottime);
	a->cgroup = cgroup_id(task, cfg->subsys, typed);
	a->tgid = GET(typed, task, tgid);
	a->parent = GET(typed, task, real_parent, tgid);
	a->uid = GET(typed, task, cred, uid.val);
	a->gid = GET(typed, task, cred, gid.val);
	a->euid = GET(typed, task, cred, euid.val);
	a->egid = GET(typed, task, cred, egid.val);
	pid_numbers(pid, level, &a->nspid, &a->pidns);
	a->local = local_number(pid, level, a->tgid, cfg);
	a->mntns = GET(typed, task, nsproxy, mnt_ns, ns.inum);
	a->netns = GET(typed, task, nsproxy, net_ns, ns.inum);
	a->flags = 0;
	if (level > cfg->level || (a->mntns && cfg->host_mntns && a->mntns != cfg->host_mntns))
		a->flags |= ACTOR_CONTAINED;
	if (GET(typed, task, cred, user_ns, level) > 0)
		a->flags |= ACTOR_USERNS;
	if (GET(typed, task, flags) & PF_KTHREAD)
		a->flags |= ACTOR_KERNEL;
	bpf_core_read(&a->comm, sizeof(a->comm), &task->comm);
}

// fill_actor describes a task by some 40 calls of a helper; call it only for
// what is sent.
static __always_inline void fill_actor(struct actor *a, struct task_struct *task, struct config *cfg)
{
	fill_parts(a, task, cfg, false);
}

// fill_typed is fill_actor for a task that is an argument of a tracepoint: by
// plain loads, nearly for nothing.
static __always_inline void fill_typed(struct actor *a, struct task_struct *task, struct config *cfg)
{
	fill_parts(a, task, cfg, true);
}

// fill_current describes the running task.
static __always_inline void fill_current(struct actor *a, struct config *cfg)
{
	if (has_task())
		fill_typed(a, bpf_get_current_task_btf(), cfg);
	else
		fill_actor(a, (void *)bpf_get_current_task(), cfg);
}

// begin fills all of a header but the actor, and takes the record's number.
// What follows must be sent or counted as dropped.
static __always_inline void begin(struct header *h, struct counters *c, u32 kind, u32 lane, u32 size)
{
	h->size = size;
	h->kind = kind;
	h->lane = lane;
	h->cpu = bpf_get_smp_processor_id();
	h->reserved = 0;
	h->time = bpf_ktime_get_boot_ns();
	h->seq = ++c->seq[lane & (LANES - 1)];
}

// wake_flag keeps the reader asleep until enough waits for it. It wakes once,
// when the mark is passed; the reader also looks by itself every so often.
static __always_inline u64 wake_flag(struct config *cfg, u32 size)
{
	u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	if (waiting < cfg->wake && waiting + size + 8 >= cfg->wake)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

// send copies a finished record of h->size bytes into the ring. size is the
// same number, bounded where the verifier can see it.
static __always_inline bool send(struct header *h, struct counters *c, struct config *cfg, u32 size)
{
	u32 kind = h->kind;
	if (bpf_ringbuf_output(&events, h, size, wake_flag(cfg, size))) {
		count_drop(c, kind, DROP_RING);
		return false;
	}
	if (kind < KINDS)
		add(c->sent[kind], 1);
	return true;
}

#endif
