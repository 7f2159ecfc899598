package ranges

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Builder collects prefixes for a file. The zero Builder is ready.
type Builder struct {
	ids    map[string]uint8
	labels []string
	v4, v6 runs
}

// runs are ranges in order, those of one label side by side made one.
type runs struct {
	starts []uint64
	labels []uint8
	end    uint64 // where the last prefix ended
	full   bool   // it ended with the space
}

// Add gives a prefix a label. Prefixes of a family come in the order of their
// addresses and do not overlap.
func (b *Builder) Add(p netip.Prefix, label string) error {
	if !p.IsValid() || p != p.Masked() || label == "" {
		return fmt.Errorf("prefix %v with label %q: not a prefix, or no label", p, label)
	}
	id, err := b.id(label)
	if err != nil {
		return err
	}
	if p.Addr().Is4() {
		a := p.Addr().As4()
		err = b.v4.add(uint64(binary.BigEndian.Uint32(a[:])), 32-p.Bits(), 32, id)
	} else if p.Bits() > 64 {
		err = errors.New("narrower than /64")
	} else {
		a := p.Addr().As16()
		err = b.v6.add(binary.BigEndian.Uint64(a[:]), 64-p.Bits(), 64, id)
	}
	if err != nil {
		return fmt.Errorf("prefix %v: %w", p, err)
	}
	return nil
}

func (b *Builder) id(label string) (uint8, error) {
	if id, ok := b.ids[label]; ok {
		return id, nil
	}
	if b.ids == nil {
		b.ids, b.labels = map[string]uint8{"": 0}, []string{""}
	}
	if len(b.labels) > maxLabel {
		return 0, fmt.Errorf("more than %d labels", maxLabel)
	}
	id := uint8(len(b.labels))
	b.ids[label], b.labels = id, append(b.labels, label)
	return id, nil
}

// add appends the 2^width values from start, in a space of 2^space.
func (r *runs) add(start uint64, width, space int, label uint8) error {
	if r.full || start < r.end {
		return errors.New("not after the one before")
	}
	if start > r.end || len(r.starts) == 0 && start > 0 {
		r.start(r.end, 0) // a gap
	}
	r.start(start, label)
	r.end = start + 1<<width // 2^64 is 0
	r.full = r.end == 0 || space < 64 && r.end == 1<<space
	return nil
}

func (r *runs) start(at uint64, label uint8) {
	if n := len(r.labels); n > 0 && r.labels[n-1] == label {
		return
	}
	r.starts, r.labels = append(r.starts, at), append(r.labels, label)
}

// Encode makes the file. The same prefixes give the same bytes.
func (b *Builder) Encode(built time.Time) ([]byte, error) {
	var body []byte
	body = binary.AppendUvarint(body, uint64(built.Unix()))
	body = binary.AppendUvarint(body, uint64(max(len(b.labels), 1)))
	for _, l := range b.labels[min(1, len(b.labels)):] {
		body = binary.AppendUvarint(body, uint64(len(l)))
		body = append(body, l...)
	}
	for _, r := range []*runs{&b.v4, &b.v6} {
		if !r.full && r.end > 0 {
			r.start(r.end, 0)
		}
		body = r.encode(body)
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(body, []byte(magic)), w.Close()
}

// encode writes a range as three numbers, each kind beside its like, which is
// what compresses best: by how many bits its distance from the start before can
// be shifted, the distance so shifted, and the label.
func (r *runs) encode(out []byte) []byte {
	out = binary.AppendUvarint(out, uint64(len(r.starts)))
	distances := make([]byte, 0, 2*len(r.starts))
	last := uint64(0)
	for _, s := range r.starts {
		d := s - last
		last = s
		shift := 0
		if d > 0 {
			shift = bits.TrailingZeros64(d)
		}
		out = append(out, byte(shift))
		distances = binary.AppendUvarint(distances, d>>shift)
	}
	out = append(out, distances...)
	return append(out, r.labels...)
}
