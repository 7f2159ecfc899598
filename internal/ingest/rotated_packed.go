package ingest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// errUnfinished says that a rotated log is just being compressed.
var errUnfinished = errors.New("it is being compressed; it is read when that is done")

// unfinishedFor is how old a compressed log must be for its missing end to be
// damage. Nobody compresses for so long without writing.
const unfinishedFor = time.Minute

// openRotated opens a log as the text that it holds: one that was compressed
// when it was rotated as a copy, which is gone when it is closed.
func (f *follower) openRotated(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 4)
	n, _ := file.ReadAt(head, 0) // a shorter file is not compressed
	switch head = head[:n]; {
	case isGzip(head):
		return f.unpack(file, func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) })
	case string(head) == "\x28\xb5\x2f\xfd":
		return f.unpack(file, func(r io.Reader) (io.ReadCloser, error) {
			zr, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
			if err != nil {
				return nil, err
			}
			return zr.IOReadCloser(), nil
		})
	}
	if ext := filepath.Ext(path); ext == ".gz" || ext == ".zst" { // its beginning is not there yet
		return f.unpack(file, func(io.Reader) (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF })
	}
	return file, nil
}

// unpack copies the text of a compressed log to a file without a name, of the
// same age. Of a log with a damaged end it is what comes before.
func (f *follower) unpack(packed *os.File, open func(io.Reader) (io.ReadCloser, error)) (_ *os.File, err error) {
	defer packed.Close()
	st, err := packed.Stat()
	if err != nil {
		return nil, err
	}
	text, err := os.CreateTemp(f.Temp, ".vedette-rotated-*")
	if err != nil {
		return nil, fmt.Errorf("make room for a compressed log: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, text.Close())
		}
	}()
	if err := os.Remove(text.Name()); err != nil { // it stays for who has it open
		return nil, err
	}
	var plain io.ReadCloser
	if plain, err = open(packed); err == nil {
		_, err = io.Copy(text, plain)
		plain.Close()
	}
	switch {
	case err == nil:
	case f.Now().Sub(st.ModTime()) < unfinishedFor:
		return nil, fmt.Errorf("%s: %w (%w)", packed.Name(), errUnfinished, err)
	default:
		f.Log.Error("the end of a compressed log is damaged; what comes before is read", "file", packed.Name(), "err", err)
	}
	return text, nil
}
