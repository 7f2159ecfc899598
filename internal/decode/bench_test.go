package decode

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
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

// benchmark decodes data, which holds so many records.
func benchmark(b *testing.B, data string, records int) {
	b.Helper()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var d Decoder
	out := &Batch{}
	c := &event.Chunk{Data: []byte(data)}
	for b.Loop() {
		out.Reset()
		d.Decode(c, out)
		if len(out.Events) != records {
			b.Fatalf("%d events, want %d: %+v", len(out.Events), records, out.Rejects)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkFlow(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for name, format := range map[string]string{
		"v2": defaultFlow,
		"v5": "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport pkt-srcaddr pkt-dstaddr protocol bytes packets start end action tcp-flags log-status region az-id flow-direction traffic-path",
	} {
		const n = 8000
		var s strings.Builder
		if name != "v2" {
			s.WriteString(format + "\n")
		}
		for range n {
			s.WriteString(randomFlow(rnd, strings.Fields(format)) + "\n")
		}
		b.Run(name, func(b *testing.B) { benchmark(b, s.String(), n) })
	}
}

func BenchmarkCloudTrail(b *testing.B) {
	b.Run("file", func(b *testing.B) {
		benchmark(b, `{"Records":[`+strings.TrimSuffix(strings.Repeat(trail1+",", 700), ",")+`]}`, 700)
	})
	b.Run("lines", func(b *testing.B) { benchmark(b, strings.Repeat(trail1+"\n", 700), 700) })
}

func BenchmarkQuery(b *testing.B) { benchmark(b, strings.Repeat(query1+"\n", 2000), 2000) }

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
