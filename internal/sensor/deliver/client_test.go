package deliver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
)

// TestTrustChanges: whom to trust is asked for with each batch. Who is trusted
// no more gets nothing, also over a connection from before, and nothing is lost.
func TestTrustChanges(t *testing.T) {
	r := newReceiver(t)
	r.Server.Close()
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	r.Server.EnableHTTP2 = true
	r.Server.StartTLS()
	t.Cleanup(r.Server.Close)
	good := x509.NewCertPool()
	good.AddCert(r.Server.Certificate())
	trusts, stranger := &tls.Config{RootCAs: good}, &tls.Config{RootCAs: x509.NewCertPool()}
	var current atomic.Pointer[tls.Config]
	current.Store(trusts)
	o := r.options(t, t.TempDir())
	o.TLS = func() (*tls.Config, error) {
		if c := current.Load(); c != nil {
			return c, nil
		}
		return nil, errors.New("the file is gone")
	}
	q, stop := start(t, o)
	want := add(q, 0, 10)
	eventually(t, "the first records", func() bool { return len(r.got()) == 10 })
	current.Store(stranger)
	want = append(want, add(q, 10, 20)...)
	eventually(t, "records that wait", func() bool { return q.spoolHas(10) })
	current.Store(nil)
	want = append(want, add(q, 20, 30)...)
	eventually(t, "more of them", func() bool { return q.spoolHas(20) })
	if n := len(r.got()); n != 10 {
		t.Fatalf("%d records went to a server that is trusted no more", n)
	}
	current.Store(trusts)
	eventually(t, "all of them", func() bool { return len(r.got()) == 30 })
	stop()
	if got := r.got(); !slices.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
	if s := q.Stats(); s.Discarded != 0 {
		t.Fatalf("%+v", s)
	}
}
