package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access/oidc"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/testbed"
)

// callback is where the provider of these tests sends people back to.
const callback = "http://example.com/console/login/callback"

// signOn is a console with a real identity provider.
func signOn(t *testing.T) (*bed, *testbed.OpenID) {
	t.Helper()
	provider := testbed.StartOpenID(t, callback, false)
	people, err := oidc.New(t.Context(), oidc.Options{
		Issuer: provider.Issuer, ClientID: "vedette-ES256", ClientSecret: testbed.OpenIDSecret, Scopes: []string{"email", "profile", "groups"}, GroupsClaim: "groups",
		Roles: oidc.Roles{Admin: []string{"root"}, Analyst: []string{"alice", "bob"}}, Accounts: map[string][]string{account: {"alice"}, other: {"bob"}}, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return newBedWith(t, func(o *console.Options) { o.People = people }), provider
}

// begin presses the button of the login page and returns where it leads, and the
// browser's note of it.
func (p *person) begin(next string) (to string, note *http.Cookie) {
	p.Helper()
	button := p.page("/console/login?next=" + url.QueryEscape(next)).one("a.button")
	r := p.get(attr(button, "href"))
	for _, c := range r.Result().Cookies() {
		if c.Name == "vedette_login" && c.MaxAge > 0 {
			note = c
		}
	}
	if r.Code != http.StatusSeeOther || note == nil {
		p.Fatalf("single sign-on begins with %d: %s", r.Code, r.text("main"))
	}
	return r.Header().Get("Location"), note
}

func (p *person) comeBack(q url.Values, cookies ...*http.Cookie) *reply {
	p.Helper()
	return p.do(http.MethodGet, "/console/login/callback?"+q.Encode(), nil, cookies...)
}

func TestSingleSignOn(t *testing.T) {
	b, provider := signOn(t)
	p := b.stranger()
	to, note := p.begin("/console/findings?severity=High")
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, provider.Issuer+"/") {
		t.Fatalf("it leads to %s: %v", to, err)
	}
	if q := u.Query(); q.Get("redirect_uri") != callback || q.Get("state") == "" || q.Get("nonce") == "" || q.Get("code_challenge_method") != "S256" {
		t.Errorf("it asks %v", q)
	}
	if !note.HttpOnly || note.SameSite != http.SameSiteLaxMode || note.Path != "/console/login" || note.MaxAge != 600 {
		t.Errorf("the note is %v", note)
	}
	answer := provider.Browse(t, to, "alice")
	r := p.comeBack(answer, note)
	p.cookie = sessionOf(r)
	if r.Code != http.StatusSeeOther || r.Header().Get("Location") != "/console/findings?severity=High" || p.cookie == nil {
		t.Fatalf("coming back: %d to %q: %s", r.Code, r.Header().Get("Location"), r.text("main"))
	}
	cleared := false
	for _, c := range r.Result().Cookies() {
		cleared = cleared || c.Name == "vedette_login" && c.MaxAge < 0 && c.Path == note.Path
	}
	if !cleared {
		t.Error("the note of the login is not taken back")
	}
	p.page("/console/").wants("header", "oidc:alice@example.com") // the group's account is the installation's own, which has a detector

	r = b.stranger().comeBack(answer, note)
	if r.Code != http.StatusForbidden || sessionOf(r) != nil {
		t.Errorf("the same answer again: %d", r.Code)
	}
}

func TestSingleSignOnOfMembers(t *testing.T) {
	b, provider := signOn(t)
	p := b.stranger()
	to, note := p.begin("//evil.example")
	r := p.comeBack(provider.Browse(t, to, "bob"), note)
	if p.cookie = sessionOf(r); p.cookie == nil || r.Header().Get("Location") != "/console/" {
		t.Fatalf("coming back: %d to %q", r.Code, r.Header().Get("Location"))
	}
	p.get("/console/").wants("main", "No detector yet") // his account has none
}

func TestSingleSignOnRefuses(t *testing.T) {
	b, provider := signOn(t)
	p := b.stranger()
	refused := func(what, word string, r *reply) {
		t.Helper()
		if r.Code != http.StatusForbidden || sessionOf(r) != nil {
			t.Errorf("%s: %d", what, r.Code)
		}
		r.wants("main [role=alert]", "Single sign-on", word)
		harmless(t, what, r)
	}
	to, note := p.begin("")
	refused("somebody without a role", "", p.comeBack(provider.Browse(t, to, "carol"), note))

	to, note = p.begin("")
	answer := provider.Browse(t, to, "alice")
	refused("a browser that began nothing", "begin again", p.comeBack(answer))
	_, another := p.begin("")
	refused("a login that another browser began", "begin again", p.comeBack(answer, another))
	broken := *note
	for _, value := range []string{"x", "e30", strings.Repeat("A", 4000)} {
		broken.Value = value
		refused("a broken note", "begin again", p.comeBack(answer, &broken))
	}
	refused("nothing", "begin again", p.comeBack(nil, note))
	state := answer.Get("state")
	refused("an error", "", p.comeBack(url.Values{"state": {state}, "error": {hostile()["script"]}, "error_description": {hostile()["terminal"]}}, note))
}

func TestNoSingleSignOn(t *testing.T) {
	b := newBed(t)
	p := b.stranger()
	if p.page("/console/login").has("a.button") {
		t.Error("the login page offers what is not there")
	}
	for _, path := range []string{"/console/login/oidc", "/console/login/callback?code=x&state=y"} {
		if r := p.get(path); r.Code != http.StatusNotFound || sessionOf(r) != nil {
			t.Errorf("%s: %d", path, r.Code)
		}
	}
}

// TestProviderOutOfReach: the other ways in stay open.
func TestProviderOutOfReach(t *testing.T) {
	people, err := oidc.New(t.Context(), oidc.Options{
		Issuer: "http://" + testbed.FreeAddr(t), ClientID: "x", GroupsClaim: "groups", Roles: oidc.Roles{Admin: []string{"root"}}, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := newBedWith(t, func(o *console.Options) { o.People = people })
	r := b.stranger().get("/console/login/oidc?next=/console/findings")
	if r.Code != http.StatusBadGateway || !r.has("input[name=key]") || attr(r.one("input[name=next]"), "value") != "/console/findings" {
		t.Errorf("%d: %s", r.Code, r.text("main"))
	}
	r.wants("main [role=alert]", "the identity provider cannot be used")
	b.as("admin").page("/console/")
}
