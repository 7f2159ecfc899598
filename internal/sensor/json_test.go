package sensor

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vedette-project/vedette/internal/event"
)

// fill sets a value to something made up; deep says whether pointers are set.
func fill(r *rand.Rand, v reflect.Value, depth int) {
	switch v.Interface().(type) {
	case time.Time:
		if r.IntN(4) > 0 {
			v.Set(reflect.ValueOf(time.Unix(r.Int64N(1<<32), r.Int64N(1e9)).UTC()))
		}
		return
	case netip.AddrPort:
		switch r.IntN(4) {
		case 0:
			v.Set(reflect.ValueOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.Uint32())}), uint16(r.Uint32()))))
		case 1:
			v.Set(reflect.ValueOf(netip.MustParseAddrPort("[2001:db8::1]:53")))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i), depth+1)
		}
	case reflect.Pointer:
		if depth < 4 && r.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem(), depth+1)
		}
	case reflect.Slice:
		for range r.IntN(3) {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(r, e, depth+1)
			v.Set(reflect.Append(v, e))
		}
	case reflect.Map:
		if r.IntN(2) == 0 {
			v.Set(reflect.ValueOf(map[string]int64{"a": r.Int64(), "b\n\"": -1}))
		}
	case reflect.String:
		v.SetString([]string{"", "plain", "new\nline\x1b[31m", `quo"te\`, "é\u2028\uef80", "\x00\x7f\u0085"}[r.IntN(6)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Float64:
		v.SetFloat(float64(r.IntN(1e6)) / 8)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(r.IntN(3)) * 12345)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(r.IntN(3)) * 50)
	default:
		panic(v.Kind())
	}
}

// bodies are the fields of a record that hold a body of the sensor.
func bodies(t *testing.T) []int {
	var out []int
	typ := reflect.TypeFor[event.Runtime]()
	for i := range typ.NumField() {
		switch f := typ.Field(i); f.Name {
		case "Process", "Container", "Pod", "Alert":
		default:
			if f.Type.Kind() == reflect.Pointer {
				out = append(out, i)
			}
		}
	}
	if len(out) < 14 {
		t.Fatalf("%d bodies", len(out))
	}
	return out
}

// TestEncodingMeansTheSame: for each body and many values, what is written
// reads as what was meant.
func TestEncodingMeansTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, body := range bodies(t) {
		for range 100 {
			var in event.Runtime
			v := reflect.ValueOf(&in).Elem()
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.Type.Kind() != reflect.Pointer || f.Name == "Process" || f.Name == "Container" || f.Name == "Pod" {
					fill(r, v.Field(i), 0)
				}
			}
			v.Field(body).Set(reflect.New(v.Field(body).Type().Elem()))
			fill(r, v.Field(body).Elem(), 0)
			var w writer
			w.record(&in)
			var out, want event.Runtime
			if err := json.Unmarshal(w.b, &out); err != nil {
				t.Fatalf("%v\n%s", err, w.b)
			}
			usual, err := json.Marshal(&in)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(usual, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, out, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", v.Type().Field(body).Name, diff)
			}
		}
	}
}

func TestAnyBytesMakeALine(t *testing.T) {
	r := &event.Runtime{Process: &event.Process{Name: "a\nb\x1b]0;x\x07", Args: []string{text("\xff\xfe"), text("\xc3"), `\x41`, "\r\u2029"}}}
	var w writer
	w.record(r)
	for _, c := range w.b {
		if c < 0x20 || c == 0x7f {
			t.Errorf("the line has the control character %#x: %s", c, w.b)
		}
	}
	if !strings.Contains(string(w.b), `"\uefff\ueffe"`) || !strings.Contains(string(w.b), `"\\x41"`) {
		t.Errorf("%s", w.b)
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", `back\xffslash`: `back\xffslash`, "é€😀": "é€😀", "\xff": "\uefff", "a\x80b": "a\uef80b",
		"\uefff": "\uefee\uefbf\uefbf", "\xed\xa0\x80": "\uefed\uefa0\uef80",
	} {
		if got := text(in); got != want || Bytes(got) != in {
			t.Errorf("%q: %q, and back %q; want %q", in, got, Bytes(got), want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\xff\uef80\\x41")
	f.Fuzz(func(t *testing.T, s string) {
		got := text(s)
		if !utf8.ValidString(got) || Bytes(got) != s {
			t.Fatalf("%q becomes %q becomes %q", s, got, Bytes(got))
		}
		var w writer
		w.str(s)
		var back string
		if err := json.Unmarshal(w.b, &back); err != nil {
			t.Fatalf("%q: %v", w.b, err)
		}
		if utf8.ValidString(s) && back != s {
			t.Fatalf("%q is read as %q", s, back)
		}
	})
}

func FuzzWriterIsOneLine(f *testing.F) {
	f.Add("a\nb", "\x1b")
	f.Fuzz(func(t *testing.T, name, arg string) {
		var w writer
		w.record(&event.Runtime{Process: &event.Process{Name: text(name), Args: []string{text(arg)}}})
		if !json.Valid(w.b) || strings.ContainsAny(string(w.b), "\n\r\x1b") {
			t.Fatalf("%q", w.b)
		}
	})
}

// sample is a record as they usually are.
func sample() *event.Runtime {
	p := event.Process{
		UUID: "0b5f9c1e-7a33-8d4b-9f0a-3c1d0d3a6c11", ParentUUID: "1b5f9c1e-7a33-8d4b-9f0a-3c1d0d3a6c11", PID: 4242, NamespacePID: 42, Name: "bash",
		Executable: "/usr/bin/bash", SHA256: strings.Repeat("ab", 32), Args: []string{"bash", "-c", "curl -s http://example.com | sh"}, Cwd: "/root",
		User: "root", Start: time.Unix(1.7e9, 123456789).UTC(),
	}
	r := &event.Runtime{
		Version: "1", Kind: event.KindExec, Time: time.Unix(1.7e9, 5).UTC(), Sensor: event.Sensor{Name: "vedette", Version: "1.0.0", Session: "0011223344556677", Sequence: 99},
		Node: event.Node{Name: "ip-10-0-0-1.ec2.internal", Cluster: "prod", BootID: p.UUID, Kernel: "6.1.0"}, Process: &p,
		Container: &event.Container{ID: strings.Repeat("cd", 32), Name: "app", Image: "registry.example/shop:1", Runtime: "containerd", Start: p.Start},
		Pod:       &event.Pod{Name: "shop-5c9f-x7x7x", Namespace: "shop", UID: p.UUID, ServiceAccount: "shop", OwnerKind: "Deployment", OwnerName: "shop", Address: "10.0.0.9"},
		Exec:      &event.Exec{Path: "/usr/bin/bash", File: event.Image{Path: "/usr/bin/bash", Inode: 77, Mode: 0o755, CTime: p.Start, MTime: p.Start, FileSystem: "overlay"}},
	}
	for range 5 {
		r.Ancestors = append(r.Ancestors, p)
	}
	return r
}

func BenchmarkEncode(b *testing.B) {
	r := sample()
	b.Run("own", func(b *testing.B) {
		var w writer
		b.ReportAllocs()
		for b.Loop() {
			w.b = w.b[:0]
			w.record(r)
		}
		b.SetBytes(int64(len(w.b)))
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
