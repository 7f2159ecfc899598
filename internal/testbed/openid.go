package testbed

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// openIDPackage is a certified OpenID provider.
const openIDPackage = "oidc-provider@9.13.3"

//go:embed testdata/openid.mjs
var openIDScript []byte

// OpenIDSecret is the secret of the provider's clients.
const OpenIDSecret = "client-secret-that-nobody-sees"

// OpenID is a real identity provider, run by Node.js. Anybody can log in; his
// name is also his group, and he is in the group everybody. Its clients are
// vedette-RS256, vedette-ES256, vedette-EdDSA and vedette-HS256, named for how
// their tokens are signed, and public, which has no secret.
type OpenID struct {
	Issuer   string
	redirect string
}

// StartOpenID starts a provider that sends people back to redirectURL. With
// userinfo an ID token says only who somebody is, and the provider tells the
// rest when asked.
func StartOpenID(t testing.TB, redirectURL string, userinfo bool) *OpenID {
	t.Helper()
	if testing.Short() {
		t.Skip("installing an OpenID provider takes seconds")
	}
	dir, port := NPM(t, openIDPackage), strconv.Itoa(FreePort(t))
	if err := os.WriteFile(filepath.Join(dir, "openid.mjs"), openIDScript, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "openid.mjs", port, OpenIDSecret, redirectURL)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NODE_ENV=test", "USERINFO="+strconv.FormatBool(userinfo))
	cmd.SysProcAttr = dieWithUs()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); strings.TrimSpace(line) != "ready" {
		end()
		t.Fatalf("the OpenID provider says %q and ends: %v\n%s", line, err, log.String())
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	t.Cleanup(end)
	return &OpenID{"http://127.0.0.1:" + port, redirectURL}
}

// Browse logs somebody in as a browser would that is sent to an address, and
// returns the query with which the provider sends the browser back.
func (o *OpenID) Browse(t testing.TB, at, login string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var form url.Values // to be posted
	for range 20 {
		resp, page := visit(t.Context(), t, client, at, form)
		form = nil
		if to, err := resp.Location(); err == nil {
			if at = to.String(); strings.HasPrefix(at, o.redirect) {
				return to.Query()
			}
			continue
		}
		switch {
		case strings.Contains(page, `value="login"`):
			form = url.Values{"prompt": {"login"}, "login": {login}, "password": {"x"}}
		case strings.Contains(page, `value="consent"`):
			form = url.Values{"prompt": {"consent"}}
		default:
			t.Fatalf("the OpenID provider answers %s at %s:\n%s", resp.Status, at, page)
		}
	}
	t.Fatal("the OpenID provider sends the browser in circles")
	return nil
}

// IDToken is what a program of somebody's gets that logs him in by itself.
func (o *OpenID) IDToken(t testing.TB, client, login string) string {
	t.Helper()
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	asked := url.Values{
		"client_id": {client}, "redirect_uri": {o.redirect}, "response_type": {"code"}, "scope": {"openid email profile groups"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	code := o.Browse(t, o.Issuer+"/auth?"+asked.Encode(), login).Get("code")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {o.redirect}, "client_id": {client}, "code_verifier": {verifier}}
	resp, answer := visit(t.Context(), t, http.DefaultClient, o.Issuer+"/token", form)
	var got struct {
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || got.IDToken == "" {
		t.Fatalf("the OpenID provider answers %s: %s", resp.Status, answer)
	}
	return got.IDToken
}

// visit gets a page, or posts a form.
func visit(ctx context.Context, t testing.TB, client *http.Client, at string, form url.Values) (*http.Response, string) {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(page)
}
