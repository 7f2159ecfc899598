package kube

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// TestSkew: the clock of an API server is compared by its answers, and what the
// way and whole seconds leave open is no difference.
func TestSkew(t *testing.T) {
	ahead := time.Duration(0)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		w.Write([]byte("{}"))
	}))
	defer s.Close()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{load: func() (*entry, error) { return &entry{server: u, http: s.Client()}, nil }}
	for _, ahead = range []time.Duration{0, time.Minute, -time.Minute, 0} {
		if err := c.Get(t.Context(), ConfigMap("a", "b"), nil); err != nil {
			t.Fatal(err)
		}
		if off := c.Skew() - ahead; max(off, -off) > 2*time.Second || ahead == 0 && c.Skew() != 0 {
			t.Errorf("%s ahead is %s", ahead, c.Skew())
		}
	}
	c.compare(time.Now(), time.Now(), "no date")
	if c.Skew() != 0 {
		t.Error("a bad date changes it")
	}
}
