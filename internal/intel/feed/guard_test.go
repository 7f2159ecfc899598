package feed

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/intel/format"
)

// outside is an updater whose one feed may not ask inside the own network.
func (w *world) outside(address string, c *http.Client, o func(*Source)) *Updater {
	w.t.Helper()
	s := Source{Name: "list", URL: address, Category: "malicious", Format: format.List}
	if o != nil {
		o(&s)
	}
	u, err := New(w.options(c), []Source{s})
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// TestNothingInsideIsAsked: not by address, not by a name that points inside,
// not through a dialler of the caller's, not by redirect.
func TestNothingInsideIsAsked(t *testing.T) {
	w := newWorld(t)
	w.list("192.0.2.1\n")
	_, port, _ := net.SplitHostPort(w.server.Listener.Addr().String())
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for name, tc := range map[string]struct {
		url    string
		client *http.Client
	}{
		"address":         {"https://127.0.0.1:" + port + "/list.txt", insecure},
		"mapped":          {"https://[::ffff:127.0.0.1]:" + port + "/list.txt", insecure},
		"name":            {"https://localhost:" + port + "/list.txt", insecure},
		"name in capital": {"https://LOCALHOST:" + port + "/list.txt", insecure},
		"metadata":        {"https://169.254.169.254/latest/meta-data/", insecure},
		"own dialler": {"https://feeds.example:" + port + "/list.txt", &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DialContext: func(ctx context.Context, n, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, n, w.server.Listener.Addr().String())
		}}}},
	} {
		if err := w.outside(tc.url, tc.client, nil).Update(context.Background()); err == nil || !strings.Contains(err.Error(), "inside your own network") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(w.requests()); n > 0 {
		t.Errorf("%d requests came through", n)
	}
	for address, ok := range map[string]bool{"192.0.2.1:443": true, "[2001:db8::1]:443": true, "[64:ff9b::c000:201]:443": true, "[64:ff9b::a00:1]:443": false, "[fe80::1%eth0]:443": false, "100.64.0.1:1": false, "x": false} {
		if err := public(address); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestProxy: the operator's proxy may stand inside; what it is told to fetch
// may not.
func TestProxy(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		fmt.Fprint(rw, "192.0.2.1\n")
	}))
	defer proxy.Close()
	at, _ := url.Parse(proxy.URL)
	w := newWorld(t)
	c := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(at)}}
	http1 := func(s *Source) { s.AllowHTTP = true }
	if err := w.outside("http://feeds.example/list.txt", c, http1).Update(context.Background()); err != nil || len(asked) != 1 {
		t.Errorf("%v %v", err, asked)
	}
	if err := w.outside("http://10.0.0.1/list.txt", c, http1).Update(context.Background()); err == nil || len(asked) != 1 {
		t.Errorf("%v %v", err, asked)
	}
}

// TestTLS: who cannot prove who he is, is not believed.
func TestTLS(t *testing.T) {
	w := newWorld(t)
	w.list("192.0.2.1\n")
	u := w.outside(w.server.URL+"/list.txt", &http.Client{}, func(s *Source) { s.AllowPrivate = true })
	if err := u.Update(context.Background()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}

func TestClientMustBeGuarded(t *testing.T) {
	w := newWorld(t)
	for _, c := range []*http.Client{nil, {Transport: http.NewFileTransport(http.Dir("."))}} {
		if _, err := New(w.options(c), nil); err == nil {
			t.Errorf("%v was taken", c)
		}
	}
}

// TestSecrets: each goes the way that the source says, to the publisher alone,
// and into no error.
func TestSecrets(t *testing.T) {
	const key = "s3cr3t"
	for name, tc := range map[string]struct {
		s    Source
		sent func(r *http.Request) bool
	}{
		"bearer": {Source{}, func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+key }},
		"basic":  {Source{User: "me"}, func(r *http.Request) bool { u, p, _ := r.BasicAuth(); return u == "me" && p == key }},
		"header": {Source{Header: "Auth-Key"}, func(r *http.Request) bool {
			return r.Header.Get("Auth-Key") == key && r.Header.Get("Authorization") == ""
		}},
		"query": {Source{URL: "SERVER/list.txt?auth-key={key}"}, func(r *http.Request) bool {
			return r.URL.Query().Get("auth-key") == key && r.Header.Get("Authorization") == ""
		}},
	} {
		t.Run(name, func(t *testing.T) {
			other := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if tc.sent(r) {
					t.Error("another host got the secret")
				}
				fmt.Fprint(rw, "192.0.2.1\n")
			}))
			defer other.Close()
			w := newWorld(t)
			tc.s.Secret = w.secret(key)
			w.sources = []Source{tc.s}
			w.restart()
			w.on("/list.txt", func(rw http.ResponseWriter, r *http.Request) {
				if !tc.sent(r) {
					t.Errorf("%v %v", r.URL, r.Header)
				}
				http.Redirect(rw, r, other.URL+"/elsewhere", http.StatusFound)
			})
			w.mustUpdate()
			w.on("/list.txt", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			if err := w.update(); err == nil || strings.Contains(err.Error(), key) || strings.Contains(w.status().Reason, key) {
				t.Error(err)
			}
		})
	}
	w := newWorld(t, Source{Secret: "/nowhere/at/all"})
	if err := w.update(); err == nil || !strings.Contains(err.Error(), "read the feed's secret") || len(w.requests()) > 0 {
		t.Error(err)
	}
}
