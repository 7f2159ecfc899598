package target_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
)

// TestWebhook: the body is the envelope of EventBridge, and the signature is
// that of body and time.
func TestWebhook(t *testing.T) {
	s := newSite(t)
	hook := &target.Webhook{Web: web(), URL: s.URL + "/x?y=1", Header: http.Header{"X-Team": {"red"}}, Key: []byte("secret")}
	e := event(t)
	if err := hook.Send(t.Context(), []publish.Event{e}); err != nil {
		t.Fatal(err)
	}
	r := s.last(t)
	v := decode(t, r.body)
	if at(t, v, "detail-type") != "GuardDuty Finding" || at(t, v, "detail", "type") != podType || at(t, v, "id") != e.ID || r.path != "/x?y=1" {
		t.Errorf("sent to %s: %s", r.path, r.body)
	}
	stamp := r.header.Get("Vedette-Timestamp")
	if want := "v1=" + target.Sign([]byte("secret"), stamp, r.body); r.header.Get("Vedette-Signature") != want || stamp != fmt.Sprint(now.Unix()) {
		t.Errorf("signature %q of %q, want %q", r.header.Get("Vedette-Signature"), stamp, want)
	}
	for name, want := range map[string]string{"X-Team": "red", "Content-Type": "application/json", "Vedette-Event-Id": e.ID} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// As `printf 1.x | openssl dgst -sha256 -hmac Jefe` prints it.
	if got := target.Sign([]byte("Jefe"), "1", []byte("x")); got != "2f7ccbd0f043456ad29514b2d24a8aa345ec6673a5db1b44e91c8ac99d1841e3" {
		t.Errorf("signature %q", got)
	}
}

// TestAnswers: what an answer means, that secrets are in no error, and that no
// redirect is followed.
func TestAnswers(t *testing.T) {
	elsewhere := newSite(t)
	for _, tt := range []struct {
		status  int
		header  map[string]string
		refused bool
		after   time.Duration
		ok      bool
	}{
		{status: 200, ok: true}, {status: 202, ok: true}, {status: 204, ok: true},
		{status: 400, refused: true}, {status: 413, refused: true}, {status: 422, refused: true},
		{status: 401}, {status: 403}, {status: 404}, {status: 410}, {status: 500}, {status: 502},
		{status: 429, header: map[string]string{"Retry-After": "120"}, after: 2 * time.Minute},
		{status: 503, header: map[string]string{"Retry-After": now.Add(time.Hour).Format(http.TimeFormat)}, after: time.Hour},
		{status: 429, header: map[string]string{"Retry-After": "soon"}},
		{status: 307, header: map[string]string{"Location": elsewhere.URL}},
	} {
		s := newSite(t)
		s.answer = func(*http.Request, []byte) (int, map[string]string, string) {
			return tt.status, tt.header, strings.Repeat("why: s3cr3t \x1b[31m", 100)
		}
		err := (&target.Webhook{Web: web("s3cr3t"), URL: s.URL + "/s3cr3t"}).Send(t.Context(), []publish.Event{event(t)})
		refused, later := (*publish.RefusedError)(nil), (*publish.LaterError)(nil)
		if (err == nil) != tt.ok || errors.As(err, &refused) != tt.refused {
			t.Errorf("%d: %v", tt.status, err)
		}
		if errors.As(err, &later) != (tt.after > 0) || later != nil && later.After != tt.after {
			t.Errorf("%d: to come again: %v", tt.status, err)
		}
		if err != nil {
			mustLack(t, fmt.Sprint(tt.status), err.Error(), append(unseen(), "s3cr3t")...)
			if len(err.Error()) > 500 {
				t.Errorf("%d: an error of %d bytes", tt.status, len(err.Error()))
			}
		}
	}
	if len(elsewhere.requests) > 0 {
		t.Error("a redirect was followed")
	}
	err := (&target.Webhook{Web: web("s3cr3t"), URL: "http://127.0.0.1:1/s3cr3t"}).Send(t.Context(), []publish.Event{event(t)})
	if err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestTLS: a server that nobody vouches for is not told anything.
func TestTLS(t *testing.T) {
	s := newSite(t)
	secure := startTLS(t, s)
	err := (&target.Webhook{Web: web(), URL: secure}).Send(t.Context(), []publish.Event{event(t)})
	if err == nil || !strings.Contains(err.Error(), "certificate") || len(s.requests) > 0 {
		t.Errorf("%v, %d requests", err, len(s.requests))
	}
}

// TestTemplate: a template makes JSON, of hostile text too; what is none is
// refused and not sent.
func TestTemplate(t *testing.T) {
	s := newSite(t)
	tmpl, err := target.ParseTemplate(`{"text": {{json .detail.title}}, "severity": {{.detail.severity}}, "update": {{.update}}, "key": {{json .incident.Key}}}`)
	if err != nil {
		t.Fatal(err)
	}
	hook := &target.Webhook{Web: web(), Form: target.Form{Format: target.FormatTemplate, Template: tmpl}, URL: s.URL}
	if err := hook.Send(t.Context(), []publish.Event{wild(t)}); err != nil {
		t.Fatal(err)
	}
	if v := decode(t, s.last(t).body); !strings.Contains(at(t, v, "text").(string), "<!channel>") || at(t, v, "key") != "k" {
		t.Errorf("made %v", v)
	}
	if hook.Template, err = target.ParseTemplate(`{"text": "{{.detail.title}}"}`); err != nil {
		t.Fatal(err)
	}
	refused := (*publish.RefusedError)(nil)
	if err := hook.Send(t.Context(), []publish.Event{wild(t)}); !errors.As(err, &refused) || len(s.requests) != 1 {
		t.Errorf("what is no JSON: %v, %d requests", err, len(s.requests))
	}
}

// TestCloudEvents: both modes have the attributes of version 1.0.
func TestCloudEvents(t *testing.T) {
	s := newSite(t)
	e := event(t)
	for _, format := range []string{target.FormatCloudEvents, target.FormatBinary} {
		hook := &target.Webhook{Web: web(), Form: target.Form{Format: format}, URL: s.URL}
		if err := hook.Send(t.Context(), []publish.Event{e}); err != nil {
			t.Fatal(err)
		}
		r := s.last(t)
		v := decode(t, r.body)
		get, data := func(name string) any { return v[name] }, v["data"]
		if format == target.FormatBinary {
			get, data = func(name string) any { return r.header.Get("ce-" + name) }, any(v)
			if r.header.Get("Content-Type") != "application/json" {
				t.Errorf("content type %q", r.header.Get("Content-Type"))
			}
		} else if r.header.Get("Content-Type") != "application/cloudevents+json; charset=UTF-8" {
			t.Errorf("content type %q", r.header.Get("Content-Type"))
		}
		for name, want := range map[string]string{
			"specversion": "1.0", "id": e.ID, "type": "io.github.vedette-project.finding.created", "source": "/vedette/" + account + "/" + region,
			"subject": e.Finding().ID, "time": "2026-05-01T12:00:00Z",
		} {
			if get(name) != want {
				t.Errorf("%s: %s is %v, want %s", format, name, get(name), want)
			}
		}
		if at(t, data, "type") != podType {
			t.Errorf("%s: data %v", format, data)
		}
	}
}

// FuzzAnswer: a target may answer anything.
func FuzzAnswer(f *testing.F) {
	f.Add(400, "120", []byte(`{"message":"x"}`))
	f.Add(429, "Fri, 01 May 2026 12:00:00 GMT", []byte("\xff\x00"))
	f.Fuzz(func(t *testing.T, status int, after string, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		w := web("secret")
		w.Client = &http.Client{Transport: fixed{status, after, body}}
		for _, to := range []publish.Target{
			&target.Webhook{Web: w, URL: "http://x/"}, &target.Slack{Web: w, URL: "http://x/"}, &target.OTLP{Web: w, URL: "http://x"},
			&target.Jira{Web: w, URL: "http://x", Project: "P", Issue: "Task"},
		} {
			if err := to.Send(t.Context(), []publish.Event{event(t)}); err != nil {
				mustLack(t, "error", err.Error(), unseen()...)
			}
		}
	})
}

// fixed answers every request alike.
type fixed struct {
	status int
	after  string
	body   []byte
}

func (f fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: f.status, Header: http.Header{"Retry-After": {f.after}}, Body: readCloser(f.body), Request: r}, nil
}

// TestFormats: every form of every kind of finding is what it says it is.
func TestFormats(t *testing.T) {
	for _, e := range []publish.Event{event(t), wild(t), health(t, false, hostile)} {
		for _, format := range target.Formats() {
			if format == target.FormatTemplate || e.Finding() == nil && (format == target.FormatOCSF || format == target.FormatASFF) {
				continue
			}
			s := newSite(t)
			hook := &target.Webhook{Web: web(), Form: target.Form{Format: format, Version: "1.2"}, URL: s.URL}
			if err := hook.Send(t.Context(), []publish.Event{e}); err != nil {
				t.Errorf("%s: %v", format, err)
				continue
			}
			body := s.last(t).body
			if format == target.FormatCEF || format == target.FormatText {
				mustLack(t, format, string(body), unseen()...)
			} else if !json.Valid(body) {
				t.Errorf("%s is no JSON: %s", format, body)
			}
		}
	}
}
