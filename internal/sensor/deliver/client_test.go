package deliver

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vedette-project/vedette/internal/testbed"
)

// TestTrustChanges: whom to trust is read with each batch. Who is trusted
// no more gets nothing, also over a connection from before, and nothing is lost.
func TestTrustChanges(t *testing.T) {
	r := newReceiver(t)
	r.Server.Close()
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	r.Server.EnableHTTP2 = true
	conf, trusts := testbed.Certificate(t, t.TempDir())
	_, stranger := testbed.Certificate(t, t.TempDir())
	r.Server.TLS = conf
	r.Server.StartTLS()
	t.Cleanup(r.Server.Close)
	o := r.options(t, t.TempDir())
	o.Server.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	put := func(from string) {
		t.Helper()
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(o.Server.CAFile+".new", b, 0o600)
		}
		if err == nil {
			err = os.Rename(o.Server.CAFile+".new", o.Server.CAFile)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(trusts)
	q, stop := start(t, o)
	want := add(q, 0, 10)
	eventually(t, "the first records", func() bool { return len(r.got()) == 10 })
	put(stranger)
	want = append(want, add(q, 10, 20)...)
	eventually(t, "records that wait", func() bool { return q.spoolHas(10) })
	if err := os.Remove(o.Server.CAFile); err != nil {
		t.Fatal(err)
	}
	want = append(want, add(q, 20, 30)...)
	eventually(t, "more of them", func() bool { return q.spoolHas(20) })
	if n := len(r.got()); n != 10 {
		t.Fatalf("%d records went to a server that is trusted no more", n)
	}
	put(trusts)
	eventually(t, "all of them", func() bool { return len(r.got()) == 30 })
	stop()
	if got := r.got(); !slices.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
	if s := q.Stats(); s.Discarded != 0 {
		t.Fatalf("%+v", s)
	}
}
