package detect

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

const victim = "203.0.113.9"

// known makes the interface's own address known.
func known() *stream {
	s := newStream()
	s.session(0, eni, me+":40000", "10.0.1.1:5432")
	s.session(0, eni, me+":40001", "10.0.1.2:5432")
	return s
}

// probes appends n calls of one SYN, at ports or hosts that count up.
func (s *stream) probes(n int, every time.Duration, dst func(i int) string, change ...func(*event.Flow)) {
	for i := range n {
		s.flow(time.Minute+time.Duration(i)*every, eni, fmt.Sprintf("%s:%d", me, 41000+i), dst(i), 6, 1, 60, 2, change...)
	}
}

func portsOn(host string) func(int) string {
	return func(i int) string { return fmt.Sprintf("%s:%d", host, 20+i) }
}
func hostOn(port int) func(int) string {
	return func(i int) string { return fmt.Sprintf("203.0.%d.%d:%d", i/200, i%200+1, port) }
}

func TestPortScan(t *testing.T) {
	const found = "Recon:EC2/Portscan ACTOR 5 1"
	sec := time.Second
	for name, c := range map[string]struct {
		want string
		make func(*stream)
	}{
		"ports of a public host":           {found, func(s *stream) { s.probes(10, sec, portsOn(victim)) }},
		"ports of a host inside":           {found, func(s *stream) { s.probes(20, sec, portsOn("10.0.3.3")) }},
		"a dead node":                      {"", func(s *stream) { s.probes(14, sec, portsOn("10.0.3.3")) }},
		"slowly":                           {"", func(s *stream) { s.probes(60, 40*sec, portsOn(victim)) }},
		"without flags":                    {found, func(s *stream) { s.probes(10, sec, portsOn(victim), noFlags) }},
		"from one port, without flags":     {found, func(s *stream) { s.probes(10, sec, portsOn(victim), noFlags, from(44444)) }},
		"what a group kept in":             {found, func(s *stream) { s.probes(10, sec, portsOn(victim), reject) }},
		"retries of one port":              {"", func(s *stream) { s.probes(90, sec, func(int) string { return victim + ":22" }) }},
		"a server's answers":               {"", func(s *stream) { answers(s, 18) }},
		"a server's answers without flags": {"", func(s *stream) { answers(s, 0, noFlags) }},
		"passive FTP": {"", func(s *stream) {
			for i := range 100 {
				s.session(time.Duration(i)*sec, eni, fmt.Sprintf("%s:%d", me, 42000+i), fmt.Sprintf("%s:%d", victim, 30000+i))
			}
		}},
		"traceroute": {"", func(s *stream) {
			for i := range 90 {
				s.flow(time.Minute, eni, me+":50000", fmt.Sprintf("%s:%d", victim, 33434+i), 17, 1, 60, 0)
			}
		}},
		"UDP": {found, func(s *stream) {
			for i := range 90 {
				s.flow(time.Minute, eni, me+":50000", fmt.Sprintf("%s:%d", victim, 1+i), 17, 1, 28, 0)
			}
		}},
		"health checks that end in order": {"", func(s *stream) {
			for i := range 90 {
				s.flow(time.Minute, eni, fmt.Sprintf("%s:%d", me, 50000+i), fmt.Sprintf("10.0.3.3:%d", 30000+i), 6, 4, 216, 3)
			}
		}},
		"half of them succeed": {found, func(s *stream) {
			s.probes(8, sec, portsOn(victim))
			for i := range 8 {
				s.session(70*sec+time.Duration(i)*sec, eni, fmt.Sprintf("%s:%d", me, 43000+i), fmt.Sprintf("%s:%d", victim, 100+i))
			}
			s.flow(80*sec, eni, me+":45000", victim+":500", 6, 1, 60, 2)
		}},
	} {
		s := known()
		c.make(s)
		got := types(s.judge(t, Options{}))
		if c.want == "" && got != "" || c.want != "" && (len(got) < len(c.want) || got[:len(c.want)-2] != c.want[:len(c.want)-2]) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func from(port uint16) func(*event.Flow) { return func(f *event.Flow) { f.SrcPort = port } }

// answers are what a server sends to the many ports of one client.
func answers(s *stream, flags uint8, change ...func(*event.Flow)) {
	for i := range 300 {
		s.flow(time.Minute, eni, fmt.Sprintf("%s:40443", me), fmt.Sprintf("%s:%d", victim, 1024+i*101), 6, 3, 180, flags, change...)
	}
}

// datagrams appends n single datagrams to hosts, of which a percentage is answered.
func (s *stream) datagrams(n int, every time.Duration, dst func(i int) string, answered int, change ...func(*event.Flow)) {
	for i := range n {
		at := time.Minute + time.Duration(i)*every
		s.flow(at, eni, fmt.Sprintf("%s:%d", me, 41000+i), dst(i), 17, 1, 60, 0, change...)
		if i*answered/100 != (i+1)*answered/100 {
			s.flow(at, eni, dst(i), fmt.Sprintf("%s:%d", me, 41000+i), 17, 1, 120, 0)
		}
	}
}

// datagram appends a question and its answer, in either order.
func (s *stream) datagram(at time.Duration, dst string, backwards bool) {
	ask := func() { s.flow(at, eni, me+":40001", dst, 17, 1, 70, 0) }
	if !backwards {
		ask()
	}
	s.flow(at, eni, dst, me+":40001", 17, 1, 200, 0)
	if backwards {
		ask()
	}
}

func TestPortSweep(t *testing.T) {
	const found = "Impact:EC2/PortSweep ACTOR 8 1"
	sec := time.Second
	for name, c := range map[string]struct {
		want string
		make func(*stream)
	}{
		"telnet":                 {found, func(s *stream) { s.probes(25, sec, hostOn(23)) }},
		"too few":                {"", func(s *stream) { s.probes(24, sec, hostOn(23)) }},
		"without flags":          {found, func(s *stream) { s.probes(25, sec, hostOn(23), noFlags) }},
		"443 without flags":      {"", func(s *stream) { s.probes(90, sec, hostOn(443), noFlags) }},
		"443":                    {found, func(s *stream) { s.probes(25, sec, hostOn(443)) }},
		"peers that are gone":    {"", func(s *stream) { s.probes(90, sec, hostOn(6881)) }},
		"inside":                 {"", func(s *stream) { s.probes(90, sec, func(i int) string { return fmt.Sprintf("10.1.%d.4:9100", i) }) }},
		"SNMP of public routers": {"", func(s *stream) { s.datagrams(90, sec, hostOn(161), 90) }},
		"search for SNMP":        {found, func(s *stream) { s.datagrams(25, sec, hostOn(161), 0) }},
		"search for SSDP":        {found, func(s *stream) { s.datagrams(28, 10*sec, hostOn(1900), 8) }},
		"search for SIP":         {found, func(s *stream) { s.datagrams(25, sec, hostOn(5060), 4) }},
		"search for memcached":   {found, func(s *stream) { s.datagrams(25, sec, hostOn(11211), 0, reject) }},
		"search for time":        {found, func(s *stream) { s.datagrams(50, sec, hostOn(123), 0) }},
		"search for resolvers":   {found, func(s *stream) { s.datagrams(60, sec, hostOn(53), 5) }},
		"too few datagrams":      {"", func(s *stream) { s.datagrams(24, sec, hostOn(161), 0) }},
		"lame name servers":      {"", func(s *stream) { s.datagrams(49, sec, hostOn(53), 0) }},
		"slow datagrams":         {"", func(s *stream) { s.datagrams(200, 20*sec, hostOn(1900), 0) }},
		"QUIC that is lost":      {"", func(s *stream) { s.datagrams(200, sec, hostOn(443), 0) }},
		"STUN":                   {"", func(s *stream) { s.datagrams(200, sec, hostOn(3478), 0) }},
		"peers by UDP":           {"", func(s *stream) { s.datagrams(200, sec, hostOn(6881), 0); s.datagrams(200, sec, hostOn(51413), 0) }},
		"SNMP inside": {"", func(s *stream) {
			s.datagrams(200, sec, func(i int) string { return fmt.Sprintf("10.1.%d.4:161", i) }, 0)
		}},
		"a resolver, answers first": {"", func(s *stream) {
			for i := range 400 {
				s.datagram(time.Minute+time.Duration(i)*sec/8, hostOn(53)(i), i%2 == 0)
			}
		}},
		"a resolver, answers a file later": {"", func(s *stream) {
			for k := range 10 {
				for i := range 40 {
					s.flow(time.Minute+time.Duration(k)*sec*30, eni, me+":40001", hostOn(53)(40*k+i), 17, 1, 70, 0)
				}
				for i := range 40 {
					s.flow(time.Minute+time.Duration(k)*sec*30, eni, hostOn(53)(40*k+i), me+":40001", 17, 1, 200, 0)
				}
			}
		}},
		"a time server": {"", func(s *stream) {
			for i := range 400 {
				at := time.Minute + time.Duration(i)*sec/8
				s.flow(at, eni, hostOn(123)(i), me+":123", 17, 1, 76, 0)
				s.flow(at, eni, me+":123", hostOn(123)(i), 17, 1, 76, 0)
			}
		}},
		"a crawler with dead hosts": {"", func(s *stream) {
			for i := range 2000 {
				at := time.Minute + time.Duration(i)*sec/10
				if i%10 == 0 {
					s.flow(at, eni, fmt.Sprintf("%s:%d", me, 33000+i), fmt.Sprintf("203.1.%d.%d:443", i/250, i%250+1), 6, 3, 180, 2)
					continue
				}
				s.session(at, eni, fmt.Sprintf("%s:%d", me, 33000+i), fmt.Sprintf("203.2.%d.%d:443", i/250, i%250+1))
			}
		}},
		"SSH to a fleet": {"", func(s *stream) {
			for i := range 90 {
				s.session(time.Minute, eni, fmt.Sprintf("%s:%d", me, 42000+i), hostOn(22)(i))
			}
		}},
	} {
		s := known()
		c.make(s)
		if got := types(s.judge(t, Options{})); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestInsideAlone: a log of two machines inside, which does not tell whose it
// is, still tells who does it.
func TestInsideAlone(t *testing.T) {
	s := newStream()
	s.probes(40, time.Second, portsOn("10.0.3.3"), noFlags)
	s.login(25, time.Second, me, "10.0.3.3:22", noFlags)
	got := wants(t, s, "Recon:EC2/Portscan ACTOR 5 2\nUnauthorizedAccess:EC2/SSHBruteForce ACTOR 8 1")
	if n := got[0].Finding.Resource.InstanceDetails.NetworkInterfaces; len(n) != 1 || n[0].PrivateIPAddress != me || n[0].NetworkInterfaceID != "" {
		t.Errorf("%+v", n)
	}
}

// TestTrustedScanner: an operator's own scanner, by its private address on the
// trusted list, may scan.
func TestTrustedScanner(t *testing.T) {
	s := known()
	s.probes(90, time.Second, portsOn(victim))
	if got := s.judge(t, Options{Intel: setOf(t, nil, me)}); len(got) > 0 {
		t.Error(types(got))
	}
}

// login appends n refused logins, in both directions.
func (s *stream) login(n int, every time.Duration, client, server string, change ...func(*event.Flow)) {
	for i := range n {
		at := time.Minute + time.Duration(i)*every
		c := fmt.Sprintf("%s:%d", client, 42000+i)
		s.flow(at, eni, c, server, 6, 14, 2300, 3, change...)
		s.flow(at, eni, server, c, 6, 13, 3100, 19, change...)
	}
}

func TestBruteForce(t *testing.T) {
	sec := time.Second
	for name, c := range map[string]struct {
		want string
		make func(*stream)
	}{
		"SSH in":              {"UnauthorizedAccess:EC2/SSHBruteForce TARGET 2 1", func(s *stream) { s.login(20, sec, victim, me+":22") }},
		"SSH in, no flags":    {"UnauthorizedAccess:EC2/SSHBruteForce TARGET 2 1", func(s *stream) { s.login(20, sec, victim, me+":22", noFlags) }},
		"SSH in from inside":  {"UnauthorizedAccess:EC2/SSHBruteForce TARGET 2 1", func(s *stream) { s.login(20, sec, "10.0.7.7", me+":22") }},
		"SSH out":             {"UnauthorizedAccess:EC2/SSHBruteForce ACTOR 8 1", func(s *stream) { s.login(20, sec, me, victim+":22") }},
		"RDP in":              {"UnauthorizedAccess:EC2/RDPBruteForce TARGET 2 1", func(s *stream) { s.login(20, sec, victim, me+":3389") }},
		"WinRM in":            {"Impact:EC2/WinRMBruteForce TARGET 2 1", func(s *stream) { s.login(20, sec, victim, me+":5985") }},
		"WinRM out":           {"Impact:EC2/WinRMBruteForce ACTOR 8 1", func(s *stream) { s.login(20, sec, me, "10.0.8.8:5986") }},
		"slowly":              {"UnauthorizedAccess:EC2/SSHBruteForce TARGET 2 1", func(s *stream) { s.login(20, 10*time.Minute, victim, me+":22") }},
		"slowly from inside":  {"", func(s *stream) { s.login(90, 5*time.Minute, "10.0.7.7", me+":22") }},
		"too few":             {"", func(s *stream) { s.login(19, sec, victim, me+":22") }},
		"another port":        {"", func(s *stream) { s.login(90, sec, victim, me+":2222") }},
		"kept out":            {"", func(s *stream) { s.login(90, sec, victim, me+":22", reject) }},
		"health checks":       {"", func(s *stream) { checks(s, 90) }},
		"an administrator":    {"", func(s *stream) { s.work(); s.login(60, sec, victim, me+":22") }},
		"worked, then a wave": {"UnauthorizedAccess:EC2/SSHBruteForce TARGET 2 1", func(s *stream) { s.work(); s.login(100, sec, victim, me+":22") }},
	} {
		s := known()
		c.make(s)
		if got := types(s.judge(t, Options{})); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	s := known()
	s.login(90, time.Second, victim, me+":22")
	if got := s.judge(t, Options{Own: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}); len(got) > 0 {
		t.Error("the operator's own network:", types(got))
	}
	s = known() // a tool does the same each day, 15 times at once
	for d := range 5 {
		for i := range 15 {
			s.flow(time.Duration(d)*day+time.Duration(i)*time.Second, eni, fmt.Sprintf("10.0.7.7:%d", 42000+i+d*100), me+":22", 6, 14, 2300, 3)
		}
	}
	for i := range 40 { // and then a bit more
		s.flow(6*day+time.Duration(i)*time.Second, eni, fmt.Sprintf("10.0.7.7:%d", 52000+i), me+":22", 6, 14, 2300, 3)
	}
	if got := s.judge(t, Options{}); len(got) > 0 {
		t.Error("what is usual:", types(got))
	}
}

// work appends a session in which something was done.
func (s *stream) work() {
	s.flow(30*time.Second, eni, victim+":41999", me+":22", 6, 90, 40000, 3)
}

// checks are health checks of port 22.
func checks(s *stream, n int) {
	for i := range n {
		s.flow(time.Duration(i)*3*time.Second, eni, fmt.Sprintf("10.0.9.9:%d", 42000+i), me+":22", 6, 4, 216, 3)
	}
}

func TestPortProbe(t *testing.T) {
	probe := func(port int, change ...func(*event.Flow)) *stream {
		s := known()
		s.flow(time.Minute, eni, "198.51.100.250:40000", fmt.Sprintf("%s:%d", me, port), 6, 2, 100, 2, change...)
		return s
	}
	got := wants(t, probe(8080), "Recon:EC2/PortProbeUnprotectedPort TARGET 2 1")
	if p := got[0].Finding.Service.Action.PortProbeAction.PortProbeDetails[0]; p.LocalPortDetails.Port != 8080 || p.LocalIPDetails.IPAddressV4 != me || p.RemoteIPDetails.IPAddressV4 != "198.51.100.250" {
		t.Errorf("%+v", p)
	}
	wants(t, probe(9200), "Recon:EC2/PortProbeUnprotectedPort TARGET 8 1")
	for _, p := range []int{80, 443} {
		wants(t, probe(p), "")
	}
	wants(t, probe(8080, reject), "")
	for i, d := range []finding.InstanceDetails{
		{Tags: []finding.Tag{{Key: "aws:elasticmapreduce:job-flow-id", Value: "j-1"}}},
		{NetworkInterfaces: []finding.NetworkInterface{{SecurityGroups: []finding.SecurityGroup{{GroupName: "ElasticMapReduce-master"}}}}},
		{Tags: []finding.Tag{{Key: "Name", Value: "emr"}}},
	} {
		s := probe(8088, func(f *event.Flow) { f.Instance = "i-1" })
		e := New(Options{Intel: setOf(t, nil)})
		d.InstanceID = "i-1"
		e.accountOf(s.events[0].Scope).instances.learn(&d, t0)
		want := "Recon:EC2/PortProbeEMRUnprotectedPort TARGET 8 1"
		if i == 2 {
			want = "Recon:EC2/PortProbeUnprotectedPort TARGET 2 1"
		}
		if got := types(recordsOf(t, e.Process(s.batch()))); got != want {
			t.Error(got)
		}
	}
}
