package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/event"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) { return f(r) }

// TestReadObject reads what a bucket may hold.
func TestReadObject(t *testing.T) {
	w := newS3World(t)
	lines := logLines("a", 50)
	var zstded bytes.Buffer
	zw, err := zstd.NewWriter(&zstded)
	if err != nil {
		t.Fatal(err)
	}
	zw.Write(lines)
	zw.Close()
	for name, data := range map[string][]byte{
		"plain": lines, "gzip": zip(lines), "members": zip(lines[:1000], lines[1000:1001], nil, lines[1001:]), "zstd": zstded.Bytes(), "empty": {}, "empty gzip": zip(nil),
	} {
		t.Run(name, func(t *testing.T) {
			w.sink = newJournalSink()
			key := "x y=z/" + name + ".bin" // the name does not matter
			etag := w.s3.Put(testBucket, key, data, nil)
			o := w.objects(func(o *ObjectOptions) { o.Source = event.CloudTrail })
			at := Object{Bucket: testBucket, Key: key, ETag: etag, Size: int64(len(data))}
			m, err := o.Read(t.Context(), at)
			if err != nil || !m.Done || m.ETag != etag || len(m.Sum) != 64 {
				t.Fatalf("%+v %v", m, err)
			}
			want := lines
			if strings.HasPrefix(name, "empty") {
				want = nil
			}
			w.checkOnce(want)
			for _, at := range []Object{at, {Bucket: testBucket, Key: key}} { // again, by another process
				if _, err := w.objects().Read(t.Context(), at); err != nil {
					t.Error(err)
				}
			}
			w.checkOnce(want)
			if c := w.sink.chunks[0]; c.Stream != "s3://logs/"+key || c.Source != event.CloudTrail || c.Scope.Account != "000000000000" {
				t.Errorf("%+v", c)
			}
		})
	}
	if d := cmp.Diff(map[string]int{"read": 6, "known": 12}, w.results()); d != "" {
		t.Error(d)
	}
}

// TestResume: a reader that dies anywhere leaves a place from which the next
// one goes on; each record counts once.
func TestResume(t *testing.T) {
	w := newS3World(t)
	lines := logLines("a", 300000) // several chunks
	etag := w.s3.Put(testBucket, "AWSLogs/x.gz", zip(lines), nil)
	at := Object{Bucket: testBucket, Key: "AWSLogs/x.gz", ETag: etag}
	died := errors.New("died")
	for stop := 1; ; stop++ {
		w.sink.n, w.sink.full = 0, 2
		ctx, cancel := context.WithCancelCause(t.Context())
		w.sink.after = func(n int) error {
			if n == stop%3+1 && stop < 5 {
				cancel(died)
				if stop%2 == 0 { // kept, and its sender did not learn of it
					return died
				}
			}
			return nil
		}
		_, err := w.objects().Read(ctx, at)
		if err == nil {
			t.Logf("died %d times", stop-1)
			break
		}
		if stop > 20 {
			t.Fatal(err)
		}
	}
	w.checkOnce(lines)
}

// TestResumeList is the same for a list of records on one line, of other sizes
// of buffers.
func TestResumeList(t *testing.T) {
	w := newS3World(t)
	var ids []string
	var want bytes.Buffer
	for i := range 30000 {
		id := strings.Repeat("x", i%40) + string(rune('a'+i%26)) + time.Duration(i).String()
		ids = append(ids, id)
		want.WriteString(`{"eventVersion":"1.11","eventID":"` + id + `","awsRegion":"eu-central-1","recipientAccountId":"111122223333"}` + "\n")
	}
	key := trailKey("111122223333", "eu-central-1", "20260131T1200Z", "a")
	etag := w.s3.Put(testBucket, key, zip(trailFile(ids...)), nil)
	ctx, cancel := context.WithCancel(t.Context())
	w.sink.after = func(n int) error {
		if n == 2 {
			cancel()
		}
		return nil
	}
	if _, err := w.objects().Read(ctx, Object{Bucket: testBucket, Key: key, ETag: etag}); err == nil {
		t.Fatal("it did not die")
	}
	if n := len(w.sink.counts()); n == 0 || n == len(ids) {
		t.Fatalf("%d records before it died; the test says nothing", n)
	}
	w.sink.after = nil
	if _, err := w.objects().Read(t.Context(), Object{Bucket: testBucket, Key: key, ETag: etag}); err != nil {
		t.Fatal(err)
	}
	w.checkOnce(want.Bytes())
	if s := w.sink.chunks[0].Scope; s != (event.Scope{Account: "111122223333", Region: "eu-central-1"}) {
		t.Errorf("scope %v", s)
	}
}

// TestChanged: an object that is not the announced one is not read; one that
// was written again is read again.
func TestChanged(t *testing.T) {
	w := newS3World(t)
	first, second := logLines("a", 10), logLines("b", 20)
	o := w.objects()
	old := w.s3.Put(testBucket, "k", first, nil)
	read := func(etag string, size int) error {
		_, err := o.Read(t.Context(), Object{Bucket: testBucket, Key: "k", ETag: etag, Size: int64(size)})
		return err
	}
	if err := read(old, len(first)+1); !errors.Is(err, ErrChanged) { // half-written
		t.Errorf("another size: %v", err)
	}
	if err := read(old, len(first)); err != nil {
		t.Error(err)
	}
	etag := w.s3.Put(testBucket, "k", second, nil)
	if err := read("0123", 0); !errors.Is(err, ErrChanged) {
		t.Errorf("another ETag: %v", err)
	}
	if err := read(etag, len(second)); err != nil {
		t.Error(err)
	}
	w.checkOnce(append(first, second...))
}

// TestUnreadable: what is wrong is said with the object and what to do.
func TestUnreadable(t *testing.T) {
	w := newS3World(t)
	o := w.objects(func(o *ObjectOptions) { o.MaxBytes = 4 << 20 })
	lines := logLines("a", 1000)
	zipped := zip(lines)
	torn := bytes.Clone(zipped)
	torn[len(torn)-5] ^= 0xff // the checksum
	w.s3.Put(testBucket, "cut", zipped[:len(zipped)/2], nil)
	w.s3.Put(testBucket, "torn", torn, nil)
	w.s3.Put(testBucket, "bomb", zip(bytes.Repeat([]byte("\n"), 16<<20)), nil)
	w.s3.Put(testBucket, "binary", bytes.Repeat([]byte{0, 1, 0, 2}, 1000), nil)
	w.s3.Put(testBucket, "parquet", []byte("PAR1 and nothing more"), nil)
	for key, want := range map[string]string{
		"none":    "read s3://logs/none: there is no such object",
		"cut":     "read s3://logs/cut: its content is damaged after",
		"torn":    "read s3://logs/torn: its content is damaged after",
		"bomb":    "read s3://logs/bomb: it has more than 4194304 bytes, decompressed; raise ingest.objects.maxBytes",
		"binary":  "read s3://logs/binary: it is neither text",
		"parquet": "read s3://logs/parquet: its content is damaged",
	} {
		_, err := o.Read(t.Context(), Object{Bucket: testBucket, Key: key})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", key, err, want)
		}
	}
	_, err := o.Read(t.Context(), Object{Bucket: "elsewhere", Key: "k"})
	if err == nil || !strings.Contains(err.Error(), "there is no such bucket") {
		t.Errorf("%v", err)
	}
	denied := w.objects(func(o *ObjectOptions) {
		o.Client = w.clientWith(func(r *http.Request) (*http.Response, error) {
			body := `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`
			return &http.Response{StatusCode: 403, Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})
	})
	_, err = denied.Read(t.Context(), Object{Bucket: testBucket, Key: "k"})
	if err == nil || !strings.Contains(err.Error(), "allow s3:GetObject on arn:aws:s3:::logs/k") {
		t.Errorf("%v", err)
	}
	// What came before the damage was judged, once.
	_, err = o.Read(t.Context(), Object{Bucket: testBucket, Key: "cut"})
	if err == nil {
		t.Error("a damaged object was read")
	}
	for r, n := range w.sink.counts() {
		if n > 2 && r != "" { // of "cut" and "torn"; the bomb is of empty lines
			t.Fatalf("%s counted %d times", r, n)
		}
	}
}

// breaking is a body that ends early.
type breaking struct {
	io.ReadCloser
	left int
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("connection reset by peer")
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// TestBrokenConnections: the object is opened again where the connection broke,
// and only if it is still the same.
func TestBrokenConnections(t *testing.T) {
	w := newS3World(t)
	lines := logLines("a", 60000)
	data := zip(lines)
	etag := w.s3.Put(testBucket, "k", data, nil)
	var mu sync.Mutex
	var ranges []string
	overwrite := false
	client := w.clientWith(func(r *http.Request) (*http.Response, error) {
		res, err := http.DefaultClient.Do(r)
		mu.Lock()
		defer mu.Unlock()
		if err == nil && r.Method == http.MethodGet {
			ranges = append(ranges, r.Header.Get("Range")+" "+r.Header.Get("If-Match"))
			res.Body = &breaking{res.Body, 300 << 10}
			if overwrite {
				w.s3.Put(testBucket, "k", logLines("b", 5), nil)
			}
		}
		return res, err
	})
	o := w.objects(func(o *ObjectOptions) { o.Client = client })
	if _, err := o.Read(t.Context(), Object{Bucket: testBucket, Key: "k", ETag: etag}); err != nil {
		t.Fatal(err)
	}
	w.checkOnce(lines)
	if len(ranges) < 3 || !strings.HasPrefix(ranges[1], "bytes=307200-") || !strings.Contains(ranges[1], etag) {
		t.Errorf("%d requests: %q", len(ranges), ranges)
	}
	w.sink, overwrite = newJournalSink(), true
	o = w.objects(func(o *ObjectOptions) { o.Client = client })
	if _, err := o.Read(t.Context(), Object{Bucket: testBucket, Key: "k", ETag: etag}); !errors.Is(err, ErrChanged) {
		t.Errorf("overwritten while it was read: %v", err)
	}
	for r, n := range w.sink.counts() { // nothing torn
		if n != 1 || !strings.HasSuffix(r, `"}`) {
			t.Fatalf("%q counted %d times", r, n)
		}
	}
}

// TestLargeObject: the memory for an object does not grow with it.
func TestLargeObject(t *testing.T) {
	w := newS3World(t)
	var parts [][]byte
	var total int64
	block := logLines("a", 40000)
	for range 6 {
		var members [][]byte
		for range 11 {
			members = append(members, block)
			total += int64(len(block))
		}
		parts = append(parts, zip(members...))
	}
	w.s3.PutParts(testBucket, "k", parts...)
	want := int64(bytes.Count(block, []byte{'\n'}) * 66)
	parts, block = nil, nil
	runtime.GC()
	debug.FreeOSMemory()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak uint64
	n := int64(0)
	w.sink.after = nil
	sink := sinkFunc(func(_ context.Context, p *Push) error {
		n += recordsIn(&p.Chunk)
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapInuse)
		if p.Cursor.Name != "" {
			w.sink.store(t.Context(), p.Cursor.Name, p.Cursor.Data)
		}
		if p.Recycle != nil {
			p.Recycle()
		}
		return nil
	})
	m, err := w.objects(func(o *ObjectOptions) { o.Sink = sink }).Read(t.Context(), Object{Bucket: testBucket, Key: "k"})
	if err != nil || n != want || m.Bytes != total {
		t.Fatalf("%d of %d records, %d of %d bytes: %v", n, want, m.Bytes, total, err)
	}
	grown := int64(peak) - int64(before.HeapInuse)
	t.Logf("%d MiB read with %d MiB more of memory", total>>20, grown>>20)
	if grown > 32<<20 {
		t.Errorf("reading %d MiB took %d MiB of memory", total>>20, grown>>20)
	}
}

// TestParquetObject reads a flow log in Parquet where it lies, piece by piece.
func TestParquetObject(t *testing.T) {
	w := newS3World(t)
	data := parquetFile(t, flowRows(60000), 5000)
	text, err := ParquetText(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(text)
	if err != nil {
		t.Fatal(err)
	}
	key := "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/01/31/f.log.parquet"
	w.s3.Put(testBucket, key, data, nil)
	var mu sync.Mutex
	requests, fetched := 0, int64(0)
	o := w.objects(func(o *ObjectOptions) {
		o.Client = w.clientWith(func(r *http.Request) (*http.Response, error) {
			res, err := http.DefaultClient.Do(r)
			mu.Lock()
			defer mu.Unlock()
			if requests++; err == nil && requests > 1 {
				fetched += res.ContentLength
			}
			return res, err
		})
	})
	ctx, cancel := context.WithCancel(t.Context())
	w.sink.after = func(n int) error {
		if n == 1 {
			cancel()
		}
		return nil
	}
	at := Object{Bucket: testBucket, Key: key}
	if _, err := o.Read(ctx, at); err == nil {
		t.Error("it did not die")
	}
	w.sink.after, requests, fetched = nil, 0, 0
	if _, err := o.Read(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	w.checkOnce(want)
	for _, c := range w.sink.chunks {
		if c.Source != event.VPCFlow || !strings.HasPrefix(c.Format, "version ") || c.Scope.Account != "111122223333" {
			t.Fatalf("%+v", c)
		}
	}
	t.Logf("%d requests for %d bytes of %d", requests, fetched, len(data))
	if fetched > 2*int64(len(data)) {
		t.Errorf("%d bytes were fetched of a file of %d", fetched, len(data))
	}
}

type sinkFunc func(context.Context, *Push) error

func (f sinkFunc) Append(ctx context.Context, p *Push) error { return f(ctx, p) }

func TestParseKey(t *testing.T) {
	noon := time.Date(2026, 1, 31, 12, 5, 0, 0, time.UTC)
	day := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	for key, want := range map[string]keyInfo{
		trailKey("111122223333", "eu-central-1", "20260131T1205Z", "q"):                                                             {kindTrail, "111122223333", "eu-central-1", noon},
		"pre/AWSLogs/o-abc123/111122223333/CloudTrail/us-gov-west-1/2026/01/31/f.json.gz":                                           {kindTrail, "111122223333", "us-gov-west-1", day},
		"AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/01/31/1_CloudTrail-Digest_us-east-1_t_us-east-1_20260131T120500Z.gz": {kindDigest, "111122223333", "us-east-1", noon},
		"AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/01/31/111122223333_vpcflowlogs_us-east-1_fl-1_20260131T1205Z_ab.log.gz":    {kindFlow, "111122223333", "us-east-1", noon},
		"AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=01/day=31/x.log.parquet":  {kindFlow, "111122223333", "us-east-1", day},
		"AWSLogs/111122223333/vpcdnsquerylogs/vpc-0a/2026/01/31/vpc-0a_vpcdnsquerylogs_111122223333_20260131T1205Z_ab.log.gz":       {kindDNS, "111122223333", "", noon},
		"AWSLogs/111122223333/elasticloadbalancing/us-east-1/2026/01/31/x.gz":                                                       {"", "111122223333", "", day},
		"flow/x.gz": {},
	} {
		if d := cmp.Diff(want, parseKey(key)); d != "" {
			t.Errorf("%s:\n%s", key, d)
		}
	}
	o := NewObjects(ObjectOptions{Accounts: []string{"111122223333"}, Exclude: []string{"*/skip/*"}, Log: testLog(t)})
	for key, want := range map[string]bool{
		trailKey("111122223333", "eu-central-1", "20260131T1205Z", "q"):  true,
		trailKey("999922223333", "eu-central-1", "20260131T1205Z", "q"):  false,
		"a/skip/AWSLogs/111122223333/CloudTrail/eu-central-1/x":          false,
		"AWSLogs/111122223333/CloudTrail/":                               false,
		"AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/01/31/x":  false,
		"AWSLogs/111122223333/elasticloadbalancing/us-east-1/2026/01/31": false,
		"flow/x.gz": false,
	} {
		if o.Wants(key) != want {
			t.Errorf("%s: want %v", key, want)
		}
	}
	o.Include = []string{"flow/*.gz", "dns*"}
	for key, want := range map[string]bool{"flow/a/x.gz": true, "flow/x": false, "dns/x": true, "a/dns": false} {
		if o.Wants(key) != want {
			t.Errorf("%s: want %v", key, want)
		}
	}
}
