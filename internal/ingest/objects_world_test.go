package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/testbed"
)

// journalSink is a line in miniature: what was appended is durable, and its
// cursor is committed with it, at once or later.
type journalSink struct {
	mu      sync.Mutex
	count   map[string]int // of each record
	order   []string
	chunks  []event.Chunk // without data
	cursors map[string][]byte
	late    []Cursor // appended, not committed
	hold    bool     // cursors are committed later
	full    int      // so many pushes are refused first
	after   func(n int) error
	n       int
}

func newJournalSink() *journalSink {
	return &journalSink{count: map[string]int{}, cursors: map[string][]byte{}}
}

func (s *journalSink) Append(ctx context.Context, p *Push) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full > 0 {
		s.full--
		return ErrFull
	}
	for _, r := range recordsOf(&p.Chunk) {
		s.count[r]++
		s.order = append(s.order, r)
	}
	c := p.Chunk
	c.Data, c.Records = nil, nil
	s.chunks = append(s.chunks, c)
	if p.Cursor.Name != "" {
		s.late = append(s.late, Cursor{p.Cursor.Name, bytes.Clone(p.Cursor.Data)})
	}
	if !s.hold {
		s.commit()
	}
	s.n++
	if p.Recycle != nil {
		p.Recycle()
	}
	if s.after != nil {
		return s.after(s.n)
	}
	return nil
}

func (s *journalSink) commit() {
	for _, c := range s.late {
		s.cursors[c.Name] = c.Data
	}
	s.late = nil
}

// settle commits what was appended, as the real line does by itself.
func (s *journalSink) settle(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit()
	return nil
}

func (s *journalSink) stored(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursors[name], nil
}

func (s *journalSink) store(_ context.Context, name string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursors[name] = data
	return nil
}

func (s *journalSink) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.count)
}

func recordsOf(c *event.Chunk) (out []string) {
	if c.Records != nil {
		for _, r := range c.Records {
			out = append(out, string(c.Data[r.Start:r.End]))
		}
		return out
	}
	for l := range strings.Lines(string(c.Data)) {
		out = append(out, strings.TrimRight(l, "\n"))
	}
	return out
}

// s3World is a bucket and what reads it.
type s3World struct {
	t    *testing.T
	s3   *testbed.S3Server
	sink *journalSink
	seen map[string]int // what became of objects
	mu   sync.Mutex
	lost []string
}

const testBucket = "logs"

func newS3World(t *testing.T) *s3World {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it starts servers")
	}
	w := &s3World{t: t, s3: testbed.S3(t), sink: newJournalSink(), seen: map[string]int{}}
	w.s3.Bucket(testBucket)
	return w
}

// objects is a new reader, as after a start of the process.
func (w *s3World) objects(change ...func(*ObjectOptions)) *Objects {
	o := ObjectOptions{
		Client: w.s3.Client(), Sink: w.sink, Scope: event.Scope{Account: "000000000000", Region: "us-east-1"}, MaxBytes: 1 << 30,
		Marks: NewMarks(w.sink.stored, w.sink.settle, false), Pool: NewPool(4), Now: time.Now, Sleep: shortly, Log: testLog(w.t),
		Observe: func(result string, _ int64) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.seen[result]++
		},
	}
	for _, f := range change {
		f(&o)
	}
	return NewObjects(o)
}

func (w *s3World) results() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.seen)
}

func (w *s3World) lose(_ context.Context, _ event.Scope, what string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost = append(w.lost, what+": "+err.Error())
}

func (w *s3World) losses() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.lost...)
}

// shortly is a sleep that a test has time for.
func shortly(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(min(d, 20*time.Millisecond)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// logLines are n records of a made-up log, one a line.
func logLines(name string, n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "{\"id\":\"%s-%d\",\"pad\":\"%x\"}\n", name, i, rand.Uint64())
	}
	return b.Bytes()
}

func zip(parts ...[]byte) []byte {
	var b bytes.Buffer
	for _, p := range parts { // a member each
		zw := gzip.NewWriter(&b)
		zw.Write(p)
		zw.Close()
	}
	return b.Bytes()
}

// trailKey is the key of a CloudTrail file.
func trailKey(account, region, stamp, id string) string {
	return fmt.Sprintf("AWSLogs/%s/CloudTrail/%s/%s/%s/%s/%[1]s_CloudTrail_%[2]s_%[6]s_%[7]s.json.gz", account, region, stamp[:4], stamp[4:6], stamp[6:8], stamp, id)
}

// trailFile is the content of a CloudTrail file.
func trailFile(ids ...string) []byte {
	var list []json.RawMessage
	for _, id := range ids {
		list = append(list, json.RawMessage(fmt.Sprintf(`{"eventVersion":"1.11","eventID":%q,"awsRegion":"eu-central-1","recipientAccountId":"111122223333"}`, id)))
	}
	b, err := json.Marshal(map[string]any{"Records": list})
	if err != nil {
		panic(err)
	}
	return b
}

// notice is the message of S3 for an object.
func notice(bucket, key, etag string, size int) string {
	return fmt.Sprintf(`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-01-31T12:00:00.000Z","eventName":"ObjectCreated:Put",`+
		`"s3":{"bucket":{"name":%q},"object":{"key":%q,"size":%d,"eTag":%q}}}]}`, bucket, strings.NewReplacer("=", "%3D", " ", "+").Replace(key), size, etag)
}

// once reports what was not counted exactly once.
func once(got map[string]int, want []byte) (wrong []string) {
	lines := map[string]bool{}
	for l := range strings.Lines(string(want)) {
		l = strings.TrimRight(l, "\n")
		lines[l] = true
		if got[l] != 1 {
			wrong = append(wrong, fmt.Sprintf("%.60s counted %d times", l, got[l]))
		}
	}
	for l, n := range got {
		if !lines[l] {
			wrong = append(wrong, fmt.Sprintf("%.60s, which nobody wrote, counted %d times", l, n))
		}
	}
	return wrong
}

// checkOnce fails the test unless every line was counted once.
func (w *s3World) checkOnce(want []byte) {
	w.t.Helper()
	if wrong := once(w.sink.counts(), want); len(wrong) > 0 {
		w.t.Errorf("%d records are wrong, such as %v", len(wrong), wrong[:min(3, len(wrong))])
	}
}

// clientWith is a client whose requests go through a function.
func (w *s3World) clientWith(rt roundTrip) *s3.Client {
	return w.s3.Client(func(o *s3.Options) { o.HTTPClient = rt })
}
