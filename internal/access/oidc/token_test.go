package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/access/oidc"
)

func TestTokensThatAreGood(t *testing.T) {
	i, keys := newIssuer(t)
	p := i.provider()
	for name, token := range map[string]string{
		"RS256":              i.sign(jose.RS256, keys[rsaKey], rsaKey, nil, i.claims(nil)),
		"ES256":              i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(nil)),
		"EdDSA":              i.sign(jose.EdDSA, keys[edKey], edKey, nil, i.claims(nil)),
		"no key id":          i.sign(jose.ES256, keys[ecKey], "", nil, i.claims(nil)),
		"typ JWT":            i.sign(jose.ES256, keys[ecKey], ecKey, map[string]any{"typ": "JWT"}, i.claims(nil)),
		"expired just now":   i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(map[string]any{"exp": i.now().Unix() - 30})),
		"a clock that is on": i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(map[string]any{"iat": i.now().Unix() + 30, "nbf": i.now().Unix() + 30})),
		"two audiences":      i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(map[string]any{"aud": []string{"x", "vedette"}, "azp": "vedette"})),
		"verified as text":   i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(map[string]any{"email_verified": "true"})),
	} {
		who, err := p.Verify(t.Context(), token)
		if err != nil || who.Role != access.RoleAnalyst || who.ID() != "oidc:alice@example.com" || who.Account != "" {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

func TestTokensThatProveNothing(t *testing.T) {
	i, keys := newIssuer(t)
	evil, evilKeys := newIssuer(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shared := []byte("0123456789abcdef0123456789abcdef")
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i.publish(
		jose.JSONWebKey{Key: weak.Public(), KeyID: "weak"}, jose.JSONWebKey{Key: curve.Public(), KeyID: "p384"},
		jose.JSONWebKey{Key: shared, KeyID: "shared"}, jose.JSONWebKey{Key: other.Public(), KeyID: "enc", Use: "enc"},
	)
	now := i.now().Unix()
	good := i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(nil))
	claims := func(changes map[string]any) string {
		return i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(changes))
	}
	header := func(more map[string]any) string { return i.sign(jose.ES256, keys[ecKey], ecKey, more, i.claims(nil)) }
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	parts := strings.Split(good, ".")
	public := keys[rsaKey].Public().(*rsa.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	p := i.provider()
	for name, token := range map[string]string{
		"nothing":      "",
		"no token":     "x",
		"points":       "..",
		"five parts":   good + ".x.y",
		"a space":      parts[0] + ". " + parts[1] + "." + parts[2],
		"padding":      parts[0] + "." + parts[1] + "." + parts[2] + "=",
		"JSON":         `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"an end":       good + "\n",
		"too long":     claims(map[string]any{"x": strings.Repeat("x", 24<<10)}),
		"far too long": strings.Repeat("x", 64<<20),

		"alg none":            part(`{"alg":"none"}`) + "." + parts[1] + ".",
		"alg None, signed":    part(`{"alg":"None","kid":"ec"}`) + "." + parts[1] + "." + parts[2],
		"alg missing":         part(`{"kid":"ec"}`) + "." + parts[1] + "." + parts[2],
		"alg twice":           part(`{"alg":"none","alg":"ES256","kid":"ec"}`) + "." + parts[1] + "." + parts[2],
		"no signature":        parts[0] + "." + parts[1] + ".",
		"another text":        parts[0] + "." + part(`{"iss":"`+i.url+`","aud":"vedette","sub":"root","groups":["admins"],"exp":9999999999}`) + "." + parts[2],
		"HS256 of PEM":        i.sign(jose.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), rsaKey, nil, i.claims(nil)),
		"HS256 of DER":        i.sign(jose.HS256, der, rsaKey, nil, i.claims(nil)),
		"HS256 of modulus":    i.sign(jose.HS256, public.N.Bytes(), rsaKey, nil, i.claims(nil)),
		"HS256 of a shared":   i.sign(jose.HS256, shared, "shared", nil, i.claims(nil)),
		"RS512":               i.sign(jose.RS512, keys[rsaKey], rsaKey, nil, i.claims(nil)),
		"PS256":               i.sign(jose.PS256, keys[rsaKey], rsaKey, nil, i.claims(nil)),
		"a weak key":          i.sign(jose.RS256, weak, "weak", nil, i.claims(nil)),
		"another curve":       i.sign(jose.ES384, curve, "p384", nil, i.claims(nil)),
		"an encryption key":   i.sign(jose.RS256, other, "enc", nil, i.claims(nil)),
		"it, without id":      i.sign(jose.RS256, other, "", nil, i.claims(nil)),
		"another's key":       i.sign(jose.RS256, evilKeys[rsaKey], rsaKey, nil, i.claims(nil)),
		"another's, no id":    i.sign(jose.RS256, evilKeys[rsaKey], "", nil, i.claims(nil)),
		"another's token":     evil.sign(jose.RS256, evilKeys[rsaKey], rsaKey, nil, evil.claims(nil)),
		"a key it brings":     i.sign(jose.RS256, evilKeys[rsaKey], rsaKey, map[string]any{"jwk": jose.JSONWebKey{Key: evilKeys[rsaKey].Public()}}, i.claims(nil)),
		"a place of keys":     i.sign(jose.RS256, evilKeys[rsaKey], rsaKey, map[string]any{"jku": evil.url + "/keys"}, i.claims(nil)),
		"the wrong id":        i.sign(jose.RS256, keys[rsaKey], ecKey, nil, i.claims(nil)),
		"an unknown id":       i.sign(jose.RS256, keys[rsaKey], "../../keys", nil, i.claims(nil)),
		"critical":            header(map[string]any{"crit": []string{"exp"}, "exp": 1}),
		"an access token":     header(map[string]any{"typ": "at+jwt"}),
		"a logout token":      header(map[string]any{"typ": "logout+jwt"}),
		"a logout, unmarked":  claims(map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}),
		"no JSON":             i.sign(jose.ES256, keys[ecKey], ecKey, nil, []byte("x")),
		"a list":              i.sign(jose.ES256, keys[ecKey], ecKey, nil, []byte("[]")),
		"null":                i.sign(jose.ES256, keys[ecKey], ecKey, nil, []byte("null")),
		"another issuer":      claims(map[string]any{"iss": evil.url}),
		"issuer with a slash": claims(map[string]any{"iss": i.url + "/"}),
		"no issuer":           claims(map[string]any{"iss": nil}),
		"another audience":    claims(map[string]any{"aud": "console"}),
		"audience in part":    claims(map[string]any{"aud": "vedette2"}),
		"no audience":         claims(map[string]any{"aud": nil}),
		"another party":       claims(map[string]any{"azp": "console"}),
		"two, no party":       claims(map[string]any{"aud": []string{"vedette", "console"}}),
		"expired":             claims(map[string]any{"exp": now - 61}),
		"never expires":       claims(map[string]any{"exp": nil}),
		"expires null":        i.sign(jose.ES256, keys[ecKey], ecKey, nil, []byte(`{"iss":"`+i.url+`","aud":"vedette","sub":"a","groups":["soc"],"exp":null}`)),
		"expires in words":    claims(map[string]any{"exp": "tomorrow"}),
		"not yet":             claims(map[string]any{"nbf": now + 61}),
		"not in ages":         i.sign(jose.ES256, keys[ecKey], ecKey, nil, []byte(`{"iss":"`+i.url+`","aud":"vedette","sub":"a","groups":["soc"],"exp":9999999999,"nbf":1e300}`)),
		"issued later":        claims(map[string]any{"iat": now + 61}),
		"nobody":              claims(map[string]any{"sub": nil}),
		"nobody's name":       claims(map[string]any{"sub": ""}),
		"a number":            claims(map[string]any{"sub": 1}),
		"a name of lines":     claims(map[string]any{"sub": "a\nactor=root"}),
		"a name that hides":   claims(map[string]any{"sub": "a\u009b31m"}),
		"a long name":         claims(map[string]any{"sub": strings.Repeat("x", 257)}),
		"an address of lines": claims(map[string]any{"email": "a@example.com\r\nX: y"}),
	} {
		who, err := p.Verify(t.Context(), token)
		if !errors.Is(err, oidc.ErrRefused) || who != (oidc.Person{}) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
		if err != nil && (len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\r\n\x1b")) {
			t.Errorf("%s: the error is %q", name, err)
		}
	}
	if _, err := p.Verify(t.Context(), good); err != nil {
		t.Errorf("the good one among them: %v", err)
	}
}

// A person has the strongest role of all groups, and acts for one account.
func TestRolesOfGroups(t *testing.T) {
	i, keys := newIssuer(t)
	p := i.provider()
	for name, c := range map[string]struct {
		claims  map[string]any
		role    access.Role
		account string
		id      string
	}{
		"the strongest":  {map[string]any{"groups": []string{"staff", "admins", "soc"}}, access.RoleAdmin, "", "oidc:alice@example.com"},
		"one as a text":  {map[string]any{"groups": "staff"}, access.RoleReadOnly, "", "oidc:alice@example.com"},
		"an account":     {map[string]any{"groups": []string{"admins", "team-a"}}, access.RoleAdmin, "222222222222", "oidc:alice@example.com"},
		"not verified":   {map[string]any{"email_verified": false}, access.RoleAnalyst, "", "oidc:u-1"},
		"not said":       {map[string]any{"email_verified": nil}, access.RoleAnalyst, "", "oidc:u-1"},
		"two accounts":   {map[string]any{"groups": []string{"admins", "team-a", "team-b"}}, "", "", ""},
		"an account but": {map[string]any{"groups": []string{"team-a"}}, "", "", ""},
		"no group":       {map[string]any{"groups": []string{}}, "", "", ""},
		"an empty group": {map[string]any{"groups": []string{""}}, "", "", ""},
		"no claim":       {map[string]any{"groups": nil}, "", "", ""},
		"letters":        {map[string]any{"groups": []string{"Admins", "admins "}}, "", "", ""},
		"an object":      {map[string]any{"groups": map[string]any{"admins": true}}, "", "", ""},
		"mixed":          {map[string]any{"groups": []any{"admins", 1}}, "", "", ""},
	} {
		who, err := p.Verify(t.Context(), i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(c.claims)))
		if c.role == "" {
			if !errors.Is(err, oidc.ErrNoRole) || who != (oidc.Person{}) {
				t.Errorf("%s: %+v, %v", name, who, err)
			}
			continue
		}
		if err != nil || who.Role != c.role || who.Account != c.account || who.ID() != c.id {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

// Groups may stand elsewhere: below an object, under a name with dots, or be
// the address itself, if it is verified.
func TestGroupsClaim(t *testing.T) {
	i, keys := newIssuer(t)
	for _, c := range []struct {
		claim  string
		claims map[string]any
		ok     bool
	}{
		{"realm_access.roles", map[string]any{"realm_access": map[string]any{"roles": []string{"x", "soc"}}}, true},
		{"realm_access.roles", map[string]any{"realm_access": []string{"soc"}}, false},
		{"https://example.com/groups", map[string]any{"https://example.com/groups": []string{"soc"}}, true},
		{"cognito:groups", map[string]any{"cognito:groups": []string{"soc"}}, true},
		{"email", map[string]any{"email": "soc"}, true},
		{"email", map[string]any{"email": "soc", "email_verified": false}, false},
		{"a.b.c", map[string]any{"a": map[string]any{"b": map[string]any{"c": "soc"}}}, true},
		{"a.b.c", map[string]any{"a": map[string]any{"b.c": "soc"}}, true},
		{".", map[string]any{"": "soc"}, false},
	} {
		p, err := oidc.New(t.Context(), oidc.Options{
			Issuer: i.url, ClientID: "vedette", GroupsClaim: c.claim, Roles: oidc.Roles{Analyst: []string{"soc"}}, Now: i.now,
		})
		if err != nil {
			t.Fatal(err)
		}
		who, err := p.Verify(t.Context(), i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(c.claims)))
		if (err == nil) != c.ok || c.ok && who.Role != access.RoleAnalyst {
			t.Errorf("%s in %v: %+v, %v", c.claim, c.claims, who, err)
		}
	}
}

// A script's refusal says what is wrong in the codes of the API; a provider
// that is out of reach is no refusal.
func TestKeyOfAToken(t *testing.T) {
	i, keys := newIssuer(t)
	p := i.provider()
	for name, c := range map[string]struct {
		claims map[string]any
		code   string
	}{
		"expired":  {map[string]any{"exp": i.now().Add(-time.Hour).Unix()}, access.CodeUnknownKey},
		"no group": {map[string]any{"groups": "x"}, access.CodeAccessDenied},
	} {
		_, err := p.Key(t.Context(), i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(c.claims)))
		var refusal *access.Error
		if !errors.As(err, &refusal) || refusal.Code != c.code || refusal.Status != 403 {
			t.Errorf("%s: %v", name, err)
		}
	}
	k, err := p.Key(t.Context(), i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(nil)))
	if err != nil || k != (access.Key{ID: "oidc:alice@example.com", Role: access.RoleAnalyst}) {
		t.Errorf("%v, %v", k, err)
	}
	i.with(func() { i.down, i.at = true, i.at.Add(2*time.Hour) })
	_, err = p.Key(t.Context(), i.sign(jose.ES256, keys[ecKey], ecKey, nil, i.claims(nil)))
	if refusal := (*access.Error)(nil); errors.As(err, &refusal) || !errors.Is(err, oidc.ErrUnavailable) {
		t.Errorf("without the provider: %v", err)
	}
}
