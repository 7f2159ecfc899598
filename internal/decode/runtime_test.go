package decode

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vedette-project/vedette/internal/event"
)

// Records as a sensor writes them: a shell started by a web server, a question
// for a name, what a sensor says of itself.
const (
	runtimeExec = `{"runtimeVersion":"1","kind":"exec","time":"2026-05-01T10:00:01.000000123Z","sensor":{"name":"vedette","version":"0.5.0","session":"5f0c9a1e-0d43-4c39-9f3a-1c2d3e4f5a6b","sequence":4711},"node":{"name":"node-a","cluster":"prod","bootId":"1b4e28ba-2fa1-11d2-883f-0016d3cca427","kernel":"6.12.0","address":"192.0.2.11"},"process":{"uuid":"p-77","parentUuid":"p-76","pid":4242,"namespacePid":17,"name":"sh","executable":"/usr/bin/dash","sha256":"0f343b0931126a20f133d67c2b018a3b0f343b0931126a20f133d67c2b018a3b","args":["sh","-c","id; cat /etc/passwd"],"cwd":"/var/www","uid":33,"gid":33,"euid":33,"egid":33,"user":"www-data","start":"2026-05-01T10:00:00.99Z"},"ancestors":[{"uuid":"p-76","pid":4200,"namespacePid":12,"name":"php-fpm","executable":"/usr/sbin/php-fpm8","args":["php-fpm: pool www"],"uid":33,"gid":33,"euid":33,"egid":33,"start":"2026-04-30T08:00:00Z","listens":true},{"uuid":"p-70","pid":4100,"namespacePid":1,"name":"php-fpm","executable":"/usr/sbin/php-fpm8","uid":0,"gid":0,"euid":0,"egid":0,"start":"2026-04-30T08:00:00Z","listens":true},{"uuid":"p-60","pid":4000,"name":"containerd-shim","executable":"/usr/bin/containerd-shim-runc-v2","uid":0,"gid":0,"euid":0,"egid":0,"start":"2026-04-30T07:59:59Z"}],"container":{"id":"3f4c0a9c2f5b9a1f2d8e7c6b5a4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d","name":"php","image":"registry.example.com/shop/php:8.3","imageId":"sha256:77af4d6b9913e693e8d0b4b294fa62ade6054e6b2f1ffb617ac955dd63fb0182","runtime":"containerd","start":"2026-04-30T07:59:59Z"},"pod":{"name":"shop-6d4cf56db6-x7k2p","namespace":"web","uid":"5e1e7a40-7d5c-4c4b-9d0b-3f9a3c2f7a11","serviceAccount":"shop","ownerKind":"ReplicaSet","ownerName":"shop-6d4cf56db6","address":"198.51.100.20"},"exec":{"path":"/bin/sh","file":{"path":"/usr/bin/dash","device":51,"inode":131077,"mode":493,"ctime":"2026-04-01T00:00:00Z","mtime":"2026-01-05T00:00:00Z","fileSystem":"overlay"},"stdio":[{"fd":0,"kind":"null"},{"fd":1,"kind":"pipe","inode":9001},{"fd":2,"kind":"pipe","inode":9002}],"oldUid":33,"oldEuid":33}}`
	runtimeDNS  = `{"runtimeVersion":"1","kind":"dns","time":"2026-05-01T10:00:02.5Z","sensor":{"name":"vedette","version":"0.5.0","session":"5f0c9a1e-0d43-4c39-9f3a-1c2d3e4f5a6b","sequence":4712},"node":{"name":"node-a","cluster":"prod"},"process":{"uuid":"p-78","parentUuid":"p-77","pid":4243,"name":"curl","executable":"/usr/bin/curl","args":["curl","-s","http://pool.example.net:3333"],"uid":33,"gid":33,"euid":33,"egid":33},"dns":{"transport":"UDP","server":"192.0.2.53:53","local":"198.51.100.20:40112","id":4660,"response":true,"name":"pool.example.net","type":"A","rcode":"NOERROR","answers":[{"name":"pool.example.net","type":"A","data":"203.0.113.77"}]}}`
	runtimeSelf = `{"runtimeVersion":"1","kind":"status","time":"2026-05-01T10:01:00Z","sensor":{"name":"vedette","version":"0.5.0","session":"5f0c9a1e-0d43-4c39-9f3a-1c2d3e4f5a6b","sequence":4713},"node":{"name":"node-a","cluster":"prod"},"status":{"upSeconds":3600.25,"cpuSeconds":41.5,"rssBytes":61865984,"seen":1200345,"sent":4713,"lost":{"ring_buffer":12},"filtered":{"open":900123,"connect":4021},"missing":["btf_module"]}}`
	runtimeConn = `{"runtimeVersion":"1","kind":"connect","time":"2026-05-01T10:00:03Z","sensor":{"name":"vedette","version":"0.5.0","session":"5f0c9a1e-0d43-4c39-9f3a-1c2d3e4f5a6b","sequence":4714},"node":{"name":"node-a","cluster":"prod"},"process":{"uuid":"p-78","parentUuid":"p-77","pid":4243,"name":"curl","executable":"/usr/bin/curl","uid":33,"gid":33,"euid":33,"egid":33},"network":{"socket":{"family":"AF_INET6","type":"SOCK_STREAM","protocol":6,"local":"[2001:db8::5]:40112","remote":"[2001:db8::77]:3333","inode":77123},"established":true,"count":3}}`
)

var runtimes = []string{runtimeExec, runtimeDNS, runtimeSelf, runtimeConn}

// sameRuntime compares two records, an empty list like none.
func sameRuntime(want, got *event.Runtime) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }))
}

// oneRuntime decodes a line that is one record.
func oneRuntime(t *testing.T, line string) event.Event {
	t.Helper()
	b := decodeAll(t, line, false)
	if len(b.Events) != 1 || len(b.Rejects) != 0 || b.Events[0].Runtime == nil {
		t.Fatalf("%s: %d events, %+v", line, len(b.Events), b.Rejects)
	}
	return b.Events[0]
}

// filler makes values of any type of the record.
type filler struct {
	rnd  *rand.Rand
	full bool // leaves nothing out
}

func (f *filler) fill(v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		if f.full || f.rnd.IntN(4) > 0 {
			*x = time.Unix(f.rnd.Int64N(1<<31), f.rnd.Int64N(1e9)).UTC()
		}
		return
	case *netip.AddrPort:
		var b [16]byte
		for i := range b {
			b[i] = byte(1 + f.rnd.IntN(255))
		}
		a := netip.AddrFrom16(b)
		if f.rnd.IntN(2) == 0 {
			a = netip.AddrFrom4([4]byte(b[:4]))
		}
		if f.full || f.rnd.IntN(4) > 0 {
			*x = netip.AddrPortFrom(a, uint16(f.rnd.IntN(1<<16)))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i))
		}
	case reflect.Pointer:
		if f.full || f.rnd.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem())
		}
	case reflect.Slice:
		n := 1 + f.rnd.IntN(3)
		if !f.full && f.rnd.IntN(3) == 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		for range 1 + f.rnd.IntN(3) {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(k)
			f.fill(e)
			m.SetMapIndex(k, e)
		}
		v.Set(m)
	case reflect.String:
		v.SetString([]string{"/usr/bin/x", "ü\u2028\n\t\x1b[31m", `a "b" \ c`, "<&>", "日本", strings.Repeat("long ", 40)}[f.rnd.IntN(6)])
	case reflect.Bool:
		v.SetBool(f.full || f.rnd.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(1 + f.rnd.Int64())
		if f.rnd.IntN(4) == 0 {
			v.SetInt(-1 - f.rnd.Int64N(1<<40))
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1 + f.rnd.Uint64()>>(65-min(64, v.Type().Bits())))
	case reflect.Float64:
		v.SetFloat(1 + f.rnd.Float64()*1e9)
	default:
		panic("a field of a type that the test does not know: " + v.Type().String())
	}
}

func (f *filler) record() *event.Runtime {
	r := &event.Runtime{}
	f.fill(reflect.ValueOf(r).Elem())
	kinds := []event.RuntimeKind{event.KindExec, event.KindFork, event.KindDNS, event.KindDup, event.KindStatus, event.KindAlert, event.KindMemfd, "a_kind_to_come"}
	r.Version, r.Kind, r.Time = event.RuntimeVersion, kinds[f.rnd.IntN(len(kinds))], time.Unix(1_780_000_000+f.rnd.Int64N(1e6), 5).UTC()
	return r
}

// TestRuntimeFields: every member of a record is decoded, as encoding/json does it.
func TestRuntimeFields(t *testing.T) {
	f := &filler{rand.New(rand.NewPCG(1, 2)), true}
	for range 200 {
		want := f.record()
		line, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := oneRuntime(t, string(line)).Runtime
		if d := sameRuntime(want, got); d != "" {
			t.Fatalf("%s\n%s", line, d)
		}
		if at := zeroField(reflect.ValueOf(got).Elem(), "record"); at != "" {
			t.Fatalf("%s was not decoded, or the test does not fill it", at)
		}
	}
}

// zeroField names a field that says nothing, "" if there is none.
func zeroField(v reflect.Value, at string) string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return zeroField(v.Elem(), at)
		}
	case reflect.Struct:
		if _, is := v.Interface().(time.Time); is {
			break
		}
		if v.Type().PkgPath() == "net/netip" {
			break
		}
		for i := range v.NumField() {
			if s := zeroField(v.Field(i), at+"."+v.Type().Field(i).Name); s != "" {
				return s
			}
		}
		return ""
	}
	if v.IsZero() {
		return at
	}
	return ""
}

// TestRuntimeReference: records with anything left out, many in one chunk, are
// what encoding/json makes of them, with the body of their kind.
func TestRuntimeReference(t *testing.T) {
	f := &filler{rnd: rand.New(rand.NewPCG(3, 4))}
	var lines []string
	for range 1500 {
		line, err := json.Marshal(f.record())
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	lines = append(lines, runtimes...)
	var d Decoder
	b := &Batch{}
	for range 2 { // the second time in memory that was used
		b.Reset()
		d.Decode(&event.Chunk{Data: []byte(strings.Join(lines, "\n"))}, b)
		if len(b.Events) != len(lines) || len(b.Rejects) != 0 {
			t.Fatalf("%d events, %+v", len(b.Events), b.Rejects)
		}
		other := Decoder{out: &Batch{}}
		for i, line := range lines {
			want := &event.Runtime{}
			if err := json.Unmarshal([]byte(line), want); err != nil {
				t.Fatal(err)
			}
			other.complete(want)
			e := b.Events[i]
			if diff := sameRuntime(want, e.Runtime); diff != "" {
				t.Fatalf("%s\n%s", line, diff)
			}
			if e.Source != event.RuntimeEvents || string(e.Raw) != line || !e.Time.Equal(want.Time) || e.Line != 0 {
				t.Errorf("envelope %+v", e)
			}
		}
	}
}

func TestRuntimeShapes(t *testing.T) {
	reordered := `{"kind":"exec","time":"2026-05-01T10:00:01Z","exec":{"path":"/bin/sh","file":{}},"node":{"name":"n"},"runtimeVersion":"1"}`
	for name, tc := range map[string]struct {
		in string
		n  int
	}{
		"lines":           {strings.Join(runtimes, "\r\n"), len(runtimes)},
		"array":           {"[" + strings.Join(runtimes, ", ") + "]", len(runtimes)},
		"container log":   {"2026-05-01T10:00:01.000000001Z stdout F " + runtimeExec, 1},
		"Docker":          {`{"log":` + quote(runtimeExec+"\n") + `,"stream":"stdout","time":"2026-05-01T10:00:01Z"}`, 1},
		"Firehose":        {`{"records":[{"data":"` + base64.StdEncoding.EncodeToString([]byte(runtimeExec)) + `"}]}`, 1},
		"joined":          {runtimeExec + runtimeSelf, 2},
		"another order":   {reordered, 1},
		"of another kind": {strings.Replace(runtimeConn, `"connect"`, `"sorcery"`, 1), 1},
		"among others":    {event1 + "\n" + runtimeExec + "\n" + trail1 + "\n" + runtimeDNS + "\n" + query1, 5},
	} {
		b := decodeAll(t, tc.in, false)
		if len(b.Events) != tc.n || len(b.Rejects) != 0 {
			t.Errorf("%s: %d events, want %d; %+v", name, len(b.Events), tc.n, b.Rejects)
		}
	}
}

func TestRuntimeRejects(t *testing.T) {
	for old, tc := range map[string]struct {
		new    string
		reason event.Reason
		detail string
	}{
		`"runtimeVersion":"1"`: {`"runtimeVersion":"2"`, event.ReasonVersion, `of version "2" are not read, 1 is: use a server as new as its sensors`},
		`"pid":4242`:           {`"pid":"x"`, event.ReasonBadField, `process: pid "\"x\"" is not a whole number`},
		`"pid":4100`:           {`"pid":1.5`, event.ReasonBadField, `ancestors: pid "1.5" is not a whole number`},
		`"mode":493`:           {`"mode":4294967296`, event.ReasonBadField, `exec: file: mode "4294967296" is out of range`},
		`"inode":9001`:         {`"inode":-1`, event.ReasonBadField, `exec: stdio: inode "-1" is out of range`},
		`"args":["sh"`:         {`"args":[7`, event.ReasonBadField, "process: an element of args is not a string"},
		`"ancestors":[`:        {`"ancestors":{},"x":[`, event.ReasonBadField, "ancestors is not an array"},
		`"kind":"exec"`:        {`"kind":""`, event.ReasonBadField, "without kind"},
		`"time":"2026`:         {`"time":"x026`, event.ReasonBadField, "is not an RFC 3339 time"},
		`"time":"`:             {`"at":"`, event.ReasonNoTime, "a record of a sensor without time"},
	} {
		b := decodeAll(t, runtimeExec+"\n"+strings.Replace(runtimeExec, old, tc.new, 1)+"\n"+runtimeExec, false)
		if len(b.Events) != 2 || len(b.Rejects) != 1 || b.Rejects[0].Reason != tc.reason || b.Rejects[0].Source != event.RuntimeEvents ||
			!strings.Contains(b.Rejects[0].Detail, tc.detail) {
			t.Errorf("%s: %d events, %+v", tc.new, len(b.Events), b.Rejects)
		}
	}
	for in, want := range map[string]string{
		strings.Replace(runtimeConn, "[2001:db8::77]:3333", "2001:db8::77", 1):      "remote \"2001:db8::77\" is not an address with a port",
		strings.Replace(runtimeSelf, `{"ring_buffer":12}`, `{"ring_buffer":[]}`, 1): "status: lost: ring_buffer",
	} {
		if b := decodeAll(t, in, false); len(b.Events) != 0 || len(b.Rejects) != 1 || !strings.Contains(b.Rejects[0].Detail, want) {
			t.Errorf("%s: %d events, %+v", in, len(b.Events), b.Rejects)
		}
	}
}

// TestRuntimeTruncated cuts a record at every byte: from where it says what it
// is, it is judged for what it holds, which is never another thing.
func TestRuntimeTruncated(t *testing.T) {
	whole := oneRuntime(t, runtimeExec).Runtime
	known := strings.Index(runtimeExec, `,"time"`)
	for i := 1; i < len(runtimeExec)-1; i++ {
		b := decodeAll(t, runtimeExec[:i]+"[Truncated...]\n"+runtimeExec, false)
		if len(b.Events)+int(totalRejects(b)) != 2 || i >= known && (len(b.Events) != 2 || !b.Events[0].Truncated) {
			t.Fatalf("cut at %d: %d events, rejects %+v", i, len(b.Events), b.Rejects)
		}
		if len(b.Events) < 2 {
			continue
		}
		r := b.Events[0].Runtime
		if p := r.Process; p != nil && (p.PID != 0 && p.PID != whole.Process.PID || p.Executable != "" && p.Executable != whole.Process.Executable || len(p.Args) > 3) {
			t.Errorf("cut at %d: %+v", i, p)
		}
		if len(r.Ancestors) > 3 || r.Exec == nil || r.Kind != event.KindExec {
			t.Errorf("cut at %d: %+v", i, r)
		}
	}
}

func TestRuntimeScope(t *testing.T) {
	for node, want := range map[string]event.Scope{
		`{"name":"n"}`:                      {Account: "a", Region: "r", Cluster: "c"},
		`{"name":"n","cluster":"other"}`:    {Account: "a", Region: "r", Cluster: "other"},
		`{"name":"n","cluster":"-no/name"}`: {Account: "a", Region: "r", Cluster: "c"},
		`{"name":"n","accountId":"111122223333","region":"eu-central-1"}`: {Account: "111122223333", Region: "eu-central-1", Cluster: "c"},
		`{"name":"n","accountId":"unknown","region":"Nowhere!"}`:          {Account: "a", Region: "r", Cluster: "c"},
	} {
		e := oneRuntime(t, strings.Replace(runtimeSelf, `{"name":"node-a","cluster":"prod"}`, node, 1))
		if e.Scope != want {
			t.Errorf("%s: %v, want %v", node, e.Scope, want)
		}
	}
}

func FuzzRuntime(f *testing.F) {
	for _, s := range append(runtimes, `{"runtimeVersion":"1"}`, `{"runtimeVersion":1,"kind":"exec"}`, runtimeExec[:900]+"[Truncated...]", `{"runtimeVersion":"1","kind":"exec","ancestors":[null,{}],"exec":null,"process":[]}`,
		`{"kind":"dup","runtimeVersion":"1","dup":{"old":3,"fd":0,"stdio":[{"socket":{"remote":""}}]}}`, `{"runtimeVersion":"1","kind":"status","status":{"lost":{"a":18446744073709551615}}}`) {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, cut bool) {
		fuzzBodies(t, s, cut, runtimeExec, event.RuntimeEvents)
		var want event.Runtime
		if cut || !strings.HasPrefix(s, `{"runtimeVersion":"1",`) || strings.ContainsAny(s, "\n\r") || json.Unmarshal([]byte(s), &want) != nil {
			return
		}
		b := decodeAll(t, s, false)
		for _, e := range b.Events {
			if r := e.Runtime; r != nil && len(b.Events) == 1 && want.Process != nil && r.Process == nil {
				t.Errorf("%q lost its process", s)
			}
		}
	})
}

// BenchmarkRuntime decodes a mix as a node sends it.
func BenchmarkRuntime(b *testing.B) {
	mix := strings.Repeat(runtimeExec+"\n"+strings.Repeat(runtimeConn+"\n", 4)+strings.Repeat(runtimeDNS+"\n", 3), 250)
	b.Run("mix", func(b *testing.B) { benchmark(b, mix, 2000) })
	b.Run("exec", func(b *testing.B) { benchmark(b, strings.Repeat(runtimeExec+"\n", 1000), 1000) })
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(mix)))
		b.ReportAllocs()
		for b.Loop() {
			for line := range strings.Lines(mix) {
				var r event.Runtime
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(2000*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
}

// TestRuntimeDocument: the document of the form has every member and every kind.
func TestRuntimeDocument(t *testing.T) {
	doc, err := os.ReadFile("../../docs/runtime-events.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../event/runtime.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`RuntimeKind = "(\w+)"`).FindAllSubmatch(source, -1) {
		names[string(m[1])] = true
	}
	if len(names) < 30 {
		t.Fatalf("%d kinds were found", len(names))
	}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				if name != "" && !names[typ.Name()+name] {
					names[typ.Name()+name], names[name] = true, true
					walk(typ.Field(i).Type)
				}
			}
		}
	}
	walk(reflect.TypeFor[event.Runtime]())
	for name := range names {
		if name[0] >= 'a' && name[0] <= 'z' && !strings.Contains(string(doc), "`"+name+"`") {
			t.Errorf("docs/runtime-events.md does not say what %s is", name)
		}
	}
}
