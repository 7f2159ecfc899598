package decode

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// runtimeMemory is where the parts of records of sensors live.
type runtimeMemory struct {
	records     slabs[event.Runtime]
	processes   slabs[event.Process]
	containers  slabs[event.Container]
	pods        slabs[event.Pod]
	execs       slabs[event.Exec]
	exits       slabs[event.Exit]
	files       slabs[event.FileChange]
	libraries   slabs[event.Mapped]
	connections slabs[event.Connection]
	sockets     slabs[event.Socket]
	dups        slabs[event.Dup]
	lookups     slabs[event.Lookup]
	mounts      slabs[event.Mount]
	modules     slabs[event.Module]
	targets     slabs[event.Target]
	memories    slabs[event.Memory]
	creds       slabs[event.Creds]
	namespaces  slabs[event.Namespace]
	strata      slabs[event.Stratum]
	statuses    slabs[event.Status]
	sessions    slabs[event.Session]
	alerts      slabs[event.Alert]

	texts     lists[string]
	ancestors lists[event.Process]
	binds     lists[event.Bind]
	stdio     lists[event.Stdio]
	answers   lists[event.DNSRecord]
}

func (m *runtimeMemory) reset() {
	for _, used := range []*int{
		&m.records.used, &m.processes.used, &m.containers.used, &m.pods.used, &m.execs.used, &m.exits.used, &m.files.used, &m.libraries.used,
		&m.connections.used, &m.sockets.used, &m.dups.used, &m.lookups.used, &m.mounts.used, &m.modules.used, &m.targets.used, &m.memories.used,
		&m.creds.used, &m.namespaces.used, &m.strata.used, &m.statuses.used, &m.sessions.used, &m.alerts.used,
	} {
		*used = 0
	}
	m.texts.reset()
	m.ancestors.reset()
	m.binds.reset()
	m.stdio.reset()
	m.answers.reset()
}

// lists is where the elements of arrays live, one array behind the other. An
// array may be growing while others are not: no array is inside one of its kind.
type lists[T any] struct{ all []T }

func (l *lists[T]) reset() { l.all = l.all[:0] }

// add makes room for one more element; it is good until the next add.
func (l *lists[T]) add() *T {
	l.all = append(l.all, *new(T))
	return &l.all[len(l.all)-1]
}

// since is what was added from a place on.
func (l *lists[T]) since(start int) []T { return l.all[start:len(l.all):len(l.all)] }

// elements hands each element of an array to read; null is an empty array.
func elements(s *jsonscan.Scanner, key []byte, read func() error) error {
	if s.Space() != '[' {
		v, err := s.Skip()
		if err == nil && string(v) != "null" {
			return malformed(event.ReasonBadField, "%s is not an array", key)
		}
		return err
	}
	s.Pos++
	for first := true; ; first = false {
		ok, err := s.More(first)
		if err != nil || !ok {
			return err
		}
		if err := read(); err != nil {
			return err
		}
	}
}

// list reads an array of objects. What was read before a cut is returned.
func list[T any](s *jsonscan.Scanner, key []byte, in *lists[T], read func(*jsonscan.Scanner, []byte, *T) error) ([]T, error) {
	start := len(in.all)
	err := elements(s, key, func() error { return read(s, key, in.add()) })
	if len(in.all) == start {
		return nil, err
	}
	return in.since(start), err
}

// textList reads an array of strings.
func (d *Decoder) textList(s *jsonscan.Scanner, key []byte, into *[]string) error {
	in := &d.out.runtime.texts
	start := len(in.all)
	err := elements(s, key, func() error {
		v, err := s.OptString()
		if err == jsonscan.ErrSyntax {
			return malformed(event.ReasonBadField, "an element of %s is not a string", key)
		}
		if err == nil {
			*in.add() = v
		}
		return err
	})
	if len(in.all) > start {
		*into = in.since(start)
	}
	return err
}

// optional reads an object into memory of its own; null leaves nil.
func optional[T any](s *jsonscan.Scanner, key []byte, at **T, from *slabs[T], read func(*jsonscan.Scanner, []byte, *T) error) error {
	if s.Space() == 'n' {
		_, err := s.Skip()
		return err
	}
	if *at == nil { // a member that is there twice adds to the first, as elsewhere
		*at = from.next()
	}
	return read(s, key, *at)
}

// fields is members whose faults name the object, too.
func fields(s *jsonscan.Scanner, name []byte, read func(key []byte) error) error {
	if s.Space() != '{' {
		v, err := s.Skip()
		if err == nil && string(v) != "null" {
			return malformed(event.ReasonBadField, "%s is not an object", name)
		}
		return err
	}
	s.Pos++
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if err != nil || !ok {
			return err
		}
		if err = read(key); err == nil {
			continue
		}
		if r, is := err.(*rejection); is {
			r.detail = string(name) + ": " + r.detail
		}
		return err
	}
}

// skip steps over a member that nobody knows.
func skip(s *jsonscan.Scanner) error {
	_, err := s.Skip()
	return err
}

// integer reads a whole number that its type can hold; null is none.
func integer[T int | int64 | uint8 | uint16 | uint32 | uint64](s *jsonscan.Scanner, key []byte, into *T) error {
	v, err := s.Skip()
	if err != nil {
		return err
	}
	digits, negative := v, false
	if len(v) > 1 && v[0] == '-' {
		digits, negative = v[1:], true
	}
	var n uint64
	for i, c := range digits {
		if c < '0' || c > '9' || i > 18 {
			if i > 18 || c == 'n' {
				return longNumber(v, key, into)
			}
			return malformed(event.ReasonBadField, "%s %s is not a whole number", key, excerpt(v))
		}
		n = n*10 + uint64(c-'0')
	}
	t := T(n)
	if negative {
		t = -t
	}
	if uint64(T(n)) != n || T(n) < 0 || negative && t > 0 {
		return malformed(event.ReasonBadField, "%s %s is out of range", key, excerpt(v))
	}
	*into = t
	return nil
}

// longNumber is integer for what is rare: null, and numbers of 20 digits.
func longNumber[T int | int64 | uint8 | uint16 | uint32 | uint64](v, key []byte, into *T) error {
	if string(v) == "null" {
		return nil
	}
	n, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil || uint64(T(n)) != n || T(n) < 0 {
		return malformed(event.ReasonBadField, "%s %s is not a number that it can be", key, excerpt(v))
	}
	*into = T(n)
	return nil
}

func decimal(s *jsonscan.Scanner, key []byte, into *float64) error {
	v, err := s.Skip()
	if err != nil || string(v) == "null" {
		return err
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return malformed(event.ReasonBadField, "%s %s is not a number", key, excerpt(v))
	}
	*into = f
	return nil
}

func flag(s *jsonscan.Scanner, key []byte, into *bool) error {
	v, err := truth(s, key)
	*into = v == yes
	return err
}

// moment reads a time that is not the record's own. Those of long-lived
// processes are of other days, so they have a parser of their own.
func (d *Decoder) moment(s *jsonscan.Scanner, key []byte, into *time.Time) (err error) {
	*into, err = d.starts.read(s, key)
	return err
}

// end reads an address with its port; "" is none.
func end(s *jsonscan.Scanner, key []byte, into *netip.AddrPort) error {
	v, err := s.OptString()
	if err == jsonscan.ErrSyntax {
		return malformed(event.ReasonBadField, "%s is not a string", key)
	}
	if err != nil || v == "" {
		return err
	}
	a, perr := netip.ParseAddrPort(v)
	if perr != nil {
		return malformed(event.ReasonBadField, "%s %s is not an address with a port", key, excerpt([]byte(v)))
	}
	*into = a
	return nil
}

// counts reads an object of whole numbers.
func counts(s *jsonscan.Scanner, key []byte, into *map[string]int64) error {
	return fields(s, key, func(name []byte) error {
		var n int64
		err := integer(s, name, &n)
		if err != nil {
			return err
		}
		if *into == nil {
			*into = map[string]int64{}
		}
		(*into)[string(name)] = n
		return nil
	})
}
