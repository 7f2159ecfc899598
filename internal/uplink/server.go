// Package uplink brings bodies of records to a Vedette server, as whoever the
// files say that are read anew: tokens, certificates and authorities are
// renewed while a sensor runs and while logs are followed.
package uplink

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// Server is how a server is talked to, and as whom. Messages name the flags
// that the files come from.
type Server struct {
	// TokenFile holds the token; it is read for each body. Token is the token
	// itself; "" sends none.
	TokenFile, Token string
	// CAFile holds the authority of the server's certificate, PEM; it is read for
	// each body. CertFile and KeyFile are a client certificate.
	CAFile, CertFile, KeyFile string
	// Name is that of the server's certificate, where it is not the URL's host.
	Name  string
	Agent string // the User-Agent
}

// Register adds the flags that name the files.
func (s *Server) Register(p *pflag.FlagSet) {
	p.StringVar(&s.TokenFile, "token-file", "", "file with the token of an access key of role ingest; it is read again when it changes")
	p.StringVar(&s.CAFile, "ca-file", "", "file with the authority of the server's certificate, PEM; it is read again when it changes")
	p.StringVar(&s.CertFile, "cert-file", "", "file with a client certificate, in place of a token, PEM")
	p.StringVar(&s.KeyFile, "key-file", "", "file with its key, PEM")
}

// CheckPair wants a client certificate and its key, or neither.
func (s *Server) CheckPair() error {
	if (s.CertFile == "") != (s.KeyFile == "") {
		return errors.New("--cert-file and --key-file belong together")
	}
	return nil
}

// Check finds out what is wrong with the files.
func (s *Server) Check() error {
	if err := s.CheckPair(); err != nil {
		return err
	}
	if _, err := s.token(); err != nil {
		return err
	}
	ca, err := s.authority()
	if err == nil {
		_, err = s.tls(ca)
	}
	return err
}

// token is what to authenticate with at the moment; "" is nothing.
func (s *Server) token() (string, error) {
	if s.TokenFile == "" {
		return s.Token, nil
	}
	return ReadToken(s.TokenFile)
}

// ReadToken reads the file that --token-file names.
func ReadToken(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 || bytes.ContainsAny(b, " \t\r\n") {
		return "", fmt.Errorf("--token-file: %s must hold one token and nothing else", file)
	}
	return string(b), nil
}

// authority is what the file of the authority holds now.
func (s *Server) authority() ([]byte, error) {
	if s.CAFile == "" {
		return nil, nil
	}
	b, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	return b, nil
}

func (s *Server) tls(authority []byte) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.Name}
	if s.CAFile != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(authority) {
			return nil, fmt.Errorf("--ca-file: %s must hold certificates in PEM", s.CAFile)
		}
	}
	if s.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile); err != nil {
			return nil, fmt.Errorf("--cert-file: %w", err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { // at each handshake
			pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
			return &pair, err
		}
	}
	return c, nil
}
