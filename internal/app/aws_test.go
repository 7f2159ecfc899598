package app

import (
	"bytes"
	"compress/gzip"
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
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// trailRecord is a CloudTrail event of the account and Region that is served.
func trailRecord(id string, n int) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDA1","arn":"arn:aws:iam::111122223333:user/jane","accountId":"111122223333","userName":"jane"},`+
		`"eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"eu-central-1","sourceIPAddress":"203.0.113.7","userAgent":"x","eventID":%q,"readOnly":true,`+
		`"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`, begin.Add(time.Duration(n)*time.Second).Format(time.RFC3339), id)
}

func trailFile(id string, n int) []byte {
	var list []string
	for i := range n {
		list = append(list, trailRecord(fmt.Sprintf("%s-%d", id, i), i))
	}
	return []byte(`{"Records":[` + strings.Join(list, ",") + `]}`)
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	zw.Write(data)
	zw.Close()
	return b.Bytes()
}

func trailKey(id string, minute int) string {
	return fmt.Sprintf("AWSLogs/111122223333/CloudTrail/eu-central-1/2026/01/31/111122223333_CloudTrail_eu-central-1_20260131T12%02dZ_%s.json.gz", minute, id)
}

// TestObjects: a server reads what a queue announces and what a bucket holds,
// through kills of itself; records count once, and digests tell that it is all.
func TestObjects(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it starts servers")
	}
	t.Parallel()
	s3, sqs := testbed.S3(t), testbed.SQS(t)
	s3.Bucket("logs")
	queue := sqs.Queue("vedette", 30*time.Second, "", 0)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "keys.json")
	list := fmt.Sprintf(`{"PublicKeyList":[{"Value":%q,"ValidityStartTime":0,"ValidityEndTime":9e9,"Fingerprint":"f1"}]}`, base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey)))
	if err := os.WriteFile(keys, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	put := func(id string, minute int) string {
		k := trailKey(id, minute)
		files[k] = trailFile(id, 50)
		s3.Put("logs", k, zipped(files[k]), nil)
		return k
	}
	announce := func(k string) {
		sqs.Send(queue, fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"logs"},"object":{"key":%q}}}]}`, k))
	}
	dir := t.TempDir()
	start := func() *App {
		return startApp(t, dir, func(c *config.Config) {
			access := config.Access{Region: testbed.AWSRegion, Endpoint: s3.Endpoint, PathStyle: true}
			reading := config.Reading{Digests: "check", PublicKeysFile: keys}
			c.Ingest.Queues = []config.Queue{{URL: queue, Access: access, Reading: reading}}
			c.Ingest.Buckets = []config.Bucket{{Name: "logs", Prefixes: []string{"AWSLogs/"}, From: "2026-01-30", Every: 200 * time.Millisecond, LookBack: time.Hour, Access: access, Reading: reading}}
		})
	}
	a := start()
	for n := range 6 {
		announce(put(fmt.Sprintf("a%d", n), n))
	}
	until(t, "the queue is empty", func() bool { return sqs.Left(queue) == 0 })
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for k := range files { // all of it again, and something new
		announce(k)
	}
	announce(put("b", 30))
	a = start()
	until(t, "the queue is empty again", func() bool { return sqs.Left(queue) == 0 })

	// A digest names all, and one that was never there.
	var named []string
	for k, content := range files {
		named = append(named, digestEntry(k, content))
	}
	digest := writeDigest(t, s3, key, append(named, digestEntry(trailKey("gone", 40), trailFile("gone", 1))))
	announce(digest)
	until(t, "the digest is checked", func() bool { return status(t, a, sourceDigests) != "" })
	settle(t, a)
	if err := a.lookAtSources(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := status(t, a, sourceDigests); !strings.HasPrefix(got, "UNHEALTHY Logs incomplete:missing_file: s3://logs/"+trailKey("gone", 40)) {
		t.Errorf("status %q", got)
	}
	// The queue and the listing may both have read an object; then it counts once.
	got := ledger(t, a.keys.store)
	again := got["duplicate/seen_before"]
	delete(got, "duplicate/seen_before")
	if d := cmp.Diff(map[string]int64{"received": 350 + again, "evaluated": 350}, got); d != "" {
		t.Error(d)
	}
	if m := scrape(t, a); !strings.Contains(m, `vedette_ingest_digest_problems_total{kind="missing_file"} 1`) || !strings.Contains(m, `vedette_ingest_digests_total`) {
		t.Error("the metrics do not tell")
	}
	if n, err := a.forgetOnce(t.Context(), time.Now().Add(-rememberFor)); n != 0 || err != nil {
		t.Errorf("%d marks forgotten: %v", n, err)
	}
	if n, err := a.forgetOnce(t.Context(), time.Now().Add(time.Hour)); n < 7 || err != nil {
		t.Errorf("%d marks forgotten: %v", n, err)
	}
}

func status(t *testing.T, a *App, source string) string {
	t.Helper()
	list, err := a.keys.store.Sources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.SourceKey.Source == source {
			return s.Status + " " + s.Issue
		}
	}
	return ""
}

func scrape(t *testing.T, a *App) string {
	t.Helper()
	res, err := http.Get("http://" + a.MetricsAddr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func digestEntry(key string, content []byte) string {
	sum := sha256.Sum256(content)
	return fmt.Sprintf(`{"s3Bucket":"logs","s3Object":%q,"hashValue":%q,"hashAlgorithm":"SHA-256"}`, key, hex.EncodeToString(sum[:]))
}

func writeDigest(t *testing.T, s3 *testbed.S3Server, signer *rsa.PrivateKey, files []string) string {
	t.Helper()
	key := "AWSLogs/111122223333/CloudTrail-Digest/eu-central-1/2026/01/31/111122223333_CloudTrail-Digest_eu-central-1_vedette_eu-central-1_20260131T130000Z.json.gz"
	content := fmt.Sprintf(`{"awsAccountId":"111122223333","digestStartTime":"2026-01-31T12:00:00Z","digestEndTime":"2026-01-31T13:00:00Z","digestS3Bucket":"logs","digestS3Object":%q,`+
		`"digestPublicKeyFingerprint":"f1","digestSignatureAlgorithm":"SHA256withRSA","previousDigestSignature":null,"logFiles":[%s]}`, key, strings.Join(files, ","))
	sum := sha256.Sum256([]byte(content))
	signed := sha256.Sum256([]byte("2026-01-31T13:00:00Z\nlogs/" + key + "\n" + hex.EncodeToString(sum[:]) + "\nnull"))
	sig, err := rsa.SignPKCS1v15(rand.Reader, signer, crypto.SHA256, signed[:])
	if err != nil {
		t.Fatal(err)
	}
	s3.Put("logs", key, zipped([]byte(content)), map[string]string{"signature": hex.EncodeToString(sig), "signature-algorithm": "SHA256withRSA"})
	return key
}

// TestObjectLost: what cannot be read shows where the operator looks.
func TestObjectLost(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it starts servers")
	}
	t.Parallel()
	s3 := testbed.S3(t)
	s3.Bucket("logs")
	s3.Put("logs", trailKey("bad", 1), zipped(trailFile("bad", 10))[:50], nil)
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		c.Ingest.Objects.Tries = 1
		c.Ingest.Buckets = []config.Bucket{{Name: "logs", Prefixes: []string{"AWSLogs/"}, From: "all", Every: time.Second, LookBack: time.Hour,
			Access: config.Access{Endpoint: s3.Endpoint, PathStyle: true, Region: testbed.AWSRegion}, Reading: config.Reading{Digests: "off"}}}
	})
	until(t, "it is told", func() bool { return status(t, a, sourceObjects) != "" })
	if got := status(t, a, sourceObjects); !strings.Contains(got, "UNHEALTHY Object lost:s3://logs/"+trailKey("bad", 1)+": it was tried 1 times") {
		t.Errorf("%q", got)
	}
	src := &store.Source{SourceKey: store.SourceKey{Source: sourceObjects}, Status: store.Unhealthy, LastReceived: begin}
	if s, _, own := deliveryHealth(src, begin.Add(time.Hour)); s != store.Unhealthy || !own {
		t.Error("forgotten too soon")
	}
	if s, _, _ := deliveryHealth(src, begin.Add(25*time.Hour)); s != store.Healthy {
		t.Error("shown for ever")
	}
	src.SourceKey.Source, src.Status = sourceDigests, store.Healthy
	if s, _, _ := deliveryHealth(src, begin.Add(5*time.Hour)); s != store.Unhealthy {
		t.Error("nobody misses the digests")
	}
}

// TestTwoTrails: an account is well when all of its trails are.
func TestTwoTrails(t *testing.T) {
	t.Parallel()
	a := startApp(t, t.TempDir(), nil)
	s := &objectSources{app: a, metrics: newAWSMetrics(prometheus.NewRegistry())}
	open := []ingest.DigestProblem{{Kind: ingest.DigestGap, What: "a day", Detail: "nobody knows"}, {Kind: ingest.DigestGap, What: "another", Detail: "nobody knows"}}
	for _, step := range []struct {
		chain string
		open  []ingest.DigestProblem
		want  string
	}{
		{"a", open, "UNHEALTHY Logs incomplete:gap: another: nobody knows (and 1 more; see the log)"},
		{"b", nil, "UNHEALTHY Logs incomplete:gap: another: nobody knows (and 1 more; see the log)"},
		{"a", nil, "HEALTHY "},
	} {
		if err := s.checked(t.Context(), event.Scope{Account: "111122223333", Region: "eu-central-1"}, step.chain, begin, step.open); err != nil {
			t.Fatal(err)
		}
		if got := status(t, a, sourceDigests); got != step.want {
			t.Errorf("%s: %q", step.chain, got)
		}
	}
}

// TestFirehose: a delivery stream uses an access key of role ingest.
func TestFirehose(t *testing.T) {
	t.Parallel()
	a := startApp(t, t.TempDir(), func(c *config.Config) { c.Ingest.RequireToken = "always" })
	made, err := a.keys.Create(t.Context(), access.RoleIngest, "")
	if err != nil {
		t.Fatal(err)
	}
	post := func(key string) (int, string) {
		t.Helper()
		body, err := json.Marshal(map[string]any{"requestId": "r1", "timestamp": 1, "records": []any{
			map[string]any{"data": []byte(trailRecord("e1", 1))}, map[string]any{"data": zipped(trailFile("f", 3))}}})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(http.MethodPost, "http://"+a.Addr+"/ingest/firehose/cloudtrail", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Firehose-Access-Key", key)
		req.Header.Set("X-Amz-Firehose-Request-Id", "r1")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	if code, body := post(made.ID + ":wrong"); code != 401 || !strings.Contains(body, `"errorMessage"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := post(made.ID + ":" + made.Secret); code != 200 || !strings.Contains(body, `"requestId":"r1"`) {
		t.Errorf("%d %s", code, body)
	}
	settle(t, a)
	if d := cmp.Diff(map[string]int64{"received": 4, "evaluated": 4}, ledger(t, a.keys.store)); d != "" {
		t.Error(d)
	}
}

// TestFolder: files that are put into a folder are read.
func TestFolder(t *testing.T) {
	t.Parallel()
	in := t.TempDir()
	a := startApp(t, t.TempDir(), func(c *config.Config) { c.Ingest.Folders = []config.Folder{{Path: in}} })
	if err := os.WriteFile(filepath.Join(in, "x.json.gz"), zipped(trailFile("x", 20)), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the file is read", func() bool { return ledger(t, a.keys.store)["evaluated"] == 20 })
}

// TestAlone: of processes that share a store one does a work, and another goes
// on with it when that one is gone.
func TestAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it waits for leases")
	}
	t.Parallel()
	s := newShared(t, 1)
	in := []*App{s.start(t, "in0", "ingest"), s.start(t, "in1", "ingest")}
	var running, most atomic.Int32
	turns := make(chan int, 10)
	var cancels []context.CancelFunc
	var wg sync.WaitGroup
	for i, a := range in {
		ctx, cancel := context.WithCancel(t.Context())
		cancels = append(cancels, cancel)
		wg.Go(func() {
			a.alone(ctx, "work", func(ctx context.Context) {
				if n := running.Add(1); n > most.Load() {
					most.Store(n)
				}
				turns <- i
				<-ctx.Done()
				running.Add(-1)
			})
		})
	}
	first := <-turns
	cancels[first]()
	if second := <-turns; second == first {
		t.Error("the same one again")
	}
	cancels[1-first]()
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
}
