package detect

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

//go:embed net_ports.tsv
var portsTSV string

// portFact is what is known of a port.
type portFact struct {
	name string
	marks
}

type marks struct {
	tcpOnly, peer, emr bool
	service            bool // something is known to listen there
}

var ports = sync.OnceValue(func() map[uint16]portFact {
	m := map[uint16]portFact{}
	for line := range strings.Lines(portsTSV) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		n, err := strconv.ParseUint(f[0], 10, 16)
		if err != nil || len(f) != 3 { // a comment; a test sees to the rest
			continue
		}
		p := portFact{name: f[1]}
		if p.name == "-" {
			p.name = ""
		}
		p.tcpOnly, p.peer, p.emr = strings.Contains(f[2], "t"), strings.Contains(f[2], "p"), strings.Contains(f[2], "e")
		p.service = !p.peer
		m[uint16(n)] = p
	}
	return m
})

// portMarks is the table by number, for every flow.
var portMarks = sync.OnceValue(func() *[1 << 16]marks {
	var t [1 << 16]marks
	for n, p := range ports() {
		t[n] = p.marks
	}
	for n := 1; n < firstClientPort; n++ {
		t[n].service = true
	}
	return &t
})

// firstClientPort is the lowest port from which ordinary clients, and NAT
// gateways in their name, call; firstEphemeralPort that of Linux (and above it
// that of Windows and IANA).
const (
	firstClientPort    = 1024
	firstEphemeralPort = 32768
)

// portName names a port the way findings do.
func portName(port uint16) string {
	if name := ports()[port].name; name != "" {
		return name
	}
	return "Unknown"
}

// protocolName names an IP protocol the way findings do.
func protocolName(p uint8) string {
	switch p {
	case 1:
		return "ICMP"
	case 2:
		return "IGMP"
	case 4:
		return "IPIP"
	case 6:
		return "TCP"
	case 17:
		return "UDP"
	case 41:
		return "IPv6"
	case 47:
		return "GRE"
	case 50:
		return "ESP"
	case 51:
		return "AH"
	case 58:
		return "ICMPv6"
	case 132:
		return "SCTP"
	}
	return strconv.Itoa(int(p))
}
