package decode

import (
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// trailEvent reads the members of one CloudTrail event in a single pass. On
// ErrCut the members before the cut are there.
func (d *Decoder) trailEvent(s *jsonscan.Scanner, t *event.Trail) error {
	if err := s.Enter('{'); err != nil {
		return err
	}
	management := unsaid
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if err == nil && ok {
			err = d.trailMember(s, key, t, &management)
		}
		if err != nil || !ok {
			t.Management = management == yes || management == unsaid && t.Category != "Data"
			return err
		}
	}
}

func (d *Decoder) trailMember(s *jsonscan.Scanner, key []byte, t *event.Trail, management *tri) (err error) {
	switch string(key) {
	case "eventID":
		return text(s, key, &t.EventID)
	case "eventName":
		return text(s, key, &t.Name)
	case "eventSource":
		return text(s, key, &t.Service)
	case "eventType":
		return text(s, key, &t.EventType)
	case "eventCategory":
		return text(s, key, &t.Category)
	case "eventTime":
		t.Time, err = d.times.read(s, key)
	case "awsRegion":
		return text(s, key, &t.Region)
	case "sourceIPAddress":
		return text(s, key, &t.SourceIP)
	case "userAgent":
		return text(s, key, &t.UserAgent)
	case "errorCode":
		return text(s, key, &t.ErrorCode)
	case "errorMessage":
		return text(s, key, &t.ErrorMessage)
	case "recipientAccountId":
		return text(s, key, &t.Recipient)
	case "sharedEventID":
		return text(s, key, &t.SharedEventID)
	case "vpcEndpointId":
		return text(s, key, &t.VPCEndpoint)
	case "vpcEndpointAccountId":
		return text(s, key, &t.VPCEndpointAccount)
	case "readOnly":
		readOnly, err := truth(s, key)
		t.ReadOnly = readOnly == yes
		return err
	case "managementEvent":
		*management, err = truth(s, key)
	case "userIdentity":
		return d.identity(s, t)
	case "requestParameters":
		t.Request, err = raw(s)
	case "responseElements":
		t.Response, err = raw(s)
	case "additionalEventData":
		t.Additional, err = raw(s)
	case "resources":
		t.Resources, err = raw(s)
	case "serviceEventDetails":
		t.ServiceDetails, err = raw(s)
	case "insightDetails":
		t.Insight, err = raw(s)
	default:
		_, err = s.Skip()
	}
	return err
}

// isTrail reports whether what was read is a CloudTrail event. Messages about
// objects and queues have the same members, but sources like aws:s3.
func isTrail(t *event.Trail, cut bool) bool {
	if len(t.Service) > 4 && t.Service[:4] == "aws:" {
		return false
	}
	switch {
	case t.Name != "" && (t.Service != "" || t.EventID != ""):
		return true
	case t.EventID != "" && (t.EventType != "" || t.Insight != nil): // insights have no name
		return true
	}
	return cut && (t.Name != "" || t.Service != "")
}

// trail decodes b as a CloudTrail event if it is one. It is not sure that an
// object with a fault is none.
func (d *Decoder) trail(b []byte, cut bool, at time.Time) (n int, is bool, err error) {
	s := jsonscan.Scanner{Data: b}
	mark := d.out.trails.used
	t := d.out.trails.next()
	err = d.trailEvent(&s, t)
	if !isTrail(t, cut && err == jsonscan.ErrCut) {
		d.out.trails.used = mark
		return 0, false, err
	}
	if err != nil && (!cut || err != jsonscan.ErrCut) {
		d.out.trails.used = mark
		return 0, true, from(event.CloudTrail, err)
	}
	if err == nil && t.Time.IsZero() && at.IsZero() {
		d.out.trails.used = mark
		d.timeless(event.CloudTrail, "an event of CloudTrail without eventTime", b[:s.Pos])
		return s.Pos, true, nil
	}
	account := t.Recipient
	if !event.IsAccount(account) {
		account = t.Identity.AccountID
	}
	e := d.add(event.CloudTrail, b[:s.Pos], err != nil)
	e.Trail, e.Time, e.Scope = t, either(t.Time, at), d.awsScope(account, t.Region)
	return s.Pos, true, nil
}

// timeless is what becomes of a whole record without a time: nobody can say
// what came before it. One that was cut is judged for what it holds.
func (d *Decoder) timeless(source event.Source, what string, b []byte) {
	d.source = source
	d.reject(event.Malformed, event.ReasonNoTime, what+": "+excerpt(b))
}

// either is the time of the record, or else the one its log service noted.
func either(t, fallback time.Time) time.Time {
	if t.IsZero() {
		return fallback
	}
	return t
}

// tri is what a record says about something.
type tri uint8

const (
	unsaid tri = iota
	no
	yes
)

// truth reads true or false. Some exports, and sessions' attributes, have them
// as strings.
func truth(s *jsonscan.Scanner, key []byte) (tri, error) {
	v, err := s.Skip()
	if err != nil {
		return unsaid, err
	}
	switch string(v) {
	case "true", `"true"`:
		return yes, nil
	case "false", `"false"`:
		return no, nil
	case "null", `""`:
		return unsaid, nil
	}
	return unsaid, malformed(event.ReasonBadField, "%s is neither true nor false", key)
}

// raw reads a value as it is written; null is nothing.
func raw(s *jsonscan.Scanner) ([]byte, error) {
	v, err := s.Skip()
	if err == nil && string(v) == "null" {
		return nil, nil
	}
	return v, err
}
