package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/intel/format"
)

// TestUpdate: a list comes, is kept, and is asked for only if it has changed.
func TestUpdate(t *testing.T) {
	w := newWorld(t, Source{Title: "A list", Confidence: 70, Refresh: time.Hour})
	if s := w.status(); s.State != Waiting || !s.Next.IsZero() {
		t.Errorf("%+v", s)
	}
	w.list("192.0.2.1\nbad.example.com\n192.0.2.1\n10.0.0.1\n")
	w.mustUpdate()
	s := w.status()
	if s.State != OK || s.Entries != 2 || s.Bytes == 0 || len(s.SHA256) != 64 || !s.Fetched.Equal(w.clock.Now()) || s.Skipped["address that is not public"] != 1 {
		t.Errorf("%+v", s)
	}
	if d := s.Next.Sub(w.clock.Now()); d < 54*time.Minute || d > 66*time.Minute {
		t.Errorf("the next time is in %v", d)
	}
	es := w.entries()
	if w.values() != "192.0.2.1 bad.example.com" || es[0].Category != "malicious" || es[0].Confidence != 70 || es[1].Kind != format.Domain {
		t.Errorf("%+v", es)
	}
	w.clock.move(time.Hour)
	w.restart() // a new process knows what the old one did
	w.mustUpdate()
	r := w.requests()[1]
	if r.Header.Get("If-None-Match") == "" || r.Header.Get("If-Modified-Since") == "" || r.Header.Get("User-Agent") != "vedette" {
		t.Errorf("%v", r.Header)
	}
	if n := w.status(); n.State != OK || !n.Fetched.Equal(s.Fetched) || !n.Checked.Equal(w.clock.Now()) || n.Entries != 2 {
		t.Errorf("%+v", n)
	}
	w.list("192.0.2.2\n")
	w.mustUpdate()
	if w.values() != "192.0.2.2" {
		t.Error(w.values())
	}
	files, err := os.ReadDir(w.dir)
	if err != nil || len(files) != 2 {
		t.Errorf("%v %v", files, err)
	}
}

func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(bytes.Repeat([]byte("# a note\n"), 1<<19)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFaults: whatever a publisher does, the last good list stays, and the
// state says why.
func TestFaults(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "no", code) }
	}
	text := func(s string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, s) }
	}
	packed := bomb(t)
	for name, tc := range map[string]struct {
		h    http.HandlerFunc
		want string
	}{
		"500":      {status(500), "500 Internal Server Error"},
		"404":      {status(404), "has the list moved?"},
		"403":      {status(403), "does it want a key?"},
		"web page": {text("<html><body>We have moved</body></html>"), "web page"},
		"prose":    {text("This list has been retired.\nPlease go elsewhere now.\n"), "too much of the list cannot be read"},
		"too big":  {text(many(10_000)), "more than 100000 bytes, the limit of this feed"},
		"bomb":     {func(rw http.ResponseWriter, _ *http.Request) { rw.Write(packed) }, "more than 100000 bytes, unpacked"},
		"too many": {text(many(3000)), "more than 2000 entries"},
		"binary":   {text("192.0.2.1\n\x00\x01\x02"), "line 2: a NUL byte"},
		"other":    {text(`{"error":"quota"}`), "this looks like JSON"},
		"cut short": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "1000")
			fmt.Fprint(rw, "192.0.2.1\n")
		}, "cut short after 10 bytes"},
		"slow": {func(rw http.ResponseWriter, r *http.Request) {
			fmt.Fprint(rw, "192.0.2.1\n")
			http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		}, "not finished within 300ms"},
		"loop": {func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/list.txt", http.StatusFound) }, "more than 5 times"},
		"http": {func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://example.com/", http.StatusFound)
		}, "example.com is plain http"},
		"scheme": {func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Location", "file:///etc/passwd")
			rw.WriteHeader(302)
		}, `scheme "file"`},
		"unasked 304": {func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") != "" {
				t.Error("a condition was sent")
			}
			rw.WriteHeader(http.StatusNotModified)
		}, "304"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Source{Format: format.List, MaxBytes: 100_000, MaxEntries: 2000})
			w.on("/list.txt", text("192.0.2.77\n")) // without ETag
			w.mustUpdate()
			w.on("/list.txt", tc.h)
			w.clock.move(24 * time.Hour)
			if name == "slow" {
				w.u.sources[0].Timeout = 300 * time.Millisecond
			}
			err := w.update()
			w.u.sources[0].Timeout = defaultTimeout
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "feed list: ") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			s := w.status()
			if s.State != Failing || !strings.Contains(s.Reason, tc.want) || s.Failures != 1 || !s.Next.After(w.clock.Now()) || w.values() != "192.0.2.77" {
				t.Errorf("%+v", s)
			}
			if files, _ := filepath.Glob(filepath.Join(w.dir, tempPrefix+"*")); len(files) > 0 {
				t.Errorf("left behind: %v", files)
			}
			w.on("/list.txt", text("192.0.2.78\n"))
			w.mustUpdate()
			if s := w.status(); s.State != OK || s.Reason != "" || s.Failures != 0 || w.values() != "192.0.2.78" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestHeldAside: what looks wrong as a whole is not used until it is accepted
// or mended.
func TestHeldAside(t *testing.T) {
	for name, tc := range map[string]struct {
		old, new string
		want     string
	}{
		"grows tenfold": {many(100), many(1001), "grew from 100 entries to 1001"},
		"shrinks":       {many(1000), many(99), "shrank from 1000 entries to 99"},
		"is empty":      {many(100), "# nothing\n", "no entries any more, 100 before"},
		"has a warning": {many(100), many(100) + "198.51.100.8\n", "1 of its entries are on a warning list, such as 198.51.100.8 (a resolver of everybody)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Source{})
			w.check = func(e format.Entry) error {
				if e.Value == "198.51.100.8" || e.Value == "files.example.com" {
					return errors.New("a resolver of everybody")
				}
				return nil
			}
			w.restart()
			w.list(tc.old)
			w.mustUpdate()
			before := w.values()
			w.list(tc.new)
			w.mustUpdate()
			s := w.status()
			if s.State != Held || !strings.Contains(s.Reason, tc.want) || w.values() != before {
				t.Fatalf("%+v", s)
			}
			asked := len(w.requests())
			w.restart()
			w.mustUpdate() // not fetched again: it has not changed
			if r := w.requests()[asked]; !strings.Contains(r.Header.Get("If-None-Match"), etag(tc.new)) || w.status().State != Held {
				t.Errorf("%v %+v", r.Header, w.status())
			}
			if err := w.u.Accept("list"); err != nil {
				t.Fatal(err)
			}
			if s := w.status(); s.State != OK || s.Entries == 100 && name != "has a warning" || w.values() == before && name != "has a warning" {
				t.Errorf("%+v", s)
			}
			if err := w.u.Accept("list"); err == nil {
				t.Error("accepted what was not there")
			}
		})
	}
}

// TestImport: what was fetched elsewhere goes through the same.
func TestImport(t *testing.T) {
	w := newWorld(t, Source{})
	if err := w.u.Import("list", strings.NewReader(many(100))); err != nil {
		t.Fatal(err)
	}
	before := w.values()
	if s := w.status(); s.State != OK || s.Entries != 100 || before == "" || len(s.SHA256) != 64 || len(w.requests()) != 0 {
		t.Fatalf("%+v", s)
	}
	if err := w.u.Import("list", strings.NewReader(many(1001))); err != nil || w.status().State != Held || w.values() != before {
		t.Errorf("%v %+v", err, w.status())
	}
	if err := w.u.Import("list", strings.NewReader("<!DOCTYPE html><html><body>Sign in</body></html>")); err == nil || w.values() != before {
		t.Error("a web page was taken")
	}
	if err := w.u.Import("other", strings.NewReader(many(1))); err == nil {
		t.Error("a feed that is not there was taken")
	}
}

// TestMended: the publisher takes the odd list back.
func TestMended(t *testing.T) {
	w := newWorld(t, Source{})
	w.list(many(100))
	w.mustUpdate()
	w.list(many(5000))
	w.mustUpdate()
	if w.status().State != Held {
		t.Fatalf("%+v", w.status())
	}
	w.list(many(101))
	w.mustUpdate()
	if s := w.status(); s.State != OK || s.Entries != 101 || s.Held != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "list"+heldSuffix)); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestWarnings: hosts of URLs that others share are left out, and as many
// others as the source allows.
func TestWarnings(t *testing.T) {
	w := newWorld(t, Source{Warnings: 1})
	w.check = func(e format.Entry) error {
		if strings.HasPrefix(e.Value, "shared") {
			return errors.New("many use it")
		}
		return nil
	}
	w.restart()
	w.list("https://shared.example.com/evil\nhttps://shared2.example.com/evil\nshared3.example.com\nbad.example.com\n")
	w.mustUpdate()
	if s := w.status(); s.State != OK || s.LeftOut != 3 || w.values() != "bad.example.com" {
		t.Errorf("%+v %s", s, w.values())
	}
}

// TestEmptyAtFirst: a list without entries is a fault, unless that is expected.
func TestEmptyAtFirst(t *testing.T) {
	w := newWorld(t, Source{})
	w.list("# END 0 entries\n")
	if err := w.update(); !errors.Is(err, format.ErrEmpty) || w.status().State != Failing {
		t.Error(err)
	}
	w = newWorld(t, Source{MayBeEmpty: true})
	w.list("# END 0 entries\n")
	w.mustUpdate()
	if s := w.status(); s.State != OK || w.values() != "" {
		t.Errorf("%+v", s)
	}
}

func TestChecksum(t *testing.T) {
	const list = "192.0.2.1\n"
	sum := sha256.Sum256([]byte(list))
	right := hex.EncodeToString(sum[:])
	for name, tc := range map[string]struct{ sums, want string }{
		"right":     {strings.Repeat("0", 64) + "  other.txt\n" + right + " *list.txt\n", ""},
		"alone":     {strings.ToUpper(right) + "\n", ""},
		"wrong":     {strings.Repeat("0", 64) + "  list.txt\n", "does not fit its checksum"},
		"not there": {right + "  other.txt\n", "states no SHA-256 of list.txt"},
	} {
		w := newWorld(t, Source{Checksum: "SERVER/SHA256SUMS"})
		w.list(list)
		w.on("/SHA256SUMS", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, tc.sums) })
		err := w.update()
		if tc.want == "" && (err != nil || w.values() != "192.0.2.1") || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := newWorld(t, Source{Checksum: "SERVER/SHA256SUMS"})
	w.list(list)
	if err := w.update(); err == nil || !strings.Contains(err.Error(), "the checksum") {
		t.Errorf("no checksum: %v", err)
	}
}

// TestMeaning: the list's own words decide, then its category; what has expired
// is left out.
func TestMeaning(t *testing.T) {
	w := newWorld(t, Source{Format: format.CSV, Category: "malicious", MaxAge: 48 * time.Hour, Threats: []Threat{{"botnet_cc", "c2"}, {"Coin*", "cryptocurrency"}, {"payload", "-"}}})
	w.list(`ioc_value,threat_type,malware,last_seen,valid_until
192.0.2.1,botnet_cc,Emotet,2026-11-22 09:00:00,
192.0.2.2,,CoinHive,2026-11-22 09:00:00,
192.0.2.3,payload,X,2026-11-22 09:00:00,
192.0.2.4,other,Y,2026-11-22 09:00:00,
192.0.2.5,other,Y,2026-11-01 09:00:00,
192.0.2.6,other,Y,2026-11-22 09:00:00,2026-11-22 10:30:00
192.0.2.7,other,Y,2026-11-22 09:00:00,2026-11-22 09:30:00
`)
	w.mustUpdate()
	show := func() string {
		var out []string
		for _, e := range w.entries() {
			out = append(out, e.Value+"="+e.Category+"/"+e.Threat)
		}
		return strings.Join(out, " ")
	}
	if got := show(); got != "192.0.2.1=c2/Emotet 192.0.2.2=cryptocurrency/CoinHive 192.0.2.4=malicious/Y 192.0.2.6=malicious/Y" {
		t.Error(got)
	}
	w.clock.move(time.Hour)
	if got := show(); strings.Contains(got, "192.0.2.6") {
		t.Error(got)
	}
	if s := w.status(); s.Skipped["last seen too long ago"] != 1 || s.Skipped["expired"] != 1 {
		t.Errorf("%+v", s)
	}
}

// TestColumns: a table that does not name its columns is read by those of its
// source.
func TestColumns(t *testing.T) {
	w := newWorld(t, Source{Columns: []string{"First seen", "note", "IP", "threat"}, Threats: []Threat{{"tor*", "tor-exit"}}})
	w.list("2026-11-20,evil.example,192.0.2.1,C2\n2026-11-21,x,192.0.2.2,Tor exit\n")
	w.mustUpdate()
	var out []string
	for _, e := range w.entries() {
		out = append(out, e.Value+"="+e.Category+"/"+e.First.Format(time.DateOnly))
	}
	if got := strings.Join(out, " "); got != "192.0.2.1=malicious/2026-11-20 192.0.2.2=tor-exit/2026-11-21" {
		t.Error(got)
	}
}

// TestStale: a list that nobody renews is not used for ever.
func TestStale(t *testing.T) {
	w := newWorld(t, Source{Keep: 48 * time.Hour})
	w.list("192.0.2.1\n")
	w.mustUpdate()
	w.clock.move(47 * time.Hour)
	w.mustUpdate() // 304: it is still the newest
	w.clock.move(47 * time.Hour)
	if w.values() != "192.0.2.1" {
		t.Error("a list that was confirmed is not used")
	}
	w.clock.move(2 * time.Hour)
	if err := w.u.Load("list", func(Entry) error { return nil }); !errors.Is(err, ErrNoList) || w.status().State != Stale {
		t.Errorf("%v %+v", err, w.status())
	}
}

// TestDamage: a folder that was harmed heals by itself.
func TestDamage(t *testing.T) {
	for name, harm := range map[string]func(dir string) error{
		"list cut":    func(dir string) error { return os.Truncate(filepath.Join(dir, "list.jsonl"), 100) },
		"list gone":   func(dir string) error { return os.Remove(filepath.Join(dir, "list.jsonl")) },
		"state wrong": func(dir string) error { return os.WriteFile(filepath.Join(dir, "list.json"), []byte("{"), 0o600) },
		"state gone":  func(dir string) error { return os.Remove(filepath.Join(dir, "list.json")) },
		"entries cut": func(dir string) error { return os.Truncate(filepath.Join(dir, "list.jsonl"), headSize+10) },
	} {
		w := newWorld(t, Source{})
		w.list("192.0.2.1\n192.0.2.2\n")
		w.mustUpdate()
		if err := harm(w.dir); err != nil {
			t.Fatal(err)
		}
		w.restart()
		err := w.u.Load("list", func(Entry) error { return nil })
		if healthy := strings.HasPrefix(name, "state"); healthy != (err == nil) {
			t.Errorf("%s: load: %v", name, err)
		}
		if name == "entries cut" {
			continue // its head still says what it is; Load tells of it
		}
		w.mustUpdate()
		if w.values() != "192.0.2.1 192.0.2.2" {
			t.Errorf("%s: %s", name, w.values())
		}
	}
}

// TestAnotherAddress: the list of another source under the same name is no use.
func TestAnotherAddress(t *testing.T) {
	w := newWorld(t, Source{})
	w.list("192.0.2.1\n")
	w.mustUpdate()
	w.sources[0].URL = "SERVER/other.txt"
	w.restart()
	if err := w.u.Load("list", func(Entry) error { return nil }); !errors.Is(err, ErrNoList) {
		t.Error(err)
	}
	w.on("/other.txt", func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			t.Error("asked with what another publisher said")
		}
		fmt.Fprint(rw, "192.0.2.2\n")
	})
	w.mustUpdate()
	if w.values() != "192.0.2.2" {
		t.Error(w.values())
	}
}

func TestNewRefuses(t *testing.T) {
	for want, s := range map[string]Source{
		"a name has":         {Name: "../x", URL: "https://example.com/", Category: "c2"},
		"plain http":         {Name: "x", URL: "http://example.com/", Category: "c2"},
		"no address":         {Name: "x", URL: "example.com", Category: "c2"},
		"no user":            {Name: "x", URL: "https://a:b@example.com/", Category: "c2"},
		"none is set":        {Name: "x", URL: "https://example.com/"},
		"no format":          {Name: "x", URL: "https://example.com/", Category: "c2", Format: "GIF"},
		"no kind":            {Name: "x", URL: "https://example.com/", Category: "c2", Kind: "ftp"},
		"too often":          {Name: "x", URL: "https://example.com/", Category: "c2", Refresh: time.Second},
		"wants a {key}":      {Name: "x", URL: "https://example.com/?k={key}", Category: "c2"},
		"none is named":      {Name: "x", URL: "https://example.com/taxii2/", Category: "c2", Kind: TAXII},
		"between 0 and 100":  {Name: "x", URL: "https://example.com/", Category: "c2", Confidence: 101},
		"those of a CSV":     {Name: "x", URL: "https://example.com/", Category: "c2", Format: format.JSON, Columns: []string{"ip"}},
		"none of when, what": {Name: "x", URL: "https://example.com/", Category: "c2", Columns: []string{"when", "what"}},
		"only https is":      {Name: "x", URL: "ftp://example.com/", Category: "c2"},
		"checksum: \"x\" is": {Name: "x", URL: "https://example.com/", Category: "c2", Checksum: "x"},
	} {
		w := &world{t: t, clock: &clock{}, dir: t.TempDir()}
		if _, err := New(w.options(http.DefaultClient), []Source{s}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	w := &world{t: t, clock: &clock{}, dir: t.TempDir()}
	twice := Source{Name: "x", URL: "https://example.com/", Category: "c2"}
	if _, err := New(w.options(http.DefaultClient), []Source{twice, twice}); err == nil {
		t.Error("two feeds of one name")
	}
	u, err := New(w.options(http.DefaultClient), []Source{twice})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Update(context.Background(), "y"); err == nil || !strings.Contains(err.Error(), `there is no feed "y"; there are: x`) {
		t.Error(err)
	}
}

// TestCatalog: what is on by default may be used by everybody without a key,
// and each feed says under what terms it comes.
func TestCatalog(t *testing.T) {
	sources, err := Catalog()
	if err != nil {
		t.Fatal(err)
	}
	categories := strings.Fields("malicious c2 cryptocurrency tor-exit tor-entry tor-relay black-hole drop-point phishing drive-by dga scanner " +
		"abused-reputation cryptocurrency-reputation malicious-reputation suspicious-reputation -")
	on := 0
	for _, s := range sources {
		if s.Licence == "" || s.Terms == "" || s.Home == "" || !slices.Contains([]string{"yes", "no", "unclear"}, s.Commercial) || s.Kind == File && s.Format == "" {
			t.Errorf("%s does not say all", s.Name)
		}
		words := []string{s.Category}
		for _, th := range s.Threats {
			words = append(words, th.Category)
		}
		for _, c := range words {
			if !slices.Contains(categories, c) {
				t.Errorf("%s: there is no category %q", s.Name, c)
			}
		}
		if s.AllowHTTP || s.AllowPrivate || s.Secret != "" {
			t.Errorf("%s allows what only an operator may", s.Name)
		}
		if s.On {
			on++
			published := s.Name == "tor-relays" // for this very use
			if s.Commercial != "yes" && !published || strings.Contains(s.URL, "{key}") || s.Kind != File || s.Keep == 0 && s.Refresh < 24*time.Hour {
				t.Errorf("%s must not be on by default", s.Name)
			}
		}
	}
	if len(sources) < 30 || on < 5 {
		t.Errorf("%d feeds, %d on", len(sources), on)
	}
	for want, text := range map[string]string{
		"line 1: \"x: y\" does not belong": "x: y\n", "line 2: no: there is no such field": "feed: a\nno: b\n", "line 2: on: \"maybe\"": "feed: a\non: maybe\n",
		"is there twice": "feed: a\nurl: https://example.com/\ncategory: c2\nfeed: a\nurl: https://example.com/\ncategory: c2\n",
	} {
		if _, err := parseCatalog(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzStatedSum(f *testing.F) {
	f.Add(strings.Repeat("a", 64)+" *list.txt\n", "list.txt")
	f.Fuzz(func(t *testing.T, text, name string) {
		if sum, ok := statedSum(text, name); ok && (len(sum) != 64 || strings.ToLower(sum) != sum) || !ok && sum != "" {
			t.Errorf("%q", sum)
		}
	})
}
