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
	ROLE_PLACE = 1 << 3,  // as one of the names before it, if the last one has a watched ending
	ROLE_ENDING = 1 << 4, // as that ending, from its dot on
};

// What a look at names says.
enum {
	SCAN_NO,
	SCAN_YES,
	SCAN_PLACE, // an ending in a place for it: told once for many files
	SCAN_MORE,  // relative and short: the names of where it begins count, too
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

static __always_inline u32 roles_of(struct name_key *key)
{
	u32 *roles = bpf_map_lookup_elem(&names, key);
	return roles ? *roles : 0;
}

static __always_inline bool has_role(struct name_key *key, u32 role)
{
	return roles_of(key) & role;
}

// tail_ends says whether the last eight bytes of a name end in a watched way:
// with a dot and three to five bytes.
static __always_inline bool tail_ends(u64 tail)
{
	struct name_key key = {};
	for (int bits = 32; bits >= 16; bits -= 8) {
		if ((tail >> bits & 0xff) != '.')
			continue;
		*(u64 *)key.s = tail >> bits;
		return has_role(&key, ROLE_ENDING);
	}
	return false;
}

// dentry_ends says whether the name of a dentry has a watched ending. It is asked
// only of what lies in a place for such files.
static __always_inline bool dentry_ends(struct dentry *d)
{
	u32 len = BPF_CORE_READ(d, d_name.len);
	const unsigned char *name = BPF_CORE_READ(d, d_name.name);
	u64 tail = 0;
	if (len < 4 || len > 255)
		return false;
	if (len >= 8) {
		bpf_probe_read_kernel(&tail, sizeof(tail), name + len - 8);
		return tail_ends(tail);
	}
	bpf_probe_read_kernel(&tail, sizeof(tail), name);
	return tail_ends(tail << 8 * (8 - len));
}

// text_ends is dentry_ends for the text that ends at s->last.
static __always_inline bool text_ends(struct scratch *s)
{
	u64 tail = 0;
	bpf_probe_read_kernel(&tail, sizeof(tail), &s->data[(s->last - 8) & (TEXT_END - 1)]);
	return tail_ends(tail);
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

// link_roles says as what the name of a link is watched.
static __always_inline u32 link_roles(struct sieve *sieve, struct dentry_link *l)
{
	struct name_key key = {};
	u64 head = *(u64 *)l->inlined.s;
	if (l->len == 0 || l->len >= NAME_MAX)
		return 0;
	if (l->len < 8)
		head &= ~0ULL >> (64 - 8 * (l->len & 7));
	if (!passes(sieve, head, l->len))
		return 0;
	bpf_probe_read_kernel(key.s, bound(l->len, NAME_MAX - 1), l->inlined.s);
	return roles_of(&key);
}

// dentry_scan says whether the names that end at a dentry are watched, level 0
// being the last of the path. Of another level the last name is in text.
static __always_inline u32 dentry_scan(struct dentry *dentry, u32 level, struct scratch *text)
{
	u32 zero = 0;
	struct sieve *sieve = bpf_map_lookup_elem(&sieves, &zero);
	struct dentry *last = dentry;
	if (!sieve)
		return SCAN_NO;
	for (int i = 0; i < LEVELS; i++, level++) {
		struct dentry_link l = {};
		if (level >= LEVELS)
			return SCAN_NO;
		read_link(&l, dentry);
		u32 roles = link_roles(sieve, &l);
		if (roles & (level == 0 ? ROLE_LEAF : ROLE_FOLDER))
			return SCAN_YES;
		if (level && roles & ROLE_PLACE && (text ? text_ends(text) : dentry_ends(last)))
			return SCAN_PLACE;
		if (l.parent == dentry)
			return SCAN_NO;
		dentry = l.parent;
	}
	return SCAN_NO;
}

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
	if (!s->level)
		s->last = s->to;
	s->level++;
	if (len >= NAME_MAX)
		return SCAN_MORE;
	bpf_probe_read_kernel(key.s, bound(len, NAME_MAX - 1), at);
	u32 roles = roles_of(&key);
	if (roles & role)
		return SCAN_YES;
	return role == ROLE_FOLDER && roles & ROLE_PLACE && text_ends(s) ? SCAN_PLACE : SCAN_MORE;
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
		u32 one = one_name(s);
		if (one != SCAN_MORE)
			return one;
		if (s->level >= LEVELS)
			return SCAN_NO;
		if (s->from <= start)
			return SCAN_MORE;
		s->from = s->to = s->from - 1;
	}
	return SCAN_YES; // more dots than anybody needs
}

#endif
