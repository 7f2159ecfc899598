package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Input is one opened source of bytes, decompressed.
type Input struct {
	io.Reader
	// Name is the path as the user gave it, "-" for standard input.
	Name string
	// Modified is the file's modification time; zero for standard input.
	Modified time.Time
	// Binary says that the content is neither text nor compressed text.
	Binary bool

	close []func() error
}

// Close releases the file and the decompressor.
func (in *Input) Close() error {
	var err error
	for i := len(in.close) - 1; i >= 0; i-- {
		if e := in.close[i](); e != nil && err == nil {
			err = e
		}
	}
	return err
}

// Open opens a file, or standard input for "-". Compression is told by
// content, not by name: gzip and zstd, one frame or many. A Parquet file is
// read as the text that it stands for.
func Open(path string, stdin io.Reader) (*Input, error) {
	in := &Input{Name: path}
	if path == "-" {
		if err := in.decompress(stdin); err != nil {
			in.Close()
			return nil, err
		}
		return in, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open input: %w", err)
	}
	in.close = append(in.close, f.Close)
	if st, err := f.Stat(); err == nil {
		in.Modified = st.ModTime().UTC()
	}
	if err := in.decompress(f); err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

const readBuffer = 256 << 10

// bufferFor is how much of an input is read at once: all of a small file. A
// folder of AWS's logs has thousands of them.
func bufferFor(r io.Reader) int {
	switch r := r.(type) {
	case *bufio.Reader: // it is one already
		return r.Size()
	case *os.File:
		if st, err := r.Stat(); err == nil && st.Mode().IsRegular() {
			return bufferOf(st.Size())
		}
	}
	return readBuffer
}

func bufferOf(size int64) int {
	return int(min(max(size+1, 4<<10), readBuffer)) // with the byte that shows the end
}

func (in *Input) decompress(r io.Reader) error {
	br := bufio.NewReaderSize(r, bufferFor(r))
	head, err := br.Peek(4)
	if err != nil && err != io.EOF {
		return fmt.Errorf("read %s: %w", in.Name, err)
	}
	if string(head) == parquetMagic {
		return in.parquet(r, br)
	}
	plain := io.Reader(br)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		zr, err := gzip.NewReader(br)
		if err != nil {
			return fmt.Errorf("read %s as gzip: %w", in.Name, err)
		}
		in.close = append(in.close, zr.Close)
		plain = zr
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		zr, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return fmt.Errorf("read %s as zstd: %w", in.Name, err)
		}
		in.close = append(in.close, func() error { zr.Close(); return nil })
		plain = zr
	}
	h := &headReader{rest: plain}
	h.head = make([]byte, 8<<10)
	n, err := io.ReadFull(plain, h.head)
	h.head = h.head[:n]
	if err != nil && err != io.ErrUnexpectedEOF { // ReadFull's word for "shorter than that"
		h.err = err
	}
	in.Binary = isBinary(h.head)
	in.Reader = h
	return nil
}

// parquet reads a Parquet file, whose end must be known first: of a file at its
// place, of other input, of which rest is all, as a copy on disk.
func (in *Input) parquet(r, rest io.Reader) error {
	f, isFile := r.(*os.File)
	if isFile {
		st, err := f.Stat()
		isFile = err == nil && st.Mode().IsRegular()
	}
	if !isFile {
		var err error
		if f, err = os.CreateTemp("", "vedette-*.parquet"); err != nil {
			return fmt.Errorf("read %s: %w", in.Name, err)
		}
		in.close = append(in.close, func() error { return errors.Join(f.Close(), os.Remove(f.Name())) })
		if _, err := io.Copy(f, rest); err != nil {
			return fmt.Errorf("read %s: %w", in.Name, err)
		}
	}
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", in.Name, err)
	}
	text, err := ParquetText(f, st.Size())
	if err != nil {
		return fmt.Errorf("read %s: %w", in.Name, err)
	}
	in.close = append(in.close, text.Close)
	in.Reader = text
	return nil
}

// Bounds of telling a damaged log from a file that is none: how many NULs in a
// row are a hole that a crash or a log rotation left, and one in how many bytes
// of the rest may be one.
const (
	hole    = 16
	rareNUL = 32
)

// isBinary reports whether the head of a file is no text: a log may have lost
// bytes, but text of two bytes a letter and programs are full of NULs.
func isBinary(head []byte) bool {
	nuls, rest := 0, len(head)
	for {
		i := bytes.IndexByte(head, 0)
		if i < 0 {
			return nuls*rareNUL > rest
		}
		after := bytes.TrimLeft(head[i:], "\x00")
		if run := len(head) - i - len(after); run >= hole {
			rest -= run
		} else {
			nuls += run
		}
		head = after
	}
}

// headReader gives the bytes that were looked at, then the rest, without
// another copy of it.
type headReader struct {
	head []byte
	err  error // what reading the head ended with
	rest io.Reader
}

func (h *headReader) Read(p []byte) (int, error) {
	if len(h.head) > 0 {
		n := copy(p, h.head)
		h.head = h.head[n:]
		return n, nil
	}
	if h.err != nil {
		return 0, h.err
	}
	return h.rest.Read(p)
}
