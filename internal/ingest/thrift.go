package ingest

import "encoding/binary"

// Types of Thrift's compact protocol, in which Parquet writes its headers.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI8     = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// maxThriftDepth is more than any header of Parquet nests.
const maxThriftDepth = 32

// thrift walks over values of the compact protocol.
type thrift struct {
	b        []byte
	pos      int
	elements int64 // of lists that may still come
}

func (t *thrift) byte() (byte, bool) {
	if t.pos >= len(t.b) {
		return 0, false
	}
	t.pos++
	return t.b[t.pos-1], true
}

func (t *thrift) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(t.b[t.pos:])
	if n <= 0 {
		return 0, false
	}
	t.pos += n
	return v, true
}

func (t *thrift) varint() (int64, bool) {
	v, ok := t.uvarint()
	return int64(v>>1) ^ -int64(v&1), ok
}

func (t *thrift) advance(n uint64) bool {
	if n > uint64(len(t.b)-t.pos) {
		return false
	}
	t.pos += int(n)
	return true
}

// fields calls read for every field of a struct.
func (t *thrift) fields(read func(id int64, kind byte) bool) bool {
	for id := int64(0); ; {
		head, ok := t.byte()
		if !ok || head == 0 {
			return ok
		}
		if delta := int64(head >> 4); delta > 0 {
			id += delta
		} else if id, ok = t.varint(); !ok {
			return false
		}
		if !read(id, head&0x0F) {
			return false
		}
	}
}

// skip steps over a value, and reports false if it is not whole or has more
// elements than there may be.
func (t *thrift) skip(kind byte, depth int) bool {
	if depth > maxThriftDepth {
		return false
	}
	switch kind {
	case thriftTrue, thriftFalse: // a field's value is its type
		return true
	case thriftI8:
		return t.advance(1)
	case thriftI16, thriftI32, thriftI64:
		_, ok := t.uvarint()
		return ok
	case thriftDouble:
		return t.advance(8)
	case thriftBinary:
		n, ok := t.uvarint()
		return ok && t.advance(n)
	case thriftList, thriftSet:
		head, ok := t.byte()
		n := uint64(head >> 4)
		if n == 15 && ok {
			n, ok = t.uvarint()
		}
		return ok && t.skipAll(n, depth, head&0x0F)
	case thriftMap:
		n, ok := t.uvarint()
		if !ok || n == 0 {
			return ok
		}
		kinds, ok := t.byte()
		return ok && t.skipAll(n, depth, kinds>>4, kinds&0x0F)
	case thriftStruct:
		return t.fields(func(_ int64, kind byte) bool { return t.skip(kind, depth+1) })
	}
	return false
}

// skipAll steps over n elements of the given kinds each.
func (t *thrift) skipAll(n uint64, depth int, kinds ...byte) bool {
	if n > uint64(t.elements) || n > uint64(len(t.b)-t.pos) {
		return false
	}
	t.elements -= int64(n)
	for range n {
		for _, kind := range kinds {
			if kind == thriftTrue || kind == thriftFalse { // in a list it is a byte
				kind = thriftI8
			}
			if !t.skip(kind, depth+1) {
				return false
			}
		}
	}
	return true
}

// pageHeader reads the header of a page: its sizes, and the number of values,
// which is the first field of the headers of each kind of page.
func (t *thrift) pageHeader() (h pageHeader, ok bool) {
	ok = t.fields(func(id int64, kind byte) bool {
		var ok bool
		switch {
		case id == 2 && kind == thriftI32:
			h.plain, ok = t.varint()
			return ok
		case id == 3 && kind == thriftI32:
			h.compressed, ok = t.varint()
			return ok
		case (id == 5 || id == 7 || id == 8) && kind == thriftStruct:
			return t.fields(func(id int64, kind byte) bool {
				if id == 1 && kind == thriftI32 {
					v, ok := t.varint()
					h.values = max(h.values, v)
					return ok
				}
				return t.skip(kind, 2)
			})
		}
		return t.skip(kind, 1)
	})
	return h, ok
}
