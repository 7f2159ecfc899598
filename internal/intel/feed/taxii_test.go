package feed

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// object is one of a TAXII server's, with the time it was added.
type object struct {
	added, value string
	revoked      bool
}

// taxii is a small server of one collection that pages as the standard says.
type taxii struct {
	w       *world
	objects []object
	size    int  // of a page
	byNext  bool // pages by "next"; otherwise by added_after
	stuck   bool // gives the same page for ever
}

func (x *taxii) install() {
	w := x.w
	answer := func(path, body string) {
		w.on(path, func(rw http.ResponseWriter, r *http.Request) {
			if u, p, _ := r.BasicAuth(); u != "me" || p != "pw" {
				http.Error(rw, "", http.StatusUnauthorized)
				return
			}
			if !strings.Contains(r.Header.Get("Accept"), "application/taxii+json;version=2.1") {
				http.Error(rw, "", http.StatusNotAcceptable)
				return
			}
			rw.Header().Set("Content-Type", taxiiType)
			fmt.Fprint(rw, body)
		})
	}
	answer("/taxii2/", `{"title":"x","default":"`+w.server.URL+`/api1/","api_roots":["/api0/","`+w.server.URL+`/api1/"]}`)
	answer("/api0/collections/", `{"collections":[]}`)
	answer("/api1/", `{"title":"x","versions":["application/taxii+json;version=2.1"],"max_content_length":1000000}`)
	answer("/api1/collections/", `{"collections":[{"id":"secret-id","title":"Secret","can_read":false},{"id":"91a7b528","title":"High value","alias":"hv","can_read":true}]}`)
	w.on("/api1/collections/91a7b528/objects/", x.page)
}

func (x *taxii) page(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	start, _ := strconv.Atoi(q.Get("next"))
	var rest []object
	for _, o := range x.objects {
		if o.added > q.Get("added_after") || x.stuck {
			rest = append(rest, o)
		}
	}
	rest = rest[min(start, len(rest)):]
	n := min(x.size, len(rest))
	envelope := map[string]any{}
	var objects []map[string]any
	for _, o := range rest[:n] {
		objects = append(objects, map[string]any{"type": "indicator", "spec_version": "2.1", "id": "indicator--" + o.value, "pattern_type": "stix", "pattern": "[ipv4-addr:value = '" + o.value + "']", "revoked": o.revoked})
	}
	if n > 0 {
		envelope["objects"] = objects
		rw.Header().Set("X-TAXII-Date-Added-First", rest[0].added)
		rw.Header().Set("X-TAXII-Date-Added-Last", rest[n-1].added)
	}
	if n < len(rest) || x.stuck {
		envelope["more"] = true
		if x.byNext {
			envelope["next"] = strconv.Itoa(start + n)
			if x.stuck {
				envelope["next"] = "1"
			}
		}
	}
	rw.Header().Set("Content-Type", taxiiType)
	if err := json.NewEncoder(rw).Encode(envelope); err != nil {
		x.w.t.Error(err)
	}
}

func newTAXII(t *testing.T, s Source) (*world, *taxii) {
	w := newWorld(t)
	s.Kind, s.User, s.Secret = TAXII, "me", w.secret("pw")
	w.sources = []Source{s}
	w.restart()
	x := &taxii{w: w, size: 2, objects: []object{{"2026-11-01T00:00:00.000Z", "192.0.2.1", false}, {"2026-11-02T00:00:00.000Z", "192.0.2.2", false}, {"2026-11-03T00:00:00.000Z", "192.0.2.3", false}}}
	x.install()
	return w, x
}

// TestTAXII: a collection is found from each address that a server has, read
// page by page, and afterwards only what was added; what is revoked goes.
func TestTAXII(t *testing.T) {
	for name, tc := range map[string]struct {
		s      Source
		byNext bool
	}{
		"discovery, by title":  {Source{URL: "SERVER/taxii2/", Collection: "High value"}, true},
		"API root, by id":      {Source{URL: "SERVER/api1/", Collection: "91a7b528"}, false},
		"API root, by alias":   {Source{URL: "SERVER/api1/", Collection: "hv"}, true},
		"collection's address": {Source{URL: "SERVER/api1/collections/91a7b528/objects/"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, x := newTAXII(t, tc.s)
			x.byNext = tc.byNext
			w.mustUpdate()
			if w.values() != "192.0.2.1 192.0.2.2 192.0.2.3" || w.status().State != OK {
				t.Fatalf("%s %+v", w.values(), w.status())
			}
			x.objects = append(x.objects, object{"2026-11-04T00:00:00.000Z", "192.0.2.4", false}, object{"2026-11-05T00:00:00.000Z", "192.0.2.1", true})
			asked := len(w.requests())
			w.restart()
			w.mustUpdate()
			if w.values() != "192.0.2.2 192.0.2.3 192.0.2.4" {
				t.Error(w.values())
			}
			for _, r := range w.requests()[asked:] {
				if strings.HasSuffix(r.URL.Path, "/objects/") && !strings.HasPrefix(r.URL.Query().Get("added_after"), "2026-11-0") {
					t.Errorf("all was read again: %v", r.URL)
				}
			}
			fetched := w.status().Fetched
			w.clock.move(1e12)
			w.mustUpdate() // nothing new
			if s := w.status(); !s.Fetched.Equal(fetched) || s.Entries != 3 || s.State != OK {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestTAXIIFaults: the account, the collection, a server that leads elsewhere
// or turns in circles, and what is no TAXII.
func TestTAXIIFaults(t *testing.T) {
	fault := func(s Source, harm func(w *world, x *taxii), want string) {
		t.Helper()
		w, x := newTAXII(t, s)
		if harm != nil {
			harm(w, x)
		}
		if err := w.update(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	root := Source{URL: "SERVER/api1/", Collection: "hv"}
	fault(Source{URL: "SERVER/api1/", Collection: "no"}, nil, `there is no collection "no"; there are: "Secret" (secret-id), "High value" (91a7b528)`)
	fault(Source{URL: "SERVER/api1/", Collection: "Secret"}, nil, "may not be read")
	fault(root, func(w *world, _ *taxii) { w.u.sources[0].User = "you" }, "does it want a key?")
	fault(Source{URL: "SERVER/taxii2/", Collection: "hv"}, func(w *world, _ *taxii) {
		w.on("/taxii2/", func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(rw, `{"default":"https://evil.example/api/"}`)
		})
	}, "its API root is at evil.example")
	fault(Source{URL: "SERVER/taxii2/", Collection: "hv"}, func(w *world, _ *taxii) {
		w.on("/taxii2/", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{"hello":"world"}`) })
	}, "neither a TAXII 2.1 discovery nor an API root")
	fault(root, func(w *world, _ *taxii) {
		w.on("/api1/", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `<html>`) })
	}, "is no TAXII document")
	fault(root, func(_ *world, x *taxii) { x.stuck = true }, "the same page again")
	fault(root, func(_ *world, x *taxii) { x.stuck, x.byNext = true, true }, "the same page again")
	fault(root, func(w *world, _ *taxii) {
		w.on("/api1/collections/91a7b528/objects/", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{"objects":[{"type":"indi`) })
	}, "is no TAXII envelope")
	fault(Source{URL: "SERVER/api1/", Collection: "hv", MaxEntries: 2}, nil, "more than 2 entries")
}

// TestTAXIIAfterDamage: a folder that was harmed is filled anew.
func TestTAXIIAfterDamage(t *testing.T) {
	w, _ := newTAXII(t, Source{URL: "SERVER/api1/", Collection: "hv"})
	w.mustUpdate()
	writer, err := w.u.newWriter(&w.u.sources[0])
	if err != nil {
		t.Fatal(err)
	}
	writer.snap.Entries, writer.snap.Added = 7, "2026-11-03T00:00:00.000Z"
	if err := writer.commit(w.u.path("list", goodSuffix)); err != nil {
		t.Fatal(err)
	}
	w.mustUpdate()
	if w.values() != "192.0.2.1 192.0.2.2 192.0.2.3" {
		t.Error(w.values())
	}
}
