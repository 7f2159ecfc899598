package oidc_test

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/access/oidc"
	"github.com/vedette-project/vedette/internal/testbed"
)

// People log in at a real provider, by every algorithm that is taken and every
// way that a client authenticates, and have the role and account of their groups.
func TestPeopleLogInAtARealProvider(t *testing.T) {
	for _, userinfo := range []bool{true, false} { // where the groups are told
		t.Run("userinfo="+strconv.FormatBool(userinfo), func(t *testing.T) {
			r := testbed.StartOpenID(t, redirectURL, userinfo)
			for _, c := range []struct {
				client, secret, login string
				want                  oidc.Person
			}{
				{"vedette-RS256", testbed.OpenIDSecret, "root", oidc.Person{Role: access.RoleAdmin}},
				{"vedette-ES256", testbed.OpenIDSecret, "alice", oidc.Person{Role: access.RoleAnalyst}},
				{"vedette-EdDSA", testbed.OpenIDSecret, "bob", oidc.Person{Role: access.RoleReadOnly, Account: "222222222222"}},
				{"public", "", "alice", oidc.Person{Role: access.RoleAnalyst}},
			} {
				p := clientOf(t, r, c.client, c.secret, "email", "profile", "groups")
				at, login := p.Begin(redirectURL)
				who, err := p.Finish(t.Context(), login, r.Browse(t, at, c.login))
				if err != nil {
					t.Errorf("%s at %s: %v", c.login, c.client, err)
					continue
				}
				c.want.Subject, c.want.Name, c.want.Email = c.login, "Name of "+c.login, c.login+"@example.com"
				if diff := cmp.Diff(c.want, who, cmpopts.IgnoreFields(oidc.Person{}, "Expires")); diff != "" {
					t.Errorf("%s at %s (-want +got):\n%s", c.login, c.client, diff)
				}
				if left := time.Until(who.Expires); left < 5*time.Minute || left > 11*time.Minute {
					t.Errorf("%s at %s is known for %v", c.login, c.client, left)
				}
				if want := "oidc:" + c.login + "@example.com"; who.ID() != want {
					t.Errorf("the audit log would name %s, want %s", who.ID(), want)
				}
			}
		})
	}
}

// An answer that is not the one to this login is refused, whatever is wrong with it.
func TestALoginIsFinishedOnceAndByWhoBeganIt(t *testing.T) {
	r := testbed.StartOpenID(t, redirectURL, false)
	p := clientOf(t, r, "vedette-RS256", testbed.OpenIDSecret, "email", "groups")
	at, login := p.Begin(redirectURL)
	answer := r.Browse(t, at, "alice")
	change := func(name string, values ...string) url.Values {
		q := url.Values{}
		for k, v := range answer {
			q[k] = v
		}
		q[name] = values
		return q
	}
	with := func(f func(*oidc.Login)) oidc.Login { l := login; f(&l); return l }
	for name, c := range map[string]struct {
		login oidc.Login
		query url.Values
		want  string
	}{
		"another state":    {login, change("state", "x"), "another browser"},
		"no state":         {login, change("state"), "another browser"},
		"two states":       {login, change("state", login.State, "x"), "twice"},
		"no login":         {oidc.Login{}, change("state"), "another browser"},
		"another issuer":   {login, change("iss", "https://evil.example"), "another provider"},
		"no issuer":        {login, change("iss"), "another provider"},
		"an error":         {login, change("error", "access_denied\n\x1b[31m"), "the provider says access_denied"},
		"no code":          {login, change("code"), "no code"},
		"another code":     {login, change("code", "x"), "invalid_grant"},
		"another verifier": {with(func(l *oidc.Login) { l.Verifier = strings.Repeat("x", 43) }), answer, "invalid_grant"},
		"another address":  {with(func(l *oidc.Login) { l.RedirectURL += "x" }), answer, "invalid_grant"},
	} {
		_, err := p.Finish(t.Context(), c.login, c.query)
		if !errors.Is(err, oidc.ErrRefused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && (strings.ContainsAny(err.Error(), "\n\x1b") || strings.Contains(err.Error(), testbed.OpenIDSecret)) {
			t.Errorf("%s: the error is %q", name, err)
		}
	}
	if _, err := p.Finish(t.Context(), login, answer); err != nil {
		t.Errorf("the true answer: %v", err)
	}
	if _, err := p.Finish(t.Context(), login, answer); !errors.Is(err, oidc.ErrRefused) || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("a code used twice: %v", err)
	}
	// The nonce is looked at last, when the code is worth something.
	at, login = p.Begin(redirectURL)
	answer = r.Browse(t, at, "alice")
	if _, err := p.Finish(t.Context(), with(func(l *oidc.Login) { *l = login; l.Nonce = "x" }), answer); !errors.Is(err, oidc.ErrRefused) || !strings.Contains(err.Error(), "of another login") {
		t.Errorf("another nonce: %v", err)
	}
	// Somebody whom the provider knows and we do not, and one with an address that he made up.
	at, login = p.Begin(redirectURL)
	if _, err := p.Finish(t.Context(), login, r.Browse(t, at, "stranger")); !errors.Is(err, oidc.ErrNoRole) {
		t.Errorf("a stranger: %v", err)
	}
	at, login = p.Begin(redirectURL)
	if who, err := p.Finish(t.Context(), login, r.Browse(t, at, "mallory")); err != nil || who.ID() != "oidc:mallory" || who.Email != "" {
		t.Errorf("an address that is not verified: %+v, %v", who, err)
	}
	// A client whose tokens are signed with the shared secret.
	h := clientOf(t, r, "vedette-HS256", testbed.OpenIDSecret, "groups")
	at, login = h.Begin(redirectURL)
	if _, err := h.Finish(t.Context(), login, r.Browse(t, at, "root")); !errors.Is(err, oidc.ErrRefused) {
		t.Errorf("HS256: %v", err)
	}
	// A wrong client secret.
	w := clientOf(t, r, "vedette-RS256", "another", "groups")
	at, login = w.Begin(redirectURL)
	if _, err := w.Finish(t.Context(), login, r.Browse(t, at, "root")); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("a wrong client secret: %v", err)
	}
}
