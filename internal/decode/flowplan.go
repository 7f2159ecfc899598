package decode

import (
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// defaultFlow is the format of a flow log that was made without naming one.
const defaultFlow = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

// flowOp says what to do with one field of a flow log line.
type flowOp uint8

const (
	flowSkip flowOp = iota
	flowVersion
	flowAccount
	flowInterface
	flowSrc
	flowDst
	flowSrcPort
	flowDstPort
	flowProtocol
	flowPackets
	flowBytes
	flowStart
	flowEnd
	flowAction
	flowStatus
	flowVPC
	flowSubnet
	flowInstance
	flowTCPFlags
	flowPktSrc
	flowPktDst
	flowRegion
	flowZone
	flowSrcService
	flowDstService
	flowDirection
	flowTrafficPath
	flowECSClusterARN
	flowECSCluster
	flowECSService
	flowECSTaskARN
	flowECSTask
	flowECSContainer
	flowRejectReason
	flowFunction
)

// flowPlan is a format, compiled: what to do with each field in turn.
type flowPlan struct {
	ops   []flowOp
	names []string
	has   event.FlowFields
	known int // fields that are known by name
	// lacks says which fields are missing without which a record cannot be
	// judged, and what to do, "" if none are.
	lacks string
}

// flowOps maps the names of fields to what is done with them. Fields that are
// not here are stepped over, also those that AWS will add.
var flowOps = map[string]flowOp{
	"version": flowVersion, "account-id": flowAccount, "interface-id": flowInterface,
	"srcaddr": flowSrc, "dstaddr": flowDst, "srcport": flowSrcPort, "dstport": flowDstPort,
	"protocol": flowProtocol, "packets": flowPackets, "bytes": flowBytes, "start": flowStart, "end": flowEnd,
	"action": flowAction, "log-status": flowStatus, "vpc-id": flowVPC, "subnet-id": flowSubnet,
	"instance-id": flowInstance, "tcp-flags": flowTCPFlags, "pkt-srcaddr": flowPktSrc, "pkt-dstaddr": flowPktDst,
	"region": flowRegion, "az-id": flowZone, "pkt-src-aws-service": flowSrcService, "pkt-dst-aws-service": flowDstService,
	"flow-direction": flowDirection, "traffic-path": flowTrafficPath,
	"ecs-cluster-arn": flowECSClusterARN, "ecs-cluster-name": flowECSCluster, "ecs-service-name": flowECSService,
	"ecs-task-arn": flowECSTaskARN, "ecs-task-id": flowECSTask, "ecs-container-id": flowECSContainer,
	"reject-reason": flowRejectReason, "function-arn": flowFunction, "function-name": flowFunction,
	"lambda-function-arn": flowFunction, "lambda-function-name": flowFunction,
}

// maxFields bounds the fields of a format; there are some fifty.
const maxFields = 256

// compileFlow makes the plan of a format as a header or a flow log's
// LogFormat names it; "" is the default one.
func compileFlow(format string) *flowPlan {
	if format == "" {
		format = defaultFlow
	}
	p := &flowPlan{}
	var seen [flowFunction + 1]bool
	for name := range strings.FieldsSeq(format) {
		if len(p.ops) == maxFields {
			break
		}
		name, known := event.FlowField(name)
		op := flowOps[name]
		if known {
			p.known++
		}
		seen[op] = true
		p.ops, p.names = append(p.ops, op), append(p.names, strings.Clone(name))
	}
	for bit, need := range map[event.FlowFields][]flowOp{
		event.FlowAddrs: {flowSrc, flowDst}, event.FlowPktAddrs: {flowPktSrc, flowPktDst}, event.FlowPorts: {flowSrcPort, flowDstPort},
		event.FlowProtocol: {flowProtocol}, event.FlowPackets: {flowPackets}, event.FlowBytes: {flowBytes},
		event.FlowTimes: {flowStart, flowEnd}, event.FlowAction: {flowAction}, event.FlowTCPFlags: {flowTCPFlags},
		event.FlowDirections: {flowDirection}, event.FlowInterface: {flowInterface},
	} {
		if seen[need[0]] && seen[need[len(need)-1]] {
			p.has |= bit
		}
	}
	var missing []string
	for _, f := range []struct {
		op   flowOp
		name string
	}{{flowSrc, "srcaddr"}, {flowDst, "dstaddr"}} { // not pkt-srcaddr and pkt-dstaddr: behind a gateway these are others'
		if !seen[f.op] {
			missing = append(missing, f.name)
		}
	}
	if len(missing) > 0 {
		fields := strings.Join(missing, " and ")
		p.lacks = "the format of this flow log has no " + fields + ", so that nothing can be judged; make a flow log whose format has " + fields + ", as the default one has"
	}
	return p
}

// maxPlans bounds how many formats are remembered; input names them.
const maxPlans = 64

// plan returns the plan of a format, compiled once.
func (d *Decoder) plan(format string) *flowPlan {
	if p := d.plans[format]; p != nil {
		return p
	}
	if d.plans == nil || len(d.plans) >= maxPlans {
		d.plans = map[string]*flowPlan{}
	}
	p := compileFlow(format)
	d.plans[strings.Clone(format)] = p
	return p
}
