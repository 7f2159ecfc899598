package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/console"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

const (
	account = "111122223333" // the installation's own
	other   = "222222222222" // a member's
	region  = "eu-central-1"
)

// bed is the console over the real API over a real store. Its clock stands
// unless a test moves it.
type bed struct {
	testing.TB
	store    *store.Store
	api      http.Handler
	console  http.Handler
	detector string
	now      time.Time
	log      bytes.Buffer
}

// newBed makes a console with a detector and no findings.
func newBed(t testing.TB) *bed { return newBedWith(t, func(*console.Options) {}) }

// newBedWith lets a test change what the console is made of.
func newBedWith(t testing.TB, change func(*console.Options)) *bed {
	t.Helper()
	b := emptyBed(t, change)
	b.as(access.RoleAdmin).call(http.MethodPost, "/detector", map[string]any{"enable": true}, nil)
	return b
}

// emptyBed makes a console as it is before anybody made a detector.
func emptyBed(t testing.TB, change func(*console.Options)) *bed {
	t.Helper()
	b := &bed{TB: t, now: time.Date(2026, 3, 4, 12, 30, 0, 0, time.UTC), detector: finding.DetectorID(account, region)}
	clock := func() time.Time { return b.now }
	var err error
	if b.store, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "vedette.db"), store.Options{Now: clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	keys := func(ctx context.Context, id string) (access.Key, error) { return access.Key{}, access.ErrNoKey }
	b.api = api.New(api.Options{Store: b.store, Keys: keys, Account: account, Region: region, Now: clock, Logger: log})
	o := console.Options{
		Store: b.store, Keys: keys, API: b.api, As: api.As, Account: account, Region: region, Version: "test", Now: clock, Log: log,
	}
	change(&o)
	if b.console, err = console.New(o); err != nil {
		t.Fatal(err)
	}
	return b
}

// put stores findings as they are.
func (b *bed) put(fs ...*finding.Finding) {
	b.Helper()
	if err := b.store.PutFindings(b.Context(), b.detector, fs); err != nil {
		b.Fatal(err)
	}
}

// sample is the sample finding of a type.
func (b *bed) sample(kind string) *finding.Finding {
	b.Helper()
	t, ok := finding.Lookup(kind)
	if !ok {
		b.Fatalf("there is no type %s", kind)
	}
	return finding.Sample(t, account, region, b.now)
}

// samples stores a sample of each of the types, of all types if none is named.
func (b *bed) samples(kinds ...string) {
	b.Helper()
	b.as(access.RoleAdmin).call(http.MethodPost, "/detector/"+b.detector+"/findings/create", map[string]any{"findingTypes": kinds}, nil)
}

// person is somebody who is logged in.
type person struct {
	*bed
	key    access.Key
	cookie *http.Cookie
}

// as logs somebody of the installation's own account in, by a link.
func (b *bed) as(role access.Role) *person { return b.of(role, "") }

// of logs somebody of an account in.
func (b *bed) of(role access.Role, account string) *person {
	b.Helper()
	p := &person{bed: b, key: access.Key{ID: "test", Role: role, Account: account}}
	link := console.NewToken()
	err := b.store.PutSession(b.Context(), link, store.Session{
		Name: p.key.ID, Role: string(role), Account: account, Created: b.now, Expires: b.now.Add(console.LinkLife),
	}, true)
	if err != nil {
		b.Fatal(err)
	}
	r := p.post("/console/login", url.Values{"link": {link}})
	for _, c := range r.Result().Cookies() {
		if c.Name == "vedette_session" {
			p.cookie = c
		}
	}
	if p.cookie == nil {
		b.Fatalf("login gave %d and no session: %s", r.Code, r.Body)
	}
	return p
}

// call does an operation of the API as the person.
func (p *person) call(method, path string, in, into any) {
	p.Helper()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			p.Fatal(err)
		}
	}
	r := httptest.NewRequestWithContext(api.As(p.Context(), p.key), method, path, bytes.NewReader(body))
	w := httptest.NewRecorder()
	p.api.ServeHTTP(w, r)
	if w.Code >= 300 {
		p.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			p.Fatal(err)
		}
	}
}

// reply is what the console answered, parsed.
type reply struct {
	*httptest.ResponseRecorder
	doc *html.Node
	t   testing.TB
}

// page is the answer to GET path, which must be a page with status 200.
func (p *person) page(path string) *reply {
	p.Helper()
	r := p.get(path)
	if r.Code != http.StatusOK {
		p.Fatalf("GET %s: %d\n%s\n%s", path, r.Code, r.text("main"), &p.log)
	}
	return r
}

func (p *person) get(path string) *reply { p.Helper(); return p.do(http.MethodGet, path, nil) }

func (p *person) post(path string, form url.Values) *reply {
	p.Helper()
	return p.do(http.MethodPost, path, strings.NewReader(form.Encode()))
}

// change posts a form, follows where it leads and returns that page, which
// tells in its note what was done.
func (p *person) change(path string, form url.Values) *reply {
	p.Helper()
	r := p.post(path, form)
	if r.Code != http.StatusSeeOther {
		p.Fatalf("POST %s: %d\n%s\n%s", path, r.Code, r.text("main"), &p.log)
	}
	return p.do(http.MethodGet, r.Header().Get("Location"), nil, r.Result().Cookies()...)
}

func (p *person) do(method, path string, body io.Reader, more ...*http.Cookie) *reply {
	p.Helper()
	r := httptest.NewRequestWithContext(p.Context(), method, path, body)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if p.cookie != nil {
		r.AddCookie(p.cookie)
	}
	for _, c := range more {
		r.AddCookie(c)
	}
	out := &reply{ResponseRecorder: httptest.NewRecorder(), t: p.TB}
	p.console.ServeHTTP(out, r)
	var err error
	if out.doc, err = html.Parse(bytes.NewReader(out.Body.Bytes())); err != nil {
		p.Fatal(err)
	}
	return out
}

// all returns the elements that a selector finds, in the order of the page.
// It is of the form `main table.list a[href]`, `#main`, `input[name=q]`.
func (r *reply) all(selector string) []*html.Node { return find(r.doc, selector) }

// one returns the only element that a selector finds.
func (r *reply) one(selector string) *html.Node {
	r.t.Helper()
	ns := r.all(selector)
	if len(ns) != 1 {
		r.t.Fatalf("the page has %d of %s, want one:\n%s", len(ns), selector, r.text("main"))
	}
	return ns[0]
}

// has says whether a selector finds anything.
func (r *reply) has(selector string) bool { return len(r.all(selector)) > 0 }

// text is the text of all elements that a selector finds, spaces folded.
func (r *reply) text(selector string) string {
	var out []string
	for _, n := range r.all(selector) {
		out = append(out, textOf(n))
	}
	return strings.Join(out, "\n")
}

// wants checks that an element's text holds some words.
func (r *reply) wants(selector string, words ...string) {
	r.t.Helper()
	text := r.text(selector)
	for _, w := range words {
		if !strings.Contains(text, w) {
			r.t.Errorf("%s does not say %q:\n%s", selector, w, text)
		}
	}
}

// textOf is the text below a node, spaces folded.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "script" && d.Parent.Data != "style" {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// attr is an attribute of an element, "" if it has none of that name.
func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// find is reply.all below a node.
func find(n *html.Node, selector string) []*html.Node {
	steps := strings.Fields(selector)
	var out []*html.Node
	for d := range n.Descendants() {
		if matches(d, steps) {
			out = append(out, d)
		}
	}
	return out
}

// matches says whether the last step is true of a node and the others, in
// order, of nodes above it.
func matches(n *html.Node, steps []string) bool {
	last := len(steps) - 1
	if !matchesStep(n, steps[last]) {
		return false
	}
	for above := n.Parent; last > 0; above = above.Parent {
		if above == nil {
			return false
		}
		if matchesStep(above, steps[last-1]) {
			last--
		}
	}
	return true
}

func matchesStep(n *html.Node, step string) bool {
	if n.Type != html.ElementNode {
		return false
	}
	for len(step) > 0 {
		end := len(step)
		if i := strings.IndexAny(step[1:], ".#["); i >= 0 && step[0] != '[' {
			end = i + 1
		} else if step[0] == '[' {
			end = strings.IndexByte(step, ']') + 1
		}
		part := step[:end]
		step = step[end:]
		switch part[0] {
		case '.':
			if !strings.Contains(" "+attr(n, "class")+" ", " "+part[1:]+" ") {
				return false
			}
		case '#':
			if attr(n, "id") != part[1:] {
				return false
			}
		case '[':
			name, value, exact := strings.Cut(part[1:len(part)-1], "=")
			if has := hasAttr(n, name); !has || exact && attr(n, name) != value {
				return false
			}
		default:
			if n.Data != part {
				return false
			}
		}
	}
	return true
}

func hasAttr(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}
