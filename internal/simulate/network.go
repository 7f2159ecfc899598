package simulate

import (
	"crypto/sha256"
	"fmt"
	"time"
)

// flowHeader names the fields of the lines behind it: a custom format, as the
// docs of VPC flow logs recommend for detection.
const (
	flowHeader     = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id subnet-id region instance-id tcp-flags flow-direction"
	functionHeader = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id subnet-id region tcp-flags flow-direction function-arn"
)

// The flags of a whole connection, seen from either side, and of a call that
// nobody answers.
const (
	clientFlags, serverFlags, synFlag = 3, 19, 2
)

const (
	tcp = 6
	udp = 17
)

// flowLog writes the flow log of one machine, of its own for each type, so
// that several simulations at once stay apart.
type flowLog struct {
	function bool
	host     [2]byte // of its address
	lines    []string
}

func newFlowLog(typ string) *flowLog {
	sum := sha256.Sum256([]byte(typ))
	return &flowLog{host: [2]byte{sum[0], sum[1]%250 + 4}}
}

func (l *flowLog) own() string { return fmt.Sprintf("10.20.%d.%d", l.host[0], l.host[1]) }
func (l *flowLog) eni() string {
	return fmt.Sprintf("eni-0%02x%02x2c3d4e5f60718", l.host[0], l.host[1])
}
func (l *flowLog) instance() string {
	return fmt.Sprintf("i-0%02x%02xe4a5b6c7d8e9f", l.host[0], l.host[1])
}

// line appends one record: out tells its direction.
func (l *flowLog) line(at time.Time, out bool, remote string, local, peer, protocol int, packets, bytes int64, flags int) {
	at = at.UTC()
	src, dst, srcPort, dstPort, way := remote, l.own(), peer, local, "ingress"
	if out {
		src, dst, srcPort, dstPort, way = l.own(), remote, local, peer, "egress"
	}
	head := fmt.Sprintf("7 111122223333 %s %s %s %d %d %d %d %d %d %d ACCEPT OK vpc-0a1b2c3d4e5f60718 subnet-0a1b2c3d4e5f60718 eu-central-1",
		l.eni(), src, dst, srcPort, dstPort, protocol, packets, bytes, at.Unix(), at.Add(30*time.Second).Unix())
	if len(l.lines) == 0 {
		header := flowHeader
		if l.function {
			header = functionHeader
		}
		l.lines = append(l.lines, header)
	}
	if l.function {
		l.lines = append(l.lines, fmt.Sprintf("%s %d %s arn:aws:lambda:eu-central-1:111122223333:function:shop-checkout", head, flags, way))
		return
	}
	l.lines = append(l.lines, fmt.Sprintf("%s %s %d %s", head, l.instance(), flags, way))
}

// call appends both records of a connection that the machine opened; answer
// those of one that it was called by.
func (l *flowLog) call(at time.Time, remote string, local, peer, protocol int) {
	out, in := clientFlags, serverFlags
	if protocol != tcp {
		out, in = 0, 0
	}
	l.line(at, true, remote, local, peer, protocol, 12, 1640, out)
	l.line(at, false, remote, local, peer, protocol, 10, 8420, in)
}

func (l *flowLog) answer(at time.Time, remote string, peer, local int) {
	l.line(at, false, remote, local, peer, tcp, 14, 2310, clientFlags)
	l.line(at, true, remote, local, peer, tcp, 13, 3120, serverFlags)
}

// ordinary appends what any machine does.
func (l *flowLog) ordinary(at time.Time) {
	l.call(at, "10.20.0.9", 40112, 5432, tcp)
	l.call(at.Add(2*time.Second), "203.0.113.80", 40114, 443, tcp)
}

// flowScript writes what is not ordinary in a flow log.
type flowScript func(l *flowLog, at time.Time)

// flowWriters write lines of VPC flow logs.
func flowWriters() map[string]writer {
	out := map[string]writer{}
	for typ, script := range flowScripts() {
		out[typ] = func(typ string, at time.Time) ([]string, error) {
			l := newFlowLog(typ)
			l.ordinary(at)
			script(l, at.Add(10*time.Second))
			return l.lines, nil
		}
	}
	for typ, address := range map[string]string{ // of the test list, for instances and functions
		"Backdoor:%s/C&CActivity.B": "198.51.100.243", "CryptoCurrency:%s/BitcoinTool.B": "198.51.100.244",
		"UnauthorizedAccess:%s/TorClient": "198.51.100.246", "UnauthorizedAccess:%s/TorRelay": "198.51.100.247",
		"Trojan:%s/BlackholeTraffic": "198.51.100.248", "Trojan:%s/DropPoint": "198.51.100.249",
		"UnauthorizedAccess:%s/MaliciousIPCaller.Custom": "198.51.100.242",
	} {
		for _, resource := range []string{"EC2", "Lambda"} {
			out[fmt.Sprintf(typ, resource)] = func(typ string, at time.Time) ([]string, error) {
				l := newFlowLog(typ)
				l.function = resource == "Lambda"
				l.ordinary(at)
				l.call(at.Add(10*time.Second), address, 40116, 443, tcp)
				return l.lines, nil
			}
		}
	}
	for typ, script := range unusualScripts() {
		out[typ] = func(typ string, at time.Time) ([]string, error) {
			l := newFlowLog(typ)
			for ago := pastOfUnusual; ago > 0; ago -= 6 * time.Hour {
				l.ordinary(at.Add(-ago))
			}
			script(l, at)
			return l.lines, nil
		}
	}
	out["Recon:EC2/PortProbeEMRUnprotectedPort"] = probedCluster
	return out
}

// pastOfUnusual is for how long a machine does what is usual before it does
// what is not: a week and a bit of an account is needed to tell.
const pastOfUnusual = 9 * 24 * time.Hour

func unusualScripts() map[string]flowScript {
	return map[string]flowScript{
		"Behavior:EC2/NetworkPortUnusual": func(l *flowLog, at time.Time) { l.call(at, "198.51.100.77", 40116, 4444, tcp) },
		"Behavior:EC2/TrafficVolumeUnusual": func(l *flowLog, at time.Time) {
			for i := range 6 {
				l.line(at.Add(time.Duration(i)*time.Minute), true, "198.51.100.78", 40118, 443, tcp, 380_000, 540_000_000, 0)
				l.line(at.Add(time.Duration(i)*time.Minute), false, "198.51.100.78", 40118, 443, tcp, 90_000, 4_700_000, 0)
			}
		},
	}
}

func flowScripts() map[string]flowScript {
	const victim, attacker, scanner = "203.0.113.9", "203.0.113.99", "198.51.100.250"
	guess := func(port int, in bool) flowScript {
		return func(l *flowLog, at time.Time) {
			for i := range 25 {
				at := at.Add(time.Duration(i) * 2 * time.Second)
				if in {
					l.answer(at, attacker, 41000+7*i, port)
				} else {
					l.line(at, true, victim, 41000+7*i, port, tcp, 14, 2310, clientFlags)
					l.line(at, false, victim, 41000+7*i, port, tcp, 13, 3120, serverFlags)
				}
			}
		}
	}
	flood := func(port, protocol int, packets, bytes int64, flags int) flowScript {
		return func(l *flowLog, at time.Time) {
			for i := range 4 {
				l.line(at.Add(time.Duration(i)*time.Minute), true, victim, 40116, port, protocol, packets, bytes, flags)
			}
		}
	}
	// Habits are learned for a day; the records of yesterday come first.
	new := func(act flowScript) flowScript {
		return func(l *flowLog, at time.Time) {
			for _, ago := range []time.Duration{26, 18, 10, 2} {
				l.ordinary(at.Add(-ago * time.Hour))
			}
			act(l, at)
		}
	}
	asks := func(address string, port, protocol int) flowScript {
		return new(func(l *flowLog, at time.Time) { l.call(at, address, 40116, port, protocol) })
	}
	return map[string]flowScript{
		"Recon:EC2/Portscan": func(l *flowLog, at time.Time) {
			for i, port := range []int{21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 443, 445, 993, 995, 1723, 3306, 3389, 5900, 8080} {
				l.line(at.Add(time.Duration(i)*200*time.Millisecond), true, victim, 41000+i, port, tcp, 1, 60, synFlag)
			}
		},
		"Impact:EC2/PortSweep": func(l *flowLog, at time.Time) {
			for i := range 30 {
				l.line(at.Add(time.Duration(i)*200*time.Millisecond), true, fmt.Sprintf("203.0.113.%d", 100+i), 41000+i, 23, tcp, 1, 60, synFlag)
			}
		},
		"Recon:EC2/PortProbeUnprotectedPort":           func(l *flowLog, at time.Time) { l.line(at, false, scanner, 9200, 51514, tcp, 2, 100, synFlag) },
		"UnauthorizedAccess:EC2/SSHBruteForce":         guess(22, true),
		"UnauthorizedAccess:EC2/RDPBruteForce":         guess(3389, true),
		"Impact:EC2/WinRMBruteForce":                   guess(5985, false),
		"Backdoor:EC2/DenialOfService.Tcp":             flood(443, tcp, 1_200_000, 48_000_000, synFlag),
		"Backdoor:EC2/DenialOfService.Udp":             flood(27015, udp, 1_200_000, 120_000_000, 0),
		"Backdoor:EC2/DenialOfService.UdpOnTcpPorts":   flood(80, udp, 1_200_000, 120_000_000, 0),
		"Backdoor:EC2/DenialOfService.Dns":             flood(53, udp, 400_000, 28_000_000, 0),
		"Backdoor:EC2/DenialOfService.UnusualProtocol": flood(0, 2, 240_000, 9_600_000, 0),
		"Backdoor:EC2/Spambot": new(func(l *flowLog, at time.Time) {
			for i := range 6 {
				l.call(at.Add(time.Duration(i)*time.Second), fmt.Sprintf("203.0.113.%d", 25+i), 40116+i, 25, tcp)
			}
		}),
		"DefenseEvasion:EC2/UnusualDNSResolver": asks("198.51.100.251", 53, udp),
		"DefenseEvasion:EC2/UnusualDoHActivity": asks("198.51.100.252", 443, tcp),
		"DefenseEvasion:EC2/UnusualDoTActivity": asks("198.51.100.253", 853, tcp),
	}
}

// probedCluster is a probe of a machine of an EMR cluster, which the tags of
// its launch tell.
func probedCluster(typ string, at time.Time) ([]string, error) {
	const image, network, subnet = "ami-0a1b2c3d4e5f60718", "vpc-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60718"
	l := newFlowLog(typ)
	groups := object{"items": []object{{"groupId": "sg-0a1b2c3d4e5f60718", "groupName": "ElasticMapReduce-master"}}}
	service := roleOf("EMR_DefaultRole", "CCSSession", nil)
	service["invokedBy"] = "elasticmapreduce.amazonaws.com"
	launch, err := apiCall{
		service: "ec2", name: "RunInstances", who: service, ip: "elasticmapreduce.amazonaws.com", agent: "elasticmapreduce.amazonaws.com",
		req: object{"instancesSet": object{"items": []object{{"imageId": image, "minCount": 1, "maxCount": 1}}}, "instanceType": "m7g.xlarge"},
		res: object{"instancesSet": object{"items": []object{{
			"instanceId": l.instance(), "imageId": image, "instanceState": object{"code": 0, "name": "pending"}, "instanceType": "m7g.xlarge",
			"privateIpAddress": l.own(), "subnetId": subnet, "vpcId": network, "groupSet": groups,
			"networkInterfaceSet": object{"items": []object{{
				"networkInterfaceId": l.eni(), "privateIpAddress": l.own(), "subnetId": subnet, "vpcId": network, "groupSet": groups,
			}}},
			"tagSet": object{"items": []object{
				{"key": "aws:elasticmapreduce:job-flow-id", "value": "j-2AXXXXXXGAPLF"}, {"key": "aws:elasticmapreduce:instance-group-role", "value": "MASTER"},
			}},
		}}}},
	}.line(typ, 0, at)
	if err != nil {
		return nil, err
	}
	l.ordinary(at.Add(5 * time.Minute))
	l.line(at.Add(6*time.Minute), false, "198.51.100.250", 8088, 51514, tcp, 2, 100, synFlag)
	return append([]string{l.lines[0], launch}, l.lines[1:]...), nil
}
