package feed

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	uuid1 = "5cf66e53-b5f8-43e7-be9a-49880a3b4631"
	uuid2 = "5cf66e53-b5f8-43e7-be9a-49880a3b4632"
	uuid3 = "5cf66e53-b5f8-43e7-be9a-49880a3b4633"
)

func (w *world) event(uuid, address string) {
	w.on("/feed/"+uuid+".json", func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(rw, `{"Event":{"info":"about %s","Attribute":[{"type":"ip-dst","to_ids":true,"value":%q,"category":"Network activity"}]}}`, address, address)
	})
}

func (w *world) manifest(events ...string) {
	var b strings.Builder
	for i := 0; i < len(events); i += 2 {
		at, _ := time.Parse(time.DateOnly, events[i+1])
		fmt.Fprintf(&b, `,%q:{"info":"x","timestamp":"%d","Orgc":{"name":"CIRCL"}}`, events[i], at.Unix())
	}
	text := "{" + strings.TrimPrefix(b.String(), ",") + "}"
	w.on("/feed/manifest.json", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, text) })
}

// TestMISP: the newest events of a feed are read, none that is old, and nothing
// at all if the manifest is the same.
func TestMISP(t *testing.T) {
	w := newWorld(t, Source{Kind: MISP, URL: "SERVER/feed", MaxAge: 30 * 24 * time.Hour})
	w.manifest(uuid1, "2026-11-20", uuid2, "2026-11-21", uuid3, "2026-01-01")
	w.event(uuid1, "192.0.2.1")
	w.event(uuid2, "192.0.2.2")
	w.event(uuid3, "192.0.2.3")
	w.mustUpdate()
	if s := w.status(); w.values() != "192.0.2.2 192.0.2.1" || s.State != OK || w.entries()[0].Threat != "about 192.0.2.2" {
		t.Errorf("%+v %s", s, w.values())
	}
	n := len(w.requests())
	w.mustUpdate()
	if got := len(w.requests()) - n; got != 1 {
		t.Errorf("%d requests for a manifest that is the same", got)
	}
	w.manifest(uuid1, "2026-11-20", uuid2, "2026-11-22")
	w.on("/feed/"+uuid1+".json", nil) // one of them is missing
	w.mustUpdate()
	if s := w.status(); w.values() != "192.0.2.2" || s.Faults != 1 || !strings.Contains(s.Sample[0].Reason, uuid1) {
		t.Errorf("%+v %s", s, w.values())
	}
}

// TestMISPFaults: a manifest that leads elsewhere, and one that cannot be read.
func TestMISPFaults(t *testing.T) {
	w := newWorld(t, Source{Kind: MISP, URL: "SERVER/feed/manifest.json"})
	for text, want := range map[string]string{
		`{"../../admin": {"timestamp": "1"}}`: "is not the UUID",
		`<html>`:                              "MISP manifest",
	} {
		w.on("/feed/manifest.json", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, text) })
		if err := w.update(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	w.manifest(uuid1, "2026-11-20")
	w.on("/feed/"+uuid1+".json", func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "x", 500) })
	if err := w.update(); err == nil || !strings.Contains(err.Error(), "500") || w.status().State != Failing {
		t.Error(err)
	}
}
