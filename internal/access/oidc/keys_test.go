package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/vedette-project/vedette/internal/access/oidc"
)

// A new key is good at once, one that was taken back is not for long, and
// whatever tokens are sent, the provider is asked at most every ten seconds.
func TestKeysRotate(t *testing.T) {
	i, keys := newIssuer(t)
	p := i.provider()
	verify := func(kid string, key any) error {
		_, err := p.Verify(t.Context(), i.sign(jose.ES256, key, kid, nil, i.claims(nil)))
		return err
	}
	looks := func() (n int) { i.with(func() { n = i.looks }); return n }
	wait := func(d time.Duration) { i.with(func() { i.at = i.at.Add(d) }) }
	if err := verify(ecKey, keys[ecKey]); err != nil || looks() != 1 {
		t.Fatalf("%v after %d looks", err, looks())
	}
	fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wait(time.Minute)
	i.with(func() { i.keys = []jose.JSONWebKey{{Key: fresh.Public(), KeyID: "fresh"}} })
	if err := verify(ecKey, keys[ecKey]); err != nil || looks() != 1 {
		t.Errorf("a minute after it was taken back, %v after %d looks", err, looks())
	}
	if err := verify("fresh", fresh); err != nil || looks() != 2 {
		t.Errorf("a new key: %v after %d looks", err, looks())
	}
	if err := verify(ecKey, keys[ecKey]); !errors.Is(err, oidc.ErrRefused) {
		t.Errorf("the old key is still good: %v", err)
	}
	var many sync.WaitGroup
	for range 50 {
		many.Go(func() { _ = verify("unknown", keys[ecKey]) })
	}
	many.Wait()
	if looks() != 2 {
		t.Errorf("50 wrong tokens made us look %d times", looks()-2)
	}
	wait(10 * time.Second)
	for range 50 {
		many.Go(func() { _ = verify("unknown", keys[ecKey]) })
	}
	many.Wait()
	if looks() != 3 {
		t.Errorf("50 wrong tokens ten seconds later made us look %d times", looks()-2)
	}
	// Taken back, and nothing else happens: it ends within a quarter of an hour.
	i.with(func() { i.keys = []jose.JSONWebKey{{Key: keys[ecKey].Public(), KeyID: ecKey}} })
	wait(15 * time.Minute)
	if err := verify("fresh", fresh); !errors.Is(err, oidc.ErrRefused) {
		t.Errorf("a quarter of an hour after it was taken back: %v", err)
	}
}

// While the provider is out of reach the keys that are known are good for an hour.
func TestKeysWithoutTheProvider(t *testing.T) {
	i, keys := newIssuer(t)
	p := i.provider()
	verify := func() error {
		_, err := p.Verify(t.Context(), i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(nil)))
		return err
	}
	if err := verify(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		down  bool
		good  bool
	}{{20 * time.Minute, true, true}, {39 * time.Minute, true, true}, {2 * time.Minute, true, false}, {5 * time.Second, false, false}, {5 * time.Second, false, true}} {
		i.with(func() { i.at, i.down = i.at.Add(step.after), step.down })
		if err := verify(); (err == nil) != step.good || err != nil && !errors.Is(err, oidc.ErrUnavailable) {
			t.Errorf("%+v: %v", step, err)
		}
	}
}

// A provider that does not answer at the start is found when it does; one that
// answers something else is not used.
func TestDiscovery(t *testing.T) {
	i, keys := newIssuer(t)
	i.with(func() { i.down = true })
	p := i.provider()
	if err := p.Ready(t.Context()); !errors.Is(err, oidc.ErrUnavailable) || !strings.Contains(err.Error(), "502") {
		t.Errorf("without an answer: %v", err)
	}
	if at, login := p.Begin("https://x/"); at != "" || login != (oidc.Login{}) {
		t.Errorf("a login began at %q", at)
	}
	i.with(func() { i.down = false })
	if err := p.Ready(t.Context()); !errors.Is(err, oidc.ErrUnavailable) {
		t.Errorf("it was asked again at once: %v", err)
	}
	i.with(func() { i.at = i.at.Add(10 * time.Second) })
	if _, err := p.Verify(t.Context(), i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(nil))); err != nil {
		t.Errorf("ten seconds later: %v", err)
	}
	for name, change := range map[string]func(map[string]any){
		"another issuer":   func(d map[string]any) { d["issuer"] = "https://evil.example" },
		"a slash":          func(d map[string]any) { d["issuer"] = i.url + "/" },
		"plain http":       func(d map[string]any) { d["token_endpoint"] = "http://login.example.com/token" },
		"another protocol": func(d map[string]any) { d["jwks_uri"] = "file:///etc/passwd" },
		"no keys":          func(d map[string]any) { delete(d, "jwks_uri") },
		"too much":         func(d map[string]any) { d["x"] = strings.Repeat("x", 1<<20) },
		"wrong kinds":      func(d map[string]any) { d["jwks_uri"] = 1 },
	} {
		i.with(func() { i.change = change })
		if err := i.provider().Ready(t.Context()); !errors.Is(err, oidc.ErrUnavailable) || len(err.Error()) > 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nothing is asked where a redirect leads: it would be a way to have the
// server call what only it can reach.
func TestNoRedirectIsFollowed(t *testing.T) {
	i, _ := newIssuer(t)
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer inner.Close()
	away := httptest.NewServer(http.RedirectHandler(inner.URL, http.StatusFound))
	defer away.Close()
	for name, change := range map[string]func(*oidc.Options){
		"discovery": func(o *oidc.Options) { o.Issuer = away.URL },
		"keys": func(*oidc.Options) {
			i.with(func() { i.change = func(d map[string]any) { d["jwks_uri"] = away.URL } })
		},
	} {
		o := oidc.Options{Issuer: i.url, ClientID: "vedette", Roles: oidc.Roles{Admin: []string{"x"}}, Now: i.now}
		change(&o)
		p, err := oidc.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Verify(t.Context(), "eyJhbGciOiJFUzI1NiJ9.e30.AA"); !errors.Is(err, oidc.ErrUnavailable) || !strings.Contains(err.Error(), "302") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	for name, change := range map[string]func(*oidc.Options){
		"plain http":    func(o *oidc.Options) { o.Issuer = "http://login.example.com" },
		"no issuer":     func(o *oidc.Options) { o.Issuer = "" },
		"a password":    func(o *oidc.Options) { o.Issuer = "https://u:p4ssw0rd@login.example.com" },
		"a query":       func(o *oidc.Options) { o.Issuer += "?tenant=x" },
		"no client":     func(o *oidc.Options) { o.ClientID = "" },
		"no clock":      func(o *oidc.Options) { o.Now = nil },
		"no group":      func(o *oidc.Options) { o.Roles = oidc.Roles{} },
		"a local name":  func(o *oidc.Options) { o.Issuer = "http://localhost.evil.example" },
		"another wheel": func(o *oidc.Options) { o.Issuer = "gopher://login.example.com" },
	} {
		o := oidc.Options{Issuer: "https://login.example.com", ClientID: "vedette", Roles: oidc.Roles{Admin: []string{"x"}}, Now: time.Now}
		change(&o)
		if p, err := oidc.New(t.Context(), o); err == nil || p != nil || strings.Contains(err.Error(), "p4ssw0rd") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
