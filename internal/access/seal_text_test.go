package access

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestSealText(t *testing.T) {
	s, err := OpenSealer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other, err := OpenSealer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("a private key")
	sealed := s.SealText("authority", text)
	if bytes.Contains(sealed, text) {
		t.Fatal("it is not sealed")
	}
	if got, err := s.OpenText("authority", sealed); err != nil || !bytes.Equal(got, text) {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := s.OpenText("something else", sealed); !errors.Is(err, ErrOtherKey) {
		t.Errorf("for another purpose: %v", err)
	}
	if _, err := other.OpenText("authority", sealed); !errors.Is(err, ErrOtherKey) {
		t.Errorf("by another key: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := s.OpenText("authority", bad); err == nil {
			t.Fatalf("byte %d was changed, and it opens", i)
		}
	}
	for n := range 1 + s.aead.NonceSize() {
		if _, err := s.OpenText("authority", sealed[:n]); err == nil {
			t.Errorf("%d bytes open", n)
		}
	}
	// An access key's secret is no text, whatever its id.
	if _, err := s.OpenText("authority", s.Seal(Key{ID: "authority", Secret: "x"})); err == nil {
		t.Error("a sealed access key opens as a text")
	}
}

// TestSharedKeyMode: a secret that Kubernetes mounts is its group's to read;
// the file in the data directory is its owner's alone.
func TestSharedKeyMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such bits")
	}
	dir := t.TempDir()
	if _, err := OpenSealer(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, KeyFileName)
	for mode, good := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o440: true, 0o640: true, 0o660: false, 0o444: false, 0o644: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenSealerFile(path); (err == nil) != good {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}
