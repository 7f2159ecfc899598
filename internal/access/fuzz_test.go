package access

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// A header gives an authorization that holds all its parts, or a refusal.
func FuzzParseAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=VDTAABCDEFGHIJKLMNOP/20261122/us-east-1/guardduty/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0a", 32))
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request,SignedHeaders=host,Signature=" + strings.Repeat("FF", 32))
	f.Add("Bearer x")
	f.Add("AWS4-HMAC-SHA256 ,,,===;;;")
	f.Add("")
	f.Fuzz(func(t *testing.T, header string) {
		a, err := parseAuthorization(header)
		if (a == nil) == (err == nil) {
			t.Fatalf("%q gave %v and %v", header, a, err)
		}
		if a == nil {
			return
		}
		if len(a.signature) != 32 || a.keyID == "" || a.date == "" || a.region == "" || a.service == "" {
			t.Errorf("%q gave %+v", header, a)
		}
		if !slices.Contains(a.signedHeaders, "host") || !slices.IsSorted(a.signedHeaders) {
			t.Errorf("%q signs %q", header, a.signedHeaders)
		}
	})
}

// The canonical form is one line for each part, is stable, and means the same
// query as what was sent.
func FuzzCanonical(f *testing.F) {
	f.Add("/tags/arn%3Aaws%3A", "b=2&a=1&a=0&c&%C3%A9=", "  a   b ")
	f.Add("//a/../b", "x=a+b&y=%2B&&=", "\t")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, path, query, header string) {
		if p := canonicalPath(path); strings.ContainsAny(p, "\n ?#") || p == "" {
			t.Errorf("path %q became %q", path, p)
		}
		if s := squeeze(header); strings.Contains(s, "  ") || s != squeeze(s) {
			t.Errorf("header %q became %q", header, s)
		}
		q, refusal := canonicalQuery(query)
		if refusal != nil {
			if q != "" {
				t.Errorf("query %q gave %q and %v", query, q, refusal)
			}
			return
		}
		again, refusal := canonicalQuery(q)
		if refusal != nil || again != q {
			t.Errorf("query %q became %q, then %q, %v", query, q, again, refusal)
		}
		if strings.ContainsAny(q, "\n +;") {
			t.Errorf("query %q became %q", query, q)
		}
		if strings.Contains(query, ";") { // net/url refuses these
			return
		}
		want, err := url.ParseQuery(query)
		got, err2 := url.ParseQuery(q)
		if err != nil || err2 != nil || len(want) != len(got) {
			t.Errorf("query %q became %q: %v, %v", query, q, err, err2)
		}
	})
}

// No request makes the verifier panic or pass.
func FuzzVerify(f *testing.F) {
	f.Add("GET", "/detector?a=1", "AWS4-HMAC-SHA256 Credential=VDTAABCDEFGHIJKLMNOP/20261122/eu-central-1/guardduty/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0a", 32), "20261122T113746Z", "{}")
	f.Fuzz(func(t *testing.T, method, target, auth, date, body string) {
		r := &http.Request{Method: method, RequestURI: target, URL: &url.URL{Path: "/"}, Host: "h", Header: http.Header{
			"Authorization": {auth}, "X-Amz-Date": {date},
		}}
		if k, err := testVerifier().Verify(r, []byte(body)); err == nil {
			t.Errorf("%q passed as %v", auth, k)
		}
	})
}
