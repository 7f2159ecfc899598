package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/uplink"
)

// recordingSink keeps what was appended, and answers with err.
type recordingSink struct {
	mu     sync.Mutex
	pushes []*Push
	err    error
	result Result
}

func (s *recordingSink) Append(_ context.Context, p *Push) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	p.Result = s.result
	s.pushes = append(s.pushes, p)
	return nil
}

func newTestPush(s Sink) http.Handler {
	return NewPush(PushOptions{
		Sink: s, Scope: event.Scope{Account: "1", Region: "r"}, ValidCluster: func(n string) bool { return n != "bad!" }, MaxBody: 1 << 20,
		Authorize: func(r *http.Request) error {
			switch r.Header.Get("Authorization") {
			case "Bearer good":
				return nil
			case "Bearer reader":
				return &Denied{http.StatusForbidden, "may read only"}
			case "Bearer undecided":
				return errors.New("disk")
			}
			return &Denied{http.StatusUnauthorized, "no token"}
		},
		Now: func() time.Time { return time.Unix(1, 0) }, Log: slog.New(slog.DiscardHandler),
	})
}

func do(h http.Handler, method, path, token, encoding string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPush(t *testing.T) {
	list := `{"kind":"EventList","items":[{}]}`
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	zw.Write([]byte(list))
	zw.Close()
	var bomb bytes.Buffer
	zw = gzip.NewWriter(&bomb)
	zw.Write(bytes.Repeat([]byte(" "), 2<<20))
	zw.Close()
	for name, tc := range map[string]struct {
		method, path, token, encoding, body string
		err                                 error
		result                              Result
		want                                int
		taken                               bool
	}{
		"taken":           {"POST", "/ingest/k8s-audit/prod?timeout=30s", "good", "", list, nil, Result{Events: 1}, 200, true},
		"gzip":            {"POST", "/ingest/k8s-audit/prod", "good", "gzip", zipped.String(), nil, Result{}, 200, true},
		"told by content": {"POST", "/ingest/k8s-audit/prod", "good", "", zipped.String(), nil, Result{}, 200, true},
		"bomb by content": {"POST", "/ingest/k8s-audit/prod", "good", "", bomb.String(), nil, Result{}, 413, false},
		"empty":           {"POST", "/ingest/k8s-audit/prod", "good", "", "", nil, Result{}, 200, true},
		"no token":        {"POST", "/ingest/k8s-audit/prod", "", "", list, nil, Result{}, 401, false},
		"wrong token":     {"POST", "/ingest/k8s-audit/prod", "bad", "", list, nil, Result{}, 401, false},
		"other role":      {"POST", "/ingest/k8s-audit/prod", "reader", "", list, nil, Result{}, 403, false},
		"keys unreadable": {"POST", "/ingest/k8s-audit/prod", "undecided", "", list, nil, Result{}, 503, false},
		"get":             {"GET", "/ingest/k8s-audit/prod", "good", "", "", nil, Result{}, 405, false},
		"other path":      {"POST", "/ingest/nothing", "good", "", list, nil, Result{}, 404, false},
		"bad cluster":     {"POST", "/ingest/k8s-audit/bad!", "good", "", list, nil, Result{}, 400, false},
		"not gzip":        {"POST", "/ingest/k8s-audit/prod", "good", "gzip", list, nil, Result{}, 400, false},
		"unknown coding":  {"POST", "/ingest/k8s-audit/prod", "good", "br", list, nil, Result{}, 415, false},
		"too large":       {"POST", "/ingest/k8s-audit/prod", "good", "", strings.Repeat("x", 2<<20), nil, Result{}, 413, false},
		"bomb":            {"POST", "/ingest/k8s-audit/prod", "good", "gzip", bomb.String(), nil, Result{}, 413, false},
		"full":            {"POST", "/ingest/k8s-audit/prod", "good", "", list, ErrFull, Result{}, 429, false},
		"store down":      {"POST", "/ingest/k8s-audit/prod", "good", "", list, errors.New("disk"), Result{}, 503, false},
		"nothing of ours": {"POST", "/ingest/k8s-audit/prod", "good", "", "hello", nil, Result{Malformed: 1, Detail: "not JSON"}, 400, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &recordingSink{err: tc.err, result: tc.result}
			w := do(newTestPush(s), tc.method, tc.path, tc.token, tc.encoding, strings.NewReader(tc.body))
			if w.Code != tc.want || (len(s.pushes) == 1) != tc.taken {
				t.Errorf("status %d, want %d; %d taken; %s", w.Code, tc.want, len(s.pushes), w.Body)
			}
			if retry := w.Header().Get("Retry-After") != ""; retry != (tc.want == 429 || tc.want == 503) {
				t.Errorf("Retry-After is %v for %d", retry, w.Code)
			}
			if strings.Contains(w.Body.String(), "disk") {
				t.Error("the answer tells what happens inside")
			}
			if got := w.Header().Get(uplink.HeaderRefused) != ""; got != (tc.want == 400 && tc.taken) { // the sender need not come again
				t.Errorf("%s is %q for %d", uplink.HeaderRefused, w.Header().Get(uplink.HeaderRefused), w.Code)
			}
			if tc.taken && s.pushes[0].Chunk.Scope.Cluster != "prod" {
				t.Errorf("scope %v", s.pushes[0].Chunk.Scope)
			}
		})
	}
}

// TestPushIsUnpacked: a compressed body is the same to the journal, whether the
// sender says that it is compressed or its first bytes do.
func TestPushIsUnpacked(t *testing.T) {
	const list = `{"kind":"EventList","items":[{}]}`
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	zw.Write([]byte(list))
	zw.Close()
	for _, encoding := range []string{"gzip", "identity", ""} {
		s := &recordingSink{}
		w := do(newTestPush(s), "POST", "/ingest/k8s-audit/prod", "good", encoding, bytes.NewReader(zipped.Bytes()))
		if len(s.pushes) != 1 || string(s.pushes[0].Chunk.Data) != list {
			t.Errorf("%q: %d %s", encoding, w.Code, w.Body)
		}
	}
}

// TestPushShapes: one document however long its lines are; JSON lines stay lines.
func TestPushShapes(t *testing.T) {
	for body, one := range map[string]bool{
		`{"items":[]}`: true, "{\n \"items\": []\n}\n": true, "[\n{}\n]": true, "{}\n{}\n": false, "{}\n": false, "x": false,
	} {
		s := &recordingSink{}
		do(newTestPush(s), "POST", "/ingest/k8s-audit/prod", "good", "", strings.NewReader(body))
		if got := s.pushes[0].Chunk.Records != nil; got != one && body != "{}\n" {
			t.Errorf("%q: one document %v, want %v", body, got, one)
		}
	}
}

// TestPushSaysItsShape: a sender that knows what its body is has the last word.
func TestPushSaysItsShape(t *testing.T) {
	for _, body := range []string{`{"items":[]}`, "{\n \"items\": []\n}\n", "[\n{}\n]", "{}\n{}\n", "x\ny", ""} {
		for media, one := range map[string]bool{uplink.MediaDocument: true, uplink.MediaLines: false} {
			s := &recordingSink{}
			r := httptest.NewRequest("POST", "/ingest/k8s-audit/prod", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer good")
			r.Header.Set("Content-Type", media)
			newTestPush(s).ServeHTTP(httptest.NewRecorder(), r)
			if len(s.pushes) != 1 || (s.pushes[0].Chunk.Records != nil) != one {
				t.Errorf("%q as %s: %+v", body, media, s.pushes)
			}
		}
	}
}

// stuckSink is a journal that does not answer.
type stuckSink struct{}

func (stuckSink) Append(ctx context.Context, _ *Push) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestPushIsAnsweredInTime: a sender learns that it is to come again before
// the webhook of an API server gives up, after 30 s.
func TestPushIsAnsweredInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := do(newTestPush(stuckSink{}), http.MethodPost, "/ingest/k8s-audit/prod", "good", "", strings.NewReader("{}"))
		if took := time.Since(start); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" || took != answerWithin {
			t.Errorf("status %d after %s", w.Code, took)
		}
	})
}
