package oidc

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// fuzzIssuer answers nothing: its keys are put into the provider by hand.
const fuzzIssuer = "https://login.example.com"

// Only the token that the provider signed is a person; every other text is
// refused, however near it comes.
func FuzzVerify(f *testing.F) {
	good, p := signedToken(f)
	head, rest, _ := strings.Cut(good, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	for _, seed := range []string{
		good, good[:len(good)-1] + string(good[len(good)-1]+1), head + "." + claims + ".", "." + rest, "eyJhbGciOiJub25lIn0." + claims + ".", "eyJhbGciOiJIUzI1NiJ9." + claims + "." + signature,
		head + ".e30." + signature, good + ".", good + "\n", " " + good, `{"payload":"` + claims + `"}`, "VDTAABCDEFGHIJKLMNOP.secret", "", "..", "é.é.é",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		who, err := p.Verify(t.Context(), token)
		if (err == nil) != (token == good) || (err != nil) != (who == Person{}) {
			t.Errorf("%q is %+v, %v", token, who, err)
		}
		if err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%q: %v", token, err)
		}
		if err != nil && (strings.ContainsAny(err.Error(), "\r\n\x1b") || len(err.Error()) > 2*maxEcho) {
			t.Errorf("%q: the error is %q", token, err)
		}
	})
}

// signedToken is a token by a fixed key, and a provider that knows the key.
func signedToken(f *testing.F) (string, *Provider) {
	f.Helper()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	p := &Provider{options: Options{Issuer: fuzzIssuer, ClientID: "vedette", GroupsClaim: "groups", Roles: Roles{Analyst: []string{"soc"}}, Now: now}}
	key := fuzzKey(f)
	public := key.Public()
	keys := &keySet{now: now, keys: []jose.JSONWebKey{public}, fetched: at, tried: at}
	p.found = &discovered{keys: keys, verifier: p.verifier(keys)}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, nil)
	if err != nil {
		f.Fatal(err)
	}
	jws, err := s.Sign([]byte(`{"iss":"` + fuzzIssuer + `","aud":"vedette","sub":"u","groups":["soc"],"exp":1795435200}`))
	if err != nil {
		f.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		f.Fatal(err)
	}
	return token, p
}

// fuzzKey is the key of RFC 8037, appendix A.1: a token by it is always the same.
func fuzzKey(f *testing.F) *jose.JSONWebKey {
	f.Helper()
	k := &jose.JSONWebKey{}
	err := k.UnmarshalJSON([]byte(`{"kty":"OKP","crv":"Ed25519","kid":"k","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	if err != nil {
		f.Fatal(err)
	}
	return k
}

// A key set gives keys that may prove a token, or an error.
func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"XX"},1,null]}`))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":{}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeys(text)
		if (err == nil) == (len(keys) == 0) {
			t.Fatalf("%q gave %d keys and %v", text, len(keys), err)
		}
		for i := range keys {
			if !keys[i].IsPublic() || !keys[i].Valid() {
				t.Errorf("%q gave %v", text, keys[i])
			}
		}
	})
}

// Groups are those that some claim names, or none.
func FuzzGroups(f *testing.F) {
	f.Add(`{"groups":["a","b"]}`, "groups")
	f.Add(`{"a":{"b":{"c":"x"}},"a.b":{"c":["y"]}}`, "a.b.c")
	f.Add(`{"":{"":{"":"x"}}}`, "..")
	f.Add(`null`, "x")
	f.Fuzz(func(t *testing.T, text, name string) {
		var claims map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &claims) != nil {
			return
		}
		groups, found := groupsIn(claims, name)
		if !found && groups != nil {
			t.Errorf("%q in %q gave %q and none", name, text, groups)
		}
		if again, _ := groupsIn(claims, name); !slices.Equal(groups, again) {
			t.Errorf("%q in %q gave %q, then %q", name, text, groups, again)
		}
	})
}
