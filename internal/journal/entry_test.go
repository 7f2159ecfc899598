package journal

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

func sampleEntries() []Entry {
	data := []byte("one\ntwo\nthree")
	return []Entry{
		{
			Chunk: event.Chunk{
				Stream: "audit.log", Received: time.Unix(1700000000, 123456789).UTC(),
				Scope:      event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "prod"},
				OneAccount: true, Source: event.VPCFlow, Format: "srcaddr dstaddr", Home: true, Learn: true, Data: data, FirstLine: 77, Cut: true, Skipped: 1 << 40,
			},
			CursorName: "file/audit.log", CursorData: []byte{0, 1, 255}, Records: 3,
		},
		{Chunk: event.Chunk{Data: data, Records: []event.Span{{Start: 4, End: 7}, {Start: 0, End: 3}, {Start: 13, End: 13}}}},
		{Chunk: event.Chunk{Records: []event.Span{}}, Records: -1},
		{},
	}
}

func TestEncodeDecode(t *testing.T) {
	var dst, buf []byte
	for _, entries := range [][]Entry{sampleEntries(), {}, {{}}, sampleEntries()[:1]} {
		dst = Encode(append(dst[:0], "before"...), entries)
		if string(dst[:6]) != "before" {
			t.Fatal("what was in dst is lost")
		}
		got, b, err := Decode(dst[6:], buf)
		if err != nil {
			t.Fatal(err)
		}
		buf = b
		if d := cmp.Diff(entries, got); d != "" {
			t.Fatal(d)
		}
	}
}

func TestEncodeUsesItsBufferAgain(t *testing.T) {
	entries := []Entry{{Chunk: event.Chunk{Data: bytes.Repeat([]byte("abcdefgh"), 1<<17)}}}
	var dst, buf []byte
	if n := testing.AllocsPerRun(20, func() {
		dst = Encode(dst[:0], entries)
		var err error
		if _, buf, err = Decode(dst, buf); err != nil {
			t.Error(err)
		}
	}); n > 2 { // the slice of entries
		t.Errorf("%v allocations", n)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := Encode(nil, sampleEntries())
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		var ce *CorruptError
		if _, _, err := Decode(bad, nil); !errors.As(err, &ce) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if _, _, err := Decode(good[:i], nil); !errors.As(err, &ce) {
			t.Fatalf("%d bytes: %v", i, err)
		}
	}
	if _, _, err := Decode(good, nil); err != nil {
		t.Fatal(err)
	}
	_, _, err := Decode([]byte("VJ\x09\x00\x00\x00\x00\x00"), nil)
	if err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Fatal(err)
	}
}

// FuzzDecode gives the decoder of messages any bytes, and the decoder of
// bodies, behind the checksum, too.
func FuzzDecode(f *testing.F) {
	f.Add(Encode(nil, sampleEntries()))
	f.Add(Encode(nil, nil))
	f.Add(appendBody(nil, sampleEntries()))
	f.Add(appendBody(nil, []Entry{{}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, _, err := Decode(data, nil)
		if (entries != nil) == (err != nil) {
			t.Fatal(entries, err)
		}
		d := decoder{b: data}
		got := d.entries()
		if d.why != "" {
			if got != nil {
				t.Fatal("entries and an error")
			}
			return
		}
		again, _, err := Decode(Encode(nil, got), nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(got, again); d != "" {
			t.Fatal(d)
		}
	})
}

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
	}
	os.Exit(m.Run())
}
