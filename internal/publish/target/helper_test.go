package target_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func readCloser(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// startTLS serves a site with a certificate that nobody knows.
func startTLS(t *testing.T, s *site) string {
	t.Helper()
	srv := httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(srv.Close)
	return srv.URL
}
