package ingest

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// BenchmarkFrame cuts streams of 32 MiB into chunks.
func BenchmarkFrame(b *testing.B) {
	audit := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestObject":"` + strings.Repeat("x", 800) + `"}` + "\n"
	trails := `{"Records":[` + strings.Repeat(trail(299)+",", (32<<20)/len(trail(299)))
	for name, in := range map[string]string{
		"audit": strings.Repeat(audit, (32<<20)/len(audit)),
		"flow":  headerA + "\n" + strings.Repeat(lineA+"\n", (32<<20)/len(lineA)),
		"trail": trails[:len(trails)-1] + "]}",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			pool := NewPool(2)
			for b.Loop() {
				f := NewFramer(strings.NewReader(in), pool)
				for {
					var c event.Chunk
					if f.Next(&c) != nil {
						break
					}
					pool.Put(c.Data)
				}
			}
		})
	}
}

func BenchmarkParquet(b *testing.B) {
	const n = 20000
	data := parquetFile(b, flowRows(n), 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		r, err := ParquetText(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			b.Fatal(err)
		}
		size, err := io.Copy(io.Discard, r)
		if err != nil || r.Close() != nil {
			b.Fatal(err)
		}
		b.SetBytes(size)
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
