package decode

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// nextFlow decodes a line of a flow log among others of it. It reports false
// for a line that must be looked at more closely.
func (d *Decoder) nextFlow(b []byte) bool {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	if len(b) == 0 || b[0] == '{' || b[0] == '[' || event.IsFlowHeader(b) {
		return false
	}
	return d.flow(b, d.flowPlan, time.Time{}) < 0
}

// flow decodes a flow log line; see flowLine for what it returns.
func (d *Decoder) flow(b []byte, p *flowPlan, at time.Time) int {
	f := d.out.flows.next()
	if k := d.flowLine(b, p, f); k >= 0 {
		d.out.flows.used--
		return k
	}
	d.addFlow(b, f, p, at)
	return -1
}

// addFlow appends a record of a flow log, unless nobody could judge it. Formats
// may leave the time out: then a record is of when it came.
func (d *Decoder) addFlow(b []byte, f *event.Flow, p *flowPlan, at time.Time) {
	if p.lacks != "" {
		d.out.flows.used--
		d.source = event.VPCFlow
		d.reject(event.Dropped, event.ReasonMissingFields, p.lacks)
		return
	}
	e := d.add(event.VPCFlow, b, false)
	e.Flow, e.Time, e.Scope = f, either(f.Start, either(f.End, at)), d.awsScope(f.Account, f.Region)
}

// planNow is the format of the next line: the default one as long as nothing
// names another.
func (d *Decoder) planNow() *flowPlan {
	if d.flowPlan == nil {
		return d.plan("")
	}
	return d.flowPlan
}

// text decodes a line that is no JSON: a line of a flow log, or the header of
// one. It reports false for a line that is neither. The line may have been read
// before, into f; that is nil otherwise.
func (d *Decoder) text(b []byte, at time.Time, f *event.Flow) bool {
	if event.IsFlowHeader(b) {
		d.flowPlan, d.flowing = d.plan(string(b)), true
		return true
	}
	p, k := d.planNow(), 0
	switch {
	case f != nil:
		d.addFlow(b, f, p, at)
		k = -1
	case p.known > 0:
		k = d.flow(b, p, at)
	}
	if k < 0 {
		d.flowPlan, d.flowing = p, true
		return true
	}
	if d.flowPlan == nil && !likeFlow(b) {
		return false
	}
	d.source = event.VPCFlow
	if !d.again(d.source, event.Malformed, event.ReasonBadFormat) {
		d.reject(event.Malformed, event.ReasonBadFormat, flowFault(b, p, k))
	}
	return true
}

// mayBeFlow reports whether a line behind a time may be one of a flow log:
// other logs than flow logs, too, have times before their lines. A line that
// was read to find out is in f.
func (d *Decoder) mayBeFlow(b []byte) (f *event.Flow, may bool) {
	if d.chunk.Format != "" || d.chunk.Source == event.VPCFlow {
		return nil, true
	}
	f = d.out.flows.next()
	if d.flowLine(b, d.planNow(), f) < 0 {
		return f, true
	}
	d.out.flows.used--
	return nil, likeFlow(b)
}

// likeFlow reports whether a line looks like one of a flow log of some format:
// it has an interface or an account, and what was done with the traffic.
func likeFlow(b []byte) bool {
	if bytes.Count(b, []byte(" ")) < 3 || bytes.IndexByte(b, '"') >= 0 {
		return false
	}
	action, named := false, false
	for f := range bytes.FieldsSeq(b) {
		switch string(f) {
		case "ACCEPT", "REJECT", "NODATA", "SKIPDATA":
			action = true
		default:
			named = named || bytes.HasPrefix(f, []byte("eni-")) || event.IsAccount(alias(f))
		}
	}
	return action && named
}

// flowFault says what is wrong with a flow log line, whose field k is not what
// the format says.
func flowFault(b []byte, p *flowPlan, k int) string {
	if p.known == 0 {
		return "the format names no field of flow logs: " + excerpt([]byte(strings.Join(p.names, " ")))
	}
	fields := strings.Split(string(b[:min(len(b), 64<<10)]), " ")
	if len(fields) != len(p.ops) {
		of := "the format of this file"
		if strings.Join(p.names, " ") == defaultFlow {
			of = "the default format"
		}
		return fmt.Sprintf("%d fields, %s has %d: %s; if the log has a custom format, name its fields, as a header line does, with --flow-format, format: or ?format=",
			len(fields), of, len(p.ops), strings.Join(p.names, " "))
	}
	if k >= len(fields) {
		return "a flow log line with something behind it: " + excerpt(b)
	}
	return fmt.Sprintf("%s %s is not %s", p.names[k], excerpt([]byte(fields[k])), expected(p.ops[k]))
}

func expected(op flowOp) string {
	switch op {
	case flowSrc, flowDst, flowPktSrc, flowPktDst:
		return "an IPv4 or IPv6 address"
	case flowSrcPort, flowDstPort:
		return "a port, a number up to 65535"
	case flowProtocol:
		return "a protocol, a number up to 255"
	case flowTCPFlags, flowTrafficPath:
		return "a number up to 255"
	case flowStart, flowEnd:
		return "a time in seconds since 1970"
	case flowAction:
		return "ACCEPT or REJECT"
	case flowStatus:
		return "OK, NODATA or SKIPDATA"
	case flowDirection:
		return "ingress or egress"
	}
	return "a number"
}
