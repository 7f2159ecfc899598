package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// KeyFileName is the sealing key's file in the data directory.
const KeyFileName = "seal.key"

// sealVersion is the first byte of everything sealed: AES-256-GCM, 12-byte
// nonce, then ciphertext and tag. Another cipher gets another number.
const sealVersion = 1

// Sealer seals secrets at rest. It is safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
	key  []byte
}

// OpenSealer loads the sealing key of a data directory, and makes it when
// there is none. Two processes that do so at once end up with the same key.
// A key file that others may read is refused: it must be 0600.
func OpenSealer(dataDir string) (*Sealer, error) {
	path := filepath.Join(dataDir, KeyFileName)
	key, err := readKeyFile(path, ownerOnly)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createKeyFile(path); err == nil {
			key, err = readKeyFile(path, ownerOnly)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open sealing key: %w", err)
	}
	return newSealer(key)
}

// OpenSealerFile loads a sealing key that several processes share; it makes
// none. Its group may read it: so Kubernetes mounts a secret for a pod that does
// not run as root.
func OpenSealerFile(path string) (*Sealer, error) {
	key, err := readKeyFile(path, groupReads)
	if err != nil {
		return nil, fmt.Errorf("open sealing key: %w", err)
	}
	return newSealer(key)
}

func newSealer(key []byte) (*Sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("open sealing key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("open sealing key: %w", err)
	}
	return &Sealer{aead, key}, nil
}

// SecretOf derives a secret for somebody who has none of his own, such as a
// person who logged in: the same in every process that shares the sealing key.
// Nobody is told of it, and no signature is checked with it.
func (s *Sealer) SecretOf(id string) string {
	return hex.EncodeToString(mac(s.key, "vedette secret of\x00"+id))
}

// Seal encrypts the key's secret for storage. The result is bound to the id,
// the role and the account: a row of which one was edited does not open.
func (s *Sealer) Seal(k Key) []byte {
	out := make([]byte, 1+s.aead.NonceSize(), 1+s.aead.NonceSize()+len(k.Secret)+s.aead.Overhead())
	out[0] = sealVersion
	rand.Read(out[1:])
	return s.aead.Seal(out, out[1:], []byte(k.Secret), boundTo(k.ID, k.Role, k.Account))
}

// Open gives back the key that Seal was given, one of no account of its own.
// It fails when the sealing key, the id, the role or the bytes are not those of
// that moment.
func (s *Sealer) Open(id string, role Role, sealed []byte) (Key, error) {
	return s.OpenFor(id, role, "", sealed)
}

// OpenFor is Open for the key of an account.
func (s *Sealer) OpenFor(id string, role Role, account string, sealed []byte) (Key, error) {
	n := 1 + s.aead.NonceSize()
	if len(sealed) < n {
		return Key{}, fmt.Errorf("open sealed secret of %s: %d bytes are too few", id, len(sealed))
	}
	if sealed[0] != sealVersion {
		return Key{}, fmt.Errorf("open sealed secret of %s: unknown form %d", id, sealed[0])
	}
	secret, err := s.aead.Open(nil, sealed[1:n], sealed[n:], boundTo(id, role, account))
	if err != nil {
		return Key{}, fmt.Errorf("open sealed secret of %s: it was sealed with another %s, or changed: %w", id, KeyFileName, err)
	}
	return Key{ID: id, Secret: string(secret), Role: role, Account: account}, nil
}

func boundTo(id string, role Role, account string) []byte {
	b := []byte("vedette access key\x00" + id + "\x00" + string(role))
	if account != "" { // keys from before there were accounts stay good
		b = append(b, "\x00"+account...)
	}
	return b
}

// What a key file must not allow, as bits of its mode.
const (
	ownerOnly  fs.FileMode = 0o077
	groupReads fs.FileMode = 0o037
)

// readKeyFile reads 64 hex digits and refuses a file that others may touch.
func readKeyFile(path string, forbidden fs.FileMode) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	// Windows has no such bits; there the data directory's ACL is what protects it.
	if mode := info.Mode().Perm(); mode&forbidden != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s has mode %04o: others may read the secrets' key; run: chmod 600 %s", path, mode, path)
	}
	var text [64 + 2]byte
	n, err := f.Read(text[:])
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text[:n])))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s does not hold 64 hex digits; restore it from a backup: without it no stored secret opens", path)
	}
	return key, nil
}

// createKeyFile writes a fresh key so that path holds either nothing or a
// whole key, whatever dies when. Linking, unlike renaming, never replaces the
// key that another process has just made: losing that race is no error.
func createKeyFile(path string) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, "."+KeyFileName+"-*") // 0600 by contract
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	defer os.Remove(tmp.Name())
	var key [32]byte
	rand.Read(key[:])
	_, err = tmp.WriteString(hex.EncodeToString(key[:]) + "\n")
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Link(tmp.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	return syncDir(dir)
}

// syncDir makes the new name itself durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && runtime.GOOS != "windows" {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
