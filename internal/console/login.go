package console

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// Times of logins.
const (
	SessionLife = 12 * time.Hour
	LinkLife    = time.Hour
)

// NewToken draws the token of a session or of a login link: 256 random bits.
func NewToken() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// LinkPath is where a login link leads, below the server's address.
func LinkPath(token string) string { return Root + "login?link=" + token }

// loginView is the login page.
type loginView struct {
	Link    string // the token of the link that was followed
	Name    string // whom the link lets in
	Role    string
	Next    string // where to go afterwards
	KeyID   string // as it was typed
	Problem string
	OIDC    string // where a login at the identity provider begins; "" without one
}

// askLogin sends somebody to the login page and remembers where he wanted to go.
func (s *server) askLogin(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.showLogin(w, r, http.StatusUnauthorized, loginView{Problem: "You were logged out before this could be done. Log in and do it again."})
		return
	}
	to := Root + "login"
	if here := r.URL.RequestURI(); here != Root {
		to += "?next=" + url.QueryEscape(here)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// loginPage shows the form. A link is not used up by looking at it: mail
// filters and chat programs look at every link.
func (s *server) loginPage(w http.ResponseWriter, r *http.Request) {
	v := loginView{Next: inner(r.URL.Query().Get("next"))}
	if link := r.URL.Query().Get("link"); link != "" {
		sess, err := s.Store.Link(r.Context(), link)
		switch {
		case errors.Is(err, finding.ErrNotFound):
			v.Problem = "This login link was used already or is too old. Make a new one with: vedette keys link"
		case err != nil:
			s.fail(w, r, nil, err)
			return
		default:
			v.Link, v.Name, v.Role = link, sess.Name, sess.Role
		}
	}
	s.showLogin(w, r, http.StatusOK, v)
}

func (s *server) showLogin(w http.ResponseWriter, r *http.Request, status int, v loginView) {
	if s.People != nil {
		v.OIDC = beginPath + "?next=" + url.QueryEscape(v.Next)
	}
	s.render(w, r, status, "login", view{Title: "Log in", Data: v})
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	v := loginView{Next: inner(r.PostFormValue("next")), KeyID: strings.TrimSpace(r.PostFormValue("key"))}
	token := NewToken()
	var err error
	if link := r.PostFormValue("link"); link != "" {
		_, err = s.Store.UseLink(r.Context(), link, token, s.Now().Add(SessionLife).UTC())
		if errors.Is(err, finding.ErrNotFound) {
			v.Problem = "This login link was used already or is too old. Make a new one with: vedette keys link"
		}
	} else {
		v.Problem, err = s.loginWithKey(r, v.KeyID, strings.TrimSpace(r.PostFormValue("secret")), token)
	}
	switch {
	case v.Problem != "":
		s.showLogin(w, r, http.StatusForbidden, v)
	case err != nil:
		s.fail(w, r, nil, err)
	default:
		s.enter(w, r, token, v.Next)
	}
}

// enter gives the browser its session, which the audit log notes, and sends it on.
func (s *server) enter(w http.ResponseWriter, r *http.Request, token, next string) {
	sess, err := s.Store.Session(r.Context(), token)
	if err == nil {
		_, err = s.Store.BeginAudit(r.Context(), store.AuditEntry{At: s.Now().UTC(), Actor: actor(sess), Role: sess.Role,
			Account: cmp.Or(sess.Account, s.Account), Operation: "ConsoleLogin", Source: hostOf(r.RemoteAddr), Status: http.StatusOK})
	}
	if err != nil { // nobody comes in unseen
		s.fail(w, r, nil, err)
		return
	}
	http.SetCookie(w, s.cookie(r, token, int(SessionLife/time.Second)))
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// cookie is not Strict: a link to a finding, followed from a chat, should work.
func (s *server) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: Root, MaxAge: maxAge, HttpOnly: true,
		Secure: overTLS(r), SameSite: http.SameSiteLaxMode}
}

// loginWithKey checks an access key and its secret. What is wrong with them is
// not told apart.
func (s *server) loginWithKey(r *http.Request, id, secret, token string) (problem string, err error) {
	if !s.guesses.allow(hostOf(r.RemoteAddr), s.Now()) {
		return "Too many attempts from your address. Try again in a minute.", nil
	}
	const wrong = "There is no such access key, or its secret is another one."
	if !access.ValidID(id) {
		return wrong, nil
	}
	k, err := s.Keys(r.Context(), id)
	if errors.Is(err, access.ErrNoKey) {
		return wrong, nil
	}
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare([]byte(k.Secret), []byte(secret)) != 1 {
		return wrong, nil
	}
	if !k.Role.May(access.RightRead) {
		return "This key may only push records. Use one of role read-only, analyst or admin.", nil
	}
	now := s.Now().UTC()
	return "", s.Store.PutSession(r.Context(), token, store.Session{
		Name: k.ID, Role: string(k.Role), Account: k.Account, KeyID: k.ID, Created: now, Expires: now.Add(SessionLife),
	}, false)
}

func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		if err := s.Store.EndSession(r.Context(), c.Value); err != nil {
			s.fail(w, r, nil, err)
			return
		}
	}
	http.SetCookie(w, s.cookie(r, "", -1))
	http.Redirect(w, r, Root+"login", http.StatusSeeOther)
}

// inner is a path of the console, or its first page where a link names
// anything else: a login must not end on somebody else's site.
func inner(to string) string {
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, Root) || strings.Contains(to, `\`) {
		return Root
	}
	clean := path.Clean(u.Path)
	if strings.HasSuffix(u.Path, "/") {
		clean += "/"
	}
	if clean != u.Path || !strings.HasPrefix(clean, Root) || strings.HasPrefix(clean, Root+"login") {
		return Root
	}
	return u.RequestURI()
}

// Guesses of one address, and addresses that are remembered.
const (
	guessesAMinute = 10
	maxGuessers    = 4096
)

// guesses counts attempts to log in with a key. A secret has 240 random bits:
// this keeps logs and CPU quiet rather than secrets safe.
type guesses struct {
	mu     sync.Mutex
	minute int64
	by     map[string]int
}

func newGuesses() *guesses { return &guesses{by: map[string]int{}} }

func (g *guesses) allow(host string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := now.Unix() / 60; m != g.minute {
		g.minute = m
		clear(g.by)
	}
	if _, known := g.by[host]; !known && len(g.by) >= maxGuessers {
		return false
	}
	g.by[host]++
	return g.by[host] <= guessesAMinute
}
