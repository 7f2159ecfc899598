package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/store"
)

// awsCalls is how often a call of AWS is tried before somebody hears of it.
const awsCalls = 4

// objectSources reads what lies in folders, buckets and queues.
type objectSources struct {
	app     *App
	metrics *awsMetrics
	marks   *ingest.Marks
	pool    *ingest.Pool
}

// startObjects begins to read folders, buckets and queues.
func (a *App) startObjects(ctx context.Context) error {
	c := &a.Config.Ingest
	if len(c.Folders)+len(c.Queues)+len(c.Buckets) == 0 {
		return nil
	}
	s := &objectSources{
		app: a, metrics: newAWSMetrics(a.registry),
		marks: ingest.NewMarks(a.cursor, a.allCaughtUp, a.Config.Store.Postgres.URL != ""),
		pool:  ingest.NewPool(2 * runtime.GOMAXPROCS(0)),
	}
	for _, f := range c.Folders {
		s.folder(f)
	}
	for i := range c.Queues {
		if err := s.queue(ctx, &c.Queues[i], newReach(a, askedQueue(a.Config, i))); err != nil {
			return fmt.Errorf("ingest.queues[%d]: %w", i, err)
		}
	}
	for i := range c.Buckets {
		if err := s.bucket(ctx, &c.Buckets[i], newReach(a, askedBucket(a.Config, i))); err != nil {
			return fmt.Errorf("ingest.buckets[%d]: %w", i, err)
		}
	}
	if len(c.Queues)+len(c.Buckets) > 0 {
		a.background("end forgetting objects", a.forgetObjects)
	}
	return nil
}

// cursor reads a cursor, nil if there is none.
func (a *App) cursor(ctx context.Context, name string) ([]byte, error) {
	data, err := a.keys.store.Cursor(ctx, name)
	if errors.Is(err, finding.ErrNotFound) {
		return nil, nil
	}
	return data, err
}

// putCursor keeps a cursor that no records go with.
func (a *App) putCursor(ctx context.Context, name string, data []byte) error {
	return a.keys.store.Commit(ctx, func(tx *store.Tx) error { return tx.PutCursor(name, data) })
}

// allCaughtUp waits until all cursors that were appended are committed.
func (a *App) allCaughtUp(ctx context.Context) error {
	for shard := range a.Config.Journal.Shards {
		if err := a.caughtUp(ctx, shard); err != nil {
			return err
		}
	}
	return nil
}

func (s *objectSources) folder(f config.Folder) {
	a := s.app
	cluster := f.Cluster
	if cluster == "" && inCluster(f.Source) {
		cluster = a.Config.Cluster
	}
	o := ingest.FolderOptions{
		Path: f.Path, Scope: event.Scope{Account: a.Config.Account, Region: a.Config.Region, Cluster: cluster}, Source: event.Source(f.Source), Format: f.Format,
		Sink: countingSink{a.writer, a.metrics}, Marks: s.marks, Pool: s.pool, MaxBytes: a.Config.Ingest.Objects.MaxBytes,
		Now: a.Now, Sleep: pause, Log: a.Log,
	}
	if a.Config.Store.Postgres.URL != "" { // another machine may have a folder of that name
		o.Machine = a.machine()
	}
	a.background("end reading "+f.Path, func(ctx context.Context) {
		if err := ingest.ReadFolder(ctx, o); err != nil && ctx.Err() == nil {
			a.Log.Error("a folder cannot be read", "folder", f.Path, "err", err)
		}
	})
}

// awsConfig is how AWS is reached: with credentials from where its own tools
// take them, and with those of a role if one is given.
func awsConfig(ctx context.Context, access *config.Access, region, role string) (aws.Config, error) {
	load := []func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(region), awsconfig.WithRetryMaxAttempts(awsCalls)}
	if access.Profile != "" {
		load = append(load, awsconfig.WithSharedConfigProfile(access.Profile))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return cfg, fmt.Errorf("find the credentials of AWS: %w", err)
	}
	if role != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "vedette"
			if access.ExternalID != "" {
				o.ExternalID = &access.ExternalID
			}
		}))
	}
	return cfg, nil
}

func newS3(cfg aws.Config, access *config.Access) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		if access.Endpoint != "" {
			o.BaseEndpoint = &access.Endpoint
		}
		o.UsePathStyle = access.PathStyle
		// The content has checksums of its own, and ranges of objects none.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
	})
}

// objects reads the objects of a queue or bucket.
func (s *objectSources) objects(client *s3.Client, region string, r *config.Reading, reached ingest.Reached) *ingest.Objects {
	a := s.app
	return ingest.NewObjects(ingest.ObjectOptions{
		Client: client, Sink: countingSink{a.writer, a.metrics}, Scope: event.Scope{Account: a.Config.Account, Region: region},
		Source: event.Source(r.Source), Format: r.Format, Include: r.Include, Exclude: r.Exclude, Accounts: r.Accounts,
		MaxBytes: a.Config.Ingest.Objects.MaxBytes, Marks: s.marks, Pool: s.pool, Now: a.Now, Sleep: pause, Log: a.Log, Observe: s.metrics.object, Reached: reached, Tracer: a.tracer,
	})
}

// digests checks the digests of what the objects are; nil if nobody wants that.
func (s *objectSources) digests(cfg aws.Config, access *config.Access, r *config.Reading, objects *ingest.Objects) (func(context.Context, ingest.Object) error, error) {
	a := s.app
	if r.Digests == "off" {
		return nil, nil
	}
	keys := &ingest.KeySource{}
	switch {
	case r.PublicKeysFile != "":
		var err error
		if keys.Fixed, err = publicKeys(r.PublicKeysFile); err != nil {
			return nil, err
		}
	case access.Endpoint == "": // else it is no bucket of AWS
		keys.Ask = ingest.AskCloudTrail(cfg, "", a.Now)
	}
	d := ingest.NewDigests(ingest.DigestOptions{
		Objects: objects, Keys: keys, Stored: a.cursor, Store: a.putCursor, Now: a.Now, Log: a.Log, Found: s.metrics.problem, Checked: s.checked,
	})
	return d.Check, nil
}

func (s *objectSources) queue(ctx context.Context, q *config.Queue, r *reach) error {
	a := s.app
	at, err := url.Parse(q.URL)
	if err != nil {
		return err
	}
	region := firstOf(ingest.QueueRegion(q.URL), q.Region, a.Config.Region)
	cfg, err := awsConfig(ctx, &q.Access, region, q.RoleARN)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = aws.String(at.Scheme + "://" + at.Host) })
	// The bucket may be elsewhere, and of another account.
	region = firstOf(q.Region, region)
	role := firstOf(q.BucketRoleARN, q.RoleARN)
	if cfg, err = awsConfig(ctx, &q.Access, region, role); err != nil {
		return err
	}
	o := &a.Config.Ingest.Objects
	objects := s.objects(newS3(cfg, &q.Access), region, &q.Reading, r.tell)
	digest, err := s.digests(cfg, &q.Access, &q.Reading, objects)
	if err != nil {
		return err
	}
	run := ingest.QueueOptions{
		Client: client, URL: q.URL, Buckets: q.Buckets, Objects: objects, Digest: digest, Parallel: o.Parallel, Tries: o.Tries, Visibility: o.Visibility,
		Wait: queueWait, Now: a.Now, Sleep: pause, Log: a.Log, Observe: s.metrics.message, Lost: s.lost, Reached: r.tell,
	}
	a.background("end reading "+q.URL, func(ctx context.Context) {
		if err := ingest.Consume(ctx, run); err != nil && ctx.Err() == nil {
			a.Log.Error("a queue cannot be read", "queue", q.URL, "err", err)
		}
	})
	return nil
}

func (s *objectSources) bucket(ctx context.Context, b *config.Bucket, r *reach) error {
	a := s.app
	region := firstOf(b.Region, a.Config.Region)
	cfg, err := awsConfig(ctx, &b.Access, region, b.RoleARN)
	if err != nil {
		return err
	}
	since, err := b.Since(a.Now())
	if err != nil {
		return err
	}
	o := &a.Config.Ingest.Objects
	client := newS3(cfg, &b.Access)
	objects := s.objects(client, region, &b.Reading, r.tell)
	digest, err := s.digests(cfg, &b.Access, &b.Reading, objects)
	if err != nil {
		return err
	}
	run := ingest.ListOptions{
		Client: client, Bucket: b.Name, Prefixes: b.Prefixes, From: since, LookBack: b.LookBack, Every: b.Every, Objects: objects, Digest: digest,
		Parallel: o.Parallel, Tries: o.Tries, Stored: a.cursor, Store: a.putCursor, Now: a.Now, Sleep: pause, Log: a.Log, Lost: s.lost, Reached: r.tell,
	}
	a.background("end listing "+b.Name, func(ctx context.Context) {
		a.alone(ctx, "s3list:"+b.Name, func(ctx context.Context) {
			if err := ingest.List(ctx, run); err != nil && ctx.Err() == nil {
				a.Log.Error("a bucket cannot be listed", "bucket", b.Name, "err", err)
			}
		})
	})
	return nil
}

// firstOf is the first text that is not empty.
func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
