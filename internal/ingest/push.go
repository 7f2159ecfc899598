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
)

// PushOptions are what the push endpoint needs; all fields are required
// unless said otherwise.
type PushOptions struct {
	Sink Sink
	// Scope is the account and Region of pushed records; the path names the cluster.
	Scope event.Scope
	// ValidCluster says whether a name can be a cluster's.
	ValidCluster func(string) bool
	// Authorize decides whether a request may push. A *Denied says why not; any
	// other error means that it could not be decided.
	Authorize func(*http.Request) error
	MaxBody   int64 // bytes, also after decompression
	Now       func() time.Time
	Log       *slog.Logger
	// Observe, if set, is told of each push: its status and size.
	Observe func(status int, bytes int)
}

// NewPush serves POST /ingest/k8s-audit/{cluster}, as the audit webhook of an
// API server calls it. 200 means that every record is in the journal, on disk;
// 429 and 503 mean that the sender shall come again.
func NewPush(o PushOptions) http.Handler {
	p := &push{o, make(chan []byte, maxBodies)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ingest/k8s-audit/{cluster}", p.k8sAudit)
	mux.HandleFunc("/ingest/k8s-audit/{cluster}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "POST")
		http.Error(w, "records are pushed with POST", http.StatusMethodNotAllowed)
	})
	mux.HandleFunc("/ingest/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, fmt.Sprintf("there is no %s; audit events are pushed to /ingest/k8s-audit/CLUSTER", r.URL.Path), http.StatusNotFound)
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

func (p *push) k8sAudit(w http.ResponseWriter, r *http.Request) {
	n, err := p.accept(r)
	status := http.StatusOK
	if err != nil {
		status = p.fail(w, r, err)
	}
	if p.Observe != nil {
		p.Observe(status, n)
	}
}

func (p *push) accept(r *http.Request) (int, error) {
	if err := p.Authorize(r); err != nil {
		var denied *Denied
		if errors.As(err, &denied) {
			return 0, &refusal{denied.Status, denied.Msg}
		}
		return 0, fmt.Errorf("check the credentials: %w", err)
	}
	cluster := r.PathValue("cluster")
	if !p.ValidCluster(cluster) {
		return 0, &refusal{http.StatusBadRequest, fmt.Sprintf("%q is not a cluster name", cluster)}
	}
	body, err := p.body(r)
	if err != nil {
		return len(body), err
	}
	scope := p.Scope
	scope.Cluster = cluster
	c := event.Chunk{Stream: r.URL.Path, Received: p.Now().UTC(), Scope: scope, OneAccount: true, Data: body}
	if json := bytes.TrimSpace(body); len(json) > 0 && (json[0] == '{' || json[0] == '[') && !manyLines(json) {
		c.Records = []event.Span{{Start: 0, End: len(body)}} // one document, on however many lines
	}
	in := &Push{Chunk: c, Recycle: func() { p.recycle(body) }}
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	if err := p.Sink.Append(ctx, in); err != nil {
		return len(body), err
	}
	if in.Result.Events == 0 && in.Result.Malformed > 0 { // counted, and the sender should know
		return len(body), &refusal{http.StatusBadRequest, "no audit event in the body: " + in.Result.Detail}
	}
	return len(body), nil
}

// answerWithin bounds how long a push waits for the journal. The webhook of an
// API server waits 30 s for an answer, and would not learn that it is to come
// again. What is kept after all counts once.
const answerWithin = 20 * time.Second

// manyLines reports whether a body is JSON lines rather than one document.
func manyLines(b []byte) bool {
	return bytes.IndexByte(b, '\n') >= 0 && detect(b, true) == lines
}

// body reads and unpacks the request, never more than MaxBody bytes.
func (p *push) body(r *http.Request) ([]byte, error) {
	raw := http.MaxBytesReader(nil, r.Body, p.MaxBody)
	var in io.Reader = raw
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		zr, err := gzip.NewReader(raw)
		if err != nil {
			return nil, &refusal{http.StatusBadRequest, "the body is not gzip, as Content-Encoding says"}
		}
		defer zr.Close()
		in = zr
	case "zstd":
		zr, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, &refusal{http.StatusBadRequest, "the body is not zstd, as Content-Encoding says"}
		}
		defer zr.Close()
		in = zr
	default:
		return nil, &refusal{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Encoding %q is not read; use gzip, zstd or none", enc)}
	}
	buf := bytes.NewBuffer(p.memory(max(r.ContentLength, 0) + bytes.MinRead))
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
	var refused *refusal
	var tooLarge *TooLargeError
	status, msg := http.StatusServiceUnavailable, "the records could not be stored; send them again"
	switch {
	case errors.As(err, &refused):
		status, msg = refused.status, refused.msg
	case errors.Is(err, ErrFull):
		status, msg = http.StatusTooManyRequests, "too much input is waiting; send the records again"
		p.Log.Warn("there is no room for a push; its sender is told to come again", "path", r.URL.Path, "err", err)
	case errors.As(err, &tooLarge):
		status, msg = http.StatusRequestEntityTooLarge, tooLarge.Error()
	case errors.Is(err, context.Canceled):
		p.Log.Debug("a push was given up by its sender", "path", r.URL.Path)
	default:
		p.Log.Error("a push could not be stored", "path", r.URL.Path, "err", err)
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(1))
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="vedette"`)
	}
	http.Error(w, msg, status)
	return status
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
