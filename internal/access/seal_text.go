package access

import (
	"crypto/rand"
	"errors"
	"fmt"
)

// ErrOtherKey says that something was sealed with another sealing key, or was
// changed since.
var ErrOtherKey = errors.New("it was sealed with another " + KeyFileName + ", or changed")

// SealText encrypts a secret that is no access key, such as the key of the
// server's own authority. The result is bound to its purpose: a text that was
// sealed for another one does not open.
func (s *Sealer) SealText(purpose string, text []byte) []byte {
	out := make([]byte, 1+s.aead.NonceSize(), 1+s.aead.NonceSize()+len(text)+s.aead.Overhead())
	out[0] = sealVersion
	rand.Read(out[1:])
	return s.aead.Seal(out, out[1:], text, textFor(purpose))
}

// OpenText gives back what SealText was given for the same purpose.
func (s *Sealer) OpenText(purpose string, sealed []byte) ([]byte, error) {
	n := 1 + s.aead.NonceSize()
	if len(sealed) < n {
		return nil, fmt.Errorf("open the sealed %s: %d bytes are too few", purpose, len(sealed))
	}
	if sealed[0] != sealVersion {
		return nil, fmt.Errorf("open the sealed %s: unknown form %d", purpose, sealed[0])
	}
	text, err := s.aead.Open(nil, sealed[1:n], sealed[n:], textFor(purpose))
	if err != nil {
		return nil, fmt.Errorf("open the sealed %s: %w", purpose, ErrOtherKey)
	}
	return text, nil
}

// textFor never equals what binds an access key.
func textFor(purpose string) []byte { return []byte("vedette text\x00" + purpose) }
