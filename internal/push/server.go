package push

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Server is where records are sent, and as whom. Only URL is required.
type Server struct {
	URL *url.URL
	// TokenFile holds the token; it is read for each body, so that it may be
	// renewed at any time. Token is the token itself.
	TokenFile, Token string
	// CAFile holds the authority of the server's certificate, PEM; it is read
	// again when it changes. CertFile and KeyFile are a client certificate.
	CAFile, CertFile, KeyFile string
	// Name is that of the server's certificate, where it is not the URL's host.
	Name    string
	Version string // for User-Agent
}

// postFor bounds one attempt. The server answers within 20 seconds, whatever
// the journal does.
const postFor = 60 * time.Second

// connection makes the client that a body is sent with.
type connection struct {
	Server
	http *http.Client
	ca   []byte // of the client
}

// client is one that trusts what the file of the authority holds now.
func (c *connection) client() (*http.Client, error) {
	var ca []byte
	if c.CAFile != "" {
		var err error
		if ca, err = os.ReadFile(c.CAFile); err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
	}
	if c.http != nil && bytes.Equal(ca, c.ca) {
		return c.http, nil
	}
	config, err := c.tls(ca)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig, transport.MaxIdleConns = config, 2
	c.close()
	c.http, c.ca = &http.Client{Transport: transport, Timeout: postFor, CheckRedirect: noRedirect}, ca
	return c.http, nil
}

// noRedirect keeps the token from being carried to another place.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (c *connection) close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

func (c *connection) tls(ca []byte) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Name}
	if ca != nil {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("--ca-file: %s must hold certificates in PEM", c.CAFile)
		}
	}
	if c.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile); err != nil {
			return nil, fmt.Errorf("--cert-file: %w", err)
		}
		// Read at each handshake: certificates are renewed while logs are followed.
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
			return &pair, err
		}
	}
	return t, nil
}

// token is what to authenticate with at the moment; "" is nothing.
func (s *Server) token() (string, error) {
	if s.TokenFile == "" {
		return s.Token, nil
	}
	b, err := os.ReadFile(s.TokenFile)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 || bytes.ContainsAny(b, " \t\r\n") {
		return "", fmt.Errorf("--token-file: %s must hold one token and nothing else", s.TokenFile)
	}
	return string(b), nil
}

// Check finds out what is wrong with the files that a server is reached by.
func (s *Server) Check() error {
	if (s.CertFile == "") != (s.KeyFile == "") {
		return errors.New("--cert-file and --key-file belong together")
	}
	if _, err := s.token(); err != nil {
		return err
	}
	_, err := (&connection{Server: *s}).client()
	return err
}

// isTrust reports whether an attempt failed because one side does not trust the
// other, which waiting alone does not mend.
func isTrust(err error) bool {
	var verification *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &verification) || errors.As(err, &header) || errors.As(err, &alert)
}
