package detect

import (
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// LookupEvent is the eventType of records that the installation makes of answers
// of EC2. They have the form of CloudTrail's, which never has such answers.
const LookupEvent = "VedetteLookup"

// Described are the instances that the answer in a lookup's record describes.
func Described(t *event.Trail) (out []*finding.InstanceDetails) {
	if t.EventType != LookupEvent {
		return nil
	}
	for _, n := range nodes(t.ResponseNode().Get("instancesSet")) {
		if d := launched(n); d.InstanceID != "" {
			out = append(out, d)
		}
	}
	return out
}

// learnDescribed remembers what EC2 answered when it was asked.
func (c *apiCall) learnDescribed() {
	if c.t.EventType != LookupEvent {
		return
	}
	for _, d := range Described(c.t) {
		c.account.instances.learn(d, c.ev.Time)
	}
	for _, n := range nodes(c.res().Get("networkInterfaceSet")) {
		c.learnInterface(n)
	}
}

func (c *apiCall) learnInterface(n *jsonscan.Node) {
	eni, id := n.Text("networkInterfaceId"), n.Get("attachment").Text("instanceId")
	switch {
	case eni == "":
	case n.Text("interfaceType") == "lambda" && n.True("requesterManaged"):
		c.learnFunction(n)
	case id != "":
		c.account.instances.bind(eni, n.Text("vpcId"), n.Text("privateIpAddress"), id, c.ev.Time)
	}
}
