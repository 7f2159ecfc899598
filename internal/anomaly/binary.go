package anomaly

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Version is of the form in which models are kept. What is kept in another is
// refused: to misread a model is worse than to learn again.
const Version = 1

var errCut = errors.New("it ends in the middle, or goes on after its end")

// reader reads what was kept. The first fault makes everything after it zero.
type reader struct {
	b   []byte
	bad bool
}

func open(b []byte, what string) (*reader, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("read a %s: %w", what, errCut)
	}
	if b[0] != Version {
		return nil, fmt.Errorf("read a %s: it is kept in version %d, this program reads %d; learn again from old logs", what, b[0], Version)
	}
	return &reader{b: b[1:]}, nil
}

func (r *reader) uint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 || v > limit {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if r.bad || n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) uint32() uint32 {
	if r.bad || len(r.b) < 4 {
		r.bad, r.b = true, nil
		return 0
	}
	v := binary.LittleEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

func (r *reader) close(what string) error {
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("read a %s: %w", what, errCut)
	}
	return nil
}

// MarshalBinary writes a profile: nine to twelve bytes a value.
func (p *Profile) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 24+12*len(p.slots))
	b = append(b, Version)
	b = binary.AppendUvarint(b, uint64(p.today))
	b = binary.AppendUvarint(b, uint64(p.first))
	b = binary.LittleEndian.AppendUint32(b, p.days)
	views := MaxViews
	for views > 0 && len(p.view(views-1)) == 0 {
		views--
	}
	b = append(b, byte(views))
	for v := range views {
		slots := p.view(v)
		b = binary.AppendUvarint(b, uint64(len(slots)))
		for _, s := range slots {
			b = binary.LittleEndian.AppendUint32(b, s.hash)
			b = binary.AppendUvarint(b, uint64(s.days))
			b = binary.AppendUvarint(b, uint64(s.count&^expected)<<1|uint64(s.count>>31))
		}
	}
	return b, nil
}

const maxDay = 1<<31 - 1

// UnmarshalBinary reads what MarshalBinary wrote.
func (p *Profile) UnmarshalBinary(b []byte) error {
	const what = "profile"
	r, err := open(b, what)
	if err != nil {
		return err
	}
	out := Profile{today: int32(r.uint(maxDay)), first: int32(r.uint(maxDay)), days: r.uint32()}
	views := int(r.uint(MaxViews))
	for v := range views {
		n := int(r.uint(commonSlots))
		for range min(n, len(r.b)) {
			s := slot{hash: r.uint32(), days: uint32(r.uint(1<<32 - 1))}
			count := r.uint(1<<32 - 1)
			s.count = uint32(count>>1) | uint32(count&1)<<31
			out.slots = append(out.slots, s)
		}
		out.ends[v] = uint16(len(out.slots))
		r.bad = r.bad || len(out.slots)-first(&out, v) != n
	}
	for v := views; v < MaxViews; v++ {
		out.ends[v] = uint16(len(out.slots))
	}
	if len(out.slots) > 1<<16-1 {
		r.bad = true
	}
	if err := r.close(what); err != nil {
		return err
	}
	out.slots = append(make([]slot, 0, len(out.slots)), out.slots...)
	*p = out
	return nil
}

// first is where a view begins.
func first(p *Profile, v int) int {
	if v == 0 {
		return 0
	}
	return int(p.ends[v-1])
}

// MarshalBinary writes the scores of a day.
func (s *Scores) MarshalBinary() ([]byte, error) {
	b := binary.AppendUvarint([]byte{Version}, s.Events)
	for _, list := range [...][]bin{s.usual, s.found} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, x := range list {
			b = binary.AppendUvarint(b, uint64(x.at))
			b = binary.AppendUvarint(b, uint64(x.n))
		}
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (s *Scores) UnmarshalBinary(b []byte) error {
	const what = "day of scores"
	r, err := open(b, what)
	if err != nil {
		return err
	}
	out := Scores{Events: r.uint(1<<63 - 1)}
	for _, list := range [...]*[]bin{&out.usual, &out.found} {
		last := -1
		for range r.uint(bins) {
			x := bin{at: uint16(r.uint(bins - 1)), n: uint32(r.uint(1<<32 - 1))}
			if r.bad = r.bad || int(x.at) <= last; r.bad {
				break
			}
			last = int(x.at)
			*list = append(*list, x)
		}
	}
	if err := r.close(what); err != nil {
		return err
	}
	*s = out
	return nil
}

// MarshalBinary writes the acts of an hour.
func (r *Recent) MarshalBinary() ([]byte, error) {
	b := []byte{Version, byte(len(r.acts))}
	for _, a := range r.acts {
		b = binary.LittleEndian.AppendUint32(b, a.name)
		b = binary.LittleEndian.AppendUint32(b, a.what)
		for _, v := range [...]int64{a.at, a.told, a.score} {
			b = binary.AppendVarint(b, v)
		}
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (r *Recent) UnmarshalBinary(b []byte) error {
	const what = "recent acts"
	in, err := open(b, what)
	if err != nil {
		return err
	}
	var out Recent
	for range in.uint(maxRecent) {
		a := act{name: in.uint32(), what: in.uint32(), at: in.int(), told: in.int(), score: in.int()}
		in.bad = in.bad || a.score < 0 || a.score > MaxScore
		out.acts = append(out.acts, a)
	}
	if err := in.close(what); err != nil {
		return err
	}
	*r = out
	return nil
}

// MaxScore is more than any score.
const MaxScore = 1 << 32

// MarshalBinary writes a histogram.
func (h *Histogram) MarshalBinary() ([]byte, error) {
	b := []byte{Version}
	for _, v := range [...]int64{h.largest, int64(h.day), h.amount} {
		b = binary.AppendUvarint(b, uint64(v))
	}
	for i, c := range h.counts {
		if c > 0 {
			b = append(b, byte(i))
			b = binary.AppendUvarint(b, uint64(c))
		}
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (h *Histogram) UnmarshalBinary(b []byte) error {
	const what = "histogram"
	r, err := open(b, what)
	if err != nil {
		return err
	}
	out := Histogram{largest: int64(r.uint(1<<63 - 1)), day: int32(r.uint(maxDay)), amount: int64(r.uint(1<<63 - 1))}
	last := -1
	for len(r.b) > 0 {
		i, n := int(r.uint(63)), r.uint(1<<16-1)
		if r.bad = r.bad || i <= last || n == 0; r.bad {
			break
		}
		out.counts[i], last = uint16(n), i
		out.days += uint32(n)
	}
	if err := r.close(what); err != nil {
		return err
	}
	*h = out
	return nil
}
