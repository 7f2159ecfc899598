package browser

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/vedette-project/vedette/internal/testbed"
)

// patience bounds each step in a browser.
const patience = 30 * time.Second

// launch starts a browser without a window and with a profile of its own,
// which ends with the test. It reaches this machine only.
func launch(t testing.TB) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(testbed.Chromium(t)),
		chromedp.UserDataDir(profile(t)),
		chromedp.WindowSize(1280, 800),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("lang", "en-US"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // root has no sandbox
	}
	allocator, end := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(end)
	browser, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	if err := chromedp.Run(browser); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return browser
}

// profile is a folder for a browser. Its processes end one after the other, and
// the last may still write when the first is gone.
func profile(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vedette-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := os.RemoveAll(dir)
		for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); err = os.RemoveAll(dir) {
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return dir
}

// tab is a window of a browser that has no cookies yet. Its test fails on what
// no page of the console may do: break its own policy, log an error, ask
// anybody else for anything.
type tab struct {
	testing.TB
	ctx  context.Context
	base string
	room cdp.BrowserContextID

	mu      sync.Mutex
	faults  []string
	expects []string // parts of faults that the test wants
	status  int64    // of the last document
	dialogs []string // questions that were asked
}

func (s *server) tab(t testing.TB, browser context.Context) *tab {
	t.Helper()
	whole := cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
	room, err := target.CreateBrowserContext().Do(whole)
	if err != nil {
		t.Fatal(err)
	}
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(room).WithNewWindow(true).Do(whole)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := chromedp.NewContext(browser, chromedp.WithTargetID(id))
	b := &tab{TB: t, ctx: ctx, base: s.url, room: room}
	t.Cleanup(func() {
		end()
		_ = target.DisposeBrowserContext(room).Do(whole)
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, f := range b.faults {
			t.Error("the browser says: " + f)
		}
	})
	chromedp.ListenTarget(ctx, b.notice)
	b.run(network.Enable(), log.Enable(), runtime.Enable(), page.Enable(),
		emulation.SetDeviceMetricsOverride(1280, 800, 1, false), emulation.SetTimezoneOverride("UTC"))
	return b
}

// expect lets a fault pass that has this part, once for each call, before or after.
func (b *tab) expect(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.IndexFunc(b.faults, func(f string) bool { return strings.Contains(f, part) }); i >= 0 {
		b.faults = slices.Delete(b.faults, i, i+1)
		return
	}
	b.expects = append(b.expects, part)
}

func (b *tab) fault(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, part := range b.expects {
		if strings.Contains(text, part) {
			b.expects = slices.Delete(b.expects, i, i+1)
			return
		}
	}
	b.faults = append(b.faults, text)
}

// notice is told of what happens in the tab. It must not wait.
func (b *tab) notice(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Source == log.SourceSecurity || e.Entry.Source == log.SourceViolation || e.Entry.Source == log.SourceDeprecation {
			b.fault("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.fault("exception: %s", e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning || e.Type == runtime.APITypeAssert {
			b.fault("console.%s: %v", e.Type, e.Args)
		}
	case *network.EventRequestWillBeSent:
		// The browser's own pictures of form fields are data: URLs; those of a page
		// its policy forbids.
		if u := e.Request.URL; !strings.HasPrefix(u, b.base+"/") && u != "about:blank" && !strings.HasPrefix(u, "data:") {
			b.fault("it asks somebody else: %s", u)
		}
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			b.mu.Lock()
			b.status = e.Response.Status
			b.mu.Unlock()
		}
	case *page.EventJavascriptDialogOpening:
		b.mu.Lock()
		b.dialogs = append(b.dialogs, e.Message)
		b.mu.Unlock()
		go func() { _ = chromedp.Run(b.ctx, page.HandleJavaScriptDialog(true)) }()
	}
}

// run does something in the tab and fails the test if it cannot be done.
func (b *tab) run(actions ...chromedp.Action) {
	b.Helper()
	if chromedp.FromContext(b.ctx).Target == nil { // the first run takes the tab, for longer than this one's patience
		if err := chromedp.Run(b.ctx); err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.Fatalf("%v\nat %s", err, b.where())
	}
}

// where tells what the tab shows, for a test that failed.
func (b *tab) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	var text string
	if err := chromedp.Run(ctx, chromedp.EvaluateAsDevTools(`location.href + "\n" + (document.querySelector("main") ?? document.body).innerText.slice(0, 2000)`, &text)); err != nil {
		return err.Error()
	}
	return text
}

// load does what makes the tab load a page, and waits until it is there.
func (b *tab) load(actions ...chromedp.Action) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, actions...); err != nil {
		b.Fatalf("%v\nat %s", err, b.where())
	}
}

// visit goes to an address of the server and returns the status of the answer.
func (b *tab) visit(path string) int64 {
	b.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.base + path
	}
	b.load(chromedp.Navigate(path))
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

// open is visit that wants a good answer.
func (b *tab) open(path string) {
	b.Helper()
	if status := b.visit(path); status != 200 {
		b.Fatalf("%s: status %d\n%s", path, status, b.where())
	}
}

// follow clicks on what leads to another page.
func (b *tab) follow(selector string) {
	b.Helper()
	b.want(selector)
	b.load(chromedp.Click(selector, chromedp.ByQuery))
}

func (b *tab) click(selector string) {
	b.Helper()
	b.want(selector)
	b.run(chromedp.Click(selector, chromedp.ByQuery))
}

// fill types into a field, in the place of what was in it.
func (b *tab) fill(selector, text string) {
	b.Helper()
	b.want(selector)
	b.eval(fmt.Sprintf(`{ const e = document.querySelector(%q); e.value = ""; e.scrollIntoView({block: "center"}); e.focus(); }`, selector), nil)
	b.run(chromedp.KeyEvent(text))
}

// press presses keys, wherever the focus is.
func (b *tab) press(keys string) {
	b.Helper()
	b.run(chromedp.KeyEvent(keys))
}

// eval evaluates an expression into a value that into points at.
func (b *tab) eval(expression string, into any) {
	b.Helper()
	b.run(chromedp.EvaluateAsDevTools(expression, into, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
}

// is evaluates a condition.
func (b *tab) is(expression string) bool {
	b.Helper()
	var yes bool
	b.eval(`Boolean(`+expression+`)`, &yes)
	return yes
}

// waits until a condition is true.
func (b *tab) waits(expression string) {
	b.Helper()
	for deadline := time.Now().Add(patience); !b.is(expression); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("waited in vain for %s\nat %s", expression, b.where())
		}
	}
}

// want fails at once where a selector finds nothing.
func (b *tab) want(selector string) {
	b.Helper()
	if b.count(selector) == 0 {
		b.Fatalf("there is no %s\nat %s", selector, b.where())
	}
}

func (b *tab) count(selector string) (n int) {
	b.Helper()
	b.eval(fmt.Sprintf(`document.querySelectorAll(%q).length`, selector), &n)
	return n
}

// text is what a person reads in an element.
func (b *tab) text(selector string) (out string) {
	b.Helper()
	b.want(selector)
	b.eval(fmt.Sprintf(`document.querySelector(%q).innerText`, selector), &out)
	return out
}

// says checks that the page has these words.
func (b *tab) says(words ...string) {
	b.Helper()
	text := b.text("body")
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.Errorf("the page does not say %q\nat %s", w, b.where())
		}
	}
}

// path is where the tab is.
func (b *tab) path() (out string) {
	b.Helper()
	b.eval(`location.pathname + location.search`, &out)
	return out
}

// login follows a login link and presses the button.
func (b *tab) login(link string) {
	b.Helper()
	b.open(link)
	b.follow(`form button.main`)
}

// dark and light set what the person's system prefers.
func (b *tab) scheme(name string) {
	b.Helper()
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}))
}
