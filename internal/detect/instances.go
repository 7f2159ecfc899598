package detect

import (
	"net/netip"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// Bounds of what is remembered of instances: those not heard of for longest
// are forgotten first.
const (
	maxInstances  = 100_000
	maxInterfaces = 200_000
	instanceIdle  = 30 * 24 * time.Hour
)

// instances knows the EC2 instances of an account and Region, as far as logs
// tell of them: the answers to RunInstances, and flow logs that name them.
type instances struct {
	byID *table[finding.InstanceDetails]
	// byHandle leads from the id of a network interface, and from a private
	// address in a VPC ("vpc-…/10.0.0.1"), to the id of the instance.
	byHandle *table[string]
}

func newInstances() *instances {
	return &instances{
		byID:     newTable[finding.InstanceDetails]("instances", maxInstances, instanceIdle),
		byHandle: newTable[string]("interfaces", maxInterfaces, instanceIdle),
	}
}

func (in *instances) memories() []memory { return []memory{in.byID, in.byHandle} }

// learn remembers what a log told of an instance; d owns its memory.
func (in *instances) learn(d *finding.InstanceDetails, at time.Time) {
	if d.InstanceID == "" {
		return
	}
	*in.byID.touch(d.InstanceID, at) = *d
	for _, n := range d.NetworkInterfaces {
		in.bind(n.NetworkInterfaceID, n.VPCID, n.PrivateIPAddress, d.InstanceID, at)
	}
}

// bind remembers that an interface, and an address, belong to an instance.
func (in *instances) bind(eni, vpc, ip, id string, at time.Time) {
	handles := []string{eni}
	if ip != "" {
		handles = append(handles, vpc+"/"+ip)
	}
	for _, h := range handles {
		if h == "" {
			continue
		}
		if known := in.byHandle.get(h); known != nil && *known == id {
			continue
		}
		*in.byHandle.touch(h, at) = strings.Clone(id)
	}
}

// idOf is the id of the instance behind an interface or an address, "" if no
// log told.
func (in *instances) idOf(eni, vpc string, ip netip.Addr) string {
	if eni != "" {
		if id := in.byHandle.get(eni); id != nil {
			return *id
		}
	}
	if ip.IsValid() {
		if id := in.byHandle.get(vpc + "/" + ip.String()); id != nil {
			return *id
		}
	}
	return ""
}

// details are what is known of an instance, by its id or else by its interface
// and address, which are filled in where no log told of more. The result owns
// its memory.
func (in *instances) details(id, eni, vpc, subnet string, ip netip.Addr) *finding.InstanceDetails {
	if id == "" {
		id = in.idOf(eni, vpc, ip)
	}
	if known := in.byID.get(id); known != nil && id != "" {
		d := *known
		return &d
	}
	d := &finding.InstanceDetails{InstanceID: strings.Clone(id)}
	n := finding.NetworkInterface{NetworkInterfaceID: strings.Clone(eni), VPCID: strings.Clone(vpc), SubnetID: strings.Clone(subnet)}
	switch {
	case !ip.IsValid():
	case ip.Is4():
		n.PrivateIPAddress = ip.String()
		n.PrivateIPAddresses = []finding.PrivateIPAddressDetails{{PrivateIPAddress: ip.String()}}
	default:
		n.IPv6Addresses = []string{ip.String()}
	}
	if eni != "" || vpc != "" || ip.IsValid() {
		d.NetworkInterfaces = []finding.NetworkInterface{n}
	}
	return d
}
