package history

import (
	"encoding/binary"
	"errors"
)

var errDamaged = errors.New("history: the data is damaged")

// reader reads what runs and blocks are made of. The first fault makes
// everything after it zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 { // nearly always
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// number is a count of records or bytes.
func (r *reader) number() int64 {
	v := r.uint()
	if v > 1<<63-1 {
		r.bad = true
		return 0
	}
	return int64(v)
}

// count is a number of things of which each has at least one byte of what is
// left, so that damage cannot make anybody reserve memory.
func (r *reader) count() int {
	v := r.uint()
	if v > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return 0
	}
	return int(v)
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if v := r.bytes(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) text() string { return string(r.bytes(r.count())) }

// second is one second of an hour, after another.
func (r *reader) second(after Second) Second {
	v := uint64(after) + r.uint()%(1<<32)
	if v >= Seconds {
		r.bad = true
		return 0
	}
	return Second(v)
}
