package access

import (
	"context"
	"net/http"
	"net/url"
	"testing"
)

// A token stands in the place of a signature where tokens are taken, and only there.
func TestATokenInThePlaceOfASignature(t *testing.T) {
	alice := Key{ID: "oidc:alice@example.com", Role: RoleAnalyst}
	var seen string
	v := testVerifier()
	take := func(_ context.Context, token string) (Key, error) {
		if seen = token; token != "good" {
			return Key{}, errUnknownKey()
		}
		return alice, nil
	}
	for name, c := range map[string]struct {
		take    func(context.Context, string) (Key, error)
		headers []string
		seen    string
		code    string
	}{
		"good":           {take, []string{"Bearer good"}, "good", ""},
		"in other case":  {take, []string{"bearer good"}, "good", ""},
		"bad":            {take, []string{"Bearer bad"}, "bad", CodeUnknownKey},
		"an access key":  {take, []string{"Bearer " + testKey().Token()}, testKey().Token(), CodeUnknownKey},
		"no token":       {take, []string{"Bearer "}, "", CodeIncomplete},
		"two headers":    {take, []string{"Bearer good", "Bearer good"}, "", CodeIncomplete},
		"another scheme": {take, []string{"Basic Z29vZA=="}, "", CodeIncomplete},
		"none are taken": {nil, []string{"Bearer good"}, "", CodeIncomplete},
	} {
		seen, v.Token = "", c.take
		r := &http.Request{Method: "GET", RequestURI: "/detector", URL: &url.URL{Path: "/detector"}, Host: "h", Header: http.Header{"Authorization": c.headers}}
		k, err := v.Verify(r.WithContext(t.Context()), nil)
		if seen != c.seen {
			t.Errorf("%s: the token is seen as %q", name, seen)
		}
		if c.code == "" {
			if err != nil || k != alice {
				t.Errorf("%s: %v, %v", name, k, err)
			}
			continue
		}
		if refusal, ok := err.(*Error); !ok || refusal.Code != c.code || k != (Key{}) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

// A derived secret is the same for the same name and sealing key, and tells
// nothing of another's.
func TestSecretOf(t *testing.T) {
	dir := t.TempDir()
	a, err := OpenSealer(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenSealer(dir)
	if err != nil {
		t.Fatal(err)
	}
	other, err := OpenSealer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if s := a.SecretOf("oidc:alice"); len(s) != 64 || s != b.SecretOf("oidc:alice") || s == a.SecretOf("oidc:bob") || s == other.SecretOf("oidc:alice") {
		t.Errorf("SecretOf gives %q, %q, %q and %q", s, b.SecretOf("oidc:alice"), a.SecretOf("oidc:bob"), other.SecretOf("oidc:alice"))
	}
}
