package oidc

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Login is a login that was begun. It is kept where only this browser's next
// request leads to it, for some minutes, and used once.
type Login struct {
	State       string `json:"state"`
	Nonce       string `json:"nonce"`
	Verifier    string `json:"verifier"` // of PKCE: a secret
	RedirectURL string `json:"redirectUrl"`
}

// Begin returns where to send a browser that wants to log in; the provider
// sends it back to redirectURL. While the provider is not Ready, authURL is "".
func (p *Provider) Begin(redirectURL string) (authURL string, login Login) {
	d, err := p.discover(context.Background())
	if err != nil {
		return "", Login{}
	}
	login = Login{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), RedirectURL: redirectURL}
	flow := d.login
	flow.RedirectURL = redirectURL
	return flow.AuthCodeURL(login.State, gooidc.Nonce(login.Nonce), oauth2.S256ChallengeOption(login.Verifier)), login
}

// Finish finds out who came back from the provider, from the query of the
// request to the redirect URL. An error is ErrUnavailable, ErrRefused or
// ErrNoRole; its text may be shown to the person.
func (p *Provider) Finish(ctx context.Context, login Login, query url.Values) (Person, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	code, err := p.code(d, login, query)
	if err != nil {
		return Person{}, err
	}
	ctx = gooidc.ClientContext(ctx, p.client)
	flow := d.login
	flow.RedirectURL = login.RedirectURL
	token, err := flow.Exchange(ctx, code, oauth2.VerifierOption(login.Verifier))
	if err != nil {
		return Person{}, exchangeError(err)
	}
	idToken, _ := token.Extra("id_token").(string)
	if idToken == "" {
		return Person{}, fmt.Errorf("%w: the provider gave no ID token; is openid among the scopes?", ErrRefused)
	}
	c, err := p.check(ctx, d, idToken)
	if err != nil {
		return Person{}, err
	}
	if login.Nonce == "" || !same(c.token.Nonce, login.Nonce) {
		return Person{}, fmt.Errorf("%w: the ID token is of another login", ErrRefused)
	}
	if c.token.AccessTokenHash != "" && c.token.VerifyAccessToken(token.AccessToken) != nil {
		return Person{}, fmt.Errorf("%w: the access token is not the ID token's", ErrRefused)
	}
	if err := p.more(ctx, d, token, c); err != nil {
		return Person{}, err
	}
	return p.person(c)
}

// code is the code in the answer of the provider, if it answers this login.
func (p *Provider) code(d *discovered, login Login, query url.Values) (string, error) {
	refused := func(why string) (string, error) { return "", fmt.Errorf("%w: %s", ErrRefused, why) }
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(query[name]) > 1 {
			return refused("the answer names its " + name + " twice")
		}
	}
	// The state first: without it the rest may be anybody's.
	if login.State == "" || !same(query.Get("state"), login.State) {
		return refused("the login was begun in another browser, or too long ago; begin again")
	}
	if iss := query.Get("iss"); iss != p.options.Issuer && (iss != "" || d.namesSelf) {
		return refused("another provider answered")
	}
	if e := query.Get("error"); e != "" {
		return refused("the provider says " + clean(e+" "+query.Get("error_description")))
	}
	if query.Get("code") == "" {
		return refused("the answer has no code")
	}
	return query.Get("code"), nil
}

// more asks the provider for what the ID token leaves out, where it names no
// groups: many providers tell of them only there.
func (p *Provider) more(ctx context.Context, d *discovered, token *oauth2.Token, c *claims) error {
	if _, found := groupsIn(c.all, p.options.GroupsClaim); found || d.provider.UserInfoEndpoint() == "" {
		return nil
	}
	if err := checkURL(d.provider.UserInfoEndpoint()); err != nil {
		return nil // nothing is asked there; the person has no role
	}
	info, err := d.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("%w: ask it for groups: %s", ErrUnavailable, clean(err.Error()))
	}
	if info.Subject != c.Subject {
		return fmt.Errorf("%w: the provider told of somebody else", ErrRefused)
	}
	var told map[string]json.RawMessage
	if err := info.Claims(&told); err != nil {
		return fmt.Errorf("%w: what it tells of the person is no object", ErrUnavailable)
	}
	for name, value := range told {
		if _, signed := c.all[name]; !signed {
			c.all[name] = value
		}
	}
	if c.Email == "" && validName(info.Email) {
		c.Email, c.Proved = info.Email, info.EmailVerified
	}
	if name := ""; c.Name == "" && json.Unmarshal(told["name"], &name) == nil && validName(name) {
		c.Name = name
	}
	return nil
}

// exchangeError says why the provider gave no token, without what it sent.
func exchangeError(err error) error {
	var e *oauth2.RetrieveError
	if errors.As(err, &e) {
		if e.ErrorCode != "" {
			return fmt.Errorf("%w: the provider says %s", ErrRefused, clean(e.ErrorCode+" "+e.ErrorDescription))
		}
		return fmt.Errorf("%w: it answered %s", ErrUnavailable, e.Response.Status)
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, clean(err.Error()))
}

// random is 256 random bits as text.
func random() string {
	var b [32]byte
	rand.Read(b[:]) // never fails since Go 1.24; it stops the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}
