package feed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/vedette-project/vedette/internal/intel/format"
)

// viaProxy is the key under which a request's context holds the host and port
// of the proxy that it goes through, if any: that is the operator's and may
// stand inside. Every other connection is checked.
type viaProxy struct{}

// withProxy notes the proxy that a request would go through.
func withProxy(c *http.Client, req *http.Request) (*http.Request, error) {
	t, ok := c.Transport.(*http.Transport)
	if !ok || t.Proxy == nil {
		return req, nil
	}
	at, err := t.Proxy(req)
	if err != nil || at == nil {
		return req, err
	}
	return req.WithContext(context.WithValue(req.Context(), viaProxy{}, hostPort(at))), nil
}

// guarded is a client that connects to public addresses alone, and leaves
// redirects to its caller. The check is on the address that is dialled, so a
// name that points inside is caught, whatever it pointed to before.
func guarded(base *http.Client, private bool) (*http.Client, error) {
	if base == nil {
		return nil, errors.New("no HTTP client was given")
	}
	t, ok := base.Transport.(*http.Transport)
	if base.Transport == nil {
		t, ok = http.DefaultTransport.(*http.Transport)
	}
	if !ok {
		return nil, fmt.Errorf("the client's transport is a %T; connections can be guarded only for *http.Transport", base.Transport)
	}
	t = t.Clone()
	if !private {
		guard(t)
	}
	return &http.Client{Transport: t, Jar: nil, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

func guard(t *http.Transport) {
	if t.DialContext == nil && t.DialTLSContext == nil {
		plain := &net.Dialer{Timeout: 30 * time.Second}
		checked := &net.Dialer{Timeout: 30 * time.Second, Control: func(_, address string, _ syscall.RawConn) error { return public(address) }}
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == ctx.Value(viaProxy{}) {
				return plain.DialContext(ctx, network, addr)
			}
			return checked.DialContext(ctx, network, addr)
		}
		return
	}
	t.DialContext, t.DialTLSContext = after(t.DialContext), after(t.DialTLSContext)
}

type dial func(ctx context.Context, network, addr string) (net.Conn, error)

// after checks what another's dialler has connected to.
func after(d dial) dial {
	if d == nil {
		return nil
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d(ctx, network, addr)
		if err != nil || addr == ctx.Value(viaProxy{}) {
			return c, err
		}
		if err := public(c.RemoteAddr().String()); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		return c, nil
	}
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// public says why an address with port is not to be asked.
func public(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is no address", address)
	}
	a := ap.Addr().Unmap().WithZone("")
	if nat64.Contains(a) { // how hosts without IPv4 reach it
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !format.Public(netip.PrefixFrom(a, a.BitLen())) {
		return fmt.Errorf("%s is inside your own network; allow private addresses for this feed if it is meant", a)
	}
	return nil
}
