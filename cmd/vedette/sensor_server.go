package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/sensor/deliver"
)

// sensorServer is where a sensor sends its records, and as whom.
type sensorServer struct {
	url, token, ca, cert, key string

	// What was made of the authority's file, and the file's bytes then.
	made *tls.Config
	pem  []byte
}

func (s *sensorServer) options() (deliver.Options, error) {
	var o deliver.Options
	u, err := url.Parse(s.url)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return o, fmt.Errorf("--server %q: use a URL such as https://vedette.internal:8700", s.url)
	case u.Scheme == "http" && !config.IsLoopback(hostPort(u)):
		return o, errors.New("--server: plain http sends the token and the records in the clear; it is for loopback only, use https")
	case (s.cert == "") != (s.key == ""):
		return o, errors.New("--cert-file and --key-file belong together")
	}
	o.URL = u.JoinPath("ingest", "runtime")
	if s.token != "" {
		o.Token = s.readToken
		if _, err := s.readToken(); err != nil {
			return o, err
		}
	}
	o.TLS = s.tls
	_, err = s.tls()
	return o, err
}

// readToken reads the file each time: a secret that is changed must not need a
// restart.
func (s *sensorServer) readToken() (string, error) {
	b, err := os.ReadFile(s.token)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 || bytes.ContainsAny(b, " \t\r\n") {
		return "", fmt.Errorf("--token-file: %s must hold one token and nothing else", s.token)
	}
	return string(b), nil
}

// tls is the client's side of TLS, another one each time that the authority's
// file has changed.
func (s *sensorServer) tls() (*tls.Config, error) {
	var pem []byte
	if s.ca != "" {
		var err error
		if pem, err = os.ReadFile(s.ca); err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
	}
	if s.made != nil && bytes.Equal(pem, s.pem) {
		return s.made, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.ca != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca-file: %s must hold certificates in PEM", s.ca)
		}
	}
	if s.cert != "" {
		if _, err := tls.LoadX509KeyPair(s.cert, s.key); err != nil {
			return nil, fmt.Errorf("--cert-file: %w", err)
		}
		// Read at each handshake: certificates are renewed while a sensor runs.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(s.cert, s.key)
			return &pair, err
		}
	}
	s.made, s.pem = c, pem
	return c, nil
}
