package access

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const testRegion = "eu-central-1"

func testTime() time.Time { return time.Date(2026, 11, 22, 11, 37, 46, 0, time.UTC) }

func testKey() Key {
	return Key{ID: "VDTAABCDEFGHIJKLMNOP", Secret: "0123456789abcdefghijABCDEFGHIJ-_01234567", Role: RoleAdmin}
}

func testVerifier() *Verifier {
	return &Verifier{Service: "guardduty", Region: testRegion, Now: testTime, Lookup: func(_ context.Context, id string) (Key, error) {
		switch id {
		case testKey().ID:
			return testKey(), nil
		case "VDTAEMPTYEMPTYEMPTYE":
			return Key{ID: id}, nil
		}
		return Key{}, ErrNoKey
	}}
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// sign lets the SDK's own signer sign, as every SDK client does.
func sign(t *testing.T, r *http.Request, body string) {
	t.Helper()
	signAs(t, r, body, testKey(), "guardduty", testRegion, testTime())
}

func signAs(t *testing.T, r *http.Request, body string, k Key, service, region string, at time.Time) {
	t.Helper()
	cred := aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), cred, r, hashOf(body), service, region, at); err != nil {
		t.Fatal(err)
	}
}

// Everything that the SDK's signer signs must verify, after a trip over a real
// socket that shows the server what a client really sends.
func TestVerifyWhatTheSDKSigns(t *testing.T) {
	v := testVerifier()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = v.Verify(r, body)
		}
		if err != nil {
			http.Error(w, err.Error()+"\n"+r.RequestURI, http.StatusForbidden)
		}
	}))
	defer srv.Close()

	for _, tc := range []struct {
		method, target, body string
		header               http.Header
	}{
		{method: "GET", target: "/detector"},
		{method: "GET", target: ""},
		{method: "GET", target: "/"},
		{method: "GET", target: "/detector?maxResults=5"},
		{method: "GET", target: "/detector?nextToken=&maxResults=5"},
		{method: "GET", target: "/detector?b=2&a=1&a=0&a=%2F&a=&c"},
		{method: "GET", target: "/detector?a%20b=1&a-b=2&a=3&A=4&%C3%A9=5"},
		{method: "GET", target: "/detector?x=a+b&y=a%2Bb&z=%7E~"},
		{method: "GET", target: "/detector?x=%E2%82%AC%F0%9F%98%80"},
		{method: "DELETE", target: "/tags/arn%3Aaws%3Aguardduty%3Aeu-central-1%3A111122223333%3Adetector%2F0123/x?tagKeys=a%3Ab&tagKeys=a"},
		{method: "GET", target: "/tags/arn:aws:guardduty:eu-central-1:111122223333:detector%2F0123"},
		{method: "GET", target: "/detector/d/filter/a%20b"},
		{method: "GET", target: "/detector/d/filter/%C3%BCber%2Fpfad%25"},
		{method: "GET", target: "/detector/d/filter/it's(a)*test!;$,@=&+"},
		{method: "GET", target: "//double//slash/"},
		{method: "GET", target: "/a/../b/./c"},
		{method: "POST", target: "/detector", body: `{"enable":true}`, header: http.Header{"Content-Type": {"application/json"}}},
		{method: "POST", target: "/detector/d/findings", body: strings.Repeat("ü", 10_000)},
		{method: "POST", target: "/detector", body: "{}", header: http.Header{"X-Amz-Content-Sha256": {hashOf("{}")}}},
		{method: "GET", target: "/detector", header: http.Header{"X-Amz-Security-Token": {"a/session+token=="}}},
		{method: "GET", target: "/detector", header: http.Header{"X-Several": {"one", "two,  three", "  padded   inside  "}, "X-Empty": {""}}},
		{method: "GET", target: "/detector", header: http.Header{"X-Tab": {"a\tb"}, "X-Quoted": {`"a   b"`}}},
	} {
		t.Run(tc.method+" "+tc.target, func(t *testing.T) {
			r, err := http.NewRequest(tc.method, srv.URL+tc.target, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if tc.header != nil {
				r.Header = tc.header
			}
			sign(t, r, tc.body)
			resp, err := srv.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
				t.Errorf("refused: %s", text)
			}
		})
	}
}

// Two signatures that AWS itself publishes, so that the tests do not rest on
// one implementation.
func TestPublishedSignatures(t *testing.T) {
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	for _, tc := range []struct{ service, host, target, contentType, signed, signature string }{
		{"service", "example.amazonaws.com", "/", "", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"iam", "iam.amazonaws.com", "/?Action=ListUsers&Version=2010-05-08", "application/x-www-form-urlencoded; charset=utf-8",
			"content-type;host;x-amz-date", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
	} {
		v := &Verifier{Service: tc.service, Region: "us-east-1", Now: func() time.Time { return at },
			Lookup: func(context.Context, string) (Key, error) {
				return Key{ID: "AKIDEXAMPLE", Secret: secret, Role: RoleAdmin}, nil
			}}
		r := httptest.NewRequest("GET", tc.target, nil)
		r.Host = tc.host
		r.Header.Set("X-Amz-Date", at.Format(amzDateLayout))
		if tc.contentType != "" {
			r.Header.Set("Content-Type", tc.contentType)
		}
		r.Header.Set("Authorization", algorithm+" Credential=AKIDEXAMPLE/20150830/us-east-1/"+tc.service+
			"/aws4_request, SignedHeaders="+tc.signed+", Signature="+tc.signature)
		if _, err := v.Verify(r, nil); err != nil {
			t.Errorf("%s: %v", tc.target, err)
		}
	}
}

// Whatever differs from what was signed is refused, with the code that the
// SDKs know.
func TestVerifyRefuses(t *testing.T) {
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	auth := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	target := func(s string) func(*http.Request) {
		return func(r *http.Request) { r.RequestURI = s; r.URL, _ = url.ParseRequestURI(s) }
	}
	for _, tc := range []struct {
		name   string
		change func(*http.Request)
		code   string
		say    string
	}{
		{"nothing signed", func(r *http.Request) { r.Header.Del("Authorization") }, CodeMissingToken, ""},
		{"another scheme", set("Authorization", "Bearer x"), CodeIncomplete, "algorithm"},
		{"two headers", func(r *http.Request) { r.Header.Add("Authorization", "x") }, CodeIncomplete, "several"},
		{"no credential", auth("Credential=", "Cred="), CodeIncomplete, "'Credential'"},
		{"no signature", auth("Signature=", "Sig="), CodeIncomplete, "'Signature'"},
		{"no signed headers", auth("SignedHeaders=", "Headers="), CodeIncomplete, "'SignedHeaders'"},
		{"a part twice", auth("Credential=", "Signature=00, Credential="), CodeIncomplete, "malformed"},
		{"four parts of scope", auth("/aws4_request", ""), CodeIncomplete, "5 slash-delimited"},
		{"another terminator", auth("aws4_request", "aws5_request"), CodeInvalid, "terminator"},
		{"a short signature", auth("Signature=", "Signature=00"), CodeIncomplete, "64 hex"},
		{"headers unsorted", auth("SignedHeaders=content-length;host", "SignedHeaders=host;content-length"), CodeIncomplete, "sorted"},
		{"headers in upper case", auth("SignedHeaders=content-length", "SignedHeaders=Content-Length"), CodeIncomplete, "lower case"},
		{"host unsigned", auth("content-length;host;", "content-length;"), CodeInvalid, "'Host'"},
		{"another region", auth("/"+testRegion+"/", "/us-east-1/"), CodeInvalid, "region"},
		{"another service", auth("/guardduty/", "/s3/"), CodeInvalid, "service"},
		{"an unknown key", auth("VDTAABCDEFGHIJKLMNOP", "VDTAZZZZZZZZZZZZZZZZ"), CodeUnknownKey, "security token"},
		{"a key without a secret", auth("VDTAABCDEFGHIJKLMNOP", "VDTAEMPTYEMPTYEMPTYE"), CodeInvalid, "does not match"},
		{"another method", func(r *http.Request) { r.Method = "PUT" }, CodeInvalid, "does not match"},
		{"another path", target("/detectors?a=1"), CodeInvalid, "does not match"},
		{"another query", target("/detector?a=2"), CodeInvalid, "does not match"},
		{"one more of the query", target("/detector?a=1&b=1"), CodeInvalid, "does not match"},
		{"a broken query", target("/detector?a=1&b=%zz"), CodeInvalid, "encoded"},
		{"a broken name in the query", target("/detector?a=1&%zz=1"), CodeInvalid, "encoded"},
		{"another host", func(r *http.Request) { r.Host = "elsewhere.example" }, CodeInvalid, "does not match"},
		{"another signed header", set("X-Signed", "no"), CodeInvalid, "does not match"},
		{"a signed header gone", func(r *http.Request) { r.Header.Del("X-Signed") }, CodeInvalid, "'x-signed'"},
		{"another date", set("X-Amz-Date", "20261122T113747Z"), CodeInvalid, "does not match"},
		{"another day", set("X-Amz-Date", "20261121T113746Z"), CodeInvalid, "Credential scope"},
		{"a date that is none", set("X-Amz-Date", "yesterday"), CodeIncomplete, "X-Amz-Date"},
		{"no date", func(r *http.Request) { r.Header.Del("X-Amz-Date") }, CodeIncomplete, "X-Amz-Date"},
		{"an unsigned payload", set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), CodeInvalid, "UNSIGNED-PAYLOAD"},
		{"a streaming payload", set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), CodeInvalid, "STREAMING"},
		{"another payload hash", set("X-Amz-Content-Sha256", hashOf("x")), CodeInvalid, "x-amz-content-sha256"},
		{"presigned as well", target("/detector?a=1&X-Amz-Signature=00"), CodeIncomplete, "Presigned"},
		{"presigned as well, encoded", target("/detector?a=1&X-Amz%2DSignature=00"), CodeIncomplete, "Presigned"},
	} {
		r := httptest.NewRequest("POST", "/detector?a=1", strings.NewReader("{}"))
		r.Header.Set("X-Signed", "yes")
		sign(t, r, "{}")
		r.Header.Set("Content-Length", "2")
		tc.change(r)
		k, err := testVerifier().Verify(r, []byte("{}"))
		var refusal *Error
		if !errors.As(err, &refusal) || k != (Key{}) {
			t.Errorf("%s: %v, %v", tc.name, k, err)
			continue
		}
		if refusal.Code != tc.code || refusal.Status != http.StatusForbidden || !strings.Contains(refusal.Message, tc.say) {
			t.Errorf("%s: %v (%d), want %s with %q", tc.name, refusal, refusal.Status, tc.code, tc.say)
		}
	}
}

func TestVerifyCoversTheBody(t *testing.T) {
	r := httptest.NewRequest("POST", "/detector", nil)
	sign(t, r, `{"enable":true}`)
	if _, err := testVerifier().Verify(r, []byte(`{"enable":true}`)); err != nil {
		t.Errorf("the body as signed: %v", err)
	}
	for _, body := range []string{"", `{"enable":false}`, `{"enable":true} `} {
		if _, err := testVerifier().Verify(r, []byte(body)); err == nil {
			t.Errorf("body %q passed with another's signature", body)
		}
	}
}

func TestClockSkew(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", 15 * time.Minute: "", -15 * time.Minute: "",
		15*time.Minute + time.Second:  "still later",
		-15*time.Minute - time.Second: "expired",
	} {
		r := httptest.NewRequest("GET", "/detector", nil)
		signAs(t, r, "", testKey(), "guardduty", testRegion, testTime().Add(d))
		_, err := testVerifier().Verify(r, nil)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("skew %v: %v", d, err)
		}
	}
}

// The Date header serves where X-Amz-Date is missing, in both of its forms.
func TestDateHeader(t *testing.T) {
	for _, date := range []string{testTime().Format(http.TimeFormat), testTime().Format(amzDateLayout)} {
		r := httptest.NewRequest("GET", "/detector", nil)
		r.Header.Set("Date", date)
		a := &authorization{keyID: testKey().ID, date: "20261122", region: testRegion, service: "guardduty", signedHeaders: []string{"date", "host"}}
		canonical, err := canonicalRequest(r, a.signedHeaders, hashOf(""))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/20261122/%s/guardduty/aws4_request,SignedHeaders=date;host,Signature=%x",
			algorithm, testKey().ID, testRegion, a.sign(testKey().Secret, testTime(), canonical)))
		if _, err := testVerifier().Verify(r, nil); err != nil {
			t.Errorf("Date %q: %v", date, err)
		}
	}
}

func TestLookupFailureIsNoRefusal(t *testing.T) {
	broken := errors.New("disk on fire")
	v := testVerifier()
	v.Lookup = func(context.Context, string) (Key, error) { return Key{}, broken }
	r := httptest.NewRequest("GET", "/detector", nil)
	sign(t, r, "")
	var refusal *Error
	if _, err := v.Verify(r, nil); !errors.Is(err, broken) || errors.As(err, &refusal) {
		t.Errorf("a failing lookup gave %v", err)
	}
}

func TestRefusalsShowNothingUnprintable(t *testing.T) {
	r := httptest.NewRequest("GET", "/detector", bytes.NewReader(nil))
	r.Header.Set("Authorization", "\x1b[31m'<script>"+strings.Repeat("x", 500)+" y")
	_, err := testVerifier().Verify(r, nil)
	if err == nil || strings.ContainsAny(err.Error(), "\x1b") || len(err.Error()) > 200 {
		t.Errorf("refusal %q", err)
	}
}
