package journal

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/klauspost/compress/s2"
)

// Size is at least what the entries amount to before compression.
func Size(entries []Entry) int {
	n := binary.MaxVarintLen64
	for i := range entries {
		e := &entries[i]
		c := &e.Chunk
		n += 1 + 14*binary.MaxVarintLen64 + len(c.Stream) + len(c.Scope.Account) + len(c.Scope.Region) + len(c.Scope.Cluster) + len(c.Source) + len(c.Format) +
			len(e.CursorName) + len(e.CursorData) + len(c.Data) + 2*binary.MaxVarintLen64*len(c.Records)
	}
	return n
}

// Encode appends a message with the entries to dst, which should be used again:
// its spare capacity is the working space. The caller keeps [Size] within
// [MaxRaw].
func Encode(dst []byte, entries []Entry) []byte {
	start := len(dst)
	raw := Size(entries)
	block := max(s2.MaxEncodedLen(raw), 0)
	dst = slices.Grow(dst, headerSize+block+raw)
	dst = append(dst, magic...)
	dst = append(dst, version1, 0, 0, 0, 0)
	// The body is built behind the place where its compressed form will be.
	from := len(dst)
	body := appendBody(dst[from+block:from+block:cap(dst)], entries)
	dst = dst[:from+len(s2.Encode(dst[from:from+block], body))]
	sum := crc32.Checksum(dst[from:], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(dst[start+len(magic)+1:], sum)
	return dst
}

func appendBody(b []byte, entries []Entry) []byte {
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for i := range entries {
		b = appendEntry(b, &entries[i])
	}
	return b
}

func appendEntry(b []byte, e *Entry) []byte {
	c := &e.Chunk
	var flags byte
	if c.OneAccount {
		flags |= flagOneAccount
	}
	if c.Cut {
		flags |= flagCut
	}
	if !c.Received.IsZero() {
		flags |= flagReceived
	}
	if c.Records != nil {
		flags |= flagRecords
	}
	if c.Source != "" || c.Format != "" {
		flags |= flagKind
	}
	if c.Home {
		flags |= flagHome
	}
	if c.Learn {
		flags |= flagLearn
	}
	b = append(b, flags)
	b = appendBytes(b, c.Stream)
	b = appendBytes(b, c.Scope.Account)
	b = appendBytes(b, c.Scope.Region)
	b = appendBytes(b, c.Scope.Cluster)
	if flags&flagKind != 0 {
		b = appendBytes(b, string(c.Source))
		b = appendBytes(b, c.Format)
	}
	if flags&flagReceived != 0 {
		b = binary.AppendVarint(b, c.Received.UnixNano())
	}
	b = binary.AppendVarint(b, c.FirstLine)
	b = binary.AppendVarint(b, c.Skipped)
	b = binary.AppendVarint(b, e.Records)
	b = appendBytes(b, e.CursorName)
	b = appendBytes(b, e.CursorData)
	if flags&flagRecords != 0 {
		b = binary.AppendUvarint(b, uint64(len(c.Records)))
		end := 0
		for _, s := range c.Records {
			b = binary.AppendVarint(b, int64(s.Start-end))
			b = binary.AppendVarint(b, int64(s.End-s.Start))
			end = s.End
		}
	}
	return appendBytes(b, c.Data)
}

func appendBytes[T string | []byte](b []byte, v T) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}
