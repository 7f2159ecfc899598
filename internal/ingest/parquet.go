package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/vedette-project/vedette/internal/event"
)

// parquetMagic begins and ends every Parquet file.
const parquetMagic = "PAR1"

// ParquetError says that a Parquet file cannot be read, or not to its end.
type ParquetError struct{ why error }

func (e *ParquetError) Error() string { return "a Parquet file that cannot be read: " + e.why.Error() }

// Unwrap gives the cause, and says what that is to whoever does not know
// Parquet: input that is damaged. The plain end of a column is no end of the file.
func (e *ParquetError) Unwrap() []error {
	if errors.Is(e.why, io.EOF) {
		return []error{io.ErrUnexpectedEOF}
	}
	return []error{e.why, io.ErrUnexpectedEOF}
}

// ParquetText reads a VPC flow log in Parquet as the same log in text: a header
// line, then a line a row. Only the columns of fields that are known are read,
// a page of each at a time. What is wrong with the file is a ParquetError,
// here or from Read.
func ParquetText(r io.ReaderAt, size int64) (_ io.ReadCloser, err error) {
	defer recovered(&err)
	footer, err := checkFooter(r, size)
	if err != nil {
		return nil, &ParquetError{err}
	}
	f, err := parquet.OpenFile(footer, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(64<<10))
	if err != nil {
		return nil, &ParquetError{err}
	}
	p := &parquetText{file: f, in: r}
	if err := p.choose(); err != nil {
		return nil, &ParquetError{err}
	}
	return p, nil
}

// recovered turns a panic of the library on hostile input into an error.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = &ParquetError{fmt.Errorf("its structure is broken: %v", v)}
	}
}

type parquetText struct {
	file    *parquet.File
	in      io.ReaderAt
	columns []parquetColumn // in the order of the fields
	group   int             // the row group that is read next
	rows    int64           // that are left of the current one
	text    bytes.Buffer    // lines not yet read
	err     error
}

// parquetColumn is the column of one field and the place in it.
type parquetColumn struct {
	index  int // among the leaves of the file
	time   bool
	pages  parquet.Pages
	page   parquet.Page
	reader parquet.ValueReader
	values []parquet.Value
	next   int // of values
}

// partitions are columns that a query service makes of an object's path, and
// the fields that they stand in for.
var partitions = map[string]string{"aws-region": "region", "aws-account-id": "account-id"}

// choose finds the columns of known fields and writes the header.
func (p *parquetText) choose() error {
	leaves := map[string]int{}
	var order []string
	for _, c := range p.file.Root().Columns() {
		name, known := event.FlowField(c.Name())
		if _, twice := leaves[name]; !c.Leaf() || c.Repeated() || twice || !known && partitions[name] == "" {
			continue
		}
		leaves[name] = c.Index()
		order = append(order, name)
	}
	for _, name := range order {
		column := parquetColumn{index: leaves[name], time: name == "start" || name == "end"}
		if field := partitions[name]; field != "" {
			if _, there := leaves[field]; there {
				continue
			}
			name = field
		}
		if len(p.columns) > 0 {
			p.text.WriteByte(' ')
		}
		p.text.WriteString(name)
		p.columns = append(p.columns, column)
	}
	if !event.IsFlowHeader(p.text.Bytes()) {
		return errors.New("it has no columns of a flow log")
	}
	p.text.WriteByte('\n')
	return nil
}

// parquetRows is how many rows become text at once.
const parquetRows = 512

func (p *parquetText) Read(b []byte) (int, error) {
	for p.text.Len() == 0 && p.err == nil {
		p.err = p.fill()
	}
	if p.text.Len() > 0 {
		return p.text.Read(b)
	}
	return 0, p.err
}

func (p *parquetText) Close() error {
	p.release()
	return nil
}

func (p *parquetText) release() {
	for i := range p.columns {
		c := &p.columns[i]
		if c.page != nil {
			parquet.Release(c.page)
		}
		if c.pages != nil {
			c.pages.Close()
		}
		c.pages, c.page, c.reader, c.values, c.next = nil, nil, nil, c.values[:0], 0
	}
}

// fill makes text of the next rows.
func (p *parquetText) fill() (err error) {
	defer recovered(&err)
	if p.rows == 0 {
		return p.nextGroup()
	}
	for range min(p.rows, parquetRows) {
		start := p.text.Len()
		for i := range p.columns {
			if i > 0 {
				p.text.WriteByte(' ')
			}
			v, err := p.columns[i].value()
			if err != nil {
				p.text.Truncate(start)
				return &ParquetError{err}
			}
			p.text.Write(p.columns[i].append(p.text.AvailableBuffer(), v))
		}
		p.text.WriteByte('\n')
		p.rows--
	}
	return nil
}

func (p *parquetText) nextGroup() error {
	p.release()
	groups := p.file.RowGroups()
	if p.group == len(groups) {
		return io.EOF
	}
	g := groups[p.group]
	meta := &p.file.Metadata().RowGroups[p.group]
	p.group++
	chunks := g.ColumnChunks()
	for i := range p.columns {
		c := &p.columns[i]
		if c.index < 0 || c.index >= len(chunks) || c.index >= len(meta.Columns) {
			return &ParquetError{errors.New("a column is missing")}
		}
		if err := checkPages(p.in, p.file.Size(), &meta.Columns[c.index].MetaData); err != nil {
			return &ParquetError{err}
		}
		c.pages = chunks[c.index].Pages()
	}
	p.rows = g.NumRows()
	return nil
}

// value returns the column's next value.
func (c *parquetColumn) value() (parquet.Value, error) {
	for c.next == len(c.values) {
		if c.reader == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				return parquet.Value{}, fmt.Errorf("a column ends early: %w", err)
			}
			if c.page != nil {
				parquet.Release(c.page)
			}
			c.page, c.reader = page, page.Values()
		}
		if c.values == nil {
			c.values = make([]parquet.Value, parquetRows)
		}
		n, err := c.reader.ReadValues(c.values[:cap(c.values)])
		c.values, c.next = c.values[:n], 0
		if errors.Is(err, io.EOF) {
			c.reader = nil
		} else if err != nil {
			return parquet.Value{}, err
		} else if n == 0 {
			return parquet.Value{}, io.ErrNoProgress
		}
	}
	c.next++
	return c.values[c.next-1], nil
}

// append writes a value as a field of a line.
func (c *parquetColumn) append(b []byte, v parquet.Value) []byte {
	if v.IsNull() {
		return append(b, '-')
	}
	switch v.Kind() {
	case parquet.Int32:
		return strconv.AppendInt(b, int64(v.Int32()), 10)
	case parquet.Int64:
		n := v.Int64()
		if c.time {
			n = inSeconds(n)
		}
		return strconv.AppendInt(b, n, 10)
	case parquet.Int96: // nanoseconds of the day, and a Julian day
		t := v.Int96()
		const epoch = 2440588
		return strconv.AppendInt(b, (int64(t[2])-epoch)*86400+int64(uint64(t[1])<<32|uint64(t[0]))/1e9, 10)
	case parquet.Float:
		return strconv.AppendInt(b, int64(v.Float()), 10)
	case parquet.Double:
		return strconv.AppendInt(b, int64(v.Double()), 10)
	case parquet.ByteArray, parquet.FixedLenByteArray:
		text := v.ByteArray()
		if len(text) == 0 {
			return append(b, '-')
		}
		for _, x := range text {
			if x <= ' ' { // would end the field, or the line
				x = '_'
			}
			b = append(b, x)
		}
		return b
	}
	return append(b, '-')
}

// inSeconds brings a time to seconds since 1970. Columns hold those, or
// timestamps of a finer unit, which are larger than any time in seconds.
func inSeconds(n int64) int64 {
	for n > 1e11 {
		n /= 1000
	}
	return n
}
