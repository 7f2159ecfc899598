package console

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

//go:embed all:templates
var templateFiles embed.FS

// view is what every template gets.
type view struct {
	Title string
	Here  string // the entry of the navigation that is marked, see sections
	Visit *visit // nil: nobody is logged in
	Note  string // what was just done, one sentence
	Data  any    // of the page
	// Now is the moment at which the page was made; ages are counted from it.
	Now     time.Time
	Version string
}

// pages are the templates, one set a page: files named _*.html are shared by
// all, every other one defines "main" of the page of its name.
type pages struct {
	byName  map[string]*template.Template
	version string
}

func parsePages(a *assets, version string) (*pages, error) {
	base, err := template.New("").Funcs(funcs(a)).ParseFS(templateFiles, "templates/_*.html")
	if err != nil {
		return nil, fmt.Errorf("parse the console's templates: %w", err)
	}
	names, err := fs.Glob(templateFiles, "templates/[^_]*.html")
	if err != nil {
		return nil, err
	}
	p := &pages{map[string]*template.Template{}, version}
	for _, n := range names {
		t, err := template.Must(base.Clone()).ParseFS(templateFiles, n)
		if err != nil {
			return nil, fmt.Errorf("parse the console's templates: %w", err)
		}
		p.byName[strings.TrimSuffix(path.Base(n), ".html")] = t
	}
	return p, nil
}

// show renders a page for a visitor.
func (s *server) show(w http.ResponseWriter, r *http.Request, v *visit, name, here, title string, data any) error {
	s.render(w, r, http.StatusOK, name, view{Title: title, Here: here, Visit: v, Data: data})
	return nil
}

// render writes a page. Nothing is written before the whole page is made.
func (s *server) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	v.Now, v.Version = s.Now().UTC(), s.pages.version
	v.Note = noteOf(w, r)
	var b bytes.Buffer
	if err := s.pages.byName[name].ExecuteTemplate(&b, "layout", v); err != nil {
		panic(fmt.Errorf("render %s: %w", name, err)) // a fault of the template; recovering logs it
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// A form gives back what was typed, whatever it was; a page is UTF-8.
	_, _ = w.Write(bytes.ToValidUTF8(b.Bytes(), []byte("\ufffd"))) // a browser that hung up is no fault of ours
}

// failure is the page of an error.
type failure struct {
	Heading, Text string
	NoDetector    bool
}

func (s *server) fail(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	status, f := http.StatusInternalServerError, failure{Heading: "That did not work", Text: "The server failed to answer. Its log says why."}
	var refusal *callError
	switch {
	case errors.Is(err, errNoPage), errors.Is(err, finding.ErrNotFound):
		status, f = http.StatusNotFound, failure{Heading: "Not found", Text: "There is no such page, or what it showed is gone."}
	case errors.Is(err, errNoDetector):
		status, f = http.StatusOK, failure{Heading: "No detector yet", Text: "Records are analysed and findings are kept already. They are shown once this account has a detector, as with the GuardDuty API; an administrator creates it.", NoDetector: true}
	case errors.As(err, &refusal):
		if status, f.Text = refusal.Status, refusal.Message; status == http.StatusForbidden {
			f.Heading = "Not allowed"
		}
	}
	if status >= http.StatusInternalServerError {
		s.Log.ErrorContext(r.Context(), "a page of the console failed", "path", r.URL.Path, "error", err)
	}
	s.render(w, r, status, "failure", view{Title: f.Heading, Visit: v, Data: f})
}

// noteCookie carries one sentence over a redirect.
const noteCookie = "vedette_note"

// done sends the browser to a page after a change and lets that page say what
// was done.
func (s *server) done(w http.ResponseWriter, r *http.Request, to, note string) error {
	c := s.cookie(r, strings.Map(cookieSafe, note), 60)
	c.Name = noteCookie
	http.SetCookie(w, c)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// cookieSafe leaves out what a cookie cannot hold.
func cookieSafe(c rune) rune {
	if c < ' ' || c >= 0x7f || strings.ContainsRune(`";\`, c) {
		return -1
	}
	return c
}

func noteOf(w http.ResponseWriter, r *http.Request) string {
	c, err := r.Cookie(noteCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(w, &http.Cookie{Name: noteCookie, Path: Root, MaxAge: -1})
	return c.Value
}
