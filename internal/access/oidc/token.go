package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/vedette-project/vedette/internal/access"
)

const (
	// maxSkew is how far the provider's clock may be from ours.
	maxSkew = time.Minute
	// maxToken bounds an ID token, in bytes. One with hundreds of groups has less.
	maxToken = 24 << 10
	// maxName bounds a subject, a name or an address, in bytes.
	maxName = 256
)

// Person is somebody whom the provider knows.
type Person struct {
	Subject string // never changes
	Name    string // may be empty
	Email   string // that the provider has verified; else empty
	Role    access.Role
	Account string    // whom the person acts for, 12 digits; "" is the installation's own
	Expires time.Time // when the proof ends
}

// ID names the person in logs: oidc:EMAIL, or oidc:SUBJECT without one.
func (p Person) ID() string {
	if p.Email != "" {
		return "oidc:" + p.Email
	}
	return "oidc:" + p.Subject
}

// Key is what calls in the person's name are made as. It has no secret and
// signs nothing.
func (p Person) Key() access.Key { return access.Key{ID: p.ID(), Role: p.Role, Account: p.Account} }

// Verify finds whose an ID token is. It may have been issued for any login at
// our client, so that there is no nonce to check.
func (p *Provider) Verify(ctx context.Context, token string) (Person, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	c, err := p.check(ctx, d, token)
	if err != nil {
		return Person{}, err
	}
	return p.person(c)
}

// claims are what a token says of somebody.
type claims struct {
	all     map[string]json.RawMessage
	Subject string           `json:"sub"`
	Name    string           `json:"name"`
	Login   string           `json:"preferred_username"`
	Email   string           `json:"email"`
	Proved  any              `json:"email_verified"` // some write "true"
	Party   string           `json:"azp"`
	Events  *json.RawMessage `json:"events"` // of a logout token

	token *gooidc.IDToken
}

// check checks all of a token but the nonce.
func (p *Provider) check(ctx context.Context, d *discovered, token string) (*claims, error) {
	refused := func(why string) (*claims, error) { return nil, fmt.Errorf("%w: the ID token %s", ErrRefused, why) }
	if len(token) > maxToken {
		return refused("is longer than 24 KiB")
	}
	if err := checkForm(token); err != nil {
		return nil, err
	}
	// The library's error would not tell this from a wrong token.
	if _, err := d.keys.current(ctx, keysFresh); err != nil {
		return nil, err
	}
	t, err := d.verifier.Verify(ctx, token)
	var expired *gooidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return refused("expired at " + expired.Expiry.UTC().Format(time.RFC3339))
	case err != nil:
		return refused("is not valid: " + clean(strings.TrimPrefix(err.Error(), "oidc: ")))
	}
	c := &claims{token: t}
	if t.Claims(c) != nil || t.Claims(&c.all) != nil {
		return refused("has claims of the wrong kind")
	}
	soon := p.options.Now().Add(maxSkew)
	var begins struct {
		At *float64 `json:"nbf"`
	}
	switch {
	case t.Claims(&begins) != nil || begins.At != nil && *begins.At > float64(soon.Unix()) || t.IssuedAt.After(soon):
		return refused("is not valid yet; compare the clocks")
	case c.Party != "" && c.Party != p.options.ClientID, len(t.Audience) > 1 && c.Party == "":
		return refused("was issued to another client")
	case c.Events != nil:
		return refused("is for a logout")
	case !validName(c.Subject):
		return refused("names no subject")
	case c.Email != "" && !validName(c.Email), c.Name != "" && !validName(c.Name):
		return refused("has a name or an address that is too long or not printable")
	}
	return c, nil
}

// checkForm refuses texts that are no token, or not the one way to write it
// (the decoder of base64 forgives line breaks and odd last bits), and tokens that
// say of themselves that they are for something else: at+jwt or logout+jwt.
func checkForm(token string) error {
	var h struct {
		Type string `json:"typ"`
	}
	parts := strings.Split(token, ".")
	ok := len(parts) == 3 && !strings.ContainsAny(token, "\r\n")
	for i, part := range parts {
		text, err := base64.RawURLEncoding.Strict().DecodeString(part)
		ok = ok && err == nil && (i > 0 || json.Unmarshal(text, &h) == nil)
	}
	if !ok {
		return fmt.Errorf("%w: this is no ID token", ErrRefused)
	}
	if h.Type != "" && !strings.EqualFold(h.Type, "JWT") {
		return fmt.Errorf("%w: this is no ID token but one of type %q", ErrRefused, clean(h.Type))
	}
	return nil
}

// validName reports whether a text can stand in a log line.
func validName(s string) bool {
	return s != "" && len(s) <= maxName && s == clean(s)
}

func (c *claims) verified() bool { return c.Proved == true || c.Proved == "true" }

// person is who the claims are of, with a role and an account.
func (p *Provider) person(c *claims) (Person, error) {
	who := Person{Subject: c.Subject, Name: c.Name, Expires: c.token.Expiry}
	if who.Name == "" && validName(c.Login) {
		who.Name = c.Login
	}
	// Where people set their address themselves, one would be another.
	if c.verified() {
		who.Email = c.Email
	}
	groups, found := groupsIn(c.all, p.options.GroupsClaim)
	if p.options.GroupsClaim == "email" && !c.verified() {
		groups, found = nil, false
	}
	if !found {
		return Person{}, fmt.Errorf("%w: the provider says nothing of the groups of %s: there is no claim %s", ErrNoRole, who.ID(), p.options.GroupsClaim)
	}
	role, ok := p.options.Roles.of(groups)
	if !ok {
		return Person{}, fmt.Errorf("%w: %s is in no group that has one here", ErrNoRole, who.ID())
	}
	account, err := accountOf(p.options.Accounts, groups)
	if err != nil {
		return Person{}, err
	}
	who.Role, who.Account = role, account
	return who, nil
}

// same compares in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
