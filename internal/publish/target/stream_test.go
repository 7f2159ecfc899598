package target_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
	"github.com/vedette-project/vedette/internal/testbed"
)

// TestNATS: a real server passes events on, a stream keeps each once, and what
// nobody keeps is not counted as sent.
func TestNATS(t *testing.T) {
	srv := testbed.NATSWith(t, 1, testbed.NATSOptions{MaxPayload: 1 << 16, Username: "u", Password: "p"})
	conn, err := nats.Connect(srv.URL(0), nats.UserInfo("u", "p"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sub, err := conn.SubscribeSync("findings.all")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	to := &target.NATS{Form: target.Form{Format: target.FormatCloudEvents}, URL: srv.URL(0), Options: []nats.Option{nats.UserInfo("u", "p")}, Subject: "findings.all"}
	e := wild(t)
	if err := to.Send(t.Context(), []publish.Event{e, health(t, false, "x")}); err != nil {
		t.Fatal(err)
	}
	m, err := sub.NextMsg(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if v := decode(t, m.Data); v["id"] != e.ID || v["specversion"] != "1.0" || m.Header.Get("Nats-Msg-Id") != e.ID {
		t.Errorf("message %v %s", m.Header, m.Data)
	}
	large := event(t)
	large.Finding().Description = strings.Repeat("x", 1<<17)
	refused := (*publish.RefusedError)(nil)
	if err := to.Send(t.Context(), []publish.Event{large}); !errors.As(err, &refused) {
		t.Errorf("too large: %v", err)
	}

	kept := &target.NATS{URL: srv.URL(0), Options: []nats.Option{nats.UserInfo("u", "p")}, Subject: "kept.findings", Stream: true}
	if err := kept.Send(t.Context(), []publish.Event{e}); err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "no stream") {
		t.Errorf("without a stream: %v", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept.>"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is known by its id
		if err := kept.Send(t.Context(), many(t, 2)); err != nil {
			t.Fatal(err)
		}
	}
	info, err := stream.Info(t.Context())
	if err != nil || info.State.Msgs != 2 {
		t.Errorf("the stream has %d messages, want 2 (%v)", info.State.Msgs, err)
	}
	srv.StopNode(0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := kept.Send(ctx, []publish.Event{e}); err == nil || errors.As(err, &refused) {
		t.Errorf("the server is gone: %v", err)
	}
}

// TestOTLP: log records in the JSON of OTLP; what a collector rejects is known.
func TestOTLP(t *testing.T) {
	s := newSite(t)
	s.answer = func(*http.Request, []byte) (int, map[string]string, string) { return 200, nil, `{"partialSuccess":{}}` }
	to := &target.OTLP{Web: web(), URL: s.URL + "/", Header: http.Header{"X-Key": {"k"}}}
	if err := to.Send(t.Context(), []publish.Event{event(t), wild(t), health(t, false, hostile)}); err != nil {
		t.Fatal(err)
	}
	r := s.last(t)
	if r.path != "/v1/logs" || r.header.Get("Content-Type") != "application/json" || r.header.Get("X-Key") != "k" {
		t.Errorf("%s %v", r.path, r.header)
	}
	records := at(t, decode(t, r.body), "resourceLogs", 0, "scopeLogs", 0, "logRecords").([]any)
	if len(records) != 3 {
		t.Fatalf("%d records", len(records))
	}
	for _, x := range records {
		if nanos, ok := at(t, x, "timeUnixNano").(string); !ok || len(nanos) != 19 {
			t.Errorf("time %v: 64-bit numbers are texts in the JSON of OTLP", at(t, x, "timeUnixNano"))
		}
		if n := at(t, x, "severityNumber").(float64); n < 1 || n > 24 {
			t.Errorf("severity %v", n)
		}
		decode(t, []byte(at(t, x, "body", "stringValue").(string)))
	}
	for _, count := range []string{`2`, `"2"`} { // both are JSON of a 64-bit number
		s.answer = func(*http.Request, []byte) (int, map[string]string, string) {
			return 200, nil, `{"partialSuccess":{"rejectedLogRecords":` + count + `,"errorMessage":"no"}}`
		}
		refused := (*publish.RefusedError)(nil)
		if err := to.Send(t.Context(), []publish.Event{event(t)}); !errors.As(err, &refused) {
			t.Errorf("rejected: %v", err)
		}
	}
}
