package browser

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/vedette-project/vedette/internal/access"
)

// testKeyboard: all of it without a mouse.
func testKeyboard(t *testing.T, s *server, chrome context.Context) {
	b := s.tab(t, chrome)
	b.open(s.link(access.RoleAnalyst, "alice"))
	b.waits(`document.activeElement.matches("form button")`) // a browser gives it the focus with its first picture
	b.load(chromedp.KeyEvent(kb.Enter))
	b.says("Overview")
	b.press(kb.Tab)
	if !b.is(`document.activeElement.matches("a.skip") && document.activeElement.getBoundingClientRect().top >= 0`) {
		t.Error("the first stop is not the link that skips the navigation, in sight")
	}
	b.press(kb.Enter)
	b.waits(`location.hash === "#main"`)

	b.open("/console/findings")
	rows := b.rows()
	b.run(shortcut("j")...)
	b.run(shortcut("j")...)
	b.run(shortcut("k")...)
	b.run(shortcut("j")...)
	if got := b.at(); got != rows[1] {
		t.Errorf("j j k j leads to %s, the second is %s", got, rows[1])
	}
	b.run(shortcut("x")...)
	if n := b.count(`input[name=id]:checked`); n != 1 {
		t.Errorf("x chooses %d", n)
	}
	b.run(shortcut("x")...)
	b.run(shortcut("?")...)
	if !b.is(`document.querySelector("dialog#keys").open`) {
		t.Error("? shows no help")
	}
	b.press(kb.Escape)
	if b.is(`document.querySelector("dialog#keys").open`) {
		t.Error("Escape does not close the help")
	}
	b.run(shortcut("/")...)
	if !b.is(`document.activeElement.id === "q"`) {
		t.Error("/ does not lead to the search")
	}
	b.press("kube-system")
	b.load(chromedp.KeyEvent(kb.Enter))
	if len(b.rows()) == 0 || !strings.Contains(b.path(), "q=kube-system") {
		t.Errorf("the search leads to %s", b.path())
	}
	b.run(shortcut("j")...)
	first := b.at()
	b.load(shortcut("o")...)
	if b.path() != first {
		t.Errorf("o leads to %s, not %s", b.path(), first)
	}
	for _, page := range []string{"/console/", "/console/findings", first, "/console/matrix", "/console/keys"} {
		b.stops(page)
	}
}

// shortcut is a key that a page takes for itself: no letter is typed.
func shortcut(key string) []chromedp.Action {
	return []chromedp.Action{input.DispatchKeyEvent(input.KeyRawDown).WithKey(key), input.DispatchKeyEvent(input.KeyUp).WithKey(key)}
}

// at is the finding that the keyboard is at.
func (b *tab) at() (href string) {
	b.Helper()
	b.eval(`document.activeElement.closest("tr")?.querySelector("a").getAttribute("href") ?? ""`, &href)
	return href
}

// stops goes through a page with the tabulator: every stop is in sight and shows
// that it has the focus, each comes once, and there is an end.
func (b *tab) stops(page string) {
	b.Helper()
	if status := b.visit(page); status != 200 {
		b.expect("Failed to load resource")
		return
	}
	const most = 40
	var seen []string
	for range most {
		b.press(kb.Tab)
		var stop struct {
			Name         string
			Shown, Ended bool
		}
		b.eval(`(() => {
			const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
			if (e === document.body) return {Ended: true};
			const all = [...document.querySelectorAll("*")];
			return {Name: all.indexOf(e) + " " + e.outerHTML.slice(0, 120),
				Shown: box.width > 0 && (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none")};
		})()`, &stop)
		if stop.Ended {
			break
		}
		if n := len(seen); n > 0 && seen[n-1] == stop.Name {
			continue // the next part of a date
		}
		if slices.Contains(seen, stop.Name) {
			b.Errorf("%s: the focus comes twice to %s", page, stop.Name)
			break
		}
		if seen = append(seen, stop.Name); !stop.Shown {
			b.Errorf("%s: nothing shows that the focus is on %s", page, stop.Name)
		}
	}
	if len(seen) < 10 {
		b.Errorf("%s has only %d stops", page, len(seen))
	}
}

// testWithoutScript: every page works where scripts are off.
func testWithoutScript(t *testing.T, s *server, chrome context.Context) {
	b := s.tab(t, chrome)
	b.run(emulation.SetScriptExecutionDisabled(true))
	b.login(s.link(access.RoleAnalyst, "alice"))
	b.follow(`.side a[href="/console/findings"]`)
	b.fill(`#q`, "kube-system")
	b.follow(`form.filter button.main`)
	rows := b.rows()
	if len(rows) == 0 {
		t.Fatalf("nothing is found\nat %s", b.where())
	}
	b.click(`table.findings tbody tr input[name=id]`)
	b.follow(`button[value=archive]`)
	b.says("1 finding")
	if slices.Contains(b.rows(), rows[0]) {
		t.Error("it is still shown")
	}
	b.open(rows[0])
	b.follow(`form[action$="/unarchive"] button`)
	b.follow(`a[href$="/suppress"]`)
	b.says("What it would have hidden")
	b.follow(`.side a[href="/console/"]`)
	b.click(`main details summary`)
	if !b.is(`document.querySelector("main details").open`) {
		t.Error("the table of the chart does not open")
	}
	b.follow(`form[action="/console/logout"] button`)
	b.says("Access key ID")
}

// phone makes the tab one of a phone.
func (b *tab) phone() {
	b.Helper()
	b.run(emulation.SetDeviceMetricsOverride(390, 844, 2, true), emulation.SetTouchEmulationEnabled(true))
}
