package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/vedette-project/vedette/internal/access/oidc"
)

// issuer publishes keys and signs whatever a test wants, which no honest
// provider would.
type issuer struct {
	t   testing.TB
	url string

	mu     sync.Mutex
	keys   []jose.JSONWebKey // published; under mu
	looks  int               // at the keys; under mu
	down   bool              // under mu
	at     time.Time         // the clock's time; under mu
	change func(doc map[string]any)
}

// The keys that an issuer begins with.
const (
	rsaKey = "rsa"
	ecKey  = "ec"
	edKey  = "ed"
)

func newIssuer(t testing.TB) (*issuer, map[string]crypto.Signer) {
	t.Helper()
	i := &issuer{t: t, at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, d, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.Signer{rsaKey: r, ecKey: e, edKey: d}
	for kid, k := range keys {
		i.publish(jose.JSONWebKey{Key: k.Public(), KeyID: kid, Use: "sig"})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.document)
	mux.HandleFunc("GET /keys", i.serveKeys)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	i.url = srv.URL
	return i, keys
}

func (i *issuer) publish(k ...jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, k...)
}

// with runs f while nobody else looks.
func (i *issuer) with(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

func (i *issuer) now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.at
}

func (i *issuer) document(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down {
		http.Error(w, "no", http.StatusBadGateway)
		return
	}
	doc := map[string]any{
		"issuer": i.url, "authorization_endpoint": i.url + "/auth", "token_endpoint": i.url + "/token", "jwks_uri": i.url + "/keys",
		"id_token_signing_alg_values_supported": []string{"none", "HS256", "RS512", "PS256", "RS256"},
	}
	if i.change != nil {
		i.change(doc)
	}
	_ = json.NewEncoder(w).Encode(doc)
}

func (i *issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.looks++
	if i.down {
		http.Error(w, "no", http.StatusBadGateway)
		return
	}
	_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: i.keys})
}

func (i *issuer) provider() *oidc.Provider {
	i.t.Helper()
	p, err := oidc.New(i.t.Context(), oidc.Options{
		Issuer: i.url, ClientID: "vedette", Now: i.now,
		Roles:    oidc.Roles{Admin: []string{"admins"}, Analyst: []string{"soc"}, ReadOnly: []string{"staff"}},
		Accounts: map[string][]string{"222222222222": {"team-a"}, "333333333333": {"team-b"}},
	})
	if err != nil {
		i.t.Fatal(err)
	}
	return p
}

// claims are those of a good token, with changes; nil takes a claim out.
func (i *issuer) claims(changes map[string]any) map[string]any {
	now := i.now()
	c := map[string]any{
		"iss": i.url, "aud": "vedette", "sub": "u-1", "email": "alice@example.com", "email_verified": true, "groups": []string{"staff", "soc"},
		"iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// sign makes a token with a key and more members of the header.
func (i *issuer) sign(alg jose.SignatureAlgorithm, key any, kid string, header map[string]any, claims any) string {
	i.t.Helper()
	o := &jose.SignerOptions{}
	if kid != "" {
		o.WithHeader("kid", kid)
	}
	for k, v := range header {
		o.WithHeader(jose.HeaderKey(k), v)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		i.t.Fatal(err)
	}
	payload, ok := claims.([]byte)
	if !ok {
		if payload, err = json.Marshal(claims); err != nil {
			i.t.Fatal(err)
		}
	}
	jws, err := s.Sign(payload)
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}
