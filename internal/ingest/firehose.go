package ingest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/trace"
)

// firehose serves what Amazon Data Firehose delivers to an HTTP endpoint. It
// takes an answer for success only if the status is 200 and the body repeats
// the request's id, and sends again on everything else but 413.
type firehose struct {
	*push
	mu     sync.Mutex
	taken  map[[sha256.Size]byte]bool // requests that were answered 200
	recent [][sha256.Size]byte        // the same, oldest first
}

// maxTaken bounds the requests that are remembered: Firehose sends one again
// when our answer was lost, and flow logs have no id that would tell.
const maxTaken = 4096

func newFirehose(p *push) *firehose {
	return &firehose{push: p, taken: map[[sha256.Size]byte]bool{}}
}

// delivery is the body of a request.
type delivery struct {
	RequestID string           `json:"requestId"`
	Timestamp int64            `json:"timestamp"`
	Records   []deliveryRecord `json:"records"`
}

type deliveryRecord struct {
	Data []byte `json:"data"` // base64
}

// deliveryAnswer is the body of an answer.
type deliveryAnswer struct {
	RequestID string `json:"requestId"`
	Timestamp int64  `json:"timestamp"` // milliseconds
	Error     string `json:"errorMessage,omitempty"`
}

// maxFirehoseMessage is the longest errorMessage that Firehose keeps.
const maxFirehoseMessage = 8 << 10

func (f *firehose) serve(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Amz-Firehose-Request-Id")
	span := f.Tracer.Start(trace.Context{}, "push", trace.Server)
	n, err := f.take(r, &id, span)
	status, msg := http.StatusOK, ""
	if err != nil {
		if status, msg = f.verdict(w, within(r, span), err); len(msg) > maxFirehoseMessage {
			msg = strings.ToValidUTF8(msg[:maxFirehoseMessage], "")
		}
		f.Log.Debug("a delivery of Firehose was not taken", "request", id, "status", status, "reason", msg)
	}
	body, err := json.Marshal(deliveryAnswer{id, f.Now().UnixMilli(), msg})
	if err != nil {
		status, body = http.StatusServiceUnavailable, nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body))) // Firehose insists on it
	w.WriteHeader(status)
	w.Write(body)
	endPush(span, r, status, n)
	if f.Observe != nil {
		f.Observe(status, n)
	}
}

// take reads one delivery and appends all of it. The id is the one to answer with.
func (f *firehose) take(r *http.Request, id *string, span *trace.Span) (int, error) {
	presentKey(r)
	if err := f.admit(r); err != nil {
		return 0, err
	}
	span.Follow(trace.Parse(r.Header.Get(trace.Header)))
	if v := r.Header.Get("X-Amz-Firehose-Protocol-Version"); v != "" && v != "1.0" {
		return 0, &refusal{http.StatusBadRequest, fmt.Sprintf("X-Amz-Firehose-Protocol-Version %q is not known; 1.0 is", v)}
	}
	c, err := f.chunk(r)
	if err != nil {
		return 0, err
	}
	if confined, err := f.confine(r, &c); err != nil || confined {
		return 0, &refusal{http.StatusForbidden, "a service account delivers no streams of Firehose; use an access key of role ingest"}
	}
	body, err := f.body(r)
	if err != nil {
		return len(body), err
	}
	defer f.recycle(body) // what is appended is decoded from it, not part of it
	d, err := parseDelivery(body)
	if err != nil {
		return len(body), &refusal{http.StatusBadRequest, err.Error()}
	}
	if *id != "" && d.RequestID != *id {
		return len(body), &refusal{http.StatusBadRequest, fmt.Sprintf("requestId %q in the body is not that of X-Amz-Firehose-Request-Id", d.RequestID)}
	}
	*id = d.RequestID
	sum := sha256.Sum256(body)
	if f.took(sum) {
		return len(body), nil
	}
	if err := f.append(r, c, d, span); err != nil {
		return len(body), err
	}
	f.remember(sum)
	return len(body), nil
}

// presentKey makes the access key of a delivery stream the token of a request.
// It has the form of one, ID.SECRET, or ID:SECRET.
func presentKey(r *http.Request) {
	key := r.Header.Get("X-Amz-Firehose-Access-Key")
	if key == "" {
		return
	}
	if id, secret, ok := strings.Cut(key, ":"); ok && !strings.Contains(id, ".") {
		key = id + "." + secret
	}
	r.Header.Set("Authorization", "Bearer "+key)
}

// chunk is what the path, the query and the headers tell of the records.
func (f *firehose) chunk(r *http.Request) (event.Chunk, error) {
	arn := r.Header.Get("X-Amz-Firehose-Source-Arn")
	c := event.Chunk{Stream: r.URL.Path, Scope: f.Scope, Source: event.Source(r.PathValue("source")), Format: r.URL.Query().Get("format")}
	switch c.Source {
	case "", event.CloudTrail, event.VPCFlow, event.DNS:
	case event.K8sAudit, event.RuntimeEvents:
		name := r.URL.Query().Get("cluster")
		c.Scope.Cluster = cmp.Or(name, f.Cluster)
		own := name == "" && c.Source == event.RuntimeEvents // nodes may name it themselves
		if !own && !f.ValidCluster(c.Scope.Cluster) {
			return c, &refusal{http.StatusBadRequest, fmt.Sprintf("%q is not a cluster name", c.Scope.Cluster)}
		}
	default:
		return c, &refusal{http.StatusNotFound, fmt.Sprintf("%q is not a kind of record; use k8s-audit, cloudtrail, vpc-flow, dns, runtime, or nothing to have it found out", c.Source)}
	}
	// arn:PARTITION:firehose:REGION:ACCOUNT:deliverystream/NAME
	if part := strings.SplitN(arn, ":", 6); len(part) == 6 && part[2] == "firehose" && isAccount(part[4]) && isRegion(part[3]) {
		c.Scope.Region, c.Scope.Account = part[3], part[4]
		c.Stream = "firehose:" + arn
	}
	return c, nil
}

// append hands a delivery on in chunks. 200 may be answered only after all of
// them are safe.
func (f *firehose) append(r *http.Request, c event.Chunk, d *delivery, span *trace.Span) error {
	ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
	defer cancel()
	c.Received = f.Now().UTC()
	var events, malformed int64
	var detail string
	s := &splitter{limit: inflateFactor * f.MaxBody}
	flush := func() error {
		return s.cut(func(data []byte, records []event.Span) error {
			if head := data[records[0].Start:records[0].End]; (c.Source == event.VPCFlow || c.Source == "") && event.IsFlowHeader(head) {
				c.Format = string(head)
			}
			one := c
			one.Data, one.Records = data, records
			in := &Push{Chunk: one, Trace: span.Context()}
			if err := f.Sink.Append(ctx, in); err != nil {
				return err
			}
			if events, malformed = events+in.Result.Events, malformed+in.Result.Malformed; detail == "" {
				detail = in.Result.Detail
			}
			return nil
		})
	}
	for i, rec := range d.Records {
		if err := s.add(rec.Data); err != nil {
			return &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("record %d: %v", i+1, err)}
		}
		if len(s.data) >= chunkTarget {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	span.Int("vedette.records", events+malformed)
	if malformed > 0 { // they are counted; sending them again would not make them better
		f.Log.Warn("records of a delivery of Firehose could not be read", "request", d.RequestID, "stream", c.Stream, "malformed", malformed, "of", events+malformed, "first", detail)
	}
	return nil
}

func (f *firehose) took(sum [sha256.Size]byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.taken[sum]
}

func (f *firehose) remember(sum [sha256.Size]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.taken[sum] {
		return
	}
	if len(f.recent) >= maxTaken {
		delete(f.taken, f.recent[0])
		f.recent = f.recent[1:]
	}
	f.taken[sum] = true
	f.recent = append(f.recent, sum)
}
