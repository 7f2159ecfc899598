package access

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestSealRoundTrip(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenSealer(dir)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := NewKey(RoleReadOnly)
	box := s.Seal(k)
	if bytes.Contains(box, []byte(k.Secret)) {
		t.Error("the secret shows in what was sealed")
	}
	if bytes.Equal(box, s.Seal(k)) {
		t.Error("sealing twice gave the same bytes: the nonce is not fresh")
	}
	again, err := OpenSealer(dir) // a second process
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(k.ID, k.Role, box); err != nil || got != k {
		t.Errorf("Open = %v, %v", got, err)
	}

	other, err := OpenSealer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(box)
	flipped[len(flipped)-1] ^= 1
	for _, tc := range []struct {
		name string
		open func() (Key, error)
	}{
		{"another sealing key", func() (Key, error) { return other.Open(k.ID, k.Role, box) }},
		{"another id", func() (Key, error) { return s.Open("VDTAZZZZZZZZZZZZZZZZ", k.Role, box) }},
		{"a better role", func() (Key, error) { return s.Open(k.ID, RoleAdmin, box) }},
		{"a flipped bit", func() (Key, error) { return s.Open(k.ID, k.Role, flipped) }},
		{"another form", func() (Key, error) { return s.Open(k.ID, k.Role, append([]byte{9}, box[1:]...)) }},
		{"nothing", func() (Key, error) { return s.Open(k.ID, k.Role, nil) }},
		{"half", func() (Key, error) { return s.Open(k.ID, k.Role, box[:20]) }},
	} {
		if got, err := tc.open(); err == nil || got != (Key{}) {
			t.Errorf("%s: opened to %v", tc.name, got)
		}
	}
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, KeyFileName)
	if _, err := OpenSealer(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the key file is %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files were left, want the key alone", len(entries))
	}

	if runtime.GOOS != "windows" {
		for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenSealer(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
				t.Errorf("mode %o: error %v does not say what to do", mode, err)
			}
		}
	}
	for name, text := range map[string]string{"short": "abcd\n", "empty": "", "not hex": strings.Repeat("z", 64)} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, KeyFileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenSealer(dir); err == nil {
			t.Errorf("a key file that is %s was accepted", name)
		}
	}
	if _, err := OpenSealer(filepath.Join(dir, "missing")); err == nil {
		t.Error("a data directory that is not there was accepted")
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, KeyFileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSealer(dir); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a folder for a key file: %v", err)
	}
}

// Many processes may meet in a fresh data directory; all must end up with one key.
func TestKeyFileRace(t *testing.T) {
	dir := t.TempDir()
	k := Key{ID: "VDTAABCDEFGHIJKLMNOP", Secret: "s", Role: RoleAdmin}
	boxes := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range boxes {
		wg.Go(func() {
			s, err := OpenSealer(dir)
			if err != nil {
				t.Error(err)
				return
			}
			boxes[i] = s.Seal(k)
		})
	}
	wg.Wait()
	s, err := OpenSealer(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, box := range boxes {
		if _, err := s.Open(k.ID, k.Role, box); err != nil {
			t.Error(err)
		}
	}
}
