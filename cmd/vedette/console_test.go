package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var toldLink = regexp.MustCompile(`open the console: ([^\s"]+)`)

// follow opens the login link in a file, presses the button and prints the page
// to which that leads: follow FILE. In server.log it waits for the link that the
// server tells of. Only the link's path counts: a script's server is at an
// address of its own.
func follow(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	if args[0] == "server.log" {
		text = told(ts)
	}
	link, err := url.Parse(strings.TrimSpace(text))
	ts.Check(err)
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	browser := &http.Client{Jar: jar}
	shown := page(ts, func() (*http.Response, error) { return browser.Get(ts.Getenv("URL") + link.RequestURI()) })
	if !strings.Contains(shown, `name="link"`) {
		if !neg {
			ts.Fatalf("the link offers no login:\n%s", shown)
		}
		return
	}
	page(ts, func() (*http.Response, error) {
		return browser.PostForm(ts.Getenv("URL")+"/console/login", url.Values{"link": {link.Query().Get("link")}})
	})
	if neg {
		ts.Fatalf("the link let somebody in")
	}
}

// told is where the server says that the console is.
func told(ts *testscript.TestScript) string {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if m := toldLink.FindStringSubmatch(ts.ReadFile("server.log")); m != nil {
			return m[1]
		}
	}
	ts.Fatalf("the server tells of no console")
	return ""
}

// page prints the answer to a request and returns its body.
func page(ts *testscript.TestScript, send func() (*http.Response, error)) string {
	res, err := send()
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n%s\n", res.StatusCode, res.Request.URL.Path, body)
	return string(body)
}
