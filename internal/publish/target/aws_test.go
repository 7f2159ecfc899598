package target_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
	"github.com/vedette-project/vedette/internal/testbed"
)

func awsOf(service, url string) target.AWS {
	return target.AWS{Web: web(), Config: testbed.AWSConfig(), Service: service, Region: testbed.AWSRegion, URL: url}
}

// signed checks the signature of a request as AWS does: by making it again.
func signed(t *testing.T, service string, r *http.Request, body []byte) {
	t.Helper()
	again, err := http.NewRequest(r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	for _, name := range strings.Split(list, ";") {
		if v := r.Header.Get(name); v != "" && name != "host" && name != "content-length" {
			again.Header.Set(name, v)
		}
	}
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: testbed.AWSKey, SecretAccessKey: testbed.AWSSecret}, again, hex.EncodeToString(sum[:]), service, testbed.AWSRegion, now)
	if err != nil || again.Header.Get("Authorization") != r.Header.Get("Authorization") {
		t.Errorf("signature %q, want %q (%v)", r.Header.Get("Authorization"), again.Header.Get("Authorization"), err)
	}
}

// many are so many events.
func many(t *testing.T, n int) (out []publish.Event) {
	for i := range n {
		f := sample(t, podType)
		f.ID, f.ARN = fmt.Sprintf("%032x", i), fmt.Sprintf("arn:aws:guardduty:%s:%s:detector/d/finding/%032x", region, account, i)
		out = append(out, publish.FindingEvent(f, now))
	}
	return out
}

// TestEventBridge: calls of ten, signed; of each event it is known what became
// of it.
func TestEventBridge(t *testing.T) {
	s := newSite(t)
	var sizes []int
	s.answer = func(r *http.Request, body []byte) (int, map[string]string, string) {
		signed(t, "events", r, body)
		var in struct {
			Entries []struct {
				Source, DetailType, Detail, EventBusName string
				Time                                     float64
				Resources                                []string
			}
		}
		if err := json.Unmarshal(body, &in); err != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
			return 400, nil, `{"__type":"SerializationException"}`
		}
		sizes = append(sizes, len(in.Entries))
		type result struct{ EventId, ErrorCode, ErrorMessage string }
		var out struct {
			FailedEntryCount int
			Entries          []result
		}
		for _, e := range in.Entries {
			v := decode(t, []byte(e.Detail))
			switch {
			case e.Source != "vedette" || e.EventBusName != "bus" || e.DetailType != "GuardDuty Finding":
				t.Errorf("entry %+v", e)
			case strings.HasSuffix(v["id"].(string), "03"):
				out.Entries = append(out.Entries, result{ErrorCode: "ThrottlingException", ErrorMessage: "slow down"})
				continue
			case strings.HasSuffix(v["id"].(string), "04"):
				out.Entries = append(out.Entries, result{ErrorCode: "MalformedDetail", ErrorMessage: "no JSON"})
				continue
			}
			out.Entries = append(out.Entries, result{EventId: "x"})
		}
		text, _ := json.Marshal(out)
		return 200, nil, string(text)
	}
	to := &target.EventBridge{AWS: awsOf("events", s.URL), Bus: "bus", Source: "vedette"}
	events := many(t, 12)
	events[11].Finding().Description = strings.Repeat("x", 300_000)
	each := publish.Each(nil)
	if err := to.Send(t.Context(), events); !errors.As(err, &each) || len(each) != 12 {
		t.Fatalf("%v", err)
	}
	for i, err := range each {
		refused := (*publish.RefusedError)(nil)
		if want := i == 3 || i == 4 || i == 11; (err != nil) != want || errors.As(err, &refused) != (i == 4 || i == 11) {
			t.Errorf("event %d: %v", i, err)
		}
	}
	if !slices.Equal(sizes, []int{10, 1}) {
		t.Errorf("calls of %v", sizes)
	}
	// AWS says 400 to nearly everything.
	for code, refuses := range map[string]bool{"ValidationException": true, "AccessDeniedException": false, "ThrottlingException": false, "ExpiredTokenException": false, "ResourceNotFoundException": false} {
		s.answer = func(*http.Request, []byte) (int, map[string]string, string) {
			return 400, nil, `{"__type":"com.amazon#` + code + `","message":"no"}`
		}
		refused := (*publish.RefusedError)(nil)
		if err := to.Send(t.Context(), events[:1]); err == nil || errors.As(err, &refused) != refuses {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// TestSecurityHub: findings in ASFF, a hundred in one call.
func TestSecurityHub(t *testing.T) {
	s := newSite(t)
	s.answer = func(r *http.Request, body []byte) (int, map[string]string, string) {
		signed(t, "securityhub", r, body)
		if r.URL.Path != "/findings/import" {
			return 404, nil, ""
		}
		failed := ""
		for _, f := range decode(t, body)["Findings"].([]any) {
			checkASFF(t, f.(map[string]any))
			if id := f.(map[string]any)["Id"].(string); strings.HasSuffix(id, "05") {
				failed = `{"Id":"` + id + `","ErrorCode":"InvalidInput","ErrorMessage":"bad"}`
			}
		}
		return 200, nil, `{"FailedCount":1,"SuccessCount":1,"FailedFindings":[` + failed + `]}`
	}
	to := &target.SecurityHub{AWS: awsOf("securityhub", s.URL)}
	events := append(many(t, 103), wild(t), health(t, false, "x"))
	each := publish.Each(nil)
	if err := to.Send(t.Context(), events); !errors.As(err, &each) {
		t.Fatalf("%v", err)
	}
	for i, err := range each {
		if refused := (*publish.RefusedError)(nil); errors.As(err, &refused) != (i == 5) || err != nil && i != 5 {
			t.Errorf("event %d: %v", i, err)
		}
	}
	if len(s.requests) != 2 {
		t.Errorf("%d calls", len(s.requests))
	}
	for _, kind := range finding.Catalog() {
		if err := to.Send(t.Context(), []publish.Event{publish.FindingEvent(finding.Sample(kind, account, region, now), now)}); err != nil {
			t.Errorf("%s: %v", kind.Name, err)
		}
	}
}

// checkASFF checks what BatchImportFindings requires.
func checkASFF(t *testing.T, f map[string]any) {
	t.Helper()
	for _, name := range []string{"SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt", "Title", "Description"} {
		if text, _ := f[name].(string); text == "" || len([]rune(text)) > 1024 {
			t.Errorf("%s of %v: %q", name, f["Id"], text)
		}
	}
	if f["SchemaVersion"] != "2018-10-08" || len([]rune(f["Title"].(string))) > 256 || f["ProductArn"] != "arn:aws:securityhub:"+region+":"+account+":product/"+account+"/default" {
		t.Errorf("%v", f)
	}
	if label := at(t, f, "Severity", "Label").(string); !slices.Contains([]string{"LOW", "MEDIUM", "HIGH", "CRITICAL"}, label) {
		t.Errorf("severity %s", label)
	}
	if kind := at(t, f, "Types", 0).(string); strings.Count(kind, "/") < 1 || strings.Count(kind, "/") > 2 {
		t.Errorf("type %q", kind)
	}
	resources := f["Resources"].([]any)
	if len(resources) == 0 || len(resources) > 32 {
		t.Errorf("%d resources", len(resources))
	}
	for _, r := range resources {
		if id := at(t, r, "Id").(string); id == "" || len([]rune(id)) > 512 || at(t, r, "Type") == "" {
			t.Errorf("resource %v", r)
		}
	}
}

// renamed has a server's answers to SendMessageBatch under the names that SQS
// gives them; goaws has those of the older protocol.
type renamed struct{}

func (renamed) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	text = bytes.Replace(text, []byte(`"SendMessageBatchResultEntry"`), []byte(`"Successful"`), 1)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	res.Header.Del("Content-Length")
	return res, nil
}

// TestSQS: a real queue has every message, in calls of ten.
func TestSQS(t *testing.T) {
	srv := testbed.SQS(t)
	queue := srv.Queue("findings", time.Second, "", 0)
	client := sqs.NewFromConfig(testbed.AWSConfig(), func(o *sqs.Options) { o.BaseEndpoint, o.HTTPClient = &srv.Endpoint, &http.Client{Transport: renamed{}} })
	to := &target.SQS{Client: client, URL: queue, Form: target.Form{Format: target.FormatEventBridge}}
	events := append(many(t, 23), wild(t), health(t, false, "x"))
	if err := to.Send(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	// An answer may get lost on the way to us; what it had is visible again a second later.
	for end := time.Now().Add(30 * time.Second); len(got) < len(events) && time.Now().Before(end); {
		out, err := srv.Client().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10, VisibilityTimeout: 1, WaitTimeSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			got[decode(t, []byte(*m.Body))["id"].(string)] = true
		}
	}
	if len(got) != len(events) {
		t.Errorf("%d messages, want %d", len(got), len(events))
	}
	large := event(t)
	large.Finding().Description = strings.Repeat("x", 300_000)
	refused := (*publish.RefusedError)(nil)
	if err := to.Send(t.Context(), []publish.Event{large}); !errors.As(err, &refused) {
		t.Errorf("too large: %v", err)
	}
	to.URL += "-that-is-not-there"
	if err := to.Send(t.Context(), events[:1]); err == nil || errors.As(err, &refused) {
		t.Errorf("no such queue: %v", err)
	}
}

// TestSNS: a real topic passes on what is published to it.
func TestSNS(t *testing.T) {
	srv := testbed.SQS(t) // has topics, too
	queue := srv.Queue("subscribed", time.Second, "", 0)
	ask := func(form url.Values) string {
		t.Helper()
		res, err := http.PostForm(srv.Endpoint, form)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		if res.StatusCode != 200 {
			t.Fatalf("%s: %s", form.Get("Action"), b)
		}
		return string(b)
	}
	answer := ask(url.Values{"Action": {"CreateTopic"}, "Name": {"alerts"}})
	_, rest, _ := strings.Cut(answer, "<TopicArn>")
	topic, _, _ := strings.Cut(rest, "</TopicArn>")
	answer = ask(url.Values{"Action": {"Subscribe"}, "TopicArn": {topic}, "Protocol": {"sqs"}, "Endpoint": {queue}})
	_, rest, _ = strings.Cut(answer, "<SubscriptionArn>")
	subscription, _, _ := strings.Cut(rest, "</SubscriptionArn>")
	ask(url.Values{"Action": {"SetSubscriptionAttributes"}, "SubscriptionArn": {subscription}, "AttributeName": {"RawMessageDelivery"}, "AttributeValue": {"true"}})

	to := &target.SNS{AWS: awsOf("sns", srv.Endpoint), Topic: topic, Form: target.Form{Format: target.FormatEventBridge}}
	if err := to.Send(t.Context(), []publish.Event{event(t), wild(t)}); err != nil {
		t.Fatal(err)
	}
	got := 0
	for range 10 {
		out, err := srv.Client().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10, VisibilityTimeout: 60})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			if at(t, decode(t, []byte(*m.Body)), "detail", "type") == podType {
				got++
			}
		}
	}
	if got != 2 {
		t.Errorf("%d messages, want 2", got)
	}
	s := newSite(t)
	s.answer = func(r *http.Request, body []byte) (int, map[string]string, string) {
		signed(t, "sns", r, body)
		form, err := url.ParseQuery(string(body))
		if err != nil {
			t.Error(err)
		}
		if subject := form.Get("Subject"); len(subject) >= 100 || strings.ContainsFunc(subject, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("subject %q", subject)
		}
		if form.Get("MessageAttributes.entry.3.Name") != "severity" || form.Get("MessageAttributes.entry.3.Value.StringValue") != "5" {
			t.Errorf("attributes %v", form)
		}
		return 400, nil, `<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>`
	}
	to.URL = s.URL
	refused := (*publish.RefusedError)(nil)
	if err := to.Send(t.Context(), []publish.Event{wild(t)}); !errors.As(err, &refused) {
		t.Errorf("refused: %v", err)
	}
}

// TestS3: a real bucket has the findings as GuardDuty exports them, and the
// same findings give the same object.
func TestS3(t *testing.T) {
	srv := testbed.S3(t)
	srv.Bucket("findings")
	to := &target.S3{Client: srv.Client(), Bucket: "findings", Prefix: "export"}
	events := append(many(t, 7), wild(t), health(t, false, "x"))
	late := event(t)
	late.Finding().UpdatedAt = "2026-05-02T00:00:00.000Z"
	events = append(events, late)
	for range 2 {
		if err := to.Send(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	lines := map[string]int{}
	err := filepath.WalkDir(filepath.Join(srv.Dir, "findings", "export"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		r, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		dir, _ := filepath.Rel(filepath.Join(srv.Dir, "findings"), filepath.Dir(path))
		if !strings.HasSuffix(path, ".jsonl.gz") {
			t.Errorf("object %s", path)
		}
		for line := range strings.Lines(string(text)) {
			if v := decode(t, []byte(line)); v["type"] != podType || v["schemaVersion"] != "2.0" {
				t.Errorf("line %s", line)
			}
			lines[dir]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	home := "export/AWSLogs/" + account + "/GuardDuty/" + region
	if len(lines) != 2 || lines[home+"/2026/05/01"] != 8 || lines[home+"/2026/05/02"] != 1 {
		t.Errorf("lines %v", lines)
	}
	to.Bucket = "not-there"
	refused := (*publish.RefusedError)(nil)
	if err := to.Send(t.Context(), events); err == nil || errors.As(err, &refused) {
		t.Errorf("no such bucket: %v", err)
	}
}
