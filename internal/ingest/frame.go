package ingest

import (
	"bytes"
	"errors"
	"io"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

// Bounds of framing. A record beyond MaxRecord is cut there: its head, which
// says who did what, is still judged; the rest is not kept in memory.
const (
	MaxRecord   = 16 << 20
	chunkTarget = 1 << 20
)

// Framer cuts a stream into chunks that start and end at record boundaries.
//
// Most logs have one record a line, and lines are cut without looking inside.
// A stream that starts otherwise (an array, a list over many lines, a single
// endless line) is framed by the structure of its JSON; a fault in that
// structure falls back to lines, so that one broken record costs only itself.
type Framer struct {
	r    io.Reader
	pool *Pool
	err  error // of r, once it ended

	buf  []byte // read and not yet handed out
	line int64  // number of the line at buf[0], while in lines
	mode mode
	// inObject: the list being read is a member of an object that ends after it.
	inObject bool
	// torn: the structure broke once; from then on only lines are trusted.
	torn bool
	// resumed is how often a list was gone on with behind a broken record.
	resumed int
	// format is the last header of flow log lines that was met; headers is how
	// often it changed.
	format  string
	headers int
}

type mode uint8

const (
	unknown mode = iota
	lines
	values // between top-level values
	list   // inside a list of records
)

// NewFramer frames r with buffers of the pool.
func NewFramer(r io.Reader, pool *Pool) *Framer {
	return &Framer{r: r, pool: pool, buf: pool.get(), line: 1}
}

// Close gives the buffer back, for who stops before the end.
func (f *Framer) Close() {
	f.pool.Put(f.buf)
	f.buf = nil
}

// Next fills c's Data, Records, FirstLine and Cut, and the Format where a
// header of flow log lines names one. It returns io.EOF after the last chunk.
// The chunk's Data goes back to the pool with Pool.Put.
func (f *Framer) Next(c *event.Chunk) error {
	c.Data, c.Records, c.FirstLine, c.Cut, c.Skipped = nil, nil, 0, false, 0
	for {
		var done bool
		switch f.mode {
		case unknown:
			f.fill(chunkTarget)
			if f.mode = detect(f.buf, f.err != nil); f.mode == values && bytes.HasPrefix(f.buf, []byte(mark)) {
				f.buf = f.buf[:copy(f.buf, f.buf[len(mark):])]
			}
			continue
		case lines:
			done = f.nextLines(c)
		default:
			done = f.nextValues(c)
		}
		if done {
			return nil
		}
		if len(f.buf) == 0 && f.err != nil {
			if errors.Is(f.err, io.EOF) {
				f.pool.Put(f.buf)
				f.buf = nil
				return io.EOF
			}
			return f.err
		}
	}
}

// mark is the byte order mark of UTF-8, which some tools begin a file with.
const mark = "\xEF\xBB\xBF"

// fill reads until buf holds n bytes or the stream ends.
func (f *Framer) fill(n int) {
	for len(f.buf) < n && f.err == nil {
		if cap(f.buf)-len(f.buf) < 4<<10 {
			f.buf = append(make([]byte, 0, max(2*cap(f.buf), n+n/8)), f.buf...)
		}
		room := f.buf[len(f.buf):min(cap(f.buf), n+readBuffer)]
		m, err := f.r.Read(room)
		f.buf = f.buf[:len(f.buf)+m]
		if err != nil {
			f.err = err
		}
	}
}

// detect decides how a stream is framed by its beginning.
func detect(head []byte, whole bool) mode {
	trimmed := bytes.TrimLeft(head, " \t\r\n\xEF\xBB\xBF")
	if len(trimmed) == 0 {
		return lines
	}
	if trimmed[0] == '[' {
		return values
	}
	if trimmed[0] != '{' {
		return lines
	}
	first, rest, found := bytes.Cut(trimmed, []byte("\n"))
	if _, err := (&jsonscan.Scanner{Data: first}).Skip(); err == nil {
		return lines
	}
	if !found { // one line, longer than what was read, or its end is missing
		if whole {
			return lines
		}
		return values
	}
	// A record over many lines continues with an indent or a member; a torn
	// line is followed by the next record.
	if rest = bytes.TrimLeft(rest, "\r\n"); len(rest) > 0 && bytes.IndexByte([]byte(" \t\"}"), rest[0]) >= 0 {
		return values
	}
	return lines
}

// nextLines hands out whole lines.
func (f *Framer) nextLines(c *event.Chunk) bool {
	f.fill(chunkTarget)
	end := bytes.LastIndexByte(f.buf, '\n') + 1
	for end == 0 && f.err == nil && len(f.buf) < MaxRecord {
		from := len(f.buf)
		f.fill(min(2*from, MaxRecord))
		if i := bytes.LastIndexByte(f.buf[from:], '\n'); i >= 0 {
			end = from + i + 1
		}
	}
	switch {
	case end > 0:
	case f.err != nil:
		end = len(f.buf)
	case !f.torn && (isList(f.buf) || isSeveral(f.buf)):
		f.mode = values
		return false
	default:
		if f.format != "" {
			c.Format = f.format
		}
		f.take(c, len(f.buf))
		c.Cut, c.FirstLine = true, f.line
		c.Skipped = f.discardLine()
		return true
	}
	if end == 0 {
		return false
	}
	f.take(c, f.oneFormat(c, end))
	if !f.torn { // otherwise nobody counted the lines before
		c.FirstLine = f.line
		f.line += int64(bytes.Count(c.Data, []byte{'\n'}))
	}
	return true
}

// isList reports whether an overlong line is a list of records rather than one.
func isList(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 || b[0] == '[' {
		return len(b) > 0
	}
	head := b[:min(len(b), 4<<10)]
	for _, key := range []string{"items", "events", "Records", "Events", "records", "receivedMessages"} {
		if bytes.Contains(head, []byte(`"`+key+`"`)) {
			return true
		}
	}
	return false
}

// isSeveral reports whether an overlong line is many values without a break, as
// Firehose writes them.
func isSeveral(b []byte) bool {
	s := jsonscan.Scanner{Data: b}
	_, err := s.Skip()
	c := s.Space()
	return err == nil && (c == '{' || c == ',')
}

// take moves the first n bytes of buf into the chunk and keeps the rest. A
// large buffer stays here: chunks that wait to be decoded must not hold one each.
func (f *Framer) take(c *event.Chunk, n int) {
	if n <= bufferCap && cap(f.buf) > 2*bufferCap {
		c.Data = append(f.pool.get(), f.buf[:n]...)
		if rest := f.buf[n:]; len(rest) > bufferCap {
			f.buf = f.buf[:copy(f.buf, rest)]
		} else { // it has shrunk again
			f.buf = append(f.pool.get(), rest...)
		}
		return
	}
	next := append(f.pool.get(), f.buf[n:]...)
	c.Data, f.buf = f.buf[:n], next
}

// discardLine drops the rest of a line whose head was handed out, and returns
// its length.
func (f *Framer) discardLine() (n int64) {
	for {
		f.fill(chunkTarget)
		if i := bytes.IndexByte(f.buf, '\n'); i >= 0 {
			f.buf = append(f.buf[:0], f.buf[i+1:]...)
			f.line++
			return n + int64(i) + 1
		}
		n += int64(len(f.buf))
		f.buf = f.buf[:0]
		if f.err != nil {
			return n
		}
	}
}
