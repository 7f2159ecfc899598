package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recordings are records that the programs wrote for the tests of this package
// on Linux 6.18.
func recordings(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/records/*.bin")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d recordings: %v", len(paths), err)
	}
	out := map[string][]byte{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(path), ".bin")] = b
	}
	return out
}

// TestDecodeRecordings: what a kernel wrote can be read wherever the tests run.
func TestDecodeRecordings(t *testing.T) {
	for name, b := range recordings(t) {
		var r Record
		if err := r.decode(b); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Kind.String() != name || r.Actor.PID == 0 || r.Actor.Start <= 0 || r.Time < r.Actor.Start || r.Actor.Comm == "" {
			t.Errorf("%s: %v by %+v", name, r.Kind, r.Actor)
		}
	}
}

func TestDecodeExecRecording(t *testing.T) {
	var r Record
	if err := r.decode(recordings(t)["exec"]); err != nil {
		t.Fatal(err)
	}
	e := r.Exec
	if e.Filename != "/bin/true" || e.Path.Name != "/usr/bin/true" || len(e.Args) != 3 || e.Args[2] != "" || !e.Streams[0].IsNull() {
		t.Errorf("%+v", e)
	}
}

// TestDecodeCut: a record that ends early is refused, wherever it does.
func TestDecodeCut(t *testing.T) {
	for name, whole := range recordings(t) {
		for n := range whole {
			b := bytes.Clone(whole[:n])
			if n >= 4 {
				binary.LittleEndian.PutUint32(b, uint32(n))
			}
			var r Record
			if err := r.decode(b); !errors.Is(err, ErrRecord) && n < callSize {
				t.Fatalf("%s of %d bytes: %v", name, n, err)
			}
		}
	}
}

func TestReversed(t *testing.T) {
	for _, c := range []struct {
		text  string
		flags uint8
		want  Path
	}{
		{"", 0, Path{Name: "/"}},
		{"c\x00b\x00a\x00", 0, Path{Name: "/a/b/c"}},
		{"c\x00b\x00", pathCut, Path{Name: "/b/c", Cut: true}},
		{"", pathCut, Path{Cut: true}},
		{"memfd:x\x00", pathDetached, Path{Name: "memfd:x", Detached: true}},
		{"a\x00", pathOutside, Path{Name: "/a", Outside: true}},
		{"\n\x00\xff\x00", 0, Path{Name: "/\xff/\n"}},
	} {
		cur := cursor{text: c.text}
		if p, err := cur.path(uint16(len(c.text)), c.flags); err != nil || p != c.want {
			t.Errorf("%q: %+v, %v; want %+v", c.text, p, err, c.want)
		}
	}
}

// FuzzDecode: no bytes make the decoder panic, and what it takes has bounds.
func FuzzDecode(f *testing.F) {
	for _, b := range recordings(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 4 {
			binary.LittleEndian.PutUint32(b, uint32(len(b))) // else nearly all ends there
		}
		var r Record
		if err := r.decode(b); err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if r.Exec != nil && len(r.Exec.Args)+len(r.Exec.Env) > len(b) {
			t.Fatalf("%d arguments from %d bytes", len(r.Exec.Args), len(b))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	all := recordings(b)
	for _, name := range []string{"exec", "fork", "exit", "open"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var r Record
			for b.Loop() {
				if err := r.decode(all[name]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
