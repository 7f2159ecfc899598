package decode

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// wrapped decodes the records inside an object that is not itself one.
func (d *Decoder) wrapped(w *wrapper, at time.Time) error {
	switch {
	case w.kind == "EventList" || w.kind == "" && w.items != nil:
		if err := checkVersion(w.apiVersion); err != nil {
			return err
		}
		if w.items == nil || string(w.items) == "null" {
			return nil
		}
		if w.items[0] != '[' {
			return malformed(event.ReasonBadField, "items is not an array")
		}
		return d.list(&jsonscan.Scanner{Data: w.items}, false, at)
	case w.logEvents != nil:
		return d.subscription(w)
	case w.odd != nil && w.odd.awslogs != nil:
		return d.lambda(w.odd.awslogs, at)
	case w.events != nil && w.events[0] == '[':
		return d.logEvents(w.events)
	case w.digest:
		return from(event.CloudTrail, dropped(event.ReasonDigest, "a digest file of CloudTrail, which lists its log files"))
	case w.hasTrailEvent():
		return from(event.CloudTrail, d.inner(w.odd.trailEvent, at))
	case w.odd != nil && w.odd.detail != nil && w.odd.detailType != nil:
		return d.eventBridge(w.odd, at)
	case w.odd != nil && w.odd.azure.holds():
		return d.azureLog(&w.odd.azure, at)
	case w.message != nil:
		return d.message(w, at)
	case w.odd != nil && w.odd.received != nil && w.odd.received[0] == '[':
		return d.list(&jsonscan.Scanner{Data: w.odd.received}, false, at)
	case w.log != nil:
		return d.inner(w.log, at)
	case w.odd != nil && w.odd.kinesis != nil && w.odd.kinesis[0] == '{':
		_, err := d.value(w.odd.kinesis, false, at)
		return err
	case w.notice:
		return dropped(event.ReasonNotifications, "a message about an object or a queue, not a record")
	case w.records != nil && w.records[0] == '[':
		return d.list(&jsonscan.Scanner{Data: w.records}, false, at)
	case string(w.records) == "null":
		return nil
	case w.odd != nil && w.odd.data != nil && w.odd.data[0] == '"':
		return d.packed(unquote(w.odd.data), at)
	}
	return malformed(event.ReasonNotAudit, "a JSON object of kind %q: no record that is read here", w.kind)
}

// subscription decodes what CloudWatch Logs sends to a subscriber. The log
// group of an EKS control plane names the cluster, the owner is the account.
func (d *Decoder) subscription(w *wrapper) error {
	if unquote(w.messageType) == "CONTROL_MESSAGE" {
		return dropped(event.ReasonControlRecord, "CloudWatch Logs checks that the destination can be reached")
	}
	d.scope = d.scopeOfLogGroup(unquote(w.logGroup), unquote(w.owner))
	if s := unquote(w.logStream); s != "" && !isAuditStream(s) {
		n := 0
		sc := jsonscan.Scanner{Data: w.logEvents}
		for ok, err := sc.Enter('[') == nil, error(nil); ok; n++ {
			if ok, err = sc.More(n == 0); !ok || err != nil {
				break
			}
			if _, err = sc.Skip(); err != nil {
				break
			}
			d.reject(event.Dropped, event.ReasonOtherStream, "log stream "+strconv.Quote(s)+" is not the audit log")
		}
		return nil
	}
	return d.logEvents(w.logEvents)
}

// isAuditStream tells the audit log from the other control-plane logs of EKS
// (authenticator, scheduler, …), which share its group. Streams of other
// systems may have any name.
func isAuditStream(name string) bool {
	for _, other := range []string{"kube-apiserver-", "authenticator-", "kube-controller-manager-", "kube-scheduler-", "cloud-controller-manager-"} {
		if strings.HasPrefix(name, other) && !strings.HasPrefix(name, "kube-apiserver-audit-") {
			return false
		}
	}
	return true
}

// scopeOfLogGroup refines the scope by the log group of an EKS control plane,
// /aws/eks/CLUSTER/cluster, and the account that owns it.
func (d *Decoder) scopeOfLogGroup(group, owner string) event.Scope {
	s := d.scope
	if rest, ok := strings.CutPrefix(group, "/aws/eks/"); ok {
		if name, ok := strings.CutSuffix(rest, "/cluster"); ok && name != "" {
			s.Cluster = strings.Clone(name)
		}
	}
	if !d.chunk.OneAccount && event.IsAccount(owner) {
		s.Account = d.account(owner)
	}
	return s
}

// logEvents decodes an array of {timestamp, message}.
func (d *Decoder) logEvents(list []byte) error {
	s := jsonscan.Scanner{Data: list}
	if err := s.Enter('['); err != nil {
		return malformed(event.ReasonBadField, "logEvents is not an array")
	}
	for first := true; ; first = false {
		ok, err := s.More(first)
		if err != nil || !ok {
			return err
		}
		raw, err := s.Skip()
		if err != nil {
			return err
		}
		var w wrapper
		if raw[0] == '{' && w.read(raw) != nil || w.message == nil && !w.hasTrailEvent() {
			d.reject(event.Malformed, event.ReasonNotAudit, "a log event without a message: "+excerpt(raw))
			continue
		}
		if w.message == nil {
			err = from(event.CloudTrail, d.inner(w.odd.trailEvent, time.Time{}))
		} else {
			err = d.message(&w, time.Time{})
		}
		if err != nil {
			d.rejectValue(raw, false, err)
		}
	}
}

// message decodes one CloudWatch Logs event.
func (d *Decoder) message(w *wrapper, at time.Time) error {
	if s := unquote(w.logStream); s != "" && !isAuditStream(s) {
		return dropped(event.ReasonOtherStream, "log stream %q is not the audit log", s)
	}
	if ms, err := strconv.ParseInt(string(w.timestamp), 10, 64); err == nil {
		at = time.UnixMilli(ms).UTC()
	}
	return d.inner(w.message, at)
}

// inner decodes a record that stands inside a string, or as an object where a
// collector has already unpacked it.
func (d *Decoder) inner(v []byte, at time.Time) error {
	if v[0] == '{' {
		_, err := d.value(v, false, at)
		return err
	}
	s := jsonscan.Scanner{Data: v}
	b, err := s.Bytes()
	if err != nil {
		return malformed(event.ReasonBadField, "message is not a string")
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] != '{' {
		if len(b) > 0 {
			if f, may := d.mayBeFlow(b); may && d.text(b, at, f) {
				return nil
			}
		}
		return dropped(event.ReasonOtherStream, "a message of another log: %s", excerpt(b))
	}
	d.values(b, false, at)
	return nil
}

func unquote(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	s := jsonscan.Scanner{Data: raw}
	v, _ := s.String()
	return v
}
