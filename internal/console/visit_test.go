package console_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/store"
)

// put a session of any kind, as a browser's.
func (b *bed) session(s store.Session) *person {
	b.Helper()
	s.Created, s.Expires = b.now, b.now.Add(console.SessionLife)
	p := b.stranger()
	p.cookie = &http.Cookie{Name: "vedette_session", Value: console.NewToken()}
	if err := b.store.PutSession(b.Context(), p.cookie.Value, s, false); err != nil {
		b.Fatal(err)
	}
	return p
}

func TestVisit(t *testing.T) {
	b, ring := newKeyBed(t)
	for _, role := range []string{"", "root", string(access.RoleIngest)} {
		b.session(store.Session{Name: "x", Role: role}).outside("the role " + role)
	}
	k := newKey(t, access.RoleReadOnly)
	ring.put(k)
	b.session(store.Session{Name: "x", Role: string(access.RoleReadOnly), KeyID: k.ID}).page("/console/")
	b.session(store.Session{Name: "x", Role: string(access.RoleAdmin), KeyID: k.ID}).outside("more rights than the key")
	for _, value := range []string{"", "x", strings.Repeat("A", 43), "' OR 1=1 --"} {
		p := b.stranger()
		p.cookie = &http.Cookie{Name: "vedette_session", Value: value}
		p.outside("the cookie " + value)
	}
}

// TestKeysOutOfReach: while it cannot be known whether a key is in force, its
// session is neither ended nor let in.
func TestKeysOutOfReach(t *testing.T) {
	b := newBedWith(t, func(o *console.Options) {
		o.Keys = func(context.Context, string) (access.Key, error) {
			return access.Key{}, errors.New("the store does not answer")
		}
	})
	r := b.session(store.Session{Name: "x", Role: string(access.RoleAdmin), KeyID: "VDTAAAAAAAAAAAAAAAAA"}).get("/console/")
	if r.Code != http.StatusInternalServerError || sessionOf(r) != nil {
		t.Errorf("status %d", r.Code)
	}
	if strings.Contains(r.Body.String(), "the store does not answer") || !strings.Contains(b.log.String(), "the store does not answer") {
		t.Error("the reason belongs into the log, not onto the page")
	}
}

// TestHeaders: every answer forbids what a page of the console never needs.
func TestHeaders(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleAdmin)
	for _, path := range []string{"/console/", "/console/login", "/console/nosuch", "/console/assets/nosuch.js"} {
		for name, who := range map[string]*person{"a stranger": b.stranger(), "an admin": p} {
			h := who.get(path).Header()
			csp := h.Get("Content-Security-Policy")
			for _, directive := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
				if !strings.Contains(csp, directive) {
					t.Errorf("%s to %s: the policy lacks %s", path, name, directive)
				}
			}
			if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") || strings.Contains(csp, "http") {
				t.Errorf("%s to %s: the policy is %q", path, name, csp)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" || h.Get("Cache-Control") != "no-store" {
				t.Errorf("%s to %s: %v", path, name, h)
			}
		}
	}
}

// TestReadersChangeNothing: what the pages do not offer is refused, too.
func TestReadersChangeNothing(t *testing.T) {
	b := newBed(t)
	r := b.as(access.RoleReadOnly).post("/console/detector", url.Values{})
	if r.Code == http.StatusOK || r.Code == http.StatusSeeOther {
		t.Errorf("a reader made a detector: %d", r.Code)
	}
}
