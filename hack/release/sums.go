package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"aead.dev/minisign"
)

const sumsFile = "SHA256SUMS"

// outputs collects the files of a release, in a folder that is new.
type outputs struct {
	dir  string
	sums map[string]string // by name
}

func newOutputs(dir string) (*outputs, error) {
	if dir == "" {
		return nil, errors.New("-out is missing: name a folder for what is made")
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("-out %s is not empty: a release is made into a new folder, so that nothing old is in it", dir)
	}
	return &outputs{dir: dir, sums: map[string]string{}}, os.MkdirAll(dir, 0o755)
}

func (o *outputs) path(name string) string { return filepath.Join(o.dir, name) }

// write writes a file of the release.
func (o *outputs) write(name string, data []byte) error {
	sum := sha256.Sum256(data)
	o.sums[name] = hex.EncodeToString(sum[:])
	return os.WriteFile(o.path(name), data, 0o644)
}

// note takes up a file that was written already.
func (o *outputs) note(name string) error {
	b, err := os.ReadFile(o.path(name))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	o.sums[name] = hex.EncodeToString(sum[:])
	return nil
}

// subjects are the files as provenance names them.
func (o *outputs) subjects() []resource {
	var out []resource
	for name, sum := range o.sums {
		out = append(out, resource{Name: name, Digest: map[string]string{"sha256": sum}})
	}
	slices.SortFunc(out, func(a, b resource) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// list is what `sha256sum --check` reads.
func (o *outputs) list() []byte {
	var b strings.Builder
	for _, s := range o.subjects() {
		fmt.Fprintf(&b, "%s  %s\n", s.Digest["sha256"], s.Name)
	}
	return []byte(b.String())
}

// sign writes the sums and their signature.
func (o *outputs) sign(key minisign.PrivateKey, version string) error {
	list := o.list()
	signature := minisign.SignWithComments(key, list, "vedette "+version+" "+sumsFile, "signature of Vedette "+version)
	return errors.Join(os.WriteFile(o.path(sumsFile), list, 0o644), os.WriteFile(o.path(sumsFile+".minisig"), append(signature, '\n'), 0o644))
}

// readKey reads a secret key of minisign, with a password or without.
func readKey(path, passwordFile string) (key minisign.PrivateKey, err error) {
	if path == "" {
		return key, errors.New("-key is missing: name the file with the secret key of minisign")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return key, err
	}
	if !minisign.IsEncrypted(text) {
		if passwordFile != "" {
			return key, fmt.Errorf("-password-file: the key in %s has no password", path)
		}
		if err := key.UnmarshalText(text); err != nil {
			return key, fmt.Errorf("-key %s is no secret key of minisign: %w", path, err)
		}
		return key, nil
	}
	if passwordFile == "" {
		return key, fmt.Errorf("the key in %s has a password: name the file that holds it with -password-file", path)
	}
	password, err := os.ReadFile(passwordFile)
	if err != nil {
		return key, err
	}
	if key, err = minisign.DecryptKey(strings.TrimRight(string(password), "\r\n"), text); err != nil {
		return key, fmt.Errorf("-key %s: %w", path, err)
	}
	return key, nil
}
