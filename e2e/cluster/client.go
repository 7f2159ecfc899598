package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/vedette-project/vedette/e2e/identity"
)

// Server is the API server's URL.
func (c *Cluster) Server() string { return "https://" + apiAddr }

// CAFile is the certificate of the authority that signed the server's.
func (c *Cluster) CAFile() string { return c.ca.Path("ca.crt") }

// Config is a client configuration for the actor, calling from its address.
func (c *Cluster) Config(a identity.Actor, userAgent string) (*rest.Config, error) {
	return c.TokenConfig(a.Token(), a.IP, userAgent)
}

// TokenConfig is a client configuration for whoever holds the token, calling
// from addr unless that is empty.
func (c *Cluster) TokenConfig(token, addr, userAgent string) (*rest.Config, error) {
	cfg := &rest.Config{
		Host: c.Server(), BearerToken: token, UserAgent: userAgent, QPS: 100, Burst: 200,
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.CAFile()},
	}
	if addr == "" {
		return cfg, nil
	}
	dialer, err := c.dialer(addr)
	if err != nil {
		return nil, err
	}
	cfg.Dial = dialer.DialContext
	return cfg, nil
}

// Client is a typed client for the actor.
func (c *Cluster) Client(a identity.Actor, userAgent string) (kubernetes.Interface, error) {
	cfg, err := c.Config(a, userAgent)
	if err != nil {
		return nil, err
	}
	return c.NewClient(cfg)
}

// NewClient wraps kubernetes.NewForConfig with this package's error style.
func (c *Cluster) NewClient(cfg *rest.Config) (kubernetes.Interface, error) {
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}

// dialer dials from the given address, which it adds to the sandbox first.
func (c *Cluster) dialer(addr string) (*net.Dialer, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, fmt.Errorf("read an actor's address: %w", err)
	}
	if err := c.fwd.ensureAddress(context.Background(), addr); err != nil {
		return nil, err
	}
	return &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))}, nil
}

// HTTP is a bare client that calls from addr, checks no certificate and keeps
// no connection, like "curl -k".
func (c *Cluster) HTTP(addr string) (*http.Client, error) {
	d, err := c.dialer(addr)
	if err != nil {
		return nil, err
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: d.DialContext, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}, nil
}
