package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/access/oidc"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish/target"
	"github.com/vedette-project/vedette/internal/store"
)

var _ console.Store = (*store.Store)(nil)

// console makes the web console, which works through the API.
func (a *App) console(guardduty http.Handler, people *oidc.Provider) (http.Handler, error) {
	c := a.Config
	return console.New(console.Options{
		Store: a.keys.store, Keys: a.keys.lookup, API: guardduty, As: a.keys.as,
		Account: c.Account, Region: c.Region, Version: a.Version, Now: a.Now, Log: a.Log,
		Keyring: keyring{a.keys}, Targets: a.consoleTargets(), Prices: c.Usage.Prices, People: people,
		OCSF: func(f *finding.Finding) ([]byte, error) { return target.OCSF(f, a.Version) }, Explain: a.explain(),
	})
}

// ConsoleURL is where the console is; at the very first start it lets its
// reader in, once.
func (a *App) ConsoleURL() string {
	if a.Addr == "" || !a.does("api") {
		return ""
	}
	path := console.Root
	if a.first != "" {
		path = console.LinkPath(a.first)
	}
	return BrowserAddress(a.Config, a.Addr) + path
}

// BrowserAddress is how a browser on the server's machine, or at the end of a
// `kubectl port-forward`, reaches what listens at an address.
func BrowserAddress(c *config.Config, listen string) string {
	scheme := "http://"
	if c.Server.TLS.Enabled() {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		listen = net.JoinHostPort("localhost", port)
	}
	return scheme + listen
}

// Link makes a login link for a person and returns its token, which is shown
// this once. The link is good for an hour, and once.
func (k *Keys) Link(ctx context.Context, role access.Role, name, account string) (token string, err error) {
	if !role.May(access.RightRead) {
		return "", fmt.Errorf("a person cannot log in with the role %s: use admin, analyst or read-only", role)
	}
	if strings.Contains(name, ":") { // which marks names that somebody vouches for
		return "", fmt.Errorf("%q is no name of a person: it must not have a colon", name)
	}
	request, err := json.Marshal(map[string]string{"role": string(role), "account": account, "name": name})
	if err != nil {
		return "", err
	}
	now := k.now().UTC()
	if _, err := k.store.BeginAudit(ctx, k.entry("CreateLoginLink", name, string(request))); err != nil {
		return "", err
	}
	token = console.NewToken()
	err = k.store.PutSession(ctx, token, store.Session{
		Name: name, Role: string(role), Account: account, Created: now, Expires: now.Add(console.LinkLife),
	}, true)
	return token, err
}
