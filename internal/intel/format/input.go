package format

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

const bufSize = 64 << 10

// open unpacks and decodes: what comes out is UTF-8 without a mark at its
// start, without NUL bytes, and at most max bytes long.
func open(r io.Reader, max int64) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(&limited{r: r, left: max, max: max}, bufSize)
	head, err := in.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if name := packed(head); name != "" {
		return nil, fmt.Errorf("%w: it is packed with %s; only gzip and zip are unpacked", ErrContent, name)
	}
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("unpack the list: %w", err)
		}
		in = bufio.NewReaderSize(&limited{r: unpacked{z}, left: max, max: max}, bufSize)
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		z, err := unzip(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReaderSize(&limited{r: z, left: max, max: max}, bufSize)
	}
	text, err := decoded(in)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(&whole{r: text, line: 1}, bufSize), nil
}

func packed(head []byte) string {
	for magic, name := range map[string]string{"\xfd7zXZ": "xz", "BZh": "bzip2", "\x28\xb5\x2f\xfd": "zstd", "7z\xbc\xaf": "7z", "%PDF": "PDF"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return name
		}
	}
	return ""
}

// unpacked says what is wrong in words when gzip data ends too early.
type unpacked struct{ z *gzip.Reader }

func (u unpacked) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("unpack the list: it is cut short: %w", err)
	}
	return n, err
}

// limited ends a list that is larger than allowed, packed or unpacked.
type limited struct {
	r         io.Reader
	left, max int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1] // one more tells "just fits" from "too big"
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("%w: more than %d bytes, unpacked", ErrTooBig, l.max)
	}
	return n, err
}

// decoded turns UTF-16 with its mark into UTF-8, and takes away that of UTF-8.
func decoded(in *bufio.Reader) (io.Reader, error) {
	head, err := in.Peek(64)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\uFEFF")):
		_, err := in.Discard(3)
		return in, err
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		_, err := in.Discard(2)
		return &wide{in: in, order: binary.LittleEndian}, err
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		_, err := in.Discard(2)
		return &wide{in: in, order: binary.BigEndian}, err
	case len(head) >= 4 && (head[0] == 0 && head[2] == 0 || head[1] == 0 && head[3] == 0):
		return nil, fmt.Errorf("%w: it looks like UTF-16 without a byte order mark; save it as UTF-8", ErrContent)
	}
	return in, nil
}

// wide reads UTF-16.
type wide struct {
	in    *bufio.Reader
	order binary.ByteOrder
	out   []byte // decoded, not yet handed out
	err   error
}

func (w *wide) Read(p []byte) (int, error) {
	for len(w.out) == 0 && w.err == nil {
		w.fill()
	}
	n := copy(p, w.out)
	if w.out = w.out[n:]; n > 0 {
		return n, nil
	}
	return 0, w.err
}

func (w *wide) fill() {
	w.out = w.out[:0]
	for len(w.out) < 4<<10 && w.err == nil {
		r, err := w.unit()
		if err != nil {
			w.err = err
			return
		}
		if utf16.IsSurrogate(r) {
			low, err := w.unit()
			if w.err = err; err == io.EOF {
				w.err = io.ErrUnexpectedEOF
			}
			r = utf16.DecodeRune(r, low)
		}
		w.out = utf8.AppendRune(w.out, r)
	}
}

func (w *wide) unit() (rune, error) {
	var b [2]byte
	if _, err := io.ReadFull(w.in, b[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the UTF-16 text ends in the middle of a character")
		}
		return 0, err
	}
	return rune(w.order.Uint16(b[:])), nil
}

// whole refuses NUL bytes: no list has them, cut and binary files do.
type whole struct {
	r    io.Reader
	line int
	err  error
}

func (w *whole) Read(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.r.Read(p)
	if i := bytes.IndexByte(p[:n], 0); i >= 0 {
		w.err = &Fault{w.line + bytes.Count(p[:i], []byte("\n")), "a NUL byte: the file is damaged, or no text"}
		return i, nil // what stands before it is told first
	}
	w.line += bytes.Count(p[:n], []byte("\n"))
	return n, err
}
