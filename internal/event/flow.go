package event

import (
	"net/netip"
	"time"
)

// Flow is one VPC flow log record of version 2 to 10, in the default or a
// custom format. Has tells which fields the format has.
type Flow struct {
	Has     FlowFields
	Version int // 0 where the format does not say
	Status  FlowStatus
	Account string // owner of the interface
	// Interface, Instance, VPC, Subnet and Zone are ids; "" where the format, or
	// a "-", does not tell.
	Interface, Instance, VPC, Subnet string
	Region, Zone                     string
	// Src and Dst are the interface's own and the peer's addresses. Behind a NAT
	// gateway or a load balancer the packets' are others.
	Src, Dst       netip.Addr
	PktSrc, PktDst netip.Addr
	// SrcService and DstService name the AWS service an address belongs to.
	SrcService, DstService string
	SrcPort, DstPort       uint16
	Protocol               uint8 // IANA number
	Packets, Bytes         int64
	Start, End             time.Time // of the aggregation interval
	Rejected               bool      // action REJECT
	TCPFlags               uint8     // of the interval, or'ed; meaningless unless Has has FlowTCPFlags
	Direction              FlowDirection
	TrafficPath            uint8
	RejectReason           string // such as BPA
	// ECS metadata, of version 7.
	ECSCluster, ECSService, ECSTask, ECSContainer string
	// Function is the ARN or name of a Lambda function, where the log is one of
	// functions; "" for VPC flow logs.
	Function string
}

// FlowStatus is the log-status of a record.
type FlowStatus uint8

// The statuses. Records of NODATA and SKIPDATA tell of no traffic.
const (
	FlowOK FlowStatus = iota
	FlowNoData
	FlowSkipData // some records were left out: an error inside AWS, or too much traffic
)

// FlowDirection is the flow-direction of a record, seen from the interface.
type FlowDirection uint8

// The directions.
const (
	FlowUnknown FlowDirection = iota
	FlowIngress
	FlowEgress
)

// FlowFields is a set of fields.
type FlowFields uint64

// The fields that somebody asks for.
const (
	FlowAddrs FlowFields = 1 << iota // srcaddr and dstaddr
	FlowPktAddrs
	FlowPorts
	FlowProtocol
	FlowPackets
	FlowBytes
	FlowTimes
	FlowAction
	FlowTCPFlags
	FlowDirections
	FlowInterface
)

// Bits of TCPFlags.
const (
	TCPFin = 1
	TCPSyn = 2
	TCPRst = 4
	TCPAck = 16 // never logged alone
)

// IANA protocol numbers.
const (
	ProtoTCP = 6
	ProtoUDP = 17
)
