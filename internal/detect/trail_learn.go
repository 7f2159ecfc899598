package detect

import (
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// launchTime is a moment in the form of findings; records have it as
// milliseconds or as text.
func launchTime(n *jsonscan.Node) string {
	if ms := n.Int(); ms > 0 {
		return finding.Timestamp(time.UnixMilli(ms))
	}
	if t, err := time.Parse(time.RFC3339, n.Text()); err == nil {
		return finding.Timestamp(t)
	}
	return ""
}

// learnInstance remembers what calls tell of interfaces and profiles.
func (c *apiCall) learnInstance() {
	if !c.t.Succeeded() {
		return
	}
	req, res, in := c.req(), c.res(), c.account.instances
	switch c.t.Name {
	case "CreateNetworkInterface":
		n := res.Get("networkInterface")
		if c.byLambda() {
			c.learnFunction(n)
			return
		}
		// Whose it will be is not known yet; the VPC and the address wait for that.
		if n.Text("networkInterfaceId") != "" {
			*c.account.trail.interfaces.touch(n.Text("networkInterfaceId"), c.ev.Time) = networkInterface(n)
		}
	case "AttachNetworkInterface":
		eni, id := req.Text("networkInterfaceId"), req.Text("instanceId")
		if eni == "" || id == "" {
			return
		}
		n := finding.NetworkInterface{NetworkInterfaceID: eni}
		if known := c.account.trail.interfaces.get(eni); known != nil {
			n = *known
		}
		d := finding.InstanceDetails{InstanceID: id}
		if known := in.byID.get(id); known != nil {
			d = *known
		}
		d.NetworkInterfaces = append(d.NetworkInterfaces[:len(d.NetworkInterfaces):len(d.NetworkInterfaces)], n)
		if len(d.NetworkInterfaces) > 16 { // more than an instance has
			return
		}
		in.learn(&d, c.ev.Time)
	case "AssociateIamInstanceProfile":
		a := member(res, "AssociateIamInstanceProfileResponse", "iamInstanceProfileAssociation")
		if a == nil {
			a = member(res, "iamInstanceProfileAssociation")
		}
		if known := in.byID.get(a.Text("instanceId")); known != nil {
			d := *known
			d.IAMInstanceProfile = &finding.IAMInstanceProfile{ARN: a.Get("iamInstanceProfile").Text("arn"), ID: a.Get("iamInstanceProfile").Text("id")}
			in.learn(&d, c.ev.Time)
		}
	case "TerminateInstances":
		for _, n := range nodes(req.Get("instancesSet")) {
			if known := in.byID.get(n.Text("instanceId")); known != nil {
				d := *known
				d.InstanceState = "shutting-down"
				in.learn(&d, c.ev.Time)
			}
		}
	}
}
