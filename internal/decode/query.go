package decode

import (
	"bytes"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// queryEvent reads the members of one Route 53 Resolver query log record in a
// single pass. On ErrCut the members before the cut are there.
func (d *Decoder) queryEvent(s *jsonscan.Scanner, q *event.Query) error {
	if err := s.Enter('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if err != nil || !ok {
			return err
		}
		if err := d.queryMember(s, key, q); err != nil {
			return err
		}
	}
}

func (d *Decoder) queryMember(s *jsonscan.Scanner, key []byte, q *event.Query) (err error) {
	switch string(key) {
	case "account_id":
		return text(s, key, &q.Account)
	case "region":
		return text(s, key, &q.Region)
	case "vpc_id":
		return text(s, key, &q.VPC)
	case "query_timestamp":
		q.Time, err = d.times.read(s, key)
	case "query_name":
		if err = text(s, key, &q.Name); err == nil {
			q.Name = domain(q.Name)
		}
	case "query_type":
		return text(s, key, &q.Type)
	case "query_class":
		return text(s, key, &q.Class)
	case "rcode":
		return text(s, key, &q.Rcode)
	case "answers":
		q.AnswersJSON, err = raw(s)
	case "srcaddr":
		return sourceAddress(s, key, q)
	case "srcport":
		return sourcePort(s, key, q)
	case "transport":
		return text(s, key, &q.Transport)
	case "srcids":
		return members(s, "srcids", func(key []byte) (err error) {
			switch string(key) {
			case "instance":
				return text(s, key, &q.Instance)
			case "resolver_endpoint":
				return text(s, key, &q.ResolverEndpoint)
			}
			_, err = s.Skip()
			return err
		})
	case "firewall_rule_action":
		return text(s, key, &q.FirewallAction)
	default:
		_, err = s.Skip()
	}
	return err
}

func sourceAddress(s *jsonscan.Scanner, key []byte, q *event.Query) error {
	v, err := s.Skip()
	if err != nil || string(v) == "null" || string(v) == `""` {
		return err
	}
	inside := bytes.Trim(v, `"`)
	a, end := address(inside, 0)
	if end != len(inside) || end == 0 || v[0] != '"' {
		return malformed(event.ReasonBadField, "%s %s is not an address", key, excerpt(v))
	}
	q.SrcAddr = a
	return nil
}

// sourcePort reads the port, which is a string in some records and a number in others.
func sourcePort(s *jsonscan.Scanner, key []byte, q *event.Query) error {
	v, err := s.Skip()
	if err != nil || string(v) == "null" {
		return err
	}
	if digits := bytes.Trim(v, `"`); len(digits) > 0 {
		p, end := port(digits, 0)
		if end != len(digits) {
			return malformed(event.ReasonBadField, "%s %s is not a port", key, excerpt(v))
		}
		q.SrcPort = p
	}
	return nil
}

// domain is a name in lower case without its final dot. The root stays a dot.
func domain(s string) string {
	if n := len(s) - 1; n > 0 && s[n] == '.' {
		s = s[:n]
	}
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			return lower(s)
		}
	}
	return s
}

// lower changes ASCII letters alone: a name has no others, and bytes that are
// no text stay what they were.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return alias(b)
}

// query decodes b as a query log record if it is one.
func (d *Decoder) query(b []byte, cut bool, at time.Time) (n int, is bool, err error) {
	s := jsonscan.Scanner{Data: b}
	mark := d.out.queries.used
	q := d.out.queries.next()
	err = d.queryEvent(&s, q)
	if q.Name == "" || q.Type == "" && q.Time.IsZero() && !cut {
		d.out.queries.used = mark
		return 0, false, err
	}
	if err != nil && (!cut || err != jsonscan.ErrCut) {
		d.out.queries.used = mark
		return 0, true, from(event.DNS, err)
	}
	if err == nil && q.Time.IsZero() && at.IsZero() {
		d.out.queries.used = mark
		d.timeless(event.DNS, "a query without query_timestamp", b[:s.Pos])
		return s.Pos, true, nil
	}
	e := d.add(event.DNS, b[:s.Pos], err != nil)
	e.Query, e.Time, e.Scope = q, either(q.Time, at), d.awsScope(q.Account, q.Region)
	return s.Pos, true, nil
}
