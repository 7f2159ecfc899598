package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
)

// TestPlainOnlyOnLoopback: what others can reach needs a certificate.
func TestPlainOnlyOnLoopback(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:8700", "[::]:8700", ":8700", "192.0.2.1:8700", "vedette.internal:8700"} {
		c := config.Default()
		c.Server.Listen = addr
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "server.listen") {
			t.Errorf("%s without a certificate: %v", addr, err)
		}
		c.Server.TLS = config.TLS{CertFile: "tls.crt", KeyFile: "tls.key"}
		if err := c.Validate(); err != nil {
			t.Errorf("%s with a certificate: %v", addr, err)
		}
	}
}

// TestPushCredentials: on an address that others reach a push needs a token
// with the right to push or a certificate of the clients' authority, and even
// from this machine.
func TestPushCredentials(t *testing.T) {
	server, clients := newAuthority(t, "server"), newAuthority(t, "clients")
	a := startTLS(t, server, clients)
	c := tlsClient(t, server, nil, nil)
	for role, want := range map[access.Role]int{
		access.RoleAdmin: 200, access.RoleIngest: 200, access.RoleAnalyst: 403, access.RoleReadOnly: 403,
	} {
		if got, text := mustTry(t, c, pushURL(t, a), newKey(t, a, role).Token()); got != want {
			t.Errorf("a key of role %s: status %d (%s), want %d", role, got, text, want)
		} else if got == 403 && !strings.Contains(text, "ingest") {
			t.Errorf("a key of role %s is refused without saying what would do: %s", role, text)
		}
	}
	k := newKey(t, a, access.RoleIngest)
	for name, token := range map[string]string{
		"none": "", "garbage": "garbage", "wrong secret": k.ID + "." + strings.Repeat("A", 40), "no secret": k.ID + ".", "id only": k.ID,
	} {
		if got, text := mustTry(t, c, pushURL(t, a), token); got != 401 {
			t.Errorf("token %s: status %d (%s), want 401", name, got, text)
		}
	}
	cert, key := clients.issue(t, x509.ExtKeyUsageClientAuth)
	withCert := tlsClient(t, server, cert, key)
	if got, text := mustTry(t, withCert, pushURL(t, a), ""); got != 200 {
		t.Errorf("a client certificate: status %d (%s)", got, text)
	}
	if got, _ := mustTry(t, withCert, pushURL(t, a), "garbage"); got != 401 {
		t.Errorf("a client certificate beside a wrong token: status %d, want 401", got)
	}
}

// TestStrangeCertificates: neither side talks to one it does not know.
func TestStrangeCertificates(t *testing.T) {
	server, clients, stranger := newAuthority(t, "server"), newAuthority(t, "clients"), newAuthority(t, "stranger")
	a := startTLS(t, server, clients)
	if _, _, _, err := try(tlsClient(t, stranger, nil, nil), pushURL(t, a), "", ""); err == nil {
		t.Error("a client accepted a server of another authority")
	}
	cert, key := stranger.issue(t, x509.ExtKeyUsageClientAuth)
	if status, _, _, err := try(tlsClient(t, server, cert, key), pushURL(t, a), "", ""); err == nil {
		t.Errorf("a client certificate of another authority was answered with %d", status)
	}
	cert, key = clients.issue(t, x509.ExtKeyUsageServerAuth) // not made for clients
	if status, _, _, err := try(tlsClient(t, server, cert, key), pushURL(t, a), "", ""); err == nil {
		t.Errorf("a server's certificate was taken for a client's: %d", status)
	}
	old := tlsClient(t, server, nil, nil)
	old.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS11
	if status, _, _, err := try(old, pushURL(t, a), "", ""); err == nil {
		t.Errorf("TLS 1.1 was answered with %d", status)
	}
}

// TestAPICredentials: the API takes signatures alone, and what a role may.
func TestAPICredentials(t *testing.T) {
	server, clients := newAuthority(t, "server"), newAuthority(t, "clients")
	a := startTLS(t, server, clients)
	cert, key := clients.issue(t, x509.ExtKeyUsageClientAuth)
	res, err := tlsClient(t, server, cert, key).Get(baseURL(t, a) + "/detector")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a client certificate reads the API: %d", res.StatusCode)
	}
	c := tlsClient(t, server, nil, nil)
	for role, may := range map[access.Role]bool{
		access.RoleAdmin: true, access.RoleAnalyst: true, access.RoleReadOnly: true, access.RoleIngest: false,
	} {
		if err := listDetectors(t, a, c, newKey(t, a, role)); (err == nil) != may {
			t.Errorf("role %s reads the API: %v", role, err)
		}
	}
	k := newKey(t, a, access.RoleAdmin)
	if err := listDetectors(t, a, c, k); err != nil {
		t.Fatal(err)
	}
	if err := a.keys.Revoke(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	if err := listDetectors(t, a, c, k); err == nil {
		t.Error("a revoked key reads the API")
	}
	if got, _ := mustTry(t, c, pushURL(t, a), k.Token()); got != 401 {
		t.Errorf("a revoked key pushes: %d", got)
	}
}

func listDetectors(t *testing.T, a *App, c *http.Client, k access.Key) error {
	t.Helper()
	_, err := guardduty.New(guardduty.Options{
		BaseEndpoint: aws.String(baseURL(t, a)), Region: a.Config.Region, Retryer: aws.NopRetryer{}, HTTPClient: c,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret}, nil
		}),
	}).ListDetectors(t.Context(), &guardduty.ListDetectorsInput{})
	return err
}

// TestTokenOnLoopback: nobody needs a token on loopback unless it is always asked for.
func TestTokenOnLoopback(t *testing.T) {
	for require, want := range map[string]int{"auto": 200, "always": 401} {
		a := startApp(t, t.TempDir(), func(c *config.Config) { c.Ingest.RequireToken = require })
		url := "http://" + a.Addr + "/ingest/k8s-audit/prod"
		if got, _ := mustTry(t, http.DefaultClient, url, ""); got != want {
			t.Errorf("%s: status %d without a token, want %d", require, got, want)
		}
		if got, _ := mustTry(t, http.DefaultClient, url, newKey(t, a, access.RoleIngest).Token()); got != 200 {
			t.Errorf("%s: status %d with a token", require, got)
		}
		if got, _ := mustTry(t, http.DefaultClient, url, newKey(t, a, access.RoleReadOnly).Token()); got != 403 {
			t.Errorf("%s: status %d with a token that may not push", require, got)
		}
	}
}

// TestHTTP2: an API server pushes many batches at once over one connection.
func TestHTTP2(t *testing.T) {
	server := newAuthority(t, "server")
	a := startTLS(t, server, newAuthority(t, "clients"))
	c := tlsClient(t, server, nil, nil)
	token := newKey(t, a, access.RoleIngest).Token()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			status, text, proto, err := try(c, pushURL(t, a), token, eventList([]string{attack("h2", i)}))
			if err != nil || status != 200 || proto != "HTTP/2.0" {
				t.Errorf("push %d: %v, status %d %s, %s", i, err, status, text, proto)
			}
		})
	}
	wg.Wait()
	if got := fmt.Sprint(counts(stored(t, a))); got != "map[h2:20]" {
		t.Errorf("findings count %s", got)
	}
}
