package journal_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/journal"
)

// noise is what compression makes of nothing.
func noise(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

// audit is text like an audit log's.
func audit(n int) []byte {
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(1, 2))
	for b.Len() < n {
		fmt.Fprintf(&b, `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"%08x-%04x-4000-8000-%012x","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/team-%d/pods/web-%x?timeout=10s","verb":"get","user":{"username":"system:serviceaccount:team-%d:default","groups":["system:serviceaccounts","system:authenticated"]},"sourceIPs":["10.0.%d.%d"],"userAgent":"kubelet/v1.33.1 (linux/amd64)","objectRef":{"resource":"pods","namespace":"team-%d","name":"web-%x","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-01-02T03:04:05.%06dZ"}`+"\n",
			r.Uint32(), r.Uint32()&0xffff, r.Uint64()&0xffffffffffff, r.IntN(30), r.Uint32(), r.IntN(30), r.IntN(255), r.IntN(255), r.IntN(30), r.Uint32(), r.IntN(1000000))
	}
	return b.Bytes()
}

var sizes = []int{1 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}

func BenchmarkAppend(b *testing.B) {
	for _, noSync := range []bool{false, true} {
		for _, size := range sizes {
			b.Run(fmt.Sprintf("sync=%v/%dKiB", !noSync, size>>10), func(b *testing.B) {
				j := embedded(b, b.TempDir(), func(o *journal.Options) { o.Shards, o.MaxBytes, o.NoSync = 1, 8<<30, noSync })
				data := noise(size)
				b.SetBytes(int64(size))
				for b.Loop() {
					p, err := j.Append(b.Context(), 0, "", data)
					if err != nil {
						b.Fatal(err)
					}
					j.Trim(0, p)
				}
			})
		}
	}
}

// BenchmarkAppendShards appends to several shards at once.
func BenchmarkAppendShards(b *testing.B) {
	for _, shards := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprint(shards), func(b *testing.B) {
			j := embedded(b, b.TempDir(), func(o *journal.Options) { o.Shards, o.MaxBytes = shards, 8<<30 })
			data := noise(128 << 10)
			b.SetBytes(int64(len(data)))
			work := make(chan int)
			done := make(chan error)
			for range shards {
				go func() {
					for shard := range work {
						p, err := j.Append(b.Context(), shard, "", data)
						if err != nil {
							done <- err
							return
						}
						j.Trim(shard, p)
					}
					done <- nil
				}()
			}
			n := 0
			for b.Loop() {
				work <- n % shards
				n++
			}
			close(work)
			for range shards {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			j := embedded(b, b.TempDir(), func(o *journal.Options) { o.Shards, o.MaxBytes, o.NoSync = 1, 8<<30, true })
			n := min(64<<20/size, 2000)
			data := noise(size)
			for range n {
				if _, err := j.Append(b.Context(), 0, "", data); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(size))
			r, at := j.Read(0, 0), 0
			for b.Loop() {
				if at == n {
					r.Close()
					r, at = j.Read(0, 0), 0
				}
				if _, err := r.Next(b.Context()); err != nil {
					b.Fatal(err)
				}
				at++
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			entries := auditEntries(size)
			var dst []byte
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				dst = journal.Encode(dst[:0], entries)
			}
			b.ReportMetric(float64(size)/float64(len(dst)), "ratio")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			data := journal.Encode(nil, auditEntries(size))
			var buf []byte
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if _, buf, err = journal.Decode(data, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func auditEntries(size int) []journal.Entry {
	return []journal.Entry{{Chunk: event.Chunk{Stream: "audit", Received: time.Unix(1, 0), Data: audit(size)}}}
}
