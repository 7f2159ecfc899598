package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vedette-project/vedette/internal/event"
)

// ListOptions say which bucket to list; all fields are required unless said
// otherwise.
type ListOptions struct {
	Client   *s3.Client
	Bucket   string
	Prefixes []string // at least one; "" is the whole bucket
	// From is since when objects are read; zero is since ever. It counts once,
	// when the bucket is listed for the first time.
	From time.Time
	// LookBack is how late an object may appear under a key that was passed.
	LookBack time.Duration
	// Every is how often the bucket is listed.
	Every   time.Duration
	Objects *Objects
	Digest  func(context.Context, Object) error // nil passes digests over
	// Parallel is how many folders are read at once, Tries how often an object
	// is tried before it is reported as lost.
	Parallel, Tries int
	// Stored returns a cursor, nil if there is none; Store keeps one.
	Stored func(ctx context.Context, name string) ([]byte, error)
	Store  func(ctx context.Context, name string, data []byte) error
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error
	Log    *slog.Logger
	Lost   func(ctx context.Context, s event.Scope, what string, err error)
	// Reached, if set, is told whether the bucket answered.
	Reached Reached
}

// List reads the objects of a bucket as they appear, until ctx ends.
func List(ctx context.Context, o ListOptions) error {
	l := &lister{ListOptions: o, folders: map[string]*folder{}}
	for tries := 0; ctx.Err() == nil; {
		wait := o.Every
		err := l.round(ctx)
		if err != nil && ctx.Err() == nil {
			o.Log.Warn("a bucket cannot be listed; trying again", "bucket", o.Bucket, "err", err)
		}
		if err = errors.Join(err, l.unlisted); err == nil {
			tries = 0
		} else { // sooner than it would be listed again
			tries++
			wait = min(o.Every, backoff(tries))
		}
		if o.Sleep(ctx, wait) != nil {
			break
		}
	}
	return nil
}

type lister struct {
	ListOptions
	since   time.Time // as it was when the bucket was listed first
	begun   bool
	folders map[string]*folder
	walked  time.Time // when folders were last looked for

	mu       sync.Mutex
	listed   bool  // in this round: the bucket was asked
	unlisted error // in this round: it did not answer
}

// folder is a prefix that is listed by itself: one whose keys go on with the
// day, or one without such order.
type folder struct {
	prefix string
	hive   bool // year=2026/month=01/day=31
	dated  bool
	place  folderPlace
	loaded bool
	seen   map[string]bool // keys of the time to look back to that are done
}

// folderPlace is the cursor of a folder.
type folderPlace struct {
	After  string            `json:"after"` // all keys up to it were read or have failed
	Failed map[string]failed `json:"failed,omitempty"`
}

// failed is a key that could not be read yet.
type failed struct {
	Tries int   `json:"tries"`
	Next  int64 `json:"next"` // when it is tried again, in seconds since the epoch
}

// Bounds of what is kept of a folder.
const (
	maxFailed = 1000
	maxSeen   = 20000
	maxDay    = 5000 // keys of a day that are put in order of time together
	walkEvery = 10 * time.Minute
)

func (l *lister) cursor(prefix string) string { return "s3list:" + l.Bucket + "/" + prefix }

// begin finds out since when objects are read: as it was said first.
func (l *lister) begin(ctx context.Context) error {
	name := "s3from:" + l.Bucket + "/" + strings.Join(l.Prefixes, ",")
	data, err := l.Stored(ctx, name)
	if err != nil {
		return err
	}
	if data == nil {
		if data, err = l.From.UTC().MarshalText(); err != nil {
			return err
		}
		if err := l.Store(ctx, name, data); err != nil {
			return err
		}
	}
	if err := l.since.UnmarshalText(data); err != nil {
		return fmt.Errorf("the cursor %s is unreadable: %w", name, err)
	}
	l.begun = true
	return nil
}

func (l *lister) round(ctx context.Context) error {
	l.listed, l.unlisted = false, nil
	if !l.begun {
		if err := l.begin(ctx); err != nil {
			return err
		}
	}
	defer func() { l.Reached.tell(ctx, "s3:ListBucket", l.unlisted) }()
	if l.walked.IsZero() || l.Now().Sub(l.walked) >= walkEvery {
		for _, p := range l.Prefixes {
			if err := l.walk(ctx, p, 0); err != nil {
				return err
			}
		}
		l.walked = l.Now()
	}
	// Digests come last: they say what should have been there.
	var logs, digests []*folder
	for _, f := range l.folders {
		if parseKey(f.prefix+"x").Kind == kindDigest {
			digests = append(digests, f)
		} else {
			logs = append(logs, f)
		}
	}
	l.each(ctx, logs)
	l.each(ctx, digests)
	if !l.listed { // no folders yet; somebody wants to know all the same whether the bucket answers
		_, err := l.page(ctx, s3.NewListObjectsV2Paginator(l.Client, &s3.ListObjectsV2Input{Bucket: &l.Bucket, Prefix: &l.Prefixes[0], MaxKeys: aws.Int32(1)}), l.Prefixes[0])
		return err
	}
	return ctx.Err()
}

// each reads folders, some at once.
func (l *lister) each(ctx context.Context, list []*folder) {
	slices.SortFunc(list, func(a, b *folder) int { return strings.Compare(a.prefix, b.prefix) })
	var wg sync.WaitGroup
	slots := make(chan struct{}, max(1, l.Parallel))
	for _, f := range list {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := l.read(ctx, f); err != nil && ctx.Err() == nil {
				l.Log.Warn("a folder of a bucket cannot be read; trying again", "folder", "s3://"+l.Bucket+"/"+f.prefix, "err", err)
			}
		})
	}
	wg.Wait()
}

// page reads the next page of a listing.
func (l *lister) page(ctx context.Context, pages *s3.ListObjectsV2Paginator, prefix string) (*s3.ListObjectsV2Output, error) {
	limit, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	page, err := pages.NextPage(limit)
	err = awsError(err, "list s3://"+l.Bucket+"/"+prefix, "s3:ListBucket", "arn:aws:s3:::"+l.Bucket)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listed = true
	if l.unlisted == nil {
		l.unlisted = err
	}
	return page, err
}

// maxDepth bounds the folders within each other that are looked into.
const maxDepth = 12

// walk finds the folders below a prefix.
func (l *lister) walk(ctx context.Context, prefix string, depth int) error {
	var below []string
	objects := false
	pages := s3.NewListObjectsV2Paginator(l.Client, &s3.ListObjectsV2Input{Bucket: &l.Bucket, Prefix: &prefix, Delimiter: aws.String("/")})
	for pages.HasMorePages() {
		page, err := l.page(ctx, pages, prefix)
		if err != nil {
			return err
		}
		for _, p := range page.CommonPrefixes {
			below = append(below, aws.ToString(p.Prefix))
		}
		for i := range page.Contents {
			objects = objects || l.wanted(aws.ToString(page.Contents[i].Key))
		}
		if objects && len(below) == 0 && page.NextContinuationToken != nil {
			break // a folder of many objects
		}
	}
	for _, p := range below {
		name := strings.TrimSuffix(strings.TrimPrefix(p, prefix), "/")
		switch hive := strings.HasPrefix(name, "year="); {
		case isYear(strings.TrimPrefix(name, "year=")):
			l.add(&folder{prefix: prefix, hive: hive, dated: true})
			return nil // its other subfolders, if there are any, are listed with it
		case isAccount(strings.TrimPrefix(name, "aws-account-id=")) && !l.Objects.allowed(strings.TrimPrefix(name, "aws-account-id=")):
		case l.otherLogs(prefix, name):
		case depth < maxDepth:
			if err := l.walk(ctx, p, depth+1); err != nil {
				return err
			}
		}
	}
	if objects {
		l.add(&folder{prefix: prefix})
	}
	return nil
}

// otherLogs reports whether a folder below that of an account holds logs of
// another service.
func (l *lister) otherLogs(prefix, name string) bool {
	k := parseKey(prefix + "x")
	if k.Account == "" || k.Kind != "" || len(l.Objects.Include) > 0 {
		return false
	}
	name = strings.TrimPrefix(name, "aws-service=")
	return !isKind(name) || name == kindDigest && l.Digest == nil
}

func (l *lister) add(f *folder) {
	if _, known := l.folders[f.prefix]; !known {
		f.seen = map[string]bool{}
		l.folders[f.prefix] = f
	}
}

func (l *lister) wanted(key string) bool {
	return l.Objects.Wants(key) || l.Digest != nil && l.Objects.IsDigest(key)
}

func isYear(s string) bool { return len(s) == 4 && strings.Trim(s, "0123456789") == "" }

// day is the beginning of the keys of a day.
func (f *folder) day(t time.Time) string {
	if f.hive {
		return f.prefix + t.UTC().Format("year=2006/month=01/day=02")
	}
	return f.prefix + t.UTC().Format("2006/01/02")
}

// start is the key behind which a folder is listed: behind the last one, but
// not before objects may still appear that are older.
func (l *lister) start(f *folder) string {
	if !f.dated {
		return "" // a new object may have any key
	}
	first := ""
	if !l.since.IsZero() {
		first = f.day(l.since)
	}
	if f.place.After == "" {
		return first
	}
	return max(first, min(f.place.After, f.day(l.Now().Add(-l.LookBack))))
}

// load reads the cursor of a folder.
func (l *lister) load(ctx context.Context, f *folder) error {
	if f.loaded {
		return nil
	}
	data, err := l.Stored(ctx, l.cursor(f.prefix))
	if err != nil {
		return err
	}
	if data != nil {
		if err := json.Unmarshal(data, &f.place); err != nil {
			l.Log.Warn("the stored place in a folder is unreadable; it is listed from its start", "folder", f.prefix, "err", err)
			f.place = folderPlace{}
		}
	}
	if f.place.Failed == nil {
		f.place.Failed = map[string]failed{}
	}
	f.loaded = true
	return nil
}
