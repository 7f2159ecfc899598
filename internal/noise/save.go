package noise

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// version is the first byte of a saved book.
const version = 1

// Changed reports whether the book remembers something else since Save.
func (b *Book) Changed() bool { return b.changed }

// Save returns the book as bytes. Two books that remember the same are the same
// bytes.
func (b *Book) Save() []byte {
	b.changed = false
	out := []byte{version}
	out = binary.AppendUvarint(out, b.clock)
	out = binary.AppendVarint(out, b.newest)
	out = binary.AppendUvarint(out, uint64(len(b.days)))
	for _, k := range slices.SortedFunc(maps.Keys(b.days), compareKeys) {
		d := b.days[k]
		out = binary.AppendUvarint(out, uint64(len(k.typ)))
		out = append(out, k.typ...)
		out = binary.AppendVarint(out, k.day)
		suppressed := byte(0)
		if k.suppressed {
			suppressed = 1
		}
		out = append(out, suppressed)
		out = binary.AppendUvarint(out, d.touched)
		out = binary.AppendVarint(out, d.seen)
		out = binary.AppendUvarint(out, uint64(len(d.bySeverity)))
		for _, s := range d.bySeverity {
			out = binary.AppendUvarint(out, s.severity)
			out = binary.AppendUvarint(out, uint64(s.made))
		}
		out = binary.AppendUvarint(out, uint64(len(d.known)))
		for _, id := range slices.Sorted(maps.Keys(d.known)) {
			out = binary.BigEndian.AppendUint64(out, id)
		}
	}
	return out
}

var errDamaged = errors.New("what is remembered of the findings of a scope is damaged, or of another version")

// Load reads a book that Save wrote.
func Load(data []byte) (*Book, error) {
	if len(data) == 0 || data[0] != version {
		return nil, errDamaged
	}
	r := reader{rest: data[1:]}
	b := NewBook()
	b.clock, b.newest = r.unsigned(), r.signed()
	for range r.length(maxDays) {
		k := dayKey{typ: string(r.bytes(r.length(len(r.rest)))), day: r.signed(), suppressed: r.flag()}
		d := &day{touched: r.unsigned(), seen: r.signed(), known: map[uint64]struct{}{}}
		for range r.length(len(r.rest)) {
			s := severityCount{severity: r.unsigned(), made: r.length(1 << 30)}
			d.made += s.made
			d.bySeverity = append(d.bySeverity, s)
		}
		for range r.length(len(r.rest) / 8) {
			if id := r.bytes(8); id != nil {
				d.known[binary.BigEndian.Uint64(id)] = struct{}{}
			}
		}
		b.days[k] = d
	}
	if r.bad || len(r.rest) > 0 {
		return nil, errDamaged
	}
	return b, nil
}

// reader reads numbers; what is not there reads as nothing, and is noted.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) unsigned() uint64 {
	v, n := binary.Uvarint(r.rest)
	return v * uint64(r.skip(n))
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.rest)
	return v * int64(r.skip(n))
}

// skip is 1, or 0 if the number before could not be read.
func (r *reader) skip(n int) int {
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return 1
}

// length is a number that cannot be more than most.
func (r *reader) length(most int) int {
	v := r.unsigned()
	if v > uint64(most) {
		r.bad, r.rest = true, nil
		return 0
	}
	return int(v)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) flag() bool {
	b := r.bytes(1)
	return len(b) == 1 && b[0] == 1
}
