package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Write writes all files of a folder as a backup, and completes the manifest
// with them. Nothing may change in the folder meanwhile.
func Write(w io.Writer, dir string, m *Manifest) error {
	m.Format = Format
	var err error
	if m.Parts, err = partsOf(dir); err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return fmt.Errorf("make the backup: %w", err)
	}
	zw, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	tw := tar.NewWriter(zw)
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := entry(tw, manifestName, int64(len(head)), m.Created, strings.NewReader(string(head))); err != nil {
		return err
	}
	for _, p := range m.Parts {
		if err := copyPart(tw, dir, p, m.Created); err != nil {
			return err
		}
	}
	return errors.Join(tw.Close(), zw.Close())
}

// partsOf are the files of a folder, in the order of their names.
func partsOf(dir string) (out []Part, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		n, err := io.Copy(h, f)
		out = append(out, Part{filepath.ToSlash(rel), n, hex.EncodeToString(h.Sum(nil))})
		return err
	})
	return out, err
}

func copyPart(tw *tar.Writer, dir string, p Part, at time.Time) error {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(p.Name)))
	if err != nil {
		return err
	}
	defer f.Close()
	return entry(tw, p.Name, p.Size, at, f)
}

func entry(tw *tar.Writer, name string, size int64, at time.Time, r io.Reader) error {
	err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: at.Truncate(time.Second), Format: tar.FormatPAX})
	if err != nil {
		return err
	}
	_, err = io.Copy(tw, r)
	return err
}
