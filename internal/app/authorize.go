package app

import (
	"errors"
	"net"
	"net/http"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/ingest"
)

// authorizePush lets in a token with the right to push, one of a service account
// of a cluster that is known, a client certificate
// of the configured authority and, on a server that only this machine can
// reach, any program on it.
func (a *App) authorizePush(r *http.Request) error {
	if token, ok := access.BearerToken(r.Header.Get("Authorization")); ok {
		if c, claims := a.accounts.find(token); c != nil {
			return a.accounts.check(r, c, claims, token)
		}
		key, err := access.CheckToken(r.Context(), token, a.keys.lookup)
		var refused *access.Error
		switch {
		case errors.As(err, &refused):
			return &ingest.Denied{Status: http.StatusUnauthorized, Msg: "the token is not valid"}
		case err != nil:
			return err
		case !key.Role.May(access.RightPush):
			return &ingest.Denied{Status: http.StatusForbidden, Msg: "a key of role " + string(key.Role) + " may not push; use one of role ingest"}
		}
		return nil
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return nil
	}
	if a.Config.Ingest.RequireToken == "auto" && config.IsLoopback(a.Config.Server.Listen) && ingest.FromLoopback(r) {
		if fromBrowser(r) {
			return &ingest.Denied{Status: http.StatusForbidden, Msg: "a web page may not push; programs that need to look like one use a token"}
		}
		return nil
	}
	return &ingest.Denied{Status: http.StatusUnauthorized,
		Msg: "a push needs a token (Authorization: Bearer …; for Firehose its access key) or a client certificate; `vedette keys create --role ingest` makes one, `vedette kube webhook-config` a kubeconfig with one"}
}

// onlyCluster is the cluster of the service account that pushes, "" for
// everybody else, after the request was let in.
func (a *App) onlyCluster(r *http.Request) string {
	token, _ := access.BearerToken(r.Header.Get("Authorization"))
	if c, _ := a.accounts.find(token); c != nil {
		return c.Name
	}
	return ""
}

// fromBrowser reports whether a web page sent the request: any page that
// somebody opens on this machine can reach its loopback, also under a name of
// its own.
func fromBrowser(r *http.Request) bool {
	host := r.Host
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, "80")
	}
	return r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" || !config.IsLoopback(host)
}
