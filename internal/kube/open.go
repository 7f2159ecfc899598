package kube

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/kube/incluster"
)

// New leads to the API server of a kubeconfig file; without one, to that of
// the cluster in which this process is a pod. The files are read when it is
// first asked something: they may come later than this process.
func New(file, context string) *Client {
	if file == "" {
		return &Client{page: pageSize, load: func() (*entry, error) { return openPod(incluster.Find(os.Getenv)) }}
	}
	return &Client{page: pageSize, load: func() (*entry, error) { return openFile(file, context) }}
}

// Check reads the files that lead to the API server, and asks nobody.
func (c *Client) Check() error {
	_, err := c.current()
	return err
}

func openPod(api incluster.Server, found bool) (*entry, error) {
	if !found {
		return nil, errors.New("this process runs in no pod of Kubernetes (KUBERNETES_SERVICE_HOST is not set); name a kubeconfig file")
	}
	e, err := newEntry(&place{server: api.URL, caFile: api.CAFile, tokenFile: api.TokenFile})
	if err != nil {
		return nil, fmt.Errorf("the pod's own service account: %w", err)
	}
	return e, nil
}

func openFile(file, context string) (*entry, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	p, err := readKubeconfig(text, filepath.Dir(file), context)
	if err == nil {
		var e *entry
		if e, err = newEntry(p); err == nil {
			e.files = append(e.files, file)
			return e, nil
		}
	}
	return nil, fmt.Errorf("kubeconfig %s: %w", file, err)
}

// entry is a way to an API server that is ready to be used.
type entry struct {
	server           *url.URL
	http             *http.Client
	token, tokenFile string
	files            []string // of which it was made, but for the token, which is read each time
}

func newEntry(p *place) (*entry, error) {
	e := &entry{token: strings.TrimSpace(p.token), tokenFile: p.tokenFile}
	var err error
	if e.server, err = url.Parse(p.server); err != nil {
		return nil, err
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: p.serverName}
	if t.RootCAs, err = e.authority(p); err != nil {
		return nil, err
	}
	if err := e.certificate(p, t); err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig, transport.TLSHandshakeTimeout, transport.MaxIdleConnsPerHost = t, 10*time.Second, 4
	if p.proxy != "" {
		proxy, err := url.Parse(p.proxy)
		if err != nil {
			return nil, fmt.Errorf("proxy-url: %w", err)
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	e.http = &http.Client{Transport: transport, Timeout: askFor, CheckRedirect: noRedirect}
	_, err = e.credential()
	return e, err
}

// noRedirect keeps the token from being carried to another place.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// either is the data, or the content of the file, which is looked at again.
func (e *entry) either(data []byte, file, what string) ([]byte, error) {
	if len(data) > 0 || file == "" {
		return data, nil
	}
	e.files = append(e.files, file)
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return b, nil
}

// authority is whom to trust; nil, without one, is whom the system trusts.
func (e *entry) authority(p *place) (*x509.CertPool, error) {
	pem, err := e.either(p.ca, p.caFile, "the cluster's authority")
	if err != nil || len(pem) == 0 {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("the cluster's authority: there is no certificate in PEM")
	}
	return pool, nil
}

func (e *entry) certificate(p *place, t *tls.Config) error {
	cert, err := e.either(p.cert, p.certFile, "the client certificate")
	if err != nil || len(cert) == 0 {
		return err
	}
	key, err := e.either(p.key, p.keyFile, "the client key")
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("the client certificate: %w", err)
	}
	t.Certificates = []tls.Certificate{pair}
	return nil
}

// credential is the token to show; "" if it is a certificate that is shown. The
// file is read each time: a pod's token is changed every hour.
func (e *entry) credential() (string, error) {
	if e.token != "" || e.tokenFile == "" {
		return e.token, nil
	}
	b, err := os.ReadFile(e.tokenFile)
	if err != nil {
		return "", fmt.Errorf("the token: %w", err)
	}
	if b = bytes.TrimSpace(b); len(b) == 0 || bytes.ContainsAny(b, " \t\r\n") {
		return "", fmt.Errorf("the token: %s must hold one token and nothing else", e.tokenFile)
	}
	return string(b), nil
}

// stamp is how the files are now: it changes when one of them does.
func (e *entry) stamp() string {
	var s strings.Builder
	for _, f := range e.files {
		if i, err := os.Stat(f); err == nil {
			fmt.Fprintf(&s, "%d/%d\n", i.Size(), i.ModTime().UnixNano())
		}
	}
	return s.String()
}
