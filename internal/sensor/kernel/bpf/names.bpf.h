// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// Which file names are worth a record: a table that user space fills.
#ifndef VEDETTE_NAMES_H
#define VEDETTE_NAMES_H

#include "call.bpf.h"

enum role {
	ROLE_LEAF = 1 << 0,   // as the last name of a path
	ROLE_FOLDER = 1 << 1, // as one of the names before it
	ROLE_SOCKET = 1 << 2, // as the last name of a socket
};

#define NAME_MAX 32 // with its NUL
#define LEVELS 4    // the last name and three before it

struct name_key {
	char s[NAME_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct name_key);
	__type(value, u32);
} names SEC(".maps");

// sieve says of most names at once that they are not in the table: a bit for
// each value of a sum of a name's length and first eight bytes.
#define SIEVE_BITS 12

struct sieve {
	u64 bits[(1 << SIEVE_BITS) / 64];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct sieve);
} sieves SEC(".maps");

static __always_inline bool has_role(struct name_key *key, u32 role)
{
	u32 *roles = bpf_map_lookup_elem(&names, key);
	return roles && (*roles & role);
}

// passes says whether a name of len bytes that begins with head, filled up with
// NULs, may be in the table.
static __always_inline bool passes(struct sieve *sieve, u64 head, u32 len)
{
	u32 sum = ((head ^ len) * 0x9e3779b97f4a7c15ULL) >> (64 - SIEVE_BITS);
	return sieve->bits[sum >> 6] >> (sum & 63) & 1;
}

// link is the part of a dentry that is looked at, as it has lain in memory
// since before 5.8; short names lie in the dentry itself.
struct dentry_link {
	struct dentry *parent;
	u32 hash, len;
	const unsigned char *name;
	struct inode *inode;
	struct name_key inlined;
};

// read_link reads it at once, or field by field where it has been moved about.
static __always_inline void read_link(struct dentry_link *l, struct dentry *d)
{
	struct dentry___short *now = (void *)d;
	u32 at = bpf_core_field_offset(struct dentry, d_parent), inlined;
	if (bpf_core_field_exists(now->d_shortname))
		inlined = bpf_core_field_offset(struct dentry___short, d_shortname);
	else
		inlined = bpf_core_field_offset(struct dentry, d_iname);
	if (bpf_core_field_offset(struct dentry, d_name) == at + 8 && inlined == at + 32) {
		bpf_probe_read_kernel(l, sizeof(*l), (void *)d + at);
		return;
	}
	l->parent = BPF_CORE_READ(d, d_parent);
	l->len = BPF_CORE_READ(d, d_name.len);
	bpf_probe_read_kernel_str(l->inlined.s, NAME_MAX, BPF_CORE_READ(d, d_name.name));
}

// link_has_role says whether the name of a link is watched.
static __always_inline bool link_has_role(struct sieve *sieve, struct dentry_link *l, u32 role)
{
	struct name_key key = {};
	u64 head = *(u64 *)l->inlined.s;
	if (l->len == 0 || l->len >= NAME_MAX)
		return false;
	if (l->len < 8)
		head &= ~0ULL >> (64 - 8 * (l->len & 7));
	if (!passes(sieve, head, l->len))
		return false;
	bpf_probe_read_kernel(key.s, bound(l->len, NAME_MAX - 1), l->inlined.s);
	return has_role(&key, role);
}

// dentry_matches says whether the names that end at a dentry are watched,
// level 0 being the last of the path.
static __always_inline bool dentry_matches(struct dentry *dentry, u32 level)
{
	u32 zero = 0;
	struct sieve *sieve = bpf_map_lookup_elem(&sieves, &zero);
	if (!sieve)
		return false;
	for (int i = 0; i < LEVELS; i++, level++) {
		struct dentry_link l = {};
		if (level >= LEVELS)
			return false;
		read_link(&l, dentry);
		if (link_has_role(sieve, &l, level == 0 ? ROLE_LEAF : ROLE_FOLDER))
			return true;
		if (l.parent == dentry)
			return false;
		dentry = l.parent;
	}
	return false;
}

enum {
	SCAN_NO,
	SCAN_YES,
	SCAN_MORE, // relative and short: the names of where it begins count, too
};

// find_name moves from back to where the name that ends at to begins.
static __always_inline void find_name(struct scratch *s, u32 start)
{
	for (int i = 0; i < NAME; i++) {
		u32 from = s->from;
		if (from <= start || s->data[(from - 1) & (TEXT_END - 1)] == '/')
			return;
		s->from = from - 1;
	}
}

// one_name looks at the name [from, to) of the text.
static __always_inline u32 one_name(struct scratch *s)
{
	struct name_key key = {};
	u32 from = s->from, len = s->to - from;
	const u8 *at = &s->data[from & (TEXT_END - 1)];
	if (len == 0 || (len == 1 && at[0] == '.'))
		return SCAN_MORE;
	if (len == 2 && at[0] == '.' && at[1] == '.')
		return SCAN_YES; // what it leads to is not known; better told than missed
	u32 role = s->level ? ROLE_FOLDER : ROLE_LEAF;
	s->level++;
	if (len >= NAME_MAX)
		return SCAN_MORE;
	bpf_probe_read_kernel(key.s, bound(len, NAME_MAX - 1), at);
	return has_role(&key, role) ? SCAN_YES : SCAN_MORE;
}

// text_matches looks at the last names of the text [start, start+len), which
// ends with a NUL.
static __always_inline u32 text_matches(struct scratch *s, u32 start, u32 len)
{
	s->level = 0;
	if (len < 2)
		return SCAN_MORE; // the file itself is where it begins
	s->from = s->to = start + len - 1;
	for (int i = 0; i < LEVELS + 2; i++) { // two may be empty or dots
		find_name(s, start);
		if (one_name(s) == SCAN_YES)
			return SCAN_YES;
		if (s->level >= LEVELS)
			return SCAN_NO;
		if (s->from <= start)
			return SCAN_MORE;
		s->from = s->to = s->from - 1;
	}
	return SCAN_YES; // more dots than anybody needs
}

#endif
