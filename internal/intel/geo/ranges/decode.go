package ranges

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/klauspost/compress/zstd"
)

const (
	magic    = "VRT1"
	maxLabel = math.MaxUint8
	// maxBody is far above what a table of all networks needs.
	maxBody = 64 << 20
)

// Decode reads a file that a [Builder] made.
func Decode(file []byte) (*Table, error) {
	t, err := decode(file)
	if err != nil {
		return nil, fmt.Errorf("read table of ranges: %w", err)
	}
	return t, nil
}

func decode(file []byte) (*Table, error) {
	if len(file) < len(magic) || string(file[:len(magic)]) != magic {
		return nil, fmt.Errorf("does not start with %q", magic)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBody))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	body, err := z.DecodeAll(file[len(magic):], nil)
	if err != nil {
		return nil, err
	}
	r := &reader{body: body}
	t := &Table{built: time.Unix(int64(r.number(math.MaxInt64)), 0).UTC()}
	t.labels = make([]string, r.number(maxLabel+1))
	for i := range t.labels {
		if i > 0 {
			t.labels[i] = string(r.bytes(r.number(maxLabel)))
		}
	}
	starts4, labels4 := readRuns[uint32](r, len(t.labels))
	starts6, labels6 := readRuns[uint64](r, len(t.labels))
	switch {
	case r.err != nil:
		return nil, r.err
	case r.at < len(r.body):
		return nil, fmt.Errorf("%d bytes too many", len(r.body)-r.at)
	case len(t.labels) == 0:
		return nil, errors.New("without labels")
	}
	t.v4 = newColumn(starts4, labels4, 0, shift4)
	t.v6 = newColumn(starts6, labels6, first6, shift6)
	return t, nil
}

// readRuns reads what [runs.encode] wrote.
func readRuns[T uint32 | uint64](r *reader, labels int) ([]T, []uint8) {
	n := r.number(uint64(len(r.body)))
	shifts := r.bytes(n)
	starts := make([]T, len(shifts))
	last := uint64(0)
	for i, shift := range shifts {
		d := r.number(math.MaxUint64)
		next := last + d<<shift
		// The starts rise from 0, and nothing of them is lost in the type.
		if (i == 0) != (d == 0) || d<<shift>>shift != d || next < last || uint64(T(next)) != next {
			r.fail("range %d starts out of order", i)
			return nil, nil
		}
		starts[i], last = T(next), next
	}
	ids := r.bytes(uint64(len(starts)))
	for i, id := range ids {
		if int(id) >= labels {
			r.fail("range %d has label %d of %d", i, id, labels)
		}
	}
	return starts, append([]uint8(nil), ids...)
}

// reader takes a body apart; after a fault it gives nothing more.
type reader struct {
	body []byte
	at   int
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err, r.at = fmt.Errorf(format, args...), len(r.body)
	}
}

func (r *reader) number(limit uint64) uint64 {
	x, n := binary.Uvarint(r.body[r.at:])
	if n <= 0 || x > limit {
		r.fail("ends in a number, or has one over %d", limit)
		return 0
	}
	r.at += n
	return x
}

func (r *reader) bytes(n uint64) []byte {
	if left := uint64(len(r.body) - r.at); n > left {
		r.fail("ends %d bytes early", n-left)
		return nil
	}
	b := r.body[r.at : r.at+int(n)]
	r.at += len(b)
	return b
}
