package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/store"
)

// Keyring makes and ends access keys and login links, in the name of who asks:
// the audit log has them beside what they did. All methods may be called concurrently.
type Keyring interface {
	Keys(ctx context.Context) ([]store.Key, error) // oldest first, without secrets
	// CreateKey returns the key with its secret, which nobody can read again.
	CreateKey(ctx context.Context, by Actor, role access.Role, account, comment string) (access.Key, error)
	RevokeKey(ctx context.Context, by Actor, id string) error // finding.ErrNotFound: there is none
	LoginLink(ctx context.Context, by Actor, role access.Role, name, account string) (token string, err error)
}

// Actor is who does something, as the audit log names them.
type Actor struct {
	Name, Role string
	Source     string // the address that it came from
}

// actor is the visitor.
func (v *visit) actor() Actor {
	return Actor{Name: v.key.ID, Role: string(v.key.Role), Source: hostOf(v.r.RemoteAddr)}
}

// keysView is the list of keys, and what was just made.
type keysView struct {
	Keys    []keyRow
	Pages   pager
	Roles   []string // of keys
	People  []string // of login links: those who may read
	Form    url.Values
	Problem string

	Made *access.Key // with its secret: on this page only
	Link string      // likewise
	For  string      // whom the link lets in
	URL  string      // of this server, as far as the browser tells
}

type keyRow struct {
	store.Key
	Revoked bool
}

// keysSize is how many keys a page has.
const keysSize = 100

// mayKeys lets only administrators of the installation at keys: who makes a key can do whatever it can.
func (s *server) mayKeys(v *visit) error {
	if s.Keyring == nil {
		return notAllowed("Access keys cannot be managed here. Use: vedette keys")
	}
	if !v.Whole() || !v.MayManage() {
		return notAllowed("Only an administrator of the installation may see and change access keys.")
	}
	return nil
}

func (s *server) keys(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showKeys(w, r, v, http.StatusOK, keysView{})
}

func (s *server) showKeys(w http.ResponseWriter, r *http.Request, v *visit, status int, k keysView) error {
	if err := s.mayKeys(v); err != nil {
		return err
	}
	list, err := s.Keyring.Keys(r.Context())
	if err != nil {
		return err
	}
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b store.Key) int { // those in force first
		return flagOf(!a.RevokedAt.IsZero()) - flagOf(!b.RevokedAt.IsZero())
	})
	list, k.Pages = cut(list, keysSize, r)
	for _, key := range list {
		key.Sealed = nil
		k.Keys = append(k.Keys, keyRow{key, !key.RevokedAt.IsZero()})
	}
	for _, role := range access.Roles() {
		k.Roles = append(k.Roles, string(role))
		if role.May(access.RightRead) {
			k.People = append(k.People, string(role))
		}
	}
	k.URL = origin(r)
	if k.Form == nil {
		k.Form = url.Values{"role": {string(access.RoleReadOnly)}}
	}
	s.render(w, r, status, "keys", view{Title: "Access keys", Here: "keys", Visit: v, Data: k})
	return nil
}

// createKey makes a key and shows its secret, on the answer to the form alone.
func (s *server) createKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := s.mayKeys(v); err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	role, account, comment, problem := readKeyForm(f, "comment")
	if problem == "" && role == access.RoleIngest && account != "" {
		problem = "A key of role ingest belongs to no account: records say whose they are."
	}
	if problem != "" {
		return s.showKeys(w, r, v, http.StatusBadRequest, keysView{Form: f, Problem: problem})
	}
	key, err := s.Keyring.CreateKey(r.Context(), v.actor(), role, account, comment)
	if err != nil {
		return err
	}
	return s.showKeys(w, r, v, http.StatusOK, keysView{Made: &key})
}

// createLink makes a login link and shows it, likewise.
func (s *server) createLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := s.mayKeys(v); err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	role, account, name, problem := readKeyForm(f, "name")
	switch {
	case problem != "":
	case name == "":
		problem = "Say whom the link is for: the audit log names the person so."
	case strings.Contains(name, ":"): // which marks names that somebody vouches for
		problem = "A name has no colon."
	case !role.May(access.RightRead):
		problem = "A person cannot log in with the role " + string(role) + "."
	}
	if problem != "" {
		return s.showKeys(w, r, v, http.StatusBadRequest, keysView{Form: f, Problem: problem})
	}
	token, err := s.Keyring.LoginLink(r.Context(), v.actor(), role, name, account)
	if err != nil {
		return err
	}
	return s.showKeys(w, r, v, http.StatusOK, keysView{Link: LinkPath(token), For: name})
}

// readKeyForm reads what both forms have: a role, an account, and a text.
func readKeyForm(f url.Values, text string) (role access.Role, account, said, problem string) {
	role, err := access.ParseRole(f.Get("role"))
	account, said = strings.TrimSpace(f.Get("account")), strings.TrimSpace(f.Get(text))
	switch {
	case err != nil:
		problem = "Choose a role."
	case account != "" && !access.ValidAccount(account):
		problem = "An account has 12 digits; leave it empty for the installation's own."
	case len(said) > access.MaxName || shown(said) != said:
		problem = fmt.Sprintf("The text may have %d letters, and no characters that cannot be seen.", access.MaxName)
	}
	return role, account, said, problem
}

func (s *server) revokeKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := s.mayKeys(v); err != nil {
		return err
	}
	id := r.PathValue("id")
	if err := s.Keyring.RevokeKey(r.Context(), v.actor(), id); err != nil {
		return err
	}
	return s.done(w, r, Root+"keys", "Revoked "+id+". What is signed with it is refused from now on.")
}
