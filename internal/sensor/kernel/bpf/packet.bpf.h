// SPDX-License-Identifier: GPL-2.0-only OR MIT
//
// Contexts of socket and packet programs, and what of a packet is looked at.
#ifndef VEDETTE_PACKET_H
#define VEDETTE_PACKET_H

#include "net.bpf.h"

// The contexts are part of the kernel's stable interface: offsets count here.
// Fields behind the last one that is used are left out.
struct bpf_sock {
	u32 bound_dev_if;
	u32 family;
	u32 type;
	u32 protocol;
	u32 mark;
	u32 priority;
	u32 src_ip4;
	u32 src_ip6[4];
	u32 src_port; // host order
};

struct bpf_sock_addr {
	u32 user_family;
	u32 user_ip4;
	u32 user_ip6[4];
	u32 user_port; // network order
	u32 family;
	u32 type;
	u32 protocol;
	u32 msg_src_ip4;
	u32 msg_src_ip6[4];
	struct bpf_sock *sk __attribute__((aligned(8)));
};

struct __sk_buff {
	u32 len;
	u32 pkt_type;
	u32 mark;
	u32 queue_mapping;
	u32 protocol;
	u32 vlan_present;
	u32 vlan_tci;
	u32 vlan_proto;
	u32 priority;
	u32 ingress_ifindex;
	u32 ifindex;
	u32 tc_index;
	u32 cb[5];
	u32 hash;
	u32 tc_classid;
	u32 data;
	u32 data_end;
	u32 napi_id;
	u32 family;
	u32 remote_ip4;
	u32 local_ip4;
	u32 remote_ip6[4];
	u32 local_ip6[4];
	u32 remote_port;
	u32 local_port;
	u32 data_meta;
	u64 flow_keys;
	u64 tstamp;
	u32 wire_len;
	u32 gso_segs;
	struct bpf_sock *sk;
};

struct bpf_tcp_sock {
	u32 snd_cwnd;
	u32 srtt_us;
	u32 rtt_min;
	u32 snd_ssthresh;
	u32 rcv_nxt;
	u32 snd_nxt;
	u32 snd_una;
	u32 mss_cache;
	u32 ecn_flags;
	u32 rate_delivered;
	u32 rate_interval_us;
	u32 packets_out;
	u32 retrans_out;
	u32 total_retrans;
	u32 segs_in;
	u32 data_segs_in;
	u32 segs_out;
	u32 data_segs_out;
};

// packet is where its parts lie, counted from the IP header.
struct packet {
	u32 transport; // offset of the TCP or UDP header
	u32 payload;   // offset of the payload
	u32 length;    // of the payload
	u32 seq;       // of TCP
	u32 ports;     // source, and destination << 16, each in network order
	u8 protocol;
	bool v6;
};

// find_ports looks at no more than it must: it runs for every packet.
static __always_inline bool find_ports(struct __sk_buff *skb, struct packet *p)
{
	u8 *b = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (b + 20 > end)
		return false;
	if (b[0] >> 4 == 4) {
		if ((b[6] & 0x1f) | b[7]) // a later fragment
			return false;
		p->v6 = false;
		p->protocol = b[9];
		p->transport = (b[0] & 15) * 4;
	} else {
		if (b + 40 > end)
			return false;
		p->v6 = true;
		p->protocol = b[6];
		p->transport = 40;
#pragma unroll
		for (int i = 0; i < 3; i++) { // hop by hop, routing, destination
			if (p->protocol != 0 && p->protocol != 43 && p->protocol != 60)
				break;
			u8 *ext = b + (p->transport & 0x1fff);
			if (ext + 8 > end)
				return false;
			p->protocol = ext[0];
			p->transport += 8 + ext[1] * 8;
		}
	}
	if (p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP)
		return false;
	u8 *t = b + (p->transport & 0x1fff);
	if (t + 8 > end)
		return false;
	p->ports = *(u32 *)t;
	return true;
}

// find_payload is for packets of which more is wanted.
static __always_inline bool find_payload(struct __sk_buff *skb, struct packet *p)
{
	u8 *b = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	u8 *t = b + (p->transport & 0x1fff);

	p->payload = p->transport + 8;
	p->seq = 0;
	if (p->protocol == IPPROTO_TCP) {
		if (t + 20 > end)
			return false;
		p->seq = __builtin_bswap32(*(u32 *)(t + 4));
		p->payload = p->transport + (t[12] >> 4) * 4;
	}
	if (skb->len <= p->payload)
		return false;
	p->length = skb->len - p->payload;
	return true;
}

// packet_ends reads the addresses; outbound says which of them is ours.
static __always_inline void packet_ends(struct __sk_buff *skb, struct packet *p, struct ends *e, bool outbound)
{
	u8 *from = outbound ? e->local : e->remote, *to = outbound ? e->remote : e->local;
	u16 source = __builtin_bswap16(p->ports), target = __builtin_bswap16(p->ports >> 16);

	__builtin_memset(e, 0, sizeof(*e));
	e->cookie = bpf_get_socket_cookie(skb);
	e->protocol = p->protocol;
	e->type = p->protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
	e->local_port = outbound ? source : target;
	e->remote_port = outbound ? target : source;
	if (p->v6) {
		e->family = NET_INET6;
		bpf_skb_load_bytes(skb, 8, from, 16);
		bpf_skb_load_bytes(skb, 24, to, 16);
	} else {
		e->family = NET_INET;
		bpf_skb_load_bytes(skb, 12, from, 4);
		bpf_skb_load_bytes(skb, 16, to, 4);
	}
}

#endif
