package kernel

import (
	"fmt"
	"slices"
)

// NetworkOptions are what an operator may set. The zero value is the default.
type NetworkOptions struct {
	// Cgroup is the root of the cgroup v2 hierarchy; by default the one that is
	// mounted. In a container it must be the host's, mounted in.
	Cgroup string
	// DNSPorts are the servers' ports whose packets are read: 53 by default, up
	// to 8. 5353 (mDNS) and 5355 (LLMNR) may be added.
	DNSPorts []uint16
}

const maxDNSPorts = 8

func (o NetworkOptions) withDefaults() (NetworkOptions, error) {
	if len(o.DNSPorts) == 0 {
		o.DNSPorts = []uint16{53}
	}
	if len(o.DNSPorts) > maxDNSPorts || slices.Contains(o.DNSPorts, 0) {
		return o, fmt.Errorf("kernel: the DNS ports %v: at most %d, none of them 0", o.DNSPorts, maxDNSPorts)
	}
	return o, nil
}

// Missing is a part of the sensor that this kernel or configuration does not allow.
type Missing struct {
	Feature string // what cannot be seen
	Reason  string // why, and what to do
}

// NetworkStats counts what is not counted by kind.
type NetworkStats struct {
	NotDNS    uint64 // packets to or from a DNS port that are no DNS
	Ownerless uint64 // answers for sockets that asked before the sensor began
	OtherJSON uint64 // connections that began with JSON, but not as miners do
	ReaderStats
}
