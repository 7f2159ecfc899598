package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// Read reads a backup to its end and compares every part with the manifest.
// accept, if set, is asked with the manifest before anything else is read; take,
// if set, gets the bytes of each part, of which it is not sure yet that they are
// right: an error of Read says that they are not.
func Read(r io.Reader, accept func(*Manifest) error, take func(Part, io.Reader) error) (*Manifest, error) {
	zr, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		return nil, err
	}
	defer zr.Close()
	tr := tar.NewReader(zr)
	m, err := readManifest(tr)
	if err != nil {
		return nil, fmt.Errorf("this is no backup of Vedette: %w", err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("the backup cannot be used: %w", err)
	}
	if accept != nil {
		if err := accept(m); err != nil {
			return m, err
		}
	}
	for _, p := range m.Parts {
		if err := readPart(tr, p, take); err != nil {
			return m, fmt.Errorf("the backup is damaged: %s: %w", p.Name, err)
		}
	}
	if h, err := tr.Next(); err == nil {
		return m, fmt.Errorf("the backup is damaged: its manifest does not name %q", h.Name)
	} else if !errors.Is(err, io.EOF) {
		return m, fmt.Errorf("the backup is damaged: its end: %w", err)
	}
	if _, err := io.Copy(io.Discard, zr); err != nil { // the checksum of the compression is at the end
		return m, fmt.Errorf("the backup is damaged: its end: %w", err)
	}
	return m, nil
}

func readManifest(tr *tar.Reader) (*Manifest, error) {
	h, err := tr.Next()
	if err != nil {
		return nil, err
	}
	if h.Name != manifestName || h.Typeflag != tar.TypeReg || h.Size > maxManifest {
		return nil, fmt.Errorf("it begins with %q", h.Name)
	}
	b, err := io.ReadAll(tr)
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("its manifest: %w", err)
	}
	return m, nil
}

func readPart(tr *tar.Reader, p Part, take func(Part, io.Reader) error) error {
	h, err := tr.Next()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if h.Name != p.Name || h.Typeflag != tar.TypeReg || h.Size != p.Size {
		return fmt.Errorf("there is %q of %d bytes in its place", h.Name, h.Size)
	}
	sum := sha256.New()
	in := io.TeeReader(tr, sum)
	if take != nil {
		if err := take(p, in); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != p.SHA256 {
		return fmt.Errorf("its SHA-256 is %s, the manifest says %s", got, p.SHA256)
	}
	return nil
}

// Extract reads a backup into a folder. On an error what is in the folder is of
// no use.
func Extract(r io.Reader, dir string, accept func(*Manifest) error) (*Manifest, error) {
	return Read(r, accept, func(p Part, in io.Reader) error {
		path := filepath.Join(dir, filepath.FromSlash(p.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, in)
		return errors.Join(err, f.Sync(), f.Close())
	})
}
