package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

func addresses(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d.%d.%d.%d\n", 20+i>>24, i>>16&255, i>>8&255, i&255)
	}
	return b.String()
}

func names(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "n%d.example.org\n", i)
	}
	return b.String()
}

// wide is a text as Windows likes to save it.
func wide(text string, mark bool) string {
	var b strings.Builder
	units := utf16.Encode([]rune(text))
	if mark {
		units = append([]uint16{0xfeff}, units...)
	}
	for _, u := range units {
		b.WriteString(string([]byte{byte(u), byte(u >> 8)}))
	}
	return b.String()
}

const hashOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// TestListContents: what a file holds decides what becomes of the list, and the
// reason is told with its line.
func TestListContents(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		kind    store.ListKind
		format  string
		content string
		want    string // of errorDetails
		active  bool
		entries int
	}{
		{"all there is", store.ThreatEntitySet, "TXT", "\uFEFF# ours\n203.0.113.7\r\n203.0.113.0/25\n*.example.org\n" + hashOfNothing + "\n2001:db8::1\n", "", true, 5},
		{"OTX", store.ThreatEntitySet, "OTX_CSV", "Indicator type, Indicator, Description\nCIDR, 192.0.2.0/24, example\nDomain name, example.net, example\nSHA256, " + hashOfNothing + ", example\n", "", true, 3},
		{"AlienVault", store.ThreatIntelSet, "ALIEN_VAULT", "198.51.100.1#4#2#Malicious Host#US##0.0,0.0#3\n", "", true, 1},
		{"Proofpoint", store.ThreatIntelSet, "PROOF_POINT", "ip, category, score, first_seen, last_seen, ports (|)\n198.51.100.1, 1, 100, 2000-01-01, 2000-01-01,\n", "", true, 1},
		{"the most addresses", store.ThreatIntelSet, "TXT", addresses(250_000), "", true, 250_000},
		{"too many addresses", store.ThreatIntelSet, "TXT", addresses(250_001), "line 250001: more than 250000 entries", false, 0},
		{"the most trusted addresses", store.IPSet, "TXT", addresses(2_000), "", true, 2_000},
		{"too many trusted addresses", store.IPSet, "TXT", addresses(2_001), "line 2001: more than 2000 entries", false, 0},
		{"too many entities", store.ThreatEntitySet, "TXT", names(1_001), "line 1001: more than 1000 entries", false, 0},
		{"too many trusted entities", store.TrustedEntitySet, "TXT", names(1_001), "line 1001: more than 1000 entries", false, 0},
		{"a domain among addresses", store.ThreatIntelSet, "TXT", "203.0.113.7\n\nexample.org\n", "line 3: example.org is no IP address", false, 0},
		{"a domain among trusted addresses", store.IPSet, "TXT", "example.org\n", "line 1: example.org is no IP address", false, 0},
		{"a trusted hash", store.TrustedEntitySet, "TXT", "example.org\n" + hashOfNothing + "\n", "line 2: " + hashOfNothing + " is the hash of a file", false, 0},
		{"half the internet", store.ThreatIntelSet, "TXT", "0.0.0.0/1\n", "line 1: ", false, 0},
		{"private addresses that are trusted", store.IPSet, "TXT", "10.0.0.0/8\n192.168.1.1\n", "", true, 2},
		{"private addresses among others", store.ThreatIntelSet, "TXT", "10.0.0.0/8\n203.0.113.7\n", "1 entries are used; not used are 1 of the kind: address that is not public", true, 1},
		{"private addresses only", store.ThreatIntelSet, "TXT", "10.0.0.0/8\n", "0 entries are used; not used are 1 of the kind: address that is not public", true, 0},
		{"MD5 of files", store.ThreatEntitySet, "TXT", "d41d8cd98f00b204e9800998ecf8427e\n", "", true, 1},
		{"SHA-512 only", store.ThreatEntitySet, "TXT", strings.Repeat("d41d8cd98f00b204e9800998ecf8427e", 4) + "\n", "no entries that can be used: 0 entries are used; not used are 1 of the kind: other hash", false, 0},
		{"MD5 that is trusted", store.TrustedEntitySet, "TXT", "d41d8cd98f00b204e9800998ecf8427e\n", "not used are 1 of the kind: MD5 hash", false, 0},
		{"nothing", store.ThreatIntelSet, "TXT", "", "no entries", false, 0},
		{"nothing but comments", store.ThreatIntelSet, "TXT", "# to be filled\n\n", "no entries", false, 0},
		{"UTF-16", store.ThreatIntelSet, "TXT", wide("203.0.113.7\r\n", true), "", true, 1},
		{"UTF-16 that does not say so", store.ThreatIntelSet, "TXT", wide("203.0.113.7\r\n", false), "UTF-16", false, 0},
		{"a web page", store.ThreatIntelSet, "TXT", "<!DOCTYPE html>\n<html><body>Please log in</body></html>\n", "this is a web page", false, 0},
		{"a binary", store.ThreatIntelSet, "TXT", "\x7fELF\x02\x01\x01\x00\x00\x00", "line 1: ", false, 0},
		{"another format", store.ThreatEntitySet, "TXT", "Indicator type, Indicator, Description\nCIDR, 192.0.2.0/24, example\n", "TXT was said, this looks like OTX_CSV", false, 0},
		{"yet another", store.ThreatEntitySet, "STIX", "203.0.113.7\n", "STIX was said", false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir+"/list", tc.content)
			w := newListWorld(t, sqliteStore(t), func(o *ListOptions) { o.Folders = []string{dir} })
			id := w.create(tc.kind, tc.format, "file://"+dir+"/list")
			w.round()
			l, err := w.store.ListOf(t.Context(), *w.det, tc.kind, id)
			if err != nil {
				t.Fatal(err)
			}
			status := store.ListError
			if tc.active {
				status = store.ListActive
			}
			if l.Status != status || l.Entries != tc.entries || !strings.Contains(l.ErrorDetails, tc.want) || tc.want == "" && l.ErrorDetails != "" {
				t.Errorf("the list is %s with %d entries (%q), want %s with %d (%q)", l.Status, l.Entries, l.ErrorDetails, status, tc.entries, tc.want)
			}
			if lists, _, err := w.active.Load(t.Context()); err != nil || len(lists) == 1 != tc.active {
				t.Errorf("%d lists are in force, %v", len(lists), err)
			} else if tc.active {
				if err := lists[0].Each(nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestListObjectFaults: what can be wrong with an object, said by a real S3
// server where it can say it.
func TestListObjectFaults(t *testing.T) {
	t.Parallel()
	server := testbed.S3(t)
	server.Bucket("lists")
	server.Put("lists", "good.txt", []byte("203.0.113.7\n"), nil)
	server.Put("lists", "big.txt", bytes.Repeat([]byte("203.0.113.7\n"), maxListBytes/12+1), nil)
	server.Put("lists", "good folder/", nil, nil)
	as := func(id string) func(o *s3.Options) {
		return func(o *s3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: id, SecretAccessKey: "wrong"}, nil
			})
		}
	}
	denied := func(o *s3.Options) {
		o.HTTPClient = answer(403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
		o.Retryer = aws.NopRetryer{}
	}
	elsewhere := func(o *s3.Options) {
		o.HTTPClient = answer(301, "<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed using the specified endpoint.</Message></Error>")
	}
	encrypted := func(o *s3.Options) {
		o.HTTPClient = answer(403, "<Error><Code>AccessDenied</Code><Message>not authorized to perform: kms:Decrypt on this resource</Message></Error>")
	}
	none := func(*s3.Options) {}
	for _, tc := range []struct {
		name, location string
		client         func(*s3.Options)
		owner          string
		want           string
	}{
		{"no object", "s3://lists/none.txt", none, "", "read s3://lists/none.txt: there is no such object"},
		{"no bucket", "s3://nobody/good.txt", none, "", "read s3://nobody/good.txt: there is no such bucket"},
		{"too big", "s3://lists/big.txt", none, "", "at most 36700160 (35 MB) are allowed"},
		{"a folder", "s3://lists/good folder/", none, "", "no entries"},
		{"an unknown key", "s3://lists/good.txt", as("AKIDSTRANGER"), "", "No user exists with the provided access key ID"},
		{"a wrong secret", "s3://lists/good.txt", as(testbed.AWSKey), "", "the credentials are not valid"},
		{"no permission", "s3://lists/good.txt", denied, "", "allow s3:GetObject on arn:aws:s3:::lists/good.txt to Vedette"},
		{"another owner", "s3://lists/good.txt", denied, "444455556666", "the bucket must belong to the account 444455556666 (expectedBucketOwner)"},
		{"another Region", "s3://lists/good.txt", elsewhere, "", "the bucket is in another Region; write the location as https://s3.REGION.amazonaws.com/lists/good.txt"},
		{"another's key", "s3://lists/good.txt", encrypted, "", "allow kms:Decrypt on its key to Vedette"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newListWorld(t, sqliteStore(t), func(o *ListOptions) {
				o.S3 = func(context.Context, string) (*s3.Client, error) { return server.Client(tc.client), nil }
			})
			id := w.create(store.ThreatEntitySet, "TXT", tc.location, func(in *guardduty.CreateThreatEntitySetInput) {
				if tc.owner != "" {
					in.ExpectedBucketOwner = &tc.owner
				}
			})
			w.round()
			w.want(id, "ERROR", tc.want)
			w.wantInForce("")

			// Whoever puts it right need not activate it again.
			if tc.owner == "" {
				w.lists.S3 = func(context.Context, string) (*s3.Client, error) { return server.Client(), nil }
			}
			if tc.name == "no permission" {
				w.later(lookEvery)
				w.want(id, "ACTIVE", "")
			}
		})
	}
}

// TestListOwner: which owner a bucket must have is asked of S3.
func TestListOwner(t *testing.T) {
	for _, tc := range []struct {
		kind              store.ListKind
		account, expected string
		want              string
	}{
		{store.ThreatEntitySet, listAccount, "", listAccount},
		{store.TrustedEntitySet, listAccount, "", listAccount},
		{store.ThreatEntitySet, listAccount, "444455556666", "444455556666"},
		{store.ThreatEntitySet, "", "", ""}, // a store that is not AWS's
		{store.IPSet, listAccount, "", ""},
		{store.ThreatIntelSet, listAccount, "444455556666", "444455556666"},
	} {
		var asked []string
		client := s3.New(s3.Options{Region: "eu-west-1", Credentials: testbed.AWSConfig().Credentials, HTTPClient: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.Method+" "+r.Header.Get("X-Amz-Expected-Bucket-Owner"))
			return respond(r, 200, "203.0.113.7\n"), nil
		})})
		w := newListWorld(t, sqliteStore(t), func(o *ListOptions) {
			o.Account = tc.account
			o.S3 = func(context.Context, string) (*s3.Client, error) { return client, nil }
		})
		w.create(tc.kind, "TXT", "s3://lists/good.txt", func(in *guardduty.CreateThreatEntitySetInput) {
			if tc.expected != "" {
				in.ExpectedBucketOwner = &tc.expected
			}
		})
		w.round()
		w.wantInForce("203.0.113.7")
		w.later(lookEvery)
		if got, want := strings.Join(asked, ","), "GET "+tc.want+",HEAD "+tc.want; got != want {
			t.Errorf("%s of %q, %q: asked %s, want %s", tc.kind, tc.account, tc.expected, got, want)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) roundTrip {
	return func(r *http.Request) (*http.Response, error) { return respond(r, status, body), nil }
}

func respond(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/xml"}, "Etag": {`"one"`}},
		Body: readCloser{strings.NewReader(body)}, ContentLength: int64(len(body)), Request: r}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// TestListWebFaults: what can be wrong with a URL.
func TestListWebFaults(t *testing.T) {
	t.Parallel()
	url, trust := web(t, func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/denied":
			rw.WriteHeader(http.StatusForbidden)
		case "/none":
			http.NotFound(rw, r)
		case "/down":
			http.Redirect(rw, r, "http://lists.example.org/bad.txt", http.StatusFound)
		case "/round":
			http.Redirect(rw, r, "/round", http.StatusFound)
		case "/short":
			rw.Header().Set("Content-Length", "100")
			fmt.Fprint(rw, "203.0.113.7\n203.0.11")
		case "/endless":
			for range 4096 {
				if _, err := rw.Write(bytes.Repeat([]byte("203.0.113.7\n"), 1024)); err != nil {
					return
				}
			}
		}
	})
	for path, want := range map[string]string{
		"/denied":  "the server answers 403 Forbidden; Vedette sends no credentials",
		"/none":    "the server answers 404 Not Found; see that the location is right",
		"/down":    "a redirect leaves https",
		"/round":   "more than 5 redirects",
		"/short":   "it could not be read to its end: unexpected EOF",
		"/endless": "more than 36700160 bytes",
	} {
		w := newListWorld(t, sqliteStore(t), trust)
		id := w.create(store.ThreatEntitySet, "TXT", url+path)
		if path == "/endless" {
			id = w.create(store.ThreatIntelSet, "TXT", url+path)
			w.round()
			if l, err := w.store.ListOf(t.Context(), *w.det, store.ThreatIntelSet, id); err != nil || l.Status != store.ListError {
				t.Errorf("%s: %+v %v", path, l, err)
			}
			continue
		}
		w.round()
		w.want(id, "ERROR", want)
	}

	// The client of the product itself connects to nothing on this machine.
	w := newListWorld(t, sqliteStore(t), nil)
	id := w.bad(strings.Replace(url, "127.0.0.1", "localhost", 1) + "/none")
	w.round()
	w.want(id, "ERROR", "which is on this machine or its own link")
	for address, refused := range map[string]bool{
		"127.0.0.1:443": true, "[::1]:443": true, "169.254.169.254:443": true, "[fe80::1%eth0]:443": true, "[::ffff:127.0.0.1]:443": true,
		"[fd00:ec2::254]:443": true, "100.100.100.200:443": true, "0.0.0.0:443": true, "224.0.0.1:443": true, "10.0.0.1:443": false, "203.0.113.7:443": false, "[2001:db8::1]:443": false,
	} {
		if err := refuseLocal("tcp", address, nil); err != nil != refused {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestListFileFaults: files are read from the permitted folders, and from
// nowhere else, however one tries.
func TestListFileFaults(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	write(t, outside+"/secret", "203.0.113.7\n")
	write(t, dir+"/good", "203.0.113.7\n")
	for link, to := range map[string]string{"away": outside + "/secret", "up": "../../../../../../../../etc/hostname", "beside": "good"} {
		if err := os.Symlink(to, dir+"/"+link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir+"/folder", 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir + "/good":       "",
		dir + "/beside":     "", // as Kubernetes mounts them
		dir + "/none":       "no such file",
		dir + "/folder":     "it is no regular file",
		dir:                 "in none of the folders",
		dir + "s/good":      "in none of the folders",
		outside + "/secret": "in none of the folders",
		"/dev/zero":         "in none of the folders",
		dir + "/away":       "path escapes",
		dir + "/up":         "path escapes",
	} {
		w := newListWorld(t, sqliteStore(t), func(o *ListOptions) { o.Folders = []string{dir} })
		id := w.bad("file://" + path)
		w.round()
		if want == "" {
			w.want(id, "ACTIVE", "")
			continue
		}
		w.want(id, "ERROR", want)
		w.wantInForce("")
	}
	w := newListWorld(t, sqliteStore(t), nil)
	id := w.bad("file://" + dir + "/good")
	w.round()
	w.want(id, "ERROR", "lists may not be read from files here")
}
