package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/trace"
)

// Object names an object of S3 and, as far as that is known, what it was like
// when it was announced.
type Object struct {
	Bucket, Key string
	Version     string
	ETag        string // without quotes
	Size        int64
	Modified    time.Time // zero if it is not known
}

// String is the object's address.
func (o Object) String() string { return "s3://" + o.Bucket + "/" + o.Key }

// ObjectOptions are what reading objects needs; all fields are required unless
// said otherwise.
type ObjectOptions struct {
	Client *s3.Client
	Sink   Sink
	// Scope is where records belong whose object's key does not say so.
	Scope event.Scope
	// Source and Format are those of the records, if the key does not say.
	Source event.Source
	Format string
	// Include and Exclude are patterns of keys. Without Include the keys of
	// CloudTrail, flow logs and query logs are read.
	Include, Exclude []string
	// Accounts, if there are any, are those whose objects are read.
	Accounts []string
	// MaxBytes bounds an object, decompressed.
	MaxBytes int64
	Marks    *Marks
	Pool     *Pool
	Now      func() time.Time
	Sleep    func(context.Context, time.Duration) error
	Log      *slog.Logger
	// Observe, if set, is told what became of an object: "read", "known",
	// "passed over" or "failed", and how many bytes it had, decompressed.
	Observe func(result string, bytes int64)
	// Reached, if set, is told whether the bucket gave an object.
	Reached Reached
	// Tracer follows objects; nil follows none.
	Tracer *trace.Tracer
}

// Objects reads objects into the line, each once.
type Objects struct {
	ObjectOptions
	mu       sync.Mutex
	busy     map[string]chan struct{} // names of objects that are being read
	accounts map[string]bool          // accounts that it was said of that they are passed over
}

// NewObjects returns a reader of objects.
func NewObjects(o ObjectOptions) *Objects {
	return &Objects{ObjectOptions: o, busy: map[string]chan struct{}{}, accounts: map[string]bool{}}
}

// Wants reports whether objects of a key are read. Digests are not: they say
// what there is to read.
func (o *Objects) Wants(key string) bool {
	k := parseKey(key)
	if key == "" || key[len(key)-1] == '/' || k.Kind == kindDigest || slices.ContainsFunc(o.Exclude, func(p string) bool { return matchKey(p, key) }) {
		return false
	}
	if len(o.Include) > 0 && !slices.ContainsFunc(o.Include, func(p string) bool { return matchKey(p, key) }) ||
		len(o.Include) == 0 && k.source() == "" {
		return false
	}
	return o.allowed(k.Account)
}

// IsDigest reports whether a key is that of a CloudTrail digest to be checked.
func (o *Objects) IsDigest(key string) bool {
	k := parseKey(key)
	return k.Kind == kindDigest && !slices.ContainsFunc(o.Exclude, func(p string) bool { return matchKey(p, key) }) && o.allowed(k.Account)
}

// allowed reports whether objects of an account are read.
func (o *Objects) allowed(account string) bool {
	if account == "" || len(o.Accounts) == 0 || slices.Contains(o.Accounts, account) {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.accounts[account] && len(o.accounts) < 1000 {
		o.accounts[account] = true
		o.Log.Info("the logs of an account are passed over: it is not one of the configured accounts", "account", account)
	}
	return false
}

// observe notes what became of an object.
func (o *Objects) observe(result string, bytes int64) {
	if o.Observe != nil {
		o.Observe(result, bytes)
	}
}

// PassOver notes an object that holds no records of ours.
func (o *Objects) PassOver(at Object) {
	o.Log.Debug("an object is passed over: by its key it holds no logs to be read", "object", at.String())
	o.observe("passed over", 0)
}

// Read reads an object, from where it was left, and returns when all of its
// records are durable in the journal. Of an object that was read before,
// nothing is read again.
func (o *Objects) Read(ctx context.Context, at Object) (Mark, error) {
	name := MarkName(at.Bucket, at.Key)
	release, err := o.claim(ctx, name)
	if err != nil {
		return Mark{}, err
	}
	defer release()
	ctx, span := o.Tracer.Begin(ctx, "read object", trace.Client)
	defer span.End()
	span.Text("aws.s3.bucket", at.Bucket)
	span.Text("aws.s3.key", at.Key)
	m, known, err := o.read(ctx, name, at)
	span.Int("vedette.records", m.Records)
	switch {
	case err != nil && ctx.Err() == nil:
		span.Fail("the object could not be read")
		o.observe("failed", 0)
	case err == nil && known:
		span.Drop()
		o.observe("known", 0)
	case err == nil:
		o.observe("read", m.Bytes)
	}
	return m, err
}

func (o *Objects) read(ctx context.Context, name string, at Object) (m Mark, known bool, err error) {
	m, err = o.Marks.Get(ctx, name)
	if err != nil {
		return m, false, err
	}
	if m.Done && at.ETag == m.ETag && at.ETag != "" {
		return m, true, nil
	}
	b, err := openBody(ctx, o.Client, o.Sleep, at)
	if ofObject(err) {
		o.Reached.tell(ctx, "s3:GetObject", nil)
	} else {
		o.Reached.tell(ctx, "s3:GetObject", err)
	}
	if err != nil {
		return m, false, err
	}
	defer b.Close()
	if at.ETag != "" && at.ETag != b.at.ETag || at.Size > 0 && at.Size != b.at.Size {
		return m, false, fmt.Errorf("read %s: %w: announced with ETag %q and %d bytes, found with %q and %d", at, ErrChanged, at.ETag, at.Size, b.at.ETag, b.at.Size)
	}
	if m.ETag != b.at.ETag { // another object was there before
		m = Mark{ETag: b.at.ETag}
	}
	if m.Done {
		return m, true, nil
	}
	err = o.stream(ctx, b, name, &m)
	return m, false, err
}

// claim waits until nobody else here reads the object.
func (o *Objects) claim(ctx context.Context, name string) (release func(), err error) {
	for {
		o.mu.Lock()
		other, taken := o.busy[name]
		if !taken {
			done := make(chan struct{})
			o.busy[name] = done
			o.mu.Unlock()
			return func() {
				o.mu.Lock()
				delete(o.busy, name)
				o.mu.Unlock()
				close(done)
			}, nil
		}
		o.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
