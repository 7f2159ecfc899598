package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/testbed"
)

// queueWorld is a bucket, a queue and what reads them.
type queueWorld struct {
	*s3World
	sqs    *testbed.SQSServer
	url    string
	ended  map[string]int
	endMu  sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

func newQueueWorld(t *testing.T) *queueWorld {
	t.Helper()
	w := &queueWorld{s3World: newS3World(t), sqs: testbed.SQS(t), ended: map[string]int{}}
	w.url = w.sqs.Queue("vedette", 30*time.Second, "", 0)
	t.Cleanup(w.stop)
	return w
}

// start reads the queue, as after a start of the process.
func (w *queueWorld) start(objects *Objects, change ...func(*QueueOptions)) {
	ctx, cancel := context.WithCancel(context.Background())
	o := QueueOptions{
		Client: w.sqs.Client(), URL: w.url, Objects: objects, Parallel: 4, Tries: 3, Visibility: 30 * time.Second, Wait: time.Second,
		Now: time.Now, Sleep: shortly, Log: testLog(w.t), Lost: w.lose,
		Observe: func(result string) {
			w.endMu.Lock()
			defer w.endMu.Unlock()
			w.ended[result]++
		},
	}
	for _, f := range change {
		f(&o)
	}
	w.cancel, w.done = cancel, make(chan struct{})
	go func() { defer close(w.done); Consume(ctx, o) }()
}

func (w *queueWorld) stop() {
	if w.cancel != nil {
		w.cancel()
		<-w.done
	}
}

func (w *queueWorld) ends(result string) int {
	w.endMu.Lock()
	defer w.endMu.Unlock()
	return w.ended[result]
}

func (w *queueWorld) empty(what string) {
	w.t.Helper()
	eventually(w.t, what, func() bool { return w.sqs.Left(w.url) == 0 })
}

// announce writes an object and sends the message that S3 would.
func (w *queueWorld) announce(key string, data []byte) string {
	etag := w.s3.Put(testBucket, key, data, nil)
	w.sqs.Send(w.url, notice(testBucket, key, etag, len(data)))
	return etag
}

func sns(message string) string { return fmt.Sprintf(`{"Type":"Notification","Message":%q}`, message) }

// TestQueue reads what messages of every form announce, and deletes them.
func TestQueue(t *testing.T) {
	w := newQueueWorld(t)
	var all bytes.Buffer
	key := func(n int) string {
		return trailKey("111122223333", "eu-central-1", fmt.Sprintf("20260131T12%02dZ", n), "x=y z")
	}
	write := func(n int) (string, []byte, string) {
		lines := logLines(fmt.Sprint(n), 10)
		all.Write(lines)
		data := zip(lines)
		return key(n), data, w.s3.Put(testBucket, key(n), data, nil)
	}
	k, data, etag := write(1)
	w.sqs.Send(w.url, notice(testBucket, k, etag, len(data)))
	k, data, etag = write(2)
	w.sqs.Send(w.url, sns(notice(testBucket, k, etag, len(data))))
	k, data, etag = write(3)
	w.sqs.Send(w.url, fmt.Sprintf(`{"version":"0","detail-type":"Object Created","source":"aws.s3","time":"2026-01-31T12:00:00Z","detail":{"bucket":{"name":"logs"},"object":{"key":%q,"size":%d,"etag":%q}}}`, k, len(data), etag))
	k, _, _ = write(4)
	k5, _, _ := write(5)
	w.sqs.Send(w.url, sns(fmt.Sprintf(`{"s3Bucket":"logs","s3ObjectKey":[%q,%q]}`, k, k5)))
	w.sqs.Send(w.url, `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-31T12:00:00.000Z","Bucket":"logs"}`,
		strings.Replace(notice(testBucket, key(1), "", 0), "ObjectCreated:Put", "ObjectRemoved:Delete", 1),
		notice(testBucket, "notes/readme.txt", "", 0), notice("secrets", "AWSLogs/111122223333/CloudTrail/eu-central-1/x", "", 0))
	w.start(w.objects(), func(o *QueueOptions) { o.Buckets = []string{testBucket} })
	w.empty("all messages are done")
	w.checkOnce(all.Bytes())
	if d := cmp.Diff(map[string]int{"read": 5, "passed over": 2}, w.results()); d != "" {
		t.Error(d)
	}
	eventually(t, "the messages are counted", func() bool { return w.ends("done") == 4 && w.ends("passed over") == 4 })
}

// TestQueueKilled: a process that dies between the journal and the deletion of
// the message leaves it to the next one, for which nothing is left to do.
func TestQueueKilled(t *testing.T) {
	w := newQueueWorld(t)
	w.url = w.sqs.Queue("brief", time.Second, "", 0)
	lines := logLines("a", 100)
	ctx, cancel := context.WithCancel(t.Context())
	w.sink.after = func(int) error { cancel(); return nil }
	w.announce(trailKey("111122223333", "eu-central-1", "20260131T1200Z", "a"), zip(lines))
	go Consume(ctx, QueueOptions{ // the journal has it; the message is not deleted, nor given back
		Client: w.sqs.Client(), URL: w.url, Objects: w.objects(), Parallel: 1, Tries: 3, Visibility: time.Second, Wait: time.Second,
		Now: time.Now, Sleep: shortly, Log: testLog(t), Lost: w.lose,
	})
	<-ctx.Done()
	w.sink.mu.Lock()
	w.sink.after = nil
	w.sink.mu.Unlock()
	if w.sqs.Left(w.url) != 1 {
		t.Fatal("the message is gone")
	}
	w.start(w.objects())
	w.empty("the message is done at last")
	w.checkOnce(lines)
	if w.results()["known"] != 1 {
		t.Errorf("%v", w.results())
	}
}

// TestRedelivery: a message that comes again, and another one of the same
// object, change nothing. So does one that comes before the first is committed.
func TestRedelivery(t *testing.T) {
	w := newQueueWorld(t)
	w.sink.hold = true
	lines := logLines("a", 100)
	key := trailKey("111122223333", "eu-central-1", "20260131T1200Z", "a")
	etag := w.announce(key, zip(lines))
	for range 5 {
		w.sqs.Send(w.url, notice(testBucket, key, etag, 0), sns(notice(testBucket, key, etag, 0)))
	}
	w.sqs.Send(w.url, fmt.Sprintf(`{"s3Bucket":"logs","s3ObjectKey":[%q]}`, key))
	w.start(w.objects())
	w.empty("all are done")
	w.checkOnce(lines)
	if d := cmp.Diff(map[string]int{"read": 1, "known": 11}, w.results()); d != "" {
		t.Error(d)
	}
}

// TestLateObject: an object that is announced before it can be read is read
// when it is there.
func TestLateObject(t *testing.T) {
	w := newQueueWorld(t)
	key := trailKey("111122223333", "eu-central-1", "20260131T1200Z", "a")
	lines := logLines("a", 100)
	data := zip(lines)
	// Half of it is there when it is announced.
	etag := w.s3.Put(testBucket, key, data, nil)
	w.s3.Put(testBucket, key, data[:len(data)/2], nil)
	missing := trailKey("111122223333", "eu-central-1", "20260131T1205Z", "b")
	w.sqs.Send(w.url, notice(testBucket, key, etag, len(data)), notice(testBucket, missing, "", 0))
	w.start(w.objects(), brief)
	eventually(t, "both are tried", func() bool { return w.ends("retried") >= 2 })
	w.s3.Put(testBucket, key, data, nil)
	more := logLines("b", 10)
	w.s3.Put(testBucket, missing, zip(more), nil)
	w.empty("both are read")
	w.checkOnce(append(lines, more...))
	if l := w.losses(); len(l) > 0 {
		t.Errorf("%v", l)
	}
}

// brief has messages come back in a second instead of ten.
func brief(o *QueueOptions) { o.Backoff = func(int) time.Duration { return time.Second } }

// TestLostObject: an object that never becomes readable is reported once, and
// its message is left to the queue. The others do not wait for it.
func TestLostObject(t *testing.T) {
	w := newQueueWorld(t)
	dead := w.sqs.Queue("dead", 30*time.Second, "", 0)
	w.url = w.sqs.Queue("redriven", time.Second, "dead", 4)
	missing := trailKey("111122223333", "eu-central-1", "20260131T1200Z", "a")
	w.sqs.Send(w.url, notice(testBucket, missing, "0", 0), "hello")
	lines := logLines("b", 10)
	w.announce(trailKey("111122223333", "eu-central-1", "20260131T1205Z", "b"), zip(lines))
	w.start(w.objects(), brief)
	eventually(t, "both are reported", func() bool { return len(w.losses()) == 2 })
	w.checkOnce(lines)
	l := strings.Join(w.losses(), "\n")
	for _, want := range []string{"s3://logs/" + missing + ": it was tried 3 times: read s3://logs/" + missing + ": there is no such object", "redriven: it was tried 3 times: it is no notification of S3"} {
		if !strings.Contains(l, want) {
			t.Errorf("%s lacks %q", l, want)
		}
	}
	eventually(t, "both messages are in the dead-letter queue", func() bool { return w.sqs.Left(dead) == 2 })
	if n := len(w.losses()); n != 2 {
		t.Errorf("%d reports", n)
	}
}

// TestExpired: without a dead-letter queue an object is tried for as long as
// its message lives; then it is lost, and the message deleted.
func TestExpired(t *testing.T) {
	w := newQueueWorld(t)
	w.sqs.Send(w.url, notice(testBucket, trailKey("111122223333", "eu-central-1", "20260131T1200Z", "a"), "0", 0))
	q := &queue{tries: map[string]int{}, lost: map[string]bool{}, QueueOptions: QueueOptions{Client: w.sqs.Client(), URL: w.url, Tries: 2, Now: time.Now, Backoff: func(int) time.Duration { return time.Second }, Log: testLog(t), Lost: w.lose}}
	q.learn(t.Context())
	if q.redrives {
		t.Error("there is no dead-letter queue")
	}
	q.retention = 4 * 24 * time.Hour
	for tries := 1; tries <= 6; tries++ {
		sent := time.Now().Add(-time.Hour)
		if tries == 6 {
			sent = time.Now().Add(-q.retention)
		}
		var list []types.Message
		eventually(t, "it comes again", func() bool {
			out, err := q.Client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &q.URL})
			if err == nil {
				list = out.Messages
			}
			return len(list) == 1
		})
		j := &job{id: "m", receipt: *list[0].ReceiptHandle, tries: tries, sent: sent}
		q.failed(t.Context(), j, event.Scope{}, "s3://logs/x", errors.New("gone"))
		if want := map[bool]int{true: 0, false: 1}[tries == 6]; w.sqs.Left(w.url) != want {
			t.Errorf("after %d tries %d messages are left", tries, w.sqs.Left(w.url))
		}
	}
	if l := w.losses(); len(l) != 1 || l[0] != "s3://logs/x: it was tried 2 times: gone" {
		t.Errorf("%q", l)
	}
}

// TestOverwritten: an object that was written again before it was read is read
// as it is now.
func TestOverwritten(t *testing.T) {
	w := newQueueWorld(t)
	key := trailKey("111122223333", "eu-central-1", "20260131T1200Z", "a")
	w.announce(key, zip(logLines("old", 10)))
	lines := logLines("new", 20)
	w.announce(key, zip(lines))
	w.start(w.objects(), brief)
	w.empty("both messages are done")
	w.checkOnce(lines)
	if l := w.losses(); len(l) > 0 {
		t.Errorf("%v", l)
	}
}

// TestQueueOrder: the objects of a scope are handed on in order of their time.
func TestQueueOrder(t *testing.T) {
	w := newQueueWorld(t)
	var want []string
	for _, region := range []string{"eu-central-1", "us-east-1"} {
		for _, n := range []int{3, 1, 4, 2} {
			w.announce(trailKey("111122223333", region, fmt.Sprintf("20260131T120%dZ", n), "a"), fmt.Appendf(nil, "%s %d\n", region, n))
		}
		for n := range 4 {
			want = append(want, fmt.Sprintf("%s %d", region, n+1))
		}
	}
	w.sink.full = 3
	w.start(w.objects())
	w.empty("all are done")
	var got []string
	for _, region := range []string{"eu", "us"} {
		for _, r := range w.sink.order {
			if strings.HasPrefix(r, region) {
				got = append(got, r)
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestHeartbeat: a message stays ours for as long as its object is read.
func TestHeartbeat(t *testing.T) {
	w := newQueueWorld(t)
	w.url = w.sqs.Queue("brief", time.Second, "", 0)
	lines := logLines("a", 10)
	w.announce(trailKey("111122223333", "eu-central-1", "20260131T1200Z", "a"), zip(lines))
	w.sink.full = 200 // four seconds
	w.start(w.objects(), func(o *QueueOptions) { o.Visibility = 2 * time.Second })
	w.empty("it is done")
	w.checkOnce(lines)
	if n := w.results()["known"]; n != 0 {
		t.Errorf("the message came %d times more", n)
	}
}

func TestParseNotice(t *testing.T) {
	for in, want := range map[string]struct {
		objects []Object
		fault   bool
	}{
		notice("b", "a=b c", "12", 7): {objects: []Object{{Bucket: "b", Key: "a=b c", ETag: "12", Size: 7}}},
		`{"Records":[]}`:              {},
		`{"Type":"SubscriptionConfirmation","Message":"You have chosen to subscribe"}`:                                                  {fault: true},
		`{"Type":"Notification","Message":"CloudTrail validation message."}`:                                                            {},
		`{"detail-type":"Object Deleted","source":"aws.s3","detail":{}}`:                                                                {},
		`{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"a%3D","version-id":"v1"}}}`: {objects: []Object{{Bucket: "b", Key: "a%3D", Version: "v1"}}},
		`{"s3Bucket":"b","s3ObjectKey":["k"]}`:                                                                                          {objects: []Object{{Bucket: "b", Key: "k"}}},
		`{"s3Bucket":"","s3ObjectKey":["k"]}`:                                                                                           {fault: true},
		`{"Records":[{"eventName":"ObjectCreated:Put"}]}`:                                                                               {fault: true},
		`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"%zz"}}}]}`:                           {fault: true},
		`hello`: {fault: true}, `{}`: {fault: true}, `[]`: {fault: true}, ``: {fault: true},
	} {
		n, err := ParseNotice([]byte(in))
		if d := cmp.Diff(want.objects, n.Objects); d != "" || (err != nil) != want.fault || err != nil && !errors.Is(err, errNoNotice) {
			t.Errorf("%s: %v\n%s", in, err, d)
		}
	}
}

// FuzzParseNotice: objects with names, or an error.
func FuzzParseNotice(f *testing.F) {
	f.Add([]byte(notice("b", "k", "e", 1)))
	f.Add([]byte(sns(notice("b", "k", "e", 1))))
	f.Add([]byte(`{"s3Bucket":"b","s3ObjectKey":["k"]}`))
	f.Add([]byte(`{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"k"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := ParseNotice(b)
		if err != nil && len(n.Objects) > 0 {
			t.Error("an error and objects")
		}
		for _, o := range n.Objects {
			if o.Bucket == "" || o.Key == "" {
				t.Errorf("%+v", o)
			}
		}
		n.order()
	})
}
