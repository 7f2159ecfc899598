package ingest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/testbed"
)

// testTrail is a trail of CloudTrail: it writes log files and signs digests of
// them, as AWS does.
type testTrail struct {
	*s3World
	key         *rsa.PrivateKey
	fingerprint string
	end         time.Time // of the newest digest
	last        previous
	found       []DigestProblem
	checker     *Digests
	until       time.Time
	open        []DigestProblem
}

const trailAccount, trailRegion = "111122223333", "eu-central-1"

func newTrail(t *testing.T) *testTrail {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w := &testTrail{s3World: newS3World(t), key: key, fingerprint: "31e8b5433410dfb61a9dc45cc65b22ff", end: time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC)}
	w.restart()
	return w
}

// keyList is what `aws cloudtrail list-public-keys` prints.
func (w *testTrail) keyList() []byte {
	return fmt.Appendf(nil, `{"PublicKeyList":[{"Value":%q,"ValidityStartTime":"2026-01-01T00:00:00+00:00","ValidityEndTime":1798675200.5,"Fingerprint":%q}]}`,
		base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&w.key.PublicKey)), w.fingerprint)
}

// restart makes a new checker, as after a start of the process.
func (w *testTrail) restart() {
	w.t.Helper()
	keys, _, err := ParsePublicKeys(w.keyList())
	if err != nil {
		w.t.Fatal(err)
	}
	w.checker = NewDigests(DigestOptions{
		Objects: w.objects(), Keys: &KeySource{Fixed: keys}, Stored: w.sink.stored, Store: w.sink.store,
		Now: func() time.Time { return w.end.Add(20 * time.Minute) }, Log: testLog(w.t),
		Found: func(_ event.Scope, p DigestProblem) { w.found = append(w.found, p) },
		Checked: func(_ context.Context, s event.Scope, _ string, until time.Time, open []DigestProblem) error {
			if s != (event.Scope{Account: trailAccount, Region: trailRegion}) {
				w.t.Errorf("scope %v", s)
			}
			w.until, w.open = until, open
			return nil
		},
	})
}

// deliver writes a log file and returns what a digest says of it.
func (w *testTrail) deliver(id string) digestFile {
	content := trailFile(id+"-1", id+"-2")
	key := trailKey(trailAccount, trailRegion, w.end.Add(10*time.Minute).Format("20060102T1504Z"), id)
	w.s3.Put(testBucket, key, zip(content), nil)
	sum := sha256.Sum256(content)
	return digestFile{Bucket: testBucket, Key: key, Hash: hex.EncodeToString(sum[:]), HashBy: digestHash}
}

// digest writes the digest of the next hour and returns where.
func (w *testTrail) digest(files ...digestFile) Object {
	return w.write(w.end, w.end.Add(time.Hour), w.last, "", files)
}

func (w *testTrail) write(start, end time.Time, last previous, suffix string, files []digestFile) Object {
	if files == nil {
		files = []digestFile{}
	}
	key := fmt.Sprintf("AWSLogs/%s/CloudTrail-Digest/%s/%s/%[1]s_CloudTrail-Digest_%[2]s_vedette_%[2]s_%[4]s%[5]s.json.gz", trailAccount, trailRegion, end.Format("2006/01/02"), end.Format("20060102T150405Z"), suffix)
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	content, err := json.Marshal(map[string]any{
		"awsAccountId": trailAccount, "digestStartTime": start.Format(time.RFC3339), "digestEndTime": end.Format(time.RFC3339),
		"digestS3Bucket": testBucket, "digestS3Object": key, "digestPublicKeyFingerprint": w.fingerprint, "digestSignatureAlgorithm": digestSignature,
		"newestEventTime": nil, "oldestEventTime": nil, "previousDigestS3Bucket": null(last.Bucket), "previousDigestS3Object": null(last.Key),
		"previousDigestHashValue": null(last.Hash), "previousDigestHashAlgorithm": null(last.HashBy), "previousDigestSignature": null(last.Signature), "logFiles": files,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	before := last.Signature
	if before == "" {
		before = "null"
	}
	signed := sha256.Sum256([]byte(end.Format(time.RFC3339) + "\n" + testBucket + "/" + key + "\n" + hex.EncodeToString(sum[:]) + "\n" + before))
	sig, err := rsa.SignPKCS1v15(rand.Reader, w.key, crypto.SHA256, signed[:])
	if err != nil {
		w.t.Fatal(err)
	}
	meta := map[string]string{"signature": hex.EncodeToString(sig), "signature-algorithm": digestSignature}
	if suffix != "" {
		meta["backfill-generation-timestamp"] = end.Format(time.RFC3339)
	}
	w.s3.Put(testBucket, key, zip(content), meta)
	if suffix == "" {
		w.end, w.last = end, previous{testBucket, key, hex.EncodeToString(sum[:]), digestHash, meta["signature"]}
	}
	return Object{Bucket: testBucket, Key: key}
}

func (w *testTrail) check(at Object) {
	w.t.Helper()
	if err := w.checker.Check(w.t.Context(), at); err != nil {
		w.t.Fatal(err)
	}
}

// kinds are the problems that were found since the last call.
func (w *testTrail) kinds() (out []string) {
	for _, p := range w.found {
		out = append(out, p.Kind)
	}
	w.found = nil
	return out
}

func (w *testTrail) want(kinds ...string) {
	w.t.Helper()
	if d := cmp.Diff(kinds, w.kinds()); d != "" {
		w.t.Errorf("problems:\n%s", d)
	}
}

func (w *testTrail) read(f digestFile) {
	w.t.Helper()
	if _, err := w.checker.Objects.Read(w.t.Context(), Object{Bucket: f.Bucket, Key: f.Key}); err != nil {
		w.t.Fatal(err)
	}
}

// TestDigestGood: an unbroken chain shows that everything was read; what
// nothing announced is read because of it.
func TestDigestGood(t *testing.T) {
	w := newTrail(t)
	a, b := w.deliver("a"), w.deliver("b")
	w.read(a) // b was never announced
	w.check(w.digest(a, b))
	w.check(w.digest()) // a quiet hour
	w.restart()
	c := w.deliver("c")
	at := w.digest(c)
	w.check(at)
	w.check(at) // again
	w.want()
	if len(w.open) > 0 || !w.until.Equal(w.end) {
		t.Errorf("complete until %v, open %v", w.until, w.open)
	}
	counts := w.sink.counts()
	for r, n := range counts {
		if n != 1 {
			t.Errorf("%s counted %d times", r, n)
		}
	}
	if len(counts) != 3 { // files of one line
		t.Errorf("%d files were read", len(counts))
	}
	// One digest was never announced: its successor shows it.
	missed := w.deliver("d")
	w.digest(missed)
	w.check(w.digest())
	w.want()
	if n := len(w.sink.counts()); n != 4 {
		t.Errorf("%d files were read", n)
	}
	// A file that was late is listed later, in a chain of its own.
	late := w.deliver("e")
	w.check(w.write(w.end.Add(-time.Hour), w.end, previous{}, "_backfill", []digestFile{late}))
	w.want()
	if n := len(w.sink.counts()); n != 5 {
		t.Errorf("%d files were read", n)
	}
}

// TestDigestFiles: files that are missing or changed show, and are well again
// when they come.
func TestDigestFiles(t *testing.T) {
	w := newTrail(t)
	missing, changed, damaged, replaced := w.deliver("missing"), w.deliver("changed"), w.deliver("damaged"), w.deliver("replaced")
	w.s3.Delete(testBucket, missing.Key)
	w.s3.Put(testBucket, changed.Key, zip(trailFile("forged")), nil)
	w.s3.Put(testBucket, damaged.Key, zip(trailFile("x"))[:20], nil)
	w.read(replaced) // as it was delivered; what happens to it later is no harm
	w.s3.Put(testBucket, replaced.Key, zip(trailFile("forged later")), nil)
	at := w.digest(missing, changed, damaged, replaced)
	w.check(at)
	w.want(DigestMissingFile, DigestChangedFile, DigestChangedFile)
	w.check(at)
	w.restart()
	w.check(w.digest())
	w.want() // told once
	if len(w.open) != 3 || w.open[0].What != "s3://logs/"+missing.Key {
		t.Errorf("open: %+v", w.open)
	}
	content := trailFile("missing-1", "missing-2")
	w.s3.Put(testBucket, missing.Key, zip(content), nil)
	w.check(w.digest())
	w.want()
	if len(w.open) != 2 || w.open[0].Kind != DigestChangedFile {
		t.Errorf("open: %+v", w.open)
	}
	w.end = w.end.Add(8 * 24 * time.Hour)
	w.check(w.digest())
	if w.kinds(); len(w.open) > 0 && w.open[0].Kind == DigestChangedFile {
		t.Errorf("open after a week: %+v", w.open)
	}
}

// TestDigestForged: a digest that AWS did not sign, or that was moved, proves
// nothing and is shown.
func TestDigestForged(t *testing.T) {
	w := newTrail(t)
	a := w.deliver("a")
	w.check(w.digest(a))
	get := func(at Object) ([]byte, map[string]string) {
		b, err := openBody(t.Context(), w.s3.Client(), shortly, at)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		data, err := io.ReadAll(b)
		if err != nil {
			t.Fatal(err)
		}
		in := &Input{}
		if err := in.decompress(bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		return plain, b.meta
	}
	good := w.last
	at := w.digest(w.deliver("b"))
	plain, meta := get(at)
	w.s3.Put(testBucket, at.Key, zip(bytes.Replace(plain, []byte(`"logFiles":[{`), []byte(`"logFiles":[],"was":[{`), 1)), meta)
	w.check(at)
	w.want(DigestBadSignature)
	w.s3.Put(testBucket, at.Key, zip(plain), map[string]string{"signature": "00" + meta["signature"][2:], "signature-algorithm": digestSignature})
	w.check(at) // told once a digest
	w.s3.Put(testBucket, at.Key+".copy", zip(plain), meta)
	w.check(Object{Bucket: testBucket, Key: at.Key + ".copy"})
	w.s3.Put(testBucket, at.Key+".other", []byte("no digest"), meta)
	w.check(Object{Bucket: testBucket, Key: at.Key + ".other"})
	w.want(DigestBadSignature, DigestBadSignature)
	if w.last = good; len(w.sink.counts()) != 1 {
		t.Errorf("%d files were read; a forged digest was believed", len(w.sink.counts()))
	}
	// A key that nobody knows.
	w.fingerprint = "00000000"
	w.end = w.end.Add(-time.Hour)
	w.check(w.digest())
	w.want(DigestNoKey)
	w.fingerprint = "31e8b5433410dfb61a9dc45cc65b22ff"
}

// TestDigestChain: gaps, deleted and replaced digests show.
func TestDigestChain(t *testing.T) {
	w := newTrail(t)
	w.check(w.digest())
	gone := w.digest(w.deliver("unseen"))
	w.s3.Delete(testBucket, gone.Key)
	w.check(w.digest())
	w.want(DigestMissingDigest, DigestGap)
	w.check(w.digest())
	w.want()

	w.last = previous{} // validation was off for two hours
	w.end = w.end.Add(2 * time.Hour)
	w.check(w.digest())
	w.want(DigestGap)
	if p := w.open[len(w.open)-1]; p.What != "2026-01-31T15:00:00Z to 2026-01-31T17:00:00Z" {
		t.Errorf("%+v", p)
	}
	w.check(w.digest())
	w.want()
	// The last one was replaced by another that AWS signed once.
	w.last.Hash = strings.Repeat("0", 64)
	w.check(w.digest())
	w.want(DigestBrokenChain)
}

// TestDigestLater: what cannot be checked now is checked later.
func TestDigestLater(t *testing.T) {
	w := newTrail(t)
	a := w.deliver("a")
	at := w.digest(a)
	w.checker.Objects.Client = w.clientWith(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "/CloudTrail/") {
			return &http.Response{StatusCode: 403, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<Error><Code>AccessDenied</Code></Error>")), Request: r}, nil
		}
		return http.DefaultClient.Do(r)
	})
	if err := w.checker.Check(t.Context(), at); err == nil || !strings.Contains(err.Error(), "allow s3:GetObject") {
		t.Errorf("%v", err)
	}
	w.restart()
	w.check(at)
	w.want()
	if len(w.sink.counts()) != 1 {
		t.Error("the file was not read")
	}
}

// TestDigestThroughQueue: notifications of digests lead to the checker.
func TestDigestThroughQueue(t *testing.T) {
	tr := newTrail(t)
	w := &queueWorld{s3World: tr.s3World, sqs: testbed.SQS(t), ended: map[string]int{}}
	w.url = w.sqs.Queue("vedette", 30*time.Second, "", 0)
	t.Cleanup(w.stop)
	a := tr.deliver("a")
	at := tr.digest(a)
	w.sqs.Send(w.url, notice(testBucket, at.Key, "", 0), notice(testBucket, a.Key, "", 0))
	w.start(tr.checker.Objects, func(o *QueueOptions) { o.Digest = tr.checker.Check })
	w.empty("both are done")
	tr.want()
	if !tr.until.Equal(tr.end) || len(w.sink.counts()) != 1 {
		t.Errorf("complete until %v; %d files were read", tr.until, len(w.sink.counts()))
	}
}

// TestAskCloudTrail asks for public keys as the API wants to be asked.
func TestAskCloudTrail(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w := &testTrail{key: key, fingerprint: "f1"}
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked++
		body, _ := io.ReadAll(r.Body)
		auth := r.Header.Get("Authorization")
		if !strings.Contains(auth, "/eu-central-1/cloudtrail/aws4_request") || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "ListPublicKeys") || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
			t.Errorf("%v", r.Header)
		}
		if asked == 1 {
			if string(body) != `{"EndTime":1769864400,"StartTime":1769857200}` {
				t.Errorf("asked %s", body)
			}
			io.WriteString(rw, `{"PublicKeyList":[],"NextToken":"more"}`)
			return
		}
		if asked > 2 {
			rw.WriteHeader(400)
			io.WriteString(rw, `{"__type":"AccessDeniedException"}`)
			return
		}
		rw.Write(w.keyList())
	}))
	defer srv.Close()
	keys := &KeySource{Ask: AskCloudTrail(testbed.AWSConfig(), srv.URL, time.Now)}
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for range 2 {
		k, err := keys.find(t.Context(), "eu-central-1", "f1", at)
		if err != nil || k == nil || !k.Key.Equal(&key.PublicKey) {
			t.Fatalf("%v %v", k, err)
		}
	}
	if _, err := keys.find(t.Context(), "eu-central-1", "f2", at); asked != 3 || err == nil || !strings.Contains(err.Error(), "allow cloudtrail:ListPublicKeys") {
		t.Errorf("%d requests: %v", asked, err)
	}
	if k, err := keys.find(t.Context(), "eu-central-1", "f1", at.AddDate(2, 0, 0)); err == nil || k != nil {
		t.Errorf("a key is good for ever: %v", k)
	}
}

// FuzzParseDigest: a digest with all that is needed, or an error.
func FuzzParseDigest(f *testing.F) {
	f.Add([]byte(`{"digestStartTime":"2026-01-31T11:00:00Z","digestEndTime":"2026-01-31T12:00:00Z","digestS3Bucket":"b","digestS3Object":"k","digestPublicKeyFingerprint":"f","logFiles":[{"s3Bucket":"b","s3Object":"o","hashValue":"00","hashAlgorithm":"SHA-256"}],"previousDigestSignature":null}`))
	f.Add([]byte(`{"PublicKeyList":[{"Value":"AA==","ValidityStartTime":1,"ValidityEndTime":2,"Fingerprint":"f"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDigest(b)
		if err == nil && (d.Key == "" || d.End.Before(d.Start) || d.EndText == "") {
			t.Errorf("%+v", d)
		}
		if err == nil {
			d.signed(b)
			chainOf(d.Bucket, d.Key)
		}
		_, _, _ = ParsePublicKeys(b)
	})
}
