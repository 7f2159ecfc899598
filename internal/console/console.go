package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/access/oidc"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/store"
)

// Root is where the console is.
const Root = "/console/"

// Options is what the console needs; all fields but People and Explain are required.
type Options struct {
	Store   Store
	Keys    access.Lookup // finds an access key by id, for those who log in with one
	API     http.Handler  // the GuardDuty API, which takes requests marked with api.As
	As      func(context.Context, access.Key) context.Context
	Account string // the installation's own
	Region  string
	Version string
	Now     func() time.Time
	Log     *slog.Logger
	People  *oidc.Provider // where people prove who they are; nil for access keys and links alone

	Keyring Keyring            // makes and ends access keys
	Targets []Target           // of the configuration, that findings are published to
	Prices  map[string]float64 // of a million records of a source, in USD

	// Explain says what the lists in force say of an address or a domain; nil
	// where the process has loaded none.
	Explain func(asked string) (*intel.Explanation, error)

	// OCSF is a finding as OCSF has it, in JSON; nil where that is not offered.
	OCSF func(*finding.Finding) ([]byte, error)
}

// Store is what the console reads of the store beside the API. All methods may
// be called concurrently; what is not there is finding.ErrNotFound.
type Store interface {
	PutSession(ctx context.Context, token string, v store.Session, link bool) error
	Session(ctx context.Context, token string) (store.Session, error)
	Link(ctx context.Context, token string) (store.Session, error)
	UseLink(ctx context.Context, link, token string, expires time.Time) (store.Session, error)
	EndSession(ctx context.Context, token string) error
	BeginAudit(ctx context.Context, e store.AuditEntry) (int64, error)
	findingsStore
	findingStore
	protectionStore
	settingsStore
}

// server answers requests. It has no state of its own but what login needs
// against guessing: several processes may serve the same store.
type server struct {
	Options
	pages   *pages
	assets  *assets
	guesses *guesses
}

// New makes the handler of everything below [Root].
func New(o Options) (http.Handler, error) {
	a, err := loadAssets()
	if err != nil {
		return nil, err
	}
	p, err := parsePages(a, o.Version)
	if err != nil {
		return nil, err
	}
	s := &server{Options: o, pages: p, assets: a, guesses: newGuesses()}
	mux := http.NewServeMux()
	s.routes(mux)
	// Changes are POST requests, which browsers let other sites make, too.
	return secure(http.NewCrossOriginProtection().Handler(s.recovering(mux))), nil
}

// page answers a request of a person who is logged in. An error is shown as a
// page: a *callError as what the API said, finding.ErrNotFound as 404.
type page func(w http.ResponseWriter, r *http.Request, v *visit) error

func (s *server) routes(mux *http.ServeMux) {
	mux.Handle("GET "+Root+"assets/{name}", s.assets)
	mux.HandleFunc("GET "+Root+"login", s.loginPage)
	mux.HandleFunc("POST "+Root+"login", s.login)
	mux.HandleFunc("GET "+beginPath, s.beginOIDC)
	mux.HandleFunc("GET "+callbackPath, s.finishOIDC)
	mux.HandleFunc("POST "+Root+"logout", s.logout)
	for _, group := range []map[string]page{s.findingsPages(), s.findingPages(), s.protectionPages(), s.settingsPages()} {
		for pattern, p := range group {
			mux.Handle(pattern, s.inside(p))
		}
	}
	mux.Handle(Root, s.inside(func(http.ResponseWriter, *http.Request, *visit) error { return errNoPage }))
}

// inside lets only those in who are logged in, and shows what goes wrong.
func (s *server) inside(p page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := s.visitOf(r)
		if errors.Is(err, errNoSession) {
			s.askLogin(w, r)
			return
		}
		if err == nil {
			err = p(w, r, v)
		}
		if err != nil {
			s.fail(w, r, v, err)
		}
	})
}

// secure sets the headers that keep hostile text harmless even if a template
// let it through.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (s *server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				s.Log.ErrorContext(r.Context(), "a page of the console failed", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				http.Error(w, "The console failed to make this page. The server's log says why.", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}
