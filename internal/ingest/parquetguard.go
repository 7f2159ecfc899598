package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// The library that reads Parquet believes the sizes that a file claims, and a
// few bytes can claim more memory than there is. So what it will allocate is
// looked at before: the lists of the footer, and the header of every page.
const (
	maxFooter  = 16 << 20
	maxPage    = 64 << 20
	maxValues  = 8 << 20 // of a page
	maxElement = 1 << 20 // list elements in a footer
)

// checkFooter reads the footer and returns a reader of the file that has it in
// memory.
func checkFooter(r io.ReaderAt, size int64) (io.ReaderAt, error) {
	const tail = 8 // the footer's length and the magic
	if size < int64(len(parquetMagic))+tail {
		return nil, errors.New("it is too short")
	}
	var end [tail]byte
	if _, err := r.ReadAt(end[:], size-tail); err != nil && err != io.EOF {
		return nil, err
	}
	if string(end[4:]) != parquetMagic {
		return nil, errors.New("its end is missing")
	}
	n := int64(binary.LittleEndian.Uint32(end[:4]))
	if n > maxFooter || n > size-tail-int64(len(parquetMagic)) {
		return nil, fmt.Errorf("its footer claims %d bytes", n)
	}
	footer := make([]byte, n+tail)
	start := size - tail - n
	if m, err := r.ReadAt(footer, start); m < len(footer) {
		return nil, err
	}
	t := thrift{b: footer[:n], elements: maxElement}
	if !t.skip(thriftStruct, 0) {
		return nil, errors.New("its footer is broken")
	}
	return &tailReader{r, footer, start}, nil
}

// tailReader is a file whose end is in memory.
type tailReader struct {
	io.ReaderAt
	tail  []byte
	start int64
}

func (t *tailReader) ReadAt(b []byte, at int64) (int, error) {
	if at < t.start {
		return t.ReaderAt.ReadAt(b, at)
	}
	n := copy(b, t.tail[min(at-t.start, int64(len(t.tail))):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// checkPages looks at the headers of a column's pages.
func checkPages(r io.ReaderAt, size int64, m *format.ColumnMetaData) error {
	pos := m.DataPageOffset
	if m.DictionaryPageOffset != 0 { // where the library then begins
		pos = m.DictionaryPageOffset
	}
	if pos < 0 || m.TotalCompressedSize < 0 || m.TotalCompressedSize > size-pos {
		return errors.New("a column lies outside of the file")
	}
	end := pos + m.TotalCompressedSize
	values := int64(0)
	for pos < end {
		h, n, err := readPageHeader(r, pos, end)
		if err != nil {
			return err
		}
		if h.compressed < 0 || h.plain < 0 || h.values < 0 || h.compressed > maxPage || h.plain > maxPage || h.values > maxValues {
			return fmt.Errorf("a page claims %d bytes and %d values", max(h.compressed, h.plain), h.values)
		}
		values += h.values
		pos += n + h.compressed
	}
	if pos != end {
		return errors.New("a page is longer than its column")
	}
	return nil
}

// pageHeader is what a page claims.
type pageHeader struct{ plain, compressed, values int64 }

// readPageHeader reads the header at pos and returns its length. Most are a
// few dozen bytes; statistics of long strings make them longer.
func readPageHeader(r io.ReaderAt, pos, end int64) (h pageHeader, n int64, err error) {
	for size := int64(256); ; size *= 16 {
		b := make([]byte, min(size, end-pos))
		if m, err := r.ReadAt(b, pos); m < len(b) {
			return h, 0, fmt.Errorf("a page header is missing: %w", err)
		}
		t := thrift{b: b, elements: maxElement}
		if h, ok := t.pageHeader(); ok {
			return h, int64(t.pos), nil
		}
		if size >= maxFooter || int64(len(b)) == end-pos {
			return h, 0, errors.New("a page header is broken")
		}
	}
}
