package decode

import (
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// flowLine reads one flow log line into f in a single pass. It returns the
// number of the field that is not what the plan says, -1 if all are.
func (d *Decoder) flowLine(b []byte, p *flowPlan, f *event.Flow) int {
	i := 0
	for k, op := range p.ops {
		if i >= len(b) {
			return k
		}
		if b[i] == '-' && (i+1 == len(b) || b[i+1] == ' ') { // absent
			i += 2
			continue
		}
		end, ok := i, true
		switch op {
		case flowSrc:
			f.Src, end = address(b, i)
		case flowDst:
			f.Dst, end = address(b, i)
		case flowSrcPort:
			f.SrcPort, end = port(b, i)
		case flowDstPort:
			f.DstPort, end = port(b, i)
		case flowProtocol:
			f.Protocol, end = octet(b, i)
		case flowPackets:
			var v uint64
			v, end = number(b, i)
			f.Packets = int64(v)
		case flowBytes:
			var v uint64
			v, end = number(b, i)
			f.Bytes = int64(v)
		case flowStart:
			f.Start, end = seconds(b, i)
		case flowEnd:
			f.End, end = seconds(b, i)
		case flowAction:
			end = i + len("ACCEPT")
			if end <= len(b) {
				f.Rejected = string(b[i:end]) == "REJECT"
				ok = f.Rejected || string(b[i:end]) == "ACCEPT"
			}
		case flowStatus:
			end = fieldEnd(b, i)
			f.Status, ok = flowStatusOf(b[i:end])
		case flowVersion:
			var v uint64
			v, end = number(b, i)
			f.Version, ok = int(v), v < 1000
		case flowAccount:
			f.Account, end = d.flowAccount(b, i)
		case flowInterface:
			end = fieldEnd(b, i)
			f.Interface = alias(b[i:end])
		case flowSkip:
			end = fieldEnd(b, i)
		default:
			end, ok = d.flowOther(op, b, i, f)
		}
		if !ok || end == i || end > len(b) || end < len(b) && b[end] != ' ' {
			return k
		}
		i = end + 1
	}
	if i <= len(b) {
		return len(p.ops)
	}
	f.Has = p.has
	return -1
}

// flowOther reads the fields that only formats of version 3 and later have.
func (d *Decoder) flowOther(op flowOp, b []byte, i int, f *event.Flow) (end int, ok bool) {
	switch op {
	case flowPktSrc:
		f.PktSrc, end = address(b, i)
		return end, true
	case flowPktDst:
		f.PktDst, end = address(b, i)
		return end, true
	case flowTCPFlags:
		f.TCPFlags, end = octet(b, i)
		return end, true
	case flowTrafficPath:
		f.TrafficPath, end = octet(b, i)
		return end, true
	}
	end = fieldEnd(b, i)
	v := alias(b[i:end])
	switch op {
	case flowVPC:
		f.VPC = v
	case flowSubnet:
		f.Subnet = v
	case flowInstance:
		f.Instance = v
	case flowRegion:
		f.Region = d.region(v)
	case flowZone:
		f.Zone = v
	case flowSrcService:
		f.SrcService = v
	case flowDstService:
		f.DstService = v
	case flowDirection:
		switch v {
		case "ingress":
			f.Direction = event.FlowIngress
		case "egress":
			f.Direction = event.FlowEgress
		default:
			return end, false
		}
	case flowECSCluster:
		f.ECSCluster = v
	case flowECSClusterARN:
		if f.ECSCluster == "" {
			f.ECSCluster = v[strings.LastIndexByte(v, '/')+1:]
		}
	case flowECSService:
		f.ECSService = v
	case flowECSTask:
		f.ECSTask = v
	case flowECSTaskARN:
		if f.ECSTask == "" {
			f.ECSTask = v[strings.LastIndexByte(v, '/')+1:]
		}
	case flowECSContainer:
		f.ECSContainer = v
	case flowRejectReason:
		f.RejectReason = v
	case flowFunction: // the ARN says more than the name
		if !strings.HasPrefix(f.Function, "arn:") {
			f.Function = v
		}
	}
	return end, true
}

// port reads a number of 16 bits; the position is i if it is none.
func port(b []byte, i int) (uint16, int) {
	v, end := number(b, i)
	if v > 1<<16-1 {
		return 0, i
	}
	return uint16(v), end
}

func octet(b []byte, i int) (uint8, int) {
	v, end := number(b, i)
	if v > 1<<8-1 {
		return 0, i
	}
	return uint8(v), end
}

// maxSeconds is the end of the year 9999: later times do not fit into RFC 3339.
const maxSeconds = 253402300799

func seconds(b []byte, i int) (time.Time, int) {
	v, end := number(b, i)
	if v > maxSeconds {
		return time.Time{}, i
	}
	return time.Unix(int64(v), 0).UTC(), end
}

func flowStatusOf(b []byte) (event.FlowStatus, bool) {
	switch string(b) {
	case "OK":
		return event.FlowOK, true
	case "NODATA":
		return event.FlowNoData, true
	case "SKIPDATA":
		return event.FlowSkipData, true
	}
	return 0, false
}

// flowAccount reads an account-id. Nearly all records of a stream are of the
// same account, whose string is kept.
func (d *Decoder) flowAccount(b []byte, i int) (string, int) {
	if end := i + len(d.lastAccount); end < len(b) && b[end] == ' ' && string(b[i:end]) == d.lastAccount {
		return d.lastAccount, end
	}
	end := fieldEnd(b, i)
	v := alias(b[i:end])
	if event.IsAccount(v) {
		v = d.account(v)
	}
	return v, end
}
