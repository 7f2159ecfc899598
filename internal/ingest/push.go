package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/trace"
	"github.com/vedette-project/vedette/internal/uplink"
)

// PushOptions are what the push endpoint needs; all fields are required
// unless said otherwise.
type PushOptions struct {
	Sink Sink
	// Scope is the account and Region of pushed records; the path names the cluster.
	Scope event.Scope
	// Cluster is that of records of a cluster which come by another path and do
	// not name theirs.
	Cluster string
	// ValidCluster says whether a name can be a cluster's.
	ValidCluster func(string) bool
	// Authorize decides whether a request may push. A *Denied says why not; any
	// other error means that it could not be decided.
	Authorize func(*http.Request) error
	// Only, if set, is asked after Authorize: the one cluster whose records the
	// request may bring, "" for any.
	Only    func(*http.Request) string
	MaxBody int64 // bytes, also after decompression
	Now     func() time.Time
	Log     *slog.Logger
	// Observe, if set, is told of each push: its status and size.
	Observe func(status int, bytes int)
	// Tracer follows pushes; nil follows none.
	Tracer *trace.Tracer
}

// NewPush serves POST /ingest/k8s-audit/{cluster}, as the audit webhook of an
// API server calls it, /ingest/cloudtrail, /ingest/vpc-flow and /ingest/dns,
// what sensors on nodes send, and what Firehose delivers. 200 means that every record is in the journal, on
// disk; 429 and 503 mean that the sender shall come again.
func NewPush(o PushOptions) http.Handler {
	p := &push{o, make(chan []byte, maxBodies)}
	mux := http.NewServeMux()
	handle := func(path string, h http.HandlerFunc) {
		mux.HandleFunc("POST "+path, h)
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", "POST")
			http.Error(w, "records are pushed with POST", http.StatusMethodNotAllowed)
		})
	}
	handle("/ingest/k8s-audit/{cluster}", p.records(p.auditChunk))
	for _, source := range []event.Source{event.CloudTrail, event.VPCFlow, event.DNS} {
		handle("/ingest/"+string(source), p.records(p.plainChunk(source)))
	}
	for _, path := range sensorPaths() {
		handle(path, p.records(p.runtimeChunk))
		handle(path+"/{cluster}", p.records(p.runtimeChunk))
	}
	f := newFirehose(p)
	handle("/ingest/firehose", f.serve)
	handle("/ingest/firehose/{source}", f.serve)
	mux.HandleFunc("/ingest/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, fmt.Sprintf("there is no %s; records are pushed to /ingest/k8s-audit/CLUSTER, /ingest/cloudtrail, /ingest/vpc-flow, "+
			"/ingest/dns, /ingest/runtime, /ingest/falco/CLUSTER, /ingest/tetragon/CLUSTER, /ingest/tracee/CLUSTER, and by Firehose to /ingest/firehose", r.URL.Path), http.StatusNotFound)
	})
	return mux
}

type push struct {
	PushOptions
	bodies chan []byte // memory of bodies that were judged
}

// Bounds of the memory that is kept for bodies to come.
const (
	maxBodies   = 32
	maxBodyKept = 2 << 20
)

// Denied is why a request may not push; it is shown to the caller.
type Denied struct {
	Status int // 401 without good credentials, 403 with credentials for other things
	Msg    string
}

func (e *Denied) Error() string { return e.Msg }

// refusal is an error with the status that tells it.
type refusal struct {
	status int
	msg    string
}

func (e *refusal) Error() string { return e.msg }

// noRecordError says that it is the records that are bad, not the request.
type noRecordError struct{ msg string }

func (e *noRecordError) Error() string { return e.msg }

// records serves a path whose body is nothing but records. The chunk says what
// they are and where they belong.
func (p *push) records(chunk func(*http.Request) (event.Chunk, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		span := p.Tracer.Start(trace.Context{}, "push", trace.Server)
		n, err := p.accept(r, chunk, span)
		status := http.StatusOK
		if err != nil {
			status = p.fail(w, within(r, span), err)
		}
		endPush(span, r, status, n)
		if p.Observe != nil {
			p.Observe(status, n)
		}
	}
}

func (p *push) auditChunk(r *http.Request) (event.Chunk, error) {
	cluster := r.PathValue("cluster")
	if !p.ValidCluster(cluster) {
		return event.Chunk{}, &refusal{http.StatusBadRequest, fmt.Sprintf("%q is not a cluster name", cluster)}
	}
	scope := p.Scope
	scope.Cluster = cluster
	return event.Chunk{Scope: scope, OneAccount: true}, nil
}

// plainChunk is for the logs of AWS accounts. The records name their account
// and Region themselves; ?format= names the fields of flow log lines.
func (p *push) plainChunk(source event.Source) func(*http.Request) (event.Chunk, error) {
	return func(r *http.Request) (event.Chunk, error) {
		return event.Chunk{Scope: p.Scope, Source: source, Format: r.URL.Query().Get("format")}, nil
	}
}

// admit checks the credentials of a request.
func (p *push) admit(r *http.Request) error {
	err := p.Authorize(r)
	var denied *Denied
	switch {
	case err == nil:
		return nil
	case errors.As(err, &denied):
		return &refusal{denied.Status, denied.Msg}
	}
	return fmt.Errorf("check the credentials: %w", err)
}

func (p *push) accept(r *http.Request, chunk func(*http.Request) (event.Chunk, error), span *trace.Span) (int, error) {
	if err := p.admit(r); err != nil {
		return 0, err
	}
	span.Follow(trace.Parse(r.Header.Get(trace.Header)))
	c, err := chunk(r)
	if err != nil {
		return 0, err
	}
	confined, err := p.confine(r, &c)
	if err != nil {
		return 0, err
	}
	body, err := p.body(r)
	if err != nil {
		return len(body), err
	}
	c.Stream, c.Received, c.Data = r.URL.Path, p.Now().UTC(), body
	if header, _, _ := bytes.Cut(body, []byte{'\n'}); c.Source == event.VPCFlow && c.Format == "" && event.IsFlowHeader(header) {
		c.Format = string(header)
	}
	if isDocument(r.Header.Get("Content-Type"), body) {
		c.Records = []event.Span{{Start: 0, End: len(body)}}
	}
	in := &Push{Chunk: c, Confined: confined, Recycle: func() { p.recycle(body) }, Trace: span.Context()}
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	if err := p.Sink.Append(ctx, in); err != nil {
		return len(body), err
	}
	span.Int("vedette.records", in.Result.Events+in.Result.Malformed)
	span.Text("vedette.source", string(in.Result.Source))
	span.Text("k8s.cluster.name", c.Scope.Cluster)
	if in.Result.Events == 0 && in.Result.Malformed > 0 { // counted, and the sender should know
		return len(body), &noRecordError{"no " + recordOf(c.Source) + " in the body: " + in.Result.Detail}
	}
	return len(body), nil
}

// recordOf is what one record of a source is called.
func recordOf(s event.Source) string {
	switch s {
	case event.CloudTrail:
		return "CloudTrail event"
	case event.VPCFlow:
		return "flow log record"
	case event.DNS:
		return "query log record"
	case event.RuntimeEvents:
		return "record of a sensor"
	}
	return "audit event"
}

// answerWithin bounds how long a push waits for the journal. The webhook of an
// API server waits 30 s for an answer, and would not learn that it is to come
// again. What is kept after all counts once.
const answerWithin = 20 * time.Second

// isDocument reports whether a body is one document, on however many lines,
// rather than a record on each line.
func isDocument(media string, body []byte) bool {
	switch media {
	case uplink.MediaLines:
		return false
	case uplink.MediaDocument:
		return true
	}
	json := bytes.TrimSpace(body)
	if len(json) == 0 || json[0] != '{' && json[0] != '[' {
		return false
	}
	return bytes.IndexByte(json, '\n') < 0 || detect(json, true) != lines
}

// body reads and unpacks the request, never more than MaxBody bytes. Without a
// Content-Encoding the content tells, as it does of files: a log of S3 is mostly
// pushed as it lies there.
func (p *push) body(r *http.Request) ([]byte, error) {
	raw := http.MaxBytesReader(nil, r.Body, p.MaxBody)
	enc := r.Header.Get("Content-Encoding")
	body, err := p.unpack(raw, enc, r.ContentLength)
	if enc != "" && enc != "identity" || err != nil {
		return body, err
	}
	switch {
	case bytes.HasPrefix(body, []byte{0x1f, 0x8b}):
		enc = "gzip"
	case bytes.HasPrefix(body, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		enc = "zstd"
	default:
		return body, nil
	}
	defer p.recycle(body)
	return p.unpack(bytes.NewReader(body), enc, r.ContentLength)
}

// unpack reads a body of this encoding and, where known, size.
func (p *push) unpack(raw io.Reader, enc string, size int64) ([]byte, error) {
	in := raw
	switch enc {
	case "", "identity":
	case "gzip":
		zr, err := gzip.NewReader(raw)
		if err != nil {
			return nil, &refusal{http.StatusBadRequest, "the body is not gzip, as its Content-Encoding or its first bytes say"}
		}
		defer zr.Close()
		in = zr
	case "zstd":
		zr, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, &refusal{http.StatusBadRequest, "the body is not zstd, as its Content-Encoding or its first bytes say"}
		}
		defer zr.Close()
		in = zr
	default:
		return nil, &refusal{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Encoding %q is not read; use gzip, zstd or none", enc)}
	}
	buf := bytes.NewBuffer(p.memory(max(size, 0) + bytes.MinRead))
	_, err := buf.ReadFrom(io.LimitReader(in, p.MaxBody+1))
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig), err == nil && int64(buf.Len()) > p.MaxBody:
		return nil, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("a push may have %d bytes at most; raise ingest.maxBodyBytes or lower --audit-webhook-batch-max-size", p.MaxBody)}
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, "the body cannot be read: " + err.Error()}
	}
	return buf.Bytes(), nil
}

// memory is an empty buffer for a body of about this size.
func (p *push) memory(size int64) []byte {
	select {
	case b := <-p.bodies:
		if int64(cap(b)) >= size {
			return b[:0]
		}
	default:
	}
	return make([]byte, 0, min(size+size/8, maxBodyKept))
}

func (p *push) recycle(b []byte) {
	if cap(b) > maxBodyKept {
		return
	}
	select {
	case p.bodies <- b:
	default:
	}
}

func (p *push) fail(w http.ResponseWriter, r *http.Request, err error) int {
	status, msg := p.verdict(w, r, err)
	http.Error(w, msg, status)
	return status
}

// verdict is what a sender is told of an error; it sets the headers that go
// with the status.
func (p *push) verdict(w http.ResponseWriter, r *http.Request, err error) (int, string) {
	var refused *refusal
	var denied *Denied
	var noRecord *noRecordError
	var tooLarge *TooLargeError
	status, msg := http.StatusServiceUnavailable, "the records could not be stored; send them again"
	switch {
	case errors.As(err, &refused):
		status, msg = refused.status, refused.msg
	case errors.As(err, &noRecord):
		status, msg = http.StatusBadRequest, noRecord.msg
		w.Header().Set(uplink.HeaderRefused, uplink.RefusedRecords)
	case errors.As(err, &denied):
		status, msg = denied.Status, denied.Msg
	case errors.Is(err, ErrFull):
		status, msg = http.StatusTooManyRequests, "too much input is waiting; send the records again"
		p.Log.WarnContext(r.Context(), "there is no room for a push; its sender is told to come again", "path", r.URL.Path, "err", err)
	case errors.As(err, &tooLarge):
		status, msg = http.StatusRequestEntityTooLarge, tooLarge.Error()
	case errors.Is(err, context.Canceled):
		p.Log.DebugContext(r.Context(), "a push was given up by its sender", "path", r.URL.Path)
	default:
		p.Log.ErrorContext(r.Context(), "a push could not be stored", "path", r.URL.Path, "err", err)
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(1))
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="vedette"`)
	}
	return status, msg
}

// FromLoopback reports whether a request came from this machine.
func FromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
