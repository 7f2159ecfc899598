package decode

import (
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// auditEvent reads the members of one object in a single pass. On ErrCut the
// members before the cut are there; a string cut in the middle is left out.
func (d *Decoder) auditEvent(s *jsonscan.Scanner, a *event.Audit, w *wrapper) error {
	if err := s.Enter('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if err != nil || !ok {
			return err
		}
		if err := d.member(s, key, a, w); err != nil {
			return err
		}
	}
}

func (d *Decoder) member(s *jsonscan.Scanner, key []byte, a *event.Audit, w *wrapper) (err error) {
	switch string(key) {
	case "kind":
		return text(s, key, &w.kind)
	case "apiVersion":
		return text(s, key, &w.apiVersion)
	case "level":
		return text(s, key, &a.Level)
	case "auditID":
		return text(s, key, &a.AuditID)
	case "stage":
		return text(s, key, &a.Stage)
	case "requestURI":
		return text(s, key, &a.RequestURI)
	case "verb":
		return text(s, key, &a.Verb)
	case "userAgent":
		return text(s, key, &a.UserAgent)
	case "user":
		return user(s, &a.User)
	case "impersonatedUser":
		return user(s, &a.Impersonated)
	case "sourceIPs":
		a.SourceIPsJSON, err = s.Skip()
	case "objectRef":
		return object(s, &a.Object)
	case "responseStatus":
		return status(s, a)
	case "requestObject":
		a.RequestObject, err = s.Skip()
	case "responseObject":
		a.ResponseObject, err = s.Skip()
	case "annotations":
		a.AnnotationsJSON, err = s.Skip()
	case "requestReceivedTimestamp":
		a.Received, err = d.times.read(s, key)
	case "stageTimestamp":
		a.StageTime, err = d.times.read(s, key)
	case "items":
		if done, err := d.items(s, w); done || err != nil {
			return err
		}
		return w.member(s, key)
	case "Records":
		if !w.listed && s.Space() == '[' { // CloudTrail's files are one list each
			w.listed = true
			return d.list(s, w.cut, w.at)
		}
		return w.member(s, key)
	default:
		return w.member(s, key)
	}
	return err
}

// items decodes the items of an EventList where they stand, as long as it said
// before what it is; they are the bulk of what is pushed, and need not be
// walked through twice.
func (d *Decoder) items(s *jsonscan.Scanner, w *wrapper) (done bool, err error) {
	if w.kind != "EventList" || w.listed || checkVersion(w.apiVersion) != nil || s.Space() != '[' {
		return false, nil
	}
	w.listed = true
	return true, d.list(s, w.cut, w.at)
}

// text reads a string member. A member of another type is a fault of the
// record, not of the JSON.
func text(s *jsonscan.Scanner, key []byte, into *string) error {
	v, err := s.OptString()
	if err == jsonscan.ErrSyntax {
		return malformed(event.ReasonBadField, "%s is not a string", key)
	}
	*into = v
	return err
}

// members hands each key of an object to read, which reads the value; null is
// an empty object.
func members(s *jsonscan.Scanner, name string, read func(key []byte) error) error {
	if c := s.Space(); c != '{' {
		raw, err := s.Skip()
		if err == nil && string(raw) != "null" {
			return malformed(event.ReasonBadField, "%s is not an object", name)
		}
		return err
	}
	if err := s.Enter('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if err != nil || !ok {
			return err
		}
		if err := read(key); err != nil {
			return err
		}
	}
}

func user(s *jsonscan.Scanner, u *event.User) error {
	return members(s, "user", func(key []byte) (err error) {
		switch string(key) {
		case "username":
			return text(s, key, &u.Username)
		case "uid":
			return text(s, key, &u.UID)
		case "groups":
			u.GroupsJSON, err = s.Skip()
		case "extra":
			u.ExtraJSON, err = s.Skip()
		default:
			_, err = s.Skip()
		}
		return err
	})
}

func object(s *jsonscan.Scanner, o *event.ObjectRef) error {
	return members(s, "objectRef", func(key []byte) (err error) {
		switch string(key) {
		case "resource":
			return text(s, key, &o.Resource)
		case "subresource":
			return text(s, key, &o.Subresource)
		case "namespace":
			return text(s, key, &o.Namespace)
		case "name":
			return text(s, key, &o.Name)
		case "uid":
			return text(s, key, &o.UID)
		case "apiGroup":
			return text(s, key, &o.APIGroup)
		case "apiVersion":
			return text(s, key, &o.APIVersion)
		}
		_, err = s.Skip()
		return err
	})
}

func status(s *jsonscan.Scanner, a *event.Audit) error {
	s.Space()
	start := s.Pos
	err := members(s, "responseStatus", func(key []byte) (err error) {
		if string(key) == "code" {
			if a.Code, err = s.Int(); err == jsonscan.ErrSyntax {
				return malformed(event.ReasonBadField, "responseStatus.code is not a number")
			}
			return err
		}
		_, err = s.Skip()
		return err
	})
	a.StatusJSON = s.Data[start:s.Pos]
	return err
}
