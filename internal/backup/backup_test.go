package backup

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// made is a backup of a folder with these files.
func made(t testing.TB, files map[string]string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	m := &Manifest{Version: "test", Created: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Store: "sqlite", Schema: 3}
	if err := Write(&out, dir, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(dir string) map[string]string {
	out := map[string]string{}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := os.ReadFile(path)
			rel, _ := filepath.Rel(dir, path)
			out[filepath.ToSlash(rel)] = string(b)
		}
		return err
	})
	return out
}

func someFiles() map[string]string {
	return map[string]string{"vedette.db": strings.Repeat("page", 10_000), "tls/ca.crt": "ca", "feeds/deep/er/x": "", "seal.key": "00"}
}

func TestRoundTrip(t *testing.T) {
	b := made(t, someFiles())
	dir := t.TempDir()
	m, err := Extract(bytes.NewReader(b), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(someFiles(), read(dir)); d != "" {
		t.Error(d)
	}
	if !m.Has("tls/ca.crt") || m.Has("nosuch") || m.Bytes() != 40_004 || m.Schema != 3 || !bytes.Equal(b, made(t, someFiles())) {
		t.Errorf("%+v", m)
	}
	stop := errors.New("stop")
	if _, err := Extract(bytes.NewReader(b), t.TempDir(), func(*Manifest) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// TestDamaged: whichever byte of a backup is another one, or missing, it is
// found out.
func TestDamaged(t *testing.T) {
	files := someFiles()
	files["vedette.db"] = "a small store, so that all of its bytes can be tried"
	b := made(t, files)
	for at := range b {
		bad := bytes.Clone(b)
		bad[at] ^= 0x40
		if _, err := Read(bytes.NewReader(bad), nil, nil); err == nil {
			dir := t.TempDir() // what nothing depends on, such as a flag of the format, may differ
			if _, err := Extract(bytes.NewReader(bad), dir, nil); err != nil || cmp.Diff(files, read(dir)) != "" {
				t.Errorf("byte %d: another content was not found out", at)
			}
		}
		if _, err := Read(bytes.NewReader(b[:at]), nil, nil); err == nil {
			t.Errorf("cut at %d of %d: not found out", at, len(b))
		}
	}
	if _, err := Read(io.MultiReader(bytes.NewReader(b), strings.NewReader("more")), nil, nil); err == nil {
		t.Error("more behind it was not found out")
	}
}

// TestHostile: a backup that somebody else made writes nowhere but into its folder.
func TestHostile(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for name, want := range map[string]string{
		"../x": "no name inside", "/etc/x": "no name inside", "a/../../x": "no name inside", "a//b": "no name inside", ".": "no name inside", "": "no name inside",
		`a\b`: "no name inside", "manifest.json": "wrong entry",
	} {
		p := Part{name, 0, sum}
		if err := p.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for want, m := range map[string]Manifest{
		"twice":               {Format: 1, Parts: []Part{{"a", 0, sum}, {"a", 0, sum}}},
		"wrong entry":         {Format: 1, Parts: []Part{{"a", 0, "zz"}}},
		"use a newer program": {Format: 2},
		"has no format":       {},
		"names 10001 files":   {Format: 1, Parts: make([]Part, 10_001)},
	} {
		if err := m.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, other := range []string{"", "a text", string(zip(t, "no tar")), string(zip(t, strings.Repeat("\x00", 1024)))} {
		if _, err := Read(strings.NewReader(other), nil, nil); err == nil {
			t.Errorf("%.20q is a backup", other)
		}
	}
}

func zip(t testing.TB, s string) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(s), nil)
}

// FuzzRead: any bytes, as they are and as what is compressed, are read without
// a panic, and write nothing outside of their folder.
func FuzzRead(f *testing.F) {
	b := made(f, map[string]string{"vedette.db": "x", "tls/ca.crt": "ca"})
	r, err := zstd.NewReader(nil)
	if err != nil {
		f.Fatal(err)
	}
	defer r.Close()
	plain, err := r.DecodeAll(b, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, false)
	f.Add(plain, true)
	f.Add(bytes.ReplaceAll(plain, []byte("tls/ca.crt"), []byte("../ca.crt1")), true)
	f.Fuzz(func(t *testing.T, in []byte, compress bool) {
		if compress {
			in = zip(t, string(in))
		}
		top := t.TempDir()
		dir := filepath.Join(top, "in")
		_, err := Extract(io.LimitReader(bytes.NewReader(in), 1<<20), dir, func(m *Manifest) error {
			if m.Bytes() > 1<<20 {
				return errors.New("too much for a test")
			}
			return nil
		})
		list, _ := os.ReadDir(top)
		if len(list) > 1 || len(list) == 1 && list[0].Name() != "in" {
			t.Errorf("%v wrote %v", err, list)
		}
	})
}
