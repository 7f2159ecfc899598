package ingest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answers keeps what was told of calls: each that changed.
type answers struct {
	mu   sync.Mutex
	said []string
	last map[string]string
}

func (a *answers) tell(_ context.Context, call string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := "well"
	var e *AWSError
	if errors.As(err, &e) {
		text = e.Doing + ": " + e.Remedy
	} else if err != nil {
		text = err.Error()
	}
	if a.last == nil {
		a.last = map[string]string{}
	}
	if a.last[call] != text {
		a.last[call] = text
		a.said = append(a.said, call+" "+text)
	}
}

func (a *answers) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.said...)
}

func refusing(r *http.Request) (*http.Response, error) {
	body := `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`
	return &http.Response{StatusCode: 403, Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestObjectsReached: a bucket is out of reach when it gives no object; what is
// wrong with one object says nothing of the bucket.
func TestObjectsReached(t *testing.T) {
	w := newS3World(t)
	w.s3.Put(testBucket, "k", zip(logLines("a", 5)), nil)
	w.s3.Put(testBucket, "torn", zip(logLines("a", 500))[:200], nil)
	var a answers
	read := func(bucket, key string, change ...func(*ObjectOptions)) {
		o := w.objects(append(change, func(o *ObjectOptions) { o.Reached = a.tell })...)
		_, err := o.Read(t.Context(), Object{Bucket: bucket, Key: key})
		t.Log(err)
	}
	read(testBucket, "none")
	read(testBucket, "torn")
	read(testBucket, "k", func(o *ObjectOptions) { o.Client = w.clientWith(refusing) })
	read(testBucket, "k")
	read("nosuch", "k")
	read(testBucket, "k", func(o *ObjectOptions) { o.Client = w.clientWith(http.DefaultClient.Do) })
	want := []string{
		"s3:GetObject well",
		"s3:GetObject read s3://logs/k: allow s3:GetObject on arn:aws:s3:::logs/k to Vedette's role, in its policy and in the resource's own where there is one",
		"s3:GetObject well",
		"s3:GetObject read s3://nosuch/k: there is no such bucket; see that its name and Region are right",
		"s3:GetObject well",
	}
	if d := cmp.Diff(want, a.list()); d != "" {
		t.Error(d)
	}

	// Who ends reading does not complain of it.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.objects(func(o *ObjectOptions) { o.Reached = a.tell }).Read(ctx, Object{Bucket: testBucket, Key: "other"}); err == nil {
		t.Error("it was read")
	}
	if d := cmp.Diff(want, a.list()); d != "" {
		t.Error(d)
	}
}

// TestListReached: a bucket that cannot be listed is told of in each round, also
// when only one of its prefixes is forbidden, and when it is empty.
func TestListReached(t *testing.T) {
	w := newListWorld(t)
	var a answers
	forbidden := ""
	client := w.clientWith(func(r *http.Request) (*http.Response, error) {
		if forbidden != "" && r.URL.Query().Get("prefix") == forbidden {
			return refusing(r)
		}
		return http.DefaultClient.Do(r)
	})
	l := w.lister(w.objects(), func(o *ListOptions) {
		o.Client, o.Reached, o.Prefixes = client, a.tell, []string{"AWSLogs/", "old/"}
	})
	w.round(l)
	forbidden = "AWSLogs/" // nothing is in it, and it is not the time to look for folders again
	if err := l.round(t.Context()); err == nil {
		t.Error("it was listed")
	}
	forbidden = ""
	w.lines(trailKey("111122223333", "eu-central-1", "20260131T1100Z", "a"))
	w.round(l)
	forbidden = "AWSLogs/111122223333/CloudTrail/eu-central-1/"
	if err := l.round(t.Context()); err != nil || l.unlisted == nil {
		t.Errorf("one folder of many: %v, %v", err, l.unlisted)
	}
	forbidden = "old/"
	w.pass(walkEvery)
	if err := l.round(t.Context()); err == nil {
		t.Error("the other prefix was listed")
	}
	forbidden = ""
	w.round(l)
	denied := ": allow s3:ListBucket on arn:aws:s3:::logs to Vedette's role, in its policy and in the resource's own where there is one"
	want := []string{
		"s3:ListBucket well", "s3:ListBucket list s3://logs/AWSLogs/" + denied,
		"s3:ListBucket well", "s3:ListBucket list s3://logs/AWSLogs/111122223333/CloudTrail/eu-central-1/" + denied,
		"s3:ListBucket list s3://logs/old/" + denied, "s3:ListBucket well",
	}
	if d := cmp.Diff(want, a.list()); d != "" {
		t.Error(d)
	}
}

// TestQueueReached: each kind of call of a queue is told of.
func TestQueueReached(t *testing.T) {
	w := newQueueWorld(t)
	var a answers
	w.announce(trailKey("111122223333", "eu-central-1", "20260131T1200Z", "a"), zip(logLines("a", 3)))
	w.start(w.objects(), func(o *QueueOptions) { o.Reached = a.tell })
	eventually(t, "all is well", func() bool { return len(a.list()) == 3 })
	got := strings.Join(a.list(), ", ")
	for _, call := range []string{"sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:DeleteMessage"} {
		if !strings.Contains(got, call+" well") {
			t.Errorf("%s is missing: %s", call, got)
		}
	}
	w.stop()
	var gone answers
	w.url += "-gone"
	w.start(w.objects(), func(o *QueueOptions) { o.Reached = gone.tell })
	eventually(t, "it is told", func() bool { return len(gone.list()) > 0 })
	if said := gone.list()[0]; said != "sqs:ReceiveMessage read "+w.url+": there is no such queue; see that its URL and Region are right" {
		t.Error(said)
	}
}
