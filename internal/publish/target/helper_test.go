package target_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

func readCloser(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// startTLS serves a site with a certificate that nobody knows.
func startTLS(t *testing.T, s *site) string {
	t.Helper()
	srv := httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(srv.Close)
	return srv.URL
}

func mechanismOf(t *testing.T, user, password string) sasl.Mechanism {
	t.Helper()
	return plain.Auth{User: user, Pass: password}.AsMechanism()
}
