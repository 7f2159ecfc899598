package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// read lists a folder from its place on and reads what is there.
func (l *lister) read(ctx context.Context, f *folder) error {
	if err := l.load(ctx, f); err != nil {
		return err
	}
	if err := l.again(ctx, f); err != nil {
		return err
	}
	from := l.start(f)
	in := &s3.ListObjectsV2Input{Bucket: &l.Bucket, Prefix: &f.prefix}
	if from != "" {
		in.StartAfter = &from
	}
	if !f.dated { // its subfolders are folders of their own
		in.Delimiter = aws.String("/")
	}
	var day []Object
	pages := s3.NewListObjectsV2Paginator(l.Client, in)
	for pages.HasMorePages() {
		page, err := l.page(ctx, pages, f.prefix)
		if err != nil {
			return err
		}
		for i := range page.Contents {
			at := l.object(&page.Contents[i])
			if len(day) > 0 && (path.Dir(day[0].Key) != path.Dir(at.Key) || len(day) >= maxDay) {
				if err := l.readAll(ctx, f, day); err != nil {
					return err
				}
				day = day[:0]
			}
			day = append(day, at)
		}
	}
	return l.readAll(ctx, f, day)
}

func (l *lister) object(o *types.Object) Object {
	return Object{Bucket: l.Bucket, Key: aws.ToString(o.Key), ETag: cleanETag(aws.ToString(o.ETag)), Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified)}
}

// before reports whether an object is older than what is read: by the time in
// its key, or else by when it was written.
func (l *lister) before(at Object) bool {
	t := parseKey(at.Key).Time
	if t.IsZero() {
		t = at.Modified
	}
	return !l.since.IsZero() && !t.IsZero() && t.Before(l.since)
}

// readAll reads listed objects in order of their time, and moves the place of
// the folder behind them.
func (l *lister) readAll(ctx context.Context, f *folder, list []Object) error {
	if len(list) == 0 {
		return nil
	}
	last := list[len(list)-1].Key
	inTime := slices.Clone(list)
	slices.SortStableFunc(inTime, func(a, b Object) int { return parseKey(a.Key).Time.Compare(parseKey(b.Key).Time) })
	changed := false
	for _, at := range inTime {
		id := at.Key + "\x00" + at.ETag
		if f.seen[id] {
			continue
		}
		if _, waits := f.place.Failed[at.Key]; waits {
			continue
		}
		switch {
		case !l.wanted(at.Key) || l.before(at):
			l.Objects.PassOver(at)
		default:
			changed = true
			if err := l.one(ctx, f, at); err != nil {
				return err
			}
		}
		f.remember(id)
	}
	if last <= f.place.After && !changed {
		return nil
	}
	f.place.After = max(f.place.After, last)
	return l.save(ctx, f)
}

func (f *folder) remember(id string) {
	if len(f.seen) >= maxSeen { // the marks of the objects still know
		clear(f.seen)
	}
	f.seen[id] = true
}

// one reads an object. An error means that listing cannot go on; an object that
// cannot be read is tried again later.
func (l *lister) one(ctx context.Context, f *folder, at Object) error {
	err := l.try(ctx, at)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if len(f.place.Failed) >= maxFailed {
		return fmt.Errorf("%d objects of it cannot be read, the last one: %w", len(f.place.Failed), err)
	}
	l.failed(ctx, f, at, 1, err)
	return nil
}

func (l *lister) try(ctx context.Context, at Object) error {
	if l.Objects.IsDigest(at.Key) {
		return l.Digest(ctx, at)
	}
	_, err := l.Objects.Read(ctx, at)
	return err
}

// failed notes that an object could not be read, and reports it when it was
// tried often enough.
func (l *lister) failed(ctx context.Context, f *folder, at Object, tries int, err error) {
	if tries >= l.Tries {
		delete(f.place.Failed, at.Key)
		l.Lost(ctx, parseKey(at.Key).scope(l.Objects.Scope), at.String(), fmt.Errorf("it was tried %d times: %w", tries, err))
		return
	}
	wait := backoff(tries)
	f.place.Failed[at.Key] = failed{Tries: tries, Next: l.Now().Add(wait).Unix()}
	l.Log.Warn("an object cannot be read; it is tried again", "object", at.String(), "tries", tries, "again in", wait, "err", err)
}

// again tries the objects that could not be read before.
func (l *lister) again(ctx context.Context, f *folder) error {
	var due []string
	now := l.Now().Unix()
	for key, v := range f.place.Failed {
		if v.Next <= now {
			due = append(due, key)
		}
	}
	slices.SortFunc(due, strings.Compare)
	for _, key := range due {
		at := Object{Bucket: l.Bucket, Key: key} // as it is now
		tries := f.place.Failed[key].Tries + 1
		err := l.try(ctx, at)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			l.failed(ctx, f, at, tries, err)
		default:
			delete(f.place.Failed, key)
		}
	}
	if len(due) == 0 {
		return nil
	}
	return l.save(ctx, f)
}

func (l *lister) save(ctx context.Context, f *folder) error {
	data, err := json.Marshal(f.place)
	if err != nil {
		return err
	}
	return l.Store(ctx, l.cursor(f.prefix), data)
}
