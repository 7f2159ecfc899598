package backup

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Format is the form of the file that this program writes; it reads no newer.
const Format = 1

// Manifest says what a backup holds.
type Manifest struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of the program that wrote it
	Created time.Time `json:"created"`
	// Store is "sqlite", which is inside, or "postgresql", which is not; Schema
	// is the schema version of the one inside.
	Store  string `json:"store"`
	Schema int    `json:"schema,omitempty"`
	// Secrets says that the sealing key and the server's own authority are inside.
	Secrets bool   `json:"secrets"`
	Parts   []Part `json:"parts"`
}

// Part is a file in a backup.
type Part struct {
	Name   string `json:"name"` // relative, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// manifestName is the first entry's; maxManifest and maxParts bound what is
// read of a damaged file.
const (
	manifestName = "manifest.json"
	maxManifest  = 4 << 20
	maxParts     = 10_000
)

// Bytes is the size of all parts.
func (m *Manifest) Bytes() (n int64) {
	for _, p := range m.Parts {
		n += p.Size
	}
	return n
}

// Has reports whether a part is in the backup.
func (m *Manifest) Has(name string) bool {
	for _, p := range m.Parts {
		if p.Name == name {
			return true
		}
	}
	return false
}

// check refuses a manifest that cannot be one of ours.
func (m *Manifest) check() error {
	switch {
	case m.Format > Format:
		return fmt.Errorf("its format is %d, this program knows up to %d: use a newer program", m.Format, Format)
	case m.Format < 1:
		return errors.New("its manifest has no format")
	case len(m.Parts) > maxParts:
		return fmt.Errorf("its manifest names %d files", len(m.Parts))
	}
	seen := map[string]bool{}
	for _, p := range m.Parts {
		if err := p.check(); err != nil {
			return err
		}
		if seen[p.Name] {
			return fmt.Errorf("its manifest names %q twice", p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

func (p *Part) check() error {
	sum, err := hex.DecodeString(p.SHA256)
	local := filepath.IsLocal(p.Name) && p.Name == filepath.ToSlash(filepath.Clean(p.Name))
	switch {
	case !local || p.Name == "." || strings.ContainsAny(p.Name, "\\\x00\n") || len(p.Name) > 255:
		return fmt.Errorf("its manifest names a file %q, which is no name inside a folder", p.Name)
	case p.Name == manifestName || p.Size < 0 || err != nil || len(sum) != 32:
		return fmt.Errorf("its manifest has a wrong entry for %q", p.Name)
	}
	return nil
}
