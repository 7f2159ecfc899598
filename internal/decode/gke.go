package decode

import (
	"bytes"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// logEntry is an entry of Google Cloud Logging, in as far as it matters here.
// The API server of a GKE cluster writes no audit events to where others could
// read them: Google turns each into a Cloud Audit Log, which is one of these.
type logEntry struct {
	insertID         string
	payload          []byte // protoPayload
	resource, labels []byte
	time             time.Time
	operation        string // the id of a call that several entries tell of
	first, last      bool   // which of these entries this is
	named, inParts   bool   // it has a log's name; it is a part of an entry that was too long
}

// gke decodes a log entry. is is false if the object is none.
func (d *Decoder) gke(b []byte, at time.Time) (n int, is bool, err error) {
	s := jsonscan.Scanner{Data: b}
	var e logEntry
	if err := d.logEntry(&s, &e); err != nil {
		return 0, e.payload != nil, err
	}
	switch {
	case e.payload == nil && !e.named:
		return 0, false, nil
	case e.payload == nil || e.payload[0] != '{':
		return s.Pos, true, dropped(event.ReasonOtherStream, "an entry of Cloud Logging that is no audit log")
	}
	scope := d.scope
	defer func() { d.scope = scope }()
	return s.Pos, true, d.cloudAudit(&e, b[:s.Pos], at)
}

func (d *Decoder) logEntry(s *jsonscan.Scanner, e *logEntry) error {
	return members(s, "log entry", func(key []byte) (err error) {
		switch string(key) {
		case "insertId":
			return text(s, key, &e.insertID)
		case "protoPayload":
			e.payload, err = s.Skip()
		case "resource":
			e.resource, err = s.Skip()
		case "labels":
			e.labels, err = s.Skip()
		case "timestamp":
			e.time, err = d.times.read(s, key)
		case "operation":
			return e.readOperation(s)
		case "split":
			e.inParts = true
			_, err = s.Skip()
		case "logName":
			e.named = true
			_, err = s.Skip()
		default:
			_, err = s.Skip()
		}
		return err
	})
}

func (e *logEntry) readOperation(s *jsonscan.Scanner) error {
	return members(s, "operation", func(key []byte) (err error) {
		var raw []byte
		switch string(key) {
		case "id":
			return text(s, key, &e.operation)
		case "first":
			raw, err = s.Skip()
			e.first = string(raw) == "true"
		case "last":
			raw, err = s.Skip()
			e.last = string(raw) == "true"
		default:
			_, err = s.Skip()
		}
		return err
	})
}

// cloudAudit makes an audit event of the payload.
func (d *Decoder) cloudAudit(e *logEntry, raw []byte, at time.Time) error {
	var p cloudAuditLog
	if err := p.read(e.payload); err != nil {
		return from(event.K8sAudit, err)
	}
	if p.service != "k8s.io" {
		return from(event.K8sAudit, dropped(event.ReasonOtherStream, "a Cloud Audit Log of %q, not of the API server of a cluster", p.service))
	}
	if p.method == "" {
		return from(event.K8sAudit, malformed(event.ReasonBadField, "a Cloud Audit Log without methodName"))
	}
	if e.time.IsZero() && at.IsZero() {
		d.timeless(event.K8sAudit, "a log entry without timestamp", raw)
		return nil
	}
	d.scope = d.clusterScope(clusterOfEntry(e.resource))
	a := d.out.audits.next()
	p.fill(a, e)
	d.addAudit(a, raw, e.inParts, at)
	return nil
}

// clusterOfEntry is the cluster whose API server wrote an entry.
func clusterOfEntry(resource []byte) string {
	if !bytes.Contains(resource, []byte("cluster_name")) {
		return ""
	}
	n, _ := jsonscan.Parse(resource)
	return n.Text("labels", "cluster_name")
}

// identify gives an event its identity: an entry for the begin and one for the end of a call share
// the operation, and count once; they differ in their times. Other entries are
// told apart by their times, too, since a client may choose the audit ID that
// Google takes for both names.
func (e *logEntry) identify(a *event.Audit) {
	a.AuditID, a.StageTime, a.Received, a.Stage = e.insertID, e.time, e.time, "ResponseComplete"
	if e.operation == "" {
		return
	}
	a.AuditID = e.operation
	if e.first == e.last {
		return
	}
	a.Received = time.Time{}
	if e.first {
		a.Stage = "ResponseStarted"
	}
}
