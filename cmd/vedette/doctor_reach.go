package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/uplink"
)

// reach is the address by which others call the server, and as whom to try.
type reach struct {
	url, token, ca, name string
	at                   *url.URL
}

func (d *doctor) reachFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&d.reach.url, "reach", "", "also call the server by this URL, as an API server or a sensor does")
	f.StringVar(&d.reach.token, "token-file", "", "file with the token to call it with")
	f.StringVar(&d.reach.ca, "ca-file", "", "file with the authority of its certificate, PEM (default: the one that the server makes by itself, else the system's)")
	f.StringVar(&d.reach.name, "tls-server-name", "", "name that its certificate must have, where the URL has another")
}

func (d *doctor) checkReach() error {
	r := &d.reach
	if r.url == "" {
		if r.token != "" || r.ca != "" || r.name != "" {
			return errors.New("--token-file, --ca-file and --tls-server-name are for --reach, which is missing")
		}
		return nil
	}
	u, err := url.Parse(r.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--reach %q: use a URL such as https://vedette.internal:8700", r.url)
	}
	if r.token != "" && u.Scheme == "http" && !config.IsLoopback(hostPort(u)) {
		return errors.New("--reach: plain http would send the token in the clear; use https, or leave --token-file out")
	}
	r.at = u
	return nil
}

// reached calls the server as others do, step by step: who cannot connect need
// not be told that his token is wrong.
func (d *doctor) reached(ctx context.Context) {
	if d.reach.at == nil {
		return
	}
	conf, err := d.reachTLS(ctx)
	if err != nil {
		d.say(statusFault, "reach: authority", "%v", err)
		return
	}
	if d.reach.at.Scheme == "https" && !d.reachCertificate(ctx, conf) {
		return
	}
	tr := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr, Timeout: reachTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if d.reachAnonymous(ctx, c) {
		d.reachToken(ctx, c)
		d.reachAPI(ctx, c)
	}
}

// reachTime bounds each step.
const reachTime = 10 * time.Second

// reachTLS is a client that trusts whom it is told to.
func (d *doctor) reachTLS(ctx context.Context) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: d.reach.name}
	if conf.ServerName == "" {
		conf.ServerName = d.reach.at.Hostname()
	}
	var pem []byte
	var err error
	switch {
	case d.reach.at.Scheme != "https":
		return conf, nil
	case d.reach.ca != "":
		if pem, err = os.ReadFile(d.reach.ca); err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
	default:
		pem, err = d.ownAuthority(ctx)
	}
	if err != nil || len(pem) == 0 {
		return conf, err
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("there is no certificate in %s", d.reach.ca)
	}
	return conf, nil
}

// ownAuthority is that of the configured server, where there is one already.
func (d *doctor) ownAuthority(ctx context.Context) ([]byte, error) {
	if d.cfg.Server.TLS.Auto && !d.shared() {
		if _, err := os.Stat(app.AuthorityFile(d.cfg.Store.DataDir)); err != nil {
			return nil, nil
		}
	}
	pem, err := app.Authority(ctx, d.cfg, d.now)
	if errors.Is(err, app.ErrNoAuthority) {
		return nil, nil
	}
	return pem, err
}

// reachCertificate connects and looks at what is shown: who signed it, for which
// name, and until when.
func (d *doctor) reachCertificate(ctx context.Context, conf *tls.Config) bool {
	const name = "reach: certificate"
	addr := d.reach.at.Host
	if d.reach.at.Port() == "" {
		addr = net.JoinHostPort(d.reach.at.Hostname(), "443")
	}
	chain, err := shownAt(ctx, addr)
	if err != nil {
		d.say(statusFault, name, "%s does not answer with TLS: %v; look at name, address, port and what is between (NetworkPolicy, firewall, Service)", addr, err)
		return false
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{Roots: conf.RootCAs, Intermediates: between, DNSName: conf.ServerName, CurrentTime: d.now()})
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &host):
		d.say(statusFault, name, "%v; add the name to server.tls.names (or to the certificate), or call the server with --tls-server-name", err)
	case errors.As(err, &unknown):
		d.say(statusFault, name, "%v; clients need the authority that `vedette kube ca` prints (here: --ca-file), or something else answers there", err)
	case err != nil:
		d.say(statusFault, name, "%v", err)
	default:
		d.expiry(name, chain[0], "see `vedette doctor` on the server")
		return true
	}
	return false
}

// probeEncoding is one that no server reads: after the credentials were looked at a
// push is refused for it, and nothing of it is counted as a record.
const probeEncoding = "vedette-doctor"

// call sends a push that cannot be taken, and returns how it is refused.
func (d *doctor) call(ctx context.Context, c *http.Client, token string) (status int, text string, err error) {
	target := d.reach.at.JoinPath("ingest", "k8s-audit", d.cfg.Cluster)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader("{}"))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Encoding", probeEncoding)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return answerOf(c, req)
}

func answerOf(c *http.Client, req *http.Request) (int, string, error) {
	res, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxReason))
	return res.StatusCode, strings.TrimSpace(string(b)), err
}

// reachAnonymous pushes as nobody, and reports whether Vedette answers at all.
func (d *doctor) reachAnonymous(ctx context.Context, c *http.Client) bool {
	const name = "reach: push without a token"
	status, text, err := d.call(ctx, c, "")
	switch {
	case err != nil:
		d.say(statusFault, name, "%v; look at name, address, port and what is between (proxy, NetworkPolicy, firewall, Service)", err)
		return false
	case status == http.StatusUnauthorized:
		d.say(statusOK, name, "refused with 401, as it must be")
	case status == http.StatusUnsupportedMediaType:
		d.say(statusNote, name, "it would be taken: on loopback nobody needs a token unless ingest.requireToken is always")
	case status == http.StatusForbidden:
		d.say(statusOK, name, "refused with 403: %s", text)
	default:
		d.say(statusFault, name, "it is answered with %d, which is not how Vedette takes pushes: %s; does the URL lead to its port 8700, and does a proxy keep the path /ingest/?", status, text)
		return false
	}
	return true
}

// reachToken pushes with the token.
func (d *doctor) reachToken(ctx context.Context, c *http.Client) {
	const name = "reach: push with the token"
	if d.reach.token == "" {
		return
	}
	token, err := uplink.ReadToken(d.reach.token)
	if err != nil {
		d.say(statusFault, name, "%v", err)
		return
	}
	status, text, err := d.call(ctx, c, token)
	switch {
	case err != nil:
		d.say(statusFault, name, "%v", err)
	case status == http.StatusUnsupportedMediaType || status == http.StatusOK || status == http.StatusBadRequest:
		d.say(statusOK, name, "the token may push records of the cluster %s", d.cfg.Cluster)
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		d.say(statusFault, name, "the server cannot take pushes now (%d): %s", status, text)
	default:
		d.say(statusFault, name, "it is refused with %d: %s", status, text)
	}
}

// reachAPI calls the API without a signature, which it must refuse.
func (d *doctor) reachAPI(ctx context.Context, c *http.Client) {
	const name = "reach: API"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.reach.at.JoinPath("detector").String(), nil)
	if err != nil {
		d.say(statusFault, name, "%v", err)
		return
	}
	switch status, text, err := answerOf(c, req); {
	case err != nil:
		d.say(statusFault, name, "%v", err)
	case status == http.StatusForbidden:
		d.say(statusOK, name, "it answers, and refuses who does not sign")
	case status == http.StatusNotFound:
		d.say(statusNote, name, "it is not served there (404): a process of the role ingest has none")
	default:
		d.say(statusFault, name, "a call without a signature is answered with %d instead of 403: %s", status, text)
	}
}
