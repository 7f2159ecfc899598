package app

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

const maxRedirects = 5

// NewListClient makes a client that reads lists by https. It follows some
// redirects, to https only, and does not connect to this machine itself or to
// link-local addresses: those have what is meant for programs beside this one,
// such as the credentials of a cloud's machine.
func NewListClient() *http.Client {
	direct := &net.Dialer{Timeout: 10 * time.Second, Control: refuseLocal}
	proxied := &net.Dialer{Timeout: 10 * time.Second} // the proxy may well be beside us
	return &http.Client{Transport: &listTransport{newTransport(direct), newTransport(proxied)}, CheckRedirect: checkRedirect}
}

func newTransport(d *net.Dialer) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: d.DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns: 4, IdleConnTimeout: 30 * time.Second,
	}
}

type listTransport struct{ direct, proxied *http.Transport }

func (t *listTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	proxy, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, err
	}
	if proxy != nil {
		return t.proxied.RoundTrip(r)
	}
	return t.direct.RoundTrip(r)
}

func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if r.URL.Scheme != "https" {
		return errors.New("a redirect leaves https")
	}
	return nil
}

// refuseLocal sees an address after its name was resolved, so that no name can
// stand for it.
func refuseLocal(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	a := at.Addr().Unmap().WithZone("")
	if a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast() || isMetadata(a) {
		return fmt.Errorf("lists are not read from %s, which is on this machine or its own link; use file:/// or another address", a)
	}
	return nil
}

// isMetadata says whether a cloud tells a machine its credentials there, where
// that is no link-local address.
func isMetadata(a netip.Addr) bool {
	return netip.MustParsePrefix("fd00:ec2::/32").Contains(a) || a == netip.MustParseAddr("100.100.100.200")
}

// markOf is how a source looks by what its server says.
func markOf(tag, date string) string {
	if tag == "" && date == "" {
		return ""
	}
	return tag + "\n" + date
}

func webMark(mark string) (tag, date string, ok bool) { return strings.Cut(mark, "\n") }

func setUnlessEmpty(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}
