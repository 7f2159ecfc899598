package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/store"
)

// keyring is access keys that a test makes and revokes.
type keyring struct {
	mu   sync.Mutex
	keys map[string]access.Key
}

func (k *keyring) lookup(_ context.Context, id string) (access.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.keys[id]; ok {
		return key, nil
	}
	return access.Key{}, access.ErrNoKey
}

func (k *keyring) put(key access.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[key.ID] = key
}

func (k *keyring) revoke(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.keys, id)
}

func newKeyBed(t *testing.T) (*bed, *keyring) {
	t.Helper()
	ring := &keyring{keys: map[string]access.Key{}}
	return newBedWith(t, func(o *console.Options) { o.Keys = ring.lookup }), ring
}

func newKey(t *testing.T, role access.Role) access.Key {
	t.Helper()
	k, err := access.NewKey(role)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// stranger is a browser that is not logged in.
func (b *bed) stranger() *person { return &person{bed: b} }

// link makes a login link and returns its token.
func (b *bed) link(role string) string {
	b.Helper()
	token := console.NewToken()
	s := store.Session{Name: "alice", Role: role, Created: b.now, Expires: b.now.Add(console.LinkLife)}
	if err := b.store.PutSession(b.Context(), token, s, true); err != nil {
		b.Fatal(err)
	}
	return token
}

// sessionOf is the cookie that an answer sets, nil for none.
func sessionOf(r *reply) *http.Cookie {
	for _, c := range r.Result().Cookies() {
		if c.Name == "vedette_session" {
			return c
		}
	}
	return nil
}

// outside checks that a browser is not let in with a cookie.
func (p *person) outside(what string) {
	p.Helper()
	r := p.get("/console/")
	if r.Code != http.StatusSeeOther || r.Header().Get("Location") != "/console/login" {
		p.Errorf("%s: %d to %q", what, r.Code, r.Header().Get("Location"))
	}
}

func TestLoginByLink(t *testing.T) {
	b := newBed(t)
	p := b.stranger()
	p.outside("a stranger")
	link := b.link("analyst")
	for range 2 { // a mail filter looks, and then the person
		r := p.page(console.LinkPath(link))
		r.wants("main", "as alice with the role analyst")
		if got := attr(r.one("input[name=link]"), "value"); got != link {
			t.Errorf("the form has the link %q", got)
		}
		if sessionOf(r) != nil {
			t.Error("looking at the link gave a session")
		}
	}
	r := p.post("/console/login", url.Values{"link": {link}, "next": {"/console/findings?severity=High"}})
	p.cookie = sessionOf(r)
	if r.Code != http.StatusSeeOther || r.Header().Get("Location") != "/console/findings?severity=High" || p.cookie == nil {
		t.Fatalf("login: %d to %q", r.Code, r.Header().Get("Location"))
	}
	p.page("/console/").wants("header", "alice")
	said, err := b.store.Audit(t.Context(), store.AuditQuery{Actor: "link:alice", Operation: "ConsoleLogin"})
	if err != nil || len(said) != 1 || said[0].Role != "analyst" || said[0].Source == "" {
		t.Errorf("the audit log says %+v, %v", said, err)
	}

	r = b.stranger().post("/console/login", url.Values{"link": {link}})
	if r.Code != http.StatusForbidden || sessionOf(r) != nil {
		t.Errorf("the second use: %d", r.Code)
	}
	r.wants("main", "used already or is too old", "vedette keys link")
	b.stranger().page(console.LinkPath(link)).wants("main", "used already or is too old")

	late := b.link("analyst")
	b.now = b.now.Add(console.LinkLife)
	if r := b.stranger().post("/console/login", url.Values{"link": {late}}); r.Code != http.StatusForbidden || sessionOf(r) != nil {
		t.Errorf("an expired link: %d", r.Code)
	}
}

// TestLinkIsNoSession: neither a link in a cookie nor a session in a link lets in.
func TestLinkIsNoSession(t *testing.T) {
	b := newBed(t)
	p := b.stranger()
	p.cookie = &http.Cookie{Name: "vedette_session", Value: b.link("admin")}
	p.outside("a link as a session")
	in := b.as(access.RoleAdmin)
	r := b.stranger().post("/console/login", url.Values{"link": {in.cookie.Value}})
	if r.Code != http.StatusForbidden || sessionOf(r) != nil {
		t.Errorf("a session as a link: %d", r.Code)
	}
	in.page("/console/")
}

// TestLinkRace: of those who press the button at once, one is let in.
func TestLinkRace(t *testing.T) {
	b := newBed(t)
	link := b.link("analyst")
	var wg sync.WaitGroup
	got := make(chan int, 8)
	for range cap(got) {
		wg.Go(func() {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/console/login", strings.NewReader("link="+link))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			b.console.ServeHTTP(w, r)
			got <- w.Code
		})
	}
	wg.Wait()
	close(got)
	count := map[int]int{}
	for code := range got {
		count[code]++
	}
	if count[http.StatusSeeOther] != 1 || count[http.StatusForbidden] != 7 {
		t.Errorf("answers: %v", count)
	}
}

func TestSessionEnds(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleAnalyst)
	second := b.as(access.RoleAnalyst)
	p.page("/console/")
	r := p.post("/console/logout", url.Values{})
	if c := sessionOf(r); r.Code != http.StatusSeeOther || c == nil || c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("logout: %d, cookie %v", r.Code, c)
	}
	p.outside("after logout") // with the cookie that somebody kept
	second.page("/console/")

	b.now = b.now.Add(console.SessionLife - time.Second)
	second.page("/console/")
	b.now = b.now.Add(time.Second)
	second.outside("a day later")

	r = second.post("/console/findings/archive", url.Values{})
	if r.Code != http.StatusUnauthorized {
		t.Errorf("a change after the session ended: %d", r.Code)
	}
	r.wants("main", "You were logged out before this could be done")
}

// TestNextPage: who follows a link to a page and must log in first comes there.
func TestNextPage(t *testing.T) {
	b := newBed(t)
	r := b.stranger().get("/console/findings?severity=High&q=a%26b")
	to := r.Header().Get("Location")
	if r.Code != http.StatusSeeOther || to != "/console/login?next="+url.QueryEscape("/console/findings?severity=High&q=a%26b") {
		t.Fatalf("%d to %q", r.Code, to)
	}
	next := attr(b.stranger().page(to).one("input[name=next]"), "value")
	r = b.stranger().post("/console/login", url.Values{"link": {b.link("admin")}, "next": {next}})
	if got := r.Header().Get("Location"); got != "/console/findings?severity=High&q=a%26b" {
		t.Errorf("after the login: %q", got)
	}
}

func TestLoginWithKey(t *testing.T) {
	b, ring := newKeyBed(t)
	k := newKey(t, access.RoleReadOnly)
	ring.put(k)
	form := func(id, secret string) url.Values { return url.Values{"key": {id}, "secret": {secret}} }

	p := b.stranger()
	r := p.post("/console/login", form("  "+k.ID+" ", " "+k.Secret+"\n")) // as it is pasted
	if p.cookie = sessionOf(r); r.Code != http.StatusSeeOther || r.Header().Get("Location") != "/console/" || p.cookie == nil {
		t.Fatalf("login: %d", r.Code)
	}
	p.page("/console/").wants("header", k.ID)

	wrong := "There is no such access key, or its secret is another one."
	for what, f := range map[string]url.Values{
		"another secret":     form(k.ID, newKey(t, access.RoleAdmin).Secret),
		"no secret":          form(k.ID, ""),
		"part of the secret": form(k.ID, k.Secret[:39]),
		"an unknown key":     form(newKey(t, access.RoleAdmin).ID, k.Secret),
		"no key id":          form("'; DROP TABLE", k.Secret),
		"nothing":            {},
	} {
		r := b.stranger().post("/console/login", f)
		if r.Code != http.StatusForbidden || sessionOf(r) != nil {
			t.Errorf("%s: %d", what, r.Code)
		}
		r.wants("main [role=alert]", wrong)
		if strings.Contains(r.Body.String(), k.Secret) {
			t.Errorf("%s: the page has the secret", what)
		}
	}

	push := newKey(t, access.RoleIngest)
	ring.put(push)
	b.now = b.now.Add(time.Minute) // for more guesses
	r = b.stranger().post("/console/login", form(push.ID, push.Secret))
	if r.Code != http.StatusForbidden || sessionOf(r) != nil {
		t.Errorf("a key for pushes: %d", r.Code)
	}
	r.wants("main", "may only push records")

	ring.revoke(k.ID)
	p.outside("the session of a revoked key")
	if r := b.stranger().post("/console/login", form(k.ID, k.Secret)); r.Code != http.StatusForbidden {
		t.Errorf("a revoked key: %d", r.Code)
	}
}

// TestKeyOfAnAccount: who logs in with a member's key sees the member's.
func TestKeyOfAnAccount(t *testing.T) {
	b, ring := newKeyBed(t)
	k, err := newKey(t, access.RoleAnalyst).ForAccount(other)
	if err != nil {
		t.Fatal(err)
	}
	ring.put(k)
	p := b.stranger()
	p.cookie = sessionOf(p.post("/console/login", url.Values{"key": {k.ID}, "secret": {k.Secret}}))
	p.get("/console/").wants("main", "No detector yet") // its account has none
}

func TestGuesses(t *testing.T) {
	b, ring := newKeyBed(t)
	k := newKey(t, access.RoleAdmin)
	ring.put(k)
	guess := func(from, secret string) *reply {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/console/login", strings.NewReader(url.Values{"key": {k.ID}, "secret": {secret}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = from
		out := &reply{ResponseRecorder: httptest.NewRecorder(), t: t}
		b.console.ServeHTTP(out, r)
		return out
	}
	for i := range 10 {
		if r := guess("192.0.2.1:4000", "wrong"); !strings.Contains(r.Body.String(), "its secret is another one") {
			t.Fatalf("guess %d: %s", i, r.Body)
		}
	}
	r := guess("192.0.2.1:4001", k.Secret) // another port, and even the right one
	if r.Code != http.StatusForbidden || !strings.Contains(r.Body.String(), "Too many attempts") || sessionOf(r) != nil {
		t.Errorf("the eleventh guess: %d %s", r.Code, r.Body)
	}
	if r := guess("192.0.2.2:4000", k.Secret); r.Code != http.StatusSeeOther {
		t.Errorf("somebody else: %d", r.Code)
	}
	b.now = b.now.Add(time.Minute)
	if r := guess("192.0.2.1:4000", k.Secret); r.Code != http.StatusSeeOther {
		t.Errorf("a minute later: %d", r.Code)
	}
}

// TestCookie: what keeps a session from scripts, other sites and plain text.
func TestCookie(t *testing.T) {
	b := newBed(t)
	for proto, secure := range map[string]bool{"": false, "http": false, "https": true} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/console/login", strings.NewReader("link="+b.link("admin")))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if proto != "" {
			r.Header.Set("X-Forwarded-Proto", proto)
		}
		w := httptest.NewRecorder()
		b.console.ServeHTTP(w, r)
		c := sessionOf(&reply{ResponseRecorder: w})
		if c == nil {
			t.Fatalf("login: %d", w.Code)
		}
		if c.Path != "/console/" || c.Domain != "" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure ||
			c.MaxAge != int(console.SessionLife/time.Second) || len(c.Value) < 43 {
			t.Errorf("behind %q: %v", proto, c)
		}
	}
}

// TestCrossSite: what another site has a browser send changes nothing.
func TestCrossSite(t *testing.T) {
	b := newBed(t)
	p := b.as(access.RoleAdmin)
	for what, header := range map[string]map[string]string{
		"another site":              {"Sec-Fetch-Site": "cross-site"},
		"another name of the site":  {"Sec-Fetch-Site": "same-site"},
		"an old browser":            {"Origin": "https://evil.example"},
		"a page without an origin":  {"Origin": "null"},
		"the same host, other port": {"Origin": "http://example.com:81"},
	} {
		for _, path := range []string{"/console/logout", "/console/login", "/console/detector"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("link="+b.link("admin")))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for k, v := range header {
				r.Header.Set(k, v)
			}
			r.AddCookie(p.cookie)
			w := httptest.NewRecorder()
			b.console.ServeHTTP(w, r)
			if w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 {
				t.Errorf("%s, POST %s: %d", what, path, w.Code)
			}
		}
	}
	p.page("/console/") // still logged in
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/console/logout", nil)
	r.AddCookie(p.cookie)
	r.Header.Set("Origin", "http://example.com") // the host of test requests
	w := httptest.NewRecorder()
	if b.console.ServeHTTP(w, r); w.Code != http.StatusSeeOther {
		t.Errorf("the site itself: %d", w.Code)
	}
}

// TestHugeLogin: a login page is not where megabytes are sent to.
func TestHugeLogin(t *testing.T) {
	b := newBed(t)
	r := b.stranger().post("/console/login", url.Values{"next": {strings.Repeat("x", 1<<20)}, "link": {b.link("admin")}})
	if r.Code != http.StatusForbidden || sessionOf(r) != nil {
		t.Errorf("a megabyte: %d", r.Code)
	}
}
