package console

import (
	"errors"
	"net/http"
	"strings"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// cookieName is the cookie of a session. It is sent below Root only.
const cookieName = "vedette_session"

var (
	errNoSession = errors.New("not logged in")
	errNoPage    = errors.New("there is no such page")
)

// visit is one request of a person who is logged in.
type visit struct {
	r       *http.Request
	Session store.Session
	key     access.Key // what the API is called as
}

// Role is what the person may do.
func (v *visit) Role() access.Role { return v.key.Role }

// MayTriage and MayManage say whether buttons that change things are shown.
// The API checks again.
func (v *visit) MayTriage() bool { return v.key.Role.May(access.RightTriage) }
func (v *visit) MayManage() bool { return v.key.Role.May(access.RightManage) }

// Whole says whether the person is of the installation's own account and may
// see what belongs to no account: sources, rules, keys.
func (v *visit) Whole() bool { return v.key.Account == "" }

// visitOf finds out who a request is from, or errNoSession.
func (s *server) visitOf(r *http.Request) (*visit, error) {
	c, err := r.Cookie(cookieName)
	if err != nil || c.Value == "" {
		return nil, errNoSession
	}
	sess, err := s.Store.Session(r.Context(), c.Value)
	if errors.Is(err, finding.ErrNotFound) {
		return nil, errNoSession
	}
	if err != nil {
		return nil, err
	}
	role, err := access.ParseRole(sess.Role)
	if err != nil || !role.May(access.RightRead) {
		return nil, errNoSession
	}
	if sess.KeyID != "" { // a key that was revoked ends what it began
		k, err := s.Keys(r.Context(), sess.KeyID)
		if errors.Is(err, access.ErrNoKey) || err == nil && k.Role != role {
			return nil, errNoSession
		}
		if err != nil {
			return nil, err
		}
	}
	account := sess.Account
	if account == s.Account { // a key may name the installation's own; it is no member for that
		account = ""
	}
	return &visit{r: r, Session: sess, key: access.Key{ID: actor(sess), Role: role, Account: account}}, nil
}

// actor is whom the audit log names. The name on a login link is what its maker
// typed; it must not pass for a key or for somebody whom a provider vouched for.
func actor(v store.Session) string {
	if v.KeyID != "" || strings.HasPrefix(v.Name, "oidc:") {
		return v.Name
	}
	return "link:" + v.Name
}
