package detect

import (
	"net/netip"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// An address is remembered by itself, or by what stands for it: all private
// ones, and the VPC endpoints of another account, which follows the prefix.
const (
	addrPrivate  = "private"
	addrEndpoint = "vpce:"
)

// addressMemory is what is known of an address of the account's machines.
type addressMemory struct {
	// One is the machine that called from there; Shared says that there were
	// more, as behind a NAT gateway, or that the address was made for one.
	One    string `json:"one,omitempty"`
	Shared bool   `json:"shared,omitempty"`
	// Allocation and Instance are those of an Elastic IP address.
	Allocation string `json:"allocation,omitempty"`
	Instance   string `json:"instance,omitempty"`
	At         int64  `json:"at,omitempty"` // Unix seconds: since when, of an instance's
}

// operatorMemory is who ran commands on an instance last, and from where.
type operatorMemory struct {
	Who, Addr string
	At        int64
}

// ranBefore reports whether it was not long before a time.
func (o *operatorMemory) ranBefore(at int64) bool {
	return at >= o.At && at-o.At <= int64(operateIdle/time.Second)
}

func (o *operatorMemory) why() string {
	return o.Who + " ran commands on the instance from the same address shortly before"
}

// inhabit notes that a machine calls from an address.
func (c *apiCall) inhabit(addr string) {
	if addr == addrPrivate {
		return
	}
	who := c.t.Identity.PrincipalID
	m := c.account.trail.addresses.get(addr)
	if m != nil && (m.Shared || m.One == who) {
		return
	}
	m = c.account.trail.addresses.touch(addr, c.ev.Time)
	if m.Shared = m.One != ""; !m.Shared {
		m.One = strings.Clone(who)
	}
}

// isShared reports whether an address is the account's, not one machine's:
// another machine calls from there, or it was allocated.
func (c *apiCall) isShared(addr string) bool {
	m := c.account.trail.addresses.get(addr)
	if m == nil {
		return false
	}
	if strings.HasPrefix(addr, addrEndpoint) {
		return m.Shared
	}
	return m.Shared || m.One != "" && m.One != c.t.Identity.PrincipalID || m.Allocation != ""
}

// associated is the Elastic IP address that an instance had at a time, "" if no
// call told.
func (c *apiCall) associated(id string, at int64) string {
	if m := c.account.trail.addresses.get("of:" + id); m != nil && m.At <= at {
		return m.One
	}
	return ""
}

// restartedSince reports whether an instance was started after a time.
func (c *apiCall) restartedSince(id string, since int64) bool {
	m := c.account.trail.operators.get("start:" + id)
	return m != nil && m.At >= since
}

// isAWSv6 reports whether an address is of the ranges from which AWS gives IPv6
// networks to VPCs. They are few and old; those of IPv4 are many and change.
func isAWSv6(ip netip.Addr) bool {
	for _, p := range [...]string{"2600:1f00::/24", "2a05:d000::/25", "2406:da00::/24", "2804:800::/32", "2600:f0f0::/32"} {
		if netip.MustParsePrefix(p).Contains(ip) {
			return true
		}
	}
	return false
}

// learnAddress remembers addresses that were made for the account.
func (c *apiCall) learnAddress() {
	if !c.t.Succeeded() {
		return
	}
	req, res := c.req(), c.res()
	addrs := c.account.trail.addresses
	switch c.t.Name {
	case "AllocateAddress":
		if ip := res.Text("publicIp"); ip != "" {
			m := addrs.touch(ip, c.ev.Time)
			m.Allocation = res.Text("allocationId") + "+" // something, if the id is not there
			*addrs.touch("alloc:"+res.Text("allocationId"), c.ev.Time) = addressMemory{One: ip}
		}
	case "AssociateAddress":
		ip := req.Text("publicIp")
		if m := addrs.get("alloc:" + req.Text("allocationId")); ip == "" && m != nil {
			ip = m.One
		}
		id := req.Text("instanceId")
		if id == "" {
			id = c.account.instances.idOf(req.Text("networkInterfaceId"), "", netip.Addr{})
		}
		if ip == "" {
			return
		}
		m := addrs.touch(ip, c.ev.Time)
		if m.Allocation == "" {
			m.Allocation = "+"
		}
		if id != "" {
			m.Instance = id
			if of := addrs.touch("of:"+id, c.ev.Time); of.At <= c.ev.Time.Unix() {
				*of = addressMemory{One: ip, At: c.ev.Time.Unix()}
			}
		}
	default: // a NAT gateway, whose answer may have its addresses
		for _, n := range nodes(member(res, c.t.Name+"Response", "natGateway", "natGatewayAddressSet")) {
			if ip := n.Text("publicIp"); ip != "" {
				addrs.touch(ip, c.ev.Time).Shared = true
			}
		}
	}
}

// learnStart remembers that an instance was started: its public address is new.
func (c *apiCall) learnStart() {
	if !c.t.Succeeded() {
		return
	}
	for _, n := range nodes(c.req().Get("instancesSet")) {
		if id := n.Text("instanceId"); id != "" {
			o := c.account.trail.operators.touch("start:"+id, c.ev.Time)
			o.At = max(o.At, c.ev.Time.Unix())
		}
	}
}

// learnOperator remembers from where somebody ran commands on an instance.
func (c *apiCall) learnOperator() {
	ip := c.sourceAddr()
	if _, machine := instanceSession(&c.t.Identity); machine || !c.t.Succeeded() || !ip.IsValid() || !isPublic(ip) {
		return
	}
	req := c.req()
	ids := append(req.Strings("instanceIds"), req.Text("target"), req.Text("instanceId"))
	for _, id := range ids[:min(len(ids), 100)] {
		if !strings.HasPrefix(id, "i-") {
			continue
		}
		now := operatorMemory{Who: c.who(), Addr: ip.String(), At: c.ev.Time.Unix()}
		if o := c.account.trail.operators.touch(id, c.ev.Time); o.At <= now.At {
			*o = now
		}
		c.ranAfter(id, &now)
	}
}

// learnChained remembers sessions that have the name of an instance because
// somebody gave it to them: no machine's credentials.
func (c *apiCall) learnChained() {
	if !c.t.Succeeded() || c.t.Identity.Type == "AWSService" || !strings.Contains(string(c.t.Request), `"i-`) {
		return
	}
	if id := c.res().Text("assumedRoleUser", "assumedRoleId"); id != "" {
		*c.account.trail.sessions.touch(id, c.ev.Time) = sessionMemory{Chained: true}
	}
}

// learnLaunch remembers instances from the answer that made them.
func (c *apiCall) learnLaunch() {
	if !c.t.Succeeded() {
		return
	}
	for _, n := range nodes(c.res().Get("instancesSet")) {
		if d := launched(n); d.InstanceID != "" {
			c.account.instances.learn(d, c.ev.Time)
		}
	}
}

// launched reads an instance from an answer.
func launched(n *jsonscan.Node) *finding.InstanceDetails {
	d := &finding.InstanceDetails{
		InstanceID: n.Text("instanceId"), ImageID: n.Text("imageId"), InstanceType: n.Text("instanceType"), Platform: n.Text("platform"),
		InstanceState: n.Get("instanceState").Text("name"), AvailabilityZone: n.Get("placement").Text("availabilityZone"),
		OutpostARN: n.Text("outpostArn"), LaunchTime: launchTime(n.Get("launchTime")),
	}
	if p := n.Get("iamInstanceProfile"); p != nil {
		d.IAMInstanceProfile = &finding.IAMInstanceProfile{ARN: p.Text("arn"), ID: p.Text("id")}
	}
	for _, t := range nodes(n.Get("tagSet")) {
		d.Tags = append(d.Tags, finding.Tag{Key: t.Text("key"), Value: t.Text("value")})
	}
	for _, p := range nodes(n.Get("productCodes")) {
		d.ProductCodes = append(d.ProductCodes, finding.ProductCode{ProductCodeID: p.Text("productCode"), ProductCodeType: p.Text("type")})
	}
	for _, i := range nodes(n.Get("networkInterfaceSet")) {
		d.NetworkInterfaces = append(d.NetworkInterfaces, networkInterface(i))
	}
	if len(d.NetworkInterfaces) == 0 && n.Text("privateIpAddress") != "" {
		d.NetworkInterfaces = []finding.NetworkInterface{networkInterface(n)}
	}
	return d
}

func networkInterface(i *jsonscan.Node) finding.NetworkInterface {
	out := finding.NetworkInterface{
		NetworkInterfaceID: i.Text("networkInterfaceId"), SubnetID: i.Text("subnetId"), VPCID: i.Text("vpcId"),
		PrivateIPAddress: i.Text("privateIpAddress"), PrivateDNSName: i.Text("privateDnsName"),
		PublicIP: i.Text("ipAddress") + i.Get("association").Text("publicIp"), PublicDNSName: i.Text("dnsName") + i.Get("association").Text("publicDnsName"),
	}
	for _, p := range nodes(i.Get("privateIpAddressesSet")) {
		out.PrivateIPAddresses = append(out.PrivateIPAddresses, finding.PrivateIPAddressDetails{
			PrivateIPAddress: p.Text("privateIpAddress"), PrivateDNSName: p.Text("privateDnsName"),
		})
	}
	for _, p := range nodes(i.Get("ipv6AddressesSet")) {
		if a := p.Text("ipv6Address"); a != "" {
			out.IPv6Addresses = append(out.IPv6Addresses, a)
		}
	}
	for _, g := range nodes(i.Get("groupSet")) {
		out.SecurityGroups = append(out.SecurityGroups, finding.SecurityGroup{GroupID: g.Text("groupId"), GroupName: g.Text("groupName")})
	}
	return out
}
