package detect

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

func ec2Rules() []catalogRule {
	return []catalogRule{
		{"EC2PasswordDataRetrieved", "CredentialAccess:EC2/UnsecuredCredentials", 5, "ec2", "GetPasswordData", true, passwordData},
		{"EC2TerminationProtectionEnabled", "DefenseImpairment:EC2/DisableOrModifyTools", 2, "ec2", "ModifyInstanceAttribute", false, terminationProtection},
		{"VPCFlowLogsDeleted", "DefenseImpairment:EC2/DisableOrModifyTools", 8, "ec2", "DeleteFlowLogs", false, flowLogsDeleted},
		{"AMIExternalAccess", "Exfiltration:EC2/TransferDataToCloudAccount", 8, "ec2", "ModifyImageAttribute", false, imageShared},
		{"EBSSnapshotExternalAccess", "Exfiltration:EC2/TransferDataToCloudAccount", 8, "ec2", "ModifySnapshotAttribute", false, snapshotShared},
		{"EC2InstanceSSHKeyPushed", "LateralMovement:EC2/RemoteServices", 5, "ec2-instance-connect", "SendSSHPublicKey SendSerialConsoleSSHPublicKey", false,
			always("pushed an SSH key to instance", "EC2_INSTANCE", "ec2", "instanceId")},
		{"EC2UserDataModified", "Persistence:EC2/BootOrLogonInitializationScripts", 8, "ec2", "ModifyInstanceAttribute", false, userData},
		{"EC2SecurityGroupPublicSSH", "Persistence:EC2/ExternalRemoteServices", 5, "ec2", "AuthorizeSecurityGroupIngress ModifySecurityGroupRules", false, publicSSH},
	}
}

func instanceResource(c *apiCall) hit {
	return hit{resource: resource("EC2_INSTANCE", "ec2", c.req().Text("instanceId"))}
}

// passwordData: the password was given, or was asked of many instances in vain.
func passwordData(c *apiCall) (hit, bool) {
	h := instanceResource(c)
	id := c.req().Text("instanceId")
	h.did, h.why = "read the Windows password data of instance "+shown(id), "the password data was given"
	if c.t.Succeeded() {
		return h, true
	}
	n := 0
	if id != "" && strings.Contains(c.t.ErrorCode, "Unauthorized") {
		n = c.deniedPasswords(id)
	}
	h.did = "asked for the Windows password data of many instances"
	h.why = "the caller was denied the password data of " + strconv.Itoa(n) + " instances or more within an hour"
	return h, n >= manyInstances
}

// attribute is the value that a call sets an attribute of an instance to.
func attribute(req *jsonscan.Node, name string) *jsonscan.Node {
	if n := member(req, name); n != nil {
		if v := member(n, "value"); v != nil {
			return v
		}
		return n
	}
	if strings.EqualFold(member(req, "attribute").Text(), name) {
		return member(req, "value")
	}
	return nil
}

func terminationProtection(c *apiCall) (hit, bool) {
	h := instanceResource(c)
	h.did, h.why = "protected instance "+shown(c.req().Text("instanceId"))+" from being terminated", "disableApiTermination was set to true"
	return h, saysYes(attribute(c.req(), "disableApiTermination"))
}

func userData(c *apiCall) (hit, bool) {
	h := instanceResource(c)
	h.did, h.why = "changed what instance "+shown(c.req().Text("instanceId"))+" runs when it starts", "the request sets userData"
	return h, attribute(c.req(), "userData") != nil
}

func flowLogsDeleted(c *apiCall) (hit, bool) {
	ids := nodes(member(c.req(), "DeleteFlowLogsRequest", "FlowLogId"))
	h := hit{did: "deleted VPC flow logs", why: "flow logs were deleted"}
	for _, n := range ids {
		if id := n.Text("content"); id != "" {
			h.did += " " + shown(id)
		}
	}
	return h, true
}

// grantees are the accounts and groups that a call adds to who may use an
// image or a snapshot.
func grantees(req *jsonscan.Node, permission string) (accounts []string, everyone bool) {
	for _, n := range nodes(member(req, permission, "add")) {
		if a := member(n, "userId").Text(); a != "" {
			accounts = append(accounts, a)
		}
		everyone = everyone || member(n, "group").Text() == "all"
	}
	if strings.EqualFold(member(req, "operationType").Text(), "add") { // the old form
		for _, n := range nodes(member(req, "userIdSet")) {
			accounts = append(accounts, member(n, "userId").Text()+n.Text())
		}
		for _, n := range nodes(member(req, "groupSet")) {
			everyone = everyone || member(n, "group").Text()+n.Text() == "all"
		}
	}
	return accounts, everyone
}

func imageShared(c *apiCall) (hit, bool) {
	return c.shared("image", "EC2_IMAGE", "ec2", c.req().Text("imageId"), "launchPermission")
}

func snapshotShared(c *apiCall) (hit, bool) {
	return c.shared("snapshot", "EBS_SNAPSHOT", "ec2", c.req().Text("snapshotId"), "createVolumePermission")
}

func (c *apiCall) shared(what, kind, service, id, permission string) (hit, bool) {
	accounts, everyone := grantees(c.req(), permission)
	return c.sharedWith(what, kind, service, id, permission, c.externalAccounts(accounts), everyone)
}

func (c *apiCall) sharedWith(what, kind, service, id, permission string, external []string, everyone bool) (hit, bool) {
	h := hit{
		did: "shared " + what + " " + shown(id) + " with everybody", why: permission + " was given to everybody",
		resource: resource(kind, service, id),
	}
	if !everyone {
		h.did = "shared " + what + " " + shown(id) + " with account " + strings.Join(external, ", ")
		h.why = permission + " was given to account " + strings.Join(external, ", ") + ", which is none of the operator's"
	}
	return h, everyone || len(external) > 0
}

// publicSSH: a rule of a security group lets the whole internet to port 22.
func publicSSH(c *apiCall) (hit, bool) {
	req := c.req()
	group := req.Text("groupId") + req.Text("groupName")
	perms := append(nodes(member(req, "ipPermissions")), req)
	for _, n := range nodes(member(req, "ModifySecurityGroupRulesRequest", "SecurityGroupRule")) {
		perms = append(perms, member(n, "SecurityGroupRule"))
		group = member(req, "ModifySecurityGroupRulesRequest", "GroupId").Text()
	}
	for _, p := range perms {
		if !coversSSH(p) {
			continue
		}
		for _, cidr := range ranges(p) {
			if isWholeInternet(cidr) {
				return hit{
					did:      "opened SSH to " + shown(cidr) + " in security group " + shown(group),
					why:      "an ingress rule covers port 22 and " + shown(cidr),
					resource: resource("EC2_SECURITY_GROUP", "ec2", group),
				}, true
			}
		}
	}
	return hit{}, false
}

func coversSSH(p *jsonscan.Node) bool {
	proto := member(p, "ipProtocol").Text()
	if n := member(p, "ipProtocol"); n.Kind() == jsonscan.Number {
		proto = strconv.FormatInt(n.Int(), 10)
	}
	switch strings.ToLower(proto) {
	case "-1": // every protocol and port
		return true
	case "tcp", "6":
	default:
		return false
	}
	from, to := number(member(p, "fromPort")), number(member(p, "toPort"))
	return from <= 22 && 22 <= to
}

// number is a whole number, which some services write as text; -1 if it is none.
func number(n *jsonscan.Node) int64 {
	if n.Kind() == jsonscan.String {
		i, err := strconv.ParseInt(n.Text(), 10, 64)
		if err != nil {
			return -1
		}
		return i
	}
	if n == nil {
		return -1
	}
	return n.Int()
}

func ranges(p *jsonscan.Node) []string {
	out := []string{member(p, "cidrIp").Text(), member(p, "cidrIpv4").Text(), member(p, "cidrIpv6").Text()}
	for _, r := range nodes(member(p, "ipRanges")) {
		out = append(out, member(r, "cidrIp").Text())
	}
	for _, r := range nodes(member(p, "ipv6Ranges")) {
		out = append(out, member(r, "cidrIpv6").Text())
	}
	return out
}

// isWholeInternet reports whether a range is everything, or half of it: two
// halves are one way not to write the whole.
func isWholeInternet(cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return false
	}
	return p.Addr().Is4() && p.Bits() <= 1 || p.Addr().Is6() && p.Bits() <= 3
}
