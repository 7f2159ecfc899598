package deliver

import (
	"crypto/tls"
	"net/http"
	"time"
)

// newClient makes a client with its own connections.
func newClient(conf *tls.Config) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig, transport.MaxIdleConns = conf, 2
	return &http.Client{Transport: transport, Timeout: 30 * time.Second, CheckRedirect: noRedirect}
}

// noRedirect keeps the token from being carried to another place.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// trusting is the client that trusts whom the options name now. Who is trusted
// no more is not talked to over an old connection either.
func (q *Queue) trusting() (*http.Client, error) {
	if q.opts.TLS == nil {
		return q.client, nil
	}
	conf, err := q.opts.TLS()
	if err != nil || conf == q.tls {
		return q.client, err
	}
	q.client.CloseIdleConnections()
	q.client, q.tls = newClient(conf), conf
	return q.client, nil
}
