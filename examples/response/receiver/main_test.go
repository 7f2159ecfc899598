package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
)

const key = "0123456789abcdef0123456789abcdef"

// What Vedette's own webhook sends is kept once, whatever it repeats; what
// somebody else sends, or sends again later, is not.
func TestOnlyWhatVedetteSignedIsKept(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	r, err := newReceiver([]byte(key), dir, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	var sent *http.Request
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(q.Body)
		sent, body = q.Clone(context.Background()), b.Bytes()
		q.Body = http.MaxBytesReader(w, readCloser{bytes.NewReader(body)}, maxBody)
		r.ServeHTTP(w, q)
	}))
	defer srv.Close()
	hook := &target.Webhook{URL: srv.URL, Key: []byte(key), Form: target.Form{Format: "finding"}}
	hook.Now, hook.Client = func() time.Time { return now }, srv.Client()
	events := []publish.Event{{ID: "3002dc53-b2ad-8279-b796-10822044f6c4", Detail: &finding.Finding{ID: "3865f806c2b54b8f9e52c7f0a4a3b2c1", Type: "Execution:Kubernetes/ExecInPod"}}}
	for range 2 {
		if err := hook.Send(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 1 {
		t.Fatalf("the folder has %q", files)
	}
	text, err := os.ReadFile(files[0])
	var f finding.Finding
	if err != nil || json.Unmarshal(text, &f) != nil || f.ID != events[0].Finding().ID {
		t.Errorf("%s holds %s, %v", files[0], text, err)
	}

	again := func(change func(*http.Request)) int {
		q := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		q.Header = sent.Header.Clone()
		change(q)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		return w.Code
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"as it was":       {func(*http.Request) {}, 204},
		"another body":    {func(q *http.Request) { q.Body = readCloser{bytes.NewReader(append([]byte(" "), body...))} }, 401},
		"another moment":  {func(q *http.Request) { q.Header.Set("Vedette-Timestamp", "1777636801") }, 401},
		"no moment":       {func(q *http.Request) { q.Header.Del("Vedette-Timestamp") }, 401},
		"no signature":    {func(q *http.Request) { q.Header.Del("Vedette-Signature") }, 401},
		"another version": {func(q *http.Request) { q.Header.Set("Vedette-Signature", "v2="+q.Header.Get("Vedette-Signature")[3:]) }, 401},
		"another key": {func(q *http.Request) {
			q.Header.Set("Vedette-Signature", "v1="+target.Sign([]byte("another"), q.Header.Get("Vedette-Timestamp"), body))
		}, 401},
		"a path for an id":   {func(q *http.Request) { q.Header.Set("Vedette-Event-Id", "../../../../../../etc/cron.d/aaaaaaaa") }, 400},
		"a GET":              {func(q *http.Request) { q.Method = http.MethodGet }, 405},
		"more than it holds": {func(q *http.Request) { q.Body = readCloser{bytes.NewReader(make([]byte, maxBody+1))} }, 400},
	} {
		if status := again(c.change); status != c.status {
			t.Errorf("%s: %d, want %d", name, status, c.status)
		}
	}
	now = now.Add(6 * time.Minute)
	if status := again(func(*http.Request) {}); status != 401 {
		t.Errorf("six minutes later: %d", status)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
		t.Errorf("the folder has %q", files)
	}
	if _, err := newReceiver([]byte("short"), dir, time.Now); err == nil {
		t.Error("a short key was taken")
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }
