package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/testbed"
)

// repeated is an object that is one block over and over, larger than anybody
// has room for: a server of S3 in miniature that makes it as it is read.
type repeated struct {
	block []byte
	n     int64
	cuts  []int64 // connections break at these bytes, once each

	cut  atomic.Int32 // of them
	sent atomic.Int64
}

func (o *repeated) size() int64 { return o.n * int64(len(o.block)) }

func (o *repeated) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first, status := int64(0), http.StatusOK
	if from, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		from, _, _ = strings.Cut(from, "-")
		n, err := strconv.ParseInt(from, 10, 64)
		if err != nil || n >= o.size() || r.Header.Get("If-Match") != `"e"` {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		first, status = n, http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, o.size()-1, o.size()))
	}
	w.Header().Set("ETag", `"e"`)
	w.Header().Set("Content-Length", strconv.FormatInt(o.size()-first, 10))
	w.WriteHeader(status)
	stop := o.size()
	if i := int(o.cut.Load()); i < len(o.cuts) {
		stop = o.cuts[i]
	}
	for pos := first; pos < stop; {
		part := o.block[pos%int64(len(o.block)):]
		part = part[:min(int64(len(part)), stop-pos)]
		n, err := w.Write(part)
		pos += int64(n)
		o.sent.Add(int64(n))
		if err != nil {
			return
		}
	}
	if stop < o.size() {
		o.cut.Add(1)
		panic(http.ErrAbortHandler)
	}
}

// hugeRead is what became of reading a huge object.
type hugeRead struct {
	mark    Mark
	err     error
	records int64
	grown   int64 // bytes of memory
	places  []string
}

// readHuge reads an object with a bounded memory, whose growth it measures.
func readHuge(t *testing.T, o *repeated, maxBytes int64) (h hugeRead) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it reads gigabytes")
	}
	server := httptest.NewServer(o)
	defer server.Close()
	client := s3.NewFromConfig(testbed.AWSConfig(), func(c *s3.Options) {
		c.BaseEndpoint, c.UsePathStyle, c.DisableLogOutputChecksumValidationSkipped = &server.URL, true, true
	})
	runtime.GC()
	debug.FreeOSMemory()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	marks := newJournalSink()
	pushes, peak := 0, uint64(0)
	sink := sinkFunc(func(_ context.Context, p *Push) error {
		h.records += recordsIn(&p.Chunk)
		if pushes++; pushes%64 == 0 {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapInuse)
		}
		if p.Cursor.Name != "" {
			marks.store(t.Context(), p.Cursor.Name, p.Cursor.Data)
		}
		if p.Recycle != nil {
			p.Recycle()
		}
		return nil
	})
	objects := NewObjects(ObjectOptions{
		Client: client, Sink: sink, Scope: event.Scope{Account: "000000000000", Region: "us-east-1"}, MaxBytes: maxBytes,
		Marks: NewMarks(marks.stored, marks.settle, false), Pool: NewPool(4), Now: time.Now, Sleep: shortly, Log: testLog(t),
		Reached: func(_ context.Context, call string, err error) {
			h.places = append(h.places, fmt.Sprint(call, " ", err))
		},
	})
	start := time.Now()
	h.mark, h.err = objects.Read(t.Context(), Object{Bucket: testBucket, Key: "k"})
	h.grown = int64(peak) - int64(before.HeapInuse)
	t.Logf("%d MiB sent, %d MiB read in %s with %d MiB more of memory", o.sent.Load()>>20, h.mark.Bytes>>20, time.Since(start).Round(time.Millisecond), h.grown>>20)
	if h.grown > 32<<20 {
		t.Errorf("it took %d MiB of memory", h.grown>>20)
	}
	return h
}

// TestHugeObject: of an object of gigabytes every record is read, also where
// the connection breaks beyond what 32 bits count.
func TestHugeObject(t *testing.T) {
	block := bytes.Repeat([]byte(`{"id":"a","pad":"`+strings.Repeat("x", 1000)+"\"}\n"), 4<<10)
	plain := &repeated{block: block, n: (9<<29)/int64(len(block)) + 1}
	plain.cuts = []int64{1 << 20, 1<<32 + 12345, plain.size() - 1}
	h := readHuge(t, plain, 20<<30)
	if h.err != nil || h.records != plain.n*4<<10 || h.mark.Bytes != plain.size() || !h.mark.Done {
		t.Errorf("plain: %d of %d records, %d bytes: %v", h.records, plain.n*4<<10, h.mark.Bytes, h.err)
	}
	if int(plain.cut.Load()) != len(plain.cuts) {
		t.Errorf("the connection broke %d times", plain.cut.Load())
	}

	var lines []byte // like enough to each other to be fast, and not so much that it looks like a bomb
	for i := 0; len(lines) < 4<<20; i++ {
		lines = fmt.Appendf(lines, "{\"id\":\"%x\",\"pad\":%q}\n", uint32(i)*2654435761, strings.Repeat("x", 500))
	}
	zipped := zip(lines)
	gz := &repeated{block: zipped, n: (2 << 30) / int64(len(lines))}
	gz.cuts = []int64{gz.size() / 3, gz.size() - 7}
	h = readHuge(t, gz, 20<<30)
	want := gz.n * int64(bytes.Count(lines, []byte{'\n'}))
	if h.err != nil || h.records != want || h.mark.Bytes != gz.n*int64(len(lines)) || !h.mark.Done {
		t.Errorf("gzip: %d of %d records, %d bytes: %v", h.records, want, h.mark.Bytes, h.err)
	}
}

// TestBomb: what grows as no log does is given up long before it is read, and
// so is what is larger than the limit.
func TestBomb(t *testing.T) {
	zeros := zip(bytes.Repeat([]byte("\n"), 64<<20))
	bomb := &repeated{block: zeros, n: 200} // 12.5 GiB
	h := readHuge(t, bomb, 20<<30)
	if h.err == nil || !strings.Contains(h.err.Error(), "it grows more than 500 times when it is decompressed, as no log does") || h.mark.Done {
		t.Errorf("bomb: %v", h.err)
	}
	if h.records > 80<<20 {
		t.Errorf("%d records of a bomb", h.records)
	}
	large := &repeated{block: bytes.Repeat([]byte(strings.Repeat("y", 1000)+"\n"), 1<<10), n: 1 << 20} // a TiB
	h = readHuge(t, large, 256<<20)
	if h.err == nil || !strings.Contains(h.err.Error(), "it has more than 268435456 bytes, decompressed; raise ingest.objects.maxBytes") || large.sent.Load() > 300<<20 {
		t.Errorf("large: %v, %d MiB sent", h.err, large.sent.Load()>>20)
	}
	var d *damaged
	if !errors.As(h.err, &d) || len(h.places) != 1 || h.places[0] != "s3:GetObject <nil>" {
		t.Errorf("the bucket is told to be out of reach: %v, %T", h.places, h.err)
	}
}
