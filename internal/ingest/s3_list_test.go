package ingest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// listWorld is a bucket that is listed, at a time of its own.
type listWorld struct {
	*s3World
	mu  sync.Mutex
	now time.Time
}

func newListWorld(t *testing.T) *listWorld {
	return &listWorld{s3World: newS3World(t), now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
}

func (w *listWorld) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *listWorld) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// lister is what reads the bucket, as after a start of the process.
func (w *listWorld) lister(o *Objects, change ...func(*ListOptions)) *lister {
	l := ListOptions{
		Client: w.s3.Client(), Bucket: testBucket, Prefixes: []string{"AWSLogs/"}, From: w.now.AddDate(0, 0, -2), LookBack: 2 * time.Hour, Every: time.Minute,
		Objects: o, Parallel: 2, Tries: 3, Stored: w.sink.stored, Store: w.sink.store, Now: w.clock, Sleep: shortly, Log: testLog(w.t), Lost: w.lose,
	}
	for _, f := range change {
		f(&l)
	}
	return &lister{ListOptions: l, folders: map[string]*folder{}}
}

// round lists the bucket once, after a while.
func (w *listWorld) round(l *lister) {
	w.t.Helper()
	w.pass(11 * time.Minute) // new folders are looked for
	if err := l.round(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// lines writes an object of some records.
func (w *listWorld) lines(key string) []byte {
	b := logLines(key, 5)
	w.s3.Put(testBucket, key, zip(b), nil)
	return b
}

// TestList reads a bucket as it grows, from a day on, each object once.
func TestList(t *testing.T) {
	w := newListWorld(t)
	var all bytes.Buffer
	add := func(keys ...string) {
		for _, k := range keys {
			all.Write(w.lines(k))
		}
	}
	trail := func(stamp, id string) string { return trailKey("111122223333", "eu-central-1", stamp, id) }
	hive := "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=us-east-1/year=%s/111122223333_vpcflowlogs_us-east-1_%s_%s_ab.log.gz"
	add(trail("20260130T2355Z", "a"), trail("20260131T1130Z", "b"), "AWSLogs/o-1/999911112222/CloudTrail/us-east-1/2026/01/31/x_20260131T1100Z_a.json.gz")
	add(fmt.Sprintf(hive, "2026/month=01/day=30", "fl-2", "20260130T0000Z"), fmt.Sprintf(hive, "2026/month=01/day=31", "fl-2", "20260131T1100Z"))
	add("AWSLogs/111122223333/vpcdnsquerylogs/vpc-0a/2026/01/31/vpc-0a_vpcdnsquerylogs_111122223333_20260131T1100Z_ab.log.gz")
	for _, old := range []string{trail("20260115T0000Z", "old"), fmt.Sprintf(hive, "2025/month=12/day=31", "fl-2", "20251231T0000Z")} {
		w.lines(old)
	}
	w.lines("AWSLogs/111122223333/elasticloadbalancing/us-east-1/2026/01/31/lb.log.gz")
	w.lines("other/2026/01/31/x.gz")
	w.s3.Put(testBucket, "AWSLogs/111122223333/CloudTrail/", nil, nil) // as the console makes a folder

	l := w.lister(w.objects())
	w.round(l)
	w.checkOnce(all.Bytes())
	w.round(l)
	add(trail("20260131T1205Z", "c"))                                                          // new
	add(trail("20260131T1015Z", "late"))                                                       // late
	add(fmt.Sprintf(hive, "2026/month=01/day=31", "fl-1", "20260131T1200Z"))                   // new, of a smaller key
	add(trailKey("111122223333", "ap-south-1", "20260131T1200Z", "a"))                         // a new Region
	add("AWSLogs/o-1/555511112222/CloudTrail/us-east-1/2026/01/31/x_20260131T1100Z_a.json.gz") // a new account
	w.round(l)
	w.checkOnce(all.Bytes())

	l = w.lister(w.objects(), func(o *ListOptions) { o.From = w.clock() }) // another process, later
	add(trail("20260131T1215Z", "d"))
	w.round(l)
	w.checkOnce(all.Bytes())
	w.pass(14 * time.Hour) // a day later, the last minutes of the day before come
	add(trail("20260131T2355Z", "e"), trail("20260201T0005Z", "f"))
	w.round(l)
	w.checkOnce(all.Bytes())
	w.pass(24 * time.Hour)
	w.lines(trail("20260131T2350Z", "too late"))
	w.round(l)
	w.checkOnce(all.Bytes())
}

// TestListOrder: the objects of a day are read in order of their time, which is
// not that of their keys.
func TestListOrder(t *testing.T) {
	w := newListWorld(t)
	var want []string
	for day := 29; day <= 31; day++ {
		for hour := range 4 {
			id := fmt.Sprintf("fl-%d", 9-hour)
			r := fmt.Sprintf("%d %d", day, hour)
			w.s3.Put(testBucket, fmt.Sprintf("AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/01/%d/111122223333_vpcflowlogs_us-east-1_%s_202601%dT%02d00Z_a.log.gz", day, id, day, hour), []byte(r+"\n"), nil)
			want = append(want, r)
		}
	}
	w.round(w.lister(w.objects(), func(o *ListOptions) { o.From = time.Time{} }))
	if d := cmp.Diff(want, w.sink.order); d != "" {
		t.Error(d)
	}
}

// TestListFailures: an object that cannot be read is tried again, and the
// others go on; it is read when it can be, or reported.
func TestListFailures(t *testing.T) {
	w := newListWorld(t)
	bad, worse := trailKey("111122223333", "eu-central-1", "20260131T1100Z", "a"), trailKey("111122223333", "eu-central-1", "20260131T1105Z", "b")
	data := zip(logLines("late", 10))
	w.s3.Put(testBucket, bad, data[:50], nil)
	w.s3.Put(testBucket, worse, data[:50], nil)
	good := w.lines(trailKey("111122223333", "eu-central-1", "20260131T1110Z", "c"))
	l := w.lister(w.objects())
	w.round(l)
	if n := len(w.sink.counts()); n < 5 || len(w.losses()) > 0 {
		t.Fatalf("%d records, lost %v", n, w.losses())
	}
	w.sink.count = map[string]int{}
	lines := logLines("bad", 10)
	w.s3.Put(testBucket, bad, zip(lines), nil)
	l = w.lister(w.objects()) // it is remembered
	for range 3 {
		w.round(l)
	}
	got := w.sink.counts()
	if wrong := once(got, lines); len(wrong) > 1 { // and of the damaged one a torn line
		t.Errorf("%v", wrong)
	}
	if len(w.losses()) != 1 || !strings.Contains(w.losses()[0], worse+": it was tried 3 times") {
		t.Errorf("lost: %v", w.losses())
	}
	_ = good
}

// TestListKilled: a reader that dies on the way goes on where it was.
func TestListKilled(t *testing.T) {
	w := newListWorld(t)
	var all bytes.Buffer
	for n := range 20 {
		all.Write(w.lines(trailKey("111122223333", "eu-central-1", fmt.Sprintf("20260131T10%02dZ", n), "a")))
	}
	for stop := 1; stop <= 3; stop++ {
		ctx, cancel := context.WithCancel(t.Context())
		w.sink.n = 0
		w.sink.after = func(n int) error {
			if n == 2*stop {
				cancel()
			}
			return nil
		}
		l := w.lister(w.objects())
		if err := l.round(ctx); err == nil {
			t.Error("it did not die")
		}
	}
	w.sink.after = nil
	w.round(w.lister(w.objects()))
	w.checkOnce(all.Bytes())
}

// TestListPlain lists folders that are not in order of time, and patterns.
func TestListPlain(t *testing.T) {
	w := newListWorld(t)
	var all bytes.Buffer
	all.Write(w.lines("flow/z.gz"))
	all.Write(w.lines("flow/deep/er/y.gz"))
	w.lines("flow/readme")
	l := w.lister(w.objects(func(o *ObjectOptions) { o.Include = []string{"flow/*.gz"} }), func(o *ListOptions) { o.Prefixes = []string{"flow/"} })
	w.round(l)
	all.Write(w.lines("flow/a.gz"))
	w.round(l)
	w.checkOnce(all.Bytes())
}
