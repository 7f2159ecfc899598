package decode

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// benchLog is a real audit log if AUDIT_LOG names one, else one record repeated.
func benchLog(b *testing.B) []byte {
	if path := os.Getenv("AUDIT_LOG"); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		data = data[:min(len(data), 64<<20)]
		return data[:bytes.LastIndexByte(data, '\n')+1]
	}
	return []byte(strings.Repeat(event1+"\n", 1000))
}

func BenchmarkDecode(b *testing.B) {
	data := benchLog(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var d Decoder
	out := &Batch{}
	for b.Loop() {
		out.Reset()
		d.Decode(&event.Chunk{Data: data}, out)
	}
}

// BenchmarkEncodingJSON reads the same fields with the standard library, as
// the measure to compare with.
func BenchmarkEncodingJSON(b *testing.B) {
	data := benchLog(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	type audit struct {
		AuditID, Stage, Level, RequestURI, Verb, UserAgent string
		User                                               struct{ Username, UID string }
		ObjectRef                                          struct{ Resource, Namespace, Name string }
		ResponseStatus                                     struct{ Code int }
		RequestObject, ResponseObject                      json.RawMessage
	}
	for b.Loop() {
		for line := range strings.Lines(string(data)) {
			var a audit
			if err := json.Unmarshal([]byte(line), &a); err != nil {
				b.Fatal(err)
			}
		}
	}
}
