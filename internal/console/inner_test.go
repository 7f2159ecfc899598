package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestInner: after a login a browser stays in the console, whatever a link said.
func TestInner(t *testing.T) {
	for _, to := range []string{
		"/console/", "/console/findings", "/console/findings?severity=High&q=%2F%2Fevil.example", "/console/entities/principal/arn:aws:iam::1:user%2Fx",
		"/console/findings?next=https://evil.example",
	} {
		if got := inner(to); got != to {
			t.Errorf("inner(%q) = %q", to, got)
		}
	}
	for _, to := range []string{
		"", "/", "findings", "https://evil.example", "https://evil.example/console/", "//evil.example", "//evil.example/console/", "///evil.example",
		"/console/..//evil.example", "/console/../../evil.example", "/console/%2e%2e/%2fevil.example", "/console//evil.example", "/console",
		`/console/\evil.example`, `\\evil.example`, `/\evil.example`, "javascript:alert(1)", "data:text/html,x", "http:/console/", "http:console/",
		"/console/login?link=x", "/console/login", "/console/login/callback?code=x", "/consoles/", " /console/", "/console/\r\nX: y", "/console/\x00", "%2fconsole/", "https:///console/",
		"mailto:x@evil.example", "/console/%zz", "@evil.example/console/", "/other/console/",
	} {
		if got := inner(to); got != Root {
			t.Errorf("inner(%q) = %q", to, got)
		}
	}
}

// FuzzInner: a browser that is sent to what inner returns stays on the site and
// in the console.
func FuzzInner(f *testing.F) {
	for _, s := range []string{"/console/findings?a=b", "//evil.example", `/console/\x`, "/console/%5c%5cevil.example", "/console/./..//", "\t/console/", "/console/#x", "/console/;//x", "/console/?//x"} {
		f.Add(s)
	}
	base, err := url.Parse("http://vedette.example/console/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to string) {
		got := inner(to)
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest(http.MethodPost, base.String(), nil), got, http.StatusSeeOther)
		location := w.Header().Get("Location")
		u, err := base.Parse(location)
		if err != nil {
			t.Fatalf("%q became %q: %v", to, location, err)
		}
		if u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil || !strings.HasPrefix(u.Path, Root) || strings.HasPrefix(location, "//") ||
			strings.ContainsAny(location, "\\\r\n\t\x00") {
			t.Fatalf("%q became %q", to, location)
		}
		if again := inner(got); again != got {
			t.Fatalf("%q became %q and then %q", to, got, again)
		}
	})
}
