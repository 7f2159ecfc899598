package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/trace"
)

// QueueOptions say which queue to read; all fields are required unless said
// otherwise.
type QueueOptions struct {
	Client *sqs.Client
	URL    string
	// Buckets, if there are any, are those whose objects are read; notices of
	// others are passed over.
	Buckets []string
	Objects *Objects
	// Digest checks a digest of CloudTrail; nil passes digests over.
	Digest func(context.Context, Object) error
	// Parallel is how many objects are read at once, Tries how often one is
	// tried before it is reported as lost.
	Parallel, Tries int
	// Visibility is for how long a message is ours before it is prolonged.
	Visibility time.Duration
	// Backoff, if set, is how long a message waits that failed so many times.
	Backoff func(tries int) time.Duration
	// Wait is for how long one call waits for a message.
	Wait  time.Duration
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	Log   *slog.Logger
	// Observe, if set, is told how a message ended: "done", "retried", "lost",
	// "passed over".
	Observe func(result string)
	// Lost is told of an object that could not be read in Tries tries.
	Lost func(ctx context.Context, s event.Scope, what string, err error)
	// Reached, if set, is told whether the queue answered.
	Reached Reached
}

// Bounds of how long a message that failed waits.
const (
	firstBackoff = 10 * time.Second
	maxBackoff   = 15 * time.Minute
	maxCounted   = 4096 // messages whose tries are counted here
)

// Consume reads the objects that messages of a queue announce, until ctx ends.
// A message is deleted when everything it announces is durable in the journal.
func Consume(ctx context.Context, o QueueOptions) error {
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	q := &queue{QueueOptions: o, tries: map[string]int{}, lost: map[string]bool{}, slots: make(chan struct{}, max(1, o.Parallel)*4)}
	q.lanes = &lanes{work: make(chan struct{}, max(1, o.Parallel)), waiting: map[string][]*job{}}
	defer q.lanes.wg.Wait()
	q.learn(ctx)
	for wait, patience := time.Second, q.Wait; ctx.Err() == nil; {
		err := q.round(ctx, patience)
		if err == nil || ctx.Err() != nil {
			wait, patience = time.Second, q.Wait
			continue
		}
		patience = min(q.Wait, time.Second) // the next one that succeeds should be told of soon
		o.Log.Warn("a queue cannot be read; trying again", "err", err)
		if o.Sleep(ctx, wait) != nil {
			break
		}
		wait = min(2*wait, time.Minute)
	}
	return nil
}

type queue struct {
	QueueOptions
	lanes *lanes
	slots chan struct{} // one for each message that is ours

	// What the queue does with messages that are received too often and too old.
	redrives  bool
	retention time.Duration // 0: not known

	mu    sync.Mutex
	tries map[string]int // by message id; some servers do not count
	lost  map[string]bool
}

// learn asks the queue what becomes of messages that nobody deletes. Without
// the permission to know, they are left alone.
func (q *queue) learn(ctx context.Context) {
	q.redrives = true
	limit, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	out, err := q.Client.GetQueueAttributes(limit, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.URL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		if ctx.Err() == nil {
			q.Log.Info("a queue does not tell its attributes; messages that stay unreadable are left to it", "err", awsError(err, "ask "+q.URL, "sqs:GetQueueAttributes", "the queue"))
		}
		return
	}
	q.Reached.tell(ctx, "sqs:GetQueueAttributes", nil) // only good news: this permission is not needed
	q.redrives = out.Attributes["RedrivePolicy"] != ""
	if seconds, err := strconv.Atoi(out.Attributes["MessageRetentionPeriod"]); err == nil {
		q.retention = time.Duration(seconds) * time.Second
	}
	if !q.redrives {
		q.Log.Warn("a queue has no dead-letter queue; a message that stays unreadable is tried until it expires, and is lost then", "queue", q.URL)
	}
}

// job is a message on its way.
type job struct {
	id, receipt string
	notice      Notice
	tries       int
	sent        time.Time
	ours        context.CancelFunc // ends the heartbeat
}

// round receives some messages, waiting for the first, and starts on them.
func (q *queue) round(ctx context.Context, patience time.Duration) error {
	n := 0
	select {
	case q.slots <- struct{}{}:
		n++
	case <-ctx.Done():
		return nil
	}
	for n < 10 {
		select {
		case q.slots <- struct{}{}:
			n++
			continue
		default:
		}
		break
	}
	limit, cancel := context.WithTimeout(ctx, patience+callFor)
	defer cancel()
	out, err := q.Client.ReceiveMessage(limit, &sqs.ReceiveMessageInput{
		QueueUrl: &q.URL, MaxNumberOfMessages: int32(n), WaitTimeSeconds: int32(patience / time.Second), VisibilityTimeout: int32(q.Visibility / time.Second),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp},
	})
	err = awsError(err, "read "+q.URL, "sqs:ReceiveMessage", "the queue")
	q.Reached.tell(ctx, "sqs:ReceiveMessage", err)
	var jobs []*job
	if err == nil {
		jobs = q.jobs(ctx, out.Messages)
	}
	for range n - len(jobs) {
		<-q.slots
	}
	slices.SortStableFunc(jobs, func(a, b *job) int { return a.notice.order().Compare(b.notice.order()) })
	for _, j := range jobs {
		q.lanes.add(laneOf(&j.notice), j, func(j *job) {
			defer func() { <-q.slots }()
			q.work(ctx, j)
		})
	}
	return err
}

// jobs makes jobs of messages. Those that announce nothing are done already.
func (q *queue) jobs(ctx context.Context, list []types.Message) []*job {
	var out []*job
	for i := range list {
		m := &list[i]
		j := &job{id: aws.ToString(m.MessageId), receipt: aws.ToString(m.ReceiptHandle)}
		counted, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		j.tries = max(counted, q.count(j.id))
		if ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil && ms > 0 {
			j.sent = time.UnixMilli(ms)
		}
		var err error
		if j.notice, err = ParseNotice([]byte(aws.ToString(m.Body))); err != nil {
			q.failed(ctx, j, event.Scope{}, "message "+j.id+" of "+q.URL, err)
			continue
		}
		if len(j.notice.Objects) == 0 {
			q.done(ctx, j, "passed over")
			continue
		}
		beat, cancel := context.WithCancel(ctx)
		j.ours = cancel
		go q.heartbeat(beat, j)
		out = append(out, j)
	}
	return out
}

// count notes that a message was received here once more.
func (q *queue) count(id string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tries) >= maxCounted {
		clear(q.tries)
	}
	q.tries[id]++
	return q.tries[id]
}

// laneOf names the lane of a notice: the objects of one scope and kind are read
// one after the other.
func laneOf(n *Notice) string {
	k := parseKey(n.Objects[0].Key)
	return strings.Join([]string{n.Objects[0].Bucket, k.Kind, k.Account, k.Region}, "/")
}

// heartbeat keeps a message ours while it is worked on, or waits for that.
func (q *queue) heartbeat(ctx context.Context, j *job) {
	for q.Sleep(ctx, q.Visibility/3) == nil {
		if err := q.visible(ctx, j, q.Visibility); err != nil && ctx.Err() == nil {
			q.Log.Warn("a message cannot be kept; it may be delivered once more, which changes nothing", "err", err)
		}
	}
}

// visible has a message come back after some time.
func (q *queue) visible(ctx context.Context, j *job, after time.Duration) error {
	limit, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	_, err := q.Client.ChangeMessageVisibility(limit, &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.URL, ReceiptHandle: &j.receipt, VisibilityTimeout: int32(after / time.Second)})
	err = awsError(err, "keep a message of "+q.URL, "sqs:ChangeMessageVisibility", "the queue")
	q.Reached.tell(ctx, "sqs:ChangeMessageVisibility", err)
	return err
}

// work reads what a message announces.
func (q *queue) work(ctx context.Context, j *job) {
	defer j.ours()
	ctx, span := q.Objects.Tracer.Begin(ctx, "process message", trace.Consumer)
	defer span.End()
	span.Text("messaging.system", "aws_sqs")
	span.Text("messaging.message.id", j.id)
	span.Int("vedette.tries", int64(j.tries))
	result := "passed over"
	for _, at := range j.notice.Objects {
		read := false
		var err error
		switch {
		case len(q.Buckets) > 0 && !slices.Contains(q.Buckets, at.Bucket):
			q.Objects.PassOver(at)
		case q.Digest != nil && q.Objects.IsDigest(at.Key):
			read, err = true, q.Digest(ctx, at)
		case q.Objects.Wants(at.Key):
			read = true
			_, err = q.read(ctx, at, j.tries)
		default:
			q.Objects.PassOver(at)
		}
		if ctx.Err() != nil {
			q.giveBack(j)
			return
		}
		if err != nil {
			span.Fail("what the message announces could not be read; it is tried again")
			j.ours()
			q.failed(ctx, j, parseKey(at.Key).scope(q.Objects.Scope), at.String(), err)
			return
		}
		if read {
			result = "done"
		}
	}
	j.ours()
	q.done(ctx, j, result)
}

// read reads an object. One that is not what was announced may come yet: some
// stores show the older one for a while. Later what is there is read.
func (q *queue) read(ctx context.Context, at Object, tries int) (Mark, error) {
	if tries > 2 && at.Version == "" {
		at.ETag, at.Size = "", 0
	}
	return q.Objects.Read(ctx, at)
}

// giveBack lets others have a message at once.
func (q *queue) giveBack(j *job) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := q.visible(ctx, j, 0); err != nil {
		q.Log.Debug("a message could not be given back; it comes back by itself", "err", err)
	}
}

func (q *queue) done(ctx context.Context, j *job, result string) {
	limit, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	_, err := q.Client.DeleteMessage(limit, &sqs.DeleteMessageInput{QueueUrl: &q.URL, ReceiptHandle: &j.receipt})
	err = awsError(err, "delete a message of "+q.URL, "sqs:DeleteMessage", "the queue")
	q.Reached.tell(ctx, "sqs:DeleteMessage", err)
	if err != nil && ctx.Err() == nil {
		q.Log.Warn("a message cannot be deleted; it will be delivered once more, which changes nothing", "err", err)
	}
	q.forget(j.id)
	q.observe(result)
}

func (q *queue) forget(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.tries, id)
	delete(q.lost, id)
}

func (q *queue) observe(result string) {
	if q.Observe != nil {
		q.Observe(result)
	}
}

// failed has a message come back later. One that came back too often is
// reported; it then is the dead-letter queue's, or is tried until it expires.
func (q *queue) failed(ctx context.Context, j *job, s event.Scope, what string, err error) {
	wait := q.Backoff(j.tries)
	expires := q.retention > 0 && !q.redrives && !j.sent.IsZero() && q.Now().Add(wait).After(j.sent.Add(q.retention))
	if expires {
		err = fmt.Errorf("%w; its message has expired", err)
	}
	if j.tries >= q.Tries || expires {
		q.report(ctx, j, s, what, err)
	} else {
		q.Log.WarnContext(ctx, "what a message announces cannot be read; it is tried again", "what", what, "tries", j.tries, "again in", wait, "err", err)
		q.observe("retried")
	}
	if expires {
		q.done(ctx, j, "lost")
		return
	}
	if err := q.visible(ctx, j, wait); err != nil && ctx.Err() == nil {
		q.Log.Warn("a message cannot be put off; it comes back by itself", "err", err)
	}
}

// report tells of a message that was tried often enough, once.
func (q *queue) report(ctx context.Context, j *job, s event.Scope, what string, err error) {
	q.mu.Lock()
	said := q.lost[j.id]
	if len(q.lost) >= maxCounted {
		clear(q.lost)
	}
	q.lost[j.id] = true
	q.mu.Unlock()
	if said {
		return
	}
	q.observe("lost")
	q.Lost(ctx, s, what, fmt.Errorf("it was tried %d times: %w", j.tries, err))
}

// backoff is how long a message waits after so many tries.
func backoff(tries int) time.Duration {
	wait := firstBackoff
	for range min(max(tries, 1)-1, 16) {
		wait = min(2*wait, maxBackoff)
	}
	return wait
}

// QueueRegion is the Region in a queue's URL, "" if there is none.
func QueueRegion(queueURL string) string {
	_, rest, _ := strings.Cut(queueURL, "://")
	for part := range strings.SplitSeq(strings.SplitN(rest, "/", 2)[0], ".") {
		if isRegion(part) {
			return part
		}
	}
	return ""
}
