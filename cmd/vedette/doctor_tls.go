package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/vedette-project/vedette/internal/app"
)

// certificates looks at what the server shows those who connect, at who signed
// it, and at the certificates that it shows others.
func (d *doctor) certificates(ctx context.Context) {
	t := d.cfg.Server.TLS
	if t.Enabled() {
		if err := app.CheckTLS(d.cfg, d.now); err != nil {
			d.say(statusFault, "certificate files", "%v; a running server goes on showing what it read before, but no new one starts", err)
		}
		d.authority()
		d.shownCertificate(ctx)
	}
	for _, f := range d.certificateFiles() {
		d.certificateFile(f)
	}
}

// certificateFiles are those of the configuration, beside the server's own.
func (d *doctor) certificateFiles() (out []keyedFile) {
	add := func(key, path string) {
		if path != "" {
			out = append(out, keyedFile{key, path})
		}
	}
	n := &d.cfg.Journal.NATS
	add("journal.nats.certFile", n.CertFile)
	add("journal.nats.caFile", n.CAFile)
	add("access.oidc.caFile", d.cfg.Access.OIDC.CAFile)
	add("server.tls.clientCAFile", d.cfg.Server.TLS.ClientCAFile)
	for i := range d.cfg.Publish.Targets {
		t := &d.cfg.Publish.Targets[i]
		add(fmt.Sprintf("publish.targets[%d].certFile", i), t.CertFile)
		add(fmt.Sprintf("publish.targets[%d].caFile", i), t.CAFile)
	}
	return out
}

// certificateFile says until when the certificates of a file are good: the one
// that ends first counts.
func (d *doctor) certificateFile(f keyedFile) {
	certs, err := certificatesIn(f.path)
	if err != nil {
		d.say(statusFault, f.key, "%v", err)
		return
	}
	first := certs[0]
	for _, c := range certs {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	d.expiry(f.key, first, "renew it in "+f.path)
}

func certificatesIn(path string) (out []*x509.Certificate, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there is no certificate in %s", path)
	}
	return out, nil
}

// Before the end of a certificate there is a note, then a fault: at these parts
// of its life, or these times, whichever is less.
const (
	noteBefore  = 30 * 24 * time.Hour
	faultBefore = 7 * 24 * time.Hour
	noteParts   = 4
	faultParts  = 12
)

// expiry says until when a certificate is good.
func (d *doctor) expiry(name string, c *x509.Certificate, remedy string) {
	now, life := d.now(), c.NotAfter.Sub(c.NotBefore)
	left := c.NotAfter.Sub(now)
	until := moment(c.NotAfter)
	switch {
	case left <= 0:
		d.say(statusFault, name, "the certificate has expired at %s; %s", until, remedy)
	case now.Before(c.NotBefore):
		d.say(statusFault, name, "the certificate is good from %s only; is the clock right?", moment(c.NotBefore))
	case left < min(faultBefore, life/faultParts):
		d.say(statusFault, name, "the certificate expires in %s, at %s; %s", span(left), until, remedy)
	case left < min(noteBefore, life/noteParts):
		d.say(statusNote, name, "the certificate expires in %s, at %s; %s", span(left), until, remedy)
	default:
		d.say(statusOK, name, "good until %s, for %s", until, span(left))
	}
}

// span is a time in the unit that suits it.
func span(t time.Duration) string {
	switch {
	case t >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(t.Hours()/24))
	case t >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(t.Hours()))
	case t >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(t.Minutes()))
	}
	return fmt.Sprintf("%d s", int(t.Seconds()))
}

// authority says until when the authority of our own making is good.
func (d *doctor) authority() {
	const name = "authority"
	if !d.cfg.Server.TLS.Auto || d.shared() {
		return // in a database it is sealed; the certificate that is shown tells
	}
	pem, err := app.KnownAuthority(d.cfg.Store.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		d.say(statusNote, name, "there is none yet; the first start makes it")
		return
	}
	if err != nil {
		d.say(statusFault, name, "%v", err)
		return
	}
	if cert := firstOf(pem); cert != nil {
		d.expiry(name, cert, "delete "+app.AuthorityFile(d.cfg.Store.DataDir)+", start the server anew, and give the new one (`vedette kube ca`) to all who talk to it")
	}
}

func firstOf(text []byte) *x509.Certificate {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return cert
}

// shownCertificate connects to the running server of this configuration.
func (d *doctor) shownCertificate(ctx context.Context) {
	const name = "certificate"
	addr, ok := dialable(d.cfg.Server.Listen)
	if !ok {
		return // a port that the system chose
	}
	chain, err := shownAt(ctx, addr)
	switch {
	case err != nil && d.silent: // no server runs
		return
	case err != nil:
		d.say(statusNote, name, "nothing that speaks TLS answers at %s: %v; a process that only detects serves nobody", addr, err)
		return
	}
	t := d.cfg.Server.TLS
	for _, host := range t.Names {
		if err := chain[0].VerifyHostname(host); err != nil {
			d.say(statusFault, "certificate for "+host, "%v; the server was started with other names: start it anew", err)
		}
	}
	if t.CertFile != "" {
		if certs, err := certificatesIn(t.CertFile); err == nil && !certs[0].Equal(chain[0]) {
			d.say(statusNote, "certificate in "+t.CertFile, "the server still shows another one; it takes a new pair within half a minute, or its log says why not")
		}
	}
	remedy := "renew it in " + t.CertFile
	if t.Auto {
		remedy = "the server should have renewed it by itself: see its log, and start it anew"
	}
	d.expiry(name, chain[0], remedy)
}

// dialable is how this machine reaches a listen address.
func dialable(listen string) (addr string, ok bool) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return "", false
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), true
}

// shownAt is the chain that a server shows. Whether to trust it is for the
// caller to say.
func shownAt(ctx context.Context, addr string) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates, nil
}
