package oidc_test

import (
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access/oidc"
	"github.com/vedette-project/vedette/internal/testbed"
)

const redirectURL = "http://127.0.0.1:8700/console/oidc"

// clientOf is our provider for one of the clients of a real one.
func clientOf(t *testing.T, r *testbed.OpenID, id, secret string, scopes ...string) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(t.Context(), oidc.Options{
		Issuer: r.Issuer, ClientID: id, ClientSecret: secret, Scopes: scopes, Now: time.Now,
		Roles:    oidc.Roles{Admin: []string{"root"}, Analyst: []string{"alice", "mallory"}, ReadOnly: []string{"bob"}},
		Accounts: map[string][]string{"222222222222": {"bob"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}
