package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// publish serves a folder by http until the script ends, and writes its address
// into files in the place of the word PUBLISHER: publish FOLDER FILE…
func publishFolder(ts *testscript.TestScript, _ bool, args []string) {
	srv := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(srv.Close)
	for _, name := range args[1:] {
		text := strings.ReplaceAll(ts.ReadFile(name), "PUBLISHER", srv.URL)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// addresses writes a list of so many addresses: addresses FILE N
func addresses(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "11.30.%d.%d\n", i/250, i%250)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
	changed := time.Now().Add(time.Duration(n) * time.Second) // the publisher tells changes by the second
	ts.Check(os.Chtimes(ts.MkAbs(args[0]), changed, changed))
}
