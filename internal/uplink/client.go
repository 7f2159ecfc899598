package uplink

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Client posts to a server. One goroutine owns it.
type Client struct {
	server  Server
	timeout time.Duration
	http    *http.Client
	ca      []byte // that the client trusts
}

// New returns a client that gives up an attempt after the timeout; the server
// answers within 20 s, whatever its journal does. Close releases the client.
func New(s Server, timeout time.Duration) *Client { return &Client{server: s, timeout: timeout} }

// Close releases the connections.
func (c *Client) Close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// Answer is what a server said.
type Answer struct {
	Status int
	Text   string
	After  time.Duration // when to come again
	// NoRecord says that the body was read and counted, and that there is no
	// record in it: it need not come again.
	NoRecord bool
}

// LocalError is a fault of this side's files.
type LocalError struct{ error }

func (e *LocalError) Unwrap() error { return e.error }

// IsTrust reports whether one side does not trust the other, which waiting
// alone does not mend.
func IsTrust(err error) bool {
	var verification *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &verification) || errors.As(err, &header) || errors.As(err, &alert)
}

// Post sends a body, compressed with zstd, once.
func (c *Client) Post(ctx context.Context, url, media string, zipped []byte) (Answer, error) {
	client, err := c.trusting()
	if err != nil {
		return Answer{}, &LocalError{err}
	}
	token, err := c.server.token()
	if err != nil {
		return Answer{}, &LocalError{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(zipped))
	if err != nil {
		return Answer{}, &LocalError{err}
	}
	req.Header.Set("Content-Encoding", "zstd")
	req.Header.Set("Content-Type", media)
	req.Header.Set("User-Agent", c.server.Agent)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	return read(resp), nil
}

func read(resp *http.Response) Answer {
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return Answer{
		Status:   resp.StatusCode,
		Text:     strings.TrimSpace(string(text)),
		After:    time.Duration(min(max(seconds, 0), 60)) * time.Second,
		NoRecord: resp.StatusCode == http.StatusBadRequest && resp.Header.Get(HeaderRefused) == RefusedRecords,
	}
}

// trusting is a client that trusts what the file of the authority holds now. Who
// is trusted no more is not talked to over an old connection either.
func (c *Client) trusting() (*http.Client, error) {
	ca, err := c.server.authority()
	if err != nil {
		return nil, err
	}
	if c.http != nil && bytes.Equal(ca, c.ca) {
		return c.http, nil
	}
	config, err := c.server.tls(ca)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig, transport.MaxIdleConns = config, 2
	c.Close()
	c.http, c.ca = &http.Client{Transport: transport, Timeout: c.timeout, CheckRedirect: noRedirect}, ca
	return c.http, nil
}

// noRedirect keeps the token from being carried to another place.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
