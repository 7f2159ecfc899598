package app

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vedette-project/vedette/internal/config"
)

// shown is what the server shows those who connect, and whom it knows.
type shown struct {
	config    *tls.Config
	leaf      *x509.Certificate
	authority []byte // PEM; nil where it is not known
}

// certificates are what the server shows. It changes while the server serves:
// what it makes is renewed, files are read again when they change.
type certificates struct {
	tls config.TLS
	own *ownAuthority // nil where files are read
	// names are those of a certificate of our own making.
	names []string
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex // of refresh
	current atomic.Pointer[shown]
	tried   [sha256.Size]byte // the files of the last attempt
	failed  error             // what was wrong with them
	told    bool              // in the log
}

// open makes or reads what is shown from the beginning. A fault in it is an
// error; one that comes later leaves in use what was there.
func (c *certificates) open() error {
	next, err := c.make(nil)
	if err != nil {
		return err
	}
	c.current.Store(next)
	return nil
}

// serverConfig is for a listener: each connection meets what is shown then.
func (c *certificates) serverConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current.Load().config, nil },
	}
}

// refresh renews what is to be renewed and reads what has changed.
func (c *certificates) refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	have := c.current.Load()
	next, err := c.make(have)
	switch {
	case err != nil && !c.told:
		c.told = true
		c.log.Error("the server's certificate cannot be changed; the one from before stays in use", "until", have.leaf.NotAfter.UTC().Format(time.RFC3339), "err", err)
	case err == nil && next != have:
		c.current.Store(next)
		if !next.leaf.Equal(have.leaf) {
			c.log.Info("the server's certificate changed", "until", next.leaf.NotAfter.UTC().Format(time.RFC3339), "serial", next.leaf.SerialNumber.Text(16))
		}
	}
}

// make is what is to be shown from now on: what is there, if that is still good.
func (c *certificates) make(have *shown) (*shown, error) {
	files, err := c.read()
	if err != nil {
		return have, c.fault(have, [sha256.Size]byte{}, err)
	}
	sum := files.sum()
	due := c.own != nil && (have == nil || renewal(have.leaf, c.now()))
	if have != nil && sum == c.tried && !due {
		return have, c.fault(have, sum, c.failed)
	}
	next, err := c.build(files, have, due)
	if err != nil {
		return have, c.fault(have, sum, err)
	}
	c.tried, c.failed, c.told = sum, nil, false
	return next, nil
}

// fault keeps an error for the second time that it is met: a pair of files that
// is being replaced is of two kinds for a moment. At the start it counts at once.
func (c *certificates) fault(have *shown, sum [sha256.Size]byte, err error) error {
	again := have == nil || sum == c.tried
	if !again || err == nil {
		c.told = false
	}
	c.tried, c.failed = sum, err
	if again {
		return err
	}
	return nil
}

// tlsFiles are the bytes of the files that are named.
type tlsFiles struct{ cert, key, authority, clients []byte }

func (f *tlsFiles) sum() (out [sha256.Size]byte) {
	h := sha256.New()
	for _, b := range [][]byte{f.cert, f.key, f.authority, f.clients} {
		one := sha256.Sum256(b)
		h.Write(one[:])
	}
	h.Sum(out[:0])
	return out
}

func (c *certificates) read() (*tlsFiles, error) {
	var f tlsFiles
	for _, one := range []struct {
		key, path string
		to        *[]byte
	}{
		{"server.tls.certFile", c.tls.CertFile, &f.cert}, {"server.tls.keyFile", c.tls.KeyFile, &f.key},
		{"server.tls.caFile", c.tls.CAFile, &f.authority}, {"server.tls.clientCAFile", c.tls.ClientCAFile, &f.clients},
	} {
		if one.path == "" {
			continue
		}
		b, err := os.ReadFile(one.path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.key, err)
		}
		*one.to = b
	}
	return &f, nil
}

// build makes what is shown of what the files hold; due says that a certificate
// of our own making is to be made anew.
func (c *certificates) build(f *tlsFiles, have *shown, due bool) (*shown, error) {
	pair, authority, err := c.pair(f, have, due)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if c.tls.ClientCAFile != "" {
		if conf.ClientCAs, err = pool("server.tls.clientCAFile", c.tls.ClientCAFile, f.clients); err != nil {
			return nil, err
		}
		conf.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return &shown{conf, pair.Leaf, authority}, nil
}

// pair is the certificate to show, and the authority that signed it.
func (c *certificates) pair(f *tlsFiles, have *shown, due bool) (*tls.Certificate, []byte, error) {
	if c.own != nil && !due {
		return &have.config.Certificates[0], have.authority, nil
	}
	if c.own != nil {
		pair, err := c.own.issue(c.names, c.now())
		return pair, c.own.pem(), err
	}
	pair, err := tls.X509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, nil, fmt.Errorf("server.tls.certFile: load the server's certificate: %w", err)
	}
	if now := c.now(); have != nil && now.After(pair.Leaf.NotAfter) && now.Before(have.leaf.NotAfter) {
		return nil, nil, fmt.Errorf("server.tls.certFile: the certificate in %s has expired at %s", c.tls.CertFile, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if f.authority == nil {
		return &pair, nil, nil
	}
	if _, err := pool("server.tls.caFile", c.tls.CAFile, f.authority); err != nil {
		return nil, nil, err
	}
	return &pair, f.authority, nil
}

// renewal reports whether a certificate of our own making is to be made anew:
// when two thirds of its time are over, or the clock was put back before it.
func renewal(leaf *x509.Certificate, now time.Time) bool {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	return now.After(leaf.NotBefore.Add(life*2/3)) || now.Before(leaf.NotBefore)
}

// pool reads certificates, and refuses text in which there is a key: it is for
// others to see.
func pool(key, path string, text []byte) (*x509.CertPool, error) {
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: there is no certificate in %s", key, path)
	}
	if bytes.Contains(text, []byte("PRIVATE KEY-----")) {
		return nil, fmt.Errorf("%s: there is a private key in %s, which must hold certificates only", key, path)
	}
	return p, nil
}

// ownNames are the names and addresses of a certificate that the server makes.
func ownNames(c *config.Config) []string {
	names := slices.Concat(c.Server.TLS.Names, []string{"localhost", "127.0.0.1", "::1"})
	if host, err := os.Hostname(); err == nil && config.ValidServerName(host) {
		names = append(names, host)
	}
	if host, _, err := net.SplitHostPort(c.Server.Listen); err == nil && host != "0.0.0.0" && host != "::" && config.ValidServerName(host) {
		names = append(names, host)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(n string) bool {
		before := seen[n]
		seen[n] = true
		return before
	})
}

var errNoTLS = errors.New("the server serves without TLS: set server.tls.auto, or server.tls.certFile and keyFile")
