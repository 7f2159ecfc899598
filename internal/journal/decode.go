package journal

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/vedette-project/vedette/internal/event"
)

// Decode reads a message. The bytes of the entries alias the returned buffer,
// which is buf if that is large enough; give it again when the entries have
// been handled. Bytes that Encode did not make are a *[CorruptError].
func Decode(data, buf []byte) ([]Entry, []byte, error) {
	if len(data) < headerSize || string(data[:len(magic)]) != magic {
		return nil, buf, corrupt("it does not begin as one")
	}
	if v := data[len(magic)]; v != version1 {
		return nil, buf, corrupt("version %d is not known", v)
	}
	block := data[headerSize:]
	if sum := crc32.Checksum(block, crc32.MakeTable(crc32.Castagnoli)); sum != binary.LittleEndian.Uint32(data[len(magic)+1:]) {
		return nil, buf, corrupt("the checksum is wrong")
	}
	n, err := s2.DecodedLen(block)
	if err != nil || n > MaxRaw {
		return nil, buf, corrupt("its size is %d: %v", n, err)
	}
	buf = slices.Grow(buf[:0], n)[:n]
	if buf, err = s2.Decode(buf, block); err != nil {
		return nil, buf, corrupt("%v", err)
	}
	d := decoder{b: buf}
	entries := d.entries()
	if d.why != "" {
		return nil, buf, corrupt("%s", d.why)
	}
	return entries, buf, nil
}

// decoder takes values from the front of b. After the first that is wrong, all
// others are zero.
type decoder struct {
	b   []byte
	why string
}

func (d *decoder) fail(why string) {
	if d.why == "" {
		d.why = why
	}
	d.b = nil
}

func (d *decoder) entries() []Entry {
	n := d.uvarint()
	if n > uint64(len(d.b)/minEntry) {
		d.fail("too many entries")
	}
	if d.why != "" {
		return nil
	}
	entries := make([]Entry, 0, n)
	for range n {
		if entries = append(entries, d.entry()); d.why != "" {
			return nil
		}
	}
	if len(d.b) > 0 {
		d.fail("bytes are left over")
		return nil
	}
	return entries
}

func (d *decoder) entry() (e Entry) {
	c := &e.Chunk
	flags := d.byte()
	if flags&^knownFlags != 0 {
		d.fail("an unknown flag")
	}
	c.OneAccount = flags&flagOneAccount != 0
	c.Cut = flags&flagCut != 0
	c.Stream = string(d.bytes())
	c.Scope = event.Scope{Account: string(d.bytes()), Region: string(d.bytes()), Cluster: string(d.bytes())}
	c.Home = flags&flagHome != 0
	c.Learn = flags&flagLearn != 0
	if flags&flagKind != 0 {
		c.Source, c.Format = event.Source(d.bytes()), string(d.bytes())
	}
	if flags&flagReceived != 0 {
		c.Received = time.Unix(0, d.varint()).UTC()
	}
	c.FirstLine = d.varint()
	c.Skipped = d.varint()
	e.Records = d.varint()
	e.CursorName = string(d.bytes())
	if v := d.bytes(); len(v) > 0 {
		e.CursorData = v
	}
	if flags&flagRecords != 0 {
		c.Records = d.spans()
	}
	if v := d.bytes(); len(v) > 0 {
		c.Data = v
	}
	for _, s := range c.Records {
		if s.End > len(c.Data) {
			d.fail("a record ends behind its data")
			break
		}
	}
	return e
}

func (d *decoder) spans() []event.Span {
	n := d.uvarint()
	if n > uint64(len(d.b)/2) {
		d.fail("too many records")
		return nil
	}
	spans := make([]event.Span, 0, n)
	end := int64(0)
	for range n {
		start := end + d.varint()
		end = start + d.varint()
		if start < 0 || end < start || end > MaxRaw {
			d.fail("a record's bounds")
			return nil
		}
		spans = append(spans, event.Span{Start: int(start), End: int(end)})
	}
	return spans
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail("it ends too early")
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail("it ends too early")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail("it ends too early")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail("it ends too early")
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}
