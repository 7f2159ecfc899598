package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/config"
)

// A server keeps the last content of each of the operator's files that was of
// use: a start must not depend on who is just writing, or has lost, a file.

const keptSuffix = ".list"

// keptDir is where the contents are.
func keptDir(c *config.Config) string { return filepath.Join(c.Store.DataDir, "lists") }

// keptName is the file in which a list's content is kept: of this name, use and
// path, so that another list is never taken for it.
func (f *operatorFile) keptName() string {
	sum := sha256.Sum256([]byte(string(f.holds) + "\x00" + f.Name + "\x00" + f.Path))
	return hex.EncodeToString(sum[:12]) + keptSuffix
}

// kept is the content that was kept, and when.
func (f *operatorFile) kept(c *config.Config) (content []byte, when time.Time, err error) {
	path := filepath.Join(keptDir(c), f.keptName())
	info, err := os.Stat(path)
	if err != nil {
		return nil, when, err
	}
	content, err = os.ReadFile(path)
	return content, info.ModTime(), err
}

// keepFiles keeps the content of the files that are of use, and removes what is
// kept of files that the configuration names no longer.
func keepFiles(c *config.Config, states []OperatorFile) error {
	var errs []error
	named := map[string]bool{}
	for _, f := range operatorFiles(c) {
		named[f.keptName()] = true
		for i := range states {
			if st := &states[i]; st.Name == f.Name && st.Path == f.Path && st.Holds == f.holds && st.content != nil {
				errs = append(errs, f.keep(c, st.content))
				st.content = nil
			}
		}
	}
	files, err := os.ReadDir(keptDir(c))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, e := range files {
		if strings.HasSuffix(e.Name(), keptSuffix) && !named[e.Name()] {
			errs = append(errs, os.Remove(filepath.Join(keptDir(c), e.Name())))
		}
	}
	return errors.Join(errs...)
}

// keep writes the content of the file, whole or not at all.
func (f *operatorFile) keep(c *config.Config, content []byte) error {
	if was, _, err := f.kept(c); err == nil && bytes.Equal(was, content) {
		return nil
	}
	dir := keptDir(c)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	t, err := os.CreateTemp(dir, ".kept-*")
	if err != nil {
		return err
	}
	_, err = t.Write(content)
	err = errors.Join(err, t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), filepath.Join(dir, f.keptName()))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep %s: %w", f.Path, err), os.Remove(t.Name()))
	}
	return nil
}
