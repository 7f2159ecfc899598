package detect

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// vpc makes the flows of a busy network in which nothing is wrong, with what
// looks most like attacks.
type vpc struct {
	*stream
	r     *rand.Rand
	at    time.Duration
	noPkt bool // the format has no addresses of packets
	lists *intel.Set
}

// internet is an address of somebody who is on no list.
func (v *vpc) internet() string {
	for {
		a := netip.AddrFrom4([4]byte{byte(20 + v.r.IntN(100)), byte(v.r.IntN(256)), byte(v.r.IntN(256)), byte(1 + v.r.IntN(254))})
		if len(v.lists.Addr(a)) == 0 {
			return a.String()
		}
	}
}
func (v *vpc) port() int { return 32768 + v.r.IntN(28000) }

// conn is both records of a connection that exchanged data; dead one of one
// that nobody answered.
func (v *vpc) conn(eni, local string, lport int, remote string, rport int, proto uint8, up, down int64) {
	l, p := fmt.Sprintf("%s:%d", local, lport), fmt.Sprintf("%s:%d", remote, rport)
	n := 4 + up/1000
	v.flow(v.at, eni, l, p, proto, n, up+n*40, 3, v.pkt)
	m := 4 + down/1200
	v.flow(v.at, eni, p, l, proto, m, down+m*40, 19, v.pkt)
}
func (v *vpc) inbound(eni, local string, lport int, remote string, rport int, up, down int64) {
	l, p := fmt.Sprintf("%s:%d", local, lport), fmt.Sprintf("%s:%d", remote, rport)
	v.flow(v.at, eni, p, l, 6, 4+up/1000, up+200, 3, v.pkt)
	v.flow(v.at, eni, l, p, 6, 4+down/1200, down+200, 19, v.pkt)
}
func (v *vpc) dead(eni, local string, remote string, rport int) {
	v.flow(v.at, eni, fmt.Sprintf("%s:%d", local, v.port()), fmt.Sprintf("%s:%d", remote, rport), 6, 1+v.r.Int64N(4), 60, 2, v.pkt)
}
func (v *vpc) datagram(eni, local string, lport int, remote string, rport int, up, down int64) {
	l, p := fmt.Sprintf("%s:%d", local, lport), fmt.Sprintf("%s:%d", remote, rport)
	v.flow(v.at, eni, l, p, 17, 1+up/1200, up, 0, v.pkt)
	v.flow(v.at, eni, p, l, 17, 1+down/1200, down, 0, v.pkt)
}
func (v *vpc) pkt(f *event.Flow) {
	if !v.noPkt {
		f.PktSrc, f.PktDst = f.Src, f.Dst
	}
}

// step is what happens in a second, some of it now and then.
func (v *vpc) step(sec int) {
	v.at = time.Duration(sec) * time.Second
	r := v.r
	every := func(n int) bool { return sec%n == 0 }
	for range 8 { // a web server, and its callers behind NAT gateways with ports from 1024
		v.inbound("eni-web", "10.0.0.10", 443, v.internet(), 1024+r.IntN(60000), 800, 9000)
		v.inbound("eni-game", "10.0.0.11", 40777, "81.2.3.4", 1024+r.IntN(60000), 100, 120)
	}
	for range 3 { // a crawler: one host in twelve is dead
		if r.IntN(12) == 0 {
			v.dead("eni-crawl", "10.0.0.20", v.internet(), 443)
		} else {
			v.conn("eni-crawl", "10.0.0.20", v.port(), v.internet(), 443-363*r.IntN(2), 6, 900, 30000)
		}
	}
	if r.IntN(8) == 0 { // a mail relay
		v.dead("eni-mx", "10.0.0.25", v.internet(), 25)
	} else {
		v.conn("eni-mx", "10.0.0.25", v.port(), v.internet(), 25, 6, 6000, 600)
		v.inbound("eni-mx", "10.0.0.25", 25, v.internet(), 1024+r.IntN(60000), 6000, 600)
	}
	for range 4 { // a recursive resolver
		v.datagram("eni-dns", "10.0.0.53", v.port(), v.internet(), 53, 70, 300)
		v.datagram("eni-dns", "10.0.0.53", 53, fmt.Sprintf("10.0.9.%d", r.IntN(200)), v.port(), 300, 70)
	}
	if every(20) {
		v.conn("eni-dns", "10.0.0.53", v.port(), v.internet(), 53, 6, 100, 1500)
		for i := range 40 { // idle connections, which keep alive
			v.flow(v.at, "eni-mqtt", fmt.Sprintf("10.0.0.31:%d", 40000+i), fmt.Sprintf("82.1.1.%d:8883", i+1), 6, 2, 104, 0, v.pkt)
			v.flow(v.at, "eni-mqtt", fmt.Sprintf("82.1.1.%d:8883", i+1), fmt.Sprintf("10.0.0.31:%d", 40000+i), 6, 2, 104, 0, v.pkt)
		}
	}
	if every(15) { // monitoring: scrapes, one node is dead
		for i := range 60 {
			if i == 7 {
				for _, p := range []int{2379, 2381, 4194, 9100, 9153, 10249, 10250, 10255, 10256, 10257, 10259} {
					v.dead("eni-prom", "10.0.0.90", "10.0.7.7", p)
				}
				continue
			}
			v.conn("eni-prom", "10.0.0.90", v.port(), fmt.Sprintf("10.0.7.%d", i), []int{9100, 10250, 8080}[sec/15%3], 6, 600, 40000)
		}
	}
	if every(10) { // a load balancer checks health
		for i := range 12 {
			v.flow(v.at, "eni-lb", fmt.Sprintf("10.0.0.80:%d", v.port()), fmt.Sprintf("10.0.3.3:%d", 30000+i), 6, 4, 216, 3, v.pkt)
			v.flow(v.at, "eni-ssh", fmt.Sprintf("10.0.0.80:%d", v.port()), "10.0.0.22:22", 6, 4, 216, 3, v.pkt)
		}
		v.inbound("eni-ssh", "10.0.0.22", 22, "10.0.0.81", v.port(), 90, 90) // check_ssh
	}
	for range 2 { // peers of a peer-to-peer network, and video
		v.dead("eni-p2p", "10.0.0.40", v.internet(), []int{6881, 51413, 1024 + r.IntN(60000)}[r.IntN(3)])
		v.datagram("eni-p2p", "10.0.0.40", 6881, v.internet(), 1024+r.IntN(60000), 100, 100)
		v.datagram("eni-sfu", "10.0.0.41", 3478, v.internet(), 1024+r.IntN(60000), 90000, 9000)
		v.datagram("eni-quic", "10.0.0.42", v.port(), v.internet(), 443, 4000, 60000)
		v.datagram("eni-quic", "10.0.0.42", 123, v.internet(), 123, 76, 76)
	}
	if every(5) { // a Kubernetes node with pods behind one interface
		for i := range 4 {
			pod := netip.MustParseAddr(fmt.Sprintf("10.0.5.%d", 50+i))
			v.flow(v.at, "eni-node", fmt.Sprintf("10.0.5.1:%d", v.port()), "10.0.0.9:5432", 6, 20, 4000, 3, func(f *event.Flow) {
				if v.pkt(f); !v.noPkt {
					f.PktSrc = pod
				}
			})
			v.conn("eni-node", "10.0.5.1", v.port(), v.internet(), 443, 6, 900, 9000)
		}
		v.inbound("eni-node", "10.0.5.1", 10250, "10.0.0.91", v.port(), 300, 3000)
	}
	if every(120) { // Ansible and CI over SSH, inside and outside
		for i := range 30 {
			v.conn("eni-ops", "10.0.0.60", v.port(), fmt.Sprintf("83.1.1.%d", i+1), 22, 6, 60000, 9000)
			v.conn("eni-ops", "10.0.0.60", v.port(), fmt.Sprintf("10.0.6.%d", i+1), 22, 6, 3000, 30000)
		}
		for range 6 {
			v.inbound("eni-git", "10.0.0.61", 22, "10.0.0.60", v.port(), 3000, 90000)
		}
		v.dead("eni-ops", "10.0.0.60", "83.1.1.99", 22)
	}
	for range 6 { // noise of the internet
		v.flow(v.at, "eni-web", fmt.Sprintf("%s:%d", v.internet(), v.port()), fmt.Sprintf("10.0.0.10:%d", r.IntN(10000)), 6, 1, 44, 2, reject, v.pkt)
	}
	if every(30) {
		v.inbound("eni-ssh", "10.0.0.22", 22, v.internet(), v.port(), 1800, 2400) // one guess of many hosts
	}
	for range 4 { // a NAT gateway, which carries others' traffic
		inside, outside, p := fmt.Sprintf("10.0.%d.9", 1+r.IntN(8)), v.internet(), v.port()
		there := func(src, dst string) func(*event.Flow) {
			return func(f *event.Flow) {
				if !v.noPkt {
					f.PktSrc, f.PktDst = netip.MustParseAddr(src), netip.MustParseAddr(dst)
				}
			}
		}
		v.flow(v.at, "eni-nat", fmt.Sprintf("%s:%d", inside, p), "10.0.0.220:443", 6, 9, 900, 3, there(inside, outside))
		n := int64(9)
		if r.IntN(20) == 0 {
			n = 1
		}
		v.flow(v.at, "eni-nat", fmt.Sprintf("10.0.0.220:%d", p), outside+":443", 6, n, n*60+(n-1)*40, uint8(2+min(n-1, 1)), there("10.0.0.220", outside))
	}
	if every(60) { // a backup, a download, a VPN, a scanner of the operator's
		minute := func(f *event.Flow) { f.End = f.Start.Add(time.Minute); v.pkt(f) }
		v.flow(v.at, "eni-bk", "10.0.0.70:40000", "84.1.1.1:443", 6, 4_000_000, 5_600_000_000, 0, minute)
		v.flow(v.at, "eni-bk", "84.1.1.1:443", "10.0.0.70:40000", 6, 300_000, 15_600_000, 0, minute)
		v.flow(v.at, "eni-bk", "10.0.0.70:40001", "84.1.1.2:443", 6, 900_000, 46_800_000, 0, minute)
		v.flow(v.at, "eni-bk", "84.1.1.2:443", "10.0.0.70:40001", 6, 9_000_000, 12_000_000_000, 0, minute)
		v.flow(v.at, "eni-vpn", "10.0.0.71:51820", "84.1.1.3:51820", 17, 900_000, 900_000_000, 0, minute)
		v.flow(v.at, "eni-vpn", "84.1.1.3:51820", "10.0.0.71:51820", 17, 500_000, 200_000_000, 0, minute)
		v.datagram("eni-vpn", "10.0.0.71", v.port(), "8.8.8.8", 53, 70, 200)
	}
	if every(300) {
		for p := range 200 {
			v.dead("eni-scan", "10.0.0.99", "10.0.3.3", 1+p)
		}
	}
}

// TestBenignFlows: hundreds of thousands of flows of a busy network, with and
// without the newer fields, raise nothing.
func TestBenignFlows(t *testing.T) {
	formats := map[string]event.FlowFields{"flags and packets' addresses": basicFields | event.FlowTCPFlags | event.FlowPktAddrs, "default format": basicFields}
	for name, fields := range formats {
		v := &vpc{stream: newStream(), r: rand.New(rand.NewPCG(7, 9)), noPkt: fields&event.FlowPktAddrs == 0, lists: setOf(t, nil, "10.0.0.99")}
		e := New(Options{Intel: v.lists})
		total := 0
		seconds := 3600
		if testing.Short() {
			seconds = 600
		}
		for sec := range seconds {
			v.fields = fields
			v.step(sec)
			if len(v.events) > 5000 || sec == seconds-1 {
				total += len(v.events)
				for _, r := range recordsOf(t, e.Process(v.batch())) {
					t.Errorf("%s: %s: %s (%s)", name, r.Finding.Type, r.Finding.Description, r.Merge.Why)
				}
				v.events = v.events[:0]
			}
		}
		a := e.accountOf(event.Scope{Account: "111122223333", Region: "eu-central-1"})
		t.Logf("%s: %d flows; %d interfaces, %d odd, %d pairs", name, total, a.net.endpoints.len(), a.net.contacts.len(), a.net.logins.len())
		if !testing.Short() && total < 300_000 {
			t.Errorf("only %d flows", total)
		}
	}
}

// TestBenignQueries: a hundred thousand queries of CDNs, service discovery,
// antivirus, mail and Kubernetes raise nothing.
func TestBenignQueries(t *testing.T) {
	e := New(Options{Intel: intel.Builtin()})
	r := rand.New(rand.NewPCG(5, 6))
	s := newStream()
	total := 0
	for i := range 110_000 {
		who := fmt.Sprintf("i-%d", i%20)
		at := time.Duration(i) * 200 * time.Millisecond
		nx := func(q *event.Query) { q.Rcode = "NXDOMAIN" }
		n := r.IntN(400)
		switch i % 16 {
		case 0:
			s.ask(at, who, fmt.Sprintf("d%s.cloudfront.net", secret(r, 13)), answer("203.0.113.7", "A"))
		case 1:
			s.ask(at, who, fmt.Sprintf("e%d.dscb.akamaiedge.net", n), answer("203.0.113.7", "A"))
		case 2:
			s.ask(at, who, fmt.Sprintf("rr%d---sn-%s.googlevideo.com", n%9, secret(r, 8)), answer("203.0.113.7", "A"))
		case 3:
			s.ask(at, who, secret(r, 40)+".avqs.mcafee.com", answer("127.0.0.1", "A"))
		case 4:
			s.ask(at, "i-mx", fmt.Sprintf("%d.%d.0.203.zen.spamhaus.org", n%256, r.IntN(256)), nx)
		case 5:
			s.ask(at, "i-mx", fmt.Sprintf("selector%d._domainkey.mail.customer%d.com", n%4, n), func(q *event.Query) { q.Type = "TXT" })
		case 6:
			s.ask(at, "i-mx", fmt.Sprintf("_dmarc.company%d.com", n), func(q *event.Query) { q.Type = "TXT" })
		case 7:
			s.ask(at, who, "orders.shop.svc.cluster.local.eu-central-1.compute.internal", nx)
		case 8:
			s.ask(at, who, fmt.Sprintf("partner%d.com.corp.example.net", n), nx)
		case 9:
			s.ask(at, who, fmt.Sprintf("db-%d.cluster-c1a2b3c4d5e6.eu-central-1.rds.amazonaws.com", n), answer("10.0.0.9", "A"))
		case 10:
			s.ask(at, who, fmt.Sprintf("_ldap._tcp.Default-First-Site-Name._sites.dc%d._msdcs.corp.example.net", n%6), func(q *event.Query) { q.Type = "SRV" })
		case 11:
			s.ask(at, who, fmt.Sprintf("%d.%d.0.10.in-addr.arpa", n%256, r.IntN(256)), func(q *event.Query) { q.Type = "PTR" })
		case 12:
			s.ask(at, "i-crawler", fmt.Sprintf("www.department-%d.university%d.edu", n%12, n), answer("203.0.113.7", "A"))
		case 13:
			s.ask(at, "i-crawler", fmt.Sprintf("%s.blogspot.com", secret(r, 16)), answer("203.0.113.7", "A"))
		case 14:
			s.ask(at, who, fmt.Sprintf("%s-%s.telemetry.vendor.io", secret(r, 8), secret(r, 20)), answer("203.0.113.7", "A"))
		case 15:
			s.ask(at, who, []string{"instance-data.ec2.internal", "sts.eu-central-1.amazonaws.com", "api.stripe.com", "pool.ntp.org"}[n%4], answer("169.254.169.254", []string{"A", "X"}[min(n%4, 1)]))
		}
		if len(s.events) >= 5000 {
			total += len(s.events)
			for _, f := range recordsOf(t, e.Process(s.batch())) {
				t.Errorf("%s: %s", f.Finding.Type, f.Finding.Description)
			}
			s.events = s.events[:0]
		}
	}
	t.Logf("%d queries; %d pairs of machine and domain", total, e.accountOf(event.Scope{Account: "111122223333", Region: "eu-central-1"}).dns.tunnels.len())
}
