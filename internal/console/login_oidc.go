package console

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/vedette-project/vedette/internal/access/oidc"
	"github.com/vedette-project/vedette/internal/store"
)

// Logins at an identity provider that were begun.
const (
	beginPath    = Root + "login/oidc"
	callbackPath = Root + "login/callback"
	beginCookie  = "vedette_login"
	beginLife    = 10 * time.Minute
)

// begun is a login that a browser began. It is kept by that browser, where no script
// and no other site can read it: somebody who has begun no login here cannot
// be logged in as somebody else by a link to the callback.
type begun struct {
	oidc.Login
	Next string `json:"next"`
}

// beginOIDC sends a browser to the identity provider.
func (s *server) beginOIDC(w http.ResponseWriter, r *http.Request) {
	next := inner(r.URL.Query().Get("next"))
	if s.People == nil {
		s.fail(w, r, nil, errNoPage)
		return
	}
	to, login := s.People.Begin(origin(r) + callbackPath)
	if to == "" {
		s.refuseOIDC(w, r, next, s.People.Ready(r.Context()))
		return
	}
	value, err := json.Marshal(begun{login, next})
	if err != nil {
		s.fail(w, r, nil, err)
		return
	}
	http.SetCookie(w, s.begunCookie(r, base64.RawURLEncoding.EncodeToString(value), int(beginLife/time.Second)))
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// finishOIDC takes back a browser that the identity provider sends.
func (s *server) finishOIDC(w http.ResponseWriter, r *http.Request) {
	if s.People == nil {
		s.fail(w, r, nil, errNoPage)
		return
	}
	b := begunOf(r)
	http.SetCookie(w, s.begunCookie(r, "", -1)) // once
	who, err := s.People.Finish(r.Context(), b.Login, r.URL.Query())
	if err != nil {
		s.refuseOIDC(w, r, inner(b.Next), err)
		return
	}
	if who.Account == s.Account {
		who.Account = ""
	}
	now, token := s.Now().UTC(), NewToken()
	err = s.Store.PutSession(r.Context(), token, store.Session{
		Name: who.ID(), Role: string(who.Role), Account: who.Account, Created: now, Expires: now.Add(SessionLife),
	}, false)
	if err != nil {
		s.fail(w, r, nil, err)
		return
	}
	s.enter(w, r, token, inner(b.Next))
}

// refuseOIDC shows why somebody was not let in. The provider's errors are made to
// be shown.
func (s *server) refuseOIDC(w http.ResponseWriter, r *http.Request, next string, err error) {
	status, problem := http.StatusBadGateway, "The identity provider cannot be used. Try again."
	if errors.Is(err, oidc.ErrRefused) || errors.Is(err, oidc.ErrNoRole) {
		status = http.StatusForbidden
	} else {
		s.Log.WarnContext(r.Context(), "the identity provider cannot be used", "error", err)
	}
	if err != nil {
		problem = "Single sign-on: " + err.Error() + "."
	}
	s.showLogin(w, r, status, loginView{Next: next, Problem: problem})
}

// begunOf is the login that this browser began; the zero one, which no provider
// answers, if it began none.
func begunOf(r *http.Request) (b begun) {
	c, err := r.Cookie(beginCookie)
	if err != nil {
		return begun{}
	}
	value, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(value, &b) != nil {
		return begun{}
	}
	return b
}

func (s *server) begunCookie(r *http.Request, value string, maxAge int) *http.Cookie {
	c := s.cookie(r, value, maxAge)
	c.Name, c.Path = beginCookie, Root+"login"
	return c
}
