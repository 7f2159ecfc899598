package decode

import (
	"bytes"
	"errors"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// guess decodes an object as what its first key, or the record before it,
// makes likely. Where that is wrong, is is false and all that was read is read
// again: only the members themselves tell.
func (d *Decoder) guess(b []byte, cut bool, at time.Time) (n int, is bool, err error) {
	key := firstKey(b)
	switch string(key) {
	case "kind", "level", "auditID", "metadata", "items", "Records", "messageType": // audit records and wrappers
		return 0, false, nil
	case "eventVersion":
		n, is, err = d.trail(b, cut, at)
		if !is && err == jsonscan.ErrSyntax { // read again it would not be better
			return 0, true, err
		}
		return n, is, err
	case "version":
		if bytes.HasPrefix(b, []byte(`{"version":"0"`)) { // EventBridge
			return 0, false, nil
		}
		return d.query(b, cut, at)
	case "runtimeVersion":
		return d.runtime(b, cut, at)
	case "insertId", "logName", "protoPayload":
		return d.gke(b, at)
	case "account_id", "query_timestamp", "query_name", "srcaddr", "vpc_id":
		return d.query(b, cut, at)
	}
	switch d.source {
	case event.CloudTrail:
		return d.trail(b, cut, at)
	case event.DNS:
		return d.query(b, cut, at)
	case event.RuntimeEvents:
		return d.sensors(b, cut, at)
	}
	return 0, false, nil
}

// certain is how many members of a kind of record leave no doubt of what an
// object is, whatever else is wrong with it.
const certain = 3

// otherOrder decodes an object that the members it has show to be a record
// with its members in an unusual order.
func (d *Decoder) otherOrder(b []byte, cut bool, at time.Time, w *wrapper) (n int, is bool, err error) {
	var fault *rejection
	if w.odd != nil && w.odd.protoPayload != nil {
		return d.gke(b, at)
	}
	if w.odd != nil && isAuditTable(unquote(w.odd.azure.table)) {
		n, err = d.azureRow(b, at)
		return n, true, err
	}
	if w.sensor {
		if n, is, err = d.sensors(b, cut, at); is {
			return n, true, err
		}
	}
	if w.trail > 0 {
		n, is, err = d.trail(b, cut, at)
		if is || w.trail >= certain && errors.As(err, &fault) {
			return n, true, from(event.CloudTrail, err)
		}
	}
	if w.query > 0 {
		n, is, err = d.query(b, cut, at)
		if is || w.query >= certain && errors.As(err, &fault) {
			return n, true, from(event.DNS, err)
		}
	}
	return 0, false, nil
}

// maxKey is more than the longest key that a guess is made by.
const maxKey = 32

// firstKey returns the first key of an object, nil if it is not a plain one.
func firstKey(b []byte) []byte {
	i := 1
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	if i >= len(b) || b[i] != '"' {
		return nil
	}
	b = b[i+1:]
	for i, c := range b[:min(len(b), maxKey)] {
		if c == '"' {
			return b[:i]
		}
	}
	return nil
}
