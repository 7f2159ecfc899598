package oidc

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Options is what a provider needs. What has no comment on its absence is required.
type Options struct {
	Issuer       string // as the provider names itself, to the letter
	ClientID     string
	ClientSecret string   // "" for a public client, which PKCE alone protects
	Scopes       []string // beside openid; nil is email and profile
	GroupsClaim  string   // where a token names groups; "" is groups
	Roles        Roles
	// Accounts are the groups whose people act for one account, by its 12
	// digits. Who is in none of them acts for the installation's own.
	Accounts map[string][]string
	RootCAs  *x509.CertPool // of the provider's certificate; nil is the system's
	Now      func() time.Time
}

// retryPause is how long a provider that did not answer is left alone.
const retryPause = 10 * time.Second

// Provider is one identity provider. It is safe for concurrent use.
type Provider struct {
	options Options
	client  *http.Client

	mu    sync.Mutex
	found *discovered // nil until the provider answered
	tried time.Time
	fault error // of the last try
}

// discovered is what the provider tells of itself.
type discovered struct {
	provider  *gooidc.Provider
	keys      *keySet
	verifier  *gooidc.IDTokenVerifier
	login     oauth2.Config // without a redirect URL
	namesSelf bool          // in its answers to logins, see RFC 9207
}

// New makes a provider. It fails for options that can never work; a provider
// that does not answer now is asked again when it is needed, see Ready.
func New(ctx context.Context, o Options) (*Provider, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = "groups"
	}
	if o.Scopes == nil {
		o.Scopes = []string{"email", "profile"}
	}
	if !slices.Contains(o.Scopes, gooidc.ScopeOpenID) {
		o.Scopes = append([]string{gooidc.ScopeOpenID}, o.Scopes...)
	}
	p := &Provider{options: o, client: newClient(o.RootCAs)}
	_ = p.Ready(ctx) // who needs it is told
	return p, nil
}

func (o *Options) check() error {
	if err := checkURL(o.Issuer); err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	switch {
	case o.ClientID == "":
		return errors.New("the client id is missing")
	case o.Now == nil:
		return errors.New("the clock is missing")
	case o.Roles.empty():
		return errors.New("no group has a role: nobody could log in")
	}
	return nil
}

// checkURL wants https, or plain http to this machine only: tokens and the
// keys that prove them pass there. The text has no secret that the URL may hold.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("it is not a URL such as https://login.example.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("it has credentials, a query or a fragment; write https://HOST/PATH only")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("it is not https: whoever is on the way could log in as anybody")
	}
	return nil
}

// Ready returns nil once the provider has told of itself and of its keys, and
// asks it if it has not yet. Begin, Finish and Verify ask, too.
func (p *Provider) Ready(ctx context.Context) error {
	d, err := p.discover(ctx)
	if err != nil {
		return err
	}
	_, err = d.keys.current(ctx, keysFresh)
	return err
}

// discover holds the lock while it asks, so that one asks for all.
func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.options.Now()
	if p.found != nil {
		return p.found, nil
	}
	if p.fault != nil && now.Sub(p.tried).Abs() < retryPause {
		return nil, p.fault
	}
	// Who hangs up shall not spoil it for the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	p.tried = now
	p.found, p.fault = p.ask(ctx)
	return p.found, p.fault
}

func (p *Provider) ask(ctx context.Context) (*discovered, error) {
	failed := func(err error) (*discovered, error) {
		return nil, fmt.Errorf("%w: %s: %s", ErrUnavailable, p.options.Issuer, clean(err.Error()))
	}
	got, err := gooidc.NewProvider(gooidc.ClientContext(ctx, p.client), p.options.Issuer)
	if err != nil {
		return failed(err)
	}
	var more struct {
		Keys      string   `json:"jwks_uri"`
		Secrets   []string `json:"token_endpoint_auth_methods_supported"`
		NamesSelf bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := got.Claims(&more); err != nil {
		return failed(err)
	}
	at := got.Endpoint()
	for name, text := range map[string]string{"authorization_endpoint": at.AuthURL, "token_endpoint": at.TokenURL, "jwks_uri": more.Keys} {
		// A query may stand in an endpoint, though not in an issuer.
		place, _, _ := strings.Cut(text, "?")
		if err := checkURL(place); err != nil {
			return failed(fmt.Errorf("%s: %w", name, err))
		}
	}
	at.AuthStyle = authStyle(p.options.ClientSecret, more.Secrets)
	keys := newKeySet(more.Keys, p.client, p.options.Now)
	return &discovered{
		provider: got, keys: keys,
		verifier:  p.verifier(keys),
		login:     oauth2.Config{ClientID: p.options.ClientID, ClientSecret: p.options.ClientSecret, Endpoint: at, Scopes: p.options.Scopes},
		namesSelf: more.NamesSelf,
	}, nil
}

// verifier checks all of a token but what check adds.
func (p *Provider) verifier(keys *keySet) *gooidc.IDTokenVerifier {
	return gooidc.NewVerifier(p.options.Issuer, keys, &gooidc.Config{
		ClientID: p.options.ClientID, SupportedSigningAlgs: algorithmNames(),
		Now: func() time.Time { return p.options.Now().Add(-maxSkew) },
	})
}

// authStyle is how the client's secret is sent. Trying both ways, as the
// library would, may use up the code.
func authStyle(secret string, supported []string) oauth2.AuthStyle {
	basic := len(supported) == 0 || slices.Contains(supported, "client_secret_basic")
	if secret != "" && basic {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}
