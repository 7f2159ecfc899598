package decode

import (
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// tooBigBody stands in the tables for a body that was not kept.
const tooBigBody = `"skipped-too-big-size-object"`

// isAuditTable reports whether a row is of a table that holds audit events of
// AKS, a column for each of their members.
func isAuditTable(name string) bool { return name == "AKSAudit" || name == "AKSAuditAdmin" }

// azureRow decodes a row of AKSAudit or AKSAuditAdmin, as a workspace of Log
// Analytics exports or prints it.
func (d *Decoder) azureRow(b []byte, at time.Time) (n int, err error) {
	s := jsonscan.Scanner{Data: b}
	used := d.out.audits.used
	a := d.out.audits.next()
	r := tableRow{d: d, a: a}
	if err := members(&s, "row", func(key []byte) error { return r.column(&s, key) }); err != nil {
		d.out.audits.used = used
		return 0, from(event.K8sAudit, err)
	}
	if a.StageTime.IsZero() && a.Received.IsZero() {
		a.StageTime = r.generated
	}
	switch {
	case a.AuditID == "" || a.Verb == "":
		d.out.audits.used = used
		return s.Pos, from(event.K8sAudit, malformed(event.ReasonNotAudit, "a row of AKSAudit without AuditId or Verb"))
	case a.StageTime.IsZero() && a.Received.IsZero() && at.IsZero():
		d.out.audits.used = used
		d.timeless(event.K8sAudit, "a row of AKSAudit without StageReceivedTime", b[:s.Pos])
		return s.Pos, nil
	}
	scope := d.scope
	defer func() { d.scope = scope }()
	d.scope = d.clusterScope(clusterOfResource(r.resource))
	d.addAudit(a, b[:s.Pos], r.short, at)
	return s.Pos, nil
}

// tableRow is a row that is being read.
type tableRow struct {
	d         *Decoder
	a         *event.Audit
	resource  string
	generated time.Time
	short     bool // a body was left out
}

func (r *tableRow) column(s *jsonscan.Scanner, key []byte) (err error) {
	a := r.a
	switch string(key) {
	case "AuditId":
		return text(s, key, &a.AuditID)
	case "Stage":
		return text(s, key, &a.Stage)
	case "Level":
		return text(s, key, &a.Level)
	case "RequestUri":
		return text(s, key, &a.RequestURI)
	case "Verb":
		return text(s, key, &a.Verb)
	case "UserAgent":
		return text(s, key, &a.UserAgent)
	case "_ResourceId":
		return text(s, key, &r.resource)
	case "RequestReceivedTime":
		a.Received, err = r.d.times.read(s, key)
	case "StageReceivedTime":
		a.StageTime, err = r.d.times.read(s, key)
	case "TimeGenerated":
		r.generated, err = r.d.times.read(s, key)
	case "User":
		return dynamic(s, func(v *jsonscan.Scanner) error { return user(v, &a.User) })
	case "ObjectRef":
		return dynamic(s, func(v *jsonscan.Scanner) error { return object(v, &a.Object) })
	case "ResponseStatus":
		return dynamic(s, func(v *jsonscan.Scanner) error { return status(v, a) })
	case "SourceIps":
		return column(s, &a.SourceIPsJSON)
	case "Annotations":
		return column(s, &a.AnnotationsJSON)
	case "RequestObject":
		return r.body(s, &a.RequestObject)
	case "ResponseObject":
		return r.body(s, &a.ResponseObject)
	default:
		_, err = s.Skip()
	}
	return err
}

func (r *tableRow) body(s *jsonscan.Scanner, into *[]byte) error {
	s.Space()
	start := s.Pos
	if err := column(s, into); err != nil {
		return err
	}
	if string(s.Data[start:s.Pos]) == tooBigBody {
		*into, r.short = nil, true
	}
	return nil
}

// dynamic reads a column of the type dynamic: JSON, or a text that holds it.
func dynamic(s *jsonscan.Scanner, read func(*jsonscan.Scanner) error) error {
	var v []byte
	if err := column(s, &v); err != nil || len(v) == 0 {
		return err
	}
	return read(&jsonscan.Scanner{Data: v})
}

// column reads the JSON in a column: what is there, or the text of it.
func column(s *jsonscan.Scanner, into *[]byte) (err error) {
	if s.Space() == '"' {
		*into, err = s.Bytes()
		return err
	}
	v, err := s.Skip()
	if string(v) != "null" {
		*into = v
	}
	return err
}
