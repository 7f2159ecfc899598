package browser

import (
	"context"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/vedette-project/vedette/internal/access"
)

// testPages looks at every kind of page, as it is found along the links: that
// it has one heading and the landmarks, passes the accessibility rules in light
// and dark, fits on a phone, and that nothing it does is against its own rules.
func testPages(t *testing.T, s *server, browser context.Context) {
	axe := installAxe(t)
	b := s.tab(t, browser)
	b.open("/console/login")
	b.fit()
	b.scheme("dark")
	b.axe(axe, "dark")
	b.scheme("light")
	b.axe(axe, "light")
	b.login(s.link(access.RoleAdmin, "alice"))
	paths := b.walk()
	t.Logf("%d pages: %s", len(paths), strings.Join(paths, " "))
	for _, at := range paths {
		b.open(at)
		if n := b.count("h1"); n != 1 {
			t.Errorf("%s has %d headings of the first level", at, n)
		}
		if b.count("main") != 1 || b.count("header") < 1 || !b.is(`document.title.length > " · Vedette".length && document.documentElement.lang === "en"`) {
			t.Errorf("%s lacks a landmark, a title or a language", at)
		}
		if !b.is(`[...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map(h => +h.tagName[1]).every((level, i, all) => level <= (i ? all[i - 1] : 0) + 1)`) {
			t.Errorf("%s: its headings skip a level", at)
		}
		if !b.is(`new Set([...document.querySelectorAll("[id]")].map(e => e.id)).size === document.querySelectorAll("[id]").length`) {
			t.Errorf("%s: two elements have one id", at)
		}
		b.axe(axe, "light")
		b.scheme("dark")
		b.axe(axe, "dark")
		b.scheme("light")
		b.fit()
	}
}

// fit checks that a page needs no scrolling sideways on a phone, nor on a wide screen.
func (b *tab) fit() {
	b.Helper()
	for _, width := range []int64{390, 320, 1920} {
		b.run(emulation.SetDeviceMetricsOverride(width, 844, 1, width < 500))
		var wide string
		b.eval(`document.documentElement.scrollWidth <= innerWidth ? "" :
			[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .figure, pre, [hidden]"))
				.slice(0, 3).map(e => e.outerHTML.slice(0, 200)).join("\n") || "something"`, &wide)
		if wide != "" {
			b.Errorf("%s is wider than a screen of %d: %s", b.path(), width, wide)
		}
	}
	b.run(emulation.SetDeviceMetricsOverride(1280, 800, 1, false))
}

// walk returns an address of every kind of page that links lead to.
func (b *tab) walk() []string {
	b.Helper()
	const perShape = 3
	todo, seen, visits := []string{"/console/"}, map[string]bool{"/console/": true}, map[string]int{}
	var out []string
	for ; len(todo) > 0; todo = todo[1:] {
		at := todo[0]
		if visits[shapeOf(at)]++; visits[shapeOf(at)] > perShape {
			continue
		}
		if status := b.visit(at); status != 200 {
			b.Errorf("a link leads to %s: %d", at, status)
			b.expect("Failed to load resource")
			continue
		}
		out = append(out, at)
		var links []string
		b.eval(`[...document.querySelectorAll("a[href]:not([download])")].map(a => new URL(a.getAttribute("href"), location).href)`, &links)
		for _, l := range links {
			u, err := url.Parse(l)
			if err != nil || !strings.HasPrefix(l, b.base+"/console/") || download(u) {
				continue
			}
			if next := u.RequestURI(); !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return out
}

// download says whether a link leads to a file rather than to a page.
func download(u *url.URL) bool {
	return slices.Contains([]string{".json", ".csv", ".jsonl", ".ocsf"}, path.Ext(u.Path)) || strings.Contains(u.Path, "/export")
}

// shapeOf is an address without what stands for one thing of many.
func shapeOf(at string) string {
	path, _, _ := strings.Cut(at, "?")
	parts := strings.Split(strings.TrimPrefix(path, "/console/"), "/")
	for i := range parts[1:] {
		parts[i+1] = "*"
	}
	if parts[0] == "entities" && len(parts) > 2 {
		parts = parts[:3] // a name may have slashes
	}
	return strings.Join(parts, "/")
}
